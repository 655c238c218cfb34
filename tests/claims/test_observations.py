"""What a row says without contradiction."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lungseg.claims.observations import failed_share, needed_spread, observations
from lungseg.claims.printed_table import as_printed
from lungseg.claims.relation import Averaging


def told(averaging: Averaging = "unstated", **cells: str) -> list[str]:
    """The observations of one row."""
    return [one.message for one in observations(as_printed({"row": cells}), averaging)]


@given(dice=st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_films_spread_at_least_as_much_as_their_means_need(dice: list[float]) -> None:
    values = np.array(dice)
    row = as_printed({"row": {"dice": f"{values.mean():.5f}", "iou": f"{(values / (2 - values)).mean():.5f}"}})["row"]
    assert needed_spread(row["dice"], row["iou"]) <= values.std() + 1e-9


def test_two_kinds_of_film_need_nearly_what_they_have() -> None:
    """The bound is met in the limit where films are either 1 or at the mean; 0.95 and 1 are close to that."""
    values = np.array([0.95, 1.0])
    row = as_printed({"row": {"dice": f"{values.mean():.6f}", "iou": f"{(values / (2 - values)).mean():.6f}"}})["row"]
    assert needed_spread(row["dice"], row["iou"]) == pytest.approx(values.std(), rel=0.03)


def test_a_share_of_failures_gives_the_printed_means() -> None:
    row = as_printed({"row": {"dice": ".957000", "iou": ".937000"}})["row"]
    assert failed_share(row["dice"], row["iou"]) == pytest.approx(0.0221, abs=1e-4)
    alike = as_printed({"row": {"dice": ".957", "iou": ".918"}})["row"]
    assert failed_share(alike["dice"], alike["iou"]) == needed_spread(alike["dice"], alike["iou"]) == 0


def test_the_spread_is_told_beside_the_printed_one_where_columns_are_means() -> None:
    (message,) = told(dice=".957 ± .020", iou=".937")
    assert "a standard deviation of Dice of at least 0.099" in message and "2.1 % of them failing" in message
    assert message.endswith("printed beside Dice: .020")
    assert told(dice=".957", iou=".918") == [] and told("median", dice=".957", iou=".937") == []


def test_the_share_of_lung_follows_from_dice_and_accuracy() -> None:
    """One film: TP 20, FP 2, FN 2, TN 76 of 100; mask and truth take 22 each."""
    (message,) = told("films", dice="0.9091", accuracy="0.9600")
    assert "takes 0.220 to 0.220 of the picture" in message
    (pooled,) = told("pooled", recall="0.9091", precision="0.9091", specificity="0.9744")
    assert "between 0.219 and 0.220 of all pixels" in pooled
    assert told("pooled", recall="0.91") == [] and told("median", dice="0.91", accuracy="0.96") == []
    assert told(dice="1.00", accuracy="0.99") == []


def test_two_names_of_one_ratio_tell_of_two_averages() -> None:
    assert told(dice=".95", f1=".95") == []
    assert "they are averaged differently" in told(dice=".95", f1=".97")[0]
    assert "computed from the printed precision" in told(dice=".95", f1=".970", precision=".980", recall=".960")[0]


def test_where_columns_are_averaged_apart_dice_and_iou_are_still_noticed() -> None:
    (message,) = told("any", dice=".984", iou=".966")
    assert "not averaged in the same way" in message and told("any", dice=".983", iou=".966") == []
