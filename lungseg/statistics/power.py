r"""What an experiment could have found: the smallest difference, and how many seeds and films smaller ones would take.

A difference counts as found where its interval leaves 0 out. With :math:`\delta` the true difference over its standard
error, and c how many standard errors the interval's longer arm reaches, that happens in repetitions of the experiment
with probability

.. math:: P(T > c) = E\,\Phi\left(\delta - c \sqrt{\chi^2_{df}/df}\right)

(noncentral t). Standard error, degrees of freedom and skewness are those of the experiment itself, and as uncertain.
Repetitions estimate the degrees of freedom anew: by simulation 76 to 81 % of them find it where four networks pool
their seeds' variance or have three seeds, and 60 to 71 % where each of two seeds stands alone.
With other numbers of seeds and films the parts of the variance are divided by these. More seeds then need not mean
fewer films: what they leave is the films' part, where a few extreme films make a long arm and few degrees of freedom.

References: Cohen (1988), Statistical power analysis for the behavioral sciences, 2nd ed., ch. 2.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.stats import chi2, norm
from scipy.stats import t as student

from lungseg.statistics.comparisons import Pair, told
from lungseg.statistics.contrasts import NONE, Contrast, contrast
from lungseg.statistics.intervals import Estimate, Parts
from lungseg.statistics.score_blocks import FRACTIONS, Block
from lungseg.statistics.seeds import SeedVariance

POWER = 0.8
DIFFERENCES = (0.001, 0.002, 0.005)  # of Dice
SEEDS = (2, 3, 5, 10, 20)
MOST_FILMS = 100_000
NODES, WEIGHTS = np.polynomial.legendre.leggauss(48)
COLUMNS = [
    "variant_a",
    "variant_b",
    "train_on",
    "test_on",
    "metric",
    "detectable",
    "detectable_holm",
    "seeds",
    "images",
]
SIZES = ["variant_a", "variant_b", "train_on", "test_on", "metric", "difference", "seeds", "films"]
Values = Float[np.ndarray, "*metric"]


@dataclass(frozen=True)
class Power:
    """What could have been found.

    Args:
        detectable: power.csv.
        sizes: sample_sizes.csv.
    """

    detectable: pd.DataFrame
    sizes: pd.DataFrame


def power(
    cut: Sequence[Block],
    seeds: Mapping[tuple[str, str], Mapping[str, SeedVariance]],
    level: float,
    contrasts: Sequence[Pair],
) -> Power:
    """Every pair of variants in every metric, and in Dice how many films other numbers of seeds would need.

    Args:
        cut: Blocks of scores.
        seeds: Training and test set to how much each variant's seeds vary.
        level: Of the intervals, such as 0.95.
        contrasts: The pairs that are corrected together, in either order.

    Returns:
        Two tables with the columns of `COLUMNS` and `SIZES`; a pair of which nothing says how much its seeds vary is in
        neither. `detectable`: the smallest true difference that is found in 80 % of repetitions by its own interval;
        `detectable_holm`: by a p that Holm's correction multiplies by all the pairs, its hardest step; empty where
        none that there can be is found so often, as of networks whose few seeds differ much. `films`: the
        test films, of the same mix, with which `seeds` seeds of either variant find `difference`; empty where 100,000
        would not do.
    """
    rows, sizes, declared = [], [], {frozenset(pair) for pair in contrasts}
    for block in cut:
        runs = {one.variant: one for one in block.runs}
        known = seeds[block.train_on, block.test_on]
        for a, b in combinations(runs, 2):
            one = contrast(block, runs[a], runs[b], told(runs[a], runs[b]), known)
            family = {pair for pair in declared if pair <= set(runs)} | {frozenset({a, b})}
            place = {"variant_a": a, "variant_b": b, "train_on": block.train_on, "test_on": block.test_on}
            rows += [place | row for row in _detectable(one, level, len(family))]
            sizes += [place | row for row in _sizes(one, level)]
    return Power(pd.DataFrame(rows, columns=COLUMNS), pd.DataFrame(sizes, columns=SIZES).astype({"films": "Int64"}))


def _numbers(one: Contrast) -> tuple[float, int]:
    """Seeds (of either; their harmonic mean where they differ) and films."""
    return 2 / (1 / len(one.a.metrics) + 1 / len(one.b.metrics)), one.a.metrics.shape[1]


def _detectable(one: Contrast, level: float, pairs: int) -> Iterator[dict[str, object]]:
    estimate = one.parts.estimate()
    levels = (level, 1 - (1 - level) / pairs)
    alone, corrected = (possible(detectable(estimate, each), one.metrics) for each in levels)
    for i, metric in enumerate(one.metrics):
        if NONE not in one.sources[i]:
            found = {"detectable": alone[i], "detectable_holm": corrected[i]}
            number = min(len(one.a.metrics), len(one.b.metrics))
            yield {"metric": metric} | found | {"seeds": number, "images": one.a.metrics.shape[1]}


def _sizes(one: Contrast, level: float) -> Iterator[dict[str, object]]:
    seeds, films = _numbers(one)
    if "dice" not in one.metrics or NONE in one.sources[one.metrics.index("dice")] or seeds < 2:
        return
    at = [one.metrics.index("dice")]
    dice = Parts(*(getattr(one.parts, name)[at] for name in Parts.__dataclass_fields__))
    wanted = [(difference, number) for difference in DIFFERENCES for number in SEEDS]
    for (difference, number), count in zip(wanted, films_needed(dice, seeds, films, wanted, level), strict=True):
        yield {"metric": "dice", "difference": difference, "seeds": number, "films": count}


def chance(estimate: Estimate, difference: float | Values, level: float) -> Values:
    """Probability that the interval of a repetition leaves 0 out, on the side of a true difference.

    Args:
        estimate: Whose standard error, degrees of freedom and skewness the repetition has; the mean does not matter.
        difference: The true one, above 0.
        level: Of the interval.
    """
    with np.errstate(divide="ignore"):  # nothing varies: any difference is found
        ratio = np.asarray(difference / estimate.se)
    return _chance(ratio, *_arms(estimate, level))


def _arms(estimate: Estimate, level: float) -> tuple[Values, Float[np.ndarray, "*metric 48"]]:
    """How many standard errors the longer arm reaches, and how a repetition's own may differ from it."""
    df = np.minimum(estimate.df, 1e6)
    reach = student.ppf((1 + level) / 2, df)
    reach = reach + np.abs(estimate.skewness) / 6 * (1 + 2 * reach**2)
    return reach, np.sqrt(chi2.ppf((1 + NODES) / 2, df[..., None]) / df[..., None])


