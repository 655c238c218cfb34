"""What might the printed numbers be? The same predictions, counted in every way that is in use.

The paper does not say how it counts. This study takes stored probabilities, without training anything again, and asks
which definition comes closest to the printed rows, and which of their impossible relations a definition can produce.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

from lungseg.learning import stored_predictions
from lungseg.shapes import Bool, Float, UInt32

CUTS: dict[str, float | None] = {"soft": None, "0.3": 0.3, "0.5": 0.5, "0.7": 0.7}
SMOOTHS = (0, 1, 100)  # added above and below in Dice and IoU; 1 and 100 are the constants of much copied Keras code
AVERAGING = ("image", "batch", "pooled")
CLASSES = ("lung", "lung and background")
BATCH = 16
METRICS = ["dice", "iou", "recall", "precision", "loss"]
COMPARED = METRICS[:4]  # how the loss is defined is open even when all else is known

Side = Any  # values by metric: a table, or a mapping of arrays
Counts = Float[np.ndarray, "film 4"]  # TP, FP, FN, TN; fractions of pixels where probabilities are counted


@dataclass(frozen=True)
class Definition:
    """One way of counting.

    Args:
        films: A data set, or `pooled` for all.
        part: Of the split.
        size: Of the network's square, or the film's own (`native`).
        cut: Probability above which a pixel is lung, or `soft` for the probability itself.
        smooth: Added to numerator and denominator of Dice and IoU.
        averaging: Over `image`s, over `batch`es of 16 whose pixels are pooled, or everything `pooled`.
        classes: Of `lung` alone, or the mean of that and of the background's.
    """

    films: str
    part: str
    size: str
    cut: str
    smooth: int
    averaging: str
    classes: str


VALUES = [*Definition.__dataclass_fields__, "variant", "metric", "published", "value", "gap"]
COUNTED = ["variant", "seed", "size", "dataset", "part", "cut", "tp", "fp", "fn", "tn"]


def count(logits: Float[np.ndarray, "height width"], truth: Bool[np.ndarray, "height width"]) -> dict[str, list[float]]:
    """TP, FP, FN, TN of one film for every cut; of probabilities where the cut is `soft`."""
    p = expit(logits.astype(np.float32))
    lungs, counted = float(truth.sum()), {}
    for name, threshold in CUTS.items():
        found = p if threshold is None else p > threshold
        right, total = float(found[truth].sum(dtype=float)), float(found.sum(dtype=float))
        counted[name] = [right, total - right, lungs - right, truth.size - total - lungs + right]
    return counted


def count_histogram(histogram: UInt32[np.ndarray, "2 code"]) -> dict[str, list[float]]:
    """The same from how many pixels outside the lungs and in them have each stored value."""
    p = expit(stored_predictions.VALUES.astype(np.float32)).astype(float)
    outside, inside = histogram.astype(float)
    counted = {}
    for name, threshold in CUTS.items():
        found = p if threshold is None else (p > threshold).astype(float)
        right, wrong = float(inside @ found), float(outside @ found)
        counted[name] = [right, wrong, float(inside.sum()) - right, float(outside.sum()) - wrong]
    return counted


def measure(counts: Counts, definition: Definition) -> Float[np.ndarray, " metric"]:
    """The metrics of `METRICS` under a definition; the loss is 1 - Dice.

    Args:
        counts: Of the films that the definition speaks of, counted by its cut.
        definition: How to go on from there.
    """
    step = {"image": 1, "batch": BATCH, "pooled": len(counts)}[definition.averaging]
    groups = np.add.reduceat(counts, np.arange(0, len(counts), step))
    values = _measure(groups, definition.smooth)
    if definition.classes != "lung":
        values = (values + _measure(groups[:, ::-1], definition.smooth)) / 2
    mean = values.mean(axis=0)
    return np.append(mean, 1 - mean[0])


def _measure(groups: Counts, smooth: float) -> Float[np.ndarray, "group 4"]:
    tp, fp, fn, _ = groups.T
    above = [2 * tp + smooth, tp + smooth, tp, tp]
    below = [2 * tp + fp + fn + smooth, tp + fp + fn + smooth, tp + fn, tp + fp]
    return np.stack(
        [np.divide(a, b, out=np.zeros_like(b), where=b > 0) for a, b in zip(above, below, strict=True)], axis=1
    )


def study(counts: pd.DataFrame, printed: pd.DataFrame) -> pd.DataFrame:
    """Every definition's table of the paper's networks.

    Args:
        counts: Columns variant, seed, dataset, part, size, cut, and tp, fp, fn, tn; one row per film.
        printed: The paper's table: index metric, columns variant; NaN where it prints nothing.

    Returns:
        Columns of `Definition`, variant, metric, published, value (mean over seeds), gap (value - published).
    """
    rows: list[dict[str, object]] = []
    for (part, size, cut), of_cut in counts.groupby(["part", "size", "cut"], sort=False):
        for films in ["pooled", *of_cut["dataset"].unique()]:
            chosen = of_cut if films == "pooled" else of_cut[of_cut["dataset"] == films]
            runs = [
                (str(variant), run[["tp", "fp", "fn", "tn"]].to_numpy())
                for (variant, _), run in chosen.groupby(["variant", "seed"], sort=False)
            ]
            for smooth, averaging, classes in product(SMOOTHS, AVERAGING, CLASSES):
                definition = Definition(films, str(part), str(size), str(cut), smooth, averaging, classes)
                measured = pd.DataFrame([measure(run, definition) for _, run in runs], columns=METRICS)
                means = measured.groupby([variant for variant, _ in runs], sort=False).mean()
                rows += [asdict(definition) | row for row in _against_published(means, printed)]
    return pd.DataFrame(rows, columns=VALUES)


def _against_published(means: pd.DataFrame, printed: pd.DataFrame) -> Iterator[dict[str, object]]:
    for variant, values in means.iterrows():
        for metric, value in values.items():
            published = float(printed[str(variant)].get(str(metric), np.nan))
            yield {
                "variant": variant,
                "metric": metric,
                "published": published,
                "value": value,
                "gap": value - published,
            }


def rank(values: pd.DataFrame) -> pd.DataFrame:
    """One row per definition, the closest to the printed table first.

    Args:
        values: As from `study`.

    Returns:
        Columns of `Definition`; distance (mean |gap| over Dice, IoU, recall and precision of all networks), and the
        same for each metric alone; then in how many networks each relation of `RELATIONS` holds.
    """
    fields = list(Definition.__dataclass_fields__)
    if values.empty:  # none of the paper's networks was run
        return pd.DataFrame(columns=[*fields, "distance", *(f"distance_{name}" for name in METRICS), *RELATIONS])
    gaps = values.assign(gap=values["gap"].abs())
    alone = gaps.pivot_table(index=fields, columns="metric", values="gap", aggfunc="mean", sort=False)
    alone = alone.reindex(columns=METRICS)  # empty where the paper has no such column
    distance = gaps[gaps["metric"].isin(COMPARED)].groupby(fields, sort=False)["gap"].mean()
    table = values.pivot_table(index=[*fields, "variant"], columns="metric", values="value", sort=False)
    held = pd.DataFrame({name: relation.holds(table, table) for name, relation in RELATIONS.items()})
    counted = held.groupby(fields, sort=False).sum()
    joined = pd.concat([distance.rename("distance"), alone.add_prefix("distance_"), counted], axis=1)
    return joined.sort_values("distance", kind="stable").reset_index()


@dataclass(frozen=True)
class Relation:
    """A relation that the paper prints and one set of masks cannot have.

    Args:
        left: Metrics on the side that is the larger one in print.
        right: Metrics on the other side.
        holds: Whether it holds, of the values on either side by metric.
    """

    left: tuple[str, ...]
    right: tuple[str, ...]
    holds: Callable[[Side, Side], Any]


RELATIONS = {
    "iou_above_recall": Relation(("iou",), ("recall",), lambda a, b: a["iou"] > b["recall"]),
    "dice_above_mean_of_precision_and_recall": Relation(
        ("dice",), ("precision", "recall"), lambda a, b: a["dice"] > (b["precision"] + b["recall"]) / 2
    ),
    "dice_over_2_minus_dice_above_iou": Relation(
        ("dice",), ("iou",), lambda a, b: a["dice"] / (2 - a["dice"]) > b["iou"]
    ),
}


def relations(values: pd.DataFrame, printed: pd.DataFrame) -> pd.DataFrame:
    """Can the printed relations come from counting? Under one definition, or with two side by side.

    Two definitions are mixed on the same films: the first counts what stands on the larger side of the relation, the
    second the other side.

    Args:
        values: As from `study`.
        printed: The paper's table; a relation that it does not print is left out.

    Returns:
        Columns relation, printed (in how many of the paper's rows it holds), definitions, alone (how many produce it in
        every one of those rows that was run), mixtures (pairs of different definitions), mixed (how many produce it),
        and example and distance: the pair that comes closest to the printed values in words, and its mean |gap|.
    """
    fields = list(Definition.__dataclass_fields__)
    rows = []
    for name, relation in RELATIONS.items():
        if not {*relation.left, *relation.right} <= set(printed.index):
            continue
        held = relation.holds(printed.T, printed.T)
        wanted = list(held[held].index)
        own = values[values["variant"].isin(wanted)]
        if not wanted or own.empty:
            continue
        table = own.pivot_table(index=[*fields, "variant"], columns="metric", values="value", sort=False)
        row = {"relation": name, "printed": len(wanted), "definitions": len(table.groupby(fields))}
        row |= {"alone": 0, "mixtures": 0, "mixed": 0, "example": "", "distance": np.inf}
        for _, group in table.groupby(["films", "part"], sort=False):
            row = _best(row, group, relation, printed)
        rows.append(row)
    columns = ["relation", "printed", "definitions", "alone", "mixtures", "mixed", "example", "distance"]
    return pd.DataFrame(rows, columns=columns)


def _best(row: dict[str, Any], group: pd.DataFrame, relation: Relation, printed: pd.DataFrame) -> dict[str, Any]:
    """Add the definitions of one set of films, with the networks that were run, to the row of a relation."""
    published = printed[list(group.index.get_level_values("variant").unique())]
    variants = published.shape[1]
    keys = [key[:-1] for key in group.index[::variants]]
    sides = {name: group[name].to_numpy().reshape(len(keys), variants) for name in COMPARED}
    held = relation.holds({k: v[:, None] for k, v in sides.items()}, {k: v[None] for k, v in sides.items()}).all(axis=2)
    asked = {name: sides[name] for name in (*relation.left, *relation.right)}
    gaps = {name: np.abs(side - published.loc[name].to_numpy()).mean(axis=1) for name, side in asked.items()}
    left, right = (np.mean([gaps[name] for name in names], axis=0) for names in (relation.left, relation.right))
    distance = np.where(held & ~np.eye(len(keys), dtype=bool), (left[:, None] + right[None]) / 2, np.inf)
    first, second = np.unravel_index(distance.argmin(), distance.shape)
    alone, mixed = int(np.trace(held)), int(held.sum())
    row = row | {"alone": row["alone"] + alone, "mixed": row["mixed"] + mixed - alone}
    row["mixtures"] += len(keys) * (len(keys) - 1)
    if distance[first, second] < row["distance"]:
        row |= {"distance": float(distance[first, second]), "example": _said(keys[first], keys[second])}
    return row


def _said(first: tuple[object, ...], second: tuple[object, ...]) -> str:
    one, two = (Definition(*key) for key in (first, second))  # type: ignore[arg-type]
    told = [
        f"cut {each.cut}, smooth {each.smooth}, averaged by {each.averaging}, {each.classes}, {each.size} size"
        for each in (one, two)
    ]
    return f"{one.films} films of {one.part}: {told[0]}; against {told[1]}"


def count_films(
    variant: str, seed: int, films: Sequence[tuple[str, str]], counted: Sequence[dict[str, list[float]]], size: str
) -> list[dict[str, object]]:
    """Rows of the table that `study` takes.

    Args:
        variant: Of the network.
        seed: Of its training.
        films: Data set and part of each film.
        counted: As from `count`, one per film.
        size: Where they were counted.
    """
    who = {"variant": variant, "seed": seed, "size": size}
    return [
        who | {"dataset": dataset, "part": part, "cut": cut} | dict(zip(("tp", "fp", "fn", "tn"), numbers, strict=True))
        for (dataset, part), film in zip(films, counted, strict=True)
        for cut, numbers in film.items()
    ]
