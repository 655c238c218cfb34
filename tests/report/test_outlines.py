"""Outlines run where a mask ends, and pictures are small."""

import base64
import io
import re
from pathlib import Path

import numpy as np
import pytest
from matplotlib.path import Path as Line
from PIL import Image

from lungseg.data.films import Part
from lungseg.data.images import Film, resize
from lungseg.data.phantom import draw
from lungseg.learning.stored_predictions import predicted_films, write_predictions
from lungseg.report import outlines
from lungseg.report.outlines import SIDE, of_runs, outline, thumbnail
from tests.stored import encoded

PIECE = re.compile(r"M(\d+) (\d+)l([-\d ]+)z")


def corners(path: str) -> list[np.ndarray]:
    """The corners of each closed piece, read back from the path by hand."""
    pieces = []
    for x, y, steps in PIECE.findall(path):
        numbers = [int(number) for number in re.findall(r"-?\d+", steps)]
        moves = np.array([[int(x), int(y)], *zip(numbers[::2], numbers[1::2], strict=True)])
        pieces.append(np.cumsum(moves, axis=0))
    assert "".join(PIECE.sub("", path)) == ""  # nothing else in it
    return pieces


def filled(path: str, side: int) -> np.ndarray:
    """The mask inside a path, even-odd, at the middle of every pixel."""
    middles = (np.indices((side, side))[::-1].reshape(2, -1).T + 0.5) * SIDE / side
    inside = np.zeros(side * side, dtype=bool)
    for piece in corners(path):
        inside ^= Line(piece).contains_points(middles)
    return inside.reshape(side, side)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("side", [64, 128, 256])
def test_an_outline_holds_the_pixels_of_its_mask(side: int, seed: int) -> None:
    drawn = draw("film", np.random.default_rng(seed), abnormal=True)
    mask = resize(Film(drawn.image, drawn.mask), side).mask.astype(bool)
    found = filled(outline(mask.astype(np.float32), 0.5), side)
    assert 2 * (found & mask).sum() / (found.sum() + mask.sum()) > 0.99


def test_a_square_has_its_sides_half_way_between_pixels_and_a_hole_is_a_hole() -> None:
    mask = np.zeros((16, 16))
    mask[4:12, 2:10] = 1
    (piece,) = corners(outline(mask, 0.5))
    scale = SIDE / 16
    assert piece[:, 0].min() == 2 * scale and piece[:, 0].max() == 10 * scale
    assert piece[:, 1].min() == 4 * scale and piece[:, 1].max() == 12 * scale
    mask[6:9, 5:8] = 0
    assert len(corners(outline(mask, 0.5))) == 2
    np.testing.assert_array_equal(filled(outline(mask, 0.5), 16), mask.astype(bool))


def test_a_mask_at_the_films_edge_is_closed_and_an_empty_one_has_no_path() -> None:
    np.testing.assert_array_equal(filled(outline(np.ones((8, 8)), 0.5), 8), np.ones((8, 8), dtype=bool))
    assert outline(np.full((8, 8), -3.0)) == ""


def test_thumbnails_are_small_jpegs_of_the_film() -> None:
    film = np.tile(np.arange(256, dtype=np.uint8), (256, 1))
    content = base64.b64decode(thumbnail(film))
    with Image.open(io.BytesIO(content)) as picture:
        assert (picture.format, picture.size) == ("JPEG", (160, 160))
        assert np.abs(np.asarray(picture)[80] - np.linspace(0, 255, 160)).max() < 6
    assert len(content) < 6000


def test_outlines_of_runs_and_only_the_first_sets_when_there_are_too_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    films = ["a", "b", "c"]
    logits = np.full((3, 8, 8), -1, dtype=np.float16)
    logits[1, 2:5, 2:5] = 1
    for train_on in ("pooled", "jsrt"):
        empty = np.zeros((3, 8, 8), np.uint8)
        parts = {
            "test": Part(["jsrt"] * 2, films[:2], empty[:2], empty[:2]),
            "train": Part(["jsrt"], films[2:], empty[2:], empty[2:]),
        }
        made = [encoded("unet", seed, np.roll(logits, seed, axis=0), parts) for seed in (0, 1)]
        write_predictions(tmp_path / f"{train_on}.npz", made, predicted_films(parts))
    files = {train_on: tmp_path / f"{train_on}.npz" for train_on in ("pooled", "jsrt")}
    runs = {train_on: [{"variant": "unet", "seed": seed} for seed in (0, 1)] for train_on in files}
    drawn = of_runs(files, runs, "jsrt")
    assert set(drawn) == {("unet", train_on, seed) for train_on in files for seed in (0, 1)}
    assert list(drawn["unet", "pooled", 0]) == [("jsrt", "a"), ("jsrt", "b")]  # test films alone
    assert drawn["unet", "pooled", 0]["jsrt", "a"] == "" and drawn["unet", "pooled", 0]["jsrt", "b"] != ""
    for most, seeds in ((8, None), (7, [0, 1]), (4, [0, 1]), (3, [0])):
        monkeypatch.setattr(outlines, "MOST", most)
        expected = set(drawn) if seeds is None else {("unet", "jsrt", seed) for seed in seeds}
        assert set(of_runs(files, runs, "jsrt")) == expected


def test_only_a_nearly_white_film_is_windowed() -> None:
    white = np.linspace(195, 250, 64 * 64).astype(np.uint8).reshape(64, 64)
    greys = outlines.window(white)
    assert greys and 195 <= greys[0] < 197 and 249 <= greys[1] <= 250
    spread = outlines.windowed(white)
    assert (spread.min(), spread.max()) == (0, 255)
    assert (np.diff(spread.ravel().astype(int)) >= 0).all()  # the order of greys stays
    usual = np.linspace(0, 255, 64 * 64).astype(np.uint8).reshape(64, 64)
    empty = np.full((64, 64), 255, np.uint8)
    for film in (usual, empty):
        assert outlines.window(film) is None and outlines.windowed(film) is film
    picture = Image.open(io.BytesIO(base64.b64decode(thumbnail(white))))
    assert np.asarray(picture).min() < 20
