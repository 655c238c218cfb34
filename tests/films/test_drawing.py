"""Outlines over a film: each lung in its colour, along its own edge, on the film as it is."""

import io

import numpy as np
import pytest
from PIL import Image

from lungseg.films.drawing import COLOURS, MOST, labels_png, overlay, picture_png
from lungseg.films.lungs import LEFT, RIGHT


def film(scale: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """A grey slope with two boxes for lungs."""
    grey = np.tile(np.linspace(10, 200, 60).astype(np.uint8), (40, 1)).repeat(scale, axis=0).repeat(scale, axis=1)
    labels = np.zeros(grey.shape, np.uint8)
    labels[5 * scale : 35 * scale, 8 * scale : 25 * scale] = RIGHT
    labels[5 * scale : 35 * scale, 35 * scale : 52 * scale] = LEFT
    return grey, labels


def test_each_lung_has_its_colour_two_pixels_inside_its_edge() -> None:
    grey, labels = film()
    picture = overlay(grey, labels)
    for lung in (RIGHT, LEFT):
        rows, columns = np.nonzero((picture == COLOURS[lung]).all(axis=2))
        assert (labels[rows, columns] == lung).all()
        inside = np.argwhere(labels == lung)
        (top, left), (bottom, right) = inside.min(axis=0), inside.max(axis=0)
        assert [rows.min(), rows.max(), columns.min(), columns.max()] == [top, bottom, left, right]
        assert len(rows) == 30 * 17 - 26 * 13
    touching = np.where(labels == 0, np.roll(labels, 10, axis=1) * (labels.max(axis=0) == 0), labels)
    assert ((overlay(grey, touching) == COLOURS[RIGHT]).all(axis=2) & (touching == RIGHT)).sum() == 30 * 27 - 26 * 23
    drawn = np.logical_or(*((picture == COLOURS[lung]).all(axis=2) for lung in (RIGHT, LEFT)))
    assert (picture[~drawn] == grey[~drawn][:, None]).all()


@pytest.mark.parametrize("scale", [1, 40])
def test_it_is_no_larger_than_a_page_shows(scale: int) -> None:
    grey, labels = film(scale)
    picture = overlay(grey, labels)
    assert max(picture.shape[:2]) == min(MOST, 60 * scale)
    assert picture.shape[1] / picture.shape[0] == pytest.approx(1.5, abs=0.01)


def test_files_hold_what_was_drawn() -> None:
    grey, labels = film()
    with Image.open(io.BytesIO(labels_png(labels))) as image:
        assert image.mode == "L" and np.array_equal(np.asarray(image), labels)
    with Image.open(io.BytesIO(picture_png(overlay(grey, labels)))) as image:
        assert np.array_equal(np.asarray(image), overlay(grey, labels))
