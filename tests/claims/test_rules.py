"""The rules of the audit: true of every film, with their tiers, and broken by the least that breaks them."""

from collections.abc import Mapping
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lungseg.claims.cells import Printed
from lungseg.claims.confusion import COLUMNS, implied_accuracy, implied_share, rays
from lungseg.claims.printed_table import as_printed
from lungseg.claims.relation import Rule
from lungseg.claims.rules import LOSSES, RELATIONS, SPREADS, rules

EVERY = (*RELATIONS, *SPREADS, *LOSSES.values())
MEANS, LUNG = {"unstated", "films", "pooled"}, {"unstated", "films", "pooled", "median"}
# Rule -> what it survives, a row that just stands, and the cell that breaks it by one unit of its last decimal.
CASES: dict[str, tuple[set[str], dict[str, str], dict[str, str]]] = {
    "IoU <= recall": (LUNG, {"iou": ".876", "recall": ".875"}, {"iou": ".877"}),
    "IoU <= precision": (LUNG, {"iou": ".876", "precision": ".875"}, {"precision": ".874"}),
    "IoU <= accuracy": (LUNG, {"iou": ".876", "accuracy": ".875"}, {"iou": ".877"}),
    "IoU <= Dice": (LUNG | {"classes"}, {"iou": ".876", "dice": ".875"}, {"iou": ".877"}),
    # f(.9835) = .96753 and f(.9825) = .96560 beside at most .9665
    "Dice/(2-Dice) <= IoU": (LUNG | {"classes"}, {"dice": ".983", "iou": ".966"}, {"dice": ".984"}),
    # f(.9335) = .87529, f(.9345) = .87705
    "Dice/(2-Dice) <= recall": (LUNG, {"dice": ".934", "recall": ".875"}, {"dice": ".935"}),
    "Dice/(2-Dice) <= precision": (LUNG, {"dice": ".934", "precision": ".875"}, {"dice": ".935"}),
    "Dice/(2-Dice) <= accuracy": (LUNG, {"dice": ".934", "accuracy": ".875"}, {"dice": ".935"}),
    # H(.9505, .7005) = .80657
    "Dice <= 2 precision recall/(precision + recall)": (
        MEANS,
        {"dice": ".807", "precision": ".95", "recall": ".700"},
        {"dice": ".811"},
    ),
    "F1 <= 2 precision recall/(precision + recall)": (
        MEANS,
        {"f1": ".807", "precision": ".950", "recall": ".700"},
        {"f1": ".808"},
    ),
    "precision + recall - 1 <= IoU": (MEANS, {"precision": ".90", "recall": ".90", "iou": ".79"}, {"iou": ".78"}),
    "precision + recall - 1 <= Dice": (MEANS, {"precision": ".90", "recall": ".90", "dice": ".79"}, {"dice": ".78"}),
    "precision + recall - 1 <= accuracy": (
        MEANS,
        {"precision": ".90", "recall": ".90", "accuracy": ".79"},
        {"accuracy": ".78"},
    ),
    "Dice <= F1": (MEANS, {"dice": ".951", "f1": ".950"}, {"dice": ".952"}),
    "recall + specificity - 1 <= accuracy": (
        MEANS,
        {"recall": ".90", "specificity": ".90", "accuracy": ".79"},
        {"accuracy": ".78"},
    ),
    "recall + specificity - 1 <= AUC": (
        MEANS,
        {"recall": ".90", "specificity": ".90", "auc": ".79"},
        {"auc": ".78"},
    ),
    "AUC <= recall + specificity": (MEANS, {"recall": ".30", "specificity": ".40", "auc": ".71"}, {"auc": ".72"}),
    # f(.9595) = .92215, f(.9605) = .92400
    "IoU = Dice/(2-Dice)": ({"pooled"}, {"iou": ".924", "dice": ".960"}, {"iou": ".925"}),
    # H(.8995, .8495) = .87379, H(.9005, .8505) = .87479
    "Dice = 2 precision recall/(precision + recall)": (
        {"pooled"},
        {"dice": ".874", "precision": ".900", "recall": ".850"},
        {"dice": ".873"},
    ),
    "IoU = precision recall/(precision + recall - precision recall)": (
        {"pooled"},
        {"iou": ".777", "precision": ".900", "recall": ".850"},
        {"iou": ".774"},
    ),
    "F1 = Dice": ({"pooled"}, {"f1": ".951", "dice": ".950"}, {"f1": ".952"}),
    # Accuracy lies between recall and specificity.
    "accuracy = accuracy of one confusion matrix": (
        {"pooled"},
        {"accuracy": ".951", "recall": ".900", "specificity": ".950"},
        {"accuracy": ".952"},
    ),
    # .8995 x .7995 = .71915
    "recall specificity <= AUC": (
        {"pooled"},
        {"recall": ".900", "specificity": ".800", "auc": ".719"},
        {"auc": ".718"},
    ),
    # 1 - .0995 x .1995 = .98015
    "AUC <= 1 - (1-recall)(1-specificity)": (
        {"pooled"},
        {"recall": ".900", "specificity": ".800", "auc": ".980"},
        {"auc": ".981"},
    ),
    "loss = 1 - Dice": (LUNG | {"classes"}, {"loss": ".101", "dice": ".900"}, {"loss": ".102"}),
    "loss = 1 - IoU": (LUNG | {"classes"}, {"loss": ".099", "iou": ".900"}, {"loss": ".098"}),
}
RULES = {rule.name: rule for rule in EVERY}


