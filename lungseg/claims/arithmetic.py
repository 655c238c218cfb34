r"""Which cells of a published table cannot stand together, whatever the network and the films.

Every rule holds for binary masks, both where each film is measured and the mean taken, and where the pixels of all
films are pooled first. A printed value stands for all values that round to it; a finding is reported only where no
choice of such values obeys the rule. Arithmetic is exact.

With TP, FP, FN and TN of a film: Dice = 2TP/(2TP+FP+FN), IoU = TP/(TP+FP+FN), precision = TP/(TP+FP),
recall = TP/(TP+FN), accuracy = (TP+TN)/(TP+FP+FN+TN). All columns are taken to be averaged over the same films, and a
film without any lung or any prediction to count alike in all of them; a table that leaves such films out of one
column only (the undefined precision of an empty prediction, say) can break a rule without an error.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

Averaging = Literal["any", "pooled"]
Loss = Literal["none", "dice", "iou"]

TITLES = {
    "dice": "Dice",
    "iou": "IoU",
    "precision": "precision",
    "recall": "recall",
    "accuracy": "accuracy",
    "loss": "loss",
}


@dataclass(frozen=True)
class Printed:
    """A value as printed, and all values that round to it.

    Args:
        text: As it stands in the table.
        low: The smallest value that rounds to it, not below 0.
        high: The largest, for a fraction not above 1.
    """

    text: str
    low: Fraction
    high: Fraction


def printed(text: str, fraction: bool = True) -> Printed:
    """The interval of half a unit of the last decimal around a printed number.

    Args:
        text: A decimal number.
        fraction: Whether it lies between 0 and 1.
    """
    value, decimals = Fraction(text), len(text.partition(".")[2])
    half = Fraction(1, 2 * 10**decimals)
    high = value + half
    return Printed(text, max(value - half, Fraction(0)), min(high, Fraction(1)) if fraction else high)


@dataclass(frozen=True)
class Rule:
    """An inequality between metrics of one row.

    Args:
        name: The inequality, with the metrics' names.
        needs: The metrics that it speaks of.
        why: Why it holds for every film, and so for means and for pooled pixels.
        slack: Of a row's values, the larger side less the smaller one at its best within rounding; the rule fails
            where it is negative.
        classes: Whether it holds too where all its columns are means over lung and background, as Keras' MeanIoU is.
            The others need every column to be about the lung.
    """

    name: str
    needs: tuple[str, ...]
    why: str
    slack: Callable[[Mapping[str, Printed]], Fraction]
    classes: bool = False


def _dice_to_iou(dice: Fraction) -> Fraction:
    return dice / (2 - dice)


def _harmonic(precision: Fraction, recall: Fraction) -> Fraction:
    total = precision + recall
    return 2 * precision * recall / total if total else Fraction(0)


def _apart(low: Fraction, high: Fraction, other_low: Fraction, other_high: Fraction) -> Fraction:
    """How far two intervals are apart, as a negative number; how much they overlap otherwise."""
    return min(high - other_low, other_high - low)


RULES = (
    Rule(
        "IoU <= recall",
        ("iou", "recall"),
        "TP/(TP+FP+FN) has the larger denominator",
        lambda row: row["recall"].high - row["iou"].low,
    ),
    Rule(
        "IoU <= precision",
        ("iou", "precision"),
        "TP/(TP+FP+FN) has the larger denominator",
        lambda row: row["precision"].high - row["iou"].low,
    ),
    Rule(
        "IoU <= accuracy",
        ("iou", "accuracy"),
        "adding TN above and below raises a fraction",
        lambda row: row["accuracy"].high - row["iou"].low,
    ),
    Rule(
        "IoU <= Dice",
        ("iou", "dice"),
        "IoU = Dice/(2-Dice) on every film, at most Dice",
        lambda row: row["dice"].high - row["iou"].low,
        classes=True,
    ),
    Rule(
        "Dice/(2-Dice) <= IoU",
        ("dice", "iou"),
        "equal on every film and convex in Dice, so the mean IoU is at least its value at the mean Dice (Jensen)",
        lambda row: row["iou"].high - _dice_to_iou(row["dice"].low),
        classes=True,
    ),
    Rule(
        "Dice <= (precision + recall)/2",
        ("dice", "precision", "recall"),
        "Dice is the harmonic mean of the two, at most their arithmetic mean",
        lambda row: (row["precision"].high + row["recall"].high) / 2 - row["dice"].low,
    ),
    Rule(
        "precision + recall - 1 <= IoU",
        ("precision", "recall", "iou"),
        "1-precision and 1-recall together are at least (FP+FN)/(TP+FP+FN) = 1-IoU",
        lambda row: row["iou"].high - (row["precision"].low + row["recall"].low - 1),
    ),
    Rule(
        "precision + recall - 1 <= Dice",
        ("precision", "recall", "dice"),
        "IoU is at most Dice, and at least precision + recall - 1",
        lambda row: row["dice"].high - (row["precision"].low + row["recall"].low - 1),
    ),
)
POOLED = (
    Rule(
        "IoU = Dice/(2-Dice)",
        ("dice", "iou"),
        "one confusion matrix has one Dice and one IoU",
        lambda row: _apart(
            row["iou"].low, row["iou"].high, _dice_to_iou(row["dice"].low), _dice_to_iou(row["dice"].high)
        ),
    ),
    Rule(
        "Dice = 2 precision recall/(precision + recall)",
        ("dice", "precision", "recall"),
        "one confusion matrix has one Dice",
        lambda row: _apart(
            row["dice"].low,
            row["dice"].high,
            _harmonic(row["precision"].low, row["recall"].low),
            _harmonic(row["precision"].high, row["recall"].high),
        ),
    ),
)
LOSSES = {
    "dice": Rule(
        "loss = 1 - Dice",
        ("loss", "dice"),
        "the loss is named so",
        lambda row: _apart(row["loss"].low, row["loss"].high, 1 - row["dice"].high, 1 - row["dice"].low),
    ),
    "iou": Rule(
        "loss = 1 - IoU",
        ("loss", "iou"),
        "the loss is named so",
        lambda row: _apart(row["loss"].low, row["loss"].high, 1 - row["iou"].high, 1 - row["iou"].low),
    ),
}


@dataclass(frozen=True)
class Finding:
    """A rule that a row breaks.

    Args:
        row: The method's name.
        rule: The rule's.
        message: The numbers, and what the rule takes for granted.
        slack: The larger side less the smaller one at its best within rounding; negative.
        verdict: `impossible` where the rule holds for averages over classes too; else `inconsistent`: averages that
            differ from column to column could print it.
    """

    row: str
    rule: str
    message: str
    slack: float
    verdict: str


def rules(averaging: Averaging = "any", loss: Loss = "none") -> tuple[Rule, ...]:
    """The rules to apply.

    Args:
        averaging: `any` where means over films and pooling are both possible; `pooled` adds the identities of a single
            confusion matrix.
        loss: What the table's loss is said to be: `dice` for 1 - Dice, `iou` for 1 - IoU; `none` leaves it alone.
    """
    return (*RULES, *(POOLED if averaging == "pooled" else ()), *([LOSSES[loss]] if loss != "none" else ()))


def audit(
    table: Mapping[str, Mapping[str, Printed]], averaging: Averaging = "any", loss: Loss = "none"
) -> Iterator[Finding]:
    """Check every row of a table against every rule whose metrics it prints.

    Args:
        table: Method to metric to printed value.
        averaging: See `rules`.
        loss: See `rules`.
    """
    for rule in rules(averaging, loss):
        for method, row in table.items():
            if all(metric in row for metric in rule.needs) and (slack := rule.slack(row)) < 0:
                numbers = ", ".join(f"{TITLES[metric]} {row[metric].text}" for metric in rule.needs)
                message = f"{numbers}: {rule.name} fails by at least {float(-slack):.4f}, as {rule.why}"
                verdict = "impossible" if rule.classes else "inconsistent"
                message += "" if rule.classes else ", if all columns are about the lung and averaged alike"
                yield Finding(method, rule.name, message, float(slack), verdict)
