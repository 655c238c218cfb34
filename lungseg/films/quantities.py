"""What tells a frontal chest film and its lungs from everything else: numbers of the picture and of its mask."""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
from PIL import Image
from scipy.ndimage import binary_dilation
from scipy.spatial import ConvexHull, QhullError

from lungseg.films.lungs import LEFT, RIGHT, Sides
from lungseg.shapes import Bool, Float, UInt8

# What each quantity says where it is too low, and where it is too high.
REASONS: Mapping[str, tuple[str, str]] = {
    "spread": ("nearly one shade: black, white or empty", "harsh: hardly a grey between black and white"),
    "rough": ("without detail", "noise, text or a pattern, not a film"),
    "symmetry": (
        "its halves do not mirror each other, as in a lateral view or another part",
        "drawn: exact mirror halves",
    ),
    "contrast": ("lungs not darker than what surrounds them: inverted, or no chest", "too dark where lungs should be"),
    "share": ("hardly any lung found", "too much of the film found to be lung"),
    "balance": ("one lung much larger than the other", ""),
    "probability": ("the networks are not sure of the lungs", ""),
    "unsure": ("", "outlines that the networks are not sure of"),
    "disagreement": ("", "the networks disagree"),
    "cut": ("", "lungs cut off at the border of the film"),
    "beside": ("lungs not side by side: turned, or no chest", ""),
    "height": ("lungs too short for the film", ""),
    "taper": ("lungs narrower below than above: upside down", "lungs without tops"),
    "solid": ("lungs of a ragged shape", ""),
    "aside": ("", "lungs far from the middle of the film"),
}
RING = 16  # the surroundings reach a sixteenth of the side out from the lungs
COARSE = 32  # px; side of the picture whose halves are compared


def quantities(
    square: UInt8[np.ndarray, "size size"],
    probabilities: Sequence[Float[np.ndarray, "size size"]],
    probability: Float[np.ndarray, "size size"],
    sides: Sides,
) -> dict[str, float]:
    """Measure a film as the networks see it.

    Args:
        square: Grey, upright.
        probabilities: Of lung, of each network.
        probability: Their mean.
        sides: Which lung is where.

    Returns:
        A number for each name of `REASONS`; those of a mask without a pixel are left out, but for `share`.
    """
    mask = probability > 0.5
    found = _picture(square) | {"share": float(mask.mean())}
    if not mask.any():
        return found
    return found | _answers(probabilities, probability, mask) | _shape(square, mask, sides.side)


def _picture(square: UInt8[np.ndarray, "size size"]) -> dict[str, float]:
    low, high = np.percentile(square, (5, 95))
    grey = square.astype(np.float32)
    steps = np.abs(np.diff(grey, axis=0)).mean() + np.abs(np.diff(grey, axis=1)).mean()
    small = np.asarray(Image.fromarray(square).resize((COARSE, COARSE), Image.Resampling.BOX), dtype=np.float32)
    return {
        "spread": float(high - low) / 255,
        "rough": float(steps / max(high - low, 1.0)) * square.shape[0] / 256,  # a finer square has smaller steps
        "symmetry": correlation(small, small[:, ::-1]),
    }


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's, 0 where either is constant.

    Args:
        a: Numbers.
        b: As many.
    """
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / size if size > 0 else 0.0


def _answers(
    probabilities: Sequence[Float[np.ndarray, "size size"]],
    probability: Float[np.ndarray, "size size"],
    mask: Bool[np.ndarray, "size size"],
) -> dict[str, float]:
    found = {
        "probability": float(probability[mask].mean()),
        "unsure": float(((probability > 0.1) & (probability < 0.9)).sum() / mask.sum()),
    }
    return found | {"disagreement": disagreement(probabilities)}


def disagreement(probabilities: Sequence[Float[np.ndarray, "size size"]]) -> float:
    """Mean of 1 - Dice over all pairs of networks, 0 for a single one; of two empty masks 0."""
    masks = [one > 0.5 for one in probabilities]
    pairs = [1 - 2 * (a & b).sum() / total if (total := a.sum() + b.sum()) else 0.0 for a, b in combinations(masks, 2)]
    return float(np.mean(pairs)) if pairs else 0.0


def _shape(
    square: UInt8[np.ndarray, "size size"], mask: Bool[np.ndarray, "size size"], side: UInt8[np.ndarray, "size size"]
) -> dict[str, float]:
    size = len(mask)
    lungs = [mask & (side == RIGHT), mask & (side == LEFT)]
    areas = [int(lung.sum()) for lung in lungs]
    ring = binary_dilation(mask, iterations=max(1, size // RING)) & ~mask
    border = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
    rows, columns = np.nonzero(mask)
    found = {
        "contrast": float(square[ring].mean() - square[mask].mean()) / 255 if ring.any() else 0.0,
        "balance": min(areas) / max(areas),
        "cut": float(border.sum()) / size,
        "height": float(np.ptp(rows) + 1) / size,
        "taper": _taper(mask, rows),
        "solid": min(_solid(lung) for lung in lungs if lung.any()),
        "aside": abs(float(columns.mean()) / (size - 1) - 0.5),
    }
    if min(areas):
        (y0, x0), (y1, x1) = (np.argwhere(lung).mean(axis=0) for lung in lungs)
        found["beside"] = float(abs(x1 - x0) / (abs(x1 - x0) + abs(y1 - y0) + 1e-9))
    return found


def _taper(mask: Bool[np.ndarray, "size size"], rows: np.ndarray) -> float:
    """Mean width of the lower half of the mask over that of the upper half, as b / (a + b)."""
    middle = (int(rows.min()) + int(rows.max()) + 1) // 2
    above, below = mask[rows.min() : middle].sum(), mask[middle : rows.max() + 1].sum()
    return float(below / (above + below))


def _solid(lung: Bool[np.ndarray, "size size"]) -> float:
    """Share of its convex hull that a lung fills; 1 for a line."""
    corners = np.argwhere(lung)
    corners = np.concatenate([corners + shift for shift in ((0, 0), (0, 1), (1, 0), (1, 1))])
    try:
        return min(1.0, float(lung.sum() / ConvexHull(corners).volume))
    except QhullError:
        return 1.0
