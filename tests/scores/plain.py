"""The scores of a film by the plainest code: whole frames, one step after the other, nothing shared or left out."""

from collections.abc import Iterator

import numpy as np
from PIL import Image
from scipy.ndimage import binary_erosion, label
from scipy.spatial import KDTree

from lungseg.data.images import Original
from lungseg.data.squares import Box, cut

COUNTS = ("true_positive", "false_positive", "false_negative", "true_negative")
Sides = tuple[float, float]


def enlarged(logits: np.ndarray, box: Box, shape: tuple[int, int]) -> np.ndarray:
    """The mask on the whole film."""
    square = Image.fromarray(logits.astype(np.float32))
    there = np.asarray(square.resize((box.width, box.height), Image.Resampling.BILINEAR)) > 0
    return cut(there, Box(-box.top, -box.left, *shape))


def two_largest(mask: np.ndarray) -> np.ndarray:
    parts, count = label(mask)
    largest = sorted(range(1, count + 1), key=lambda part: -(parts == part).sum())[:2]
    return np.isin(parts, largest)


def counts(prediction: np.ndarray, truth: np.ndarray) -> list[int]:
    cells = truth & prediction, ~truth & prediction, truth & ~prediction, ~truth & ~prediction
    return [int(cell.sum()) for cell in cells]


def distances(prediction: np.ndarray, truth: np.ndarray, sides: Sides, tolerance: float) -> list[float]:
    """HD95, ASSD, NSD."""
    if not (prediction.any() and truth.any()):
        return [*[float(np.hypot(prediction.shape[0] * sides[0], prediction.shape[1] * sides[1]))] * 2, 0.0]
    ours, theirs = (np.argwhere(mask & ~binary_erosion(mask)) * sides for mask in (prediction, truth))
    there, back = KDTree(theirs).query(ours)[0], KDTree(ours).query(theirs)[0]
    both = np.concatenate([there, back])
    return [max(np.percentile(there, 95), np.percentile(back, 95)), both.mean(), (both <= tolerance).mean()]


def plain_scores(logits: np.ndarray, truth: np.ndarray, original: Original) -> Iterator[dict[str, object]]:
    """Counts and distances in each way, in the order of `lungseg.scores.scoring.score`."""
    size, box, spacing = len(logits), original.box, original.spacing_mm
    steps = box.height / size, box.width / size
    large = enlarged(logits, box, original.mask.shape)
    ways = (
        ("network", logits > 0, truth, (256 / size, 256 / size), steps),
        ("native", large, original.mask, (256 / box.height, 256 / box.width), (1, 1)),
    )
    for name, mask, known, px, step in ways:
        mm = None if spacing is None else (step[0] * spacing, step[1] * spacing)
        fine = max(px) <= 1.64 / 1.4 if mm is None else max(mm) <= 1.64
        for cleaning, kept in (("none", mask), ("two_largest", two_largest(mask))):
            in_px = distances(kept, known, px, 1.64 / 1.4) if fine else [np.nan] * 3
            in_mm = distances(kept, known, mm, 1.64) if fine and mm else [np.nan, np.nan, in_px[2]]
            row = {"size": name, "postprocessing": cleaning, "empty": int(not kept.any())}
            row |= dict(zip(COUNTS, counts(kept, known), strict=True))
            row |= {"hd95_px": in_px[0], "assd_px": in_px[1], "nsd": in_mm[2]}
            yield row | {"hd95_mm": in_mm[0], "assd_mm": in_mm[1]}
