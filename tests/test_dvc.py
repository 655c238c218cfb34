"""DVC: a clone repeats the experiment to the same numbers, and a remote gives it back whole, without a training."""

import fnmatch
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from lungseg.jobs.fingerprint import training
from tests.workflow import ROOT, command_environment, commit, copy_project, run

STAGES: dict[str, Any] = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
SNAKEMAKE = ["snakemake", "--cores", "2", "--configfile", "config/quickstart.yaml"]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone whose quickstart is the tiny experiment, so that it takes seconds."""
    origin = copy_project(tmp_path_factory.mktemp("origin"))
    tiny = (ROOT / "tests/tiny.yaml").read_text().replace("name: tiny", "name: quickstart")
    (origin / "config/quickstart.yaml").write_text(tiny)
    shutil.copytree(ROOT / "results/cpu", origin / "results/cpu", ignore=shutil.ignore_patterns("*.npz"))  # for plots
    # `tiny` has no plan, and a plan changes what is corrected together.
    (origin / "workflow/papers/mishra/plan-quickstart.yaml").unlink()
    commit(origin, "A smaller quickstart")
    folder = tmp_path_factory.mktemp("clone")
    run(folder, "git", "clone", "-q", str(origin), "project")
    run(folder / "project", "dvc", "repro", "quickstart")
    return folder / "project"


@pytest.fixture(scope="module")
def given_back(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone of the clone that has pulled what was pushed to a folder, as docs/running.md says."""
    folder = tmp_path_factory.mktemp("elsewhere")
    run(clone, "dvc", "remote", "add", "--default", "store", str(folder / "store"))
    commit(clone, "What the quickstart made, and where it lies")
    run(clone, "dvc", "push", "quickstart")
    run(folder, "git", "clone", "-q", str(clone), "project")
    run(folder / "project", "dvc", "pull", "quickstart")
    return folder / "project"


def without_torch(folder: Path, *command: str) -> str:
    """Run a command in a project where torch cannot be imported."""
    (folder.parent / "stub").mkdir(exist_ok=True)
    (folder.parent / "stub/torch.py").write_text("raise ImportError('there is no torch here')\n")
    environment = command_environment(folder)
    environment["PYTHONPATH"] = f"{folder.parent / 'stub'}:{environment['PYTHONPATH']}"
    ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


def test_repro_from_a_clone_ends_in_snakemakes_numbers_and_then_rests(
    clone: Path, project: Path, tmp_path: Path
) -> None:
    for name in ("scores.csv", "estimates.csv", "comparisons.csv", "table1.csv"):
        ours, theirs = clone / "quickstart/results" / name, project / "tiny/results" / name
        assert ours.read_bytes() == theirs.read_bytes(), name
    assert "up to date" in run(clone, "dvc", "repro", "quickstart")
    assert "Nothing to be done" in run(clone, *SNAKEMAKE, "--dry-run")
    assert "unet" in run(clone, "dvc", "metrics", "show", "quickstart/results/metrics.json")
    page = run(clone, "dvc", "plots", "show", "--out", str(tmp_path / "plots"))
    assert Path(page.splitlines()[0].removeprefix("file://")).exists()
    assert "failed" not in page


def test_a_remote_gives_the_experiment_back_whole(clone: Path, given_back: Path) -> None:
    files = sorted(path.relative_to(clone) for path in (clone / "quickstart").rglob("*") if path.is_file())
    assert len(files) > 100
    for file in files:
        assert (given_back / file).read_bytes() == (clone / file).read_bytes(), file
    without_torch(given_back, *SNAKEMAKE, "--touch")
    assert "Nothing to be done" in without_torch(given_back, *SNAKEMAKE, "--dry-run")
    assert "Nothing to be done" in without_torch(given_back, *SNAKEMAKE)
    assert "up to date" in run(given_back, "dvc", "status", "quickstart")
    assert run(given_back, "git", "status", "--porcelain") == ""
    assert "<h1" in (given_back / "quickstart/results/report.html").read_text()


