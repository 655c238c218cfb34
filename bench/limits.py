"""Limits of intervals by several methods, for many experiments at once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import bootstrap
from scipy.stats import t as student

from lungseg.statistics.bootstrap import film_weights, percentile_interval
from lungseg.statistics.intervals import Estimate, crossed_estimate, interval, p_equivalence
from lungseg.statistics.seeds import SeedVariance, own_variance
from lungseg.statistics.simulated import BEFORE, IN_TABLES, LEVEL, PERCENTILE

RESAMPLES, TRIM = 500, 0.2  # of a bootstrap; share of films that a trimmed mean leaves out at each end
TABLES = f"crossed t, long arm, pooled seeds ({IN_TABLES})"

MARGIN = 0.005  # of Dice, as plans declare it


@dataclass(frozen=True)
class Case:
    """One quantity of many experiments with all that intervals are made of.

    Args:
        groups: One network, or two whose difference is asked for.
        strata: Data set of each film.
        pool: How their seeds vary, pooled as in the tables.
        truth: The mean or difference over all films and seeds.
    """

    groups: list[np.ndarray]
    strata: list[str]
    pool: list[SeedVariance]
    truth: float

    @property
    def signs(self) -> list[int]:
        """Of the groups."""
        return [1, -1][: len(self.groups)]

    def films(self) -> np.ndarray:
        """Means over seeds, or their difference: (film, simulation)."""
        return np.asarray(sum(s * group.mean(axis=0) for s, group in zip(self.signs, self.groups, strict=True)))

    def estimate(self, pooled: bool) -> Estimate:
        """With the seeds' variance of the pool, or each network's own."""
        seeds = self.pool if pooled else [own_variance(group) for group in self.groups]
        return crossed_estimate(self.groups, self.signs, self.strata, seeds)

    def before(self) -> Estimate:
        """As the tables had it: own seeds, and as many degrees of freedom as films of a stratum, less one."""
        films, names = self.films(), np.array(self.strata)
        parts = [(group.mean(axis=1).var(axis=0, ddof=1) / len(group), len(group) - 1) for group in self.groups]
        for stratum in dict.fromkeys(self.strata):
            rows = films[names == stratum]
            n = len(rows)
            parts.append(((n / len(films)) ** 2 * rows.var(axis=0, ddof=1) / n, n - 1))
        found = self.estimate(pooled=False)
        df = found.se**4 / sum(part**2 / freedom for part, freedom in parts)
        return Estimate(found.mean, found.se, np.maximum(df, 1), found.skewness)


def plain(estimate: Estimate) -> np.ndarray:
    """Limits of the t interval without regard to skewness."""
    reach = student.ppf((1 + LEVEL) / 2, estimate.df) * estimate.se
    return np.stack([estimate.mean - reach, estimate.mean + reach])


def hall(estimate: Estimate, capped: bool) -> np.ndarray:
    """Limits by the inverse of Hall's cubic transformation, which leaps where its root would be negative, or capped."""
    gamma = np.where(np.abs(estimate.skewness) > 1e-6, estimate.skewness, 1e-6)
    limits = []
    for x in student.ppf([[(1 + LEVEL) / 2], [(1 - LEVEL) / 2]], estimate.df):
        root = 1 + gamma * (x - gamma / 6)
        limits.append(estimate.mean - estimate.se * 3 / gamma * (np.cbrt(np.maximum(root, 0) if capped else root) - 1))
    return np.stack(limits)


