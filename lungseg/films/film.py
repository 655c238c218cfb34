"""What a person's film is once it has been read, whatever file it came in."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from lungseg.shapes import UInt8

Verdict = Literal["refused", "doubtful"]
SHORTEST, LONGEST = 0.01, 10.0  # mm; of a pixel's side, in metres or micrometres it lies outside
LENGTH = f"a length from {SHORTEST:g} to {LONGEST:g} mm"


@dataclass(frozen=True)
class Finding:
    """Why a film is refused, or its mask doubtful.

    Args:
        verdict: Which of the two.
        reason: In words.
        sure: How sure that is, in words.
    """

    verdict: Verdict
    reason: str
    sure: str


def is_side(length: float) -> bool:
    """Whether a length in mm can be the side of a pixel of a film."""
    return SHORTEST <= length < LONGEST


@dataclass(frozen=True)
class Spacing:
    """Sides of a pixel.

    Args:
        rows: Distance of two rows in mm.
        columns: Distance of two columns in mm.
        source: Where that stands, and of which plane it is true.
    """

    rows: float
    columns: float
    source: str


@dataclass(frozen=True)
class Turn:
    """How a stored picture becomes an upright one, the patient's right at the viewer's left.

    Args:
        transposed: Rows and columns change places, first.
        upside_down: Then the order of rows is turned.
        mirrored: And that of columns.
    """

    transposed: bool = False
    upside_down: bool = False
    mirrored: bool = False

    def upright(self, stored: np.ndarray) -> np.ndarray:
        """A stored picture, upright; shape (height, width) or (width, height)."""
        turned = stored.T if self.transposed else stored
        turned = turned[::-1] if self.upside_down else turned
        return turned[:, ::-1] if self.mirrored else turned

    def stored(self, upright: np.ndarray) -> np.ndarray:
        """The way back of `upright`."""
        turned = upright[:, ::-1] if self.mirrored else upright
        turned = turned[::-1] if self.upside_down else turned
        return turned.T if self.transposed else turned


@dataclass(frozen=True)
class Film:
    """A film.

    Args:
        grey: 0-255, air dark and bone bright, in the order in which the file stores it.
        kind: Of its file: `png`, `jpeg`, `tiff`, `gif` or `dicom`.
        view: `PA`, `AP`, `lateral`, … as its file says; empty where it does not.
        turn: Brings it upright.
        spacing: None where it is not known.
        findings: What its file alone says against it.
        warnings: What was decided about it where its file leaves a choice or contradicts itself.
    """

    grey: UInt8[np.ndarray, "height width"]
    kind: str
    view: str = ""
    turn: Turn = Turn()
    spacing: Spacing | None = None
    findings: tuple[Finding, ...] = ()
    warnings: tuple[str, ...] = ()
