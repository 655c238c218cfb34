"""Every number of every film: on the network's square and at the film's own size, as predicted and cleaned."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float16, Int
from scipy.spatial import KDTree
from tqdm import tqdm

from lungseg.data.images import Original
from lungseg.data.patches import Patch, shared, trim
from lungseg.data.reading import in_order
from lungseg.data.squares import restore
from lungseg.learning.stored_predictions import Segmentation
from lungseg.scores.baselines import Reference
from lungseg.scores.boundary import between, outline
from lungseg.scores.known import Known, KnownFilm, Ruler, know_film
from lungseg.scores.metrics import COUNTS, RATIOS, loss, ratios
from lungseg.scores.postprocessing import two_largest
from lungseg.tables import read_csv

OVERLAP = ["dice", "iou", "precision", "recall", "loss", "accuracy"]
DISTANCES = ["hd95_px", "assd_px", "nsd", "hd95_mm", "assd_mm"]
# A film is scored on the grid the network works on or at its own size, its mask as it is or its two largest parts.
WAY = ["size", "postprocessing"]
PRIMARY = ("network", "none")


def abnormal(tables: Sequence[str | Path], films: Sequence[tuple[str, str]]) -> Int[np.ndarray, " film"]:
    """Whether the readers of each film saw disease, 0 or 1.

    Args:
        tables: images/{dataset}.csv of all data sets.
        films: Data set and name of each.
    """
    whole = pd.concat([read_csv(table) for table in tables]).set_index(["dataset", "image_id"])
    return whole["abnormal"].loc[films].to_numpy()


def score(
    networks: Sequence[Segmentation],
    references: Sequence[Segmentation | Reference],
    truths: Bool[np.ndarray, "film size size"],
    originals: Iterable[Original],
    threads: int = 1,
) -> pd.DataFrame:
    """Score networks in every way and references in the primary one, several films at a time.

    Args:
        networks: One per run.
        references: What stands beside them.
        truths: Where the lungs are, on the network's square.
        originals: The same films at their own size.
        threads: Films at a time.

    Returns:
        Columns kind (network or reference), variant, seed, members (the seeds that are joined, as `0+1`), film (its
        number), size (network or native), postprocessing (none or two_largest), those of `OVERLAP` and `DISTANCES`
        (empty where they mean nothing), empty (1: a prediction without any lung), and the four counts of pixels.
    """
    everything = [*(("network", one) for one in networks), *(("reference", one) for one in references)]

    def of_film(numbered: tuple[int, tuple[Bool[np.ndarray, "size size"], Original]]) -> list[dict[str, object]]:
        film, (truth, original) = numbered
        known, rows = know_film(truth, original), []
        for kind, one in everything:
            members = "+".join(map(str, one.members if isinstance(one, Reference) else [one.seed]))
            identity = {"kind": kind, "variant": one.variant, "seed": one.seed, "members": members, "film": film}
            ways = score_film(one.logits[film], known, one.soft)
            rows += [identity | way for way in (ways if kind == "network" else islice(ways, 1))]
        return rows

    scored = in_order(of_film, enumerate(zip(truths, originals, strict=True)), threads)
    rows = list(chain.from_iterable(tqdm(scored, total=len(truths), unit="film")))
    names = ["kind", "variant", "seed", "members", "film", *WAY, *OVERLAP, *DISTANCES, "empty", *COUNTS]
    return pd.DataFrame(rows, columns=names)


def score_film(logits: Float16[np.ndarray, "size size"], film: KnownFilm, soft: bool) -> Iterator[dict[str, object]]:
    """One prediction of one film, scored in each way when it is asked for; the primary way first.

    Distances in px are those on a grid of 256 x 256 over what the network sees, whatever the size the film is scored
    at; those in mm need the film's spacing. The tolerance of NSD is the same length in either unit. Where a pixel of
    the size that the film is scored at is longer than that, all distances are empty.

    Args:
        logits: Of lung, on the network's square.
        film: As from `know_film`.
        soft: Whether the logits are probabilities' and so have a loss.
    """
    values = {"loss": float(loss(logits[None], film.truth[None])[0]) if soft else None}
    yield from _cleaned("network", trim(logits > 0), film.network, values)
    yield from _cleaned("native", restore(logits, film.box, film.native.lungs.shape), film.native, {})


def _cleaned(size: str, mask: Patch, known: Known, values: Mapping[str, object]) -> Iterator[dict[str, object]]:
    """The mask as it is, with the values that it alone has, and its two largest parts."""
    scored = score_mask(mask, known)
    yield {"size": size, "postprocessing": "none", **scored, **values}
    kept = two_largest(mask.mask)
    cleaned = scored if kept is mask.mask else score_mask(replace(mask, mask=kept), known)
    yield {"size": size, "postprocessing": "two_largest", **cleaned}


def score_mask(prediction: Patch, known: Known) -> dict[str, object]:
    """Overlap and distances of one mask.

    Args:
        prediction: Where the network says the lungs are.
        known: The film at this size.

    Returns:
        Values for `OVERLAP` (loss is None), `DISTANCES` (NaN where a pixel is longer than their tolerance), empty and
        `COUNTS`.
    """
    right, found = shared(prediction, known.lungs), int(np.count_nonzero(prediction.mask))
    height, width = prediction.shape
    counts = [right, found - right, known.area - right, height * width - found - known.area + right]
    overlap = dict(zip(RATIOS, ratios(np.array(counts, dtype=float)).tolist(), strict=True))
    return {
        **{name: overlap.get(name) for name in OVERLAP},
        **_distances(prediction, known.rulers),
        "empty": int(not found),
        **dict(zip(COUNTS, counts, strict=True)),
    }


def _distances(prediction: Patch, rulers: Sequence[Ruler]) -> dict[str, float]:
    told = dict.fromkeys(DISTANCES, np.nan)
    if not rulers:
        return told
    places = outline(prediction)
    for unit, ruler in zip(("px", "mm"), rulers, strict=False):  # NSD is that of the last: in mm where it is known
        found = between(KDTree(places * ruler.spacing), ruler.outline, ruler.tolerance, ruler.diagonal)
        told |= {f"hd95_{unit}": found.hd95, f"assd_{unit}": found.assd, "nsd": found.nsd}
    return told