def studentised(case: Case, rng: np.random.Generator) -> np.ndarray:
    """Limits by a studentised bootstrap over films within their data set; arms of the seeds' part by t are added."""
    films, names = case.films(), np.array(case.strata)
    size, error, variance, part = len(films), 0.0, 0.0, 0.0
    for stratum in dict.fromkeys(case.strata):
        rows = films[names == stratum]
        n, share = len(rows), len(rows) / size
        weights = rng.multinomial(n, np.full(n, 1 / n), size=RESAMPLES) / n
        means = weights @ rows
        error = error + share * (means - rows.mean(axis=0))
        variance = variance + share**2 * (weights @ rows**2 - means**2) / (n - 1)
        part = part + share**2 * rows.var(axis=0, ddof=1) / n
    ratios = error / np.sqrt(np.maximum(variance, 1e-4 * np.asarray(part)))
    low, high = np.quantile(ratios, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    estimate = case.estimate(pooled=True)
    of_seeds = student.ppf((1 + LEVEL) / 2, case.pool[0].df) ** 2 * np.maximum(estimate.se**2 - part, 0)
    below, above = np.sqrt(high**2 * part + of_seeds), np.sqrt(low**2 * part + of_seeds)
    return np.stack([estimate.mean - below, estimate.mean + above])


def percentiles(case: Case, rng: np.random.Generator) -> np.ndarray:
    """Percentile limits of the crossed bootstrap."""
    weights, means = film_weights(case.strata, RESAMPLES, rng), 0.0
    for sign, group in zip(case.signs, case.groups, strict=True):
        seeds, films, simulations = group.shape
        per_seed = (weights @ group.transpose(1, 0, 2).reshape(films, -1)).reshape(RESAMPLES, seeds, simulations)
        drawn = rng.multinomial(seeds, np.full(seeds, 1 / seeds), size=RESAMPLES) / seeds
        means = means + sign * np.einsum("rsm,rs->rm", per_seed, drawn)
    return percentile_interval(np.asarray(means), LEVEL)


def bca(case: Case, rng: np.random.Generator) -> np.ndarray:
    """SciPy's BCa over films alone, of means over seeds."""
    found = bootstrap((case.films(),), np.mean, axis=0, n_resamples=RESAMPLES, method="BCa", rng=rng)
    return np.stack([found.confidence_interval.low, found.confidence_interval.high])


def trimmed(films: np.ndarray, strata: Sequence[str], seeds: np.ndarray) -> Estimate:
    """Trimmed mean of films within their data set, with Yuen's standard error and the seeds' part of the variance.

    Yuen (1974), The two-sample trimmed t for unequal population variances, Biometrika 61:165.

    Args:
        films: (film, simulation).
        strata: Data set of each film.
        seeds: The seeds' part.
    """
    mean, variance, spread, names = 0.0, np.asarray(seeds), 0.0, np.array(strata)
    for stratum in dict.fromkeys(strata):
        rows = np.sort(films[names == stratum], axis=0)
        n, share = len(rows), len(rows) / len(films)
        cut = int(TRIM * n)
        left = n - 2 * cut
        mean = mean + share * rows[cut : n - cut].mean(axis=0)
        winsorised = np.clip(rows, rows[cut], rows[n - 1 - cut])
        part = share**2 * winsorised.var(axis=0, ddof=1) * (n - 1) / (left * (left - 1))
        variance, spread = variance + part, spread + part**2 / (left - 1)
    df = np.maximum(variance**2 / spread, 1)
    return Estimate(np.asarray(mean), np.sqrt(variance), df, np.zeros_like(variance))


def methods(case: Case, rng: np.random.Generator, resampled: bool) -> Iterator[tuple[str, np.ndarray]]:
    """Name and limits of every method; those that resample on request."""
    before, difference = case.before(), len(case.groups) > 1
    yield TABLES, interval(case.estimate(pooled=True), LEVEL)
    yield "crossed t, long arm, own seeds", interval(case.estimate(pooled=False), LEVEL)
    if difference:
        yield f"crossed t, own seeds ({BEFORE})", plain(before)
    else:
        yield f"crossed t, Hall, own seeds ({BEFORE})", hall(before, capped=False)
        yield "crossed t, Hall capped, own seeds", hall(before, capped=True)
    if resampled:
        yield "studentised bootstrap over films, pooled seeds", studentised(case, rng)
        yield PERCENTILE, percentiles(case, rng)
        if not difference and len(set(case.strata)) == 1:
            yield "BCa over films", bca(case, rng)


def tests(case: Case) -> Iterator[tuple[str, np.ndarray]]:
    """Name and which experiments say `within the margin` while the truth lies on one, for both margins in turn."""
    found, before = case.estimate(pooled=True), case.before()
    films, part = case.films(), sum(one.variance / len(g) for one, g in zip(case.pool, case.groups, strict=True))
    for margin in (-MARGIN, MARGIN):
        shift = margin - case.truth

        def said(estimate: Estimate, shift: float = shift) -> np.ndarray:
            moved = replace(estimate, mean=estimate.mean + shift)
            return np.asarray(p_equivalence(moved, MARGIN) < 1 - LEVEL)

        both = said(found) & said(trimmed(films, case.strata, np.asarray(part)))
        yield f"two one-sided tests ({IN_TABLES})", said(found)
        yield f"two one-sided tests ({BEFORE})", said(replace(before, skewness=np.zeros_like(before.se)))
        yield "two one-sided tests of the mean and of the trimmed mean", both
