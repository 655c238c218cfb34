"""How good networks are beside what they cost, each with its name."""

import textwrap
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import ConnectionPatch, Rectangle
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from lungseg.report.costs import AXES, with_scores
from lungseg.report.film_figures import STYLE, WIDTH, saying
from lungseg.report.look import Look
from lungseg.shapes import Float

UNITS = {"parameters": 1e6, "gflops": 1.0}
LETTERS = 34  # of a name in one line
# Shares of an axis: networks nearer than this are drawn so far from each other, and at most so far from their place.
NEAR, APART, REACH = 0.02, 0.028, 0.08
RADIUS = 2.25  # of a point, in points
INK, BAND = "0.15", "0.87"


@mpl.rc_context(STYLE)
def costs(
    table: pd.DataFrame, estimates: pd.DataFrame, train_on: str, test_on: str, look: Look, level: float
) -> Figure:
    """Mean Dice with its interval against parameters and against operations, the names between the panels.

    Args:
        table: The table cost.csv.
        estimates: The table estimates.csv.
        train_on: The training set to show.
        test_on: The test set to show.
        look: Names and colours.
        level: Coverage of the intervals.
    """
    scored = with_scores(table, estimates, train_on, test_on).dropna(subset="mean")
    shown = scored.sort_values("mean", ascending=False, kind="stable").reset_index(drop=True)
    if shown.empty:
        return saying("no network was run: nothing to compare with its cost")
    names = [textwrap.fill(look.drawn(variant), LETTERS) for variant in shown["variant"]]
    line = 0.07 + 0.11 * max(name.count("\n") + 1 for name in names)  # inches
    figure = Figure(figsize=(WIDTH, max(2.4, 0.75 + line * len(names))), layout="constrained")
    left, middle, right = figure.subplots(1, 3, width_ratios=[1, 0.92, 1])
    right.sharey(left)
    high = min(0.84, line / (figure.get_figheight() - 0.75) * len(names))
    rows = _names(middle, names, [look.colour(variant) for variant in shown["variant"]], shown, high)
    for panel, column, side in ((left, "parameters", 0.0), (right, "gflops", 1.0)):
        places = _panel(panel, shown, column, look)
        for place, mean, row, variant in zip(places, shown["mean"], rows, shown["variant"], strict=True):
            if not np.isnan(place):
                ends, systems = ((place, mean), (side, row)), (panel.transData, middle.transData)
                lead = ConnectionPatch(*ends, *systems, shrinkA=RADIUS, color=look.colour(variant), linewidth=0.5)
                figure.add_artist(lead)
    left.set_ylabel(f"Mean Dice [{100 * level:g}% interval]")
    left.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    right.yaxis.tick_right()
    figure.legend(handles=_marks(), loc="outside lower center", ncols=3)
    return figure


def _panel(axes: Axes, shown: pd.DataFrame, column: str, look: Look) -> Float[np.ndarray, " network"]:
    """Draw the points of one cost; returns where they stand, NaN of a network whose cost is not known."""
    cost, on_front = shown[column].to_numpy(float) / UNITS[column], shown[f"front_{column}"].to_numpy(bool)
    axes.set(xlabel=AXES[column], xscale="log")
    if np.isnan(cost).all():
        axes.text(0.5, 0.5, "not known", transform=axes.transAxes, ha="center")
        return cost
    room = max(1.35, (np.nanmax(cost) / np.nanmin(cost)) ** 0.1)  # for those that are moved aside
    low, high = np.nanmin(cost) / room, np.nanmax(cost) * room
    places = 10 ** beside(np.log10(cost), np.log10(high / low))
    axes.set_xlim(low, high)
    axes.xaxis.set_major_locator(FixedLocator(round_values(low, high)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    order = [index for index in np.argsort(places) if on_front[index]]
    steps = np.append(places[order], high), np.append(shown["mean"].to_numpy()[order], shown["mean"].max())
    axes.step(*steps, where="post", color="0.4", linewidth=0.9, linestyle="--")
    for place, row, filled in zip(places, shown.to_dict("records"), on_front, strict=True):
        if np.isnan(place):
            continue
        colour = look.colour(row["variant"])
        axes.plot([place, place], [row["low"], row["high"]], color=colour, linewidth=1.1)
        face = colour if filled else "white"
        axes.plot(place, row["mean"], "o", color=face, markeredgecolor=colour, markersize=2 * RADIUS, zorder=3)
    return places


def _names(axes: Axes, names: Sequence[str], colours: Sequence[str], shown: pd.DataFrame, high: float) -> list[float]:
    """Write the names one below the other; returns their heights."""
    on_a_front = shown[[f"front_{column}" for column in AXES]].any(axis=1)
    heights = [len(names) - 0.5 - row for row in range(len(names))]
    for name, colour, height, front in zip(names, colours, heights, on_a_front, strict=True):
        axes.add_patch(Rectangle((0, height - high / 2), 1, high, color=BAND if front else "white", linewidth=0))
        axes.plot([0, 1], [height, height], "o", color=colour, markersize=2.5, clip_on=False)
        axes.text(0.5, height, name, ha="center", va="center", weight="bold" if front else "normal", fontsize=6)
    axes.set(xlim=(0, 1), ylim=(0, len(names)))
    axes.set_axis_off()
    return heights


def _marks() -> list[Line2D]:
    round_: dict[str, Any] = {"marker": "o", "markersize": 2 * RADIUS, "ls": "", "markeredgecolor": INK}
    return [
        Line2D([], [], color=INK, **round_, label="on the front"),
        Line2D([], [], color="white", **round_, label="another one costs no more, and its mean is no worse"),
        Line2D([], [], color="0.4", linewidth=0.9, linestyle="--", label="front of the means"),
    ]


def beside(places: Float[np.ndarray, " network"], span: float) -> Float[np.ndarray, " network"]:
    """Places on an axis, where those that nearly fall together are set side by side around their middle.

    Args:
        places: NaN stays NaN.
        span: Length of the axis.

    Returns:
        No place is moved by more than `REACH` of the axis, however many there are.
    """
    moved, groups = places.copy(), list[list[int]]()
    for index in np.argsort(places, kind="stable")[: np.count_nonzero(~np.isnan(places))]:
        if not groups or places[index] - places[groups[-1][0]] > NEAR * span:
            groups.append([])
        groups[-1].append(int(index))
    for group in groups:
        step = min(APART, 2 * (REACH - NEAR) / max(len(group) - 1, 1)) * span
        moved[group] = places[group].mean() + step * (np.arange(len(group)) - (len(group) - 1) / 2)
    return moved


def round_values(low: float, high: float) -> list[float]:
    """Some round values on a logarithmic axis, three at least where there are so many."""
    found: list[float] = []
    for digits in (
        (1,),
        (1, 3),
        (1, 2, 5),
        (1, 1.5, 2, 3, 4, 5, 6, 8),
        *(np.arange(1, 10, step) for step in (0.5, 0.2, 0.1)),
    ):
        powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
        values = [float(f"{digit * 10.0**power:.6g}") for power in powers for digit in digits]
        found = [value for value in values if low <= value <= high]
        if len(found) >= 3:
            break
    return found
