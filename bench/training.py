"""Films a second in training: ours against a tutorial's loop and against Lightning, and against the machine's ceiling.

    python -m bench.training      about ten minutes; writes bench/results/training.csv

Sides take turns, round by round. Ours runs as its rule `train` does on a CPU: two trainings side by side with a thread
each; their films a second are added up. The others have one process with all cores, and the tutorial's two workers.
`as shipped` leaves each side its allocator: ours keeps freed blocks, by an environment variable that the Snakefile
sets. `equal allocator` gives that to the other side too. Batches hold 16 films at 128 px and 4, as many pixels, at 256
px on all sides; without bfloat16 4 and 1. The limits of a ratio are those of its rounds.
"""

import json
import os
import subprocess
import sys
import tempfile
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any

from tqdm import tqdm

from bench.films import write_films
from bench.loops import ARITHMETIC
from bench.timing import write
from lungseg.learning.memory import KEEP_BLOCKS

ROUNDS, FILMS = 2, 64
NETWORKS = ["unet", "unet_mobilenetv2", "unet_inceptionresnetv2", "proposed"]
SIZES = [128, 256]
CASES = [f"{network}:{size}" for network, size in product(NETWORKS, SIZES)]
ONE_ENCODER = [case for case in CASES if "_" in case]
SHARED = ["unet_mobilenetv2:256", "unet_inceptionresnetv2:256"]  # with our allocator, which big blocks gain by
TUTORIAL = "against a tutorial's float32 loop, as shipped"
LIGHTNING = f"against Lightning with {ARITHMETIC} and channels_last, equal allocator"
GOALS = {TUTORIAL: {case: 2.5 for case in CASES if case.endswith("256")}, LIGHTNING: dict.fromkeys(CASES, 1.15)}
GOALS_PEAK = {case: 0.6 if case.endswith("128") else 0.7 for case in ONE_ENCODER}
GOAL_PREPARING = 0.03

Found = dict[str, dict[str, Any]]


def run(side: str, folder: Path, cases: list[str], keep: bool, processes: int = 1) -> Found:
    """Measure all cases on one side; films and peaks of processes side by side are added up."""
    environment = {key: value for key, value in os.environ.items() if key not in KEEP_BLOCKS} | (
        KEEP_BLOCKS if keep else {}
    )
    command = [sys.executable, "-m", "bench.loops", side, str(folder), *cases]
    started = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for _ in range(processes)
    ]
    printed = [child.communicate()[0] for child in started]
    if any(child.returncode for child in started):
        raise SystemExit(f"ended with an error: {' '.join(command)}")
    found: Found = {}
    for row in (row for text in printed for row in json.loads(text.splitlines()[-1])):
        speed, before = row["batch"] / median(row["seconds"]), found.get(row["case"], {"speed": 0.0, "peak": 0.0})
        found[row["case"]] = row | {"speed": before["speed"] + speed, "peak": before["peak"] + row.get("peak", 0.0)}
    return found


def judged(ratio: float, goal: float | None) -> dict[str, object]:
    """The goal, and whether the ratio reaches it."""
    return {"goal": goal, "met": None if goal is None else ratio >= goal}


def compared(name: str, ours: list[Found], other: list[Found], goals: dict[str, float]) -> list[dict[str, object]]:
    """Rows of ours against another side, one for each of its cases."""
    rows = []
    for case in other[0]:
        one, two = [found[case]["speed"] for found in ours], [found[case]["speed"] for found in other]
        ratios = [a / b for a, b in zip(one, two, strict=True)]
        limits = {"ratio": median(ratios), "ratio_low": min(ratios), "ratio_high": max(ratios)}
        rows.append(
            {"case": f"{case} px, {name}", "ours": median(one), "other": median(two), "unit": "films/s"}
            | limits
            | judged(limits["ratio"], goals.get(case))
        )
    return rows


def against_the_machine(ours: list[Found]) -> list[dict[str, object]]:
    """Rows of the share of the peak of a matrix product, and of the share of data and augmentation."""
    rows = []
    for case in CASES:
        used = [found[case]["speed"] * found[case]["flops"] / 1e9 for found in ours]
        peaks = [found[case]["peak"] / 1e9 for found in ours]
        shares = [a / b for a, b in zip(used, peaks, strict=True)]
        rows.append({
            "case": f"{case} px, share of a {ARITHMETIC} matrix product's peak", "ours": median(used),
            "other": median(peaks), "unit": "GFLOP/s", "ratio": median(shares), "ratio_low": min(shares),
            "ratio_high": max(shares),
        } | judged(median(shares), GOALS_PEAK.get(case)))  # fmt: skip
    for case in CASES:
        shares = [found[case]["preparing"] for found in ours]
        rows.append({
            "case": f"{case} px, data and augmentation in a step", "ours": median(shares) * 100,
            "other": 100, "unit": "%", "ratio": median(shares), "ratio_low": min(shares), "ratio_high": max(shares),
            "goal": GOAL_PREPARING, "met": median(shares) <= GOAL_PREPARING,
        })  # fmt: skip
    return rows


def main() -> list[dict[str, object]]:
    """All sides in turn."""
    sides = {
        "ours": {"side": "ours", "cases": CASES, "keep": True, "processes": os.cpu_count() or 1},
        TUTORIAL: {"side": "tutorial", "cases": list(GOALS[TUTORIAL]), "keep": False},
        "against a tutorial's float32 loop, equal allocator": {"side": "tutorial", "cases": SHARED, "keep": True},
        LIGHTNING: {"side": "lightning", "cases": CASES, "keep": True},
    }
    found: dict[str, list[Found]] = {name: [] for name in sides}
    with tempfile.TemporaryDirectory() as place:
        write_films(Path(place), FILMS, (512, 512), noise=2)
        for _, (name, choices) in tqdm(list(product(range(ROUNDS), sides.items())), unit="side"):
            found[name].append(run(folder=Path(place), **choices))
    ours = found.pop("ours")
    rows = []
    for name, other in found.items():
        rows += compared(name, ours, other, GOALS.get(name, {}))
    return rows + against_the_machine(ours)


if __name__ == "__main__":
    write("training", main())
