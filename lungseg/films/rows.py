"""What is written of each film: a row of films.csv, the whole of it in films.json, a line of the log between."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

import numpy as np

from lungseg.errors import InputError
from lungseg.files import no_formula, replacing
from lungseg.films.film import Spacing
from lungseg.films.lungs import LEFT, RIGHT
from lungseg.shapes import UInt8

Status = Literal["segmented", "doubtful", "refused", "unreadable"]
TABLES = ("films.csv", "films.json")
NOT_IN_CSV = ("quantities", "files")


@dataclass(frozen=True)
class Areas:
    """Of both lungs and each of them.

    Args:
        area_px: Pixels of either lung.
        right_px: Of the right one.
        left_px: Of the left one.
        area_mm2: The same in mm2, None where the size of a pixel is not known.
        right_mm2: Of the right one.
        left_mm2: Of the left one.
        share: Part of the picture that is lung.
    """

    area_px: int | None = None
    right_px: int | None = None
    left_px: int | None = None
    area_mm2: float | None = None
    right_mm2: float | None = None
    left_mm2: float | None = None
    share: float | None = None


def areas(labels: UInt8[np.ndarray, "height width"], spacing: Spacing | None) -> Areas:
    """Measure a mask.

    Args:
        labels: 0 no lung, 1 right, 2 left.
        spacing: Sides of its pixels.
    """
    right, left = (int(np.count_nonzero(labels == side)) for side in (RIGHT, LEFT))
    pixel = spacing.rows * spacing.columns if spacing else None
    mm2 = [None if pixel is None else round(count * pixel, 1) for count in (right + left, right, left)]
    share = round((right + left) / labels.size, 6)
    return Areas(right + left, right, left, mm2[0], mm2[1], mm2[2], share)


@dataclass(frozen=True)
class Row:
    """A film.

    Args:
        name: Of its file, below the folder that was given.
        status: What became of it.
        why: Reasons of a refusal or doubt, or why it could not be read.
        sure: How sure each is.
        mask: File of its labels, below the folder of results; empty where there is none.
        kind: Of its file.
        height: In px.
        width: In px.
        view: As its file says.
        spacing_rows_mm: Distance of two rows.
        spacing_columns_mm: Distance of two columns.
        spacing_source: Where that stands.
        areas: Of its mask.
        parts: Connected parts of the mask.
        probability: Mean probability of lung over the mask.
        disagreement: Mean of 1 - Dice over pairs of the model's networks.
        warnings: What was decided about it.
        seconds: That it took.
        model: Whose mask.
        version: Of the model.
        sha256: Of the film's file.
        quantities: What its checks were made by; in films.json alone.
        files: That were written of it, below the folder of results, each with its SHA-256; in films.json alone.
    """

    name: str
    status: Status
    why: tuple[str, ...] = ()
    sure: tuple[str, ...] = ()
    mask: str = ""
    kind: str = ""
    height: int | None = None
    width: int | None = None
    view: str = ""
    spacing_rows_mm: float | None = None
    spacing_columns_mm: float | None = None
    spacing_source: str = ""
    areas: Areas = Areas()
    parts: int | None = None
    probability: float | None = None
    disagreement: float | None = None
    warnings: tuple[str, ...] = ()
    seconds: float = 0.0
    model: str = ""
    version: str = ""
    sha256: str = ""
    quantities: Mapping[str, float] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)


def flat(record: Any) -> dict[str, Any]:  # noqa: ANN401 - a dataclass
    """Column to value of a record with `areas`, each of these a column in its place."""
    columns: dict[str, Any] = {}
    for name, value in asdict(record).items():
        columns |= value if name == "areas" else {name: value}
    return columns


COLUMNS = [name for name in flat(Row("", "segmented")) if name not in NOT_IN_CSV]


def as_line(row: Row) -> str:
    """A row as one line of JSON."""
    return json.dumps(flat(row), ensure_ascii=False, allow_nan=False)


def read_line(text: str, where: object) -> Row:
    """The row of a line.

    Raises:
        InputError: It is none.
    """
    try:
        content = json.loads(text)
        for name in ("why", "sure", "warnings"):
            content[name] = tuple(content[name])
        measured = Areas(**{one.name: content.pop(one.name) for one in fields(Areas)})
        row = Row(**content, areas=measured)
        if not all(isinstance(text, str) for text in (row.name, row.mask, *row.files, *row.files.values())):
            raise TypeError("a name that is no text")
        return row
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        remedy = "Give --overwrite, and all is made anew."
        raise InputError(where, "a line that is cut short or of other code", "a film's row", remedy) from error


def write_tables(lines: Iterable[str], head: Mapping[str, Any], folder: Path, where: object) -> None:
    """Write films.csv and films.json, a film at a time.

    Args:
        lines: As of `as_line`.
        head: What is said of all films together.
        folder: Gets both.
        where: The lines' file, for messages.
    """
    with (
        replacing(folder / TABLES[0]) as table,
        replacing(folder / TABLES[1]) as whole,
        table.open("w", encoding="utf-8", newline="") as cells,
        whole.open("w", encoding="utf-8") as stream,
    ):
        cells.write(HEADER)
        stream.write(json.dumps({**head, "films": []}, ensure_ascii=False, indent=1).removesuffix("[]\n}") + "[")
        for number, line in enumerate(lines):
            cells.write(csv_line(read_line(line, where)))
            stream.write(("," if number else "") + "\n" + line.strip())
        stream.write("\n]}\n")


def csv_line(row: Row) -> str:
    """A row as its line of films.csv, below `HEADER`; what a spreadsheet would calculate is text."""
    return _csv(_cells(row))


def _cells(row: Row) -> Iterator[object]:
    columns = flat(row)
    for name in COLUMNS:
        value = columns[name]
        yield no_formula("; ".join(value) if isinstance(value, tuple) else "" if value is None else value)


def _csv(cells: Iterable[object]) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerow(cells)
    return stream.getvalue()


HEADER = _csv(COLUMNS)
