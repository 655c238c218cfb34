"""The machine that this process runs on, and the checkout that it runs."""

import os
import platform
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

GIB = 2**30


def commit(root: Path) -> dict[str, Any]:
    """The commit that lies checked out in a folder, and the tracked files that differ from it.

    Args:
        root: The folder of the repository, not one within it.

    Returns:
        `commit` and `changed`; where git cannot tell, None and nothing, with the reason in words under `why`.
    """
    here = git(root, "rev-parse", "--show-toplevel", "HEAD")
    if here.why is None and Path(here.lines[0]).resolve() != root.resolve():
        here = Told([], f"it is no checkout of its own, but lies in {here.lines[0]}")
    changed = git(root, "status", "--porcelain", "--untracked-files=no") if here.why is None else here
    facts = {
        "commit": here.lines[1] if here.why is None else None,
        "changed": [line[2:].strip() for line in changed.lines],
    }
    return facts if changed.why is None else facts | {"why": changed.why}


@dataclass(frozen=True)
class Told:
    """What git printed, or why it did not."""

    lines: list[str]
    why: str | None = None


def git(root: Path, *arguments: str) -> Told:
    """Ask git about a folder, whatever repository the environment speaks of."""
    if shutil.which("git") is None:
        return Told([], "git is not installed")
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")} | {"LC_ALL": "C"}
    ended = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, env=environment)
    if ended.returncode:
        said = ended.stderr.strip() or f"git ended with {ended.returncode}"
        return Told([], said.splitlines()[0].removeprefix("fatal: "))
    return Told(ended.stdout.rstrip("\n").splitlines())


def hardware() -> dict[str, Any]:
    """Processor, cores that this job may use, memory in GiB, GPUs."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 0
    gpus = _output(["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"])
    return {
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gib": round(memory / GIB, 1),
        "gpus": gpus.splitlines() if gpus else [],
        "system": f"{platform.system()} {platform.machine()}",
    }


def processor() -> str:
    """Its name; `platform` does not know it on Linux."""
    info = Path("/proc/cpuinfo")
    names = re.findall(r"^model name\s*: (.+)$", info.read_text(), re.MULTILINE) if info.exists() else []
    return names[0] if names else platform.processor()


def _output(command: list[str]) -> str | None:
    """What a command prints, or None where it is missing or fails."""
    if shutil.which(command[0]) is None:
        return None
    ended = subprocess.run(command, capture_output=True, text=True)
    return ended.stdout.strip("\n") if ended.returncode == 0 else None
