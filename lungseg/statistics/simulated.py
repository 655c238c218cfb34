"""What a simulation says of an interval like this one: the note beside a number whose interval does not hold.

bench/coverage.py draws experiments from films as they were scored, with a known truth, and writes how often intervals
held it. That depends on what is estimated, on how many seeds there are, and on how skewed the value's distribution is:
where one film in a hundred makes the tail, a sample without that film looks harmless and is too sure.

A note has up to two parts: what a simulation says, and the interval by a variance common to all networks, where the
networks' own makes it shorter (`comparisons`).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

IN_TABLES = "in the tables"  # what the bench calls the method that the tables use
BEFORE = "before"  # and the one of tables without a column seed_variance
PERCENTILE = "crossed bootstrap, percentile"  # that of ratios of all pixels together
OBSERVED = "as observed"  # and the scenes made of scored films
FALSE_EQUIVALENCE = "within the margin"
LEVEL = 0.95  # the only one simulated
LOWEST = 0.93  # from here on an interval holds
COMMON = "common seed variance"  # with which the part of a note begins that tells the interval by it
BETWEEN = "; "  # of the parts of a note
FALSELY = "falsely within the margin"  # how a note begins that tells of nothing else
ONE_RUN = "one run"  # the note where a side is a single run, and no pool says how much its seeds vary


def simulated(note: object) -> str:
    """What a note tells of a simulation; empty where it tells something else, or nothing."""
    return BETWEEN.join(part for part in str(note).split(BETWEEN) if "simulated" in part)


def of_such(note: object) -> str:
    """The same as a part of a sentence."""
    if not (said := simulated(note)):
        return ""
    return f"of such differences, {said}" if said.startswith(FALSELY) else f"of such intervals: {said}"


def by_common_variance(note: object) -> str:
    """The interval that a note tells beside the one of its row, as `LOW to HIGH`; empty where it tells none."""
    told = (part.removeprefix(f"{COMMON}: ") for part in str(note).split(BETWEEN) if part.startswith(COMMON))
    return next(told, "")


def turned_round(note: object) -> object:
    """The note of b against a, from that of a against b."""
    if not (told := by_common_variance(note)):
        return note
    low, high = (float(number) for number in told.split(" to "))
    return str(note).replace(told, f"{0 - high:+.4f} to {0 - low:+.4f}")


def noted(table: pd.DataFrame, coverage: pd.DataFrame, level: float) -> list[str]:
    """The notes of a table, with what a simulation says added to each; a single run's note stands alone.

    Args:
        table: As of `notes`, with a column note.
        coverage: As of `notes`.
        level: As of `notes`.
    """
    pairs = zip(table["note"], notes(table, coverage, level), strict=True)
    return [
        ONE_RUN if own == ONE_RUN else BETWEEN.join(part for part in (own, said) if isinstance(part, str) and part)
        for own, said in pairs
    ]


def notes(table: pd.DataFrame, coverage: pd.DataFrame, level: float) -> list[str]:
    """One note per row of estimates.csv or comparisons.csv; empty where the simulated coverage is at least 93 %.

    A row is judged by the scene, of films as they were scored, of the same quantity (mean or difference) with the
    nearest number of films, which is that of its own test set, among these the nearest number of seeds, and among these
    the nearest skewness: `nominal 95%, simulated 89% at this shape`. Where a difference is called within the margin,
    the share of such calls that were false at the margin is told when it is surely above 5 %. A ratio of all pixels
    together has a percentile interval and no skewness: it is told what such intervals do for means.

    Args:
        table: With columns metric, images, seeds or seeds_a and seeds_b, skewness, and for comparisons relevance.
        coverage: bench/results/coverage.csv.
        level: Of the intervals; at another level than 95 % nothing is known and all notes are empty.
    """
    if level != LEVEL:
        return [""] * len(table)
    observed = coverage[coverage["scene"].str.contains(OBSERVED)]
    used = observed[observed["method"].str.contains(IN_TABLES)]
    percentile = observed[(observed["method"] == PERCENTILE) & (observed["quantity"] == "mean")]
    return [
        _of_percentiles(row, percentile) if str(row["metric"]).endswith("_pooled") else _note(row, used)
        for row in table.to_dict("records")
    ]


def _of_percentiles(row: Mapping[Any, Any], percentile: pd.DataFrame) -> str:
    found = _alike(percentile, row["images"], row["seeds"])["coverage"]
    if found.min() >= LOWEST:
        return ""
    return f"percentile interval: nominal {LEVEL:.0%}, of means simulated {found.min():.0%} to {found.max():.0%}"


def _note(row: Mapping[Any, Any], used: pd.DataFrame) -> str:
    if pd.isna(row["skewness"]):
        return ""
    quantity, seeds = ("mean", row["seeds"]) if "seeds" in row else ("difference", min(row["seeds_a"], row["seeds_b"]))
    said = []
    scene = nearest(used[used["quantity"] == quantity], row["images"], seeds, row["skewness"])
    if scene["coverage"] < LOWEST:
        said.append(f"nominal {LEVEL:.0%}, simulated {scene['coverage']:.0%} at this shape")
    if row.get("relevance") == "within":
        scene = nearest(used[used["quantity"] == FALSE_EQUIVALENCE], row["images"], seeds, row["skewness"])
        if scene["coverage_low"] > 1 - LEVEL:
            said.append(f"{FALSELY}: nominal {1 - LEVEL:.0%}, simulated {scene['coverage']:.0%}")
    return "; ".join(said)


def nearest(scenes: pd.DataFrame, films: int, seeds: int, skewness: float) -> Mapping[Any, Any]:
    """The scene with the nearest numbers of films and seeds and, among these, the nearest size of skewness."""
    among = _alike(scenes, films, seeds)
    return dict(among.iloc[int((among["skewness"].abs() - abs(skewness)).abs().argmin())])


def _alike(scenes: pd.DataFrame, films: int, seeds: int) -> pd.DataFrame:
    """Scenes with the nearest number of films (by the ratio), and of these those with the nearest number of seeds.

    Films come first: fifty of one data set and two hundred of three are other samples, however alike their skewness.
    """
    films_apart = (np.log(scenes["films"]) - np.log(films)).abs()
    among = scenes.loc[films_apart == films_apart.min()]
    seeds_apart = (among["seeds"] - seeds).abs()
    return among.loc[seeds_apart == seeds_apart.min()]
