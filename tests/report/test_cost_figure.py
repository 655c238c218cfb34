"""Every network stands where its cost and its Dice are, has its name once, and no name lies over another."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import ConnectionPatch

from lungseg.report.cost_figure import APART, NEAR, REACH, beside, costs, round_values
from lungseg.report.look import Look
from tests.workflow import MISHRA

LONG = "a network whose name says everything that was changed in it, one after the other"


def drawn(number: int, alike: int = 0, unknown: int = 0) -> tuple[Figure, Look, pd.DataFrame]:
    """The figure of so many networks, some of one cost, some of which the operations are not known."""
    names = ["unet", "proposed", *[f"{LONG} {place}" for place in range(number - 2)]]
    look = Look.of(MISHRA, names, ["jsrt"], {"jsrt": ["jsrt"]})
    parameters = np.array([4e6 * 1.3**place for place in range(number)])
    parameters[:alike] = 64.9e6
    operations = parameters / 2e6
    operations[number - unknown :] = np.nan
    table = pd.DataFrame({"variant": names, "parameters": parameters, "gflops": operations})
    means = 0.96 + 0.0001 * np.arange(number) * (-1) ** np.arange(number)
    estimates = pd.DataFrame({"variant": names, "train_on": "jsrt", "test_on": "jsrt", "metric": "dice", "mean": means})
    estimates = estimates.assign(low=means - 0.01, high=means + 0.01)
    return costs(table, estimates, "jsrt", "jsrt", look, 0.95), look, estimates


def points(panel: Axes) -> dict[float, tuple[float, bool]]:
    """Mean to where its point stands and whether it is filled."""
    marked = [line for line in panel.lines if line.get_marker() == "o"]
    return {
        float(line.get_ydata()[0]): (float(line.get_xdata()[0]), to_hex(line.get_markerfacecolor()) != "#ffffff")  # type: ignore[index]
        for line in marked
    }


@pytest.mark.parametrize(("number", "alike"), [(2, 0), (4, 2), (12, 0), (12, 8), (40, 30)])
def test_names_stand_once_apart_from_each_other_and_inside(number: int, alike: int) -> None:
    figure, look, estimates = drawn(number, alike)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    middle = figure.axes[1]
    assert [text.get_text().replace("\n", " ") for text in middle.texts] == [
        look.name(variant) for variant in estimates.sort_values("mean", ascending=False)["variant"]
    ]
    boxes = [text.get_window_extent(canvas.get_renderer()) for text in middle.texts]
    for place, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:place])
    inside = middle.get_window_extent()
    assert all(inside.x0 < box.x0 and box.x1 < inside.x1 for box in boxes)
    bands = sorted((patch.get_y(), patch.get_y() + patch.get_height()) for patch in middle.patches)
    edges = [0.0, *(edge for band in bands for edge in band), float(number)]
    assert len(bands) == number and edges == sorted(edges)
    tall = max(box.height for box in boxes)
    assert all(patch.get_window_extent().height < 2.5 * tall for patch in middle.patches)
    heights = sorted(text.get_position()[1] for text in middle.texts)
    assert heights == pytest.approx([(low + high) / 2 for low, high in bands])
    for panel in (figure.axes[0], figure.axes[2]):
        (low, high), found = panel.get_xlim(), points(panel)
        assert len(found) == number and all(low < place < high for place, _ in found.values())


def test_points_and_intervals_are_those_of_the_tables() -> None:
    figure, _, estimates = drawn(4)
    left, _, right = figure.axes[:3]
    for panel, unit in ((left, 4), (right, 2)):
        found = points(panel)
        assert list(found) == pytest.approx(sorted(estimates["mean"], reverse=True))
        assert sorted(place for place, _ in found.values()) == pytest.approx([unit * 1.3**power for power in range(4)])
        ends = {tuple(line.get_ydata()) for line in panel.lines if len(set(line.get_xdata())) == 1}
        assert {(row["low"], row["high"]) for row in estimates.to_dict("records")} <= ends
    assert left.get_xlabel() == "Parameters (millions)" and right.get_xlabel() == "GFLOP for one film"
    assert left.get_ylabel() == "Mean Dice [95% interval]"
    assert len(figure.findobj(ConnectionPatch)) == 8  # a line from each name to both points


def test_points_on_the_front_are_filled_and_their_names_bold() -> None:
    figure, *_ = drawn(4)  # means .96, .9599, .9602, .9597: the first and the third
    filled = [filled for _, filled in sorted(points(figure.axes[0]).values())]
    assert filled == [True, False, True, False]
    assert [text.get_weight() for text in figure.axes[1].texts] == ["bold", "bold", "normal", "normal"]
    (steps,) = [line for line in figure.axes[0].lines if line.get_drawstyle() == "steps-post"]
    assert np.asarray(steps.get_ydata()) == pytest.approx([0.96, 0.9602, 0.9602])


def test_what_is_not_known_has_its_place_in_the_other_panel_alone() -> None:
    figure, *_ = drawn(4, unknown=1)
    assert [len(points(panel)) for panel in (figure.axes[0], figure.axes[2])] == [4, 3]
    assert len(figure.findobj(ConnectionPatch)) == 7
    FigureCanvasAgg(figure).draw()
    figure, *_ = drawn(4, unknown=4)
    (text,) = [text for text in figure.axes[2].texts if text.get_text() == "not known"]
    assert text.get_position() == (0.5, 0.5)
    FigureCanvasAgg(figure).draw()


def test_no_network_is_told() -> None:
    none = pd.DataFrame(columns=["variant", "train_on", "test_on", "metric", "mean", "low", "high"])
    table = pd.DataFrame({"variant": ["unet"], "parameters": [1], "gflops": [1.0]})
    look = Look.of(MISHRA, ["unet"], ["jsrt"], {"jsrt": ["jsrt"]})
    assert "no network was run" in costs(table, none, "jsrt", "jsrt", look, 0.95).texts[0].get_text()


@given(st.lists(st.floats(0, 10), max_size=40), st.integers(0, 5))
def test_places_move_little_and_those_that_are_alike_stand_apart(places: list[float], unknown: int) -> None:
    given_ = np.array([*places, *places[:3], *[np.nan] * unknown])
    moved = beside(given_, 10.0)
    known = ~np.isnan(given_)
    assert np.isnan(moved[~known]).all()
    assert (np.abs(moved - given_)[known] <= REACH * 10 + 1e-9).all()
    for place in places[:3]:
        there = moved[given_ == place]
        assert len(set(there)) == len(there) > 1


def test_what_stands_alone_does_not_move() -> None:
    places = np.array([3.0, 1.0, 2.0])
    assert beside(places, 10.0).tolist() == places.tolist()
    assert beside(np.array([1.0, 1.0 + NEAR * 9]), 10.0)[0] < 1.0


def test_a_pair_stands_apart_by_its_distance_and_a_crowd_fills_its_reach() -> None:
    assert np.ptp(beside(np.ones(2), 10.0)) == pytest.approx(10 * APART)
    for crowd in (6, 30):
        assert np.ptp(beside(np.ones(crowd), 10.0)) == pytest.approx(10 * 2 * (REACH - NEAR))


@pytest.mark.parametrize(("low", "high"), [(3.0, 90.0), (0.09, 0.37), (1.0, 1.4), (2e-3, 5e4), (7.4, 13.5)])
def test_an_axis_has_some_round_values(low: float, high: float) -> None:
    found = round_values(low, high)
    assert 2 <= len(found) <= 9 and found == sorted(found)
    assert all(low <= value <= high and len(f"{value:g}") <= 6 for value in found)