def row(texts: Mapping[str, str]) -> dict[str, Printed]:
    """A row from its texts."""
    return as_printed({"row": texts})["row"]


def exactly(values: Mapping[str, Fraction]) -> dict[str, Printed]:
    """A row whose values are known without rounding."""
    return {name: Printed(str(value), value, value) for name, value in values.items()}


@pytest.mark.parametrize("name", CASES)
def test_each_rule_is_broken_by_the_least_that_breaks_it(name: str) -> None:
    holds, stands, broken = CASES[name]
    rule = RULES[name]
    assert rule.holds == holds and set(rule.needs) <= set(stands)
    assert rule.judges(row(stands)) and rule.slack(row(stands)) >= 0 > rule.slack(row(stands | broken))


def test_every_rule_has_its_case() -> None:
    assert set(CASES) == {rule.name for rule in EVERY if rule not in SPREADS}


def test_only_dice_against_iou_survives_every_way_of_averaging() -> None:
    assert {rule.name for rule in EVERY if rule.survives} == {"IoU <= Dice", "Dice/(2-Dice) <= IoU"}
    assert rules("any") == () and rules("any", "dice") == ()
    assert {rule.name for rule in rules("classes") if rule not in SPREADS} == {"IoU <= Dice", "Dice/(2-Dice) <= IoU"}
    assert set(rules("unstated")) - set(SPREADS) == set(rules("films")) & set(rules("pooled"))


def of_counts(counts: tuple[int, ...], empty: int) -> dict[str, Fraction]:
    """The ratios of a film, with the limits that its AUC has."""
    values = {}
    for name, (above, below) in COLUMNS.items():
        top, bottom = (sum(a * b for a, b in zip(side, counts, strict=True)) for side in (above, below))
        values[name] = Fraction(top, bottom) if bottom else Fraction(empty)
    return values


@pytest.mark.parametrize("rule", RELATIONS, ids=lambda rule: rule.name)
@pytest.mark.parametrize("empty", [0, 1])
def test_each_rule_holds_for_every_small_confusion_matrix(rule: Rule, empty: int) -> None:
    """By exhaustion rather than by proof, in exact fractions: whole pixels of up to three of each kind."""
    for counts in product(range(4), repeat=4):
        if any(counts):
            values = of_counts(counts, empty)
            r, s = values["recall"], values["specificity"]
            if rule.assumes and (counts[0] + counts[2] == 0 or counts[1] + counts[3] == 0):
                continue  # without lung or background there is no AUC
            for area in (r * s, 1 - (1 - r) * (1 - s)):
                made = exactly(values | {"auc": area})
                assert not rule.judges(made) or rule.slack(made) >= 0, counts


