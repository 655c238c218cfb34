"""Differences between two networks as a reader sees them: of the later one, with its seeds and what is printed."""

from dataclasses import dataclass

import pandas as pd

from lungseg.claims.evidence import find_pair
from lungseg.paper import Paper
from lungseg.statistics.score_blocks import pooled_films


@dataclass(frozen=True)
class Gain:
    """What one network gains over another.

    Args:
        against: The other.
        difference: Ours, with low and high, its interval.
        low: See difference.
        high: See difference.
        printed: The paper's; None where it prints none.
        seeds: The difference of the two trainings with the same seed, for each seed that both have.
    """

    against: str
    difference: float
    low: float
    high: float
    printed: float | None
    seeds: tuple[float, ...]


def seed_means(scores: pd.DataFrame, train_on: str, test_on: str) -> pd.DataFrame:
    """Each training's mean over films.

    Args:
        scores: The table scores.csv.
        train_on: A training set.
        test_on: A data set, or `pooled`.

    Returns:
        Index variant, seed; a column per metric.
    """
    own = pooled_films(scores) if test_on == "pooled" else scores[scores["test_on"] == test_on]
    own = own[own["train_on"] == train_on]
    return own.groupby(["variant", "seed"]).mean(numeric_only=True)


def of_seeds(means: pd.Series, one: str, other: str) -> tuple[float, ...]:
    """One variant less the other, for each seed that both have.

    Args:
        means: Index variant, seed.
        one: A variant.
        other: Another.
    """
    variants = means.index.get_level_values("variant")
    if not {one, other} <= set(variants):
        return ()
    return tuple((means[one] - means[other]).dropna())


def claimed_gains(
    comparisons: pd.DataFrame, scores: pd.DataFrame, paper: Paper, train_on: str, test_on: str
) -> list[Gain]:
    """The gains that the paper's headline is about: its network over each of the others in the paper's table.

    Args:
        comparisons: The table comparisons.csv.
        scores: The table scores.csv.
        paper: Whose headline.
        train_on: The training set to show.
        test_on: The test set to show.

    Returns:
        In the order of print; empty where the paper has no headline or none of the pairs was run.
    """
    if paper.headline is None:
        return []
    own, metric = paper.headline.variant, paper.headline.metric
    shown = comparisons[(comparisons["train_on"] == train_on) & (comparisons["test_on"] == test_on)]
    means = seed_means(scores, train_on, test_on)[metric]
    rows = []
    for other in paper.networks:
        if pair := find_pair(shown, own, other, metric):
            ours, low, high = (float(pair[key]) for key in ("difference", "low", "high"))
            printed, seeds = paper.gain(own, other, metric), of_seeds(means, own, other)
            rows.append(Gain(other, ours, low, high, printed, seeds))
    return rows
