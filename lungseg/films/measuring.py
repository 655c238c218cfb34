"""Masks that were saved -> their numbers, without looking at the films again."""

import csv
import io
import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import label

from lungseg.data.reading import AGAIN
from lungseg.errors import InputError
from lungseg.files import no_formula
from lungseg.films.drawing import OVERLAY
from lungseg.films.film import Spacing
from lungseg.films.lungs import LEFT, RIGHT, tell_apart
from lungseg.films.masks import MASK, lungs_in, read_greys
from lungseg.films.reading import PICTURES, files_below
from lungseg.films.rows import Areas, areas, flat
from lungseg.outside import TABLE, bounded
from lungseg.shapes import UInt8

LARGEST = 2**26  # bytes of a mask
SQUARE = 256  # px; where a mask without sides is told apart


@dataclass(frozen=True)
class Measured:
    """Numbers of a mask.

    Args:
        name: Of its file, as in `Saved`.
        height: In px.
        width: In px.
        parts: Connected parts, pixels joined by their sides.
        right_height_px: Rows that the right lung spans.
        left_height_px: Rows that the left lung spans.
        width_px: Columns that both span together.
        spacing_source: Where the size of a pixel stands.
        areas: Of both, in px and mm2.
    """

    name: str
    height: int
    width: int
    parts: int
    right_height_px: int
    left_height_px: int
    width_px: int
    spacing_source: str
    areas: Areas

    def row(self) -> dict[str, object]:
        """Column to value."""
        return flat(self)


def read_labels(path: Path, ours: bool = False) -> UInt8[np.ndarray, "height width"]:
    """A mask's labels: 1 right, 2 left. A mask of both lungs in one shade is told apart by position.

    Args:
        path: A picture; values up to 2 are labels where both occur, else what is bright is lung.
        ours: Whether `segment` wrote it: then they are labels in any case.

    Raises:
        InputError: It is no mask.
    """
    content = bounded(path, LARGEST).read_bytes()
    try:
        grey = read_greys(content, str(path))
        values = np.unique(grey)
        if values[-1] <= LEFT and ours:
            return grey
        mask = lungs_in(grey, str(path))
    except InputError as error:
        remedy = MASK if error.remedy == AGAIN else error.remedy
        raise InputError(error.where, error.found, error.expected, remedy) from error
    if values[-1] <= LEFT and LEFT in values:
        return grey
    small = Image.fromarray(mask.astype(np.uint8) * 255).resize((SQUARE, SQUARE), Image.Resampling.BOX)
    side = tell_apart(np.asarray(small, dtype=np.float32) / 255).side
    whole = Image.fromarray(side).resize(mask.shape[::-1], Image.Resampling.NEAREST)
    return np.asarray(whole) * mask


def measure(labels: UInt8[np.ndarray, "height width"], name: str, spacing: Spacing | None) -> Measured:
    """Measure a mask.

    Args:
        labels: 0 no lung, 1 right, 2 left.
        name: Of its file.
        spacing: Sides of its pixels.
    """
    spans = [_span(labels == side, axis=1) for side in (RIGHT, LEFT)]
    height, width = labels.shape
    return Measured(
        name=name,
        height=height,
        width=width,
        parts=int(label(labels > 0)[1]),
        right_height_px=spans[0],
        left_height_px=spans[1],
        width_px=_span(labels > 0, axis=0),
        spacing_source=spacing.source if spacing else "",
        areas=areas(labels, spacing),
    )


def _span(mask: np.ndarray, axis: int) -> int:
    places = np.flatnonzero(mask.any(axis=axis))
    return int(np.ptp(places)) + 1 if len(places) else 0


@dataclass(frozen=True)
class Saved:
    """A mask's file.

    Args:
        path: Where it lies.
        name: Of its file: the `mask` of films.json, else as it lies below the folder that was given; its whole path
            where two would have one name.
        ours: Whether films.json beside it tells of it.
        spacing: Sides of its pixels.
    """

    path: Path
    name: str
    ours: bool = False
    spacing: Spacing | None = None


def find_masks(given: Sequence[Path], unopened: list[Path] | None = None) -> list[Saved]:
    """Masks among files and folders, with what films.json tells of them, in their folder or in one above it.

    Overlays are no masks, whether they lie in a folder or are named.

    Args:
        given: Files, and folders as `segment` writes them.
        unopened: Gets the folders below them that may not be opened; without it one is refused.

    Raises:
        InputError: There is none, or a films.json is none of ours.
    """
    found: dict[Path, Saved] = {}
    tables: dict[Path, dict[Path, Saved]] = {}
    for path in given:
        files = [path]
        if path.is_dir():
            files = [file for file in files_below(path, unopened) if file.suffix.lower() in PICTURES]
        for file in files:
            if not file.name.endswith(OVERLAY):
                found.setdefault(file, _saved(file, path, tables))
    if not found:
        raise InputError(", ".join(map(str, given)), "no mask", "pictures", "Give masks or a folder of them.")
    count = Counter(saved.name for saved in found.values())
    return [saved if count[saved.name] == 1 else replace(saved, name=str(saved.path)) for saved in found.values()]


def _saved(file: Path, given: Path, tables: dict[Path, dict[Path, Saved]]) -> Saved:
    """What the nearest films.json tells that knows the mask; one above what was given may be of anything."""
    whole = file.absolute()
    for folder in whole.parents:
        if folder not in tables:
            try:
                tables[folder] = _told(folder / "films.json")
            except InputError:
                if folder == whole.parent or given.absolute() in (folder, *folder.parents):
                    raise
                continue
        if whole in tables[folder]:
            return replace(tables[folder][whole], path=file)
    return Saved(file, str(file.relative_to(given)) if file != given else file.name)


def _told(table: Path) -> dict[Path, Saved]:
    if not table.is_file():
        return {}
    found = {}
    try:
        for film in json.loads(bounded(table, TABLE).read_text(encoding="utf-8"))["films"]:
            if film["mask"]:
                sides = film["spacing_rows_mm"], film["spacing_columns_mm"]
                spacing = Spacing(float(sides[0]), float(sides[1]), film["spacing_source"]) if sides[0] else None
                if spacing and not all(0 < side < math.inf for side in (spacing.rows, spacing.columns)):
                    what = f"a pixel of {spacing.rows:g} x {spacing.columns:g} mm of {film['mask']}"
                    raise InputError(table, what, "lengths above 0", "Move it away, and give --spacing-mm.")
                path = table.parent / film["mask"]
                found[path] = Saved(path, film["mask"], True, spacing)
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        raise InputError(table, "no table of films", "as `lungseg segment` writes it", "Move it away.") from error
    return found


def as_csv(rows: Iterator[Measured]) -> Iterator[str]:
    """Lines of a table, the columns' names first, without the break at their end."""
    for number, measured in enumerate(rows):
        row = measured.row()
        if number == 0:
            yield _line(row)
        yield _line([no_formula("" if value is None else value) for value in row.values()])


def _line(cells: Iterable[object]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="").writerow(cells)
    return buffer.getvalue()
