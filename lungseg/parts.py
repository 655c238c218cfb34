"""The films of one part of a split, out of the processed arrays."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import UInt8

from lungseg.errors import InputError


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
        table = pd.read_csv(table_file)
        stored = np.load(array, mmap_mode="r")
        if len(stored) != len(table):
            remedy = "Delete both and run again."
            raise InputError(array, f"{len(stored)} films", f"{len(table)} as in {table_file}", remedy)
        wanted = table.merge(pd.read_csv(split_file).query("part == @part"), on="image_id", validate="one_to_one")
        if wanted.empty:
            raise InputError(split_file, f"no film for {part}", "at least one", "Choose another split.")
        rows = table.index[table["image_id"].isin(wanted["image_id"])]
        names += table.loc[rows, "dataset"].tolist()
        ids += table.loc[rows, "image_id"].tolist()
        films.append(np.asarray(stored[rows]))
    together = np.concatenate(films)
    return Part(names, ids, np.ascontiguousarray(together[:, 0]), np.ascontiguousarray(together[:, 1]))
