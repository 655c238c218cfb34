"""A row that joins the films of others."""

import pytest

from lungseg.claims.arithmetic import audit, judged
from lungseg.claims.printed_table import as_printed
from lungseg.claims.relation import Averaging

PARTS = {"a": {"dice": ".950", "n": "60"}, "b": {"dice": ".970", "n": "20"}}
JOINS = {"both": ("a", "b")}


def rules_of(averaging: Averaging, joined: dict[str, str], parts: dict[str, dict[str, str]] = PARTS) -> list[str]:
    """What is found in the joined row."""
    table = as_printed(parts | {"both": joined})
    return [one.rule for one in audit(table, averaging, combined=JOINS) if one.row == "both"]


@pytest.mark.parametrize(
    ("text", "stands"), [(".949", True), (".948", False), (".971", True), (".972", False), (".96", True)]
)
def test_it_lies_between_them(text: str, stands: bool) -> None:
    assert bool(rules_of("unstated", {"dice": text})) is not stands
    assert bool(rules_of("pooled", {"dice": text})) is not stands


@pytest.mark.parametrize(("text", "stands"), [(".954", True), (".953", False), (".956", True), (".957", False)])
def test_over_films_it_is_their_weighted_mean(text: str, stands: bool) -> None:
    """(60 x .950 + 20 x .970)/80 = .955, within half a unit on both sides."""
    found = rules_of("films", {"dice": text, "n": "80"})
    assert found == ([] if stands else ["Dice of joined films = mean weighted by n"])
    assert rules_of("films", {"dice": text, "n": "81"}) == []  # other films than those of the parts
    assert rules_of("films", {"dice": text}) == found
    assert rules_of("unstated", {"dice": text, "n": "80"}) == []  # of all pixels, films do not count alike


def test_precision_is_not_weighted_as_empty_masks_have_none() -> None:
    parts = {name: {"precision": row["dice"], "n": row["n"]} for name, row in PARTS.items()}
    assert rules_of("films", {"precision": ".960", "n": "80"}, parts) == []
    assert rules_of("films", {"precision": ".980", "n": "80"}, parts) == ["precision of joined films between its parts"]


@pytest.mark.parametrize("averaging", ["classes", "median", "any"])
def test_other_averages_need_not_lie_between(averaging: Averaging) -> None:
    assert rules_of(averaging, {"dice": ".99"}) == []


def test_an_auc_of_all_pixels_and_an_f1_of_means_need_not_either() -> None:
    parts = {name: {"auc": ".90", "f1": ".90"} for name in "ab"}
    joined = {"auc": ".80", "f1": ".95"}
    assert rules_of("unstated", joined, parts) == []
    assert rules_of("films", joined, parts) == ["AUC of joined films between its parts"]
    assert rules_of("pooled", joined, parts) == ["F1 of joined films between its parts"]


def test_a_row_is_judged_only_where_it_is_declared() -> None:
    table = as_printed(PARTS | {"both": {"dice": ".99"}})
    assert list(audit(table)) == [] and judged(table) == set()
    (finding,) = audit(table, combined=JOINS)
    assert judged(table, combined=JOINS) == {"both"} and finding.verdict == "inconsistent"
    assert "Dice of both .99, a .950, b .970" in finding.message and finding.slack == pytest.approx(-0.0145)
