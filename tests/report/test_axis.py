"""An axis is from the least to the greatest value, with round numbers on it."""

import pytest

from lungseg.report.axis import Axis


def test_an_axis_is_from_the_least_to_the_greatest_value() -> None:
    axis = Axis.over([0.5, float("nan"), 0.25, 0.75])
    assert (axis.low, axis.high) == (0.25, 0.75)
    assert [axis(value) for value in (0.25, 0.5, 0.75)] == [4, 50, 96]
    assert Axis.over([float("nan")]) == Axis(0, 1)
    assert Axis(0.3, 0.3)(0.3) == 4


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0.91, 0.99, [0.92, 0.94, 0.96, 0.98]),
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (-3, 40, [0, 10, 20, 30, 40]),
        (0.9012, 0.9047, [0.902, 0.903, 0.904]),
        (0, 2.4, [0, 0.5, 1, 1.5, 2]),
    ],
)
def test_ticks_are_round_and_on_the_axis(low: float, high: float, ticks: list[float]) -> None:
    assert Axis(low, high).ticks() == ticks
