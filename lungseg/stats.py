"""Scores per seed and image -> means with intervals, and differences between variants.

A cell is the mean over seeds of the mean over images. Seeds and images are crossed: every seed's network sees the same
films. The interval therefore resamples both, independently of each other, films within their data set: the crossed or
pigeonhole bootstrap. The film is the unit; pixels never are.

References: Owen (2007), The pigeonhole bootstrap, Annals of Applied Statistics 1(2), https://doi.org/10.1214/07-AOAS122
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.stats import wilcoxon
from statsmodels.stats.multitest import multipletests

from lungseg.errors import InputError
from lungseg.metrics import COUNTS, RATIOS, ratios

METRICS = ["dice", "iou", "precision", "recall", "loss", "accuracy"]
POOLED = [f"{name}_pooled" for name in RATIOS]
COMPARED = ["dice", "iou"]
RUN = ["variant", "train_on", "seed"]


@dataclass(frozen=True)
class Block:
    """All scores of one training set on one test set.

    Args:
        train_on: The training set.
        test_on: The test set, a data set or `pooled`.
        variants: Names along the first axis.
        strata: Data set of each image.
        metrics: Scores per image; last axis in the order of `METRICS`.
        counts: Pixels per image; last axis in the order of `COUNTS`.
    """

    train_on: str
    test_on: str
    variants: list[str]
    strata: list[str]
    metrics: Float[np.ndarray, "variant seed image metric"]
    counts: Float[np.ndarray, "variant seed image count"]


@dataclass(frozen=True)
class Inference:
    """The tables estimates.csv and comparisons.csv."""

    estimates: pd.DataFrame
    comparisons: pd.DataFrame


def infer(scores: pd.DataFrame, resamples: int, level: float, rng: np.random.Generator) -> Inference:
    """Estimate every cell and compare every pair of variants.

    Intervals are percentiles of the crossed bootstrap. A pair is compared on the same films: both means of a resample
    have the same weights of films and their own of seeds. `p` is the Wilcoxon signed-rank test of the films'
    differences of means over seeds, `p_holm` is corrected for all pairs of one training set, test set and metric.

    Args:
        scores: The table scores.csv.
        resamples: How many.
        level: Coverage aimed at, such as 0.95.
        rng: Where the resamples come from.

    Raises:
        InputError: A score is doubled, missing for a film that other runs have, or no number.
    """
    estimates, comparisons = [], []
    for block in blocks(scores):
        means, draws = cell_means(block, None, rng), cell_means(block, resamples, rng)
        estimates.append(_estimates(block, means[0], draws, level))
        comparisons.append(_comparisons(block, means[0], draws, level))
    return Inference(pd.concat(estimates, ignore_index=True), pd.concat(comparisons, ignore_index=True))


def blocks(scores: pd.DataFrame) -> Iterator[Block]:
    """Cut a table of scores into complete blocks, one per training set and test set; `pooled` is all test sets.

    Raises:
        InputError: As `infer`.
    """
    _refuse_gaps(scores)
    for train_on, table in scores.groupby("train_on", sort=False):
        variants = list(table["variant"].unique())
        for test_on in [*table["test_on"].unique(), "pooled"]:
            rows = table if test_on == "pooled" else table[table["test_on"] == test_on]
            rows = rows.set_index(["variant", "seed", "test_on", "image_id"]).sort_index()
            shape = (len(variants), rows.index.get_level_values("seed").nunique(), -1)
            order = [rows.loc[[variant]] for variant in variants]
            metrics, counts = (
                np.stack([part[columns].to_numpy(dtype=float) for part in order]).reshape(*shape, len(columns))
                for columns in (METRICS, COUNTS)
            )
            strata = list(order[0].index.get_level_values("test_on")[: metrics.shape[2]])
            yield Block(str(train_on), str(test_on), variants, strata, metrics, counts)


def _refuse_gaps(scores: pd.DataFrame) -> None:
    key = [*RUN, "test_on", "image_id"]
    remedy = "Delete the table and score again."
    if (doubled := scores.duplicated(key)).any():
        raise InputError("scores", f"two rows for {_row(scores, doubled)}", "one", remedy)
    if (empty := scores[METRICS + COUNTS].isna().any(axis=1)).any():
        raise InputError("scores", f"no number for {_row(scores, empty)}", "a number in every column", remedy)
    for train_on, table in scores.groupby("train_on"):
        films, runs = (table[names].drop_duplicates() for names in (["test_on", "image_id"], ["variant", "seed"]))
        full = films.merge(runs["variant"].drop_duplicates(), how="cross")
        full = full.merge(runs["seed"].drop_duplicates(), how="cross")
        joined = full.merge(table[list(full.columns)], how="left", indicator=True)
        if (gaps := joined["_merge"] != "both").any():
            first = joined.loc[gaps, full.columns].iloc[0].to_dict()
            raise InputError("scores", f"no row for {first} trained on {train_on}", "every run on every film", remedy)


def _row(scores: pd.DataFrame, where: pd.Series) -> str:
    return str(scores.loc[where, [*RUN, "test_on", "image_id"]].iloc[0].to_dict())


def cell_means(
    block: Block, resamples: int | None, rng: np.random.Generator
) -> Float[np.ndarray, "resample variant metric"]:
    """Means of every variant and metric of a block, as they are or resampled.

    Args:
        block: Scores of some variants on the same films.
        resamples: How many; None for one row with the means of the scores themselves.
        rng: Where the resamples come from.

    Returns:
        The last axis is in the order of `METRICS`, then `POOLED`.
    """
    variants, seeds, images, _ = block.metrics.shape
    if resamples is None:
        films, runs = np.full((1, images), 1 / images), np.full((1, variants, seeds), 1 / seeds)
    else:
        films = film_weights(block.strata, resamples, rng)
        runs = rng.multinomial(seeds, np.full(seeds, 1 / seeds), size=(resamples, variants)) / seeds
    per_seed = np.concatenate([_over_films(films, block.metrics), ratios(_over_films(films, block.counts))], axis=-1)
    return np.einsum("rvsm,rvs->rvm", per_seed, runs)


def film_weights(strata: list[str], resamples: int, rng: np.random.Generator) -> Float[np.ndarray, "resample image"]:
    """How much each film counts in each resample; every data set keeps its share. Rows sum to one."""
    names = np.array(strata)
    weights = np.empty((resamples, len(names)))
    for stratum in dict.fromkeys(strata):
        rows = names == stratum
        size = int(rows.sum())
        weights[:, rows] = rng.multinomial(size, np.full(size, 1 / size), size=resamples)
    return weights / len(names)


def _over_films(
    weights: Float[np.ndarray, "resample image"], values: Float[np.ndarray, "variant seed image column"]
) -> Float[np.ndarray, "resample variant seed column"]:
    """Weighted sums over films, one matrix product for the whole block."""
    variants, seeds, images, columns = values.shape
    flat = np.moveaxis(values, 2, 0).reshape(images, -1)
    return (weights @ flat).reshape(len(weights), variants, seeds, columns)


def _limits(draws: Float[np.ndarray, "resample *any"], level: float) -> Float[np.ndarray, "2 *any"]:
    return np.quantile(draws, [(1 - level) / 2, (1 + level) / 2], axis=0)


def _estimates(
    block: Block,
    means: Float[np.ndarray, "variant metric"],
    draws: Float[np.ndarray, "resample variant metric"],
    level: float,
) -> pd.DataFrame:
    names = METRICS + POOLED
    index = pd.MultiIndex.from_product([block.variants, names], names=["variant", "metric"])
    low, high = _limits(draws, level)
    columns = {"mean": means.ravel(), "low": low.ravel(), "high": high.ravel()}
    table = pd.DataFrame(columns, index=index).reset_index()
    table = table.assign(train_on=block.train_on, test_on=block.test_on)
    table = table.assign(images=block.metrics.shape[2], seeds=block.metrics.shape[1])
    return table[["variant", "train_on", "test_on", "metric", "mean", "low", "high", "images", "seeds"]]


def _comparisons(
    block: Block,
    means: Float[np.ndarray, "variant metric"],
    draws: Float[np.ndarray, "resample variant metric"],
    level: float,
) -> pd.DataFrame:
    rows = []
    for metric in COMPARED:
        column, family = METRICS.index(metric), []
        per_film = block.metrics[..., column].mean(axis=1)
        for a, b in combinations(range(len(block.variants)), 2):
            low, high = _limits(draws[:, a, column] - draws[:, b, column], level)
            pair = {"variant_a": block.variants[a], "variant_b": block.variants[b]}
            cell = {"train_on": block.train_on, "test_on": block.test_on, "metric": metric}
            difference = {"difference": means[a, column] - means[b, column], "low": low, "high": high}
            family.append(pair | cell | difference | {"p": _wilcoxon(per_film[a] - per_film[b])})
        if family:
            corrected = multipletests([row["p"] for row in family], method="holm")[1]
            rows += [row | {"p_holm": p} for row, p in zip(family, corrected, strict=True)]
    names = ["variant_a", "variant_b", "train_on", "test_on", "metric", "difference", "low", "high", "p", "p_holm"]
    return pd.DataFrame(rows, columns=names)


def _wilcoxon(differences: Float[np.ndarray, " image"]) -> float:
    """Two-sided p of the signed-rank test; 1 where all films score the same."""
    return float(wilcoxon(differences).pvalue) if differences.any() else 1.0
