"""Is any fault silent, and does every command that meets one say what helps? Faults put on finished work, one by one.

    python -m bench.faults [--only KIND]      writes bench/results/faults.csv and faults.md

Half an hour on two cores. Cases that stand in the table are not tried again: `--anew` begins with an empty one.
Moments of kills, files and places of damage are drawn from the seed.
"""

import argparse
import csv
import os
import shutil
import sys
import tempfile
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from bench import harmed, hostile
from bench.judge import (
    FINISHED,
    HALF,
    OTHER,
    SILENT,
    SMALL,
    STUCK,
    SURVIVED,
    TRACEBACK,
    Case,
    Try,
    attempt,
    copied,
    environment_of,
    message,
    run,
    snapshot,
    tried,
    verdict,
)  # fmt: skip
from tests.workflow import copy_project

SEED = 20261126
OUTPUT = Path(__file__).parent / "results/faults.csv"
COLUMNS = ["kind", "case", "outcome", "codes", "same_bytes", "seconds", "seed", "command", "message"]
KINDS: dict[str, Callable[[np.random.Generator], list[Case]]] = {
    "leftovers": harmed.leftovers,
    "papers and plans": harmed.papers,
    "files that a configuration names": harmed.named_files,
    "MLflow's store": harmed.stores,
    "surroundings": harmed.surroundings,
    "full disks": harmed.disks,
    "checkpoints": harmed.checkpoints,
    "kills": harmed.kills,
    "damaged runs": harmed.runs,
    "damaged arrays": harmed.arrays,
    "other arrays": harmed.numpy_files,
    "tables edited by hand": harmed.edited,
    "damaged tables": harmed.tables,
    "archives and their hashes": hostile.named_archives,
    "hostile archives": hostile.archives,
    "printed tables": hostile.printed_tables,
    "tables of scores": hostile.score_tables,
    "names of commits": hostile.commits,
    "configurations": hostile.configurations,
}
# How many of each are drawn, where it is not 10.
COUNTS = {"damaged tables": 12, "hostile archives": 12, "printed tables": 14, "configurations": 14}


def drawn(kind: str, seed: int = SEED) -> list[Case]:
    """Some cases of a kind; they depend on the seed and on nothing else."""
    rng = np.random.default_rng([seed, zlib.crc32(kind.encode())])
    cases = KINDS[kind](rng)
    return [cases[at] for at in sorted(rng.permutation(len(cases))[: COUNTS.get(kind, 10)])]


class Works:
    """The works that nobody harms, and what each command gives there.

    Args:
        folder: Where they lie; what is there already is used.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.answers = folder, dict[tuple[str, tuple[str, ...]], Try]()
        self.lock = threading.Lock()

    def make(self) -> None:
        """Run the experiment; leave one at a checkpoint; make what quick commands read."""
        finished, half, small = (self.folder / name for name in (FINISHED, HALF, SMALL))
        if not (finished / "done").exists():
            shutil.rmtree(finished, ignore_errors=True)
            copy_project(finished)
            code, _, err = run(harmed.EVERYTHING, finished, environment_of(finished, {}))
            assert code == 0, err
            (finished / "done").touch()
        if not (half / "done").exists():
            shutil.rmtree(half, ignore_errors=True)
            shutil.copytree(finished, half, symlinks=True)
            (half / "done").unlink()
            harmed.half_work(half, environment_of(half, {}))
            (half / "done").touch()
        if not small.exists():
            small.mkdir()
            hostile.small_work(small)

    def untouched(self, case: Case, place: Path) -> Try:
        """What a case's command gives where nothing was harmed."""
        command = tuple(case.after or case.command)
        with self.lock:
            if case.work == FINISHED and command[0] == "snakemake":
                command = ()  # everything is there: the same for all
            key = case.work, command
            if key not in self.answers:
                original = self.folder / case.work
                if not command:
                    self.answers[key] = Try(0, "", "", snapshot(original / "tiny"))
                else:
                    copied(original, place)
                    root = place if case.work != SMALL else self.folder / FINISHED
                    plain = Case(case.kind, case.name, command, work=case.work)
                    self.answers[key] = attempt(plain, place, root, command, fault=False)
                    shutil.rmtree(place)
                    assert self.answers[key].code in (0, 1), self.answers[key].printed  # 1: an audit with findings
                    assert command[0] == "lungseg" or self.answers[key].code == 0, self.answers[key].printed
            return self.answers[key]


