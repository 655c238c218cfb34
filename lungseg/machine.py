"""The machine that this process runs on, and the checkout that it runs."""

import os
import platform
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

GIB = 2**30


def commit(root: Path) -> dict[str, Any]:
    """The commit that lies checked out in a folder, and the tracked files that differ from it; None outside git."""
    here = _output(["git", "-C", str(root), "rev-parse", "HEAD"])
    changed = _output(["git", "-C", str(root), "status", "--porcelain", "--untracked-files=no"])
    return {"commit": here, "changed": [line[2:].strip() for line in (changed or "").splitlines()]}


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
