"""Right and left by position, the outline where lung is as likely as not, both at the film's own size."""

import numpy as np
import pytest

from lungseg.data.squares import Box, choose_box, cut
from lungseg.films.lungs import LEFT, RIGHT, enlarge, labelled, mean_probability, tell_apart
from tests.own_films import film

SIZE = 64


def probability(*boxes: tuple[int, int, int, int], inside: float = 0.99) -> np.ndarray:
    """Boxes (top, bottom, left, right) that are lung."""
    found = np.full((SIZE, SIZE), 0.01, dtype=np.float32)
    for top, bottom, left, right in boxes:
        found[top:bottom, left:right] = inside
    return found


def test_the_right_lung_is_at_the_viewers_left() -> None:
    sides = tell_apart(probability((10, 50, 8, 25), (10, 50, 38, 56)))
    assert (sides.side[:, :30] == RIGHT).all() and (sides.side[:, 33:] == LEFT).all()
    assert sides.parts == 2 and sides.findings == () and sides.warnings == ()


def test_a_third_part_belongs_to_the_nearer_lung() -> None:
    sides = tell_apart(probability((10, 50, 8, 25), (10, 50, 38, 56), (56, 60, 12, 16)))
    assert sides.parts == 3 and (sides.side[56:60, 12:16] == RIGHT).all()


def test_lungs_that_touch_fall_apart_where_lung_is_more_probable() -> None:
    touching = probability((10, 50, 8, 30), (10, 50, 34, 56))
    touching[20:24, 30:34] = 0.65
    sides = tell_apart(touching)
    assert sides.parts == 1 and sides.findings == () and "0.7" in sides.warnings[0]
    assert (sides.side[10:50, 8:30] == RIGHT).all() and (sides.side[10:50, 34:56] == LEFT).all()


def test_one_part_that_is_both_is_cut_at_its_narrowest_column_and_doubtful() -> None:
    fused = probability((10, 50, 8, 28), (10, 50, 36, 56), (24, 28, 28, 36))
    sides = tell_apart(fused)
    assert [one.verdict for one in sides.findings] == ["doubtful"] and "cut at its narrowest" in sides.findings[
        0
    ].reason
    assert (sides.side[10:50, 8:28] == RIGHT).all() and (sides.side[10:50, 36:56] == LEFT).all()
    assert (sides.side[24:28, 28:36] == LEFT).all()  # the narrowest columns are eight: it is cut before the first


@pytest.mark.parametrize(("left", "side"), [(6, RIGHT), (40, LEFT)])
def test_one_lung_alone_has_its_side_by_its_place_and_is_doubtful(left: int, side: int) -> None:
    sides = tell_apart(probability((10, 50, left, left + 16)))
    assert (sides.side == side).all() and "one lung alone" in sides.findings[0].reason


def test_no_lung() -> None:
    sides = tell_apart(np.zeros((SIZE, SIZE), dtype=np.float32))
    assert sides.parts == 0 and sides.findings == ()
    whole = tell_apart(np.ones((SIZE, SIZE), dtype=np.float32))
    assert [one.verdict for one in whole.findings] == ["doubtful"]


@pytest.mark.parametrize("frame", ["stretch", "pad", "crop"])
@pytest.mark.parametrize("shape", [(200, 180), (150, 260)])
def test_a_mask_comes_back_where_it_was(frame: str, shape: tuple[int, int]) -> None:
    """The truth as a network would see it, enlarged again, against the truth; and each lung's label."""
    from PIL import Image

    drawn = film(3, *shape)
    grey = np.zeros((shape[0] + 30, shape[1] + 10), dtype=np.uint8)
    grey[20:-10, 6:-4] = np.maximum(drawn.image, 9)
    truth = np.zeros(grey.shape, dtype=bool)
    truth[20:-10, 6:-4] = drawn.mask
    box = choose_box(grey, frame)
    part = Image.fromarray(cut(truth, box).astype(np.uint8) * 255)
    small = np.asarray(part.resize((128, 128), Image.Resampling.BILINEAR), dtype=np.float32) / 255
    mask = enlarge(small, box, grey.shape)
    assert 2 * (mask & truth).sum() / (mask.sum() + truth.sum()) > 0.98
    labels = labelled(mask, tell_apart(small).side, box)
    assert np.array_equal(labels > 0, mask) and labels.dtype == np.uint8
    middle = grey.shape[1] // 2
    assert (labels[:, : middle - 20] != LEFT).all() and (labels[:, middle + 20 :] != RIGHT).all()


def test_probabilities_are_enlarged_before_they_are_cut() -> None:
    """The outline lies between pixels of the square, where nearest neighbours would make stairs."""
    ramp = np.tile(np.linspace(0.02, 0.98, 8, dtype=np.float32), (8, 1))
    mask = enlarge(ramp, Box(0, 0, 800, 800), (800, 800))
    assert mask[0, :400].sum() == 0 and mask[0, 400:].all()


def test_mean_of_several() -> None:
    one, other = np.zeros((2, 2)), np.full((2, 2), np.inf)
    np.testing.assert_allclose(mean_probability([one, other]), 0.75)
    np.testing.assert_allclose(mean_probability([-other]), 0)
