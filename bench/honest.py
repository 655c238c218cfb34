"""Tables of counted films, printed as papers print them: honest ones in every usual averaging, and some with a slip.

Films differ in size, in how much of them is lung and in how they fail; some masks are empty. A table is a mapping of
rows to columns to texts. `SEEDS` are the seeds of `bench.audit`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from scipy.stats import trim_mean

SEEDS = {"films": 101, "pooled": 102, "classes": 103, "median": 104, "trimmed": 105, "any": 106}
SLIP_SEED = 207
COLUMNS = ["dice", "iou", "precision", "recall", "accuracy", "specificity"]
OVERLAPS = ["dice", "iou"]

Values = dict[str, float]
Average = Callable[[np.ndarray], np.ndarray]  # counts (film, 4) -> ratios (column,)


@dataclass(frozen=True)
class Table:
    """A table as printed.

    Args:
        cells: Row to column to text.
        combined: Row to the rows whose films it joins.
    """

    cells: dict[str, dict[str, str]]
    combined: dict[str, tuple[str, ...]] = field(default_factory=dict)


def films(rng: np.random.Generator, empty_lungs: bool = True) -> np.ndarray:
    """Counts TP, FP, FN, TN of 3-199 films, shape (film, 4).

    Args:
        rng: Draws everything.
        empty_lungs: Whether a film may be without lungs.
    """
    number = int(rng.integers(3, 200))
    sides = rng.choice([64, 128, 256, 512, 1024], size=number if rng.random() < 0.5 else 1)
    pixels = np.broadcast_to(sides**2, number)
    share = rng.uniform(0.1, 0.6)
    lung = np.rint(pixels * rng.beta(20 * share, 20 * (1 - share), number)).clip(1, pixels - 1)
    if empty_lungs:
        lung *= rng.random(number) >= _rarely(rng, 0.05)
    scale, shape = 10 ** rng.uniform(-2.5, -0.5, 2), rng.uniform(0.3, 4)
    missed, added = (s * rng.gamma(shape, 1 / shape, number) for s in scale)
    hit = np.rint(lung * (1 - missed.clip(0, 1)))
    false = np.minimum(np.rint(pixels * share * added), pixels - lung)
    seen = rng.random(number) >= _rarely(rng, 0.2)
    hit, false = hit * seen, false * seen
    return np.stack([hit, false, lung - hit, pixels - lung - false], axis=1)


def _rarely(rng: np.random.Generator, most: float) -> float:
    """A probability that is 0 in most tables."""
    return float(rng.uniform(0, most)) if rng.random() < 0.4 else 0.0


def measures(counts: np.ndarray, empty: float) -> np.ndarray:
    """The six ratios of counts (..., 4), in the order of `COLUMNS`; `empty` stands for 0/0, NaN to leave it out."""
    tp, fp, fn, tn = np.moveaxis(np.asarray(counts, dtype=float), -1, 0)
    above = [2 * tp, tp, tp, tp, tp + tn, tn]
    below = [2 * tp + fp + fn, tp + fp + fn, tp + fp, tp + fn, tp + fp + fn + tn, tn + fp]
    return np.stack(
        [np.divide(a, b, out=np.full_like(b, empty), where=b > 0) for a, b in zip(above, below, strict=True)], axis=-1
    )


def over_classes(counts: np.ndarray, weighted: bool, empty: float) -> np.ndarray:
    """The ratios as means over lung and background, alike or weighted by area."""
    both = np.stack([measures(counts, empty), measures(counts[..., ::-1], empty)])
    lung = (counts[..., 0] + counts[..., 2]) / counts.sum(axis=-1)
    weights = np.stack([lung, 1 - lung]) if weighted else np.full((2, *lung.shape), 0.5)
    return (both * weights[..., None]).sum(axis=0)


def many_classes(rng: np.random.Generator, pooled: bool) -> np.ndarray:
    """The ratios as means over 3-6 classes, with the accuracy of all pixels."""
    number, classes = int(rng.integers(3, 200)), int(rng.integers(3, 7))
    right = rng.uniform(0.3, 30)
    table = rng.dirichlet(np.ones(classes**2) * rng.uniform(0.1, 1), number).reshape(number, classes, classes)
    table += np.eye(classes) * right * rng.dirichlet(np.ones(classes), number)[:, None]
    table = table.sum(axis=0, keepdims=True) if pooled else table
    tp = np.diagonal(table, axis1=1, axis2=2)
    fp, fn = table.sum(axis=1) - tp, table.sum(axis=2) - tp
    total = table.sum(axis=(1, 2))
    counts = np.stack([tp, fp, fn, total[:, None] - tp - fp - fn], axis=-1)
    values = measures(counts, 0).mean(axis=1)
    values[:, COLUMNS.index("accuracy")] = tp.sum(axis=1) / total
    return values.mean(axis=0)


def grouped(counts: np.ndarray, pieces: int) -> list[np.ndarray]:
    """Films in batches, or those of one patient."""
    return np.array_split(counts, min(pieces, len(counts)))


def _mean(values: np.ndarray) -> np.ndarray:
    """The mean over films, those left out that have no value; 0 where none has."""
    there = ~np.isnan(values)
    return np.where(there, values, 0).sum(axis=0) / there.sum(axis=0).clip(1)


def way(averaging: str, rng: np.random.Generator) -> Average:
    """A function from counts to the ratios averaged; which one of a family, and what 0/0 counts, is drawn."""
    empty, filled = float(rng.choice([0, 1, np.nan])), float(rng.integers(2))
    weighted, half = (bool(rng.integers(2)) for _ in range(2))
    if averaging == "films":
        pieces, kind = int(rng.integers(1, 20)), int(rng.integers(3))
        if kind == 0:  # batches
            return lambda counts: _mean(measures(np.array([c.sum(axis=0) for c in grouped(counts, pieces)]), empty))
        if kind == 1:  # patients
            return lambda counts: np.mean([measures(c, filled).mean(axis=0) for c in grouped(counts, pieces)], axis=0)
        return lambda counts: _mean(measures(counts, empty))
    if averaging == "pooled":
        return lambda counts: measures(counts.sum(axis=0), 0)
    if averaging == "classes" and half:
        return lambda counts: over_classes(counts.sum(axis=0), weighted, filled)
    if averaging == "classes":
        return lambda counts: over_classes(counts, weighted, filled).mean(axis=0)
    if averaging == "median" and rng.random() < 0.3:
        return lambda counts: np.median(over_classes(counts, weighted, filled), axis=0)
    if averaging == "median":
        return lambda counts: np.median(measures(counts, filled), axis=0)
    cut = float(rng.choice([0.05, 0.1, 0.2, 0.25]))
    return lambda counts: trim_mean(measures(counts, filled), cut, axis=0)


WAYS = ["films", "pooled", "classes", "median", "trimmed"]
PLAIN: dict[str, Average] = {
    "films": lambda counts: measures(counts, 0).mean(axis=0),
    "pooled": lambda counts: measures(counts.sum(axis=0), 0),
}


def named(values: np.ndarray) -> Values:
    """Ratios by their columns."""
    return dict(zip(COLUMNS, values.tolist(), strict=True))


def honest(averaging: str, rng: np.random.Generator) -> Table:
    """A table in which nothing is wrong.

    Args:
        averaging: A key of `SEEDS`. `classes` are means over lung and background of all columns, the same beside
            precision and recall of the lung, or means over several classes; under `any` each column has its own way.
        rng: Draws everything.
    """
    style = Style.drawn(rng)
    # Film by film with 0 for what is undefined: the case in which a spread, an AUC and a joined row are of the same
    # films as the mean. Batches, patients and films left out are the other case.
    plain = averaging in PLAIN and bool(rng.integers(2))
    average = PLAIN[averaging] if plain else way(averaging, rng) if averaging != "any" else None
    parts = {name: films(rng, empty_lungs=not plain) for name in "abc"[: int(rng.integers(2, 4))]}
    combined = {}
    if plain:
        combined["both"] = tuple(parts)
        parts["both"] = np.concatenate(list(parts.values()))
    cells = {}
    for name, counts in parts.items():
        values = values_of(averaging, average, counts, rng)
        values |= {"f1": _f1(averaging, values, rng)}
        values |= {"auc": _auc(averaging, counts, rng)} if plain and name not in combined else {}
        spread = measures(counts, 0).std(axis=0, ddof=1) if plain and averaging == "films" else None
        cells[name] = style.printed(values, spread, len(counts))
    return Table(cells, combined)


def values_of(averaging: str, average: Average | None, counts: np.ndarray, rng: np.random.Generator) -> Values:
    """The six ratios of a row; `average` is None where each column has its own."""
    if average is None:
        ways = [named(way(str(rng.choice(WAYS)), rng)(counts)) for _ in COLUMNS]
        return {name: values[name] for name, values in zip(COLUMNS, ways, strict=True)}
    values, kind = named(average(counts)), rng.random()
    if averaging == "classes" and kind < 0.2:
        return named(many_classes(rng, pooled=bool(rng.integers(2))))
    if averaging == "classes" and kind < 0.6:
        lung = named(way(str(rng.choice(["films", "pooled"])), rng)(counts))
        return lung | {name: values[name] for name in OVERLAPS}
    return values


def _f1(averaging: str, values: Values, rng: np.random.Generator) -> float:
    """As Dice is averaged, or made of the printed precision and recall."""
    total = values["precision"] + values["recall"]
    made = 2 * values["precision"] * values["recall"] / total if total else 0.0
    return made if averaging != "pooled" and rng.random() < 0.5 else values["dice"]


def _auc(averaging: str, counts: np.ndarray, rng: np.random.Generator) -> float:
    """Anywhere between the limits that a curve through the point of the masks has."""
    ratios = measures(counts.sum(axis=0, keepdims=True) if averaging == "pooled" else counts, 0)
    recall, specificity = (ratios[:, COLUMNS.index(name)] for name in ("recall", "specificity"))
    low, high = recall * specificity, 1 - (1 - recall) * (1 - specificity)
    return float((low + rng.choice([0, rng.random(), 1]) * (high - low)).mean())


@dataclass(frozen=True)
class Style:
    """How a table prints: so many decimals of the fraction, as percentages, with spreads in one form or the other."""

    decimals: int
    percent: bool
    spread: str
    number: bool

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> "Style":
        """A style at random."""
        spread = str(rng.choice(["", " ± {}", " ({})"]))
        return cls(int(rng.integers(2, 5)), rng.random() < 0.2, spread, rng.random() < 0.5)

    def text(self, value: float) -> str:
        """A number."""
        return f"{100 * value:.{self.decimals - 2}f}%" if self.percent else f"{value:.{self.decimals}f}"

    def printed(self, values: Values, spreads: np.ndarray | None, films: int) -> dict[str, str]:
        """A row."""
        cells = {name: self.text(value) for name, value in values.items()}
        if spreads is not None:
            for name, spread in zip(COLUMNS, spreads.tolist(), strict=True):
                cells[name] += self.spread.format(self.text(spread).removesuffix("%"))
        return cells | ({"n": str(films)} if self.number else {})


def slip(averaging: str, columns: list[str], by: float, rng: np.random.Generator) -> dict[str, dict[str, str]]:
    """A row that is honest but for one cell, `by` too high or too low.

    Args:
        averaging: films, pooled, classes, median, trimmed or any.
        columns: What is printed.
        by: As a fraction.
        rng: Draws everything.
    """
    decimals = int(rng.integers(2, 5))
    while True:
        average = way(averaging, rng) if averaging != "any" else None
        values = {name: values_of(averaging, average, films(rng), rng)[name] for name in columns}
        wrong = columns[int(rng.integers(len(columns)))]
        values[wrong] += by * rng.choice([-1, 1])
        if 0 <= values[wrong] <= 1:
            return {"a": {name: f"{value:.{decimals}f}" for name, value in values.items()}}
