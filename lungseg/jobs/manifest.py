"""What made the results: code, choices, archives, software, machine, time."""

import csv
import hashlib
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

from lungseg.data.archive import read_record
from lungseg.data.datasets import DATASETS
from lungseg.films.own_sets import OWN_ARCHIVES
from lungseg.machine import git
from lungseg.plan import read_plan

OF_EXPERIMENT = re.compile(r"extra == ['\"]benchmark['\"]")


def archives(folders: Sequence[Path]) -> dict[str, list[dict[str, Any]]]:
    """The archives of each data set that its films were read from, by its name; of one's own what its keys name.

    Args:
        folders: Where the archives of a data set lie, named by it.

    Raises:
        InputError: A folder's record is damaged.
    """
    known = {folder: DATASETS[folder.name].archives if folder.name in DATASETS else OWN_ARCHIVES for folder in folders}
    return {folder.name: [asdict(one) for one in read_record(folder, each)] for folder, each in known.items()}


def packages() -> dict[str, str]:
    """Version of every package that lungseg or its experiment (the extra `benchmark`) depends on, and its own."""
    needs = [
        need for need in metadata.requires("lungseg") or () if "extra ==" not in need or OF_EXPERIMENT.search(need)
    ]
    names = [re.split(r"[^A-Za-z0-9._-]", need)[0] for need in needs]
    return {name: metadata.version(name) for name in sorted(["lungseg", *names])}


def environment() -> str:
    """`conda` where the rules ran in an environment of their own (--use-conda), else `python`."""
    return "conda" if Path(sys.prefix, "conda-meta").is_dir() else "python"


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


def loaded(cards: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The pretrained weights that runs started from, each file once; cards of older code do not tell."""
    told = [{"encoder": name} | facts for card in cards for name, facts in card.get("loaded", {}).items()]
    return [each for number, each in enumerate(told) if each not in told[:number]]


def first_training(histories: Sequence[str | Path]) -> str | None:
    """When the first epoch of all runs began, in UTC; None where a table does not say.

    Args:
        histories: Files history.csv.
    """
    first = []
    for file in histories:
        with Path(file).open(encoding="utf-8", newline="") as stream:
            first.append(next(csv.DictReader(stream), {}).get("began") or "")
    return min(first) if first and all(first) else None


def last_change(file: Path, root: Path) -> dict[str, Any]:
    """The commit that last changed a file, its date, and whether the file was changed since.

    The checkout alone is asked: the settings of a repository that came with a paper could name a program to run.

    Args:
        file: The file.
        root: The folder of the checkout; of a file outside of it nothing is known.
    """
    when = _asked(file, root, "log", "-1", "--format=%H %cI")
    here, committed = when[0].split() if when else (None, None)
    changed = bool(_asked(file, root, "status", "--porcelain", "--ignore-submodules=all"))
    return {"commit": here, "committed": committed, "changed": changed}


def _asked(file: Path, root: Path, *command: str) -> list[str]:
    """What git says of a file of the checkout; nothing of another file, or where there is no git."""
    whole, clone = file.resolve(), root.resolve()
    if not whole.is_relative_to(clone):
        return []
    return git(clone, "--literal-pathspecs", *command, "--", str(whole.relative_to(clone))).lines


def planned(file: Path, root: Path) -> dict[str, Any]:
    """The plan behind the verdicts: its words, their sha256, and the commit that fixed them."""
    words = file.read_bytes()
    facts = {"file": file.name, "sha256": hashlib.sha256(words).hexdigest()} | last_change(file, root)
    return facts | {"plan": read_plan(file).model_dump(mode="json")}
