"""Parts: the rows of a split and nothing else, and files that disagree are told."""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lungseg.data.films import Part, open_films, read_part
from lungseg.errors import InputError
from lungseg.files import write_csv

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


def table(path: Path, pixels: np.ndarray) -> None:
    """images/{dataset}.csv beside an array."""
    hashes = [sha256(film.tobytes()).hexdigest() for film in pixels]
    ids = [f"film{number}" for number in range(len(pixels))]
    write_csv(pd.DataFrame({"image_id": ids, "dataset": "jsrt", "pixels_sha256": hashes}), path)


@pytest.mark.parametrize("damage", ["rows reversed", "a bit", "another size", "text", "cut short", "floats", "flat"])
def test_an_array_that_is_not_the_one_of_its_table_is_refused(tmp_path: Path, damage: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 2, (4, 2, 8, 8), dtype=np.uint8)
    table(tmp_path / "t.csv", pixels)
    np.save(tmp_path / "a.npy", pixels)
    assert (open_films(tmp_path / "a.npy", tmp_path / "t.csv").whole() == pixels).all()
    whole = (tmp_path / "a.npy").read_bytes()
    flipped = pixels.copy()
    flipped[2, 1, 3, 3] ^= 1
    others = {
        "rows reversed": pixels[::-1], "a bit": flipped, "another size": pixels[..., :4, :4],
        "floats": pixels.astype(float), "flat": pixels.reshape(4, 2, 64),
    }  # fmt: skip
    if damage in others:
        np.save(tmp_path / "a.npy", others[damage])
    else:
        (tmp_path / "a.npy").write_bytes(b"text" if damage == "text" else whole[:200])
    with pytest.raises(InputError, match=r"a\.npy.*: found .*, expected .*Delete both and run again"):
        open_films(tmp_path / "a.npy", tmp_path / "t.csv").whole()
    if damage == "a bit":  # what is not read is not asked for
        assert len(open_films(tmp_path / "a.npy", tmp_path / "t.csv").read([0, 1, 3])) == 3


SPLIT = [("film0", "train"), ("film1", "test"), ("film2", "validation"), ("film3", "test")]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (SPLIT[:3], "film3 in one alone"),
        ([*SPLIT[:3], ("film2", "test")], "film3 in one alone"),
        ([*SPLIT, ("film3", "train")], "a film twice"),
        ([*SPLIT[:3], ("film3", "trian")], "the part 'trian'"),
    ],
)
def test_a_split_that_is_not_of_the_table_is_refused(tmp_path: Path, rows: list[tuple[str, str]], message: str) -> None:
    pixels = np.zeros((4, 2, 8, 8), np.uint8)
    table(tmp_path / "t.csv", pixels)
    np.save(tmp_path / "a.npy", pixels)
    write_csv(pd.DataFrame(rows, columns=["image_id", "part"]), tmp_path / "s.csv")
    with pytest.raises(InputError, match=message):
        read_part("train", [tmp_path / "a.npy"], [tmp_path / "t.csv"], [tmp_path / "s.csv"])
