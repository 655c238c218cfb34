"""Do 95% intervals hold the truth in 95% of experiments, and how wide are they? Simulations with a known truth.

    python -m bench.coverage [SIMULATIONS]      4,000 by default; writes bench/results/coverage.csv

Drawn scenes: Dice of a film and a seed is 1 - exp(mu + film + seed + rest): film effects are a gamma variable (a few
films are very bad), seeds and rest are normal, with the spread that the runs of config/cpu.yaml show on that scale. All
networks are alike, so that differences are symmetric.

Observed scenes: the films of results/cpu as its networks scored them, drawn again within their data set; the page of
this table names the scores by their hash. Their differences are skewed, often by a single film: a sample without that
film looks harmless, and no interval that is made of the sample alone can know. What remains is printed beside the
numbers (`lungseg.statistics.simulated`).
"""

import sys
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from statsmodels.stats.proportion import proportion_confint
from tqdm import tqdm

from bench.limits import Case, methods, tests
from bench.scenes import POOL, SCORES, Drawn, Experiments, Observed, observed
from lungseg.files import file_hash
from lungseg.statistics.seeds import pooled_variances
from lungseg.statistics.simulated import BEFORE, FALSE_EQUIVALENCE, IN_TABLES, LEVEL, LOWEST, OBSERVED

RESAMPLED, BATCH = 500, 500  # simulations that are resampled; simulations at once
OUTPUT = Path(__file__).parent / "results/coverage.csv"
HIGHEST = 0.97
# The three data sets together, as many test films of each as the published split has.
MIXED = {"montgomery": 28, "shenzhen": 114, "jsrt": 50}
DRAWN = {
    "montgomery": Drawn({"montgomery": 28}),
    "jsrt": Drawn({"jsrt": 50}),
    "shenzhen": Drawn({"shenzhen": 114}),
    "pooled": Drawn(MIXED),
    "unsteady seeds, 28 films": Drawn({"unsteady seeds": 28}),
    "unsteady seeds": Drawn({"unsteady seeds": 192}),
    "one network's seeds vary three times as much": Drawn({"unsteady seeds": 192}, unlike=3),
}
SEEDS = (2, 3, 5)


def cases(experiments: Experiments, pairs: Sequence[tuple[int, ...]]) -> Iterator[Case]:
    """Some networks and some differences."""
    pool = pooled_variances(experiments.groups, range(len(POOL)))
    for which in pairs:
        signed = zip([1, -1], which, strict=False)
        truth = sum(sign * experiments.truths[i] for sign, i in signed)
        yield Case([experiments.groups[i] for i in which], experiments.strata, [pool[i] for i in which], truth)


def row(limits: np.ndarray, true: float) -> dict[str, object]:
    """How often intervals held the truth, those of the narrowest and widest third apart, and how wide they are."""
    low, high = limits
    held, width = (low <= true) & (true <= high), high - low
    sure = proportion_confint(int(held.sum()), len(held), method="wilson")
    third, order = len(held) // 3, np.argsort(width, kind="stable")
    honest = "short" if sure[1] < LOWEST else "wide" if sure[0] > HIGHEST else "yes"
    return {
        "simulations": len(held), "coverage": held.mean(), "coverage_low": sure[0], "coverage_high": sure[1],
        "narrowest_third": held[order[:third]].mean(), "widest_third": held[order[len(held) - third :]].mean(),
        "mean_width": width.mean(), "median_width": np.median(width), "width_95": np.quantile(width, 0.95),
        "missed_below": (high < true).mean(), "missed_above": (low > true).mean(), "honest": honest,
    }  # fmt: skip


def rate(said: np.ndarray) -> dict[str, object]:
    """How often experiments say what is false."""
    sure = proportion_confint(int(said.sum()), len(said), method="wilson")
    honest = "yes" if sure[0] <= 1 - LEVEL else "short"
    return {"simulations": len(said), "coverage": said.mean(), "coverage_low": sure[0], "coverage_high": sure[1],
            "honest": honest}  # fmt: skip


def study(
    scene: Drawn | Observed, pairs: Sequence[tuple[int, ...]], seeds: int, simulations: int, rng: np.random.Generator
) -> list[dict[str, object]]:
    """All quantities of a scene by all methods.

    Args:
        scene: Draws experiments.
        pairs: Numbers of single networks (a mean) and of two (a difference).
        seeds: Of each network.
        simulations: How many experiments.
        rng: Where they come from.
    """
    limits: dict[tuple[int, str], list[np.ndarray]] = {}
    false: dict[tuple[int, str], list[np.ndarray]] = {}
    shapes: dict[int, list[np.ndarray]] = {}
    truths = {}
    for begin in range(0, simulations, BATCH):
        experiments = scene.draw(seeds, min(BATCH, simulations - begin), rng)
        for i, case in enumerate(cases(experiments, pairs)):
            truths[i] = case.truth
            shapes.setdefault(i, []).append(np.abs(case.estimate(pooled=True).skewness))
            for method, found in methods(case, rng, resampled=begin < RESAMPLED):
                limits.setdefault((i, method), []).append(found)
            for j, (method, said) in enumerate(tests(case) if len(case.groups) > 1 else ()):
                false.setdefault((i, f"{method}|{j // 3}"), []).append(said)
    rows = []
    for i, which in enumerate(pairs):
        here = {"variants": " less ".join(scene.names[k] for k in which), "seeds": seeds}
        here |= {"skewness": np.median(np.concatenate(shapes[i]))}  # as a table shows it of one experiment
        quantity = "mean" if len(which) == 1 else "difference"
        rows += [here | {"quantity": quantity, "method": method} | row(np.concatenate(found, axis=1), truths[i])
                 for (k, method), found in limits.items() if k == i]  # fmt: skip
        worse: dict[str, dict[str, object]] = {}
        for (k, method), said in false.items():
            told, title = rate(np.concatenate(said)), method.partition("|")[0]
            if k == i and (title not in worse or float(str(told["coverage"])) > float(str(worse[title]["coverage"]))):
                worse[title] = told
        rows += [here | {"quantity": FALSE_EQUIVALENCE, "method": title} | told for title, told in worse.items()]
    return rows


