"""Films left in their files are those of the part that is read whole."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lungseg.data.films import read_part
from lungseg.data.opened import batches, open_part
from lungseg.data.subset import subset
from lungseg.errors import InputError

Files = tuple[list[Path], list[Path], list[Path]]


def write(folder: Path, dataset: str, films: int, side: int = 4) -> tuple[Path, Path, Path]:
    """A data set's array, table and split: every second film is of the test part, the others in turn of the rest."""
    pixels = np.random.default_rng(films).integers(0, 256, (films, 2, side, side), dtype=np.uint8)
    names = [f"{dataset}{number}" for number in range(films)]
    array, table, split = (folder / f"{dataset}.{kind}" for kind in ("npy", "images", "split"))
    np.save(array, pixels)
    pd.DataFrame({"image_id": names, "dataset": dataset}).to_csv(table, index=False)
    parts = [("test", "train", "test", "validation")[number % 4] for number in range(films)]
    pd.DataFrame({"image_id": names, "part": parts})[::-1].to_csv(split, index=False)
    return array, table, split


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """Two data sets of 9 and 6 films."""
    arrays, tables, splits = zip(write(tmp_path, "jsrt", 9), write(tmp_path, "mine", 6), strict=True)
    return list(arrays), list(tables), list(splits)


@pytest.mark.parametrize("part", ["train", "validation", "test"])
def test_an_open_part_is_the_part(files: Files, part: str) -> None:
    opened, whole = open_part(part, *files), read_part(part, *files)
    assert (opened.dataset, opened.image_id, opened.sha256()) == (whole.dataset, whole.image_id, whole.sha256())
    assert len(opened.images) == len(whole.images)
    assert np.array_equal(opened.images[:], whole.images) and np.array_equal(list(opened.masks), whole.masks)
    assert np.array_equal(opened.images[1:2], whole.images[1:2]) and np.array_equal(opened.masks[0], whole.masks[0])
    assert subset(opened, 2, 0).sha256() == subset(whole, 2, 0).sha256()  # type: ignore[type-var]


@pytest.mark.parametrize("size", [1, 3, 4, 100])
def test_batches_cross_from_one_part_to_the_next(files: Files, size: int) -> None:
    opened, whole = ([one(part, *files) for part in ("train", "test")] for one in (open_part, read_part))
    images, masks = zip(*batches(opened, size), strict=True)
    assert np.array_equal(np.concatenate(images), np.concatenate([part.images for part in whole]))
    assert np.array_equal(np.concatenate(masks), np.concatenate([part.masks for part in whole]))
    assert {len(one) for one in images[:-1]} <= {size} and len(images[-1]) <= size
    again = list(batches(whole, size))
    assert all(np.array_equal(one, other) for (one, _), other in zip(again, images, strict=True))


def test_films_of_two_sizes_and_parts_without_films_are_told(files: Files, tmp_path: Path) -> None:
    array, table, split = write(tmp_path, "other", 4, side=6)
    with pytest.raises(InputError, match="films of 4 and 6 px, expected one size"):
        open_part("test", [files[0][0], array], [files[1][0], table], [files[2][0], split])
    array, table, split = write(tmp_path, "few", 1)
    with pytest.raises(InputError, match=r"few.split: found no film for train, expected at least one"):
        open_part("train", [array], [table], [split])


def test_a_film_that_changed_is_told_when_it_is_read(files: Files) -> None:
    table = pd.read_csv(files[1][0]).assign(pixels_sha256="0" * 64)
    table.to_csv(files[1][0], index=False)
    opened = open_part("test", *files)
    with pytest.raises(InputError, match=r"jsrt.npy, film 0, jsrt0: found pixels with sha256"):
        next(iter(opened.masks))
