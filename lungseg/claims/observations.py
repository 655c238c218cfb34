"""What a printed row says without being in contradiction: the spread that it needs, the share of lung that it implies.

An observation accuses nobody; it tells a reader where to look.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from lungseg.claims.cells import Printed
from lungseg.claims.confusion import implied_share
from lungseg.claims.habits import SHARES, made_of_means
from lungseg.claims.relation import Averaging, Row
from lungseg.claims.rules import DICE_AND_IOU, to_iou


@dataclass(frozen=True)
class Observation:
    """Something to know about a row.

    Args:
        row: The method's name.
        message: In a sentence.
    """

    row: str
    message: str


def needed_spread(dice: Printed, iou: Printed) -> float:
    r"""The smallest standard deviation of Dice over films with which mean Dice and mean IoU can be the printed ones.

    With :math:`f(x) = x/(2-x)` and m the mean Dice, expanding f about m leaves exactly
    :math:`f(x) - f(m) - f'(m)(x-m) = 2(x-m)^2/((2-x)(2-m)^2)`, at most :math:`2(x-m)^2/(2-m)^2` as x is at most 1. Its
    mean is :math:`\bar J - f(m)`, so :math:`SD^2 \ge (\bar J - f(m))(2-m)^2/2`. Within rounding, it is least for the
    largest Dice and the smallest IoU, as both factors fall with m.

    Args:
        dice: The mean, as printed.
        iou: The mean, as printed.

    Returns:
        0 where films that are all alike can give both.
    """
    return float(max(Fraction(0), (iou.low - to_iou(dice.high)) * (2 - dice.high) ** 2 / 2)) ** 0.5


def failed_share(dice: Printed, iou: Printed) -> float:
    r"""Which share of the films, with Dice 0 and all others alike, gives the printed means.

    Of the share q that fails, :math:`(1-q) x = \bar D` and :math:`(1-q) f(x) = \bar J`, so
    :math:`x = 2 - \bar D/\bar J` and :math:`q = 1 - \bar D/x`. Taken at the ends of rounding where it is least.
    """
    alike = 2 - dice.high / iou.low
    return max(0.0, float(1 - dice.high / alike)) if alike > 0 else 0.0


def _spread(row: Row) -> Iterator[str]:
    if {"dice", "iou"} <= set(row) and (needed := needed_spread(row["dice"], row["iou"])) > 0:
        numbers = f"Dice {row['dice'].text}, IoU {row['iou'].text}"
        beside = f"; printed beside Dice: {row['dice'].spread.text}" if row["dice"].spread else ""
        yield (
            f"{numbers}: as means over the same films they need a standard deviation of Dice of at least {needed:.3f} "
            f"over the films, such as {100 * failed_share(row['dice'], row['iou']):.1f} % of them failing "
            f"completely{beside}"
        )


def _alike(row: Row) -> Iterator[str]:
    if {"dice", "iou"} <= set(row) and DICE_AND_IOU.slack(row) < 0:
        numbers = f"Dice {row['dice'].text}, IoU {row['iou'].text}"
        yield f"{numbers}: not averaged in the same way, as Dice/(2-Dice) would be at most IoU"


def _share(row: Row, averaging: Averaging) -> Iterator[str]:
    r"""Lung's share: :math:`(1-A)/(1-D) = (|mask|+|truth|)/N` on every film, for means weighted by 1 - Dice."""
    if averaging == "pooled":
        if {"specificity", "accuracy"} & set(row) and (found := implied_share(row)) and found[1] - found[0] < 1:
            yield f"the lung takes between {float(found[0]):.3f} and {float(found[1]):.3f} of all pixels"
    elif {"dice", "accuracy"} <= set(row) and row["dice"].high < 1:
        low = (1 - row["accuracy"].high) / (1 - row["dice"].low) / 2
        high = (1 - row["accuracy"].low) / (1 - row["dice"].high) / 2
        yield (
            f"Dice {row['dice'].text}, accuracy {row['accuracy'].text}: the lung, as the mean of mask and truth, takes "
            f"{float(low):.3f} to {float(min(high, Fraction(1))):.3f} of the picture, films with more error counting "
            f"more; on 95 % of the test films of Montgomery, Shenzhen and JSRT it takes {SHARES[0]:.2f} to "
            f"{SHARES[-1]:.2f}"
        )


def _two_names(row: Row) -> Iterator[str]:
    if {"dice", "f1"} <= set(row):
        dice, other = row["dice"], row["f1"]
        if dice.high < other.low or other.high < dice.low:
            made = made_of_means({**row, "dice": other})
            how = (
                "F1 can be computed from the printed precision and recall" if made else "they are averaged differently"
            )
            yield f"Dice {dice.text}, F1 {other.text}: one ratio under two names, and {how}"


def observations(table: Mapping[str, Row], averaging: Averaging = "unstated") -> Iterator[Observation]:
    """What each row says beside its contradictions.

    Args:
        table: Method to metric to printed value.
        averaging: How the columns are averaged.
    """
    means = averaging in ("unstated", "films")
    chosen: list[Callable[[Row], Iterator[str]]] = [
        *([_spread] if means else []),
        *([_alike] if averaging == "any" else []),
        *([lambda row: _share(row, averaging)] if means or averaging == "pooled" else []),
        *([_two_names] if averaging != "pooled" else []),
    ]
    for name, row in table.items():
        for observe in chosen:
            yield from (Observation(name, message) for message in observe(row))
