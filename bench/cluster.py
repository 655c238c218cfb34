"""How many jobs, hours and GB does the reference experiment take, by rule, on 1, 4 or 100 places?

    python -m bench.cluster measure FOLDER   keeps the peaks of a run on this machine: FOLDER/results/benchmarks
    python -m bench.cluster                  fills the tables of docs/cluster.md from the measurements in git
    python -m bench.cluster faster N         prints the same where a place trains and predicts N times as fast

A place is where one job runs at a time: a GPU with some cores, or two cores of a node. Times come from
bench/results/{training,inference,preprocessing,scale}.csv and from the manifests in results/, and are scaled to the
reference by the law beside each rule; peaks of memory from bench/results/rules.csv, which `measure` writes from
Snakemake's benchmark files, or from the first, third and fourth where they were measured at full size.
"""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from heapq import heapreplace
from pathlib import Path

import pandas as pd
import yaml

from bench.scale import FILMS
from bench.timing import MEASURED, RESULTS, processor
from lungseg.config import Experiment, read_experiment
from lungseg.learning.bundles import planned, predicted_parts
from lungseg.learning.memory import cost, training_mb
from lungseg.report.readme import fill

ROOT = Path(__file__).parents[1]
PAGE, PEAKS = ROOT / "docs/cluster.md", RESULTS / "rules.csv"
PLACES = (1, 4, 100)
SLOWER = ("train", "predict")  # what a GPU does


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


def experiment(name: str) -> Experiment:
    """An experiment by its name: as results/ says it was run, for its measurements are of that; else of config/."""
    if (ran := ROOT / f"results/{name}/manifest.json").is_file():
        return read_experiment(json.loads(ran.read_text(encoding="utf-8"))["config"])
    return read_experiment(yaml.safe_load((ROOT / f"config/{name}.yaml").read_text(encoding="utf-8")))


def training_hours(reference: Experiment) -> list[float]:
    """Of each training: films and epochs by the films per second at 256 px in bench/results/training.csv."""
    table = pd.read_csv(RESULTS / "training.csv")
    speed = table.drop_duplicates("case").set_index("case")["ours"]
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
    table = pd.read_csv(RESULTS / "inference.csv")
    each = table.drop_duplicates("case").set_index("case")["ours"]
    parts = pd.concat(pd.read_csv(ROOT / f"results/laptop/splits/{name}.csv")["part"] for name in FILMS)
    hours = []
    for train_on in reference.train_on:
        films = int(parts.isin(predicted_parts(reference, train_on)).sum())
        runs = [run for run in planned(reference) if run.train_on == train_on]
        hours.append(sum(films * each[f"{run.variant}, against plain float32 PyTorch"] for run in runs) / 3.6e6)
    return hours


def rules() -> list[Rule]:
    """Every rule whose time was measured, in the order of the work."""
    reference, films = experiment("config"), sum(FILMS.values())
    runs, sets = len(planned(reference)), len(reference.train_on)
    official = pd.read_csv(RESULTS / "preprocessing.csv").set_index("case")["ours"][
        "official size, against decoding alone"
    ]
    whole = pd.read_csv(RESULTS / "scale.csv").set_index("step")["seconds"]["infer"]
    found = [
        Rule("preprocess", [count * official.max() / 3.6e6 for count in FILMS.values()], "films of official size"),
        Rule("train", training_hours(reference), "films x epochs, at 256 px"),
        Rule("predict", prediction_hours(reference), "films x runs, at 256 px"),
    ]
    laws: dict[str, tuple[str, int, Callable[[float, float], float], str]] = {
        "leakage": ("laptop", 1, lambda runs, pixels: 1, "as measured"),
        "score": ("laptop", sets, lambda runs, pixels: runs, "runs; films of 256-512 px"),
        "definitions": ("laptop", 1, lambda runs, pixels: runs * pixels, "runs x pixels"),
        "calibrate": ("laptop", 1, lambda runs, pixels: runs * pixels, "runs x pixels"),
        "figures": ("laptop", 1, lambda runs, pixels: 1, "as measured"),
        "diagrams": ("laptop", 1, lambda runs, pixels: 1, "as measured"),
        "audit": ("laptop", 1, lambda runs, pixels: 1, "as measured"),
    }
    for rule, (name, jobs, law, said) in laws.items():
        measured = experiment(name)
        seconds = json.loads((ROOT / f"results/{name}/manifest.json").read_text(encoding="utf-8"))["seconds"][rule]
        pixels = (reference.preprocessing.size / measured.preprocessing.size) ** 2
        total = seconds["seconds"] * law(runs / len(planned(measured)), pixels)
        longest = min(seconds["longest"] * law(runs / len(planned(measured)), pixels), total)
        others = [(total - longest) / (jobs - 1)] * (jobs - 1) if jobs > 1 else []
        found.append(Rule(rule, [each / 3600 for each in [longest, *others]], f"{said}, from {name}"))
    found.append(Rule("estimate", [whole / 3600], f"{films} films, measured at full size"))
    return found


