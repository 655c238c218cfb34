"""What does everything but training cost at official sizes, and how does it grow with films, pixels and runs?

    python -m bench.official REDUCED [FOLDER]      an hour on two cores; not part of `make bench`
    python -m bench.official REDUCED --large       its memory at 1024 px alone, into the tables of the first

REDUCED holds archives in the official layout. In FOLDER (.cache/lungseg/official in the home folder), 7 GB large, they
are made as large as the official ones, once; each run of the workflow copies them, as always. The predictions of the
reference experiment's 20 runs are made up, as bundles; the whole workflow then runs on them. Seconds and memory are
those that each job's process tells at its end. Writes bench/results/official.csv and official_rules.csv.
"""

import json
import os
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import astuple, dataclass, field
from functools import partial
from math import log
from multiprocessing import get_context
from pathlib import Path
from subprocess import PIPE
from typing import Any

import numpy as np
import pandas as pd
import yaml
from PIL import Image

from bench.dag import copied, row
from bench.enlarged import enlarge
from bench.stand_ins import made_up, write_bundles
from bench.timing import MEASURED, RESULTS, in_turn, processor, read_table, write
from lungseg.config import read_experiment
from lungseg.data.datasets import dataset
from lungseg.data.images import Original
from lungseg.data.phantom import draw
from lungseg.data.squares import Box
from lungseg.jobs.fingerprint import fingerprint
from lungseg.scores.known import know_film
from lungseg.scores.scoring import score_film

ROOT = Path(__file__).parents[1]
CACHE = Path.home() / ".cache/lungseg/official"
BEFORE = "12041bb^"  # the scoring that looked at the whole frame
LARGEST, SPACING_MM = (4020, 4892), 0.0875
FILM_SECONDS, FILM_GIB, MINUTES, GIB, FLAT = 0.2, 0.3, 45, 2.0, 1.1
FILMS = 3
TWO = ("unet", "proposed")  # with and without encoders
LARGE, PEAK = (("large", 2), ("large", 6)), "peak_mib_1024px_{runs}_runs"
FIRST = ("download", "preprocess", "split", "leakage")  # before any training
ONCE = ("definitions", "sweep", "cost")  # of the main training set alone; the rest is taken to grow with their number
# Score films with the package that PYTHONPATH names: a number comes in, a word goes out when that film is done.
OLD = """
import pickle, sys
from lungseg.data.images import Original
from lungseg.data.squares import Box
from lungseg.scores.scoring import score_film

films = pickle.load(open(sys.argv[1], "rb"))
for line in sys.stdin:
    logits, truth, mask, box = films[int(line)]
    list(score_film(logits, truth, Original(mask, Box(*box), float(sys.argv[2])), True))
    print("scored", flush=True)
"""
# Each process of a job tells what it took; Python imports this by its name where it finds it.
TELL = """
import atexit, json, os, resource, sys, threading, time
BEGAN = time.monotonic()

def own_kib():
    with open("/proc/self/status") as file:  # without the pages of files that are mapped, which the kernel takes back
        return next(int(line.split()[1]) for line in file if line.startswith("RssAnon:"))

def watch():
    global most
    while True:
        most = max(most, own_kib())
        time.sleep(0.05)

most = 0
threading.Thread(target=watch, daemon=True).start()

def tell():
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    with open("/proc/self/status") as file:  # getrusage counts what the process was before it was this one
        own = next(int(line.split()[1]) for line in file if line.startswith("VmHWM:"))
    told = {{
        "script": sys.argv[0] if sys.argv else "", "wall_s": time.monotonic() - BEGAN,
        "core_s": sum(one.ru_utime + one.ru_stime for one in used), "peak_mib": max(own, used[1].ru_maxrss) / 1024,
        "own_mib": max(most, used[1].ru_maxrss) / 1024,
    }}
    with open(os.path.join({folder!r}, f"{{os.getpid()}}.json"), "w") as file:
        json.dump(told, file)

atexit.register(tell)
"""


