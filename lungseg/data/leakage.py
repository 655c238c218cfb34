"""Is a film in two parts of the split, perhaps under another name or encoded anew?

Films are compared by a perceptual hash of 256 bits (pHash: signs of the low frequencies of a cosine transform). On the
films at hand, of 128 px, the two most alike of different films differ in 40 bits and the median film's nearest
neighbour in 68; a film encoded anew (JPEG, brightness, contrast, gamma, noise, half the size) differs from itself in 26
at most. A film shifted, turned or mirrored by more than a few pixels is not recognised: 32 to 130 bits.

References: Zauner (2010), Implementation and benchmarking of perceptual image hash functions.
"""

from collections.abc import Iterator

import imagehash
import numpy as np
import pandas as pd
from jaxtyping import Bool, Int, UInt8
from PIL import Image

from lungseg.errors import InputError

SIDE = 16  # of the hash, so 256 bits
COLUMNS = [
    "dataset_a", "image_id_a", "part_a", "dataset_b", "image_id_b", "part_b", "distance", "correlation", "near",
]  # fmt: skip


def hashes(images: UInt8[np.ndarray, "image height width"]) -> Bool[np.ndarray, "image bit"]:
    """The perceptual hash of each film."""
    return np.array([imagehash.phash(Image.fromarray(image), hash_size=SIDE).hash.ravel() for image in images])


def distances(bits: Bool[np.ndarray, "image bit"]) -> Int[np.ndarray, "image image"]:
    """Number of bits in which each two hashes differ."""
    ones = bits.astype(np.float32)
    return np.rint(ones @ (1 - ones).T + (1 - ones) @ ones.T).astype(int)


def near_duplicates(films: pd.DataFrame, images: UInt8[np.ndarray, "image height width"], within: int) -> pd.DataFrame:
    """Pairs of films in different parts that look alike.

    Args:
        films: Columns dataset, image_id, part; a row per image.
        images: Grey 0-255.
        within: Bits in which a near-duplicate may differ.

    Returns:
        Columns of `COLUMNS`, the closest first: every pair of different parts within the distance (near = 1), and of
        each two parts the closest pair even so (near = 0), to show how far apart they are.
    """
    away = distances(hashes(images)) if len(images) else np.zeros((0, 0), dtype=int)
    parts = films["part"].to_numpy()
    apart = np.triu(parts[:, None] != parts[None], k=1)
    pairs = {tuple(pair) for pair in np.argwhere(apart & (away <= within)).tolist()}
    pairs |= set(_closest(parts, apart, away))
    rows = [
        {f"{name}_a": films[name].iloc[a] for name in ("dataset", "image_id", "part")}
        | {f"{name}_b": films[name].iloc[b] for name in ("dataset", "image_id", "part")}
        | {"distance": away[a, b], "correlation": _correlation(images[a], images[b]), "near": int(away[a, b] <= within)}
        for a, b in sorted(pairs)
    ]
    return pd.DataFrame(rows, columns=COLUMNS).sort_values("distance", kind="stable", ignore_index=True)


def _closest(
    parts: np.ndarray, apart: Bool[np.ndarray, "image image"], away: Int[np.ndarray, "image image"]
) -> Iterator[tuple[int, ...]]:
    """The closest pair of each two parts."""
    for first in np.unique(parts):
        for second in np.unique(parts[parts > first]):
            both = apart & np.isin(parts, [first, second])[:, None] & np.isin(parts, [first, second])[None]
            if both.any():
                yield tuple(int(i) for i in np.unravel_index(np.where(both, away, away.max() + 1).argmin(), away.shape))


def _correlation(a: UInt8[np.ndarray, "height width"], b: UInt8[np.ndarray, "height width"]) -> float:
    """Of the two films' pixels; 0 where one is flat."""
    if a.std() == 0 or b.std() == 0:
        return 0.0
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])


def refuse_leaks(pairs: pd.DataFrame, allowed: int) -> None:
    """Stop where more near-duplicates lie in different parts than are allowed.

    Args:
        pairs: As from `near_duplicates`.
        allowed: How many.

    Raises:
        InputError: Names the first three.
    """
    near = pairs[pairs["near"] == 1]
    if len(near) > allowed:
        named = ", ".join(
            f"{p['image_id_a']} ({p['part_a']}) and {p['image_id_b']} ({p['part_b']}), {p['distance']} bits apart"
            for p in near.head(3).to_dict("records")
        )
        remedy = "Put both films into one part, or raise leakage.allowed in the configuration if they are no copies."
        raise InputError(
            "the split", f"{len(near)} near-duplicates across parts: {named}", f"{allowed} at most", remedy
        )
