"""How many jobs, hours and GB does the reference experiment take, by rule, on 1, 4 or 100 places?

    python -m bench.cluster                  fills the tables of docs/cluster.md from the measurements in git
    python -m bench.cluster faster N         prints the same where a place trains and predicts N times as fast

A place is where one job runs at a time: a GPU with some cores, or two cores of a node. Times come from
bench/results/{training,inference,official_rules,scale}.csv, of the machine measured last, and are brought to the
reference by the law beside each rule; peaks of memory from the last two.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heapreplace
from pathlib import Path

import pandas as pd
import yaml

from bench.official import FIRST, ONCE
from bench.scale import FILMS
from bench.timing import RESULTS, read_table
from lungseg.config import Experiment, read_experiment
from lungseg.learning.bundles import planned, predicted_parts
from lungseg.learning.memory import cost, training_mb
from lungseg.report.readme import fill

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/cluster.md"
PLACES = (1, 4, 100)
SLOWER = ("train", "predict")  # what a GPU does
ORDER = ("preprocess", "leakage", "split", "train", "predict", "score", "definitions", "collect", "estimate")


@dataclass(frozen=True)
class Rule:
    """The jobs of a rule in the reference experiment.

    Args:
        name: Of the rule.
        hours: Of each job.
        law: How they follow from what was measured.
    """

    name: str
    hours: Sequence[float]
    law: str

    def wall(self, places: int) -> float:
        """Hours until all are done, the longest first, on so many places."""
        free = [0.0] * min(places, len(self.hours))
        for hours in sorted(self.hours, reverse=True):
            heapreplace(free, free[0] + hours)
        return max(free)


def reference_experiment() -> Experiment:
    """The one of config/config.yaml."""
    return read_experiment(yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8")))


def measured_last(name: str) -> pd.DataFrame:
    """Rows of a table of benchmarks of the machine that was measured last, by case."""
    table = read_table(RESULTS / f"{name}.csv")
    return table[table["hardware"] == table["hardware"].iloc[0]].set_index("case")


def training_hours(reference: Experiment) -> list[float]:
    """Of each training: films and epochs by the films per second at 256 px in bench/results/training.csv."""
    speed = measured_last("training")["ours"]
    films = {
        name: int(pd.read_csv(ROOT / f"results/laptop/splits/{name}.csv")["part"].eq("train").sum()) for name in FILMS
    }
    hours = []
    for run in planned(reference):
        each = speed[f"{run.variant}:{reference.preprocessing.size} px, against a tutorial's float32 loop, as shipped"]
        count = sum(films[dataset] for dataset in reference.train_on[run.train_on])
        hours.append(count * reference.training.epochs / each / 3600)
    return hours


def prediction_hours(reference: Experiment) -> list[float]:
    """Of each training set: films and runs by the milliseconds at 256 px in bench/results/inference.csv."""
    each = measured_last("inference")["ours"]
    parts = pd.concat(pd.read_csv(ROOT / f"results/laptop/splits/{name}.csv")["part"] for name in FILMS)
    hours = []
    for train_on in reference.train_on:
        films = int(parts.isin(predicted_parts(reference, train_on)).sum())
        runs = [run for run in planned(reference) if run.train_on == train_on]
        hours.append(sum(films * each[f"{run.variant}, against plain float32 PyTorch"] for run in runs) / 3.6e6)
    return hours


def rules() -> list[Rule]:
    """Every rule whose time was measured, in the order of the work."""
    reference = reference_experiment()
    official, sets = read_table(RESULTS / "official_rules.csv").set_index("rule"), len(reference.train_on)
    whole = pd.read_csv(RESULTS / "scale.csv").set_index("step")["seconds"]["estimate"]
    found = [
        Rule("train", training_hours(reference), "films x epochs, at 256 px"),
        Rule("predict", prediction_hours(reference), "films x runs, at 256 px"),
        Rule("estimate", [whole / 3600], f"{sum(FILMS.values())} films, measured at full size"),
    ]
    rest = official.drop(["predict", "estimate", "download"])
    for rule, seconds, jobs in zip(rest.index, rest["wall_s"], rest["jobs"], strict=True):
        if rule in FIRST:
            hours, law = [seconds / jobs / 3600] * jobs, "films of official size"
        elif rule in ONCE or rule == "score":
            hours = [seconds / 3600] * (sets if rule == "score" else 1)
            law = "films of official size, 20 runs"
        else:
            hours, law = [seconds * sets / 3600], "20 runs of one training set, times their number"
        found.append(Rule(rule, hours, law))
    order = {name: place for place, name in enumerate(ORDER)}
    return sorted(found, key=lambda rule: order.get(rule.name, len(order)))


def tables(faster: float = 1) -> str:
    """The table of the page; where a place trains and predicts `faster` times as fast."""
    reference, official = reference_experiment(), read_table(RESULTS / "official_rules.csv").set_index("rule")
    on_cpu, on_gpu = (
        max(
            training_mb(one, reference.training, reference.preprocessing.size, gpu)
            for one in reference.variants.values()
        )
        for gpu in (False, True)
    )
    peaks = (official["peak_mib"] * 2**20 / 1e9).map("{:.2f}".format).to_dict()
    whole = pd.read_csv(RESULTS / "scale.csv").set_index("step")["peak_gib"]["estimate"]
    peaks |= {"estimate": f"{whole * 2**30 / 1e9:.2f}", "predict": "less than train"}
    peaks |= {"train": f"{on_cpu / 1000:.1f} foretold, {on_gpu / 1000:.1f} beside a GPU"}
    hardware = " and ".join(dict.fromkeys(
        table["hardware"].iloc[0] for table in (measured_last("training"), measured_last("inference"), official)
    ))  # fmt: skip
    lines = ["| rule | jobs | longest job, h | " + " | ".join(f"{n} place{'s' * (n > 1)}, h" for n in PLACES)]
    lines[0] += " | GB of memory | how it follows |"
    lines += ["|---|---:|---:|" + "---:|" * len(PLACES) + "---:|---|"]
    totals = dict.fromkeys(PLACES, 0.0)
    for rule in rules():
        if rule.name in SLOWER:
            rule = Rule(rule.name, [hours / faster for hours in rule.hours], rule.law)
        walls = {places: rule.wall(places) for places in PLACES}
        totals = {places: totals[places] + walls[places] for places in PLACES}
        if walls[1] < 0.005:
            continue
        cells = [len(rule.hours), f"{max(rule.hours):.2f}", *(f"{wall:.2f}" for wall in walls.values())]
        cells += [peaks.get(rule.name, "–"), rule.law]
        lines.append(f"| {rule.name} | {' | '.join(map(str, cells))} |")
    lines.append("| together | | | " + " | ".join(f"**{total:.1f}**" for total in totals.values()) + " | | |")
    weights = sum(4 * cost(reference.variants[run.variant]).parameters for run in planned(reference))
    arrays = sum(FILMS.values()) * reference.preprocessing.size**2
    lines += [
        "",
        f"A place: {hardware}. Rules of less than a hundredth of an hour are left out of the rows, not of the sum.",
    ]
    lines += ["", f"On the disk that all share: {weights / 1e9:.0f} GB of weights, {arrays / 1e9:.2f} GB of films."]
    return "\n".join(lines)


if __name__ == "__main__":
    if sys.argv[1:2] == ["faster"]:
        print(tables(float(sys.argv[2])))
    else:
        PAGE.write_text(fill(PAGE.read_text(encoding="utf-8"), "cluster", tables()), encoding="utf-8")
