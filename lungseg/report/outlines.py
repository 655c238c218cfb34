"""Lungs as lines that a browser draws over a film: outlines as SVG paths, films as small pictures."""

import base64
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import contourpy
import numpy as np
from jaxtyping import Float, UInt8
from matplotlib.path import Path as Line
from PIL import Image
from tqdm import tqdm

from lungseg.learning.stored_predictions import VALUES, read_predictions

SIDE = 1024  # of the square in which paths are written, whatever the film's grid
TOLERANCE = 0.25  # px of the grid that a point left out may lie off the line
THUMBNAIL, QUALITY = 160, 50
NEARLY_WHITE = 192  # of 255, a grey below which a film has less than one pixel in twenty
MOST = 8_000  # outlines in a page


def outline(field: Float[np.ndarray, "side side"], level: float = 0.0) -> str:
    """The line at which a field passes a level, as an SVG path in a square of `SIDE`.

    Args:
        field: Logits of lung, or a mask with 0.5 as its level.
        level: What lies above it is inside.

    Returns:
        One closed piece for each part of the lungs, in whole numbers; empty where nothing lies above the level.
    """
    outside = min(float(field.min()), level) - 1
    padded = np.pad(np.asarray(field, np.float64), 1, constant_values=outside)
    scale = SIDE / len(field)
    pieces = []
    for points in contourpy.contour_generator(z=padded).lines(level):
        line = Line(points)  # type: ignore[arg-type]
        line.simplify_threshold = TOLERANCE
        kept = np.asarray(line.cleaned(simplify=True).vertices)[:-1]  # the last one only ends the path
        corners = np.rint((kept - 0.5) * scale).astype(int).clip(0, SIDE)  # a pixel's middle lies half a pixel in
        steps = np.diff(corners, axis=0)
        steps = steps[steps.any(axis=1)]
        if len(steps) > 1:
            pieces.append("M{} {}l".format(*corners[0]) + " ".join(f"{x} {y}" for x, y in steps.tolist()) + "z")
    return "".join(pieces).replace(" -", "-")


def of_runs(
    predictions: Mapping[str, str | Path], runs: Mapping[str, Sequence[Mapping[str, object]]], first: str
) -> dict[tuple[str, str, int], dict[tuple[str, str], str]]:
    """The outlines of all test films as each run predicts them.

    More than `MOST` would make a page too heavy to open: then only the first training set's runs are drawn, and of
    these, if need be, only the first seed's.

    Args:
        predictions: Training set to its file of predictions.
        runs: Training set to variant and seed of each run.
        first: The training set that matters most.

    Returns:
        Variant, training set and seed of a run to its outlines by data set and image_id.
    """
    stored = {train_on: read_predictions(path) for train_on, path in predictions.items()}
    work = [
        (train_on, str(run["variant"]), int(str(run["seed"])))
        for train_on, own in runs.items()
        for run in stored[train_on].trained(own)
    ]
    seeds = {seed for _, _, seed in work}
    for fewer in (lambda run: run[0] == first, lambda run: run[0] == first and run[2] == min(seeds)):
        if sum(len(stored[train_on].films.of()) for train_on, _, _ in work) > MOST:
            work = [run for run in work if fewer(run)]
    drawn = {}
    for train_on, variant, seed in tqdm(work, desc="outlines", unit="run"):
        logits = (VALUES[codes] for codes in stored[train_on].codes(variant, seed))
        drawn[variant, train_on, seed] = dict(zip(stored[train_on].films.of(), map(outline, logits), strict=True))
    return drawn


def window(film: UInt8[np.ndarray, "side side"]) -> tuple[int, int] | None:
    """The greys of a nearly white film, which would look like a fault of the reader; None for any other.

    Returns:
        What one pixel in a hundred lies below and above: shown as black and as white.
    """
    dark, low, high = (int(grey) for grey in np.percentile(film, [5, 1, 99]))
    return (low, high) if dark >= NEARLY_WHITE and high > low else None


def windowed(film: UInt8[np.ndarray, "side side"]) -> UInt8[np.ndarray, "side side"]:
    """A nearly white film with its greys spread from black to white, any other as it is."""
    greys = window(film)
    if greys is None:
        return film
    low, high = greys
    return ((film.astype(float).clip(low, high) - low) * 255 / (high - low)).round().astype(np.uint8)


def thumbnail(film: UInt8[np.ndarray, "side side"]) -> str:
    """A film as a small JPEG picture in base64, a nearly white one windowed."""
    side = min(len(film), THUMBNAIL)
    buffer = io.BytesIO()
    Image.fromarray(windowed(film)).resize((side, side)).save(buffer, format="jpeg", quality=QUALITY, optimize=True)
    return base64.b64encode(buffer.getvalue()).decode()
