"""The crossed bootstrap: resample seeds and films independently of each other, films within their data set.

References: Owen (2007), The pigeonhole bootstrap, Annals of Applied Statistics 1(2), https://doi.org/10.1214/07-AOAS122
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from lungseg.blocks import METRICS, Runs
from lungseg.metrics import ratios

AT_ONCE = 16  # variants in one matrix product; bounds the memory


def film_weights(
    strata: Sequence[str], resamples: int, rng: np.random.Generator
) -> Float[np.ndarray, "resample image"]:
    """How much each film counts in each resample; every data set keeps its share. Rows sum to one."""
    names = np.array(strata)
    weights = np.empty((resamples, len(names)))
    for stratum in dict.fromkeys(strata):
        rows = names == stratum
        weights[:, rows] = _drawn(int(rows.sum()), resamples, rng)
    return weights / len(names)


def _drawn(size: int, resamples: int, rng: np.random.Generator) -> Int[np.ndarray, "resample item"]:
    """How often each of `size` things is drawn in `size` draws: counting is eight times as fast as a multinomial."""
    draws = rng.integers(size, size=(resamples, size)) + size * np.arange(resamples)[:, None]
    return np.bincount(draws.ravel(), minlength=resamples * size).reshape(resamples, size)


def resampled_means(
    runs: Sequence[Runs], films: Float[np.ndarray, "resample image"], rng: np.random.Generator
) -> list[Float[np.ndarray, "resample metric"]]:
    """Means of each variant's metrics, then of its pooled ratios, in each resample.

    Args:
        runs: The scores of variants on the same films.
        films: As from `film_weights`.
        rng: Where the resamples of each variant's seeds come from.

    Returns:
        One array per variant; its last axis is in the order of `METRICS`, then `RATIOS` of all pixels together.
    """
    means = []
    for begin in range(0, len(runs), AT_ONCE):
        for per_seed in _per_seed(runs[begin : begin + AT_ONCE], films):
            seeds = per_seed.shape[1]
            weights = _drawn(seeds, len(films), rng) / seeds
            means.append(np.einsum("rsm,rs->rm", per_seed, weights))
    return means


def plain_means(runs: Runs) -> Float[np.ndarray, " metric"]:
    """The same means of the scores themselves."""
    images = runs.metrics.shape[1]
    return np.asarray(_per_seed([runs], np.full((1, images), 1 / images))[0][0].mean(axis=0))


def _per_seed(
    runs: Sequence[Runs], films: Float[np.ndarray, "resample image"]
) -> list[Float[np.ndarray, "resample seed metric"]]:
    """Weighted sums over films, one matrix product for all variants: a narrow one each is four times as slow."""
    columns = [np.concatenate([one.metrics, one.counts], axis=2).transpose(1, 0, 2) for one in runs]
    sums = films @ np.concatenate([values.reshape(len(values), -1) for values in columns], axis=1)
    ends = np.cumsum([values[0].size for values in columns])[:-1]
    shaped = [
        part.reshape(len(films), *values.shape[1:])
        for part, values in zip(np.split(sums, ends, axis=1), columns, strict=True)
    ]
    split = len(METRICS)
    return [np.concatenate([part[..., :split], ratios(part[..., split:])], axis=-1) for part in shaped]