@dataclass(frozen=True)
class Case:
    """One run of the workflow.

    Args:
        name: Of the experiment.
        archives: Where its films are.
        size: Side of the square in px.
        seeds: Of four networks each.
        half: Whether every second film is left out.
        variants: Networks.
    """

    name: str
    archives: Path
    size: int = 256
    seeds: list[int] = field(default_factory=lambda: [0, 1, 2, 3, 4])
    half: bool = False
    variants: tuple[str, ...] = ("unet", "unet_mobilenetv2", "unet_inceptionresnetv2", "proposed")

    @property
    def runs(self) -> int:
        """How many there are."""
        return len(self.variants) * len(self.seeds)

    def config(self, bundles: Path | None) -> dict[str, Any]:
        """The reference experiment, trained on all three data sets alone."""
        chosen = yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))
        chosen |= {"name": self.name, "archives": str(self.archives), "seeds": self.seeds}
        chosen["preprocessing"]["size"] = self.size
        chosen["train_on"] = {"pooled": chosen["datasets"]}
        chosen["variants"] = {name: chosen["variants"][name] for name in self.variants}
        for one in chosen["variants"].values():
            one.pop("weights", None)  # nothing is fetched for networks that nobody trains
        if self.half:
            chosen["exclude"] = {name: {film: "every second one" for film in dataset(name).films[::2]}
                                 for name in chosen["datasets"]}  # fmt: skip
        return chosen | ({"bundles": str(bundles)} if bundles else {"device": "cpu"})


