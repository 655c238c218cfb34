"""Films become squares of one size, image and mask alike."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lungseg.datasets import Radiograph, Unused
from lungseg.errors import InputError
from lungseg.images import COLUMNS, Film, preprocess, reframe, resize


def _radiograph(number: int, height: int = 40, width: int = 60) -> Radiograph:
    rng = np.random.default_rng(number)
    image = rng.integers(10, 256, (height, width), dtype=np.uint8)
    mask = np.zeros((height, width), bool)
    mask[height // 4 : height // 2, width // 4 : 3 * width // 4] = True
    return Radiograph(f"film{number}", image, mask, 0.5 if number else None, number % 2 == 1, f"hash{number}")


def test_the_array_and_its_tables_agree(tmp_path: Path) -> None:
    last = _radiograph(1, 50, 50)
    films: list[Radiograph | Unused] = [_radiograph(0), Unused("dark", "no mask published"), last]
    listing = preprocess(films, "tiny", 2, 32, "stretch", tmp_path / "tiny.npy")
    pixels = np.load(tmp_path / "tiny.npy", mmap_mode="r")
    assert pixels.shape == (2, 2, 32, 32) and pixels.dtype == np.uint8
    assert set(np.unique(pixels[:, 1])) == {0, 1}
    assert list(listing.images)[: len(COLUMNS)] == COLUMNS
    assert listing.images["image_id"].tolist() == ["film0", "film1"]
    assert listing.images[["height", "width"]].to_numpy().tolist() == [[40, 60], [50, 50]]
    assert listing.images["abnormal"].tolist() == [0, 1] and (listing.images["dataset"] == "tiny").all()
    assert pd.isna(listing.images["spacing_mm"][0]) and listing.images["spacing_mm"][1] == 0.5
    assert listing.unused.to_numpy().tolist() == [["dark", "no mask published"]]
    expected = resize(Film(last.image, last.mask), 32)
    np.testing.assert_array_equal(pixels[1], np.stack([expected.image, expected.mask]))


def test_no_unused_films_is_an_empty_table_with_its_columns(tmp_path: Path) -> None:
    listing = preprocess([_radiograph(0)], "tiny", 1, 32, "stretch", tmp_path / "tiny.npy")
    assert list(listing.unused) == ["image_id", "reason"] and listing.unused.empty


def test_progress_names_the_data_set_and_counts(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    preprocess([_radiograph(0), _radiograph(1)], "tiny", 2, 32, "stretch", tmp_path / "tiny.npy")
    error = capfd.readouterr().err
    assert "tiny" in error and "2/2" in error


@pytest.mark.parametrize("count", [1, 3])
def test_a_wrong_count_leaves_no_array(tmp_path: Path, count: int) -> None:
    with pytest.raises(InputError, match=f"found 2 films, expected {count}"):
        preprocess([_radiograph(0), _radiograph(1)], "tiny", count, 32, "stretch", tmp_path / "tiny.npy")
    assert list(tmp_path.iterdir()) == []


def test_a_reader_that_fails_leaves_no_array(tmp_path: Path) -> None:
    def films() -> Iterator[Radiograph]:
        yield _radiograph(0)
        raise InputError("film1", "nothing", "a film", "Look.")

    with pytest.raises(InputError, match="film1"):
        preprocess(films(), "tiny", 2, 32, "stretch", tmp_path / "tiny.npy")
    assert list(tmp_path.iterdir()) == []


def test_a_lung_that_vanishes_is_named(tmp_path: Path) -> None:
    film = _radiograph(0, 400, 400)
    film.mask[:] = False
    film.mask[0, 0] = True
    with pytest.raises(InputError, match="film0: found no lung left at 32 px"):
        preprocess([film], "tiny", 1, 32, "stretch", tmp_path / "tiny.npy")


def test_a_full_disk_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(OSError, match="too large"):
            preprocess([_radiograph(n) for n in range(40)], "tiny", 40, 32, "stretch", tmp_path / "tiny.npy")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


def test_films_stream_through(tmp_path: Path) -> None:
    """While one film is written at most one other is alive."""
    import weakref

    made: list[weakref.ref[Radiograph]] = []
    most = 0

    def films() -> Iterator[Radiograph]:
        nonlocal most
        for number in range(20):
            film = _radiograph(number)
            made.append(weakref.ref(film))
            most = max(most, sum(reference() is not None for reference in made))
            yield film

    preprocess(films(), "tiny", 20, 32, "stretch", tmp_path / "tiny.npy")
    assert most <= 2


@given(height=st.integers(8, 80), width=st.integers(8, 80), size=st.sampled_from([8, 32, 64]))
def test_resizing_keeps_the_range_and_a_flat_film(height: int, width: int, size: int) -> None:
    film = resize(Film(np.full((height, width), 77, np.uint8), np.ones((height, width), bool)), size)
    assert film.image.shape == film.mask.shape == (size, size)
    assert (film.image == 77).all() and film.mask.all()


def test_resizing_is_a_mean_over_what_a_pixel_covers() -> None:
    stripes = np.tile(np.array([0, 200], np.uint8), (64, 32))
    small = resize(Film(stripes, stripes > 0), 8)
    assert np.abs(small.image[:, 1:-1].astype(int) - 100).max() <= 5


def test_a_masks_area_survives() -> None:
    rows, columns = np.mgrid[0:1000, 0:800]
    disk = ((rows - 480) / 300) ** 2 + ((columns - 390) / 250) ** 2 < 1
    small = resize(Film(np.zeros(disk.shape, np.uint8), disk), 256)
    assert small.mask.mean() == pytest.approx(disk.mean(), rel=0.005)


def test_stretching_changes_nothing_before_resizing() -> None:
    film = Film(_radiograph(0).image, _radiograph(0).mask)
    assert reframe(film, "stretch") is film


@pytest.mark.parametrize("shape", [(40, 60), (61, 40), (50, 50)])
def test_padding_centres_the_film_in_black(shape: tuple[int, int]) -> None:
    film = Film(_radiograph(0, *shape).image, _radiograph(0, *shape).mask)
    square = reframe(film, "pad")
    side = max(shape)
    top, left = (side - shape[0]) // 2, (side - shape[1]) // 2
    assert square.image.shape == square.mask.shape == (side, side)
    np.testing.assert_array_equal(square.image[top : top + shape[0], left : left + shape[1]], film.image)
    np.testing.assert_array_equal(square.mask[top : top + shape[0], left : left + shape[1]], film.mask)
    assert square.image.sum() == film.image.sum() and square.mask.sum() == film.mask.sum()


def test_cropping_takes_black_borders_from_both() -> None:
    inside = Film(_radiograph(0).image, _radiograph(0).mask)
    around = [(3, 5), (7, 0)]
    cropped = reframe(Film(np.pad(inside.image, around), np.pad(inside.mask, around)), "crop")
    np.testing.assert_array_equal(cropped.image, inside.image)
    np.testing.assert_array_equal(cropped.mask, inside.mask)


def test_cropping_does_not_look_at_the_mask() -> None:
    image = np.zeros((20, 20), np.uint8)
    image[5:15, 5:15] = 100
    assert reframe(Film(image, np.ones((20, 20), bool)), "crop").mask.shape == (10, 10)


def test_a_black_film_is_not_cropped_away() -> None:
    black = Film(np.zeros((20, 20), np.uint8), np.ones((20, 20), bool))
    assert reframe(black, "crop") is black
