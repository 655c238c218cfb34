r"""What one training would score on another test set: prediction intervals for the mean that somebody else prints.

Another laboratory has one trained network and its own :math:`n'` films. If both are drawn as ours were, its mean lies
about ours with the variance

.. math:: V = se^2 + \sigma_s^2 + \sigma^2 / n'

where :math:`se` is the standard error of our mean, :math:`\sigma_s^2` how much seeds vary, and :math:`\sigma^2` how
much films do under one network, over all films of the test set whatever their data set. The limits are quantiles of
Student's t, moved towards the tail by the first term of the Cornish-Fisher expansion,
:math:`\bar y + \sqrt V (t + (t^2 - 1) \gamma / 6)`, with :math:`\gamma` the skewness of the other mean less ours.

Seeds' variance from two or three seeds alone makes such limits hold 90 to 93 % instead of 95; from four
degrees of freedom on, which pooling over networks gives, they hold 94 to 95 % (tests/statistics/test_elsewhere.py).

References:
    Geisser (1993), Predictive inference, ch. 2; Cornish, Fisher (1938), Rev Int Stat Inst 5:307.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.stats import t as student

from lungseg.scores.cases import APART
from lungseg.scores.metrics import RATIOS
from lungseg.scores.scoring import PRIMARY, WAY
from lungseg.statistics.contrasts import NONE
from lungseg.statistics.intervals import Estimate, crossed_estimate, possible_interval
from lungseg.statistics.score_blocks import METRICS, Block, blocks, pooled_films
from lungseg.statistics.seeds import SeedVariance, seed_variances

COLUMNS = [
    "variant", "train_on", "test_on", "metric", "mean", "low", "high", "images", "seeds", "their_films", "their_low",
    "their_high",
]  # fmt: skip


def sets_asked(
    scores: pd.DataFrame, train_on: Mapping[str, Sequence[str]], asked: Sequence[str]
) -> dict[str, list[str]]:
    """The data sets of each test set that a printed number may be about.

    Args:
        scores: The table scores.parquet.
        train_on: Training set to its data sets; a test set may be called like it.
        asked: Names of test sets; those that are neither a data set, nor a training set, nor `pooled` are passed over.
    """
    known = {name: [name] for name in scores["test_on"].unique()} | {
        name: list(sets) for name, sets in train_on.items()
    }
    known["pooled"] = list(pooled_films(scores)["test_on"].unique())
    return {name: known[name] for name in asked if name in known}


def elsewhere(
    scores: pd.DataFrame,
    sets: Mapping[str, Sequence[str]],
    films: Sequence[int],
    level: float,
    pool: Sequence[str],
) -> pd.DataFrame:
    """Each network's mean on each test set, and between which values another laboratory's would lie.

    Args:
        scores: The table scores.parquet; networks in the primary way of scoring count.
        sets: Test set to the data sets in it; those without scores are passed over.
        films: Sizes that the other test set may have.
        level: Coverage aimed at, such as 0.95.
        pool: Variants whose seeds' variance is estimated together, as in `seeds`.

    Returns:
        Columns of `COLUMNS`, one row per network, training set, test set, metric and size in `films`. Where one run
        alone stands for a network, nothing tells what another training would give: their_low and their_high are empty.

    Raises:
        InputError: A score is doubled, missing for a film that other runs have, or no number.
    """
    primary = scores[(scores[WAY] == list(PRIMARY)).all(axis=1) & (scores["kind"] == "network")]
    rows = []
    for test_on, names in sets.items():
        here = primary[primary["test_on"].isin(names)].drop(columns=APART, errors="ignore")
        for block in blocks(here):
            if films and block.test_on == "pooled" and set(block.strata) == set(names):
                rows.append(_rows(replace(block, test_on=test_on), films, level, pool))
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=COLUMNS)


def _rows(block: Block, films: Sequence[int], level: float, pool: Sequence[str]) -> pd.DataFrame:
    tables, seeds, shown = [], seed_variances(block, pool), [METRICS.index(name) for name in RATIOS]
    for runs in block.runs:
        estimate = crossed_estimate([runs.metrics], [1], block.strata, [seeds[runs.variant]])
        ours = possible_interval(estimate, level, METRICS)
        for size in films:
            theirs = np.clip(predicted(estimate, runs.metrics, seeds[runs.variant], size, level), 0, 1)
            theirs = np.where(np.array(seeds[runs.variant].source()) == NONE, np.nan, theirs)
            cells = {"metric": METRICS, "mean": estimate.mean, "low": ours[0], "high": ours[1]}
            who = {"variant": runs.variant, "train_on": block.train_on, "test_on": block.test_on}
            sizes = {"images": len(block.films), "seeds": len(runs.metrics), "their_films": size}
            table = pd.DataFrame(who | cells | sizes | {"their_low": theirs[0], "their_high": theirs[1]})
            tables.append(table.iloc[shown])
    return pd.concat(tables)[COLUMNS]


def predicted(
    ours: Estimate,
    scores: Float[np.ndarray, "seed image metric"],
    seeds: SeedVariance,
    films: int,
    level: float,
) -> Float[np.ndarray, "2 metric"]:
    """Limits of the mean of one training over `films` other films.

    Args:
        ours: Our mean.
        scores: Behind it.
        seeds: How its seeds vary.
        films: Of the other test set.
        level: Coverage aimed at.
    """
    size = scores.shape[1]
    if size < 2:
        return np.full((2, scores.shape[2]), np.nan)
    off = scores - scores.mean(axis=1, keepdims=True)
    of_films = (off**2).sum(axis=1).mean(axis=0) / (size - 1)
    third = (off**3).mean(axis=(0, 1))
    variance = ours.se**2 + seeds.variance + of_films / films
    parts = [(ours.se**2, ours.df), (seeds.variance, seeds.df), (of_films / films, size - 1)]
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = sum(part**2 / df for part, df in parts)
        df = np.where(spread > 0, variance**2 / spread, np.inf)
        skewness = (third / films**2 - ours.skewness * ours.se**3) / variance**1.5
    skewness = np.where(variance > 0, skewness, 0)
    reach = student.ppf((1 + level) / 2, np.maximum(df, 1))
    bend = (reach**2 - 1) * skewness / 6
    return ours.mean + np.sqrt(variance) * np.stack([bend - reach, bend + reach])
