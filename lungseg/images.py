"""From a film as published to one small square: the pixels that every network sees."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from jaxtyping import Bool, UInt8
from PIL import Image
from tqdm import tqdm

from lungseg.datasets.reading import Radiograph, Unused, sha256
from lungseg.errors import InputError
from lungseg.files import replacing

Frame = Literal["stretch", "pad", "crop"]
BLACK = 8  # grey levels up to here count as border of the film
COLUMNS = ["image_id", "dataset", "height", "width", "spacing_mm", "abnormal", "sha256", "pixels_sha256"]


@dataclass(frozen=True)
class Film:
    """A film and its mask, both of one size.

    Args:
        image: Grey 0-255.
        mask: Where the lungs are.
    """

    image: UInt8[np.ndarray, "height width"]
    mask: Bool[np.ndarray, "height width"]


@dataclass(frozen=True)
class Listing:
    """What became of a data set's films.

    Args:
        images: One row per row of the array; columns image_id, dataset, height, width (in px, as published),
            spacing_mm, abnormal (0 or 1), sha256 (of the image file in its archive), pixels_sha256 (of the
            array's row: who reads the array can tell by this table whether it changed).
        unused: Columns image_id, reason.
    """

    images: pd.DataFrame
    unused: pd.DataFrame


def preprocess(
    radiographs: Iterable[Radiograph | Unused],
    dataset: str,
    count: int,
    size: int,
    frame: Frame,
    pixels: str | Path,
) -> Listing:
    """Bring films to one size, one after the other, and write them to a NumPy file.

    Args:
        radiographs: Films, and those that cannot be used.
        dataset: Their data set's name.
        count: How many films there are.
        size: Side of the square.
        frame: See `reframe`.
        pixels: The file: uint8, shape (count, 2, size, size); channel 0 grey, channel 1 mask, 0 or 1.

    Raises:
        InputError: There are not `count` films, or a mask vanished.
    """
    rows, unused = [], []
    # Written in one go rather than through a memory map: a full disk is then an error and not a crash.
    with replacing(pixels) as part, part.open("wb") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": (count, 2, size, size)}
        np.lib.format.write_array_header_1_0(file, header)
        with tqdm(total=count, desc=dataset, unit="film") as progress:
            for film in radiographs:
                if isinstance(film, Unused):
                    unused.append(asdict(film))
                    continue
                small = _small(film, size, frame).tobytes()
                file.write(small)
                rows.append(_row(film, dataset) | {"pixels_sha256": sha256(small)})
                progress.update()
        if len(rows) != count:
            raise InputError(dataset, f"{len(rows)} films", str(count), "Fetch its archives again.")
    return Listing(pd.DataFrame(rows, columns=COLUMNS), pd.DataFrame(unused, columns=["image_id", "reason"]))


def reframe(film: Film, frame: Frame) -> Film:
    """Change a film's borders before it is resized to a square.

    Args:
        film: As published.
        frame: `stretch` changes nothing, so that the film's sides are scaled apart; `pad` adds black on both
            sides to a square; `crop` takes away the rows and columns at the border in which the image (never
            the mask) is black.
    """
    if frame == "pad":
        height, width = film.image.shape
        side = max(height, width)
        around = [((side - n) // 2, side - n - (side - n) // 2) for n in (height, width)]
        return Film(np.pad(film.image, around), np.pad(film.mask, around))
    if frame == "crop":
        lit = film.image > BLACK
        rows, columns = np.flatnonzero(lit.any(axis=1)), np.flatnonzero(lit.any(axis=0))
        if len(rows):
            box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
            return Film(film.image[box], film.mask[box])
    return film


def resize(film: Film, size: int) -> Film:
    """Scale a film and its mask to a square; each new pixel is a weighted mean of the old ones it covers.

    The mask is scaled as numbers from 0 to 255, and what is above 127 is lung.

    Args:
        film: Of any size.
        size: The new side.
    """
    image = Image.fromarray(film.image).resize((size, size), Image.Resampling.BILINEAR)
    mask = Image.fromarray(film.mask.astype(np.uint8) * 255).resize((size, size), Image.Resampling.BILINEAR)
    return Film(np.asarray(image), np.asarray(mask) > 127)


def _small(radiograph: Radiograph, size: int, frame: Frame) -> UInt8[np.ndarray, "2 size size"]:
    film = resize(reframe(Film(radiograph.image, radiograph.mask), frame), size)
    if not film.mask.any():
        remedy = "Choose a larger size or another frame."
        raise InputError(radiograph.image_id, f"no lung left at {size} px", "at least one pixel", remedy)
    return np.stack([film.image, film.mask.astype(np.uint8)])


def _row(radiograph: Radiograph, dataset: str) -> dict[str, object]:
    height, width = radiograph.image.shape
    return {
        "image_id": radiograph.image_id,
        "dataset": dataset,
        "height": height,
        "width": width,
        "spacing_mm": radiograph.spacing_mm,
        "abnormal": int(radiograph.abnormal),
        "sha256": radiograph.sha256,
    }
