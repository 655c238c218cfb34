"""Do 95% intervals hold the truth in 95% of experiments? A simulation in which the truth is known.

    python bench/coverage.py [SIMULATIONS]      10,000 by default, two minutes; writes bench/results/coverage.csv

Dice of a film and a seed is 1 - exp(mu + film + seed + rest): film effects are a gamma variable (a few films are very
bad), seeds and rest are normal. The scenes have the spread that the runs of config/cpu.yaml show, on that scale.
The mean over all films and seeds is known in closed form, the difference of two variants with the same mu is 0.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import bootstrap, norm
from statsmodels.stats.proportion import proportion_confint
from tqdm import tqdm

from lungseg.statistics.bootstrap import film_weights, percentile_interval
from lungseg.statistics.comparisons import MARGIN, equivalence
from lungseg.statistics.intervals import Estimate, crossed_estimate, interval

LEVEL, RESAMPLES, BCA_SIMULATIONS = 0.95, 1000, 300
OUTPUT = Path(__file__).parent / "results/coverage.csv"
GOAL = (0.93, 0.97)


@dataclass(frozen=True)
class Scene:
    """How the error 1 - Dice varies, on the scale of its logarithm.

    Args:
        shape: Of the gamma variable; its skewness is 2 / sqrt(shape).
        film: Standard deviation between films.
        seed: Between seeds.
        rest: Of a seed on a film.
        mu: Mean.
    """

    shape: float
    film: float
    seed: float
    rest: float
    mu: float

    def truth(self) -> float:
        """Mean Dice over all films and seeds."""
        root = np.sqrt(self.shape)
        films = np.exp(self.mu - self.film * root) * (1 - self.film / root) ** -self.shape
        return float(1 - films * np.exp(self.seed**2 / 2 + self.rest**2 / 2))

    def films(self, number: int, simulations: int, rng: np.random.Generator) -> np.ndarray:
        """Effects of films, shape (film, simulation)."""
        drawn = rng.gamma(self.shape, size=(number, simulations))
        return self.film * (drawn - self.shape) / np.sqrt(self.shape)

    def dice(self, films: np.ndarray, seeds: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Scores, shape (seed, film, simulation), from effects of films and standard normal effects of seeds."""
        rest = rng.normal(0, self.rest, (len(seeds), *films.shape))
        return np.asarray(1 - np.exp(self.mu + films + self.seed * seeds[:, None] + rest))


SCENES = {
    "montgomery": Scene(1, 0.35, 0.03, 0.08, -3.8),
    "shenzhen": Scene(4, 0.57, 0.02, 0.07, -3.2),
    "jsrt": Scene(1.5, 0.29, 0.02, 0.08, -3.75),
    "unsteady seeds": Scene(4, 0.57, 0.10, 0.10, -3.2),
}
# The three data sets together, as many test films of each as the published split has.
POOLED = {"montgomery": 28, "shenzhen": 114, "jsrt": 50}
CASES = [
    ("montgomery", {"montgomery": 28}), ("jsrt", {"jsrt": 50}), ("shenzhen", {"shenzhen": 114}), ("pooled", POOLED),
    ("unsteady seeds", {"unsteady seeds": 28}), ("unsteady seeds", {"unsteady seeds": 192}),
]  # fmt: skip


def variant(
    parts: dict[str, int], films: list[np.ndarray], seeds: int, rng: np.random.Generator, shift: float = 0.0
) -> np.ndarray:
    """One variant's scores on all films; its seeds are its own and the same on every data set."""
    effects = rng.normal(size=(seeds, films[0].shape[1]))
    scenes = [replace(SCENES[name], mu=SCENES[name].mu + shift) for name in parts]
    return np.concatenate([scene.dice(own, effects, rng) for scene, own in zip(scenes, films, strict=True)], axis=1)


def truth(parts: dict[str, int], shift: float = 0.0) -> float:
    """Mean Dice of the films' mixture."""
    means = [replace(SCENES[name], mu=SCENES[name].mu + shift).truth() for name in parts]
    return float(np.average(means, weights=list(parts.values())))


def shift_for(parts: dict[str, int], difference: float) -> float:
    """The mu that makes a second variant's mean lower by a difference."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if truth(parts) - truth(parts, middle) < difference else (low, middle)
    return low


def percentiles(groups: list[np.ndarray], signs: list[int], strata: list[str], rng: np.random.Generator) -> np.ndarray:
    """Percentile limits of the crossed bootstrap for every simulation."""
    weights, means = film_weights(strata, RESAMPLES, rng), 0.0
    for sign, group in zip(signs, groups, strict=True):
        seeds, films, simulations = group.shape
        per_seed = (weights @ group.transpose(1, 0, 2).reshape(films, -1)).reshape(RESAMPLES, seeds, simulations)
        drawn = rng.multinomial(seeds, np.full(seeds, 1 / seeds), size=RESAMPLES) / seeds
        means = means + sign * np.einsum("rsm,rs->rm", per_seed, drawn)
    return percentile_interval(means, LEVEL)


def bca(group: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """SciPy's BCa over films alone, of means over seeds."""
    films = group.mean(axis=0)[:, :BCA_SIMULATIONS]
    found = bootstrap((films,), np.mean, axis=0, n_resamples=RESAMPLES, method="BCa", rng=rng).confidence_interval
    return np.stack([found.low, found.high])


