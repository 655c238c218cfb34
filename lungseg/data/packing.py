"""The prepared films of an experiment in one file, for a machine that only trains.

A picture is stored as its second difference, d(r, c) = x(r, c) - x(r - 1, c) - x(r, c - 1) + x(r - 1, c - 1) modulo
256, which compresses to two thirds of what the grey values take; summing along rows and columns gives them back.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lungseg.config import Experiment, read_experiment
from lungseg.data.films import Part, open_films
from lungseg.errors import InputError
from lungseg.files import read_rows, replacing
from lungseg.outside import missing
from lungseg.shapes import UInt8
from lungseg.zips import open_arrays

ARRAYS = ("images", "masks", "image_id", "part")  # of each data set
Pictures = UInt8[np.ndarray, "image height width"]


@dataclass(frozen=True)
class Packed:
    """All films of an experiment, and what it is.

    Args:
        experiment: Its choices.
        commit: That was checked out where the films were packed; None where git did not know.
        films: Of each data set, with the part that each film is in.
    """

    experiment: Experiment
    commit: str | None
    films: Mapping[str, tuple[Part, list[str]]]

    def part(self, name: str, datasets: Sequence[str]) -> Part:
        """The films of one part of some data sets, as `parts.read_part` reads them."""
        chosen = []
        for dataset in datasets:
            films, parts = self.films[dataset]
            rows = [row for row, part in enumerate(parts) if part == name]
            ids = [films.image_id[row] for row in rows]
            chosen.append(Part([dataset] * len(rows), ids, films.images[rows], films.masks[rows]))
        return Part(
            [name for one in chosen for name in one.dataset],
            [name for one in chosen for name in one.image_id],
            np.concatenate([one.images for one in chosen]),
            np.concatenate([one.masks for one in chosen]),
        )


def differences(images: Pictures) -> Pictures:
    """The second differences of pictures, modulo 256."""
    along = np.diff(images, axis=1, prepend=np.uint8(0))
    return np.diff(along, axis=2, prepend=np.uint8(0))


def sums(stored: Pictures) -> Pictures:
    """The pictures whose second differences are stored."""
    return stored.cumsum(axis=1, dtype=np.uint8).cumsum(axis=2, dtype=np.uint8)


def pack(path: str | Path, experiment: Experiment, commit: str | None, root: Path) -> None:
    """Write the prepared films of an experiment into one file.

    Args:
        path: The file.
        experiment: Which.
        commit: That is checked out.
        root: The folder in which Snakemake has prepared and split them.
    """
    data, results = (root / experiment.folder(name) for name in ("data", "results"))
    arrays = {"experiment": np.array(experiment.model_dump_json()), "commit": np.array(commit or "")}
    for dataset in experiment.datasets:
        table = results / f"images/{dataset}.csv"
        ids = [row["image_id"] for row in _rows(table)]
        parts = {row["image_id"]: row["part"] for row in _rows(results / f"splits/{dataset}.csv")}
        stored = open_films(data / f"processed/{dataset}.npy", table).whole()
        arrays |= {f"{dataset}/image_id": np.array(ids), f"{dataset}/part": np.array([parts.get(i, "") for i in ids])}
        arrays |= {
            f"{dataset}/images": differences(stored[:, 0]),
            f"{dataset}/masks": np.packbits(stored[:, 1], axis=-1),
        }
    with replacing(path) as file, file.open("wb") as stream:
        np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        raise InputError(path, missing(path), "prepared and split films", "Run snakemake for its images and splits.")
    return read_rows(path, ["image_id"])


def unpack(path: str | Path) -> Packed:
    """Read what `pack` wrote.

    Raises:
        InputError: It is another file, or damaged.
    """
    remedy = "Pack the films again."
    with open_arrays(path, remedy) as stored:
        try:
            experiment = read_experiment(json.loads(str(stored["experiment"])))
        except (KeyError, ValueError, TypeError) as error:
            raise InputError(path, "no experiment in it", "the films of one, packed", remedy) from error
        needed = ["commit", *(f"{dataset}/{name}" for dataset in experiment.datasets for name in ARRAYS)]
        if lacking := [name for name in needed if name not in stored]:
            raise InputError(path, f"no {', '.join(lacking)}", "the films of an experiment, packed", remedy)
        films: dict[str, tuple[Part, list[str]]] = {}
        for dataset in experiment.datasets:
            images = sums(stored[f"{dataset}/images"])
            masks = np.unpackbits(stored[f"{dataset}/masks"], axis=-1, count=images.shape[-1])
            ids = stored[f"{dataset}/image_id"].tolist()
            films[dataset] = Part([dataset] * len(ids), ids, images, masks), stored[f"{dataset}/part"].tolist()
        return Packed(experiment, str(stored["commit"]) or None, films)
