"""A drawing shows where the encoders meet."""

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import FancyBboxPatch
from matplotlib.text import Annotation

from lungseg.report.look import ENCODERS
from lungseg.report.network_drawings import META, sketch

BOTH: dict[str, Any] = {
    "encoders": {"mobilenetv2": [16, 24], "inceptionresnetv2": [64, 192]},
    "decoder": [32, 16],
    "head": [1],
    "parameters": {"mobilenetv2": 1_800_000, "inceptionresnetv2": 54_000_000, "decoder": 9_000_000, "head": 145},
}


def drawn(architecture: dict[str, Any]) -> tuple[list[str], set[str]]:
    """Texts, and colours of boxes."""
    (axes,) = sketch(architecture).axes
    boxes = [patch for patch in axes.patches if isinstance(patch, FancyBboxPatch)]
    return [text.get_text() for text in axes.texts], {to_hex(box.get_facecolor()) for box in boxes}


def test_two_encoders_are_joined_at_every_scale() -> None:
    texts, colours = drawn(BOTH)
    assert "joined" in texts and {"80", "216"} <= set(texts)
    assert {ENCODERS["mobilenetv2"], ENCODERS["inceptionresnetv2"]} <= colours
    (axes,) = sketch(BOTH).axes
    over = [line for line in axes.lines if len(line.get_xdata()) == 4]
    assert len(over) == 2  # the first encoder's way to the joint, at each scale


def test_one_encoder_is_not_joined_and_the_decoder_keeps_its_colour() -> None:
    alone = BOTH | {"encoders": {"inceptionresnetv2": [64, 192]}}
    texts, colours = drawn(alone)
    assert "joined" not in texts
    assert colours < drawn(BOTH)[1]


def test_what_is_not_in_the_experiment_is_told() -> None:
    assert "not in this experiment" in sketch(None).texts[0].get_text()


@pytest.mark.parametrize("head", [[1], [32, 64, 128, 1]])
@pytest.mark.parametrize("names", [["unet"], ["inceptionresnetv2"], ["mobilenetv2", "inceptionresnetv2"]])
def test_boxes_lie_apart_within_the_picture_with_their_numbers_in_them(names: list[str], head: list[int]) -> None:
    encoders = {name: [16, 24, 32] for name in names}
    parameters = dict.fromkeys([*names, "decoder", "head"], 1_000_000)
    one = {
        "encoders": encoders,
        "decoder": [32, 16] if names == ["unet"] else [32, 16, 8],
        "head": head,
        "parameters": parameters,
    }
    (axes,) = sketch(one).axes
    boxes = [patch.get_bbox() for patch in axes.patches if isinstance(patch, FancyBboxPatch)]
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    assert all(left < box.x0 and box.x1 < right and bottom < box.y0 and box.y1 < top for box in boxes)
    assert not any(a.x0 < b.x1 and b.x0 < a.x1 and a.y0 < b.y1 and b.y0 < a.y1 for a, b in combinations(boxes, 2))
    said = [text.get_position() for text in axes.texts if text.get_va() == "center" and text.get_text().isdigit()]
    middles = [((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2) for box in boxes if box is not boxes[0]]
    assert len(said) == len(middles) and np.allclose(sorted(said), sorted(middles))
    assert all(left < x < right and bottom < y < top for x, y in (text.get_position() for text in axes.texts))


@pytest.mark.parametrize("names", [["unet"], ["inceptionresnetv2"], ["mobilenetv2", "inceptionresnetv2"]])
def test_arrows_go_from_box_to_box(names: list[str]) -> None:
    """Or from the end of a line that passes over another encoder; into no box from above where nothing is above."""
    head = [32, 64, 128, 1]
    parameters = dict.fromkeys([*names, "decoder", "head"], 1_000_000)
    decoder = [32, 16] if names == ["unet"] else [32, 16, 8]
    one = {"encoders": {name: [16, 24, 32] for name in names}, "decoder": decoder, "head": head}
    (axes,) = sketch(one | {"parameters": parameters}).axes
    boxes = [patch.get_bbox() for patch in axes.patches if isinstance(patch, FancyBboxPatch)]
    ends = np.array([(line.get_xdata()[-1], line.get_ydata()[-1]) for line in axes.lines]).reshape(-1, 2)

    def on_an_edge(x: float, y: float) -> bool:
        sides = [(x - box.x0, box.x1 - x, y - box.y0, box.y1 - y) for box in boxes]
        return any(min(distances) >= -1e-9 and min(distances) < 1e-9 for distances in sides)

    arrows = [text for text in axes.texts if isinstance(text, Annotation)]
    for arrow in arrows:
        assert on_an_edge(*arrow.xy)
        middle = np.mean([arrow.xy, arrow.xyann], axis=0)
        assert not any(box.x0 < middle[0] < box.x1 and box.y0 < middle[1] < box.y1 for box in boxes)
        assert on_an_edge(*arrow.xyann) or np.isclose(ends, arrow.xyann).all(axis=1).any()
    assert len({arrow.xy for arrow in arrows}) == len(arrows) > len(boxes) - 2


def test_layers_of_the_meta_learner_are_named_and_the_joint_stands_under_its_boxes() -> None:
    (axes,) = sketch(BOTH | {"head": [32, 64, 128, 1]}).axes
    assert [text.get_text() for text in axes.texts if "1×1" in text.get_text()] == META
    assert not any("1×1" in text for text in drawn(BOTH)[0])
    lowest = min(patch.get_bbox().y0 for patch in axes.patches if isinstance(patch, FancyBboxPatch))
    assert next(text for text in axes.texts if text.get_text() == "joined").get_position()[1] < lowest
