"""A network drawn from the numbers on its card: channels at every scale, encoders left, joined, decoder right."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from lungseg.learning.run_files import read_card
from lungseg.report.film_figures import STYLE, WIDTH, saying
from lungseg.report.look import ENCODERS

TITLES = {"mobilenetv2": "MobileNetV2", "inceptionresnetv2": "Inception\nResNetV2", "unet": "U-Net"}
JOINED, DECODER, HEAD = "#d0d0d0", "#949494", "#e8e8e8"  # what no encoder is has no colour
BOX = (0.8, 0.5)  # width and height
META = ["1×1, ReLU", "1×1, ReLU", "1×1, ReLU,\nBN, dropout", "1×1"]


def read_architectures(cards: Iterable[str | Path]) -> dict[str, dict[str, Any]]:
    """Variant to its architecture, from the cards of its runs."""
    facts = [read_card(card) for card in cards]
    return {card["run"].partition("/")[0]: card["architecture"] for card in facts}


@mpl.rc_context(STYLE)
def sketch(architecture: Mapping[str, Any] | None) -> Figure:
    """Draw a network.

    Args:
        architecture: What `lungseg.networks.architecture` says of it, as it stands on the card of a run; None draws a
            line that says that there is none.
    """
    if architecture is None:
        return saying("this network is not in this experiment")
    encoders, decoder = architecture["encoders"], architecture["decoder"]
    first = 0 if "unet" in encoders else 1  # the encoders of timm begin at half the side
    widths = [sum(channels) for channels in zip(*encoders.values(), strict=True)]
    scales = [first + level for level in range(len(widths))]
    deepest, many = scales[-1], len(encoders) > 1
    figure = Figure(figsize=(WIDTH, 0.55 * (deepest + 2)), layout="constrained")
    axes = figure.subplots()
    box(axes, -1.1, 0, "film\n1", "#ffffff")
    for column, (name, channels) in enumerate(encoders.items()):
        arrow(axes, (-1.1 + BOX[0] / 2, 0), (column, -first + BOX[1] / 2 if first else 0), short=not first)
        _column(axes, column, scales, channels, ENCODERS.get(name, DECODER))
        axes.text(column, -deepest - 0.35, told(TITLES.get(name, name), architecture["parameters"][name]), **BELOW)
    joint, right = len(encoders) - 1 + many, len(encoders) + 0.9 + many
    if many:
        _join(axes, joint, scales, widths)
    for step, width in enumerate(decoder):
        scale = deepest - 1 - step
        box(axes, right, -scale, str(width), DECODER)
        start = (joint + BOX[0] / 2, -deepest) if step == 0 else (right, -scale - 1 + BOX[1] / 2)
        arrow(axes, start, (right, -scale - BOX[1] / 2))
        if scale >= first:
            arrow(axes, (joint + BOX[0] / 2, -scale), (right - BOX[0] / 2, -scale), dashed=True)
    axes.text(right, -deepest - 0.35, told("decoder", architecture["parameters"]["decoder"]), **BELOW)
    head = architecture["head"]
    for step, width in enumerate(head):
        x = right + 1.1 * (step + 1)
        box(axes, x, 0, f"{width}", HEAD)
        arrow(axes, (x - 1.1 + BOX[0] / 2, 0), (x - BOX[0] / 2, 0))
        if len(head) == len(META):
            axes.text(x, -0.35, META[step], ha="center", va="top", fontsize=5)
    words = "meta learner" if len(head) > 1 else "head"
    axes.text(right + 1.1 * (len(head) + 1) / 2, 0.45, told(words, architecture["parameters"]["head"], " "), **CENTRE)
    for scale in range(deepest + 1):
        axes.text(-1.75, -scale, "1/1" if scale == 0 else f"1/{2**scale}", va="center", ha="right", color="0.4")
    axes.set(xlim=(-2.2, right + 1.1 * len(head) + 0.6), ylim=(-deepest - 1.1, 0.75))
    axes.set_axis_off()
    return figure


def _column(axes: Axes, x: float, scales: Sequence[int], channels: Sequence[int], colour: str) -> None:
    """An encoder from its first scale down."""
    for scale, width in zip(scales, channels, strict=True):
        box(axes, x, -scale, str(width), colour)
        if scale > scales[0]:
            arrow(axes, (x, -scale + 1 - BOX[1] / 2), (x, -scale + BOX[1] / 2))


def _join(axes: Axes, x: float, scales: Sequence[int], widths: Sequence[int]) -> None:
    """The channels of all encoders side by side at every scale; lines from those further left pass over the others."""
    for scale, width in zip(scales, widths, strict=True):
        box(axes, x, -scale, str(width), JOINED)
        for column in range(int(x)):
            if column == x - 1:
                arrow(axes, (column + BOX[0] / 2, -scale), (x - BOX[0] / 2, -scale))
                continue
            over, end = -scale + BOX[1] / 2 + 0.09, x - BOX[0] / 4
            axes.plot([column + BOX[0] / 2, column + 0.47, column + 0.47, end], [-scale, -scale, over, over], **LINE)
            arrow(axes, (end, over), (end, -scale + BOX[1] / 2))
    axes.text(x, -scales[-1] - 0.35, "joined", **BELOW)


LINE: dict[str, Any] = {"color": "0.3", "linewidth": 0.7}
CENTRE: dict[str, Any] = {"ha": "center", "va": "center"}
BELOW = CENTRE | {"va": "top"}


def told(name: str, parameters: int, between: str = "\n") -> str:
    """A part with its size."""
    millions = parameters / 1e6
    return f"{name}{between}{millions:.1f} M" if millions >= 0.1 else f"{name}{between}{parameters:,} parameters"


def box(axes: Axes, x: float, y: float, text: str, colour: str) -> None:
    """An output with its channels."""
    width, height = BOX
    corner, shape = (x - width / 2, y - height / 2), "round,pad=0,rounding_size=0.08"
    face = (*to_rgb(colour), 0.3)
    axes.add_patch(FancyBboxPatch(corner, width, height, shape, facecolor=face, edgecolor="0.3", linewidth=0.6))
    axes.text(x, y, text, **CENTRE)


def arrow(
    axes: Axes, start: tuple[float, float], end: tuple[float, float], dashed: bool = False, short: bool = False
) -> None:
    """From one output to the next."""
    if short:
        end = (end[0] - BOX[0] / 2, end[1])
    style = LINE | {"arrowstyle": "-|>", "linestyle": (0, (3, 2)) if dashed else "-"}
    axes.annotate("", end, start, arrowprops=style | {"shrinkA": 0, "shrinkB": 0, "mutation_scale": 6})
