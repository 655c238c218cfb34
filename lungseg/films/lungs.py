"""Probabilities on a network's square -> the right and the left lung at the film's own size."""

from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy.ndimage import distance_transform_edt, label

from lungseg.data.squares import Box, cut, restore_logits
from lungseg.films.film import Finding
from lungseg.shapes import Bool, Float, UInt8

RIGHT, LEFT = 1, 2
SURE = 1e-4  # a probability is never closer to 0 or 1, so that it has a logit
PART = 0.15  # least share of the mask that is a lung by itself
ONE_SIDE = 0.8  # share of the mask on one side of the film's middle that makes it one lung alone
STEPS = (0.6, 0.7, 0.8, 0.9, 0.95, 0.98)  # probabilities at which lungs that touch are looked at again


@dataclass(frozen=True)
class Sides:
    """Which lung each pixel of a network's square belongs to, were it lung.

    Args:
        side: `RIGHT` or `LEFT` everywhere.
        parts: Connected parts of the mask on the square.
        findings: Where the two could not be told apart with certainty.
        warnings: What was done to tell them apart.
    """

    side: UInt8[np.ndarray, "size size"]
    parts: int
    findings: tuple[Finding, ...] = ()
    warnings: tuple[str, ...] = ()


def mean_probability(logits: list[Float[np.ndarray, "size size"]]) -> Float[np.ndarray, "size size"]:
    """The mean of what several networks say, as probabilities; an infinite logit is certainty."""
    with np.errstate(over="ignore"):
        each = [1 / (1 + np.exp(-one.astype(np.float64))) for one in logits]
    return np.asarray(np.mean(each, axis=0), dtype=np.float32)


def enlarge(
    probability: Float[np.ndarray, "size size"], box: Box, shape: tuple[int, int]
) -> Bool[np.ndarray, "height width"]:
    """The mask at the film's own size: log odds are enlarged (bilinear), then cut where lung is as likely as not.

    Args:
        probability: Of lung, on the network's square.
        box: Which part of the film the square shows.
        shape: Height and width of the film.
    """
    certain = np.clip(probability, SURE, 1 - SURE)
    return np.asarray(restore_logits(np.log(certain / (1 - certain)), box, shape) > 0)


def tell_apart(probability: Float[np.ndarray, "size size"]) -> Sides:
    """Which lung is where, by position: the patient's right lung lies at the viewer's left.

    The two largest parts are the lungs. One part that is both is looked at again at higher probabilities; where it
    does not fall apart there either, it is cut at its narrowest column, and the film is doubtful.

    Args:
        probability: Of lung, upright.
    """
    mask = probability > 0.5
    seeds, count = _large(mask)
    warnings: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    if not count:
        return Sides(np.full(mask.shape, RIGHT, dtype=np.uint8), 0)
    if len(seeds) < 2:
        left_of_middle = mask[:, : mask.shape[1] // 2].sum() / mask.sum()
        if max(left_of_middle, 1 - left_of_middle) >= ONE_SIDE:
            side = RIGHT if left_of_middle > 0.5 else LEFT
            told = Finding("doubtful", f"one lung alone was found, the {'right' if side == RIGHT else 'left'} by its "
                           "place on the film", "nothing else says so")  # fmt: skip
            return Sides(np.full(mask.shape, side, dtype=np.uint8), count, (told,))
        seeds, warnings, findings = _fused(probability, mask)
    columns = [np.nonzero(seed)[1].mean() for seed in seeds]
    right, left = (seeds[number] for number in np.argsort(columns, kind="stable"))
    return Sides(_nearest(right, left), count, findings, warnings)


def _large(mask: Bool[np.ndarray, "size size"]) -> tuple[list[Bool[np.ndarray, "size size"]], int]:
    """The two largest connected parts, where each is large enough to be a lung; and how many parts there are."""
    parts, count = label(mask)
    sizes = np.bincount(parts.ravel(), minlength=2)[1:]
    order = [1 + int(number) for number in np.argsort(-sizes, kind="stable")[:2]]
    return [parts == number for number in order if sizes[number - 1] >= max(1, PART * mask.sum())], count


def _fused(
    probability: Float[np.ndarray, "size size"], mask: Bool[np.ndarray, "size size"]
) -> tuple[list[Bool[np.ndarray, "size size"]], tuple[str, ...], tuple[Finding, ...]]:
    for step in STEPS:
        seeds, _ = _large(probability > step)
        if len(seeds) == 2:
            return seeds, (f"the lungs touch: told apart where lung is more probable than {step:g}",), ()
    heights = mask.sum(axis=0)
    inside = np.flatnonzero(heights)
    low, high = (int(np.quantile(inside, share)) for share in (0.3, 0.7))
    cut_at = low + int(np.argmin(heights[low : high + 1]))
    columns = np.arange(mask.shape[1])
    found = Finding("doubtful", "both lungs are one part, cut at its narrowest column", "where they meet is a guess")
    return [mask & (columns < cut_at), mask & (columns >= cut_at)], (), (found,)


def _nearest(
    right: Bool[np.ndarray, "size size"], left: Bool[np.ndarray, "size size"]
) -> UInt8[np.ndarray, "size size"]:
    """For each pixel the lung that is nearer."""
    if not (right.any() and left.any()):
        return np.full(right.shape, RIGHT if right.any() else LEFT, dtype=np.uint8)
    nearer = distance_transform_edt(~right) <= distance_transform_edt(~left)
    return np.where(nearer, RIGHT, LEFT).astype(np.uint8)


def labelled(
    mask: Bool[np.ndarray, "height width"], side: UInt8[np.ndarray, "size size"], box: Box
) -> UInt8[np.ndarray, "height width"]:
    """0 no lung, 1 right, 2 left, at the film's own size.

    Args:
        mask: Both lungs.
        side: As of `tell_apart`.
        box: Which part of the film its square shows.
    """
    there = np.asarray(Image.fromarray(side).resize((box.width, box.height), Image.Resampling.NEAREST))
    whole = Box(0, 0, *mask.shape)
    if box != whole:  # the way back of a cut: the film's corner as the box sees it
        there = cut(there, Box(-box.top, -box.left, *mask.shape))
    return there * mask
