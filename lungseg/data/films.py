"""The films of one part of a split, out of the processed arrays."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np

from lungseg.errors import InputError
from lungseg.shapes import UInt8


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
        InputError: An array and its table disagree, or a data set has no film in the part.
    """
    names, ids, films = [], [], []
    for array, table_file, split_file in zip(pixels, tables, splits, strict=True):
        table, of_part = _rows(table_file), {row["image_id"] for row in _rows(split_file) if row["part"] == part}
        stored = np.load(array, mmap_mode="r")
        if len(stored) != len(table):
            remedy = "Delete both and run again."
            raise InputError(array, f"{len(stored)} films", f"{len(table)} as in {table_file}", remedy)
        rows = [number for number, row in enumerate(table) if row["image_id"] in of_part]
        if not rows:
            raise InputError(split_file, f"no film for {part}", "at least one", "Choose another split.")
        names += [table[row]["dataset"] for row in rows]
        ids += [table[row]["image_id"] for row in rows]
        films.append(np.asarray(stored[rows]))
    together = np.concatenate(films)
    return Part(names, ids, np.ascontiguousarray(together[:, 0]), np.ascontiguousarray(together[:, 1]))


def _rows(path: str | Path) -> list[dict[str, str]]:
    with Path(path).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))
