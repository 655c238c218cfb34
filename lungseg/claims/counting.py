"""Stored predictions -> true and false pixels of each film at several cuts, and its cross-entropy."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit
from tqdm import tqdm

from lungseg.data.images import Original
from lungseg.data.reading import in_order
from lungseg.data.squares import restore_logits
from lungseg.learning.stored_predictions import EDGE, VALUES, Predictions
from lungseg.shapes import Bool, Float, UInt32

# Probability above which a pixel is lung; `soft` counts the probability itself, as losses do.
CUTS: dict[str, float | None] = {"soft": None, "0.3": 0.3, "0.5": 0.5, "0.7": 0.7}
STRIP = 2**17  # pixels that are counted at a time
# TP, FP, FN, TN, fractions of pixels where probabilities are counted; the sum of the pixels' binary cross-entropy.
Counts = Float[np.ndarray, "*any 5"]


@dataclass(frozen=True)
class Counted:
    """What one run says of the films of one part.

    Args:
        variant: Its network.
        seed: Of its training.
        part: Of the split.
        size: Where pixels were counted: on the `network`'s square, or on each film's own size (`native`).
        datasets: Data set of each film.
        counts: In the order of `CUTS`.
    """

    variant: str
    seed: int
    part: str
    size: str
    datasets: list[str]
    counts: Float[np.ndarray, "film cut 5"]


def count_runs(
    stored: Predictions, runs: Sequence[tuple[str, int]], originals: Iterable[Original], threads: int = 1
) -> Iterator[Counted]:
    """Of each run, counts of the films of each part on the network's square, then of the test films at their own size.

    Args:
        stored: Predictions.
        runs: Variant and seed of each.
        originals: Masks of the test films at their own size, in the order of the file; each is held while all runs are
            counted on it.
        threads: Films that are counted at a time.
    """
    streams = [stored.of(*run, held=threads + 2).logits for run in runs]

    def of_film(numbered: tuple[int, Original]) -> Float[np.ndarray, "run cut 5"]:
        number, film = numbered
        restored = (restore_logits(stream[number], film.box, film.mask.shape) for stream in streams)
        return np.array([count(large, film.mask) for large in restored]).reshape(-1, len(CUTS), 5)

    test, counted = [dataset for dataset, _ in stored.films.of()], in_order(of_film, enumerate(originals), threads)
    native = np.stack([*tqdm(counted, desc="count", total=len(test), unit="film")], axis=1)
    for run, own in zip(runs, native, strict=True):
        for part in dict.fromkeys(stored.films.part):
            datasets = [dataset for dataset, _ in stored.films.of(part)]
            yield Counted(*run, part, "network", datasets, count_histograms(stored.histograms(*run, part)))
        yield Counted(*run, "test", "native", test, own)


def count(
    logits: Float[np.ndarray, "height width"], truth: Bool[np.ndarray, "height width"]
) -> Float[np.ndarray, "cut 5"]:
    """Counts of one film at every cut.

    Args:
        logits: Of lung; beyond 16 they count as 16, about where Keras clips probabilities.
        truth: Where the lungs are.
    """
    # Some rows at a time, which the processor's cache holds; every count and sum is a sum over the pixels.
    strip = max(1, STRIP // max(1, truth.shape[1]))
    rows = range(0, len(truth), strip)
    return sum((_count(logits[row : row + strip], truth[row : row + strip]) for row in rows), np.zeros((len(CUTS), 5)))


def _count(
    logits: Float[np.ndarray, "height width"], truth: Bool[np.ndarray, "height width"]
) -> Float[np.ndarray, "cut 5"]:
    x = np.clip(logits.astype(np.float32), -EDGE, EDGE)
    rest = np.exp(-np.abs(x))  # probability of the other side, before it is divided by 1 + rest
    soft = np.where(x > 0, 1, rest) / (1 + rest)
    entropy = (np.maximum(x, 0) + np.log1p(rest)).sum(dtype=float) - x[truth].sum(dtype=float)
    lungs, pixels, rows = int(np.count_nonzero(truth)), truth.size, []
    for cut in CUTS.values():
        if cut is None:
            right, total = soft[truth].sum(dtype=float), soft.sum(dtype=float)
        else:
            found = x > np.float32(np.log(cut / (1 - cut)))
            right, total = np.count_nonzero(found & truth), np.count_nonzero(found)
        rows.append([right, total - right, lungs - right, pixels - total - lungs + right, entropy])
    return np.array(rows, dtype=float)


def count_histograms(histograms: UInt32[np.ndarray, "film 2 code"]) -> Float[np.ndarray, "film cut 5"]:
    """The same of films of which it is known how many pixels outside the lungs and in them have each stored logit."""
    x = VALUES.astype(float)
    found = np.stack([expit(x) if cut is None else expit(x) > cut for cut in CUTS.values()], axis=1)
    return count_found(histograms, found.astype(float))


def count_found(
    histograms: UInt32[np.ndarray, "film 2 code"], found: Float[np.ndarray, "code cut"]
) -> Float[np.ndarray, "film cut 5"]:
    """Counts of films for what each stored logit means.

    Args:
        histograms: As in `count_histograms`.
        found: How much of a pixel with each stored logit is lung, 0 to 1, at each cut.
    """
    x = VALUES.astype(float)
    outside, inside = histograms[:, 0].astype(float), histograms[:, 1].astype(float)
    right, wrong = inside @ found, outside @ found
    entropy = outside @ np.logaddexp(0, x) + inside @ np.logaddexp(0, -x)
    missed, rightly_not = inside.sum(axis=1)[:, None] - right, outside.sum(axis=1)[:, None] - wrong
    return np.stack([right, wrong, missed, rightly_not, np.broadcast_to(entropy[:, None], right.shape)], axis=-1)
