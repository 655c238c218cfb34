"""Arithmetic of published tables: nothing false is found, and nothing true is missed."""

from collections.abc import Mapping
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lungseg.claims.arithmetic import LOSSES, POOLED, RULES, Averaging, Rule, audit, printed, rules
from lungseg.claims.printed_table import Printed, as_printed
from lungseg.scores.metrics import RATIOS, ratios
from tests.workflow import MISHRA

EVERY = (*RULES, *POOLED, *LOSSES.values())
# Values that break a rule by far, as a table would print them.
BROKEN = {
    "IoU <= recall": {"iou": 0.9, "recall": 0.8},
    "IoU <= precision": {"iou": 0.9, "precision": 0.8},
    "IoU <= accuracy": {"iou": 0.9, "accuracy": 0.8},
    "IoU <= Dice": {"iou": 0.9, "dice": 0.8},
    "Dice/(2-Dice) <= IoU": {"dice": 0.9, "iou": 0.7},
    "Dice <= (precision + recall)/2": {"dice": 0.9, "precision": 0.85, "recall": 0.85},
    "precision + recall - 1 <= IoU": {"precision": 0.95, "recall": 0.95, "iou": 0.8},
    "precision + recall - 1 <= Dice": {"precision": 0.99, "recall": 0.99, "dice": 0.9},
    "IoU = Dice/(2-Dice)": {"dice": 0.9, "iou": 0.87},
    "Dice = 2 precision recall/(precision + recall)": {"dice": 0.8, "precision": 0.9, "recall": 0.9},
    "loss = 1 - Dice": {"loss": 0.3, "dice": 0.9},
    "loss = 1 - IoU": {"loss": 0.3, "iou": 0.9},
}


def rounded(table: Mapping[str, Mapping[str, float]], decimals: int) -> dict[str, dict[str, Printed]]:
    """Values as a table with so many decimals would print them."""
    return as_printed(
        {name: {key: f"{value:.{decimals}f}" for key, value in row.items()} for name, row in table.items()}
    )


def found(row: Mapping[str, float], decimals: int = 3, averaging: Averaging = "any") -> set[str]:
    """Names of the rules that a row breaks."""
    return {finding.rule for finding in audit(rounded({"row": row}, decimals), averaging)}


def test_the_papers_table_has_nine_findings() -> None:
    findings = [(finding.rule, finding.row) for finding in audit(as_printed(MISHRA.cells))]
    networks = list(MISHRA.networks)
    assert sorted(findings) == sorted(
        [("IoU <= recall", name) for name in networks]
        + [("Dice <= (precision + recall)/2", name) for name in networks]
        + [("Dice/(2-Dice) <= IoU", "proposed")]
    )


counts = st.lists(st.tuples(*[st.integers(0, 400)] * 4).filter(any), min_size=1, max_size=12)


@given(films=counts, decimals=st.integers(1, 5))
def test_means_over_films_never_raise_a_finding(films: list[tuple[int, ...]], decimals: int) -> None:
    means = ratios(np.array(films, dtype=float)).mean(axis=0)
    assert found(dict(zip(RATIOS, means, strict=True)), decimals) == set()


@given(films=counts, decimals=st.integers(1, 5))
def test_pooled_pixels_never_raise_a_finding(films: list[tuple[int, ...]], decimals: int) -> None:
    together = ratios(np.array(films, dtype=float).sum(axis=0))
    assert found(dict(zip(RATIOS, together, strict=True)), decimals, "pooled") == set()


@given(films=counts, decimals=st.integers(1, 5), loss=st.sampled_from(["dice", "iou"]))
def test_a_named_loss_that_is_true_raises_none(films: list[tuple[int, ...]], decimals: int, loss: str) -> None:
    means = dict(zip(RATIOS, ratios(np.array(films, dtype=float)).mean(axis=0).tolist(), strict=True))
    table = rounded({"row": {loss: means[loss], "loss": 1 - means[loss]}}, decimals)
    assert list(audit(table, loss=loss)) == []  # type: ignore[arg-type]


@pytest.mark.parametrize("rule", EVERY, ids=lambda rule: rule.name)
@given(films=counts, push=st.floats(0.002, 0.3))
def test_a_table_pushed_past_a_rule_is_always_found(rule: Rule, films: list[tuple[int, ...]], push: float) -> None:
    """Raise what the rule keeps down until it is broken by more than rounding can hide."""
    measured = np.array(films, dtype=float)
    values = ratios(measured.sum(axis=0)) if rule in POOLED else ratios(measured).mean(axis=0)
    row = {name: value for name, value in zip(RATIOS, values.tolist(), strict=True) if name in rule.needs}
    if "loss" in rule.needs:
        row = {"loss": 1 - row[rule.needs[1]], **row}
    raised = rule.needs[0]
    exact = {name: printed(f"{value:.4f}") for name, value in row.items()}
    room = float(rule.slack(exact))
    steps = 4 if raised == "precision" and "recall" in rule.needs else 2
    pushed = row[raised] + steps * max(room, 0) + push
    if raised == "dice" and rule.name.startswith("Dice/(2"):
        pushed = 2 * (row["iou"] + push) / (1 + row["iou"] + push)
    if pushed <= 1:
        assert rule.slack({**exact, raised: printed(f"{pushed:.4f}")}) < 0