def tables(faster: float = 1) -> str:
    """The table of the page; where a place trains and predicts `faster` times as fast."""
    reference = experiment("config")
    peaks = pd.read_csv(PEAKS).set_index("rule")["peak_mb"]
    on_cpu, on_gpu = (
        max(
            training_mb(one, reference.training, reference.preprocessing.size, gpu)
            for one in reference.variants.values()
        )
        for gpu in (False, True)
    )
    peaks = (peaks / 1000).map("{:.2f}".format).to_dict()
    full = pd.read_csv(RESULTS / "preprocessing.csv").query("case.str.startswith('peak of memory')")["ours"].max()
    peaks |= {"preprocess": f"{full * 2**20 / 1e9:.2f}"}
    whole = pd.read_csv(RESULTS / "scale.csv").set_index("step")["peak_gib"]["infer"]
    peaks |= {"estimate": f"{whole * 2**30 / 1e9:.2f}"}
    peaks |= dict.fromkeys(SLOWER, f"{on_cpu / 1000:.1f} foretold, {on_gpu / 1000:.1f} beside a GPU")
    lines = ["| rule | jobs | longest job, h | " + " | ".join(f"{n} place{'s' * (n > 1)}, h" for n in PLACES)]
    lines[0] += " | GB of memory | how it follows |"
    lines += ["|---|---:|---:|" + "---:|" * len(PLACES) + "---:|---|"]
    totals = dict.fromkeys(PLACES, 0.0)
    for rule in rules():
        if rule.name in SLOWER:
            rule = Rule(rule.name, [hours / faster for hours in rule.hours], rule.law)
        walls = {places: rule.wall(places) for places in PLACES}
        totals = {places: totals[places] + walls[places] for places in PLACES}
        cells = [len(rule.hours), f"{max(rule.hours):.2f}", *(f"{wall:.2f}" for wall in walls.values())]
        cells += [peaks.get(rule.name, "–"), rule.law]
        lines.append(f"| {rule.name} | {' | '.join(map(str, cells))} |")
    lines.append("| together | | | " + " | ".join(f"**{total:.1f}**" for total in totals.values()) + " | | |")
    weights = sum(4 * cost(reference.variants[run.variant]).parameters for run in planned(reference))
    arrays = sum(FILMS.values()) * reference.preprocessing.size**2
    lines += ["", f"On the disk that all share: {weights / 1e9:.0f} GB of weights, {arrays / 1e9:.2f} GB of films."]
    return "\n".join(lines)


def measure(folder: Path) -> None:
    """Keep the peak of memory of each rule of a run on this machine."""
    rows = []
    benchmarks = folder / "results/benchmarks"
    for file in sorted(benchmarks.rglob("*.tsv")):
        last = pd.read_csv(file, sep="\t").iloc[-1]
        rows.append({"rule": file.relative_to(benchmarks).with_suffix("").parts[0], "peak_mb": last["max_rss"]})
    peaks = pd.DataFrame(rows).groupby("rule", as_index=False)["peak_mb"].max().round().astype({"peak_mb": int})
    peaks.assign(experiment=folder.name, hardware=processor(), code=MEASURED).to_csv(
        PEAKS, index=False, lineterminator="\n"
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["measure"]:
        measure(Path(sys.argv[2]))
    elif sys.argv[1:2] == ["faster"]:
        print(tables(float(sys.argv[2])))
    else:
        PAGE.write_text(fill(PAGE.read_text(encoding="utf-8"), "cluster", tables()), encoding="utf-8")
