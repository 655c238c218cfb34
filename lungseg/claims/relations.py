"""Relations between columns that the paper prints and one set of masks cannot have, if all columns count alike."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Side = Any  # values by metric: a table, or a mapping of arrays


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
