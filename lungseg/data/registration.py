"""How alike two chests are once one film is laid over the other: do both films show one patient?

Ribs, clavicles, vessels and scars stay a person's own for years, while pose, breath and exposure change. Each film is
cut to the box around its lungs, brought to one size, and freed of slow shading and of contrast. Each quarter of one
film then looks for its own place on the other, turned a little too; as the quarters move apart, a stretch is followed
as well. The likeness of two films is the mean over the quarters of the highest normalised cross-correlation.

References:
    Lewis (1995), Fast normalized cross-correlation, Vision Interface; Jarrett et al. (2009), What is the best
    multi-stage architecture for object recognition?, ICCV (subtractive and divisive local normalisation).
"""

from itertools import product

import numpy as np
from jaxtyping import Bool, Float, Float32, UInt8
from PIL import Image
from scipy.ndimage import gaussian_filter

from lungseg.data.opened import Squares

SIDE = 96  # px of the square to which a film is brought: its lungs' box and a border of REACH around it
REACH = 10  # px that a quarter may move each way, 13 % of the box
STEP = 2  # px between two places that are tried
TURNS = (-3.0, 0.0, 3.0)  # degrees
FINE, AROUND = 2, 6  # px: coarser than FINE is shading; AROUND is where contrast is measured
NOISE = 2  # grey levels below which there is no contrast to speak of

Square = Float32[np.ndarray, "96 96"]


def likeness(images: Squares, masks: Squares) -> Float32[np.ndarray, "image image"]:
    """How alike each two films are, 1 where they are the same and about 0 where nothing agrees.

    Args:
        images: Grey 0-255, each film in a frame of its own.
        masks: Where the lungs are. A film without any is taken whole.

    Returns:
        Symmetric, with ones on the diagonal.
    """
    count = len(images)
    total = np.zeros((count, count), dtype=np.float32)
    if not count:
        return total
    turned = {angle: _squares(images, masks, angle) for angle in TURNS}
    for rows, columns in _quarters():
        patches = [_unit(squares[:, rows, columns]) for squares in turned.values()]
        best = np.full((count, count), -1, dtype=np.float32)
        for down, right in product(range(-REACH, REACH + 1, STEP), repeat=2):
            places = _unit(turned[0][:, _moved(rows, down), _moved(columns, right)])
            for patch in patches:
                np.maximum(best, patch @ places.T, out=best)
        total += np.maximum(best, best.T) / 4  # either film may be the one whose quarters move
    np.fill_diagonal(total, 1)
    return total


def _squares(images: Squares, masks: Squares, angle: float) -> Float32[np.ndarray, "image 96 96"]:
    return np.stack([_normalised(_cut(image, mask, angle)) for image, mask in zip(images, masks, strict=True)])


def _cut(image: UInt8[np.ndarray, "height width"], mask: Bool[np.ndarray, "height width"], angle: float) -> Square:
    """The box around the lungs, its two sides scaled apart, and a border around it, turned about its middle."""
    mask = mask if mask.any() else np.ones_like(mask)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    per_px = 1 / (SIDE - 2 * REACH)
    height, width = (rows[-1] - rows[0] + 1) * per_px, (columns[-1] - columns[0] + 1) * per_px
    middle = (columns[0] + columns[-1] + 1) / 2, (rows[0] + rows[-1] + 1) / 2
    cos, sin, half = np.cos(np.radians(angle)), np.sin(np.radians(angle)), SIDE / 2
    # From a place in the square to one on the film, as Pillow wants it.
    affine = (
        *(width * cos, -width * sin, middle[0] - width * half * (cos - sin)),
        *(height * sin, height * cos, middle[1] - height * half * (sin + cos)),
    )
    film = Image.fromarray(image.astype(np.float32))
    return np.asarray(film.transform((SIDE, SIDE), Image.Transform.AFFINE, affine, Image.Resampling.BILINEAR))


def _normalised(square: Square) -> Square:
    fine = square - gaussian_filter(square, FINE)
    return np.asarray(fine / (np.sqrt(gaussian_filter(fine**2, AROUND)) + NOISE), dtype=np.float32)


def _quarters() -> list[tuple[slice, slice]]:
    halves = slice(REACH, SIDE // 2), slice(SIDE // 2, SIDE - REACH)
    return [(rows, columns) for rows in halves for columns in halves]


def _moved(span: slice, by: int) -> slice:
    return slice(span.start + by, span.stop + by)


def _unit(patches: Float32[np.ndarray, "image rows columns"]) -> Float32[np.ndarray, "image pixel"]:
    """Patches of mean 0 and length 1, so that a product of two is their correlation; a flat one is 0."""
    flat = patches.reshape(len(patches), -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    return np.asarray(flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6))


def highest_between(likenesses: Float[np.ndarray, "image image"], datasets: np.ndarray) -> float:
    """The highest likeness of films of different data sets: what two different patients can reach.

    It is a lower bound: films of one data set also share a machine and a way of working.

    Args:
        likenesses: As from `likeness`.
        datasets: Data set of each film.

    Returns:
        NaN where all films are of one data set.
    """
    apart = datasets[:, None] != datasets[None]
    return float(likenesses[apart].max()) if apart.any() else np.nan
