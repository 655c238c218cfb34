"""A mask without the empty film around it: all work on a film's mask can be done where the lungs are."""

from dataclasses import dataclass

import numpy as np

from lungseg.shapes import Bool


@dataclass(frozen=True)
class Patch:
    """The part of a mask that holds all of it; the rest of the film is empty.

    Args:
        mask: Where the lungs are, in this part; it may have no pixels.
        top: Its first row on the film.
        left: Its first column.
        shape: Height and width of the film.
    """

    mask: Bool[np.ndarray, "height width"]
    top: int
    left: int
    shape: tuple[int, int]

    def whole(self) -> Bool[np.ndarray, "height width"]:
        """The mask on the whole film."""
        film = np.zeros(self.shape, dtype=bool)
        height, width = self.mask.shape
        film[self.top : self.top + height, self.left : self.left + width] = self.mask
        return film


def trim(
    mask: Bool[np.ndarray, "height width"], top: int = 0, left: int = 0, shape: tuple[int, int] | None = None
) -> Patch:
    """Leave out the empty rows and columns around a mask; its pixels are not copied.

    Args:
        mask: Of a film, or of a part of it that holds all of the mask.
        top: First row of that part on the film.
        left: First column.
        shape: Height and width of the film; None where the mask is the film's.
    """
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    (up, down), (before, behind) = (span[[0, -1]] + [0, 1] if len(span) else (0, 0) for span in (rows, columns))
    inner = mask[up:down, before:behind]
    return Patch(inner, top + int(up), left + int(before), mask.shape if shape is None else shape)


def shared(one: Patch, other: Patch) -> int:
    """How many pixels of a film are in both of two masks."""
    top, left = max(one.top, other.top), max(one.left, other.left)
    bottom, right = (
        min(*(getattr(patch, side) + patch.mask.shape[axis] for patch in (one, other)))
        for axis, side in enumerate(("top", "left"))
    )
    if bottom <= top or right <= left:
        return 0
    own, others = (
        patch.mask[top - patch.top : bottom - patch.top, left - patch.left : right - patch.left]
        for patch in (one, other)
    )
    return int(np.count_nonzero(own & others))
