"""From a film as published to one small square: the pixels that every network sees."""

import io
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from zipfile import BadZipFile, ZipFile, ZipInfo

import numpy as np
import pandas as pd
from jaxtyping import Bool, UInt8
from PIL import Image
from tqdm import tqdm

from lungseg.data.films import BOTH
from lungseg.data.reading import BadFilms, Radiograph, Unused, in_order, sha256
from lungseg.data.squares import Box, Frame, choose_box, cut
from lungseg.errors import InputError, one_line
from lungseg.files import read_rows, replacing

COLUMNS = ["image_id", "dataset", "height", "width", "spacing_mm", "abnormal", "sha256", "pixels_sha256"]
BOX = ["top", "left", "height", "width"]


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
        boxes: Columns image_id, top, left, height, width: the part of each film that its square shows, in px; and
            mask_sha256, of its mask's file; and frame, by which the part was chosen.
    """

    images: pd.DataFrame
    unused: pd.DataFrame
    boxes: pd.DataFrame


@dataclass(frozen=True)
class Original:
    """What scoring at a film's own size needs.

    Args:
        mask: Where the lungs are, as published.
        box: The part of the film that the square shows.
        spacing_mm: Side of a pixel; None where it is not known.
    """

    mask: Bool[np.ndarray, "height width"]
    box: Box
    spacing_mm: float | None


def preprocess(
    radiographs: Iterable[Radiograph | Unused],
    dataset: str,
    count: int,
    size: int,
    frame: Frame,
    pixels: str | Path,
    masks: str | Path,
    threads: int | None = None,
) -> Listing:
    """Bring films to one size, on several cores, and write them to a NumPy file in their order.

    Args:
        radiographs: Films, and those that cannot be used.
        dataset: Their data set's name.
        count: How many films there are.
        size: Side of the square.
        frame: See `lungseg.data.squares.choose_box`.
        pixels: The file: uint8, shape (count, 2, size, size); channel 0 grey, channel 1 mask, 0 or 1.
        masks: A zip file that gets every mask at its own size, `{image_id}.png`, black and white.
        threads: At a time; None for all cores.

    Raises:
        InputError: There are not `count` films.
        BadFilms: Some cannot be used, or their masks vanish at this size; all of them are named.
    """
    rows, unused, boxes = [], [], []
    bad: dict[str, InputError] = {}
    # Written in one go rather than through a memory map: a full disk is then an error and not a crash.
    with replacing(pixels) as part, part.open("wb") as file, replacing(masks) as zipped, ZipFile(zipped, "w") as store:
        header = {"descr": "|u1", "fortran_order": False, "shape": (count, 2, size, size)}
        np.lib.format.write_array_header_1_0(file, header)
        with tqdm(total=count, desc=dataset, unit="film") as progress:
            for film in in_order(lambda film: _prepare(film, dataset, size, frame), _sound(radiographs, bad), threads):
                if isinstance(film, Unused):
                    unused.append(asdict(film))
                    continue
                if isinstance(film, InputError):
                    bad[str(film.where)] = film
                    continue
                file.write(film.pixels)
                store.writestr(ZipInfo(f"{film.row['image_id']}.png"), film.mask)  # the same bytes each time
                boxes.append((film.row["image_id"], *astuple(film.box), sha256(film.mask), frame))
                rows.append(film.row)
                progress.update()
        if bad:
            raise BadFilms(dataset, dict(sorted(bad.items())), count)
        if len(rows) != count:
            raise InputError(dataset, f"{len(rows)} films", str(count), "Fetch its archives again.")
    return Listing(
        pd.DataFrame(rows, columns=COLUMNS),
        pd.DataFrame(unused, columns=["image_id", "reason"]),
        pd.DataFrame(boxes, columns=["image_id", *BOX, "mask_sha256", "frame"]),
    )


def _sound(radiographs: Iterable[Radiograph | Unused], bad: dict[str, InputError]) -> Iterator[Radiograph | Unused]:
    """The films that can be used; what is wrong with the others is noted."""
    try:
        yield from radiographs
    except BadFilms as error:
        bad |= error.films


def read_originals(
    films: Sequence[tuple[str, str]],
    masks: Mapping[str, str | Path],
    boxes: Mapping[str, str | Path],
    tables: Mapping[str, str | Path],
) -> Iterator[Original]:
    """Masks at their own size, one after the other.

    Args:
        films: Data set and name of each, in the order wanted.
        masks: Data set to the zip file that `preprocess` wrote.
        boxes: Data set to the table of its boxes.
        tables: Data set to its images/{dataset}.csv.

    Raises:
        InputError: A film has no mask there, or another one than was written.
    """
    for dataset, group in groupby(films, key=itemgetter(0)):
        yield from _originals(masks[dataset], boxes[dataset], tables[dataset], [image_id for _, image_id in group])


def _originals(masks: str | Path, boxes: str | Path, table: str | Path, image_ids: Sequence[str]) -> Iterator[Original]:
    places = {row["image_id"]: row for row in read_rows(boxes, ["image_id", *BOX, "mask_sha256"])}
    films = {row["image_id"]: row for row in read_rows(table, ["image_id", "height", "width", "spacing_mm"])}
    try:
        with ZipFile(masks) as store:
            known = {name.removesuffix(".png") for name in store.namelist()} & set(places) & set(films)
            if absent := set(image_ids) - known:
                raise InputError(masks, f"no mask for {min(absent)}", f"one, and its box in {boxes}", BOTH)
            for image_id in image_ids:
                mask = _stored_mask(store.read(f"{image_id}.png"), f"{masks}, {image_id}.png", places[image_id])
                film = films[image_id]
                if mask.shape != (int(film["height"]), int(film["width"])):
                    found, expected = f"{mask.shape} px", f"{film['height']} x {film['width']} as in {table}"
                    raise InputError(f"{masks}, {image_id}.png", found, expected, BOTH)
                spacing = float(film["spacing_mm"]) if film["spacing_mm"] else None
                yield Original(mask, Box(*(int(places[image_id][side]) for side in BOX)), spacing)
    except (BadZipFile, zlib.error, EOFError, ValueError) as error:  # a cell of a table may be no number
        found = one_line(error, 120)
        raise InputError(f"{masks} or {boxes}", found, "a zip file of masks, whole, and their boxes", BOTH) from error


def _stored_mask(content: bytes, where: str, row: Mapping[str, str]) -> Bool[np.ndarray, "height width"]:
    """A mask, once it is known to be the one that was written."""
    if (found := sha256(content)) != row["mask_sha256"]:
        raise InputError(where, f"sha256 {found}", f"{row['mask_sha256']}, as in the table of boxes", BOTH)
    return np.asarray(Image.open(io.BytesIO(content), formats=["PNG"]), dtype=bool)


@dataclass(frozen=True)
class _Prepared:
    """A film as it is stored: the bytes of its array, its mask as a PNG file, its box, its row."""

    pixels: bytes
    mask: bytes
    box: Box
    row: dict[str, object]


def _prepare(film: Radiograph | Unused, dataset: str, size: int, frame: Frame) -> _Prepared | Unused | InputError:
    """All that can be done for each film by itself, and so on any core."""
    if isinstance(film, Unused):
        return film
    box = choose_box(film.image, frame)
    try:
        pixels = _small(film, size, box).tobytes()
    except InputError as error:
        return error
    return _Prepared(pixels, _png(film.mask), box, _row(film, dataset) | {"pixels_sha256": sha256(pixels)})


def _png(mask: Bool[np.ndarray, "height width"]) -> bytes:
    """One bit per pixel; a stronger compression saves little and takes longer."""
    buffer = io.BytesIO()
    Image.fromarray(mask).save(buffer, format="png", compress_level=1)
    return buffer.getvalue()


def resize(film: Film, size: int) -> Film:
    """Scale a film and its mask to a square; each new pixel is a weighted mean of the old ones it covers.

    The mask is scaled as numbers from 0 to 255, and what is above 127 is lung.

    Args:
        film: Of any size.
        size: The new side.
    """
    image = Image.fromarray(film.image).resize((size, size), Image.Resampling.BILINEAR)
    mask = Image.fromarray(film.mask.view(np.uint8) * np.uint8(255)).resize((size, size), Image.Resampling.BILINEAR)
    return Film(np.asarray(image), np.asarray(mask) > 127)


def _small(radiograph: Radiograph, size: int, box: Box) -> UInt8[np.ndarray, "2 size size"]:
    film = resize(Film(cut(radiograph.image, box), cut(radiograph.mask, box)), size)
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
