"""What the DAG itself costs: the quickstart's overhead, a run with nothing to do, start-up, time per run.

    python -m bench.dag [RUNS...] [--turns N]      five minutes, and three for each turn; writes bench/results/dag.csv

All in copies of what git holds; the quickstart in N of them, one after the other. Overhead is the share of the
cores' time that is not in the jobs of preprocess, train, predict and score (seconds times the cores that they hold), or
is in their start-up: cores without a job count as overhead too. Time per run: RUNS (2 and 8 by default) trainings of
one epoch on 32 px films, the plan included. Start-up: of every script, and of two commands that end at once.
"""

import argparse
import ast
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from bench.timing import seconds, write

ROOT = Path(__file__).parents[1]
WORK = ["preprocess", "train", "predict", "score"]
RUNS = [2, 8]
GOAL_SECONDS, GOAL_OVERHEAD, GOAL_IDLE, GOAL_FLAT, GOAL_COMMAND = 180.0, 0.15, 2.0, 1.1, 0.3


def copied(folder: Path) -> Path:
    """The project as git holds it."""
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)
    return folder


def snakemake(project: Path, *arguments: str) -> None:
    """Run the workflow."""
    command = [sys.executable, "-m", "snakemake", "--cores", "all", "--quiet", "all", *arguments]
    environment = os.environ | {"PYTHONPATH": str(project), "LUNGSEG_ROOT": str(project)}
    ended = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True)
    if ended.returncode:
        raise SystemExit(ended.stdout + ended.stderr)


def row(case: str, ours: float | Sequence[float], other: float, unit: str, goal: float | None) -> dict[str, object]:
    """A measurement, or the median of several, with ours over other as its ratio; the goal is the most it may be."""
    low, middle, high = np.quantile(ours, [0, 0.5, 1])
    limits = {"ratio": middle / other, "ratio_low": low / other, "ratio_high": high / other}
    met = None if goal is None else bool(middle / other <= goal)
    return {"case": case, "ours": middle, "other": other, "unit": unit} | limits | {"goal": goal, "met": met}


def quickstart(project: Path, start_ups: dict[str, float]) -> tuple[float, float]:
    """Seconds of a quickstart, and the share of the cores' time that is not in the jobs' work."""
    chosen = ["--configfile", "config/quickstart.yaml"]
    wall = seconds(lambda: snakemake(project, *chosen, "--benchmark-extended"))
    work, benchmarks = 0.0, project / "quickstart/results/benchmarks"
    for rule in WORK:
        jobs = pd.concat(pd.read_csv(file, sep="\t") for file in (benchmarks / rule).glob("*.tsv"))
        work += float(((jobs["s"] - start_ups[rule]) * jobs["threads"]).sum())
        print(f"{rule}: {len(jobs)} jobs, {jobs['s'].sum():.0f} s, each with a start-up of {start_ups[rule]:.1f} s")
    return wall, 1 - work / (wall * (os.cpu_count() or 1))


def quickstarts(folder: Path, start_ups: dict[str, float], turns: int) -> list[dict[str, object]]:
    """The quickstart in fresh clones, and again where there is nothing left to do."""
    projects = [copied(folder / f"quickstart{turn}") for turn in range(turns)]
    walls, overheads = zip(*(quickstart(project, start_ups) for project in projects), strict=True)
    chosen = ["--configfile", "config/quickstart.yaml"]
    idle = [seconds(partial(snakemake, project, *chosen)) for project in projects]
    return [
        row("quickstart, from nothing to its table", walls, GOAL_SECONDS, "s", 1),
        row("quickstart, overhead", [100 * one for one in overheads], 100, "% of the cores' time", GOAL_OVERHEAD),
        row("nothing to do", idle, GOAL_IDLE, "s", 1),
    ]


def python(program: str, project: Path) -> str:
    """Run a program; returns what it printed."""
    command = [sys.executable, "-c", program]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, check=True).stdout


def start_up(project: Path) -> tuple[list[dict[str, object]], dict[str, float]]:
    """Time to import what each rule's script imports."""
    rows, found = [], {}
    for script in sorted((project / "workflow/scripts").glob("*.py")):
        nodes = ast.walk(ast.parse(script.read_text()))  # also what is imported under a condition, as torch by predict
        imports = "\n".join(ast.unparse(node) for node in nodes if isinstance(node, ast.Import | ast.ImportFrom))
        program = f"{imports}\nimport sys; print('torch' in sys.modules)"
        times = []
        for _ in range(2):
            begin = time.perf_counter()
            loads_torch = "True" in python(program, project)
            times.append(time.perf_counter() - begin)
        found[script.stem] = min(times)
        name = f"start-up of {script.stem}" + (", with torch" if loads_torch else "")
        rows.append((name, times))
    python_alone = min(seconds(partial(python, "pass", project)) for _ in range(3))
    return [row(f"{name}, against Python alone", took, python_alone, "s", None) for name, took in rows], found


def commands(project: Path, turns: int = 7) -> list[dict[str, object]]:
    """Time of commands that are done at once; the first of the turns is not counted."""
    table = project / "table.csv"
    table.write_text("method,dice,iou,precision,recall\nours,0.9841,0.9687,0.9839,0.9843\n")
    found = []
    for words in (["--help"], ["audit", str(table)]):
        command = [sys.executable, "-m", "lungseg.cli", *words]
        run = partial(subprocess.run, command, cwd=project, capture_output=True, check=True)
        times = [seconds(run) for _ in range(turns)][1:]
        found.append(row(f"lungseg {words[0]}", times, GOAL_COMMAND, "s", 1))
    return found


def scaling(project: Path, numbers: list[int]) -> list[dict[str, object]]:
    """Time per run of more and more trainings of one epoch."""
    config = yaml.safe_load((project / "config/quickstart.yaml").read_text())
    config |= {"variants": {"unet": {"width": 4}}, "preprocessing": {"size": 32, "frame": "stretch"}}
    config["training"] |= {"epochs": 1}
    per_run = {}
    for number in numbers:
        name = f"runs{number}"
        (project / f"{name}.yaml").write_text(yaml.safe_dump(config | {"name": name, "seeds": list(range(number))}))
        chosen = ["--configfile", f"{name}.yaml", "--"]
        snakemake(project, *chosen, *(f"{name}/results/splits/{dataset}.csv" for dataset in config["datasets"]))
        weights = [f"{name}/results/runs/unet/pooled/seed{seed}/weights.safetensors" for seed in range(number)]
        per_run[number] = seconds(partial(snakemake, project, *chosen, *weights)) / number
        print(f"{number} runs: {per_run[number]:.2f} s a run")
    first = per_run[numbers[0]]
    return [
        row(
            f"{number} runs of one epoch, time per run",
            took,
            first,
            "s a run",
            GOAL_FLAT if number > numbers[0] else None,
        )
        for number, took in per_run.items()
    ]


def main() -> list[dict[str, object]]:
    """All of it."""
    words = argparse.ArgumentParser(prog="python -m bench.dag", description=__doc__)
    words.add_argument("runs", nargs="*", type=int, default=RUNS)
    words.add_argument("--turns", type=int, default=1)
    given = words.parse_args()
    with tempfile.TemporaryDirectory() as place:
        project = copied(Path(place) / "lungseg")
        rows, start_ups = start_up(project)
        return [
            *rows,
            *commands(project),
            *scaling(project, given.runs),
            *quickstarts(Path(place), start_ups, given.turns),
        ]


if __name__ == "__main__":
    write("dag", main())
