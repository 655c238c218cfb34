"""Parts: the rows of a split and nothing else, and files that disagree are told."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lungseg.data.films import Part, read_part
from lungseg.errors import InputError

Read = Callable[[str], Part]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """A function that reads a part of two data sets of four films; each film's pixels are its number."""
    files: dict[str, list[Path]] = {"npy": [], "images": [], "split": []}
    for first, dataset in ((0, "jsrt"), (10, "montgomery")):
        numbers = range(first, first + 4)
        pixels = np.stack([np.full((2, 2, 2), n, dtype=np.uint8) for n in numbers])
        ids = [f"film{n}" for n in numbers]
        for kind in files:
            files[kind].append(tmp_path / f"{dataset}.{kind}")
        np.save(tmp_path / f"{dataset}.npy", pixels)
        pd.DataFrame({"image_id": ids, "dataset": dataset}).to_csv(tmp_path / f"{dataset}.images", index=False)
        split = pd.DataFrame({"image_id": ids[::-1], "part": ["train", "test", "test", "train"]})
        split.to_csv(tmp_path / f"{dataset}.split", index=False)
    return lambda part: read_part(part, files["npy"], files["images"], files["split"])


def test_part_has_its_own_films_with_their_names(read: Read) -> None:
    part = read("test")
    assert part.image_id == ["film1", "film2", "film11", "film12"]
    assert part.dataset == ["jsrt", "jsrt", "montgomery", "montgomery"]
    assert part.images[:, 0, 0].tolist() == part.masks[:, 1, 1].tolist() == [1, 2, 11, 12]


def test_array_and_table_that_disagree_are_told(read: Read, tmp_path: Path) -> None:
    np.save(tmp_path / "jsrt.npy", np.zeros((3, 2, 2, 2), dtype=np.uint8))
    with pytest.raises(InputError, match=r"jsrt.npy: found 3 films, expected 4 as in .*jsrt.images"):
        read("test")


def test_part_without_a_film_is_told(read: Read) -> None:
    with pytest.raises(InputError, match=r"jsrt.split: found no film for validation, expected at least one"):
        read("validation")