@pytest.mark.parametrize("rule", EVERY, ids=lambda rule: rule.name)
def test_each_rule_finds_its_own_example(rule: Rule) -> None:
    assert set(BROKEN[rule.name]) == set(rule.needs)
    assert rule.slack(rounded({"row": BROKEN[rule.name]}, 2)["row"]) < 0


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_each_rule_holds_for_every_small_confusion_matrix(rule: Rule) -> None:
    """By exhaustion rather than by proof, in exact fractions: whole pixels of up to four of each kind."""
    for cells in product(range(5), repeat=4):
        tp, fp, fn, tn = map(Fraction, cells)
        pairs = [
            (2 * tp, 2 * tp + fp + fn),
            (tp, tp + fp + fn),
            (tp, tp + fp),
            (tp, tp + fn),
            (tp + tn, tp + fp + fn + tn),
        ]
        values = {
            name: above / below if below else Fraction(0) for name, (above, below) in zip(RATIOS, pairs, strict=True)
        }
        row = {name: printed("0") for name in ()}
        for name in rule.needs:
            row[name] = type(printed("0"))(str(values[name]), values[name], values[name])
        assert rule.slack(row) >= 0, cells


@pytest.mark.parametrize(("iou", "breaks"), [("0.876", False), ("0.877", True)])
def test_rounding_is_given_the_benefit_of_the_doubt(iou: str, breaks: bool) -> None:
    """0.876 may be 0.8755 and 0.875 as well; 0.877 cannot be below 0.8765."""
    row = {"iou": printed(iou), "recall": printed("0.875")}
    assert bool(list(audit({"row": row}))) is breaks


def test_fewer_decimals_forgive_more() -> None:
    assert found({"dice": 0.984, "iou": 0.966}) and not found({"dice": 0.98, "iou": 0.97}, 2)


def test_a_printed_value_is_all_that_rounds_to_it() -> None:
    value = printed("0.950")
    assert (value.low, value.high) == (Fraction("0.9495"), Fraction("0.9505"))
    assert (
        printed("1.00").high == 1 and printed("0").low == 0 and printed("1.2", fraction=False).high == Fraction("1.25")
    )


def test_slack_is_what_the_message_says() -> None:
    finding = next(audit({"a": {"iou": printed("0.937"), "recall": printed("0.875")}}))
    assert (
        finding.slack == pytest.approx(-0.061)
        and "0.0610" in finding.message
        and "IoU 0.937, recall 0.875" in finding.message
    )


def test_identities_are_asked_for() -> None:
    row = {"dice": 0.96, "iou": 0.94}  # possible as means, not for one confusion matrix
    assert found(row) == set() and found(row, averaging="pooled") == {"IoU = Dice/(2-Dice)"}
    assert len(rules("pooled", "dice")) == len(RULES) + len(POOLED) + 1


@given(films=counts, decimals=st.integers(1, 5), weighted=st.booleans())
def test_what_is_called_impossible_is_impossible_for_averages_over_classes_too(
    films: list[tuple[int, ...]], decimals: int, weighted: bool
) -> None:
    """Means over lung and background, alike or by their shares, of all columns."""
    lung = np.array(films, dtype=float)
    both = np.stack([ratios(lung), ratios(lung[:, ::-1])])
    share = (lung[:, 0] + lung[:, 2]) / lung.sum(axis=1)
    weights = np.stack([share, 1 - share]) if weighted else np.full((2, len(lung)), 0.5)
    means = (both * weights[..., None]).sum(axis=0).mean(axis=0)
    findings = audit(rounded({"row": dict(zip(RATIOS, means, strict=True))}, decimals))
    assert [one for one in findings if one.verdict == "impossible"] == []


def test_two_calls_of_keras_print_what_is_called_inconsistent() -> None:
    """Dice and IoU over both classes beside precision and recall of the lung: honest, and three rules are broken."""
    lung = np.array([[180.0, 4, 26, 790]] * 5)
    of_lung, of_background = ratios(lung).mean(axis=0), ratios(lung[:, ::-1]).mean(axis=0)
    row = dict(zip(RATIOS, of_lung, strict=True))
    both = dict(zip(RATIOS, (of_lung + of_background) / 2, strict=True))
    row |= {"dice": both["dice"], "iou": both["iou"]}
    findings = list(audit(rounded({"row": row}, 3)))
    assert {one.verdict for one in findings} == {"inconsistent"}
    assert all("if all columns are about the lung and averaged alike" in one.message for one in findings)
