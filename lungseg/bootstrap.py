"""The crossed bootstrap: resample seeds and films independently of each other, films within their data set.

References: Owen (2007), The pigeonhole bootstrap, Annals of Applied Statistics 1(2), https://doi.org/10.1214/07-AOAS122
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from lungseg.blocks import Runs
from lungseg.metrics import ratios


def film_weights(
    strata: Sequence[str], resamples: int, rng: np.random.Generator
) -> Float[np.ndarray, "resample image"]:
    """How much each film counts in each resample; every data set keeps its share. Rows sum to one."""
    names = np.array(strata)
    weights = np.empty((resamples, len(names)))
    for stratum in dict.fromkeys(strata):
        rows = names == stratum
        size = int(rows.sum())
        weights[:, rows] = rng.multinomial(size, np.full(size, 1 / size), size=resamples)
    return weights / len(names)


def resampled_means(
    runs: Runs, films: Float[np.ndarray, "resample image"], rng: np.random.Generator
) -> Float[np.ndarray, "resample metric"]:
    """Means of a variant's metrics, then of its pooled ratios, in each resample.

    Args:
        runs: The variant's scores.
        films: As from `film_weights`; the same for variants that are to be compared.
        rng: Where the resamples of its seeds come from.

    Returns:
        The last axis is in the order of `METRICS`, then `RATIOS` of all pixels together.
    """
    seeds = len(runs.metrics)
    weights = rng.multinomial(seeds, np.full(seeds, 1 / seeds), size=len(films)) / seeds
    return np.asarray(np.einsum("rsm,rs->rm", _per_seed(runs, films), weights))


def plain_means(runs: Runs) -> Float[np.ndarray, " metric"]:
    """The same means of the scores themselves."""
    images = runs.metrics.shape[1]
    return np.asarray(_per_seed(runs, np.full((1, images), 1 / images))[0].mean(axis=0))


def _per_seed(runs: Runs, films: Float[np.ndarray, "resample image"]) -> Float[np.ndarray, "resample seed metric"]:
    return np.concatenate([_over(films, runs.metrics), ratios(_over(films, runs.counts))], axis=-1)


def _over(
    weights: Float[np.ndarray, "resample image"], values: Float[np.ndarray, "seed image column"]
) -> Float[np.ndarray, "resample seed column"]:
    """Weighted sums over films, one matrix product."""
    seeds, images, columns = values.shape
    return (weights @ np.moveaxis(values, 1, 0).reshape(images, -1)).reshape(len(weights), seeds, columns)
