"""Which habit would explain a finding: what class averages are beside a printed precision and recall."""

import numpy as np
import pandas as pd
import pytest

from bench.honest import measures, over_classes
from lungseg.claims import habits
from lungseg.claims.arithmetic import audit
from lungseg.claims.printed_table import as_printed
from lungseg.scores.metrics import COUNTS
from tests.workflow import MISHRA, ROOT


@pytest.mark.parametrize("mean", ["macro", "weighted"])
def test_class_averages_are_those_of_the_counts(mean: habits.Mean) -> None:
    counts = np.array([180.0, 4, 26, 790])
    lung = measures(counts, 0)
    wanted = over_classes(counts, mean == "weighted", 0)[:2]
    found = habits.over_classes(180 / 184, 180 / 206, 206 / 1000, mean)
    assert found and [found.dice, found.iou] == pytest.approx(wanted)
    assert found.dice > lung[0]


def test_there_is_none_where_the_numbers_fit_no_picture() -> None:
    assert habits.over_classes(0.5, 0, 0.5, "macro") is None and habits.over_classes(0, 0.5, 0.5, "macro") is None
    assert habits.over_classes(0.3, 0.5, 0.5, "macro") is None  # .58 of the picture false, where .5 is background
    full = habits.over_classes(0.5, 1, 0.5, "macro")  # all is called lung: the background's Dice is 0
    assert full and (full.dice, full.iou) == pytest.approx((1 / 3, 1 / 4))


def test_shares_are_those_of_95_percent_of_the_test_films() -> None:
    scores = pd.read_csv(ROOT / "results/cpu/scores.csv")
    films = scores.drop_duplicates("image_id")
    share = (films["true_positive"] + films["false_negative"]) / films[COUNTS].sum(axis=1)
    limits = [round(value, 2) for value in share.quantile([0.025, 0.975])]
    assert [habits.SHARES[0], habits.SHARES[-1]] == limits


def test_two_calls_of_keras_are_recognised() -> None:
    counts = np.array([180.0, 4, 26, 790])
    lung, both = measures(counts, 0), over_classes(counts, False, 0)
    values = dict(zip(("dice", "iou", "precision", "recall"), (*both[:2], *lung[2:4]), strict=True))
    findings = list(audit(as_printed({"row": {name: f"{value:.3f}" for name, value in values.items()}})))
    assert {one.verdict for one in findings} == {"inconsistent"} and len(findings) == 2
    share = "with the lung on 0.21 of the picture: would explain it"
    assert all(f"counted alike, would be {both[0]:.3f}" in one.explanation for one in findings)
    assert all(share in one.explanation and "recall" in one.rule for one in findings)


def test_of_the_paper_area_weights_explain_all_but_the_impossible_finding() -> None:
    for one in audit(as_printed(MISHRA.cells)):
        nearest = one.explanation.partition(";")[0]
        if one.verdict == "impossible":
            assert nearest == "no mean over lung and background does, as it obeys the rule too"
        else:
            assert "weighted by area" in nearest and nearest.endswith("would explain it")


def test_what_no_average_comes_near_is_said_so() -> None:
    finding = next(iter(audit(as_printed({"row": {"dice": ".99", "precision": ".50", "recall": ".50"}}))))
    assert finding.explanation.count("not near enough") == 2


def test_without_precision_nothing_is_computed() -> None:
    (finding,) = audit(as_printed({"row": {"dice": ".957", "recall": ".875"}}))
    assert finding.explanation == ""


def test_a_dice_of_printed_means_is_not_called_impossible() -> None:
    """Precision 1 and 0, recall 0 and 1 on two kinds of film: F1 of the means is far above Dice and IoU."""
    cells = {"dice": ".900", "precision": ".900", "recall": ".900", "iou": ".810"}
    (finding,) = audit(as_printed({"row": cells}))
    assert finding.rule == "Dice/(2-Dice) <= IoU" and finding.verdict == "inconsistent"
    assert "not computed from the printed precision and recall" in finding.message
    assert finding.explanation.startswith("a Dice computed from the printed precision and recall")
    other = next(iter(audit(as_printed({"row": cells | {"precision": ".95"}}))))
    assert (
        other.rule == "Dice/(2-Dice) <= IoU"
        and other.verdict == "impossible"
        and "if it is the same way and of the same masks" in other.message
    )
