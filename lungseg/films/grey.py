"""Stored numbers -> grey 0-255, without a step over every pixel that a table can spare."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lungseg.data.squares import BLACK
from lungseg.errors import InputError
from lungseg.shapes import Bool, Float, UInt8

SHARES = (0.5, 99.5)  # percentiles that become black and white where nothing says what should
SAMPLE = 512  # rows and columns that the percentiles are read from; more change nothing
TABLE = 2**17  # values; where stored numbers span no more, each is computed once and then looked up

Values = Float[np.ndarray, "*any"]


@dataclass(frozen=True)
class Range:
    """The values that become black and white."""

    low: float
    high: float


def as_grey(
    stored: np.ndarray, shown: Callable[[np.ndarray], Values], limits: Range, inverted: bool
) -> UInt8[np.ndarray, "height width"]:
    """Map every stored number to a grey.

    Args:
        stored: Shape (height, width), whole numbers or floats.
        shown: What a value means on a screen.
        limits: The values of `shown` that become 0 and 255; beyond is clipped.
        inverted: Whether low values are bright.
    """

    def grey(values: np.ndarray) -> UInt8[np.ndarray, "*any"]:
        part = (np.asarray(shown(values), dtype=np.float64) - limits.low) / (limits.high - limits.low)
        part = np.clip(np.nan_to_num(part, nan=0.0), 0, 1)
        return np.round(255 * (1 - part if inverted else part)).astype(np.uint8)

    if np.issubdtype(stored.dtype, np.integer):
        low, high = int(stored.min()), int(stored.max())
        if high - low < TABLE:
            return np.take(grey(np.arange(low, high + 1)), stored.astype(np.intp) - low)
    return grey(stored)


def sample(stored: np.ndarray, used: Bool[np.ndarray, "height width"] | None = None) -> np.ndarray:
    """Some of the pixels, evenly spread; those outside of `used` left out, unless nothing is left.

    Args:
        stored: Shape (height, width).
        used: Where the picture is no padding; None for everywhere.
    """
    step = tuple(slice(None, None, max(1, side // SAMPLE)) for side in stored.shape)
    if used is not None and used[step].any():
        return stored[step][used[step]]
    return stored[step].ravel()


def spread(values: Values, where: object) -> Range:
    """The values between which nearly all pixels lie.

    Args:
        values: As of `sample`, as shown.
        where: The file, for the message.

    Raises:
        InputError: All of them are one value, or no number.
    """
    known = values[np.isfinite(values)]
    low, high = np.percentile(known, SHARES) if len(known) else (0.0, 0.0)
    if not low < high and len(known):
        low, high = known.min(), known.max()
    if not low < high:
        raise InputError(where, "one shade alone", "a picture", "Look whether it is the file that you mean.")
    return Range(float(low), float(high))


def one_shade(grey: UInt8[np.ndarray, "height width"]) -> str | None:
    """What is found on a picture that shows nearly nothing; None of any other."""
    low, high = np.percentile(sample(grey), (1, 99))
    return f"nearly one shade: greys from {low:.0f} to {high:.0f} of 255" if high - low <= BLACK else None
