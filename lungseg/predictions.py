"""The stored predictions of all runs of one training set, one file that is read run by run."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float16
from numpy.lib.npyio import NpzFile

from lungseg.errors import InputError
from lungseg.files import replacing


@dataclass(frozen=True)
class Segmentation:
    """What one network, or something that stands for one, says of some films.

    Args:
        variant: Its name.
        seed: Of its training.
        logits: Of lung, per pixel of the network's square; the mask is where they are above 0.
        soft: Whether the logits are probabilities' and not only masks', so that a loss means something.
    """

    variant: str
    seed: int
    logits: Float16[np.ndarray, "film size size"]
    soft: bool = True


def write_predictions(
    path: str | Path,
    segmentations: Iterable[Segmentation],
    dataset: Sequence[str],
    image_id: Sequence[str],
    part: Sequence[str],
) -> None:
    """Write a NumPy archive: an array of logits per run under `{variant}/seed{seed}`, and what film each row is.

    Args:
        path: The file.
        segmentations: One per run; all of the same films.
        dataset: Of each film.
        image_id: Of each film.
        part: Of each film: train, validation or test.
    """
    films = {"dataset": np.array(dataset), "image_id": np.array(image_id), "part": np.array(part)}
    logits = {f"{one.variant}/seed{one.seed}": one.logits for one in segmentations}
    with replacing(path) as file, file.open("wb") as stream:
        np.savez(stream, **films, **logits)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Predictions:
    """An open file of predictions; a run's logits are read when they are asked for.

    Args:
        dataset: Of each film.
        image_id: Of each film.
        part: Of each film.
        stored: The file.
    """

    dataset: list[str]
    image_id: list[str]
    part: list[str]
    stored: NpzFile

    def of(self, variant: str, seed: int, part: str = "test") -> Segmentation:
        """What one run says of the films of one part, in the order of the file.

        Raises:
            InputError: The file holds no such run.
        """
        key = f"{variant}/seed{seed}"
        if key not in self.stored:
            known = ", ".join(name for name in self.stored if "/" in name)
            raise InputError("predictions", f"no run {key}", f"one of {known}", "Delete the file and run again.")
        return Segmentation(variant, seed, self.stored[key][np.array(self.part) == part])

    def films(self, part: str = "test") -> list[tuple[str, str]]:
        """Data set and name of each film of one part, in the order of `of`."""
        rows = zip(self.dataset, self.image_id, self.part, strict=True)
        return [(dataset, image_id) for dataset, image_id, its_part in rows if its_part == part]


def read_predictions(path: str | Path) -> Predictions:
    """Open a file that `write_predictions` wrote."""
    stored = np.load(path)
    dataset, image_id, part = (stored[name].tolist() for name in ("dataset", "image_id", "part"))
    return Predictions(dataset, image_id, part, stored)
