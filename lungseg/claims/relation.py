"""A relation between the columns of a row, and the ways of averaging that it survives."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from lungseg.claims.cells import Printed

Averaging = Literal["unstated", "films", "pooled", "classes", "median", "any"]
Row = Mapping[str, Printed]
Bounds = tuple[Fraction, Fraction]
Ways = frozenset[Averaging]

# `unstated` is what holds both for means over films and for pooled pixels.
MEANS: Ways = frozenset({"unstated", "films", "pooled"})
LUNG: Ways = MEANS | {"median"}
SHARED: Ways = LUNG | {"classes"}
POOLED: Ways = frozenset({"pooled"})
# A printed spread says that its column is a mean, of the lung or over classes.
SPREAD: Ways = frozenset({"unstated", "films", "classes"})

TITLES = {
    "dice": "Dice",
    "f1": "F1",
    "iou": "IoU",
    "precision": "precision",
    "recall": "recall",
    "specificity": "specificity",
    "accuracy": "accuracy",
    "auc": "AUC",
    "loss": "loss",
}


@dataclass(frozen=True)
class Side:
    """One side of a relation.

    Args:
        text: In words.
        metrics: That it is made of.
        bounds: Its lowest and highest value within the rounding of a row.
    """

    text: str
    metrics: tuple[str, ...]
    bounds: Callable[[Row], Bounds]


@dataclass(frozen=True)
class Rule:
    """A relation between the metrics of one row.

    Args:
        left: The smaller side.
        right: The larger side.
        why: Why it holds.
        holds: The ways of averaging that it survives.
        equal: Whether the sides are equal.
        assumes: What it takes for granted beside the averaging.
        when: Of which rows it says something, beside that they print its metrics.
        uses: Further metrics that it takes into account where they are printed.
    """

    left: Side
    right: Side
    why: str
    holds: Ways
    equal: bool = False
    assumes: str = ""
    when: Callable[[Row], bool] = lambda row: True
    uses: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The relation in words."""
        return f"{self.left.text} {'=' if self.equal else '<='} {self.right.text}"

    @property
    def needs(self) -> tuple[str, ...]:
        """The metrics that it speaks of."""
        return tuple(dict.fromkeys((*self.left.metrics, *self.right.metrics)))

    @property
    def survives(self) -> bool:
        """Whether no usual way of averaging that its columns share can break it."""
        return self.holds >= SHARED and not self.assumes

    def judges(self, row: Row) -> bool:
        """Whether a row prints what the rule needs."""
        return all(metric in row for metric in self.needs) and self.when(row)

    def slack(self, row: Row) -> Fraction:
        """The larger side less the smaller one at its best within rounding; the rule fails where it is negative."""
        left, right = self.left.bounds(row), self.right.bounds(row)
        return min(right[1] - left[0], left[1] - right[0]) if self.equal else right[1] - left[0]