@pytest.mark.parametrize(
    "cells",
    [
        {},
        {"dice": ".95"},
        {"precision": ".976", "recall": ".875"},
        {"dice": ".95", "iou": ".91", "accuracy": ".98"},
        {"dice": ".95", "recall": ".96", "specificity": ".98", "accuracy": ".97"},
    ],
)
def test_no_ray_lies_between_others(cells: dict[str, str]) -> None:
    """Of four counts: on each extreme ray three independent bounds hold with equality, of counts or of printed values.

    Reference: Motzkin, Raiffa, Thompson and Thrall (1953), The double description method.
    """
    values = row(cells)
    bounds = [*np.eye(4)]
    for name, value in values.items():
        above, below = np.array(COLUMNS[name], dtype=float)
        bounds += [above - float(value.low) * below, above - float(value.high) * below]
    found = rays(values)
    assert len(found) >= 4 and len(set(found)) == len(found)
    for ray in found:
        met = [bound for bound in bounds if abs(bound @ ray) < 1e-9 * max(ray)]
        assert np.linalg.matrix_rank(np.array(met)) == 3


def test_one_confusion_matrix_leaves_the_accuracy_that_it_has() -> None:
    """From precision, recall and specificity follows the share of lung, and from that the accuracy."""
    values = exactly(of_counts((30, 10, 20, 40), 0))
    assert implied_accuracy({name: values[name] for name in ("precision", "recall", "specificity")}) == (
        Fraction(7, 10),
        Fraction(7, 10),
    )
    assert implied_share(values) == (Fraction(1, 2), Fraction(1, 2))
    assert len(rays(values)) == 1 and rays(exactly({"dice": Fraction(1, 2), "iou": Fraction(1, 2)})) == []
    assert (
        implied_accuracy({}) == (0, 1) and implied_share(exactly({"dice": Fraction(1)} | {"iou": Fraction(0)})) is None
    )


def test_rounding_widens_the_implied_share_and_keeps_the_true_one() -> None:
    texts = {"precision": ".75", "recall": ".60", "specificity": ".80"}
    share = implied_share(row(texts))
    assert share and share[0] < Fraction(1, 2) < share[1] and share[1] - share[0] < Fraction(5, 100)
    # At the end of rounding where P is least and R and S highest: pi = P(1-S)/(P(1-S) + R(1-P)).
    p, r, s = Fraction(755, 1000), Fraction(595, 1000), Fraction(795, 1000)
    assert share[1] == p * (1 - s) / (p * (1 - s) + r * (1 - p))


@given(counts=st.tuples(*[st.integers(0, 300)] * 4).filter(any), decimals=st.integers(1, 5))
def test_the_true_accuracy_is_never_left_out(counts: tuple[int, ...], decimals: int) -> None:
    values = of_counts(counts, 0)
    printed = row({name: f"{float(value):.{decimals}f}" for name, value in values.items()})
    low, high = implied_accuracy(printed)
    assert float(low) - 1e-9 <= float(values["accuracy"]) <= float(high) + 1e-9


@pytest.mark.parametrize(
    ("mean", "n", "stands", "broken"),
    [
        (".50", "2", "0.70", "0.72"),  # sqrt(.5 x .5 x 2) = .70711
        (".90", "10", "0.32", "0.34"),  # sqrt(.895 x .105 x 10/9) = .32313
        (".90", "1000", "0.31", "0.32"),  # sqrt(.895 x .105 x 1000/999) = .30671
        ("0.2", "10", "0.4", "0.6"),  # sqrt(.25 x .75 x 10/9) = .45644
    ],
)
def test_a_spread_has_a_largest_value(mean: str, n: str, stands: str, broken: str) -> None:
    (rule,) = (rule for rule in SPREADS if rule.needs == ("dice",))
    assert rule.holds == {"unstated", "films", "classes"}
    assert rule.slack(row({"dice": f"{mean} ± {stands}", "n": n})) >= 0
    assert rule.slack(row({"dice": f"{mean} ({broken})", "n": n})) < 0
    assert not rule.judges(row({"dice": mean, "n": n}))


@given(values=st.lists(st.floats(0, 1), min_size=2, max_size=9))
def test_no_sample_of_fractions_has_a_larger_spread(values: list[float]) -> None:
    (rule,) = (rule for rule in SPREADS if rule.needs == ("iou",))
    mean, spread = np.mean(values), np.std(values, ddof=1)
    assert rule.slack(row({"iou": f"{mean:.4f} ± {spread:.4f}", "n": str(len(values))})) >= 0
    assert rule.slack(row({"iou": f"{mean:.4f} ± {spread:.4f}"})) >= 0
