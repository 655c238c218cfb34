r"""Which counts of pixels give the columns of a row, where all pixels are counted together.

The counts TP, FP, FN, TN span a cone. A column printed between a and b says :math:`a\,y \le x \le b\,y` for two sums x
and y of counts, so each column cuts the cone by two planes. What is left is spanned by its extreme rays (the double
description method: Motzkin et al. 1953), found here in whole numbers; a ratio of counts takes its smallest and its
largest value on one of them.
"""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from itertools import product
from math import gcd, lcm

from lungseg.claims.cells import Printed

# Above and below the line of each ratio, as sums of TP, FP, FN, TN.
COLUMNS = {
    "dice": ((2, 0, 0, 0), (2, 1, 1, 0)),
    "f1": ((2, 0, 0, 0), (2, 1, 1, 0)),
    "iou": ((1, 0, 0, 0), (1, 1, 1, 0)),
    "precision": ((1, 0, 0, 0), (1, 1, 0, 0)),
    "recall": ((1, 0, 0, 0), (1, 0, 1, 0)),
    "specificity": ((0, 0, 0, 1), (0, 1, 0, 1)),
    "accuracy": ((1, 0, 0, 1), (1, 1, 1, 1)),
}
SHARE = ((1, 0, 1, 0), (1, 1, 1, 1))  # of lung
Counts = tuple[int, ...]


def rays(row: Mapping[str, Printed], without: str = "") -> list[Counts]:
    """The extreme rays of the counts that give a row within its rounding; none where no counts do.

    Args:
        row: Metric to printed value; what is no ratio of counts is passed over.
        without: A metric to leave out.
    """
    found: list[Counts] = [(1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1)]
    planes = list(found)
    for name, (above, below) in COLUMNS.items():
        if name in row and name != without:
            low, high = row[name].low, row[name].high
            for plane in (
                [x - low * y for x, y in zip(above, below, strict=True)],
                [high * y - x for x, y in zip(above, below, strict=True)],
            ):
                scale = lcm(*(Fraction(value).denominator for value in plane))
                planes.append(tuple(int(value * scale) for value in plane))
                found = _cut(found, planes)
    # Background alone satisfies every column that is 0/0 of it: that is no row of a table.
    return found if any(any(ray[:3]) for ray in found) else []


def _cut(found: list[Counts], planes: list[Counts]) -> list[Counts]:
    """The rays on the right side of the last plane, and those where it cuts an edge between two rays."""
    side = [_dot(planes[-1], ray) for ray in found]
    if min(side, default=0) >= 0:
        return found
    tight = [frozenset(i for i, plane in enumerate(planes[:-1]) if _dot(plane, ray) == 0) for ray in found]
    kept = [ray for ray, value in zip(found, side, strict=True) if value >= 0]
    for i, j in product(range(len(found)), repeat=2):
        if side[i] > 0 > side[j] and not any(
            tight[i] & tight[j] <= other for k, other in enumerate(tight) if k not in (i, j)
        ):
            ray = tuple(side[i] * b - side[j] * a for a, b in zip(found[i], found[j], strict=True))
            kept.append(tuple(value // gcd(*ray) for value in ray))
    return kept


def _dot(plane: Counts, ray: Counts) -> int:
    return sum(a * b for a, b in zip(plane, ray, strict=True))


def _values(found: list[Counts], above: Counts, below: Counts) -> Iterator[Fraction]:
    """A ratio on each ray that has one."""
    yield from (Fraction(_dot(above, ray), _dot(below, ray)) for ray in found if _dot(below, ray))


def implied_accuracy(row: Mapping[str, Printed]) -> tuple[Fraction, Fraction]:
    """The range of accuracies that the other columns of a row leave to one confusion matrix.

    Where the others contradict each other already, all is left: other rules say so.
    """
    values = list(_values(rays(row, without="accuracy"), *COLUMNS["accuracy"]))
    return (min(values), max(values)) if values else (Fraction(0), Fraction(1))


def implied_share(row: Mapping[str, Printed]) -> tuple[Fraction, Fraction] | None:
    """The range of the lung's share of all pixels that a row leaves to one confusion matrix; None where none fits."""
    values = list(_values(rays(row), *SHARE))
    return (min(values), max(values)) if values else None
