"""The crossed bootstrap: resample seeds and films independently of each other, films within their data set.

References: Owen (2007), The pigeonhole bootstrap, Annals of Applied Statistics 1(2), https://doi.org/10.1214/07-AOAS122
"""

from collections import Counter
from collections.abc import Sequence
from zlib import crc32

import numpy as np
from jaxtyping import Float, Int

from lungseg.scores.metrics import ratios
from lungseg.statistics.score_blocks import METRICS, Runs


def film_weights(
    strata: Sequence[str], resamples: int, rng: np.random.Generator
) -> Float[np.ndarray, "resample image"]:
    """How much each film counts in each resample; every data set keeps its share. Rows sum to one."""
    sizes = Counter(strata)
    weights = np.hstack([_drawn(size, resamples, rng) for size in sizes.values()]) / len(strata)
    rank = {stratum: number for number, stratum in enumerate(sizes)}
    order = np.argsort([rank[stratum] for stratum in strata], kind="stable")  # films, data set after data set
    return weights if (np.diff(order) == 1).all() else weights[:, np.argsort(order)]


def _drawn(size: int, resamples: int, rng: np.random.Generator) -> Int[np.ndarray, "resample item"]:
    """How often each of `size` things is drawn in `size` draws: counting is eight times as fast as a multinomial."""
    draws = rng.integers(size, size=(resamples, size))
    draws += size * np.arange(resamples)[:, None]
    return np.bincount(draws.ravel(), minlength=resamples * size).reshape(resamples, size)


def percentile_interval(draws: Float[np.ndarray, "resample *shape"], level: float) -> Float[np.ndarray, "2 *shape"]:
    """The limits between which a share of the resamples lies, as `numpy.quantile` has them.

    That takes three times as long, for its partition does not sort with vector instructions.

    Args:
        draws: Means of the resamples; the limits are NaN where one of them is.
        level: That share, 0-1; as many lie below the limits as above.
    """
    ordered = np.sort(draws, axis=0)
    place = np.array([(1 - level) / 2, (1 + level) / 2]) * (len(draws) - 1)
    below = place.astype(int)
    low, high = ordered[below], ordered[np.minimum(below + 1, len(draws) - 1)]
    part = (place - below).reshape(2, *(1,) * (draws.ndim - 1))
    return np.where(np.isnan(ordered[-1]), np.nan, low + (high - low) * part)


def resampled_means(
    runs: Sequence[Runs], films: Float[np.ndarray, "resample image"], seed: int, together: bool = False
) -> list[Float[np.ndarray, "resample metric"]]:
    """Means of each variant's metrics, then of its pooled ratios, in each resample.

    Args:
        runs: The scores of variants on the same films.
        films: As from `film_weights`.
        seed: With a variant's name it draws the resamples of that variant's seeds, so that no other variant matters.
        together: Draw the same seeds of all variants, which are made of the same networks.

    Returns:
        One array per variant; its last axis is in the order of `METRICS`, then `RATIOS` of all pixels together. The
        resamples of a metric lie side by side in memory, which makes sorting them cheap.
    """
    means = []
    for one in runs:
        weights = _drawn(len(one.metrics), len(films), keyed(seed, "" if together else one.variant)).T / len(
            one.metrics
        )
        means.append(np.einsum("smr,sr->mr", _per_seed(one, films), weights).T)
    return means


def keyed(seed: int, name: str) -> np.random.Generator:
    """A generator of its own for each name."""
    return np.random.default_rng([seed, crc32(name.encode())])


def plain_means(runs: Runs) -> Float[np.ndarray, " metric"]:
    """The same means of the scores themselves."""
    images = runs.metrics.shape[1]
    return np.asarray(_per_seed(runs, np.full((1, images), 1 / images))[..., 0].mean(axis=0))


def _per_seed(runs: Runs, films: Float[np.ndarray, "resample image"]) -> Float[np.ndarray, "seed metric resample"]:
    """Weighted sums over films.

    Several variants in one matrix product are up to twice as fast, and the last digit of each would depend on which
    others stand beside it.
    """
    scores = np.concatenate([runs.metrics, runs.counts], axis=2).transpose(0, 2, 1)
    sums = (scores.reshape(-1, films.shape[1]) @ films.T).reshape(*scores.shape[:2], -1)
    metrics, counts = np.split(sums, [len(METRICS)], axis=1)
    return np.concatenate([metrics, np.moveaxis(ratios(np.moveaxis(counts, 1, -1)), -1, 1)], axis=1)