def row(case: Case, works: Works, place: Path) -> dict[str, object]:
    """Try a case; what became of it, for the table."""
    begun = time.monotonic()
    untouched = works.untouched(case, place)
    tries = tried(case, place, works.folder / case.work, works.folder / FINISHED)
    outcome = verdict(case, untouched, tries)
    if os.environ.get("FAULTS_VERBOSE") and outcome != SURVIVED:
        print(f"--- {case.kind}: {case.name}\n{tries[0].printed[-3000:]}\n---", file=sys.stderr)
    return {
        "kind": case.kind, "case": case.name, "outcome": outcome, "codes": " ".join(str(one.code) for one in tries),
        "same_bytes": tries[-1].files == untouched.files, "seconds": round(time.monotonic() - begun, 1), "seed": SEED,
        "command": " ".join(case.command)[:120].encode("unicode_escape").decode(), "message": message(tries[0].printed),
    }  # fmt: skip


def read() -> list[dict[str, str]]:
    """The rows so far."""
    if not OUTPUT.exists():
        return []
    with OUTPUT.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def write(rows: Iterable[dict[str, object]]) -> None:
    """The table, its kinds in their order."""
    order = list(KINDS)
    with OUTPUT.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(sorted(rows, key=lambda one: order.index(str(one["kind"]))))


def page(rows: Sequence[dict[str, object]]) -> str:
    """How many of each kind were tried, and what became of them."""
    told = [SURVIVED, SILENT, TRACEBACK, OTHER, STUCK]
    lines = [
        "| kind | tried | survived | silent | tracebacks | other bytes | stuck |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for kind in [*KINDS, "all"]:
        own = [one["outcome"] for one in rows if kind in (one["kind"], "all")]
        lines.append(f"| {kind} | {len(own)} | {' | '.join(str(own.count(outcome)) for outcome in told)} |")
    failed = [f"- {one['kind']}, {one['case']}: {one['outcome']}" for one in rows if one["outcome"] != SURVIVED]
    return "\n\n".join([
        "# Faults put on finished work",
        f"Made by `python -m bench.faults`, seed {SEED}. A fault is put on a copy of the smallest experiment "
        "(tests/tiny.yaml), or of what a quick command reads; then the command is given that a person would give. "
        "Survived: it ended with the bytes of the work that nobody harmed; or with one message that names the file or "
        "the key and what helps, and after doing that the same command ended with those bytes. Silent: it ended well "
        "and a byte was another. Other bytes: what the message said helped, to another result. Stuck: no such "
        "message, or it did not help. Times, measured memory, the names that MLflow draws, and what quotes these "
        "(manifest, report) are not compared.",
        "\n".join(lines),
        "\n".join(["What did not survive:", "", *failed]) if failed else "Everything survived.",
    ]) + "\n"  # fmt: skip


def main(only: str | None, anew: bool, place: Path, jobs: int = 2) -> list[dict[str, object]]:
    """Try what is not in the table yet.

    Args:
        only: One kind; it is tried again.
        anew: Begin with an empty table.
        place: For the works and their copies.
        jobs: Cases at a time.
    """
    place.mkdir(parents=True, exist_ok=True)
    place.chmod(0o755)  # for a user whom nobody knows
    works = Works(place)
    works.make()
    rows: list[dict[str, object]] = [] if anew else [dict(one) for one in read() if one["kind"] != only]
    known = {(one["kind"], one["case"]) for one in rows}
    cases = [case for kind in KINDS if only in (None, kind) for case in drawn(kind)]
    cases = [case for case in cases if (case.kind, case.name) not in known]
    keep = threading.Lock()

    def one(numbered: tuple[int, Case]) -> None:
        number, case = numbered
        found = row(case, works, place / f"case{number}")
        with keep:
            rows.append(found)
            write(rows)
            print(f"{len(rows)}: {found['outcome']}  {case.kind}: {case.name}  {found['seconds']} s", flush=True)

    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(one, enumerate(cases)))
    return rows


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=list(KINDS))
    parser.add_argument("--anew", action="store_true")
    parser.add_argument("--work", type=Path, help="Folder for the works; used again where it has them.")
    parser.add_argument("--jobs", type=int, default=2, help="Cases at a time, one core each.")
    arguments = parser.parse_args()
    temporary = None if arguments.work else tempfile.mkdtemp(prefix="lungseg-faults-")
    try:
        result = main(arguments.only, arguments.anew, arguments.work or Path(temporary or ""), arguments.jobs)
    finally:
        if temporary:
            shutil.rmtree(temporary, ignore_errors=True)
    OUTPUT.with_suffix(".md").write_text(page([{**one} for one in read()]), encoding="utf-8")
    print(page(result))