def _chance(ratio: Values, reach: Values, spread: Float[np.ndarray, "*metric 48"]) -> Values:
    return np.asarray(norm.cdf(ratio[..., None] - reach[..., None] * spread) @ WEIGHTS / 2)


def detectable(estimate: Estimate, level: float) -> Values:
    """The smallest true difference that 80 % of repetitions find; NaN of one film.

    Args:
        estimate: As of `chance`.
        level: Of the interval.
    """
    arms = _arms(estimate, level)
    low, high = np.zeros_like(estimate.se), np.full_like(estimate.se, 1e6)
    for _ in range(60):
        middle = (low + high) / 2
        enough = _chance(middle, *arms) >= POWER
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return np.asarray(high * estimate.se)


def possible(differences: Values, metrics: Sequence[str], apart: float = 1) -> Values:
    """Differences, NaN where a metric from 0 to 1 has none as large.

    Args:
        differences: Of each metric.
        metrics: Their names.
        apart: The largest that there can be of a metric from 0 to 1.
    """
    fraction = np.array([name in FRACTIONS for name in metrics])
    return np.asarray(np.where(fraction & (differences > apart), np.nan, differences))


def films_needed(
    parts: Parts, seeds: float, films: int, wanted: Sequence[tuple[float, int]], level: float
) -> list[int | None]:
    """How many films find a difference in 80 % of repetitions; None where 100,000 do not.

    Args:
        parts: Of one metric.
        seeds: Behind the parts.
        films: Behind the parts.
        wanted: A difference and a number of seeds each.
        level: Of the interval.
    """
    gap, number = (np.array(column, dtype=float) for column in zip(*wanted, strict=True))
    low, high = np.full(len(wanted), 1.0), np.full(len(wanted), MOST_FILMS + 1.0)
    for _ in range(18):
        middle = np.floor((low + high) / 2)
        enough = chance(
            planned(parts, number / seeds, middle / films, (number - 1) / (seeds - 1)).estimate(), gap, level
        )
        low, high = np.where(enough >= POWER, low, middle), np.where(enough >= POWER, middle, high)
    return [None if count > MOST_FILMS else int(count) for count in high]


def planned(parts: Parts, seeds: Values, films: Values, freedom: Values) -> Parts:
    """The parts of an experiment of another size.

    Args:
        parts: Of an experiment.
        seeds: How many times as many seeds.
        films: How many times as many films.
        freedom: How many times as many degrees of freedom the seeds' variance has.
    """
    both = parts.both / (seeds * films)
    of_films = np.maximum(parts.films - parts.both, 0) / films + both
    of_seeds = np.maximum(parts.seeds - parts.both, 0) / seeds + both
    with np.errstate(invalid="ignore", divide="ignore"):
        grown = [
            np.where(old > 0, (new / old) ** 2, 0) for new, old in ((of_films, parts.films), (of_seeds, parts.seeds))
        ]
    spreads = parts.films_spread * grown[0] / films, parts.seeds_spread * grown[1] / freedom
    return Parts(parts.mean, of_films, of_seeds, both, *spreads, parts.third / films**2)
