"""The audit of a table: nothing honest is accused, slips are found, a finding says what it takes for granted."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.audit import DECLARED, GOALS, Slip, accused, found
from bench.honest import SEEDS, measures
from lungseg.claims.arithmetic import Finding, audit, judged, printed
from lungseg.claims.printed_table import as_printed
from lungseg.claims.relation import Averaging
from lungseg.scores.metrics import RATIOS, ratios
from tests.workflow import MISHRA


def findings(averaging: Averaging = "unstated", **cells: str) -> list[Finding]:
    """What is found in one row."""
    return list(audit(as_printed({"row": cells}), averaging))


def rounded(values: np.ndarray, decimals: int) -> dict[str, str]:
    """Ratios as a table with so many decimals would print them."""
    return {name: f"{value:.{decimals}f}" for name, value in zip(RATIOS, values.tolist(), strict=True)}


def test_of_the_papers_nine_findings_one_is_impossible() -> None:
    made = list(audit(as_printed(MISHRA.cells)))
    networks = list(MISHRA.networks)
    assert sorted((finding.rule, finding.row) for finding in made) == sorted(
        [("IoU <= recall", name) for name in networks]
        + [("Dice <= 2 precision recall/(precision + recall)", name) for name in networks]
        + [("Dice/(2-Dice) <= IoU", "proposed")]
    )
    assert [one.rule for one in made if one.verdict == "impossible"] == ["Dice/(2-Dice) <= IoU"]


@pytest.mark.parametrize("averaging", SEEDS)
def test_no_honest_table_is_accused(averaging: str) -> None:
    """A sample of the 10,000 of bench/results/audit.md."""
    assert accused(averaging, 60) == 0


@pytest.mark.parametrize("averaging", [*DECLARED, "two calls"])
def test_without_a_word_on_averaging_no_honest_table_is_called_impossible(averaging: str) -> None:
    assert accused(averaging, 40, declared="unstated") == 0


@pytest.mark.parametrize("goal", GOALS, ids=lambda goal: f"{goal.averaging}, {'-'.join(goal.columns)}")
def test_slips_are_found_as_often_as_was_asked_for(goal: Slip) -> None:
    assert found(goal, 400) >= goal.rate


counts = st.lists(st.tuples(*[st.integers(0, 400)] * 4).filter(any), min_size=1, max_size=12)


@given(films=counts, decimals=st.integers(1, 5))
def test_means_over_films_never_raise_a_finding(films: list[tuple[int, ...]], decimals: int) -> None:
    means = ratios(np.array(films, dtype=float)).mean(axis=0)
    assert findings("films", **rounded(means, decimals)) == findings(**rounded(means, decimals)) == []


@given(films=counts, decimals=st.integers(1, 5))
def test_pooled_pixels_never_raise_a_finding(films: list[tuple[int, ...]], decimals: int) -> None:
    together = ratios(np.array(films, dtype=float).sum(axis=0))
    assert findings("pooled", **rounded(together, decimals)) == findings(**rounded(together, decimals)) == []


@given(films=counts, decimals=st.integers(1, 5), empty=st.integers(0, 1))
def test_medians_never_raise_a_finding(films: list[tuple[int, ...]], decimals: int, empty: int) -> None:
    middle = np.median(measures(np.array(films, dtype=float), empty), axis=0)[: len(RATIOS)]
    assert findings("median", **rounded(middle, decimals)) == []


@given(films=counts, decimals=st.integers(1, 5), loss=st.sampled_from(["dice", "iou"]))
def test_a_named_loss_that_is_true_raises_none(films: list[tuple[int, ...]], decimals: int, loss: str) -> None:
    means = dict(zip(RATIOS, ratios(np.array(films, dtype=float)).mean(axis=0).tolist(), strict=True))
    table = as_printed({"row": {loss: f"{means[loss]:.{decimals}f}", "loss": f"{1 - means[loss]:.{decimals}f}"}})
    assert list(audit(table, loss=loss)) == []  # type: ignore[arg-type]


def test_medians_break_what_is_not_kept_for_them() -> None:
    """Three films: precision .9, .9, .5 and recall .5, .9, .9; their medians say .9, the median Dice .643."""
    cells = {"dice": "0.643", "precision": "0.900", "recall": "0.900"}
    assert findings("median", **cells) == [] and [one.rule for one in findings("films", **cells)] == [
        "precision + recall - 1 <= Dice"
    ]


@pytest.mark.parametrize(("iou", "breaks"), [("0.876", False), ("0.877", True)])
def test_rounding_is_given_the_benefit_of_the_doubt(iou: str, breaks: bool) -> None:
    """0.876 may be 0.8755 and 0.875 as well; 0.877 cannot be below 0.8765."""
    assert bool(findings(iou=iou, recall="0.875")) is breaks


def test_fewer_decimals_forgive_more() -> None:
    assert findings(dice="0.984", iou="0.966") and not findings(dice="0.98", iou="0.97")
    assert findings(dice="98.4%", iou="96.6%") and not findings(dice="98%", iou="97%")


def test_a_printed_value_is_all_that_rounds_to_it() -> None:
    value = printed("0.950")
    assert (value.low, value.high) == (Fraction("0.9495"), Fraction("0.9505"))
    assert (
        printed("1.00").high == 1 and printed("0").low == 0 and printed("1.2", fraction=False).high == Fraction("1.25")
    )


def test_slack_is_what_the_message_says() -> None:
    (finding,) = findings(iou="0.937", recall="0.875")
    assert finding.slack == pytest.approx(-0.061)
    assert "IoU 0.937, recall 0.875: IoU <= recall fails by at least 0.0610" in finding.message


@pytest.mark.parametrize(
    ("averaging", "cells", "assumed"),
    [
        ("unstated", {"iou": ".90", "recall": ".80"}, ", if all columns are about the lung and averaged alike"),
        (
            "unstated",
            {"dice": ".90", "precision": ".90", "recall": ".82"},
            ", if all columns are about the lung and averaged alike, as means or over all pixels",
        ),
        (
            "films",
            {"iou": ".90", "recall": ".80"},
            ", if all columns are about the lung and means over the same films, as declared",
        ),
        ("median", {"iou": ".90", "recall": ".80"}, "medians or trimmed means over the same films, as declared"),
        ("pooled", {"f1": ".90", "dice": ".80"}, "of all pixels counted together, as declared"),
        ("classes", {"dice": ".9 ± .6"}, "is its standard deviation over the n films, or over at least two"),
        (
            "unstated",
            {"auc": ".70", "recall": ".90", "specificity": ".90"},
            "the scores that were cut into these masks",
        ),
    ],
)
def test_an_inconsistent_finding_says_what_it_takes_for_granted(
    averaging: Averaging, cells: dict[str, str], assumed: str
) -> None:
    made = findings(averaging, **cells)
    assert made and all(one.verdict == "inconsistent" for one in made) and made[0].message.endswith(assumed)


@pytest.mark.parametrize("averaging", ["unstated", "films", "pooled", "classes", "median"])
def test_an_impossible_finding_is_one_in_every_averaging_but_any(averaging: Averaging) -> None:
    made = findings(averaging, dice=".984", iou=".966")
    assert "impossible" in {one.verdict for one in made}
    assert made[0].message.endswith(
        "in whatever way Dice and IoU are averaged, if it is the same way and of the same masks"
    )
    assert findings("any", dice=".984", iou=".966") == []


def test_all_columns_of_a_confusion_matrix_stand_in_the_message() -> None:
    (finding,) = findings("pooled", recall=".900", specificity=".950", accuracy=".960")
    assert finding.message.startswith("accuracy .960, recall .900, specificity .950: accuracy = accuracy of one")


def test_what_no_rule_is_about_is_not_judged() -> None:
    table = as_printed({"alone": {"dice": ".9"}, "pair": {"dice": ".9", "iou": ".8"}, "one": {"accuracy": ".9"}})
    assert judged(table) == judged(table, "pooled") == {"pair"} and judged(table, "any") == set()
