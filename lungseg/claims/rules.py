r"""What the columns of a row must obey, each rule with its tier: the ways of averaging that it survives.

With TP, FP, FN and TN the pixels of a film, :math:`D = 2TP/(2TP+FP+FN)` is Dice, :math:`J = TP/(TP+FP+FN)` IoU,
:math:`P = TP/(TP+FP)` precision, :math:`R = TP/(TP+FN)` recall, :math:`S = TN/(TN+FP)` specificity and
:math:`A = (TP+TN)/(TP+FP+FN+TN)` accuracy. On every film, with :math:`f(x) = x/(2-x)`:

- :math:`J = f(D) \le \min(P, R, A)` and :math:`J \le D`: J has no smaller denominator than P and R, and TN added above
  and below raises a fraction to A;
- :math:`D = 2PR/(P+R)`, and :math:`P + R - 1 \le J`, as :math:`(1-P) + (1-R) \ge (FP+FN)/(TP+FP+FN)`;
- :math:`A = \pi R + (1-\pi) S` with :math:`\pi` the lung's share, hence :math:`A \ge R + S - 1`.

A rule is a relation that a way of averaging keeps:

films
    Means over films, batches or patients. A linear relation passes to the means. f is convex,
    :math:`f'' = 4/(2-x)^3`, and :math:`H(P, R) = 2PR/(P+R)` concave, its Hessian being :math:`-4/(P+R)^3` times that
    of :math:`(Rx-Py)^2/2`; so :math:`f(\bar D) \le \bar J` and :math:`\bar D \le H(\bar P, \bar R)` (Jensen 1906).
pooled
    One confusion matrix for all films: it obeys every relation above as a film does, and the equalities too.
classes
    Dice and IoU as means over classes, alike or weighted, the other columns perhaps of the lung alone. What is left
    is between Dice and IoU: means, with the same weights, of values with :math:`J = f(D) \le D`.
median
    Medians and trimmed means, of the lung. They are weighted means of sorted values and keep pointwise order: where
    :math:`x_i \le y_i` on all films, the k-th smallest x is at most the k-th smallest y. f is rising, so the sorted
    f(D) is f of the sorted D, and convex, so :math:`f(L(D)) \le L(f(D)) = L(J)`. What ties three columns is lost.
any
    Each column averaged in its own way: none of the relations between columns is left.

A receiver operating curve through the point (1-S, R) of the masks rises, so its area on each film lies between RS and
:math:`1-(1-R)(1-S)`, and by :math:`RS \ge R+S-1` means over films between :math:`R+S-1` and :math:`R+S`. An F1 column
is either Dice, or H of the mean precision and recall, which is no smaller.

A film without a value (0/0) counts 0, 1 or is left out, the same in all columns. Then each relation holds with any
number in [0, 1] in the place of what is undefined: where a prediction is empty, D, J and R are 0 whatever P is.
"""

from collections.abc import Callable
from fractions import Fraction
from math import isqrt
from typing import Literal

from lungseg.claims.confusion import COLUMNS, implied_accuracy
from lungseg.claims.relation import LUNG, MEANS, POOLED, SHARED, SPREAD, TITLES, Averaging, Bounds, Row, Rule, Side

Loss = Literal["none", "dice", "iou"]

CURVE = "the AUC is of the scores that were cut into these masks"


def to_iou(dice: Fraction) -> Fraction:
    """IoU of a film from its Dice: D/(2-D)."""
    return dice / (2 - dice)


def harmonic(precision: Fraction, recall: Fraction) -> Fraction:
    """Dice of a film from its precision and recall: 2PR/(P+R), 0 where both are 0."""
    total = precision + recall
    return 2 * precision * recall / total if total else Fraction(0)


