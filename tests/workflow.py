"""A copy of the project in which a test may run, edit and break things."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from lungseg.paper import read_paper

ROOT = Path(__file__).parents[1]
MISHRA = read_paper(ROOT / "workflow/papers/mishra")
TINY = ["--configfile", "tests/tiny.yaml"]


def copy_project(to: Path) -> Path:
    """Copy what git knows or would add, but the committed results, into a new repository with one commit."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", ":!results", ":!docs/*.png"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    for name in listed:
        if (ROOT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, to / name)  # with its time: a younger script is run again
    commit(to, "A copy")
    return to


def commit(project: Path, message: str) -> None:
    """Commit everything, as somebody."""
    who = ["-c", "user.name=Test", "-c", "user.email=test@localhost"]
    for arguments in (["init", "-q"], ["add", "-A"], [*who, "commit", "-q", "-m", message]):
        subprocess.run(["git", *arguments], cwd=project, check=True)


def command_environment(project: Path) -> dict[str, str]:
    """The environment in which the commands of this Python run on a project."""
    tools = Path(sys.executable).parent
    environment = os.environ | {
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(project),
        "LUNGSEG_ROOT": str(project),
    }
    environment.pop("MLFLOW_TRACKING_URI", None)
    return environment


def run(folder: Path, *command: str, check: bool = True, root: Path | None = None) -> str:
    """Run a console command of this environment in a folder, of the project in `root`; returns all it printed."""
    environment = command_environment(root or folder)
    ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if check and ended.returncode != 0:
        raise AssertionError(f"{' '.join(command)} ended with {ended.returncode}\n{ended.stdout}\n{ended.stderr}")
    if not check:
        assert ended.returncode != 0, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


def snakemake(project: Path, *arguments: str, check: bool = True) -> str:
    """Run Snakemake on the tiny experiment of a project; returns all it printed."""
    return run(project, "snakemake", "--cores", "2", *TINY, *arguments, check=check)


def planned_rules(project: Path, *arguments: str) -> set[str]:
    """The rules that a dry run would run."""
    printed = snakemake(project, "--dry-run", "--quiet", "rules", *arguments)
    table = printed.partition("Job stats:\n")[2].partition("\n\n")[0]  # it may be printed again at the end
    return {line.split()[0] for line in table.splitlines()[2:] if line.strip()} - {"total", "all"}
