"""Two masks -> distances between their outlines, per image.

A tolerance needs a grid that shows it: where it is shorter than a pixel, NSD counts the outlines that coincide, and the
other distances come in steps of more than what they should tell. `resolves` says where that is so; the scores are then
empty, and those of the film's own size are the ones to read.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int64
from scipy.spatial import KDTree

from lungseg.data.patches import Patch, trim

GRID = 256  # px; side of the square in whose pixels distances are told where millimetres are not known
TOLERANCE_MM = 1.64  # mean boundary distance of the second observer on JSRT, van Ginneken et al. 2006
TOLERANCE_PX = TOLERANCE_MM / (0.175 * 2048 / GRID)  # the same on the grid of 256 px of a JSRT film


@dataclass(frozen=True)
class Boundary:
    """How far apart two outlines are.

    Args:
        hd95: 95th percentile of the distances from either outline to the other, the larger one of the two.
        assd: Mean of all distances from both outlines to the other.
        nsd: Share of both outlines that lies within the tolerance of the other, 0-1.
    """

    hd95: float
    assd: float
    nsd: float


def resolves(spacing: tuple[float, float], tolerance: float) -> bool:
    """Whether no side of a pixel is longer than the tolerance.

    Args:
        spacing: Height and width of a pixel.
        tolerance: In the same unit.
    """
    return max(spacing) <= tolerance


def boundary(
    prediction: Bool[np.ndarray, "height width"],
    truth: Bool[np.ndarray, "height width"],
    spacing: tuple[float, float],
    tolerance: float,
) -> Boundary:
    r"""Compare the outlines of two masks.

    The outline of a mask is its pixels with a neighbour above, below, left or right outside of it; the frame counts
    as outside. With :math:`d(a, B)` the distance from pixel a to the nearest pixel of outline B:

    .. math:: HD_{95} = \max(P_{95}\{d(a, B)\}, P_{95}\{d(b, A)\}),\;
              ASSD = \frac{\sum d(a, B) + \sum d(b, A)}{|A| + |B|},\;
              NSD = \frac{|\{a: d(a, B) \le \tau\}| + |\{b: d(b, A) \le \tau\}|}{|A| + |B|}

    These are the definitions of MONAI. An empty mask on either side is a failure: both distances are then the image's
    diagonal, and NSD is 0.

    Args:
        prediction: Where the network says the lungs are.
        truth: Where they are.
        spacing: Height and width of a pixel, in the unit wanted.
        tolerance: :math:`\tau` in that unit; for an NSD that means something, at least a pixel, see `resolves`.

    References: Nikolov et al. (2021), J Med Internet Res 23(7):e26151 (NSD); Maier-Hein et al. (2024), Metrics
        reloaded, Nat Methods 21:195.
    """
    ours, theirs = (KDTree(outline(trim(mask)) * spacing) for mask in (prediction, truth))
    return between(ours, theirs, tolerance, diagonal=float(np.hypot(*np.multiply(truth.shape, spacing))))


def between(ours: KDTree, theirs: KDTree, tolerance: float, diagonal: float) -> Boundary:
    """Compare two outlines; see `boundary`.

    Args:
        ours: Places of the pixels of the predicted outline, in the unit wanted.
        theirs: Those of the true one.
        tolerance: In that unit.
        diagonal: Of the image, in that unit.
    """
    if not (ours.n and theirs.n):
        return Boundary(diagonal, diagonal, 0.0)
    there, back = theirs.query(ours.data)[0], ours.query(theirs.data)[0]
    both = np.concatenate([there, back])
    return Boundary(
        hd95=float(max(np.percentile(there, 95), np.percentile(back, 95))),
        assd=float(both.mean()),
        nsd=float((both <= tolerance).mean()),
    )


def outline(patch: Patch) -> Int64[np.ndarray, "point 2"]:
    """Row and column on the film of each of a mask's outermost pixels, row by row."""
    framed = np.pad(patch.mask, 1)
    inner = framed[:-2, 1:-1] & framed[2:, 1:-1]
    inner &= framed[1:-1, :-2]
    inner &= framed[1:-1, 2:]
    # Flat positions are found several times as fast as pairs.
    rows, columns = np.divmod(np.flatnonzero(patch.mask > inner), max(patch.mask.shape[1], 1))
    return np.stack([rows + patch.top, columns + patch.left], axis=1)
