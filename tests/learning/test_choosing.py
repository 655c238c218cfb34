"""The choice of the model in the package, by hand."""

import pytest

from lungseg.learning.choosing import COLUMNS, NEAR, candidates, fitting


def card(variant: str, seed: int, dice: float, parameters: int, diverged: int | None = None) -> dict[str, object]:
    facts = {"best_validation_dice": dice, "parameters": parameters, "diverged": diverged}
    return {"run": f"{variant}/pooled/seed{seed}"} | facts


def test_the_largest_mean_over_seeds_is_chosen() -> None:
    cards = [card("a", 0, 0.95, 9), card("a", 1, 0.97, 9), card("b", 0, 0.975, 9), card("b", 1, 0.94, 9)]
    table = candidates(cards)
    assert list(table) == COLUMNS and list(table["variant"]) == ["a", "b"]
    assert table["validation_dice"].tolist() == pytest.approx([0.96, 0.9575])
    assert table["seeds"].tolist() == ["0 1", "0 1"] and table["chosen"].tolist() == [True, False]


@pytest.mark.parametrize(("behind", "chosen"), [(NEAR * 0.9, "small"), (NEAR * 1.1, "large")])
def test_of_two_that_are_near_the_smaller_one_is_chosen(behind: float, chosen: str) -> None:
    table = candidates([card("large", 0, 0.97, 9), card("small", 0, 0.97 - behind, 5)])
    assert table.loc[table["chosen"], "variant"].tolist() == [chosen]


def test_a_run_that_diverged_has_no_say() -> None:
    table = candidates([card("a", 0, 0.99, 9, diverged=3), card("a", 1, 0.9, 9), card("b", 0, 0.95, 9)])
    assert table.set_index("variant").loc["a", ["seeds", "validation_dice"]].tolist() == ["1", 0.9]
    assert table.loc[table["chosen"], "variant"].tolist() == ["b"]
    with pytest.raises(ValueError, match="no run"):
        candidates([card("a", 0, 0.99, 9, diverged=1)])


@pytest.mark.parametrize(
    ("sizes", "limit", "number"), [([4, 4, 4], 8, 2), ([4, 4, 4], 12, 3), ([9, 1], 8, 1), ([3, 6, 1], 8, 1)]
)
def test_as_many_files_as_fit_the_first_ones_first(sizes: list[int], limit: int, number: int) -> None:
    assert fitting(sizes, limit) == number
