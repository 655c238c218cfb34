"""What is known of a film before it is scored, found out once for all its predictions."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import KDTree

from lungseg.data.images import Original
from lungseg.data.patches import Patch, trim
from lungseg.data.squares import Box
from lungseg.scores.boundary import GRID, TOLERANCE_MM, TOLERANCE_PX, outline, resolves
from lungseg.shapes import Bool

Spacing = tuple[float, float]


@dataclass(frozen=True)
class Ruler:
    """A unit of length, and the true outline in it.

    Args:
        spacing: Height and width of a pixel.
        tolerance: Of NSD.
        diagonal: Of the film.
        outline: Places of the outline's pixels.
    """

    spacing: Spacing
    tolerance: float
    diagonal: float
    outline: KDTree


@dataclass(frozen=True)
class Known:
    """A film at one size.

    Args:
        lungs: Where they are.
        area: How many pixels are lung.
        rulers: For px and, where the film's spacing is known, for mm; none where a pixel is longer than the tolerance.
    """

    lungs: Patch
    area: int
    rulers: tuple[Ruler, ...]


@dataclass(frozen=True)
class KnownFilm:
    """A film at both sizes.

    Args:
        truth: Where the lungs are, on the network's square.
        box: The part of the film that the square shows.
        network: The film on the square.
        native: The film at its own size.
    """

    truth: Bool[np.ndarray, "size size"]
    box: Box
    network: Known
    native: Known


def know_film(truth: Bool[np.ndarray, "size size"], original: Original) -> KnownFilm:
    """What scoring needs to know of a film.

    Distances in px are those on a grid of 256 x 256 over what the network sees, whatever the size the film is scored
    at; those in mm need the film's spacing.
    """
    size, box, mm = len(truth), original.box, original.spacing_mm
    steps = None if mm is None else (box.height / size * mm, box.width / size * mm)
    network = know(truth, (GRID / size, GRID / size), steps)
    native = know(original.mask, (GRID / box.height, GRID / box.width), None if mm is None else (mm, mm))
    return KnownFilm(truth, box, network, native)


def know(truth: Bool[np.ndarray, "height width"], px: Spacing, mm: Spacing | None) -> Known:
    """What scoring needs to know of a film at one size.

    Args:
        truth: Where the lungs are.
        px: Height and width of a pixel on the grid of 256 px.
        mm: The same in mm; None where it is not known.
    """
    lungs = trim(truth)
    units = [(px, TOLERANCE_PX), *([] if mm is None else [(mm, TOLERANCE_MM)])]
    if not resolves(*units[-1]):
        return Known(lungs, int(np.count_nonzero(lungs.mask)), ())
    places = outline(lungs)
    rulers = [
        Ruler(spacing, tolerance, float(np.hypot(*np.multiply(truth.shape, spacing))), KDTree(places * spacing))
        for spacing, tolerance in units
    ]
    return Known(lungs, int(np.count_nonzero(lungs.mask)), tuple(rulers))
