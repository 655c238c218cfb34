"""Do the statistics of the whole reference experiment take under a minute and 2 GB?

    python -m bench.scale      writes bench/results/scale.csv

Drawn scores of its full size: the variants of config/config.yaml, 5 training sets, 5 seeds, 951 films, all ways of
scoring, ensembles and other references.
They are made in a process of its own, so that the peak of memory is theirs. What else follows is in bench.official.
"""

import resource
import sys
import time
from itertools import combinations
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from bench.timing import MEASURED, processor
from lungseg.config import read_experiment
from lungseg.paper import read_paper, read_references
from lungseg.scores.cases import COLUMNS
from lungseg.scores.metrics import COUNTS, RATIOS, ratios
from lungseg.statistics.estimation import make_tables

ROOT = Path(__file__).parents[1]
OUTPUT = ROOT / "bench/results/scale.csv"
FILMS = {"montgomery": 138, "shenzhen": 566, "jsrt": 247}
TRAIN_ON = {name: [name] for name in FILMS} | {"nlm": ["montgomery", "shenzhen"], "pooled": list(FILMS)}
PAPER = ROOT / "workflow/papers/mishra"
MISHRA = read_paper(PAPER)
VARIANTS = list(read_experiment(yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))).variants)
BESIDE = ["ensemble_mean", "ensemble_vote", "ensemble_encoders", "oracle"]
SEEDS = range(5)
GOAL_SECONDS, GOAL_GIB = 60, 2


def scores(rng: np.random.Generator) -> pd.DataFrame:
    """A table scores.parquet of the reference experiment's size."""
    films = pd.DataFrame(
        [(d, f"{d}{i}", i % 2) for d, n in FILMS.items() for i in range(n)], columns=["test_on", "image_id", "abnormal"]
    )
    runs = [("network", v, t, s, None, size, cleaned) for v in VARIANTS for t in TRAIN_ON for s in SEEDS
            for size in ("network", "native") for cleaned in ("none", "two_largest")]  # fmt: skip
    as_networks = ("network", "none")
    runs += [("reference", name, "pooled", s, None, *as_networks) for name in BESIDE for s in SEEDS]
    runs += [("reference", f"seeds{size}_{v}", "pooled", number, "+".join(map(str, members)), *as_networks)
             for v in MISHRA.single for size in (2, 3) for number, members in enumerate(combinations(SEEDS, size))
            ]  # fmt: skip
    runs += [("reference", "mean_shape", "pooled", 0, None, *as_networks)]
    names = ["kind", "variant", "train_on", "seed", "members", "size", "postprocessing"]
    table = pd.DataFrame(runs, columns=names).merge(films, how="cross")
    wrong = rng.integers(200, 4000, (len(table), 2))
    counts = np.stack([16000 - wrong[:, 1], wrong[:, 0], wrong[:, 1], 49536 - wrong[:, 0]], axis=1)
    table[COUNTS], table[RATIOS] = counts, ratios(counts.astype(float))
    for name in ("loss", "hd95_px", "assd_px", "nsd"):
        table[name] = rng.random(len(table))
    table["hd95_mm"], table["assd_mm"] = (table[f"{n}_px"].where(table["test_on"] == "jsrt") for n in ("hd95", "assd"))
    return table.assign(empty=0)[COLUMNS]


def estimate(path: str) -> tuple[float, float]:
    """Seconds and peak memory in GiB of the rule estimate."""
    begin = time.perf_counter()
    elsewhere, rng = read_references(PAPER / "references.csv"), np.random.default_rng(0)
    made = make_tables(pd.read_parquet(path), MISHRA, elsewhere, TRAIN_ON, 10_000, 0.95, rng)
    assert len(made.comparisons)
    return time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main(folder: Path) -> pd.DataFrame:
    """Write the scores and make the tables of them."""
    path = str(folder / "scores.parquet")
    table = scores(np.random.default_rng(0))
    table.to_parquet(path, index=False)
    print(f"{len(table)} rows of scores", file=sys.stderr)
    with get_context("spawn").Pool(1) as pool:
        seconds, gib = pool.apply(estimate, (path,))
    row = {"step": "estimate", "rows": len(table), "seconds": round(seconds, 1), "peak_gib": round(gib, 2)}
    goals = {"goal_seconds": GOAL_SECONDS, "goal_gib": GOAL_GIB, "met": seconds < GOAL_SECONDS and gib < GOAL_GIB}
    return pd.DataFrame([row | goals]).assign(hardware=processor(), code=MEASURED)


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        result = main(Path(folder))
    OUTPUT.parent.mkdir(exist_ok=True)
    result.to_csv(OUTPUT, index=False)
    print(result.to_string(index=False))
