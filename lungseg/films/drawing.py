"""Masks as files, and over their films."""

import io
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import binary_erosion

from lungseg.files import replacing
from lungseg.films.lungs import LEFT, RIGHT
from lungseg.shapes import UInt8

OVERLAY = ".overlay.png"
RUNS = 3  # zlib's strategy Z_RLE
MOST = 1024  # px; the longer side of an overlay
COLOURS = {RIGHT: (255, 140, 0), LEFT: (40, 170, 255)}


def labels_png(labels: UInt8[np.ndarray, "height width"]) -> bytes:
    """A grey PNG: 0 no lung, 1 right, 2 left. Runs of one value are all that there is to compress."""
    return _png(labels, compress_type=RUNS)


def picture_png(picture: UInt8[np.ndarray, "rows columns 3"]) -> bytes:
    """An `overlay` as a PNG, soon made rather than small."""
    return _png(picture, compress_level=1)


def _png(pixels: np.ndarray, **how: int) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format="png", **how)
    return stream.getvalue()


def write_labels(labels: UInt8[np.ndarray, "height width"], path: Path) -> None:
    """Write what `labels_png` makes."""
    with replacing(path) as part:
        part.write_bytes(labels_png(labels))


def overlay(
    grey: UInt8[np.ndarray, "height width"], labels: UInt8[np.ndarray, "height width"]
) -> UInt8[np.ndarray, "rows columns 3"]:
    """A film with outlines, the right lung's orange, the left one's blue, at most 1024 px a side."""
    scale = min(1.0, MOST / max(grey.shape))
    size = tuple(max(1, round(side * scale)) for side in grey.shape[::-1])
    small = np.asarray(Image.fromarray(grey).resize(size, Image.Resampling.BILINEAR))
    masks = np.asarray(Image.fromarray(labels).resize(size, Image.Resampling.NEAREST))
    picture = np.repeat(small[:, :, None], 3, axis=2)
    for lung, colour in COLOURS.items():
        inside = masks == lung
        picture[inside & ~binary_erosion(inside, iterations=2)] = colour
    return picture


def write_overlay(
    grey: UInt8[np.ndarray, "height width"], labels: UInt8[np.ndarray, "height width"], path: Path
) -> None:
    """Write an `overlay`; what is burned into the film's pixels is in it too."""
    with replacing(path) as part:
        part.write_bytes(picture_png(overlay(grey, labels)))
