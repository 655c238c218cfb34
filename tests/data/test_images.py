"""Films become squares of one size, image and mask alike."""

from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lungseg.data.datasets import Radiograph, Unused
from lungseg.data.images import COLUMNS, Film, Original, preprocess, read_originals, resize
from lungseg.data.reading import MOST_THREADS
from lungseg.data.squares import choose_box
from lungseg.errors import InputError


def _radiograph(number: int, height: int = 40, width: int = 60) -> Radiograph:
    rng = np.random.default_rng(number)
    image = rng.integers(10, 256, (height, width), dtype=np.uint8)
    mask = np.zeros((height, width), bool)
    mask[height // 4 : height // 2, width // 4 : 3 * width // 4] = True
    return Radiograph(f"film{number}", image, mask, 0.5 if number else None, number % 2 == 1, f"hash{number}")


def _files(folder: Path) -> tuple[Path, Path]:
    return folder / "tiny.npy", folder / "tiny.masks.zip"


def test_the_array_and_its_tables_agree(tmp_path: Path) -> None:
    last = _radiograph(1, 50, 50)
    films: list[Radiograph | Unused] = [_radiograph(0), Unused("dark", "no mask published"), last]
    listing = preprocess(films, "tiny", 2, 32, "stretch", *_files(tmp_path))
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
    listing = preprocess([_radiograph(0)], "tiny", 1, 32, "stretch", *_files(tmp_path))
    assert list(listing.unused) == ["image_id", "reason"] and listing.unused.empty


def test_progress_names_the_data_set_and_counts(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    preprocess([_radiograph(0), _radiograph(1)], "tiny", 2, 32, "stretch", *_files(tmp_path))
    error = capfd.readouterr().err
    assert "tiny" in error and "2/2" in error


@pytest.mark.parametrize("count", [1, 3])
def test_a_wrong_count_leaves_no_array(tmp_path: Path, count: int) -> None:
    with pytest.raises(InputError, match=f"found 2 films, expected {count}"):
        preprocess([_radiograph(0), _radiograph(1)], "tiny", count, 32, "stretch", *_files(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_reader_that_fails_leaves_no_array(tmp_path: Path) -> None:
    def films() -> Iterator[Radiograph]:
        yield _radiograph(0)
        raise InputError("film1", "nothing", "a film", "Look.")

    with pytest.raises(InputError, match="film1"):
        preprocess(films(), "tiny", 2, 32, "stretch", *_files(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_lung_that_vanishes_is_named(tmp_path: Path) -> None:
    film = _radiograph(0, 400, 400)
    film.mask[:] = False
    film.mask[0, 0] = True
    with pytest.raises(InputError, match="film0: found no lung left at 32 px"):
        preprocess([film], "tiny", 1, 32, "stretch", *_files(tmp_path))


def test_a_full_disk_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(OSError, match="too large"):
            preprocess([_radiograph(n) for n in range(40)], "tiny", 40, 32, "stretch", *_files(tmp_path))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


def test_films_stream_through(tmp_path: Path) -> None:
    """Of a long data set only the films at work are alive, and two more: one waiting, one being read."""
    import weakref

    made: list[weakref.ref[Radiograph]] = []
    most = 0

    def films() -> Iterator[Radiograph]:
        nonlocal most
        for number in range(40):
            film = _radiograph(number)
            made.append(weakref.ref(film))
            most = max(most, sum(reference() is not None for reference in made))
            yield film

    preprocess(films(), "tiny", 40, 32, "stretch", *_files(tmp_path))
    assert most <= MOST_THREADS + 2


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


def _read(folder: Path, *names: str) -> Iterator[Original]:
    places = ({"tiny": folder / name} for name in ("tiny.masks.zip", "boxes.csv", "tiny.csv"))
    return read_originals([("tiny", name) for name in names], *places)


def test_masks_are_kept_at_their_own_size(tmp_path: Path) -> None:
    films = [_radiograph(0), _radiograph(1, 50, 50)]
    for frame in ("pad", "stretch"):
        listing = preprocess(films, "tiny", 2, 32, frame, *_files(tmp_path))
        listing.images.to_csv(tmp_path / "tiny.csv")
        listing.boxes.to_csv(tmp_path / "boxes.csv")
        read = _read(tmp_path, "film1", "film0")
        for original, film in zip(read, films[::-1], strict=True):
            np.testing.assert_array_equal(original.mask, film.mask)
            assert original.spacing_mm == film.spacing_mm and original.box == choose_box(film.image, frame)


def test_a_film_without_its_mask_is_named(tmp_path: Path) -> None:
    listing = preprocess([_radiograph(0)], "tiny", 1, 32, "stretch", *_files(tmp_path))
    listing.images.to_csv(tmp_path / "tiny.csv")
    listing.boxes.to_csv(tmp_path / "boxes.csv")
    with pytest.raises(InputError, match=r"tiny.masks.zip: found no mask for film7"):
        list(_read(tmp_path, "film7"))


def test_the_same_films_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        preprocess([_radiograph(0)], "tiny", 1, 32, "stretch", *_files(tmp_path / name))
    for first, second in zip(_files(tmp_path / "a"), _files(tmp_path / "b"), strict=True):
        assert first.read_bytes() == second.read_bytes()
    with ZipFile(tmp_path / "a/tiny.masks.zip") as stored:
        assert {member.date_time for member in stored.infolist()} == {(1980, 1, 1, 0, 0, 0)}
