"""What might the printed numbers be? The same predictions, counted in every way that is in use.

The paper does not say how it counts. This study takes stored probabilities, without training anything again, and asks
which definition comes closest to the printed rows. `mixtures` asks which of their impossible relations a definition can
produce, `yardstick` what being close means, `operating_points` what other cuts give.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import astuple, dataclass, fields

import numpy as np
import pandas as pd

from lungseg.claims.counting import CUTS, Counted, Counts
from lungseg.claims.relations import RELATIONS
from lungseg.shapes import Float

SMOOTHS = (0, 1, 100)  # added above and below in Dice and IoU; 1 and 100 are the constants of much copied Keras code
SQUARE = 256  # pixels on either side of the films for which that code was written
# Films whose pixels are pooled before a ratio is taken; a batch of one film is `image`. Films in a batch have one size.
AVERAGING: dict[str, int | None] = {"image": 1, "pooled": None} | {f"batch of {n}": n for n in (2, 4, 8, 16, 32)}
AVERAGING_NATIVE = ("image", "pooled")
# What Dice, IoU, recall and precision are of: the lung; the mean of lung and background; that mean weighted by how many
# pixels either has; accuracy. After a semicolon: columns that are counted apart, as by separate calls of a library.
CLASSES = {
    "lung": ("lung", "lung", "lung", "lung"),
    "lung and background": ("both", "both", "both", "both"),
    "weighted": ("weighted", "weighted", "weighted", "weighted"),
    "lung; IoU of both": ("lung", "both", "lung", "lung"),
    "lung; Dice and IoU of both": ("both", "both", "lung", "lung"),
    "lung; Dice and IoU weighted": ("weighted", "weighted", "lung", "lung"),
    "lung; accuracy as Dice": ("accuracy", "lung", "lung", "lung"),
    "lung; accuracy as Dice; IoU of both": ("accuracy", "both", "lung", "lung"),
}
ALIKE = [name for name, kinds in CLASSES.items() if len(set(kinds)) == 1]
COMPARED = ["dice", "iou", "recall", "precision"]
# 1 - Dice, 1 - IoU, binary cross-entropy (BCE), BCE + 1 - Dice; with the cut `soft` they are what networks learn from.
LOSSES = ["loss", "loss_iou", "loss_bce", "loss_bce_dice"]
METRICS = [*COMPARED, *LOSSES]  # how the loss is defined is open even when all else is known
DECIMALS = 6  # of what is written down; no printed value has more than three


@dataclass(frozen=True)
class Definition:
    """One way of counting.

    Args:
        films: A data set, or `pooled` for all.
        part: Of the split.
        size: Of the network's square, or the film's own (`native`).
        cut: Probability above which a pixel is lung, or `soft` for the probability itself.
        smooth: Added to numerator and denominator of Dice and IoU, as much of a film as it is of one of 256 x 256.
        averaging: Over which groups of films, a key of `AVERAGING`.
        classes: Of what, a key of `CLASSES`.
    """

    films: str
    part: str
    size: str
    cut: str
    smooth: int
    averaging: str
    classes: str


FIELDS = [field.name for field in fields(Definition)]
VALUES = [*FIELDS, "variant", "metric", "published", "value", "gap"]


@dataclass(frozen=True)
class Study:
    """Every definition's table of the paper's networks.

    Args:
        definitions: Columns of `Definition`.
        variants: The networks that were run.
        measured: Mean over seeds, in the order of `METRICS`; NaN where a definition has no such metric.
        published: What the paper prints, the same for each of `LOSSES`; NaN where it prints nothing.
    """

    definitions: pd.DataFrame
    variants: list[str]
    measured: Float[np.ndarray, "definition variant metric"]
    published: Float[np.ndarray, "variant metric"]

    def table(self) -> pd.DataFrame:
        """Columns of `VALUES`: one row per definition, network and metric; gap is value - published."""
        cells = len(self.variants) * len(METRICS)
        rows = self.definitions.loc[self.definitions.index.repeat(cells)].reset_index(drop=True)
        number, repeated = len(self.definitions), np.repeat(np.arange(len(self.variants)), len(METRICS))
        rows["variant"] = pd.Categorical.from_codes(np.tile(repeated, number), pd.Index(self.variants))
        names = np.tile(np.arange(len(METRICS)), number * len(self.variants))
        rows["metric"] = pd.Categorical.from_codes(names, pd.Index(METRICS))
        rows["published"], rows["value"] = np.tile(self.published.ravel(), number), self.measured.ravel()
        return rows.assign(gap=rows["value"] - rows["published"])[VALUES]


def measure(counts: Counts, definition: Definition) -> Float[np.ndarray, "*any metric"]:
    """The metrics of `METRICS` under a definition.

    Args:
        counts: Of the films that the definition speaks of, the last axis but one, counted by its cut.
        definition: How to go on from there.
    """
    groups = _grouped(counts, AVERAGING[definition.averaging])
    kinds = _kinds(groups, definition.smooth, _films(counts.shape[-2], AVERAGING[definition.averaging]))
    return _chosen(kinds, definition.classes, soft=CUTS.get(definition.cut, 0) is None)


def _films(films: int, step: int | None) -> Float[np.ndarray, " group"]:
    """Number of films in each group."""
    starts = np.arange(0, films, step or max(films, 1))
    return np.diff(np.append(starts, films)).astype(float)


def _grouped(counts: Counts, step: int | None) -> Counts:
    films = counts.shape[-2]
    return counts if step == 1 else np.add.reduceat(counts, np.arange(0, films, step or max(films, 1)), axis=-2)


def _kinds(groups: Counts, smooth: int, films: Float[np.ndarray, " group"]) -> dict[str, Float[np.ndarray, "*any 4"]]:
    """Dice, IoU, recall and precision of every kind that `CLASSES` names, and the cross-entropy, over all groups."""
    counts, entropy = groups[..., :4], groups[..., 4]
    pixels = counts.sum(axis=-1)
    added = smooth * pixels / films / SQUARE**2
    lung, background = _ratios(counts, added), _ratios(counts[..., ::-1], added)
    share = ((counts[..., 0] + counts[..., 2]) / pixels)[..., None]
    accuracy = ((counts[..., 0] + counts[..., 3]) / pixels)[..., None]
    each = {
        "lung": lung,
        "both": (lung + background) / 2,
        "weighted": share * lung + (1 - share) * background,
        "accuracy": accuracy,
        "entropy": (entropy / pixels)[..., None],
    }
    return {kind: values.mean(axis=-2) for kind, values in each.items()}


def _ratios(counts: Float[np.ndarray, "*any 4"], added: Float[np.ndarray, "*any"]) -> Float[np.ndarray, "*any 4"]:
    tp, fp, fn, _ = np.moveaxis(counts, -1, 0)
    above = [2 * tp + added, tp + added, tp, tp]
    below = [2 * tp + fp + fn + added, tp + fp + fn + added, tp + fn, tp + fp]
    pairs = zip(above, below, strict=True)
    return np.stack([np.divide(a, b, out=np.zeros_like(b), where=b > 0) for a, b in pairs], axis=-1)


def _chosen(
    kinds: dict[str, Float[np.ndarray, "*any 4"]], classes: str, soft: bool
) -> Float[np.ndarray, "*any metric"]:
    columns = [kinds[kind][..., i if kind != "accuracy" else 0] for i, kind in enumerate(CLASSES[classes])]
    entropy = kinds["entropy"][..., 0] if soft else np.full_like(columns[0], np.nan)
    losses = [1 - columns[0], 1 - columns[1], entropy, entropy + 1 - columns[0]]
    return np.stack([*columns, *losses], axis=-1)


def study(runs: Sequence[Counted], printed: pd.DataFrame, apart: Collection[str] = ()) -> Study:
    """Count in every way.

    Args:
        runs: Of the paper's networks, each part and size of each run; all runs have the same films.
        printed: The paper's table: index metric, columns variant; NaN where it prints nothing.
        apart: Data sets that the paper's table is not about.
    """
    variants = list(dict.fromkeys(run.variant for run in runs))
    names = [name if name in COMPARED else "loss" for name in METRICS]
    published = printed.reindex(index=names, columns=variants).to_numpy(dtype=float).T
    rows, values = [], [np.empty((0, len(variants), len(METRICS)))]
    for part, size in dict.fromkeys((run.part, run.size) for run in runs):
        own = [run for run in runs if (run.part, run.size) == (part, size)]
        seeds = [[i for i, run in enumerate(own) if run.variant == variant] for variant in variants]
        counts = np.stack([run.counts for run in own])
        for films in ["pooled", *(name for name in dict.fromkeys(own[0].datasets) if name not in apart)]:
            here = [films in ("pooled", name) and name not in apart for name in own[0].datasets]
            for i, cut in enumerate(CUTS):
                for definition, measured in _every(counts[:, here, i], films, part, size, cut):
                    rows.append(astuple(definition))
                    values.append(np.stack([measured[some].mean(axis=0) for some in seeds])[None])
    definitions = pd.DataFrame(rows, columns=FIELDS)
    text = [name for name in FIELDS if name != "smooth"]
    return Study(definitions.astype(dict.fromkeys(text, "category")), variants, np.concatenate(values), published)


def _every(
    counts: Float[np.ndarray, "run film 5"], films: str, part: str, size: str, cut: str
) -> Iterator[tuple[Definition, Float[np.ndarray, "run metric"]]]:
    """Every definition that is left when films and cut are chosen, with its metrics."""
    for averaging in AVERAGING if size == "network" else AVERAGING_NATIVE:
        step = AVERAGING[averaging]
        groups, number = _grouped(counts, step), _films(counts.shape[1], step)
        for smooth in SMOOTHS:
            kinds = _kinds(groups, smooth, number)
            for classes in CLASSES:
                definition = Definition(films, part, size, cut, smooth, averaging, classes)
                yield definition, _chosen(kinds, classes, soft=CUTS[cut] is None)


def rank(found: Study) -> pd.DataFrame:
    """One row per definition, the closest to the printed table first.

    Args:
        found: As from `study`.

    Returns:
        Columns of `Definition`; distance (mean |value - published| over Dice, IoU, recall and precision of all
        networks), and the same for each metric alone, empty where the paper or the definition has no such metric; then
        in how many networks each relation of `RELATIONS` holds.
    """
    gaps = np.abs(found.measured - found.published)
    columns = {"distance": _mean(gaps[..., : len(COMPARED)], (1, 2))}
    columns |= {f"distance_{name}": _mean(gaps[..., i], (1,)) for i, name in enumerate(METRICS)}
    sides = {name: found.measured[..., i] for i, name in enumerate(COMPARED)}
    columns |= {name: relation.holds(sides, sides).sum(axis=1) for name, relation in RELATIONS.items()}
    table = found.definitions.assign(**columns)
    return table.sort_values("distance", kind="stable", ignore_index=True)


def _mean(gaps: Float[np.ndarray, "..."], axes: tuple[int, ...]) -> Float[np.ndarray, " definition"]:
    """Mean of the numbers among them; NaN where there is none."""
    known = np.isfinite(gaps)
    number = known.sum(axis=axes)
    total = np.where(known, gaps, 0).sum(axis=axes)
    return np.divide(total, number, out=np.full(len(gaps), np.nan), where=number > 0)
