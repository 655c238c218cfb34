r"""Intervals for a mean over seeds and films, and for a difference of two such means.

What is estimated is the mean over all seeds that might be drawn and over all films of the kinds at hand, the share of
each data set as it is; for two networks, the difference of their means on the same films.

Seeds and films are crossed: every seed's network sees the same films. With :math:`S` seeds and :math:`n` films the
variance of the mean has a part of the seeds, one of the films, and one of how a seed fares on a film:

.. math:: Var(\bar y) = \sigma_s^2/S + \sigma_i^2/n + \sigma_{si}^2/(Sn)

Mean squares estimate the parts; the seeds' may be pooled over networks (`seeds`). Films count within their data
set. Satterthwaite's formula gives the degrees of freedom of the sum, :math:`df = V^2 / \sum_k V_k^2/df_k`. A variance
of films with excess kurtosis :math:`\kappa` is worth fewer than :math:`n - 1`:

.. math:: Var(s^2) = \sigma^4 \left(\frac{2}{n-1} + \frac{\kappa}{n}\right), \quad
          \frac{1}{df} = \frac{1}{n-1} + \frac{\max(\kappa, 0)}{2n}

Where one film makes nearly all of the variance, this says that it was estimated from little more than one film.

The limits of the t interval are then moved outwards on the side of the tail, as the first term of the Cornish-Fisher
expansion of a studentised mean with skewness :math:`\gamma` says (Johnson's modified t); the other side stays:

.. math:: \left[\bar y - se \left(t + \frac{1 + 2 t^2}{6} \max(-\gamma, 0)\right),
          \bar y + se \left(t + \frac{1 + 2 t^2}{6} \max(\gamma, 0)\right)\right]

Hall's cubic transformation has the same first term, but its inverse has no slope at :math:`3/\gamma` standard errors
and leaps there. How often such intervals hold the truth, and how wide they are, is measured in bench/coverage.py.

References:
    Satterthwaite (1946), Biometrics Bulletin 2(6):110; Searle, Casella, McCulloch (1992), Variance components, ch. 5;
    Cramér (1946), Mathematical methods of statistics, 27.4 (variance of a variance);
    Johnson (1978), Modified t tests and confidence intervals for asymmetrical populations, JASA 73(363):536;
    Hall (1992), On the removal of skewness by transformation, J R Stat Soc B 54(1):221;
    Schuirmann (1987), J Pharmacokinet Biopharm 15:657 (two one-sided tests).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Float
from scipy.stats import t as student

from lungseg.statistics.score_blocks import FRACTIONS
from lungseg.statistics.seeds import SeedVariance, own_variance

Values = Float[np.ndarray, "*metric"]


@dataclass(frozen=True)
class Estimate:
    """A mean or a difference with what its interval needs, for each metric.

    Args:
        mean: The value itself.
        se: Its standard error.
        df: Degrees of freedom of the standard error.
        skewness: Of the value's distribution: third cumulant over the cubed standard error.
    """

    mean: Values
    se: Values
    df: Values
    skewness: Values


@dataclass(frozen=True)
class Parts:
    """A mean or a difference with the parts of its variance, for each metric; all but the mean NaN for one film alone.

    Args:
        mean: The value itself.
        films: The films' part, which holds the mixed one.
        seeds: The seeds' part, which holds it too; 0 where they are unknown.
        both: The mixed part, of how seeds fare on single films.
        films_spread: The films' part squared over its degrees of freedom.
        seeds_spread: The same of the seeds' part.
        third: Third cumulant of the mean, of the films.
    """

    mean: Values
    films: Values
    seeds: Values
    both: Values
    films_spread: Values
    seeds_spread: Values
    third: Values

    def estimate(self) -> Estimate:
        """The value with what its interval needs."""
        variance = np.maximum(self.films + self.seeds - self.both, np.maximum(self.films, self.seeds))
        spread = self.films_spread + self.seeds_spread
        with np.errstate(invalid="ignore", divide="ignore"):
            df = np.where(spread > 0, variance**2 / spread, np.where(np.isnan(spread), np.nan, np.inf))
            skewness = np.where(variance > 0, self.third / variance**1.5, 0 * variance)
        return Estimate(self.mean, np.sqrt(variance), np.maximum(df, 1), skewness)


def crossed_estimate(
    groups: Sequence[Float[np.ndarray, "seed image metric"]],
    weights: Sequence[float],
    strata: Sequence[str],
    seeds: Sequence[SeedVariance] | None = None,
) -> Estimate:
    """The estimate of `crossed_parts`."""
    return crossed_parts(groups, weights, strata, seeds).estimate()


def crossed_parts(
    groups: Sequence[Float[np.ndarray, "seed image metric"]],
    weights: Sequence[float],
    strata: Sequence[str],
    seeds: Sequence[SeedVariance] | None = None,
) -> Parts:
    """Mean of one group of runs, the difference of two on the same films, or another sum of means.

    Args:
        groups: Scores of each group; seeds of different groups have nothing in common, films are the same.
        weights: Of each group in the sum: 1 for a mean, 1 and -1 for a difference.
        strata: Data set of each film; a stratum with one film adds no variance of its own.
        seeds: How each group's seeds vary; without it, by its own seeds: of one seed unknown and left out.

    Returns:
        The weighted sum of the groups' means. With one film in all, everything but the mean is NaN.
    """
    films = np.asarray(sum(weight * group.mean(axis=0) for weight, group in zip(weights, groups, strict=True)))
    parts, third = _film_parts(films, strata)
    if not parts:
        return Parts(films.mean(axis=0), *[np.full_like(groups[0][0, 0], np.nan)] * 6)
    shares = [weight**2 for weight in weights]
    of_seeds, of_seeds_spread = _seed_part(groups, shares, seeds or [own_variance(group) for group in groups])
    return Parts(
        mean=films.mean(axis=0),
        films=np.asarray(sum(value for value, _ in parts)),
        seeds=of_seeds,
        both=np.asarray(sum(share * _interaction(group, strata) for share, group in zip(shares, groups, strict=True))),
        films_spread=np.asarray(sum(value**2 * inverse for value, inverse in parts)),
        seeds_spread=of_seeds_spread,
        third=third,
    )


def _film_parts(
    films: Float[np.ndarray, "image *metric"], strata: Sequence[str]
) -> tuple[list[tuple[Values, Values]], Values]:
    """Variance of the mean over films by stratum with 1 / degrees of freedom, and the mean's third cumulant."""
    names = np.array(strata)
    parts, third = [], np.zeros(films.shape[1:])
    for stratum in dict.fromkeys(strata):
        rows = films[names == stratum]
        size, share = len(rows), len(rows) / len(films)
        if size > 1:
            off = rows - rows.mean(axis=0)
            second, fourth = (off**2).mean(axis=0), (off**4).mean(axis=0)
            with np.errstate(invalid="ignore", divide="ignore"):
                kurtosis = np.where(second > 0, np.maximum(fourth / second**2 - 3, 0), 0)
            parts.append((share**2 * second / (size - 1), 1 / (size - 1) + kurtosis / (2 * size)))
            third = third + share**3 * (off**3).mean(axis=0) / size**2
    return parts, third


