r"""Is a predicted probability of lung the share of lung? Reliability, and the expected calibration error.

Pixels are put into ten bins of equal width by their predicted probability. In bin b of film i let :math:`P_{ib}` be
the sum of probabilities and :math:`L_{ib}` the number of lung pixels, both over the film's number of pixels. Each film
counts alike. The expected calibration error is

.. math:: ECE_i = \sum_b |P_{ib} - L_{ib}|, \quad ECE = \sum_b \left|\frac 1n \sum_i (P_{ib} - L_{ib})\right|

of one film (`ece` is its mean over films) and of the pixels of all films together (`ece_pooled`), where films that are
too sure and films that are not sure enough make up for each other.

Both are means over films: with the signs of its bins fixed, ECE is the mean of
:math:`\sum_b sign_b (P_{ib} - L_{ib})`. The share of lung in a bin, :math:`r_b = \sum_i L_{ib} / \sum_i N_{ib}`, is to
first order the mean of :math:`r_b + (L_{ib} - r_b N_{ib}) / \bar N_b`. So all of them have the interval over seeds and
films of `intervals`.

An error that is close to 0 is overstated, and its interval then lies too high: the noise of a bin counts whatever its
sign. Where probabilities are right, a test set of 50 films has an `ece_pooled` of a few thousandths, not 0
(tests/statistics/test_calibration.py); from a few hundredths on the intervals hold as often as they should.

Stored probabilities are those of 128 logits (`stored_predictions`), in steps of .008 where a mask is decided.

References:
    Guo et al. (2017), On calibration of modern neural networks, ICML (bins, expected calibration error);
    Mehrtash et al. (2020), Confidence calibration and predictive uncertainty estimation for deep medical image
    segmentation, IEEE Trans Med Imaging 39(12):3868; Särndal, Swensson, Wretman (1992), Model assisted survey sampling,
    5.6 (linearised variance of a ratio).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.special import expit

from lungseg.learning.stored_predictions import VALUES
from lungseg.shapes import UInt32
from lungseg.statistics.intervals import crossed_estimate, interval
from lungseg.statistics.seeds import pooled_variances

BINS = 10
WHERE = ["variant", "train_on", "test_on"]
ERRORS = [*WHERE, "metric", "mean", "low", "high", "images", "seeds", "seed_variance"]
RELIABILITY = [
    *WHERE, "bin_low", "bin_high", "pixels", "predicted", "lung", "low", "high", "images", "seeds", "seed_variance",
]  # fmt: skip
METRICS = ["ece", "ece_pooled"]
Group = Float[np.ndarray, "seed film bin 3"]


@dataclass(frozen=True)
class Calibrated:
    """What a network's probabilities are worth, in a training set and on every test set.

    Args:
        errors: calibration.csv, columns of `ERRORS`, a row per network, test set and metric of `METRICS`.
        reliability: reliability.csv, columns of `RELIABILITY`, a row per network, test set and bin: pixels is the share
            of pixels in it, predicted their mean probability, lung the share of lung with its interval; the last four
            are empty in a bin without a pixel.
    """

    errors: pd.DataFrame
    reliability: pd.DataFrame


def binned(histograms: UInt32[np.ndarray, "film 2 code"]) -> Float[np.ndarray, "film bin 3"]:
    """Share of pixels, of probability and of lung in each bin, of each film.

    Args:
        histograms: How many pixels outside the lungs and in them have each stored logit.
    """
    p = expit(VALUES.astype(float))
    at = np.minimum((p * BINS).astype(int), BINS - 1)
    member = (at[:, None] == np.arange(BINS)).astype(float)
    lung, every = histograms[:, 1].astype(float), histograms.sum(axis=1).astype(float)
    parts = np.stack([every @ member, (every * p) @ member, lung @ member], axis=-1)
    return np.asarray(parts / every.sum(axis=1)[:, None, None])


def calibrate(
    groups: dict[str, Group],
    datasets: Sequence[str],
    train_on: str,
    level: float,
    pool: Collection[str] = (),
    apart: Collection[str] = (),
) -> Calibrated:
    """Reliability and calibration error of every network of a training set, on each data set and on all (`pooled`).

    Args:
        groups: Variant to what `binned` says of each of its seeds, on the same films.
        datasets: Data set of each film.
        train_on: The training set.
        level: Coverage aimed at, such as 0.95.
        pool: Variants whose seeds' variance is estimated together.
        apart: Data sets that `pooled` leaves out.
    """
    errors, bins = [pd.DataFrame(columns=ERRORS)], [pd.DataFrame(columns=RELIABILITY)]
    for test_on in [*dict.fromkeys(datasets), "pooled"] if groups else []:
        here = np.array([name not in apart if test_on == "pooled" else name == test_on for name in datasets])
        strata = np.array(datasets)[here].tolist()
        own = {variant: group[:, here] for variant, group in groups.items()}
        where: dict[str, Any] = {"train_on": train_on, "test_on": test_on, "images": len(strata)}
        found = _with_limits({variant: _errors(group) for variant, group in own.items()}, strata, level, pool)
        errors += [table.assign(variant=v, metric=METRICS, **where) for v, table in found.items()]
        found = _with_limits({variant: _shares_of_lung(group) for variant, group in own.items()}, strata, level, pool)
        bins += [table.rename(columns={"mean": "lung"}).assign(variant=v, **_edges(own[v]), **where)
                 for v, table in found.items()]  # fmt: skip
    return Calibrated(_stacked(errors, ERRORS), _stacked(bins, RELIABILITY))


def _stacked(tables: Sequence[pd.DataFrame], columns: Sequence[str]) -> pd.DataFrame:
    filled = [table for table in tables if len(table)]
    return pd.concat(filled, ignore_index=True)[list(columns)] if filled else tables[0]


def _errors(group: Group) -> Float[np.ndarray, "seed film 2"]:
    """What each film adds to either calibration error."""
    gap = group[..., 1] - group[..., 2]
    signs = np.sign(gap.sum(axis=1, keepdims=True))
    return np.stack([np.abs(gap).sum(axis=-1), (signs * gap).sum(axis=-1)], axis=-1)


def _shares_of_lung(group: Group) -> Float[np.ndarray, "seed film bin"]:
    """What each film adds to the share of lung in each bin; NaN in a bin without a pixel."""
    size, lung = group[..., 0], group[..., 2]
    total = size.sum(axis=(0, 1))
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = lung.sum(axis=(0, 1)) / total
        return np.asarray(ratio + (lung - ratio * size) / (total / size[..., 0].size))


def _edges(group: Group) -> dict[str, Float[np.ndarray, " bin"]]:
    """The bins, the share of pixels in them, and their mean probability."""
    pixels, predicted = np.moveaxis(group[..., :2].mean(axis=(0, 1)), -1, 0)
    mean = np.divide(predicted, pixels, out=np.full(BINS, np.nan), where=pixels > 0)
    low = np.arange(BINS) / BINS
    return {"bin_low": low, "bin_high": (np.arange(BINS) + 1) / BINS, "pixels": pixels, "predicted": mean}


def _with_limits(
    groups: dict[str, Float[np.ndarray, "seed film metric"]], strata: Sequence[str], level: float, pool: Collection[str]
) -> dict[str, pd.DataFrame]:
    """Mean of each metric over seeds and films, with its interval, of every variant."""
    variances = pooled_variances(list(groups.values()), [i for i, name in enumerate(groups) if name in pool])
    found = {}
    for (variant, group), seeds in zip(groups.items(), variances, strict=True):
        estimate = crossed_estimate([group], [1], strata, [seeds])
        low, high = np.clip(interval(estimate, level), 0, 1)
        cells = {"mean": estimate.mean, "low": low, "high": high, "seed_variance": seeds.source()}
        found[variant] = pd.DataFrame(cells | {"seeds": len(group)})
        none = found[variant]["mean"].isna()
        found[variant].loc[none, "seed_variance"] = None
    return found
