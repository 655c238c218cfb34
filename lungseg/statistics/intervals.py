r"""Intervals for a mean over seeds and films, and for a difference of two such means.

Seeds and films are crossed: every seed's network sees the same films. With :math:`S` seeds and :math:`n` films the
variance of the mean has a part of the seeds, one of the films, and one of how a seed fares on a film:

.. math:: Var(\bar y) = \sigma_s^2/S + \sigma_i^2/n + \sigma_{si}^2/(Sn)

Mean squares estimate the parts, Satterthwaite's formula the degrees of freedom of their sum, and Hall's transformation
takes the skewness of the films out of the t statistic: Dice is far from normal. Films count within their data set.

References:
    Satterthwaite (1946), Biometrics Bulletin 2(6):110; Searle, Casella, McCulloch (1992), Variance components, ch. 5;
    Hall (1992), On the removal of skewness by transformation, J R Stat Soc B 54(1):221.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.stats import t as student

Values = Float[np.ndarray, "*metric"]
FLAT = 1e-6  # a skewness closer to zero changes nothing


@dataclass(frozen=True)
class Estimate:
    """A mean or a difference with what its interval needs, for each metric.

    Args:
        mean: The value itself.
        se: Its standard error.
        df: Degrees of freedom of the standard error.
        skewness: Of the mean's distribution: third cumulant over the cubed standard error; 0 for a difference.
    """

    mean: Values
    se: Values
    df: Values
    skewness: Values


def crossed_estimate(
    groups: Sequence[Float[np.ndarray, "seed image metric"]], signs: Sequence[int], strata: Sequence[str]
) -> Estimate:
    """Mean of one group of runs, or the difference of two on the same films.

    Args:
        groups: Scores of each group; seeds of different groups have nothing in common, films are the same.
        signs: 1 or -1 for each group.
        strata: Data set of each film; a stratum with one film adds no variance of its own.

    Returns:
        The signed sum of the groups' means. With one seed the seeds' part of the variance is unknown and left out;
        with one film in all, the standard error is NaN.
    """
    pairs = list(zip(signs, groups, strict=True))
    films = sum(sign * group.mean(axis=0) for sign, group in pairs)
    parts, third = _film_parts(np.asarray(films), strata)
    seeds = [
        (group.mean(axis=1).var(axis=0, ddof=1) / len(group), len(group) - 1) for group in groups if len(group) > 1
    ]
    mixed = [_interaction(group, strata) for group in groups if len(group) > 1]
    if not parts:
        nothing = np.full_like(groups[0][0, 0], np.nan)
        return Estimate(np.asarray(films).mean(axis=0), nothing, nothing, nothing)
    of_films, of_seeds, of_both = (sum(value for value, _ in some) for some in (parts, seeds, mixed))
    # The films' and the seeds' part each hold the mixed one.
    variance = np.maximum(of_films + of_seeds - of_both, np.maximum(of_films, of_seeds))
    spread = sum(value**2 / df for value, df in (*parts, *seeds))
    with np.errstate(invalid="ignore", divide="ignore"):
        df = np.where(spread > 0, variance**2 / spread, np.inf)
        # Differences are hardly skewed: by simulation (bench/coverage.py) the plain t interval covers them.
        skewness = np.where((variance > 0) & (len(groups) == 1), third / variance**1.5, 0.0)
    return Estimate(np.asarray(films).mean(axis=0), np.sqrt(variance), np.maximum(df, 1), skewness)


def _film_parts(
    films: Float[np.ndarray, "image *metric"], strata: Sequence[str]
) -> tuple[list[tuple[Values, int]], Values]:
    """Variance of the mean over films by stratum with its degrees of freedom, and the mean's third cumulant."""
    names = np.array(strata)
    parts, third = [], np.zeros(films.shape[1:])
    for stratum in dict.fromkeys(strata):
        rows = films[names == stratum]
        size, share = len(rows), len(rows) / len(films)
        if size > 1:
            parts.append((share**2 * rows.var(axis=0, ddof=1) / size, size - 1))
            third = third + share**3 * ((rows - rows.mean(axis=0)) ** 3).mean(axis=0) / size**2
    return parts, third


def _interaction(group: Float[np.ndarray, "seed image *metric"], strata: Sequence[str]) -> tuple[Values, int]:
    """How much the mean varies because seeds rank films differently."""
    names, total, freedom = np.array(strata), np.zeros(group.shape[2:]), 0
    for stratum in dict.fromkeys(strata):
        rows = group[:, names == stratum]
        seeds, size = rows.shape[:2]
        if size > 1:
            rest = rows - rows.mean(axis=0) - rows.mean(axis=1, keepdims=True) + rows.mean(axis=(0, 1))
            df = (seeds - 1) * (size - 1)
            total = total + (size / group.shape[1]) ** 2 * (rest**2).sum(axis=(0, 1)) / df / (seeds * size)
            freedom += df
    return total, freedom


def interval(estimate: Estimate, level: float) -> Float[np.ndarray, "2 *metric"]:
    r"""Lower and upper limit of the transformed t interval.

    .. math:: \mu = \bar y - se \cdot g^{-1}(\pm t_{df}), \quad
              g^{-1}(x) = \frac{3}{\gamma}\left(\sqrt[3]{1 + \gamma (x - \gamma/6)} - 1\right)

    Args:
        estimate: As from `crossed_estimate`.
        level: Coverage aimed at, such as 0.95.
    """
    reach = student.ppf((1 + level) / 2, estimate.df)
    skewed = np.abs(estimate.skewness) > FLAT
    gamma = np.where(skewed, estimate.skewness, 1)
    limits = []
    for x in (reach, -reach):
        inverse = np.where(skewed, 3 / gamma * (np.cbrt(1 + gamma * (x - gamma / 6)) - 1), x)
        limits.append(estimate.mean - estimate.se * inverse)
    return np.stack(limits)
