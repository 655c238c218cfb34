"""Which habit of counting would give what a rule forbids, computed from the printed precision and recall.

Two are common. Keras' `MeanIoU` and scikit-learn's `average="macro"` and `"weighted"` count lung and background, beside
a `Precision` and `Recall` of the lung. And an F1 is made of the printed means of precision and recall, beside the mean
of IoU over films.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from lungseg.claims.relation import TITLES, Row, Rule
from lungseg.claims.rules import DICE_AND_IOU, DICE_OF_BOTH

# The lung's share of a film lies between these for 95 % of the test films of Montgomery, Shenzhen and JSRT.
SHARES = tuple(percent / 100 for percent in range(16, 41))
NEAR = 0.01
OVERLAPS = ("dice", "iou")

Mean = Literal["macro", "weighted"]
WORDS: dict[Mean, str] = {"macro": "counted alike", "weighted": "weighted by area"}


@dataclass(frozen=True)
class ClassAverage:
    """Dice and IoU over lung and background.

    Args:
        mean: `macro` where both classes count alike, `weighted` where by their area.
        share: Of the picture that is lung.
        dice: Between 0 and 1.
        iou: Between 0 and 1.
    """

    mean: Mean
    share: float
    dice: float
    iou: float

    def gap(self, row: Row) -> float:
        """How far it is from the printed Dice and IoU, whichever is further."""
        return max(abs(getattr(self, name) - middle(row, name)) for name in OVERLAPS if name in row)


def middle(row: Row, metric: str) -> float:
    """The printed number itself."""
    return float(row[metric].low + row[metric].high) / 2


def over_classes(precision: float, recall: float, share: float, mean: Mean) -> ClassAverage | None:
    r"""Dice and IoU over lung and background beside precision P and recall R of the lung, all films being alike.

    With the lung's share :math:`\pi` of the picture, the shares of the counts are :math:`TP = \pi R`,
    :math:`FN = \pi (1-R)`, :math:`FP = TP (1-P)/P` and :math:`TN = 1 - \pi - FP`; Dice of the lung is
    :math:`2TP/(2TP+FP+FN)`, of the background :math:`2TN/(2TN+FP+FN)`, and IoU is D/(2-D) of each.

    Args:
        precision: Of the lung.
        recall: Of the lung.
        share: Of the picture that is lung, below 1.
        mean: Over the two classes.

    Returns:
        None where no picture has this precision, recall and share.
    """
    hit, missed = share * recall, share * (1 - recall)
    if not hit or not precision or (false := hit * (1 - precision) / precision) > 1 - share:
        return None
    rest, wrong = 1 - share - false, false + missed
    lung, other = (2 * hit / (2 * hit + wrong), 2 * rest / (2 * rest + wrong) if rest else 0.0)
    weight = share if mean == "weighted" else 0.5
    dice = weight * lung + (1 - weight) * other
    return ClassAverage(mean, share, dice, weight * lung / (2 - lung) + (1 - weight) * other / (2 - other))


def nearest(row: Row) -> list[ClassAverage]:
    """Of each mean over classes, that which comes nearest to the printed Dice and IoU; the nearer one first."""
    if not {"precision", "recall"} <= set(row) or not set(OVERLAPS) & set(row):
        return []
    tried: list[ClassAverage] = []
    for mean in WORDS:
        of_mean = [over_classes(middle(row, "precision"), middle(row, "recall"), share, mean) for share in SHARES]
        tried += sorted((one for one in of_mean if one), key=lambda one: one.gap(row))[:1]
    return sorted(tried, key=lambda one: one.gap(row))


def made_of_means(row: Row) -> bool:
    """Whether the printed Dice may be computed from the printed precision and recall."""
    if not {"dice", "precision", "recall"} <= set(row):
        return False
    low, high = DICE_OF_BOTH.bounds(row)
    return low <= row["dice"].high and row["dice"].low <= high


def explanation(rule: Rule, row: Row) -> str:
    """Which habit would explain that a row breaks a rule; empty where none of ours is about it."""
    if rule is DICE_AND_IOU and made_of_means(row):
        return "a Dice computed from the printed precision and recall, beside an IoU averaged over films"
    if rule.survives:
        return "no mean over lung and background does, as it obeys the rule too"
    averages = nearest(row) if set(OVERLAPS) & set(rule.needs) and not rule.assumes else []
    return "" if not averages else "; ".join(_told(averages, row))


def _told(averages: list[ClassAverage], row: Row) -> Iterator[str]:
    """Each in words, with how near it comes."""
    shown = [name for name in OVERLAPS if name in row]
    subject = " and ".join(TITLES[name] for name in shown)
    for one in averages:
        numbers = " and ".join(f"{getattr(one, name):.3f} (printed {row[name].text})" for name in shown)
        verb = "would explain it" if one.gap(row) <= NEAR else f"not near enough, {one.gap(row):.3f} off"
        where = f"with the lung on {one.share:.2f} of the picture"
        yield f"{subject} over lung and background, {WORDS[one.mean]}, would be {numbers} {where}: {verb}"