def methods(
    groups: list[np.ndarray], signs: list[int], strata: list[str], rng: np.random.Generator
) -> Iterator[tuple[str, np.ndarray]]:
    """Name and limits of every method, for every simulation."""
    estimate = crossed_estimate(groups, signs, strata)
    plain = Estimate(estimate.mean, estimate.se, estimate.df, np.zeros_like(estimate.mean))
    if len(groups) == 1:
        yield "crossed t, Hall (in the tables)", interval(estimate, LEVEL)
        yield "crossed t", interval(plain, LEVEL)
        if len(set(strata)) == 1:
            yield "BCa over films", bca(groups[0], rng)
    else:
        yield "crossed t (in the tables)", interval(plain, LEVEL)
    yield "crossed bootstrap, percentile", percentiles(groups, signs, strata, rng)


def row(limits: np.ndarray, true: float) -> dict[str, object]:
    """How often intervals held the truth."""
    low, high = limits
    simulations, held = len(low), int(((low <= true) & (true <= high)).sum())
    sure = proportion_confint(held, simulations, method="wilson")
    honest = "short" if sure[1] < GOAL[0] else "wide" if sure[0] > GOAL[1] else "yes"
    return {
        "simulations": simulations, "coverage": held / simulations, "coverage_low": sure[0], "coverage_high": sure[1],
        "median_width": float(np.median(high - low)), "missed_below": float((high < true).mean()),
        "missed_above": float((low > true).mean()), "honest": honest,
    }  # fmt: skip


def study(
    scene: str, parts: dict[str, int], seeds: int, simulations: int, rng: np.random.Generator
) -> list[dict[str, object]]:
    """All methods in one scene."""
    strata = [name for name, number in parts.items() for _ in range(number)]
    films = [SCENES[name].films(number, simulations, rng) for name, number in parts.items()]
    here = {"scene": scene, "seeds": seeds, "films": len(strata)}
    a, b = (variant(parts, films, seeds, rng) for _ in range(2))
    worse = variant(parts, films, seeds, rng, shift_for(parts, MARGIN))
    rows = []
    for quantity, groups, signs, true in (("mean", [a], [1], truth(parts)), ("difference", [a, b], [1, -1], 0.0)):
        rows += [
            here | {"quantity": quantity, "method": method} | row(limits, true)
            for method, limits in methods(groups, signs, strata, rng)
        ]
    estimate = crossed_estimate([a, worse], [1, -1], strata)
    p = [equivalence(*one) for one in zip(estimate.mean, estimate.se, estimate.df, strict=True)]
    wrong, sure = float(np.mean(np.array(p) < 1 - LEVEL)), norm.ppf(0.975)
    error = sure * np.sqrt(wrong * (1 - wrong) / simulations)
    told = {
        "simulations": simulations,
        "coverage": wrong,
        "coverage_low": max(wrong - error, 0),
        "coverage_high": wrong + error,
    }
    honest = {"honest": "yes" if wrong - error <= 1 - LEVEL else "short"}
    return [
        *rows,
        here | {"quantity": "called equivalent at the margin", "method": "two one-sided tests"} | told | honest,
    ]


def markdown(table: pd.DataFrame) -> str:
    """The methods of the tables, and the others beside them."""
    rows = [
        "| scene | seeds | films | quantity | method | coverage | honest |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    rows += [
        f"| {r['scene']} | {r['seeds']} | {r['films']} | {r['quantity']} | {r['method']} "
        f"| {r['coverage']:.1%} [{r['coverage_low']:.1%}, {r['coverage_high']:.1%}] | {r['honest']} |"
        for r in table.to_dict("records")
    ]
    used = table[table["method"].str.contains("in the tables")]
    short = used[used["honest"] == "short"]
    worst = used.loc[used["coverage"].idxmin()]
    text = (
        f"Made by `python bench/coverage.py`, {table['simulations'].max()} simulations a row. Aimed at 95%; `short` is "
        f"surely below {GOAL[0]:.0%}, `wide` surely above {GOAL[1]:.0%}. Of the {len(used)} intervals that the tables "
        f"print, {len(short)} fall short; the lowest coverage is {worst['coverage']:.1%}, of the {worst['quantity']} "
        f"over {worst['films']} films ({worst['scene']}, {worst['seeds']} seeds)."
    )
    return "\n\n".join(["# Coverage of the intervals", text, "\n".join(rows)]) + "\n"


def main(simulations: int) -> pd.DataFrame:
    """Run every case."""
    rng, rows = np.random.default_rng(0), []
    for seeds, (scene, parts) in tqdm([(seeds, case) for seeds in (2, 5) for case in CASES], unit="case"):
        rows += study(scene, parts, seeds, simulations, rng)
    return pd.DataFrame(rows)


if __name__ == "__main__":
    found = main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
    OUTPUT.parent.mkdir(exist_ok=True)
    found.round(5).to_csv(OUTPUT, index=False)
    OUTPUT.with_suffix(".md").write_text(markdown(found), encoding="utf-8")
    print(markdown(found))