def page(table: pd.DataFrame) -> str:
    """What the tables had, what they have, and where that falls short."""
    short = table["method"].str.extract(r"\(([^)]*)\)$")[0].map({BEFORE: "before", IN_TABLES: "now"})
    told = table.assign(now=short).dropna(subset="now")
    columns = ["scene", "seeds", "what", "when", "coverage (lowest)", "narrowest third", "widest third", "mean width"]
    lines = _head([*columns, "95% of widths"])
    for (scene, seeds, what, now), rows in told[told["quantity"] != FALSE_EQUIVALENCE].groupby(
        ["scene", "seeds", "quantity", "now"], sort=False
    ):
        mean = rows.mean(numeric_only=True)
        lines.append(
            f"| {scene} | {seeds} | {what} | {now} | {mean['coverage']:.1%} ({rows['coverage'].min():.1%}) "
            f"| {mean['narrowest_third']:.1%} | {mean['widest_third']:.1%} | {mean['mean_width']:.4f} "
            f"| {mean['width_95']:.4f} |"
        )
    false = _head(["scene", "seeds", "before (highest)", "now (highest)", "mean and trimmed mean both (highest)"])
    for (scene, seeds), rows in table[table["quantity"] == FALSE_EQUIVALENCE].groupby(["scene", "seeds"], sort=False):
        by = rows.groupby("method")["coverage"].agg(["mean", "max"])
        order = [by.index.str.contains(one).argmax() for one in (BEFORE, IN_TABLES, "trimmed")]
        said = [f"{by['mean'].iloc[at]:.1%} ({by['max'].iloc[at]:.1%})" for at in order]
        false.append(f"| {scene} | {seeds} | {' | '.join(said)} |")
    now = told[(told["now"] == "now") & (told["quantity"] != FALSE_EQUIVALENCE)]
    goal = now["coverage"].between(LOWEST, HIGHEST)
    worst = now.loc[now["coverage"].idxmin()]
    text = (
        f"Made by `python -m bench.coverage`, {table['simulations'].max()} simulations a row; {len(now)} intervals "
        f"that the tables would print, {goal.sum()} of them with a coverage of {LOWEST:.0%} to {HIGHEST:.0%}, "
        f"{(now['coverage'] < LOWEST).sum()} below, {(now['coverage'] > HIGHEST).sum()} above. The lowest is "
        f"{worst['coverage']:.1%}: {worst['quantity']} of {worst['variants']}, {worst['scene']}, "
        f"{worst['seeds']} seeds. "
        "A number whose interval falls short carries a note with the simulated coverage. `before`: each network's own "
        "seeds, Hall's transformation for means. Coverage, widths and rates are means over the scene's networks or "
        "pairs. All methods, also those that the tables do not use, are in coverage.csv. The observed scenes are of "
        f"results/cpu/scores.parquet with the sha256 {file_hash(SCORES)[:12]}…."
    )
    rate = "How often a difference that lies on the margin is called within it (nominal 5%):"
    return "\n\n".join(["# Coverage of the intervals", text, "\n".join(lines), rate, "\n".join(false)]) + "\n"


def _head(columns: Sequence[str]) -> list[str]:
    return [f"| {' | '.join(columns)} |", "|" + " --- |" * len(columns)]


def main(simulations: int) -> pd.DataFrame:
    """Every scene with every number of seeds."""
    rng, rows, seen = np.random.default_rng(0), [], observed()
    for seeds in tqdm(SEEDS, unit="number of seeds"):
        for scene, drawn in DRAWN.items():
            films = sum(drawn.parts.values())
            found = study(drawn, [(0,), (0, 1)], seeds, simulations, rng)
            rows += [{"scene": scene, "films": films} | one for one in found]
        for scene, like in seen.items():
            count = len(like.films)
            pairs: list[tuple[int, ...]] = [*((i,) for i in range(count)), *combinations(range(count), 2)]
            found = study(like, pairs, seeds, simulations, rng)
            rows += [{"scene": f"{scene}, {OBSERVED}", "films": len(like.strata)} | one for one in found]
    return pd.DataFrame(rows)


if __name__ == "__main__":
    table = main(int(sys.argv[1]) if len(sys.argv) > 1 else 4_000)
    OUTPUT.parent.mkdir(exist_ok=True)
    table.round(4).to_csv(OUTPUT, index=False)
    OUTPUT.with_suffix(".md").write_text(page(table), encoding="utf-8")
    print(page(table))
