"""The films of one part of a split, out of the processed arrays."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np

from lungseg.errors import InputError, one_line
from lungseg.files import read_rows
from lungseg.shapes import UInt8

PARTS = ("train", "validation", "test")
BOTH = "Delete both and run again."


@dataclass(frozen=True)
class Part:
    """Films with their masks and names.

    Args:
        dataset: Where each film comes from.
        image_id: Its name there.
        images: Grey 0-255.
        masks: 0 or 1.
    """

    dataset: list[str]
    image_id: list[str]
    images: UInt8[np.ndarray, "image height width"]
    masks: UInt8[np.ndarray, "image height width"]

    def sha256(self) -> str:
        """Hash of all names, pixels and masks."""
        digest = sha256(" ".join(self.image_id).encode())
        digest.update(self.images.tobytes())
        digest.update(self.masks.tobytes())
        return digest.hexdigest()


@dataclass(frozen=True)
class Stored:
    """A data set's array beside its table; films are read, and checked, when they are asked for.

    Args:
        path: The array's file.
        rows: Of images/{dataset}.csv, one for each film.
        pixels: Channel 0 grey, channel 1 mask.
    """

    path: Path
    rows: list[dict[str, str]]
    pixels: UInt8[np.ndarray, "film 2 size size"]

    def read(self, numbers: Sequence[int]) -> UInt8[np.ndarray, "chosen 2 size size"]:
        """Some films, each with the hash that its row names; a table of older code may name none.

        Raises:
            InputError: A film has other pixels.
        """
        films = np.asarray(self.pixels[list(numbers)])
        for number, film in zip(numbers, films, strict=True):
            wanted = self.rows[number].get("pixels_sha256")
            if wanted and (found := sha256(film.tobytes()).hexdigest()) != wanted:
                where = f"{self.path}, film {number}, {self.rows[number]['image_id']}"
                raise InputError(where, f"pixels with sha256 {found}", f"{wanted}, as in its table", BOTH)
        return films

    def whole(self) -> UInt8[np.ndarray, "film 2 size size"]:
        """All films, as from `read`."""
        return self.read(range(len(self.rows)))


def open_films(array: str | Path, table: str | Path) -> Stored:
    """Open processed/{dataset}.npy beside images/{dataset}.csv.

    Raises:
        InputError: The array is damaged or of another form, or has not as many films as the table.
    """
    rows = read_rows(table, ["image_id"])
    try:
        pixels = np.load(array, mmap_mode="r")
    except (ValueError, EOFError) as error:
        raise InputError(array, one_line(error, 120), "a NumPy array, whole", BOTH) from error
    shape = pixels.shape
    if pixels.dtype != np.uint8 or len(shape) != 4 or shape[1] != 2 or shape[2] != shape[3]:
        raise InputError(array, f"{pixels.dtype} of shape {shape}", "uint8 of shape (films, 2, size, size)", BOTH)
    if len(pixels) != len(rows):
        raise InputError(array, f"{len(pixels)} films", f"{len(rows)} as in {table}", BOTH)
    return Stored(Path(array), rows, pixels)


def read_part(
    part: str, pixels: Sequence[str | Path], tables: Sequence[str | Path], splits: Sequence[str | Path]
) -> Part:
    """Read the films of one part of one or more data sets.

    Args:
        part: `train`, `validation` or `test`.
        pixels: processed/{dataset}.npy of each data set; only the rows that are wanted are read.
        tables: images/{dataset}.csv, in the same order; its rows are those of the array.
        splits: splits/{dataset}.csv, in the same order.

    Raises:
        InputError: An array, its table and its split disagree, or a data set has no film in the part.
    """
    names, ids, films = [], [], []
    for array, table, split_file in zip(pixels, tables, splits, strict=True):
        stored = open_films(array, table)
        part_of = _parts(split_file, [row["image_id"] for row in stored.rows], table)
        numbers = [number for number, row in enumerate(stored.rows) if part_of[row["image_id"]] == part]
        if not numbers:
            raise InputError(split_file, f"no film for {part}", "at least one", "Choose another split.")
        names += [stored.rows[number]["dataset"] for number in numbers]
        ids += [stored.rows[number]["image_id"] for number in numbers]
        films.append(stored.read(numbers))
    if len(sizes := {one.shape[-1] for one in films}) > 1:
        raise InputError(pixels[0], f"films of {' and '.join(map(str, sorted(sizes)))} px", "one size", BOTH)
    together = np.concatenate(films)
    return Part(names, ids, np.ascontiguousarray(together[:, 0]), np.ascontiguousarray(together[:, 1]))


def _parts(split: str | Path, ids: Sequence[str], table: str | Path) -> dict[str, str]:
    """The part of each film, where the split names every film of the table once and no other."""
    rows = read_rows(split, ["image_id", "part"])
    if sorted(row["image_id"] for row in rows) != sorted(ids):
        apart = sorted({row["image_id"] for row in rows} ^ set(ids))
        found = f"{', '.join(apart[:3])} in one alone" if apart else "a film twice"
        raise InputError(split, found, f"each film of {table} once", "Delete it and run again.")
    if strange := sorted({row["part"] for row in rows} - set(PARTS)):
        raise InputError(split, f"the part {strange[0]!r}", ", ".join(PARTS), "Delete it and run again.")
    return {row["image_id"]: row["part"] for row in rows}
