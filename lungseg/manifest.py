"""What made the results: code, choices, archives, software, machine, time."""

import csv
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

GIB = 2**30


def commit(root: Path) -> dict[str, Any]:
    """The commit that lies checked out in a folder, and the tracked files that differ from it; None outside git."""
    here = _output(["git", "-C", str(root), "rev-parse", "HEAD"])
    changed = _output(["git", "-C", str(root), "status", "--porcelain", "--untracked-files=no"])
    return {"commit": here, "changed": [line[2:].strip() for line in (changed or "").splitlines()]}


def packages() -> dict[str, str]:
    """Version of every package that lungseg names as its dependency, and its own."""
    needs = [need for need in metadata.requires("lungseg") or () if "extra ==" not in need]
    names = [re.split(r"[^A-Za-z0-9._-]", need)[0] for need in needs]
    return {name: metadata.version(name) for name in sorted(["lungseg", *names])}


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


def seconds(benchmarks: Mapping[str, list[Path]]) -> dict[str, dict[str, float]]:
    """How many jobs each rule had, their seconds together, and the longest of them.

    Args:
        benchmarks: Rule -> Snakemake's benchmark files.
    """
    times = {rule: [_seconds(path) for path in paths] for rule, paths in benchmarks.items() if paths}
    return {
        rule: {"jobs": len(jobs), "seconds": round(float(sum(jobs)), 1), "longest": round(float(max(jobs)), 1)}
        for rule, jobs in times.items()
    }


def _seconds(benchmark: Path) -> float:
    with benchmark.open(encoding="utf-8", newline="") as stream:
        return sum(float(row["s"]) for row in csv.DictReader(stream, delimiter="\t"))


def trained(cards: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """On what the runs were trained: one entry for each kind of machine and code, with its number of runs."""
    keys = ("code", "commit", "arithmetic", "processor", "gpu", "threads", "torch")
    kinds = [{key: card[key] for key in keys} for card in cards]
    return [kind | {"runs": kinds.count(kind)} for number, kind in enumerate(kinds) if kind not in kinds[:number]]