def _seed_part(
    groups: Sequence[Float[np.ndarray, "seed image *metric"]], shares: Sequence[float], seeds: Sequence[SeedVariance]
) -> tuple[Values, Values]:
    """The seeds' part of the variance, and its square over its degrees of freedom, which a pool makes one estimate."""
    values = [share * one.variance / len(group) for share, one, group in zip(shares, seeds, groups, strict=True)]
    spread = sum(value**2 / one.df for value, one in zip(values, seeds, strict=True))
    for i, j in combinations(range(len(groups)), 2):
        shared = seeds[i].pooled & seeds[j].pooled & (seeds[i].variance == seeds[j].variance)
        spread = spread + np.where(shared, 2 * values[i] * values[j] / seeds[i].df, 0)
    return np.asarray(sum(values)), np.asarray(spread)


def _interaction(group: Float[np.ndarray, "seed image *metric"], strata: Sequence[str]) -> Values:
    """How much the mean varies because seeds rank films differently; 0 with one seed, which does not show it."""
    names, total = np.array(strata), np.zeros(group.shape[2:])
    for stratum in dict.fromkeys(strata):
        rows = group[:, names == stratum]
        seeds, size = rows.shape[:2]
        if size > 1 and seeds > 1:
            rest = rows - rows.mean(axis=0) - rows.mean(axis=1, keepdims=True) + rows.mean(axis=(0, 1))
            mixed = (rest**2).sum(axis=(0, 1)) / ((seeds - 1) * (size - 1))
            total = total + (size / group.shape[1]) ** 2 * mixed / (seeds * size)
    return total


