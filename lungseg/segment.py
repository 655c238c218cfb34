"""Lungs on a film, from Python.

>>> from lungseg.segment import segment                                                        # doctest: +SKIP
>>> found = segment(film, spacing_mm=0.143)             # grey, height x width; the model in the package
>>> found.labels                                        # 0 no lung, 1 the patient's right, 2 the left; the film's size
>>> found.status, found.why, found.area_mm2             # segmented, doubtful or refused; reasons; area
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from lungseg.errors import InputError
from lungseg.films.film import LENGTH, Film, Spacing, is_side
from lungseg.films.grey import Range, as_grey, sample, spread
from lungseg.films.limits import NAME, read_limits
from lungseg.films.looking import look
from lungseg.films.networks import Model, default, of_files
from lungseg.films.rows import Status
from lungseg.films.seeing import row_of
from lungseg.shapes import UInt8

__all__ = ["Segmentation", "segment"]


@dataclass(frozen=True)
class Segmentation:
    """Lungs on a film.

    Args:
        labels: 0 no lung, 1 right, 2 left lung of the patient.
        status: `segmented`, `doubtful` or `refused`; labels are there in each case.
        why: What speaks against film or mask.
        warnings: What was decided.
        area_px: Pixels of both lungs.
        area_mm2: The same in mm2, None without a spacing.
        probability: Mean probability of lung over the mask, None without a mask.
    """

    labels: UInt8[np.ndarray, "height width"]
    status: Status
    why: tuple[str, ...]
    warnings: tuple[str, ...]
    area_px: int
    area_mm2: float | None
    probability: float | None


def segment(
    film: np.ndarray,
    spacing_mm: float | Sequence[float] | None = None,
    model: Model | str | Path | Sequence[str | Path] | None = None,
    inverted: bool = False,
) -> Segmentation:
    """Find the lungs on a frontal chest film.

    Args:
        film: Grey, shape (height, width), upright, the patient's right at the viewer's left. Of uint8 it is taken as it
            is; of any other type it is stretched between its percentiles 0.5 and 99.5.
        spacing_mm: Side of a pixel in mm, or the distances of two rows and of two columns.
        model: One or more files that `lungseg export` wrote; None for the model in the package.
        inverted: Whether low values are bright.

    Raises:
        InputError: The array is no film, the spacing none, or there is no model.
    """
    array = _array(film)
    warnings: tuple[str, ...] = ()
    if array.dtype != np.uint8 or inverted:
        eight = array.dtype == np.uint8
        limits = Range(0, 255) if eight else spread(sample(array).astype(np.float64), "the film")
        warnings = () if eight else (f"stretched between {limits.low:g} and {limits.high:g}",)
        array = as_grey(array, lambda values: values, limits, inverted)
    if model is None or isinstance(model, Model):
        model = model or _default()
    else:
        paths = [model] if isinstance(model, str | Path) else list(model)
        if not paths:
            raise InputError("model", "no file", "one or more", "Leave it out for the model in the package.")
        model = of_files([Path(path) for path in paths])
    read = Film(array, "array", spacing=_spacing(spacing_mm), warnings=warnings)
    looked = look(read, model, read_limits(model.folder / NAME) if model.folder else (), refused_too=True)
    row = row_of("", read, looked)
    assert looked.labels is not None and row.areas.area_px is not None  # noqa: S101 - refused_too
    return Segmentation(
        looked.labels, row.status, row.why, row.warnings, row.areas.area_px, row.areas.area_mm2, row.probability
    )  # fmt: skip


@lru_cache(maxsize=1)
def _default() -> Model:
    return default()


def _array(film: np.ndarray) -> np.ndarray:
    expected, remedy = "numbers of shape (height, width)", "Give one grey picture."
    try:
        array = np.asarray(film)
    except ValueError as error:
        raise InputError("the film", "rows of several lengths", expected, remedy) from error
    if array.ndim != 2 or not array.size or array.dtype.kind not in "uif":
        raise InputError("the film", f"an array of {array.dtype} and shape {array.shape}", expected, remedy)
    return array


def _spacing(given: float | Sequence[float] | None) -> Spacing | None:
    if given is None:
        return None
    if isinstance(given, np.ndarray):
        given = given.tolist()
    sides = list(given) if isinstance(given, Sequence) else [given, given]
    numbers = int | float | np.integer | np.floating
    known = [float(side) for side in sides if isinstance(side, numbers) and not isinstance(side, bool)]
    if len(sides) != 2 or len(known) != 2 or not all(map(is_side, known)):
        expected = f"{LENGTH}, or two: of rows and of columns"
        raise InputError("spacing_mm", repr(given), expected, "Leave it out where it is not known.")
    return Spacing(known[0], known[1], "given")
