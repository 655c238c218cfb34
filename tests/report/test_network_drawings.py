"""A drawing shows where the encoders meet."""

from typing import Any

from matplotlib.colors import to_hex
from matplotlib.patches import FancyBboxPatch

from lungseg.report.look import ENCODERS
from lungseg.report.network_drawings import sketch

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
