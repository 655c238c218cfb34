"""Learning curves drawn: Dice against the number of films, and what networks gain over the first of them."""

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator

from lungseg.report.film_figures import STYLE, WIDTH, saying
from lungseg.report.learning_curves import Curves
from lungseg.report.look import Look
from lungseg.shapes import Float

INK, BAND = "0.15", "0.87"
LINE: dict[str, Any] = {"marker": "o", "markersize": 3.5, "linewidth": 0.7}
# Shares of the axis, and of the way to the next number: points of one number stand so far apart, and at most so wide.
APART, WIDE = 0.022, 0.6
NEAR = 0.065  # share of the axis: numbers nearer than this are written upright


@mpl.rc_context(STYLE)
def learning_curves(curves: Curves, look: Look, margin: float | None, level: float) -> Figure:
    """Left mean Dice with its interval against the number of films, right differences to the first network.

    Args:
        curves: As from `lungseg.report.learning_curves.make_curves`.
        look: Names and colours.
        margin: The difference that does not count, as a grey band; None where none is declared.
        level: Coverage of the intervals.
    """
    if not curves.variants:
        return saying("no network learned from two numbers of films: no learning curve")
    figure = Figure(figsize=(WIDTH, 2.9), layout="constrained")
    left, right = figure.subplots(1, 2)
    for panel, table, column in ((left, curves.points, "mean"), (right, curves.differences, "difference")):
        _panel(panel, curves, table, column, look)
    left.set_ylabel(f"Mean Dice [{100 * level:g}% interval]")
    if curves.differences.empty:
        right.text(0.5, 0.5, "nothing to compare", transform=right.transAxes, ha="center")
        right.set_yticks([])
    else:
        if margin:
            right.axhspan(-margin, margin, color=BAND, linewidth=0, zorder=0)
        right.axhline(0, color=INK, linewidth=0.7)
        right.set_ylabel(f"Dice less that of {look.drawn(curves.variants[0])}")
        right.yaxis.set_major_formatter(lambda value, _: f"{value:+.3g}" if round(value, 9) else "0")
    figure.legend(handles=_marks(curves, look, margin), loc="outside lower center", ncols=3)
    return figure


def _panel(axes: Axes, curves: Curves, table: pd.DataFrame, column: str, look: Look) -> None:
    """Draw a line for each network of the table, over the numbers of films of all points."""
    numbers = sorted({int(number) for number in curves.points["films"]})
    factors = dict(zip(curves.variants, side_by_side(numbers, len(curves.variants)), strict=True))
    for variant, own in table.groupby("variant", sort=False):
        colour, places = look.colour(str(variant)), own["films"].to_numpy(float) * factors[str(variant)]
        arms = np.abs(own[["low", "high"]].to_numpy(float).T - own[column].to_numpy(float))
        axes.errorbar(places, own[column], arms, color=colour, elinewidth=1, zorder=3, **LINE)
    span = np.log10(numbers[-1] / numbers[0])
    room = 10 ** (0.06 * span) * max(factors.values())
    axes.set(xscale="log", xlabel="Films to learn from", xlim=(numbers[0] / room, numbers[-1] * room))
    axes.xaxis.set_major_locator(FixedLocator(numbers))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axes.tick_params(axis="x", rotation=90 if np.diff(np.log10(numbers)).min() < NEAR * span else 0)


def side_by_side(numbers: Sequence[int], networks: int) -> Float[np.ndarray, " network"]:
    """What each network's number of films is multiplied with, so that intervals at one number do not lie on each other.

    Args:
        numbers: Of films, two or more, the fewest first.
        networks: How many there are.
    """
    places = np.log10(numbers)
    step = min(APART * np.ptp(places), WIDE * np.diff(places).min() / networks)
    return 10 ** (step * (np.arange(networks) - (networks - 1) / 2))


def _marks(curves: Curves, look: Look, margin: float | None) -> list[Artist]:
    """The networks by name, and what the band means."""
    marks: list[Artist] = [
        Line2D([], [], color=look.colour(name), label=look.drawn(name), **LINE) for name in curves.variants
    ]
    band = [Patch(color=BAND, label=f"too little to count: {margin:g}")] if margin else []
    return [*marks, *band] if len(curves.differences) else marks
