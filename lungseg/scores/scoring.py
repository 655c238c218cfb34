"""Every number of every film: on the network's square and at the film's own size, as predicted and cleaned."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float16
from tqdm import tqdm

from lungseg.data.images import Original
from lungseg.data.squares import restore
from lungseg.learning.stored_predictions import Segmentation
from lungseg.scores.baselines import Reference
from lungseg.scores.boundary import GRID, TOLERANCE_MM, TOLERANCE_PX, boundary, resolves
from lungseg.scores.metrics import COUNTS, RATIOS, confusion, loss, ratios
from lungseg.scores.postprocessing import two_largest

OVERLAP = ["dice", "iou", "precision", "recall", "loss", "accuracy"]
DISTANCES = ["hd95_px", "assd_px", "nsd", "hd95_mm", "assd_mm"]
# A film is scored on the grid the network works on or at its own size, its mask as it is or its two largest parts.
WAY = ["size", "postprocessing"]
PRIMARY = ("network", "none")

Spacing = tuple[float, float]


def score(
    networks: Sequence[Segmentation],
    references: Sequence[Segmentation | Reference],
    truths: Bool[np.ndarray, "film size size"],
    originals: Iterable[Original],
) -> pd.DataFrame:
    """Score networks in every way and references in the primary one.

    Args:
        networks: One per run.
        references: What stands beside them.
        truths: Where the lungs are, on the network's square.
        originals: The same films at their own size.

    Returns:
        Columns kind (network or reference), variant, seed, members (the seeds that are joined, as `0+1`), film (its
        number), size (network or native), postprocessing (none or two_largest), those of `OVERLAP` and `DISTANCES`
        (empty where they mean nothing), empty (1: a prediction without any lung), and the four counts of pixels.
    """
    rows = []
    for film, (truth, original) in enumerate(tqdm(zip(truths, originals, strict=True), total=len(truths), unit="film")):
        for kind, one in chain((("network", one) for one in networks), (("reference", one) for one in references)):
            members = "+".join(map(str, one.members if isinstance(one, Reference) else [one.seed]))
            identity = {"kind": kind, "variant": one.variant, "seed": one.seed, "members": members, "film": film}
            ways = score_film(one.logits[film], truth, original, one.soft)
            rows += [identity | way for way in (ways if kind == "network" else islice(ways, 1))]
    names = ["kind", "variant", "seed", "members", "film", *WAY, *OVERLAP, *DISTANCES, "empty", *COUNTS]
    return pd.DataFrame(rows, columns=names)


def score_film(
    logits: Float16[np.ndarray, "size size"], truth: Bool[np.ndarray, "size size"], original: Original, soft: bool
) -> Iterator[dict[str, object]]:
    """One prediction of one film, scored in each way; the primary way first.

    Distances in px are those on a grid of 256 x 256 over what the network sees, whatever the size the film is scored
    at; those in mm need the film's spacing. The tolerance of NSD is the same length in either unit. Where a pixel of
    the size that the film is scored at is longer than that, all distances are empty.
    """
    size, box, mm = len(logits), original.box, original.spacing_mm
    small = _units((GRID / size, GRID / size), (box.height / size, box.width / size), mm)
    large = _units((GRID / box.height, GRID / box.width), (1, 1), mm)
    values = {"loss": float(loss(logits[None], truth[None])[0]) if soft else None}
    for name, units in (("network", small), ("native", large)):
        own = name == "network"
        mask, known = (logits > 0, truth) if own else (restore(logits, box, original.mask.shape), original.mask)
        scored = score_mask(mask, known, *units)
        kept = two_largest(mask)
        cleaned = scored if kept is mask else score_mask(kept, known, *units)
        for postprocessing, numbers in (("none", scored), ("two_largest", cleaned)):
            way = {"size": name, "postprocessing": postprocessing}
            yield way | numbers | (values if (name, postprocessing) == PRIMARY else {})


def _units(px: Spacing, steps: Spacing, mm: float | None) -> tuple[Spacing, Spacing | None]:
    """Height and width of a pixel in px of the 256 grid, and in mm where the film's spacing is known."""
    return px, None if mm is None else (steps[0] * mm, steps[1] * mm)


def score_mask(
    prediction: Bool[np.ndarray, "height width"],
    truth: Bool[np.ndarray, "height width"],
    px: Spacing,
    mm: Spacing | None,
) -> dict[str, object]:
    """Overlap and distances of one mask.

    Args:
        prediction: Where the network says the lungs are.
        truth: Where they are.
        px: Height and width of a pixel on the grid of 256 px.
        mm: The same in mm; None where it is not known.

    Returns:
        Values for `OVERLAP` (loss is None), `DISTANCES` (NaN where a pixel is longer than their tolerance), empty and
        `COUNTS`.
    """
    counts = confusion(prediction=prediction[None], truth=truth[None]).to_numpy(dtype=float)[0]
    overlap = dict(zip(RATIOS, ratios(counts).tolist(), strict=True))
    fine = resolves(px, TOLERANCE_PX) if mm is None else resolves(mm, TOLERANCE_MM)
    return {
        **{name: overlap.get(name) for name in OVERLAP},
        **(_distances(prediction, truth, px, mm) if fine else dict.fromkeys(DISTANCES, np.nan)),
        "empty": int(not prediction.any()),
        **dict(zip(COUNTS, counts.astype(int).tolist(), strict=True)),
    }


def _distances(
    prediction: Bool[np.ndarray, "height width"],
    truth: Bool[np.ndarray, "height width"],
    px: Spacing,
    mm: Spacing | None,
) -> dict[str, object]:
    in_px = boundary(prediction, truth, px, TOLERANCE_PX)
    found = {"hd95_px": in_px.hd95, "assd_px": in_px.assd, "nsd": in_px.nsd}
    if mm is None:
        return {**found, "hd95_mm": np.nan, "assd_mm": np.nan}
    in_mm = boundary(prediction, truth, mm, TOLERANCE_MM)
    return {**found, "nsd": in_mm.nsd, "hd95_mm": in_mm.hd95, "assd_mm": in_mm.assd}