def test_a_later_commit_is_stale_where_its_training_differs(given_back: Path) -> None:
    estimation, steps = given_back / "lungseg/statistics/estimation.py", given_back / "lungseg/learning/training.py"
    before = steps.read_text()
    estimation.write_text(estimation.read_text() + "\nADDED = 1\n")
    steps.write_text(before + "\n# A comment changes nothing.\n")
    assert training(given_back) == training(ROOT)
    assert "up to date" in run(given_back, "dvc", "status", "quickstart")
    run(given_back, "git", "checkout", "-q", ".")


def test_checkout_brings_the_weights_back(clone: Path) -> None:
    weights = clone / "quickstart/results/runs/unet/pooled/seed0/weights.safetensors"
    content = weights.read_bytes()
    weights.unlink()
    run(clone, "dvc", "checkout", "--force", "quickstart")
    assert weights.read_bytes() == content


def test_remotes_are_named_as_documented(tmp_path: Path) -> None:
    """DVC takes each of these commands; nobody answers at the addresses."""
    for row in (line for line in (ROOT / "docs/running.md").read_text().splitlines() if "`dvc remote" in line):
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        run(folder, "dvc", "init", "--no-scm", "--quiet")
        for command in re.findall("`(dvc remote [^`]*)`", row):
            run(folder, *shlex.split(command))
        assert "store" in run(folder, "dvc", "remote", "default")
    assert len(list(tmp_path.iterdir())) == 3


def test_every_configuration_has_a_stage() -> None:
    """One for each name; what adds to a configuration, as `tuned.yaml` does, may stand beside it."""
    files = [path for path in (ROOT / "config").glob("*.yaml") if not path.stem.endswith(("_more", "tuned"))]
    names = {path.name: yaml.safe_load(path.read_text())["name"] for path in files}
    assert set(STAGES) == set(names.values())
    for file, name in names.items():
        *given, code = STAGES[name]["deps"]
        assert given[0] == f"config/{file}" and code == "workflow/training.yaml"
        assert STAGES[name]["cmd"].removesuffix(f" --configfile {' '.join(given)}") == "snakemake --cores all"
        assert all(choices == {"persist": True} for out in STAGES[name]["outs"] for choices in out.values())


def test_what_git_ignores_of_an_experiment_is_in_its_stage(project: Path) -> None:
    """Git and DVC add up to the whole: here by the files of a finished run, under the folders of each experiment."""
    files = [str(path.relative_to(project / "tiny")) for path in (project / "tiny").rglob("*") if path.is_file()]
    for name, stage in STAGES.items():
        held = [folder for out in stage["outs"] for folder in out]
        places = files if name == "paper" else [f"{name}/{file}" for file in files]
        asked = subprocess.run(
            ["git", "check-ignore", "--stdin", "--no-index"],
            cwd=ROOT, input="\n".join(places), capture_output=True, text=True,
        )  # fmt: skip
        ignored = asked.stdout.splitlines()
        kept = [place for place in places if any(fnmatch.fnmatch(place, f"{folder}/*") for folder in held)]
        assert sorted(ignored) == sorted(kept), name
        assert len(kept) > 40


def test_stages_depend_on_what_the_training_code_means() -> None:
    assert (ROOT / "workflow/training.yaml").read_text() == training(ROOT), "make fingerprint"


def test_a_lock_stands_in_git_only_with_its_bytes() -> None:
    """Whoever reads of weights in git can have them; of the others README says that they were not kept."""
    readme = (ROOT / "README.md").read_text()
    listed = subprocess.run(["git", "ls-files", "dvc.lock"], cwd=ROOT, capture_output=True, text=True, check=True)
    locked = set(yaml.safe_load((ROOT / "dvc.lock").read_text())["stages"]) if listed.stdout else set()
    for name in locked:
        assert "in sync" in run(ROOT, "dvc", "status", "--cloud", name), (
            f"push the bytes of {name}, or leave its lock out"
        )
    for name in {path.parent.name for path in ROOT.glob("results/*/manifest.json")} - locked:
        (row,) = (line for line in readme.splitlines() if f"[results/{name}](results/{name})" in line and "|" in line)
        assert re.search("weights not kept", row), name
