"""The crossed bootstrap: resample seeds and films independently of each other, films within their data set.

References: Owen (2007), The pigeonhole bootstrap, Annals of Applied Statistics 1(2), https://doi.org/10.1214/07-AOAS122
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from lungseg.scores.metrics import ratios
from lungseg.statistics.score_blocks import METRICS, Runs

AT_ONCE = 16  # variants in one matrix product; bounds the memory


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
    runs: Sequence[Runs], films: Float[np.ndarray, "resample image"], rng: np.random.Generator
) -> list[Float[np.ndarray, "resample metric"]]:
    """Means of each variant's metrics, then of its pooled ratios, in each resample.

    Args:
        runs: The scores of variants on the same films.
        films: As from `film_weights`.
        rng: Where the resamples of each variant's seeds come from.

    Returns:
        One array per variant; its last axis is in the order of `METRICS`, then `RATIOS` of all pixels together. The
        resamples of a metric lie side by side in memory, which makes sorting them cheap.
    """
    means = []
    for begin in range(0, len(runs), AT_ONCE):
        for per_seed in _per_seed(runs[begin : begin + AT_ONCE], films):
            seeds = len(per_seed)
            weights = _drawn(seeds, len(films), rng).T / seeds
            means.append(np.einsum("smr,sr->mr", per_seed, weights).T)
    return means


def plain_means(runs: Runs) -> Float[np.ndarray, " metric"]:
    """The same means of the scores themselves."""
    images = runs.metrics.shape[1]
    return np.asarray(_per_seed([runs], np.full((1, images), 1 / images))[0][..., 0].mean(axis=0))


def _per_seed(
    runs: Sequence[Runs], films: Float[np.ndarray, "resample image"]
) -> list[Float[np.ndarray, "seed metric resample"]]:
    """Weighted sums over films, one matrix product for all variants: a narrow one each is four times as slow."""
    scores = [np.concatenate([one.metrics, one.counts], axis=2).transpose(0, 2, 1) for one in runs]
    sums = np.concatenate([values.reshape(-1, films.shape[1]) for values in scores]) @ films.T
    ends = np.cumsum([len(values) * values.shape[1] for values in scores])[:-1]
    split = len(METRICS)
    means = []
    for part, values in zip(np.split(sums, ends), scores, strict=True):
        metrics, counts = np.split(part.reshape(*values.shape[:2], -1), [split], axis=1)
        means.append(np.concatenate([metrics, np.moveaxis(ratios(np.moveaxis(counts, 1, -1)), -1, 1)], axis=1))
    return means