def run(case: Case, project: Path, folder: Path) -> tuple[pd.DataFrame, float]:
    """Run everything but training.

    Returns:
        Of each process of a job rule, wall_s, core_s and peak_mib (on a large square that of its own memory); and how
        many megapixels all films have.
    """
    told = folder / f"told-{case.name}-{case.runs}"
    told.mkdir()
    (told / "sitecustomize.py").write_text(TELL.format(folder=str(told)), encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": f"{told}{os.pathsep}{project}", "LUNGSEG_ROOT": str(project)}

    def snakemake(bundles: Path | None, *more: str) -> None:
        (project / "official.yaml").write_text(yaml.safe_dump(case.config(bundles)), encoding="utf-8")
        command = f"{sys.executable} -m snakemake --cores all --quiet all --configfile official.yaml".split()
        ended = subprocess.run([*command, *more], cwd=project, env=environment, capture_output=True, text=True)
        if ended.returncode:
            raise SystemExit(ended.stdout + ended.stderr)

    snakemake(None, "--until", "split")
    experiment, bundles = read_experiment(case.config(None)), folder / f"bundles-{case.name}"
    write_bundles(bundles, experiment, project, fingerprint(project / "workflow/scripts/train.py"))
    snakemake(bundles)
    found = pd.DataFrame([json.loads(file.read_text(encoding="utf-8")) for file in told.glob("*.json")])
    jobs = found[found["script"].str.contains(r"\.snakemake/scripts/")]
    if case.size > 256:  # the pages of mapped films would be most of a peak
        jobs = jobs.assign(peak_mib=jobs["own_mib"])
    rules = jobs["script"].str.extract(r"tmp[^.]+\.(\w+)\.py", expand=False)
    tables = [pd.read_csv(file) for file in (project / experiment.folder("results")).glob("images/*[a-z].csv")]
    films = pd.concat([table for table in tables if "height" in table])
    return jobs.assign(rule=rules).drop(columns="script"), float((films["height"] * films["width"]).sum() / 1e6)


def by_rule(jobs: pd.DataFrame) -> pd.DataFrame:
    """One row for each rule: jobs, seconds of all of them, the largest peak."""
    each = jobs.groupby("rule")
    sums = each[["wall_s", "core_s"]].sum().assign(jobs=each.size(), peak_mib=each["peak_mib"].max())
    return sums[["jobs", "wall_s", "core_s", "peak_mib"]]


def growth(large: pd.DataFrame, small: pd.DataFrame, ratio: float, name: str) -> pd.DataFrame:
    """The powers of what grew with which seconds and memory grow: 1 is in proportion, 0 is flat."""
    powers = np.log(large[["core_s", "peak_mib"]] / small[["core_s", "peak_mib"]]) / log(ratio)
    return powers.rename(columns={"core_s": f"core_s_with_{name}", "peak_mib": f"peak_with_{name}"})


def first(table: pd.DataFrame) -> pd.DataFrame:
    """The rules that come before any training."""
    return table[table.index.isin(FIRST)]


Drawn = tuple[np.ndarray, np.ndarray, Original]


def film(number: int) -> Drawn:
    """A drawn film of 20 megapixels: made-up logits, its mask on the square and at its own size."""
    drawn = draw(f"film{number}", np.random.default_rng(number), abnormal=False).mask
    mask, (height, width) = Image.fromarray(255 * drawn.astype(np.uint8)), LARGEST
    small, large = (
        np.asarray(mask.resize(size, Image.Resampling.BILINEAR)) > 127 for size in ((256, 256), (width, height))
    )
    logits = made_up(small.astype(np.uint8), np.random.default_rng(number))
    return logits, small, Original(large, Box(0, 0, height, width), SPACING_MM)


def ours(one: Drawn) -> None:
    """Score a film in all ways."""
    logits, truth, original = one
    list(score_film(logits, know_film(truth, original), soft=True))


def memory() -> float:
    """GiB that scoring one such film takes, beside its mask and what Python has loaded; Linux tells."""
    one = film(0)
    before = _status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak so far is forgotten
    ours(one)
    return (_status("VmHWM") - before) / 2**20


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def core_seconds(one: Drawn) -> float:
    """Of a core, for one film."""
    begin = time.process_time()
    ours(one)
    return time.process_time() - begin


def of_films(folder: Path) -> list[dict[str, object]]:
    """One film of 20 megapixels: its seconds and memory, and beside the code from before both were looked at."""
    films = [film(number) for number in range(FILMS)]
    with (folder / "films.pickle").open("wb") as file:
        pickle.dump([(logits, truth, original.mask, astuple(original.box)) for logits, truth, original in films], file)
    old = folder / "before"
    old.mkdir()
    packed = subprocess.run(["git", "archive", BEFORE, "lungseg"], cwd=ROOT, capture_output=True, check=True).stdout
    subprocess.run(["tar", "-x", "-C", str(old)], input=packed, check=True)
    command = [sys.executable, "-c", OLD, str(folder / "films.pickle"), str(SPACING_MM)]
    environment = os.environ | {"PYTHONPATH": str(old)}  # and the folder it runs in comes first of all
    with subprocess.Popen(command, cwd=old, env=environment, text=True, stdin=PIPE, stdout=PIPE) as there:
        assert there.stdin and there.stdout

        def other(number: int) -> None:
            there.stdin.write(f"{number}\n")  # type: ignore[union-attr]
            there.stdin.flush()  # type: ignore[union-attr]
            assert there.stdout.readline().strip() == "scored"  # type: ignore[union-attr]

        pairs = [(partial(ours, one), partial(other, number)) for number, one in enumerate(films)]
        side_by_side = in_turn(f"a film of 20 megapixels, against the code of {BEFORE}", pairs, "s a film", 1, 2)
        there.stdin.close()
    took = float(np.median([core_seconds(one) for one in films]))
    with get_context("spawn").Pool(1) as pool:
        held = pool.apply(memory)
    return [
        row("a film of 20 megapixels in all ways, against the goal", took, FILM_SECONDS, "s of a core", 1),
        row("memory for it, against the goal", held, FILM_GIB, "GiB", 1),
        side_by_side,
    ]


Tables = dict[tuple[str, int], pd.DataFrame]


def main(reduced: Path, official: Path) -> None:
    """All of it; what is known is written after each run of the workflow."""
    enlarge(reduced, official)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        rows, project = of_films(folder), copied(folder / "project")
        tables: Tables = {}
        pixels: dict[str, float] = {}
        for case in (
            Case("official", official, seeds=[0, 1]),
            Case("official", official),
            Case("reduced", reduced),
            Case("half", official, half=True),
            *at_large_size(reduced),
        ):
            begin = time.perf_counter()
            jobs, pixels[case.name] = run(case, project, folder)
            tables[case.name, case.runs] = by_rule(jobs)
            print(f"{case.name}, {case.runs} runs: {time.perf_counter() - begin:.0f} s", file=sys.stderr, flush=True)
            if ("official", 20) in tables:
                rules = of_rules(tables, pixels).assign(code=MEASURED)
                rules.to_csv(RESULTS / "official_rules.csv", index=False, float_format="%.3g")
                write("official", [*rows, *of_the_workflow(rules.set_index("rule"))])
        print(rules.to_string(index=False, float_format="%.3g"))


def at_large_size(reduced: Path) -> list[Case]:
    """Squares of 1024 px, with few and with more runs."""
    return [Case("large", reduced, 1024, seeds=seeds, variants=TWO) for seeds in ([0], [0, 1, 2])]


def large(reduced: Path) -> None:
    """Measure these alone, and put their peaks of memory into the tables that are there."""
    rules = read_table(RESULTS / "official_rules.csv").set_index("rule")
    with tempfile.TemporaryDirectory() as place:
        folder, before = Path(place), None
        project = copied(folder / "project")
        for case in at_large_size(reduced):
            begin = time.perf_counter()
            jobs, _ = run(case, project, folder)
            found = by_rule(jobs)["peak_mib"]
            before = found if before is None else found.combine_first(before[before.index.isin(FIRST)])
            rules[PEAK.format(runs=case.runs)] = before.round(1)
            print(f"{case.name}, {case.runs} runs: {time.perf_counter() - begin:.0f} s", file=sys.stderr, flush=True)
    rules["code"] = rules["code"].str.split(",").str[0] + f", at 1024 px {MEASURED}"
    rules.reset_index().to_csv(RESULTS / "official_rules.csv", index=False, float_format="%.3g")
    table = read_table(RESULTS / "official.csv")
    rows = pd.DataFrame([one for one in of_the_workflow(rules) if "1024 px" in str(one["case"])])
    kept = table[~table["case"].str.contains("1024 px")]
    pd.concat([kept, rows.assign(hardware=processor(), code=MEASURED)]).to_csv(
        RESULTS / "official.csv", index=False, float_format="%.4g"
    )
    print(rules.to_string(float_format="%.3g"))


def of_rules(tables: Tables, pixels: Mapping[str, float]) -> pd.DataFrame:
    """One row for each rule, with all that is known so far; what is not measured is empty."""
    earlier = {("official", 20): ("official", 8), LARGE[1]: LARGE[0]}  # the second one found its first files there
    for later, before in earlier.items():
        if later in tables:
            tables = {**tables, later: tables[later].combine_first(first(tables[before]))}
    whole = tables["official", 20]
    half, reduced = tables.get(("half", 20), whole * np.nan), tables.get(("reduced", 20), whole * np.nan)
    times = pixels["official"] / pixels.get("reduced", np.nan)
    grown = [growth(whole, half, 2, "films"), growth(whole, reduced, times, "pixels")]
    # What comes before any run does not grow with them.
    grown.append(growth(whole, tables["official", 8].drop(list(FIRST), errors="ignore"), 20 / 8, "runs"))
    peaks = [tables.get(case, whole * np.nan)["peak_mib"].rename(PEAK.format(runs=case[1])) for case in LARGE]
    return whole.join([*grown, *peaks]).rename_axis("rule").reset_index().assign(hardware=processor())


def of_the_workflow(rules: pd.DataFrame) -> list[dict[str, object]]:
    """What comes after the reference experiment's 100 trainings: the cores' minutes, and the memory at 1024 px.

    Args:
        rules: As from `of_rules`, by rule.
    """
    later = rules[~rules.index.isin(FIRST)]
    times = pd.Series(5, later.index).where(~later.index.isin(ONCE), 1)
    alone, all_five = (seconds.sum() / 60 for seconds in (later["core_s"], later["core_s"] * times))
    found = [
        row("one training set, 20 runs, all after training", alone, MINUTES, "core minutes", None),
        row("all five, extrapolated, against the goal", all_five, MINUTES, "core minutes", 1),
    ]
    few, many = (rules[PEAK.format(runs=runs)] for _, runs in LARGE)
    if many.notna().any():
        grown, where = (many / few)[later.index], "at 1024 px, two networks, reduced films"
        found += [
            *(
                row(f"peak of own memory {where}, 6 runs against 2: {rule}", many[rule], few[rule], "MiB", FLAT)
                for rule in grown[grown > FLAT].index.union([grown.idxmax()])
            ),
            row(f"largest peak of own memory {where}: {many.idxmax()}", many.max() / 1024, GIB, "GiB", 1),
        ]
    return found


if __name__ == "__main__":
    if sys.argv[2:] == ["--large"]:
        sys.exit(large(Path(sys.argv[1]).resolve()))
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve() if len(sys.argv) > 2 else CACHE)