def interval(estimate: Estimate, level: float) -> Float[np.ndarray, "2 *metric"]:
    """Lower and upper limit, as above.

    Args:
        estimate: As from `crossed_estimate`.
        level: Coverage aimed at, such as 0.95.
    """
    reach = student.ppf((1 + level) / 2, estimate.df)
    below, above = (reach + bend * (1 + 2 * reach**2) for bend in _bends(estimate))
    return np.stack([estimate.mean - estimate.se * below, estimate.mean + estimate.se * above])


def _bends(estimate: Estimate) -> tuple[Values, Values]:
    """By how much the arm below and the arm above grow with 1 + 2 t^2."""
    return np.maximum(-estimate.skewness, 0) / 6, np.maximum(estimate.skewness, 0) / 6


def possible_interval(
    estimate: Estimate, level: float, metrics: Sequence[str], apart: float = 0
) -> Float[np.ndarray, "2 metric"]:
    """`interval`, cut to the values that there can be: few seeds that differ much may give limits beyond them.

    Args:
        estimate: Of each metric.
        level: Coverage aimed at.
        metrics: Their names.
        apart: How far below 0, and at most above it, a value of a metric from 0 to 1 can lie: 0 of a mean, whose limits
            are 0 and 1; 1 of a difference; half the sum of the weights' sizes of a contrast. Others are cut, of a mean,
            at 0 alone.
    """
    fraction = np.array([name in FRACTIONS for name in metrics])
    least = np.where(fraction, -apart, -np.inf) if apart else np.zeros(len(metrics))
    return np.clip(interval(estimate, level), least, np.where(fraction, apart or 1, np.inf))


def p_below(estimate: Estimate, value: float | Values) -> Values:
    r"""One-sided p that the truth is not below a value: half of 1 - level at which the upper limit comes to it.

    .. math:: t + b (1 + 2 t^2) = \frac{value - \bar y}{se}, \quad p = P(T_{df} > t)
    """
    return _tail(value - estimate.mean, estimate, _bends(estimate)[1])


def p_above(estimate: Estimate, value: float | Values) -> Values:
    """The same that the truth is not above a value, by the lower limit."""
    return _tail(estimate.mean - value, estimate, _bends(estimate)[0])


def _tail(distance: Values, estimate: Estimate, bend: Values) -> Values:
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.asarray(np.where(distance == 0, 0, distance / estimate.se))  # no error at all: 0 or infinite
        beyond = np.maximum(ratio - bend, 0)
        root = np.where(np.isinf(beyond), np.inf, 2 * beyond / (1 + np.sqrt(1 + 8 * bend * beyond)))
        found = student.sf(np.where(ratio < 0, ratio, root), estimate.df)
    return np.where(np.isnan(estimate.se), np.nan, found)


def p_zero(estimate: Estimate) -> Values:
    """Two-sided p that the truth is 0: below 1 - level just where the interval leaves 0 out."""
    return np.minimum(2 * np.minimum(p_below(estimate, 0.0), p_above(estimate, 0.0)), 1)


def p_equivalence(estimate: Estimate, margin: float | Values) -> Values:
    """The larger p of two one-sided tests that the truth lies below margin and above -margin.

    Args:
        estimate: Of a difference.
        margin: What does not count, above 0; NaN where nothing is declared.
    """
    return np.maximum(p_below(estimate, margin), p_above(estimate, -margin))
