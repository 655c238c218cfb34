"""Is a film, or a patient, in two parts of the split?

Two questions, two measures:

- A copy, perhaps under another name or encoded anew, has nearly the same perceptual hash of 256 bits (pHash: signs of
  the low frequencies of a cosine transform). On the films at hand, of 128 px, a film encoded anew (JPEG, contrast,
  gamma, noise, half the size) differs from itself in 24 bits at most; made a fifth brighter, so that white saturates,
  in up to 76. Films of different data sets differ in 60 or more, films of one data set in 44 or more unless they show
  one patient; the median film's nearest neighbour is 68 away. So a distance up to 32 is a copy, and a copy may hide
  beyond it: shifted, turned or mirrored by more than a few pixels, or saturated.
- Another film of the same patient is no copy, and its hash says nothing: between known pairs it differs in 40 to 136
  bits. It is found, if at all, by `registration`; what is certain or suspected stands in `patients`.

Copies stop a run; patients in two parts are reported.

References: Zauner (2010), Implementation and benchmarking of perceptual image hash functions.
"""

from collections.abc import Iterator, Sequence

import imagehash
import numpy as np
import pandas as pd
from jaxtyping import Bool, Int, UInt8
from PIL import Image

from lungseg.data.opened import Squares
from lungseg.data.patients import patients
from lungseg.data.registration import highest_between, likeness
from lungseg.errors import InputError

SIDE = 16  # of the hash, so 256 bits
COLUMNS = [
    "dataset_a", "image_id_a", "part_a", "dataset_b", "image_id_b", "part_b", "distance", "correlation", "near",
    "likeness", "null", "candidate", "patient", "status",
]  # fmt: skip


def hashes(images: Squares) -> Bool[np.ndarray, "image bit"]:
    """The perceptual hash of each film."""
    return np.array([imagehash.phash(Image.fromarray(image), hash_size=SIDE).hash.ravel() for image in images])


def distances(bits: Bool[np.ndarray, "image bit"]) -> Int[np.ndarray, "image image"]:
    """Number of bits in which each two hashes differ."""
    ones = bits.astype(np.float32)
    return np.rint(ones @ (1 - ones).T + (1 - ones) @ ones.T).astype(int)


def look_alikes(
    films: pd.DataFrame,
    images: Squares,
    masks: Squares,
    within: int,
) -> pd.DataFrame:
    """Pairs of films that are copies, or that show one patient.

    Args:
        films: Columns dataset, image_id, part; a row per image.
        images: Grey 0-255; each is asked for several times.
        masks: Where the lungs are.
        within: Bits in which a copy's hash may differ.

    Returns:
        Columns of `COLUMNS`, the closest by hash first, then the most alike. Four kinds of pairs:

        - copies in different parts (near = 1),
        - of each two parts the closest pair by hash even so (near = 0), to show how far apart they are,
        - films of one patient of `lungseg.data.patients`, in whatever parts: `patient` is its name, `status` stated or
          suspected, of these two films,
        - candidates (candidate = 1): films of one data set, in whatever parts, whose `likeness` is above `null`, the
          highest between films of different data sets. Most of those that just pass it are different people of one
          build on one machine: look at them. With one data set null is empty.
    """
    if not len(images):
        return pd.DataFrame(columns=COLUMNS)
    away, alike = distances(hashes(images)), likeness(images, masks)
    datasets, parts = (films[name].to_numpy() for name in ("dataset", "part"))
    null = highest_between(alike, datasets)
    candidates = np.triu((datasets[:, None] == datasets[None]) & (alike > null), k=1)
    apart = np.triu(parts[:, None] != parts[None], k=1)
    known = _patients(films["image_id"].tolist())
    pairs = {tuple(pair) for pair in np.argwhere((apart & (away <= within)) | candidates).tolist()}
    pairs |= set(_closest(parts, apart, away)) | set(known)
    rows = [
        {f"{name}_a": films[name].iloc[a] for name in ("dataset", "image_id", "part")}
        | {f"{name}_b": films[name].iloc[b] for name in ("dataset", "image_id", "part")}
        | {"distance": away[a, b], "correlation": _correlation(images[a], images[b])}
        | {"near": int(apart[a, b] and away[a, b] <= within)}
        | {"likeness": round(float(alike[a, b]), 3), "null": round(null, 3), "candidate": int(candidates[a, b])}
        | known.get((a, b), {})
        for a, b in sorted(pairs)
    ]
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table.sort_values(["near", "distance", "likeness"], ascending=[False, True, False], ignore_index=True)


def _patients(image_ids: Sequence[str]) -> dict[tuple[int, int], dict[str, str]]:
    """Pairs of rows that show one patient, the earlier row first: its name and their status."""
    row = {image_id: number for number, image_id in enumerate(image_ids)}
    return {
        (min(row[a], row[b]), max(row[a], row[b])): {"patient": patient.name, "status": status}
        for patient in patients()
        for (a, b), status in patient.pairs.items()
        if a in row and b in row
    }


def tell(pairs: pd.DataFrame) -> str:
    """How many pairs of each kind there are, in one sentence.

    Args:
        pairs: As from `look_alikes`.
    """
    listed = pairs[pairs["patient"].notna()]
    crossing = listed[listed["part_a"] != listed["part_b"]]
    null = pairs["null"].max()
    return (
        f"{pairs['near'].sum()} copies in different parts; {len(crossing)} pairs of one patient in different parts of "
        f"{len(listed)} known; {pairs['candidate'].sum()} pairs of one data set more alike than {null}, "
        f"the most of different data sets, {pairs.loc[pairs['candidate'] == 1, 'patient'].notna().sum()} of them known"
    )


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
        pairs: As from `look_alikes`.
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
