"""From a film to the network's square and back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lungseg.data.squares import Box, Frame, choose_box, cut, restore

FRAMES: list[Frame] = ["stretch", "pad", "crop"]


def _film(height: int = 40, width: int = 60) -> np.ndarray:
    return np.random.default_rng(0).integers(10, 256, (height, width), dtype=np.uint8)


def test_stretching_takes_the_whole_film() -> None:
    film = _film()
    assert choose_box(film, "stretch") == Box(0, 0, 40, 60)
    assert cut(film, Box(0, 0, 40, 60)) is film


@pytest.mark.parametrize("shape", [(40, 60), (61, 40), (50, 50)])
def test_padding_centres_the_film_in_black(shape: tuple[int, int]) -> None:
    film = _film(*shape)
    square = cut(film, choose_box(film, "pad"))
    side = max(shape)
    top, left = (side - shape[0]) // 2, (side - shape[1]) // 2
    assert square.shape == (side, side) and square.sum() == film.sum()
    np.testing.assert_array_equal(square[top : top + shape[0], left : left + shape[1]], film)


def test_cropping_takes_black_borders() -> None:
    inside = _film()
    outside = np.pad(inside, [(3, 5), (7, 0)])
    box = choose_box(outside, "crop")
    assert box == Box(3, 7, 40, 60)
    np.testing.assert_array_equal(cut(outside, box), inside)


def test_a_black_film_is_taken_whole() -> None:
    assert choose_box(np.zeros((20, 30), np.uint8), "crop") == Box(0, 0, 20, 30)


@pytest.mark.parametrize("frame", FRAMES)
@given(height=st.integers(20, 70), width=st.integers(20, 70))
def test_there_and_back_is_where_it_was(frame: Frame, height: int, width: int) -> None:
    """At the box's own size nothing is interpolated, so the way back is exact."""
    film = np.pad(_film(height, width), [(4, 1), (0, 6)])
    mask = film > 128
    box = choose_box(film, frame)
    logits = np.where(cut(mask, box), 1.0, -1.0).astype(np.float16)
    np.testing.assert_array_equal(restore(logits, box, mask.shape).whole(), mask)


def test_beyond_the_box_is_no_lung() -> None:
    mask = restore(np.ones((8, 8), np.float16), Box(10, 5, 20, 16), (40, 30)).whole()
    assert mask.sum() == 20 * 16 and mask[10:30, 5:21].all()


def test_the_outline_lies_where_the_logit_crosses_zero() -> None:
    """A ramp of logits from -3 to 5 over eight columns crosses zero at column 3.5 - 0.5 of 8: at 7/16 of the width."""
    ramp = np.tile(np.arange(-3, 5, dtype=np.float16), (8, 1))
    mask = restore(ramp, Box(0, 0, 64, 640), (64, 640)).whole()
    assert abs(int((~mask[32]).sum()) - 640 * 3.5 / 8) <= 1