def root(value: Fraction) -> Fraction:
    """The square root, rounded up by less than 1e-12."""
    return Fraction(isqrt(value.numerator * 10**24 // value.denominator) + 1, 10**12)


def _made(text: str, metrics: tuple[str, ...], rising: Callable[..., Fraction]) -> Side:
    """A side that rises with each of its metrics."""

    def bounds(row: Row) -> Bounds:
        return rising(*(row[name].low for name in metrics)), rising(*(row[name].high for name in metrics))

    return Side(text, metrics, bounds)


def _one(metric: str) -> Side:
    return _made(TITLES[metric], (metric,), lambda value: value)


def _less(metric: str) -> Side:
    return Side(f"1 - {TITLES[metric]}", (metric,), lambda row: (1 - row[metric].high, 1 - row[metric].low))


def _without_iou(row: Row) -> bool:
    """Beside IoU, two other rules say the same."""
    return "iou" not in row


def _spread(metric: str) -> Rule:
    r"""The largest standard deviation of n values in [0, 1] with the mean m.

    .. math:: \sum (x_i - m)^2 = \sum x_i^2 - n m^2 \le n\,m(1-m) \quad\text{as}\; x_i^2 \le x_i

    (Bhatia and Davis 2000); the sample's deviation divides by n - 1. An unknown n is taken to be 2.
    """

    def largest(row: Row) -> Bounds:
        mean = min(max(Fraction(1, 2), row[metric].low), row[metric].high)
        films = max(row["n"].low, Fraction(2)) if "n" in row else Fraction(2)
        return Fraction(0), root(mean * (1 - mean) * films / (films - 1))

    def printed(row: Row) -> Bounds:
        spread = row[metric].spread
        return (spread.low, spread.high) if spread else (Fraction(0), Fraction(0))

    return Rule(
        Side(f"SD of {TITLES[metric]}", (metric,), printed),
        Side("sqrt(m (1-m) n/(n-1))", (metric,), largest),
        "n values between 0 and 1 with the mean m cannot lie further apart",
        SPREAD,
        assumes="what stands beside the mean is its standard deviation over the n films, or over at least two",
        when=lambda row: row[metric].spread is not None,
    )


DICE, F1, IOU, PRECISION, RECALL, SPECIFICITY, ACCURACY, AUC, LOSS = map(_one, TITLES)
BOTH, CURVED = ("precision", "recall"), ("recall", "specificity")
IOU_OF_DICE = _made("Dice/(2-Dice)", ("dice",), to_iou)
DICE_OF_BOTH = _made("2 precision recall/(precision + recall)", BOTH, harmonic)
IOU_OF_BOTH = _made(
    "precision recall/(precision + recall - precision recall)", BOTH, lambda p, r: to_iou(harmonic(p, r))
)
LEAST_OF_BOTH = _made("precision + recall - 1", BOTH, lambda p, r: p + r - 1)
LEAST_CURVED = _made("recall + specificity - 1", CURVED, lambda r, s: r + s - 1)

LARGER = "TP/(TP+FP+FN) has the larger denominator"
ADDED = "adding TN above and below raises a fraction"
CONCAVE = "it is their harmonic mean on every film, and that is concave (Jensen)"
BELOW = "IoU is at least Dice/(2-Dice), and at most the other"
AREA = "a rising curve through the point of the masks has at {} this area below it"

DICE_AND_IOU = Rule(
    IOU_OF_DICE,
    IOU,
    "equal on every film and convex in Dice, so the mean IoU is at least its value at the mean Dice (Jensen)",
    SHARED,
)
OTHERS = tuple(metric for metric in COLUMNS if metric != "accuracy")
MATRIX = Rule(
    ACCURACY,
    Side("accuracy of one confusion matrix", ("accuracy",), implied_accuracy),
    "no counts of pixels give all these columns",
    POOLED,
    equal=True,
    when=lambda row: any(metric in row for metric in OTHERS),
    uses=OTHERS,
)
RELATIONS = (
    Rule(IOU, RECALL, LARGER, LUNG),
    Rule(IOU, PRECISION, LARGER, LUNG),
    Rule(IOU, ACCURACY, ADDED, LUNG),
    Rule(IOU, DICE, "IoU = Dice/(2-Dice) on every film, at most Dice", SHARED),
    DICE_AND_IOU,
    *(Rule(IOU_OF_DICE, side, BELOW, LUNG, when=_without_iou) for side in (RECALL, PRECISION, ACCURACY)),
    Rule(DICE, DICE_OF_BOTH, CONCAVE, MEANS),
    Rule(F1, DICE_OF_BOTH, CONCAVE, MEANS),
    Rule(LEAST_OF_BOTH, IOU, "1-precision and 1-recall together are at least (FP+FN)/(TP+FP+FN) = 1-IoU", MEANS),
    Rule(LEAST_OF_BOTH, DICE, "IoU is at most Dice, and at least precision + recall - 1", MEANS),
    Rule(
        LEAST_OF_BOTH,
        ACCURACY,
        "IoU is at most accuracy, and at least precision + recall - 1",
        MEANS,
        when=_without_iou,
    ),
    Rule(DICE, F1, "F1 is Dice, or the larger harmonic mean of mean precision and mean recall", MEANS),
    Rule(LEAST_CURVED, ACCURACY, "accuracy lies between the two on every film, and neither is above 1", MEANS),
    Rule(LEAST_CURVED, AUC, AREA.format("least recall x specificity, and so"), MEANS, assumes=CURVE),
    Rule(AUC, _made("recall + specificity", CURVED, lambda r, s: r + s), AREA.format("most"), MEANS, assumes=CURVE),
    Rule(IOU, IOU_OF_DICE, "one confusion matrix has one Dice and one IoU", POOLED, equal=True),
    Rule(DICE, DICE_OF_BOTH, "one confusion matrix has one Dice", POOLED, equal=True),
    Rule(IOU, IOU_OF_BOTH, "one confusion matrix has one IoU", POOLED, equal=True),
    Rule(F1, DICE, "one confusion matrix has one Dice, and F1 is its other name", POOLED, equal=True),
    MATRIX,
    Rule(_made("recall specificity", CURVED, lambda r, s: r * s), AUC, AREA.format("least"), POOLED, assumes=CURVE),
    Rule(
        AUC,
        _made("1 - (1-recall)(1-specificity)", CURVED, lambda r, s: 1 - (1 - r) * (1 - s)),
        AREA.format("most"),
        POOLED,
        assumes=CURVE,
    ),
)
SPREADS = tuple(_spread(metric) for metric in TITLES if metric != "loss")
LOSSES = {
    metric: Rule(LOSS, _less(metric), "the loss is named so", SHARED, True, assumes="the loss is of the same masks")
    for metric in ("dice", "iou")
}


def rules(averaging: Averaging = "unstated", loss: Loss = "none") -> tuple[Rule, ...]:
    """The rules to apply.

    Args:
        averaging: How the columns are averaged; `unstated` applies what holds for means over films and for pooled
            pixels, `any` nothing, as each column may be averaged in its own way.
        loss: What the table's loss is said to be: `dice` for 1 - Dice, `iou` for 1 - IoU; `none` leaves it alone.
    """
    chosen = (*RELATIONS, *SPREADS, *([LOSSES[loss]] if loss != "none" else ()))
    return tuple(rule for rule in chosen if averaging in rule.holds)
