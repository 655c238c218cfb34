"""How good networks are after learning from fewer films: training sets that differ in nothing but their number."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from lungseg.claims.evidence import find_pair
from lungseg.config import Experiment
from lungseg.data.subset import curve_sets
from lungseg.report.page_tables import records
from lungseg.report.results import Results

POINTS = ["variant", "films", "train_on", "mean", "low", "high"]
DIFFERENCES = ["variant", "against", "films", "train_on", "difference", "low", "high"]


@dataclass(frozen=True)
class Curves:
    """Learning curves of Dice on one test set.

    Args:
        points: Columns of `POINTS`, by variant and number of films; of variants with two numbers or more.
        differences: Columns of `DIFFERENCES`, likewise: each other variant less the first (`against`).
    """

    points: pd.DataFrame
    differences: pd.DataFrame

    @property
    def variants(self) -> list[str]:
        """The networks that have a curve."""
        return [str(variant) for variant in self.points["variant"].unique()]


def film_numbers(
    train_on: Mapping[str, Sequence[str]], films: Mapping[str, int], shown: str, splits: Mapping[str, pd.DataFrame]
) -> dict[str, int]:
    """How many films each of the training sets of `curve_sets` learns from, the fewest first.

    A limited one has as many as `films` says: a training that asks for more than there are is refused.

    Args:
        train_on: Training set to its data sets.
        films: Training sets that learn from so many films alone.
        shown: The training set of Table 1.
        splits: Data set to its table splits/{dataset}.csv; read where there are such sets.
    """
    sets = curve_sets(train_on, films, shown)
    whole = sum(int((splits[name]["part"] == "train").sum()) for name in train_on[shown]) if sets else 0
    return dict(sorted(((name, films.get(name, whole)) for name in sets), key=lambda pair: pair[1]))


def make_curves(estimates: pd.DataFrame, comparisons: pd.DataFrame, numbers: Mapping[str, int], test_on: str) -> Curves:
    """Means and differences at each number of films.

    Args:
        estimates: The table estimates.csv.
        comparisons: The table comparisons.csv; where it lacks a pair there is no difference.
        numbers: As from `film_numbers`.
        test_on: The test set to show.
    """
    here = estimates[(estimates["metric"] == "dice") & (estimates["test_on"] == test_on)]
    here = here[here["train_on"].isin(list(numbers)) & here["mean"].notna()]
    points = here.assign(films=here["train_on"].map(dict(numbers)))[POINTS]
    points = points[points.groupby("variant")["films"].transform("nunique") > 1]
    variants = [str(name) for name in estimates["variant"].unique() if name in set(points["variant"])]
    pairs = comparisons[comparisons["test_on"] == test_on]
    rows = [row for name in numbers for row in _differences(pairs[pairs["train_on"] == name], variants)]
    differences = pd.DataFrame(rows, columns=[name for name in DIFFERENCES if name != "films"])
    differences = differences.assign(films=differences["train_on"].map(dict(numbers)))[DIFFERENCES]
    return Curves(_ordered(points, variants), _ordered(differences, variants))


def _differences(pairs: pd.DataFrame, variants: Sequence[str]) -> list[dict[str, Any]]:
    """The rows of one training set: each other variant less the first, where the two were compared."""
    rows = []
    for variant in variants[1:]:
        if found := find_pair(pairs, variant, variants[0], "dice"):
            kept = {key: found[key] for key in ("train_on", "difference", "low", "high")}
            rows.append({"variant": variant, "against": variants[0]} | kept)
    return rows


def _ordered(table: pd.DataFrame, variants: Sequence[str]) -> pd.DataFrame:
    """The table by variant, in this order, and number of films."""
    places = {variant: place for place, variant in enumerate(variants)}
    by = table.assign(place=table["variant"].map(places)).sort_values(["place", "films"], kind="stable")
    return by.drop(columns="place").reset_index(drop=True)


def curves_of(results: Results) -> Curves:
    """The learning curves of finished results; without points where no training set is limited."""
    experiment, shown = results.experiment(), results.experiment().table1
    sets = (experiment.train_on, experiment.films, shown.train_on)
    splits = {name: results.table(f"splits/{name}") for name in experiment.train_on[shown.train_on]}
    numbers = film_numbers(*sets, splits)
    return make_curves(results.table("estimates"), results.table("comparisons"), numbers, shown.test_on)


def curve_rows(curves: Curves) -> list[dict[str, Any]]:
    """Rows for the page, one for each training set with the fewest films first.

    Returns:
        train_on, films, and cells in the order of the variants: the row of `Curves.points` with the one of
        `Curves.differences` under `less`; None where there is none.
    """
    less = {(row["train_on"], row["variant"]): row for row in records(curves.differences)}
    points = {(row["train_on"], row["variant"]): row for row in records(curves.points)}
    cells = {key: row | {"less": less.get(key)} for key, row in points.items()}
    sets = curves.points.sort_values("films", kind="stable").drop_duplicates("train_on")
    return [
        {"train_on": name, "films": films, "cells": [cells.get((name, variant)) for variant in curves.variants]}
        for name, films in zip(sets["train_on"], sets["films"], strict=True)
    ]


def length_in_words(experiment: Experiment, variants: Iterable[str]) -> str:
    """What the length of the trainings means for fewer films.

    Args:
        experiment: What was run.
        variants: The networks that have a curve.
    """
    steps = "as many steps on each set, so that of fewer films each is seen more often"
    epochs = "as many passes over each set, so that fewer films also mean fewer steps"
    kinds = {experiment.trained_as(variant).steps is not None for variant in variants}
    if len(kinds) == 1:
        return f"A network takes {steps if kinds.pop() else epochs}."
    return f"Some networks take {steps}; others take {epochs}."
