"""Where on a film the network's square lies, and the way back from the square to the film."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float16, Float32, UInt8
from PIL import Image

from lungseg.data.patches import Patch, trim

Frame = Literal["stretch", "pad", "crop"]
BLACK = 8  # grey levels up to here count as border of the film
STRIP = 256  # columns that are enlarged at a time


@dataclass(frozen=True)
class Box:
    """The part of a film that is resized to the network's square, in pixels of the film; it may reach beyond it.

    Args:
        top: First row; negative where the box begins above the film.
        left: First column.
        height: Rows.
        width: Columns.
    """

    top: int
    left: int
    height: int
    width: int


def choose_box(image: UInt8[np.ndarray, "height width"], frame: Frame) -> Box:
    """The box of a film by the name of the choice.

    Args:
        image: Grey 0-255.
        frame: `stretch` takes the whole film, so that its sides are scaled apart; `pad` a centred square around it;
            `crop` leaves out the rows and columns at the border in which the film is black. A film that is black
            everywhere is taken whole.
    """
    height, width = image.shape
    if frame == "pad":
        side = max(height, width)
        return Box(-((side - height) // 2), -((side - width) // 2), side, side)
    if frame == "crop":
        lit = image > BLACK
        rows, columns = np.flatnonzero(lit.any(axis=1)), np.flatnonzero(lit.any(axis=0))
        if len(rows):
            return Box(int(rows[0]), int(columns[0]), int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1)
    return Box(0, 0, height, width)


def cut(pixels: np.ndarray, box: Box) -> np.ndarray:
    """What lies in a box, zero where it reaches beyond the film.

    Args:
        pixels: A film or its mask, shape (height, width).
        box: Of this film.

    Returns:
        Shape (box.height, box.width); the film itself where the box is the film.
    """
    if box == Box(0, 0, *pixels.shape):
        return pixels
    out = np.zeros((box.height, box.width), dtype=pixels.dtype)
    inside = _overlap(box, pixels.shape)
    out[inside.in_box] = pixels[inside.on_film]
    return out


def restore(logits: Float16[np.ndarray, "size size"], box: Box, shape: tuple[int, int]) -> Patch:
    """A network's mask at the film's own size, where it holds lung.

    Logits are interpolated (bilinear) to the size of the box and cut at 0, so the outline lies where the
    interpolated probability is one half. Beyond the box is no lung.

    Args:
        logits: Of lung, on the network's square.
        box: Which part of the film the square shows.
        shape: Height and width of the film.
    """
    # Pillow too resizes rows before columns, so both ways give the same digits. A column without a logit above 0 has no
    # mean above 0; the others are enlarged a strip at a time, which the processor's cache holds.
    wide = _resized(logits, len(logits), box.width)
    inside = _overlap(box, shape)
    rows, columns = inside.in_box
    lit = columns.start + np.flatnonzero((wide[:, columns] > 0).any(axis=0))
    first, last = (int(lit[0]), int(lit[-1]) + 1) if len(lit) else (0, 0)
    mask = np.empty((rows.stop - rows.start, last - first), dtype=bool)
    for start in range(first, last, STRIP):
        strip = wide[:, start : min(start + STRIP, last)]
        tall = _resized(strip, box.height, strip.shape[1])
        np.greater(tall[rows], 0, out=mask[:, start - first : start - first + strip.shape[1]])
    return trim(mask, inside.on_film[0].start, box.left + first, shape)


def restore_logits(
    logits: Float16[np.ndarray, "size size"], box: Box, shape: tuple[int, ...]
) -> Float32[np.ndarray, "height width"]:
    """The logits themselves at the film's own size, minus infinity beyond the box; see `restore`."""
    there = _resized(logits, box.height, box.width)
    if box == Box(0, 0, *shape):
        return there
    film = np.full(shape, -np.inf, dtype=np.float32)
    inside = _overlap(box, shape)
    film[inside.on_film] = there[inside.in_box]
    return film


def _resized(logits: np.ndarray, height: int, width: int) -> Float32[np.ndarray, "height width"]:
    image = Image.fromarray(np.ascontiguousarray(logits, dtype=np.float32))
    return np.asarray(image.resize((width, height), Image.Resampling.BILINEAR))


@dataclass(frozen=True)
class _Overlap:
    in_box: tuple[slice, slice]
    on_film: tuple[slice, slice]


def _overlap(box: Box, shape: tuple[int, ...]) -> _Overlap:
    """The pixels that a box and its film share, counted from either's corner."""
    spans = []
    for start, length, limit in ((box.top, box.height, shape[0]), (box.left, box.width, shape[1])):
        low, high = max(start, 0), min(start + length, limit)
        spans.append((slice(low - start, high - start), slice(low, high)))
    return _Overlap((spans[0][0], spans[1][0]), (spans[0][1], spans[1][1]))
