"""One film's bytes -> its row and its mask, in memory: what every way of segmenting shares."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

import numpy as np

from lungseg.errors import InputError
from lungseg.films.film import Film, Spacing
from lungseg.films.limits import Limit, verdict
from lungseg.films.looking import Looked, look
from lungseg.films.networks import Model
from lungseg.films.reading import Source, read_film
from lungseg.films.rows import Areas, Row, areas
from lungseg.shapes import UInt8
from lungseg.terminal import plain


@dataclass(frozen=True)
class Choices:
    """How films are looked at.

    Args:
        inverted: Whether low stored values are bright; None leaves it to each file.
        spacing_mm: Side of a pixel, where the person knows it.
        refused_too: Whether films that their files alone refuse get a mask all the same.
        overlay: Whether to draw outlines over the films.
        dicom_seg: Whether to write DICOM segmentations of DICOM files.
    """

    inverted: bool | None = None
    spacing_mm: float | None = None
    refused_too: bool = False
    overlay: bool = False
    dicom_seg: bool = False


@dataclass(frozen=True)
class Seen:
    """What was found on a film, before anything is written.

    Args:
        row: All that is said of it; `mask` is what the file of `labels` is called.
        film: None where it could not be read.
        labels: 0 no lung, 1 right, 2 left; None where no mask is given out.
    """

    row: Row
    film: Film | None = None
    labels: UInt8[np.ndarray, "height width"] | None = None


def see(source: Source, content: bytes, model: Model, limits: Sequence[Limit], choices: Choices) -> Seen:
    """Read a film and find its lungs, in memory.

    Args:
        source: Its name, and its file, which is not opened.
        content: The file's bytes.
        model: What looks at it.
        limits: That its quantities are held against.
        choices: The person's.

    Returns:
        What was found; of a film that cannot be read, a row with the reason.
    """
    started = time.perf_counter()
    try:
        film = read_film(content, source.path, choices.inverted)
        if (side := choices.spacing_mm) is not None:
            film = replace(film, spacing=Spacing(side, side, "given by --spacing-mm"))
        looked = look(film, model, limits, choices.refused_too)
        seen = Seen(row_of(source.name, film, looked), film, looked.labels)
    except (InputError, OSError) as error:
        seen = Seen(unreadable(source, error))
    if seen.row.status == "refused" and not choices.refused_too:
        seen = replace(seen, labels=None)
    row = replace(seen.row, mask="" if seen.labels is None else f"{source.name}.png", model=model.name)
    digest = sha256(content).hexdigest()
    return replace(seen, row=replace(row, version=model.version, sha256=digest, seconds=since(started)))


def unreadable(source: Source, error: InputError | OSError) -> Row:
    """The row of a film that cannot be read: why, and what helps, without the path of its file."""
    if isinstance(error, InputError):
        why = f"found {error.found}, expected {error.expected}. {error.remedy}"
    else:
        why = f"found {error.strerror or type(error).__name__}, expected a readable file"
    return Row(source.name, "unreadable", (plain(why, kept=""),), ("certain",))


def since(started: float) -> float:
    """Seconds since a time of `time.perf_counter`, to the millisecond."""
    return round(time.perf_counter() - started, 3)


def row_of(name: str, film: Film, looked: Looked) -> Row:
    """A film's row, without what is said of its files."""
    height, width = film.grey.shape
    spacing = film.spacing
    return Row(
        name=name,
        status=verdict(looked.findings) or "segmented",
        why=tuple(one.reason for one in looked.findings),
        sure=tuple(one.sure for one in looked.findings),
        kind=film.kind,
        height=height,
        width=width,
        view=film.view,
        spacing_rows_mm=spacing.rows if spacing else None,
        spacing_columns_mm=spacing.columns if spacing else None,
        spacing_source=spacing.source if spacing else "",
        areas=areas(looked.labels, spacing) if looked.labels is not None else Areas(),
        parts=looked.parts if looked.labels is not None else None,
        probability=_rounded(looked.probability),
        disagreement=_rounded(looked.disagreement),
        warnings=looked.warnings,
        quantities={key: round(value, 6) for key, value in looked.quantities.items()},
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
