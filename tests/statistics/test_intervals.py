"""Crossed t intervals: SciPy, statsmodels and simulation as witnesses."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm

from lungseg.statistics.intervals import Estimate, crossed_estimate, interval


def layout(seeds: int, films: int, rng: np.random.Generator) -> np.ndarray:
    """Scores with effects of seed, film and both; shape (seed, film, 1)."""
    effects = rng.normal(0, 0.5, (seeds, 1)) + rng.normal(0, 1, (1, films)) + rng.normal(0, 0.7, (seeds, films))
    return effects[..., None]


def plain(estimate: Estimate) -> Estimate:
    return Estimate(estimate.mean, estimate.se, estimate.df, np.zeros_like(estimate.skewness))


def test_one_seed_is_the_t_interval_of_the_films() -> None:
    values = layout(1, 30, np.random.default_rng(0))
    witness = stats.ttest_1samp(values.ravel(), 0).confidence_interval(0.95)
    found = interval(plain(crossed_estimate([values], [1], ["a"] * 30)), 0.95)[:, 0]
    assert found == pytest.approx([witness.low, witness.high], rel=1e-12)


def test_a_difference_with_one_seed_each_is_the_paired_t_interval() -> None:
    rng = np.random.default_rng(1)
    a, b = layout(1, 30, rng), layout(1, 30, rng)
    witness = stats.ttest_rel(a.ravel(), b.ravel()).confidence_interval(0.9)
    found = interval(crossed_estimate([a, b], [1, -1], ["a"] * 30), 0.9)[:, 0]
    assert found == pytest.approx([witness.low, witness.high], rel=1e-12)


def test_variance_and_freedom_are_those_of_the_two_way_layout() -> None:
    """Mean squares by statsmodels, combined as Satterthwaite says."""
    values = layout(6, 25, np.random.default_rng(2))
    seeds, films = np.indices((6, 25))
    table = pd.DataFrame({"y": values.ravel(), "seed": seeds.ravel(), "film": films.ravel()})
    squares = anova_lm(ols("y ~ C(seed) + C(film)", table).fit())
    ms = squares["mean_sq"] / (6 * 25)
    of_seeds, of_films, of_both = ms["C(seed)"], ms["C(film)"], ms["Residual"]
    estimate = crossed_estimate([values], [1], ["a"] * 25)
    variance = of_seeds + of_films - of_both
    assert variance > max(of_seeds, of_films)  # not at the floor
    assert estimate.se[0] ** 2 == pytest.approx(variance, rel=1e-10)
    assert estimate.df[0] == pytest.approx(variance**2 / (of_seeds**2 / 5 + of_films**2 / 24), rel=1e-10)


def test_the_variance_is_right_on_average() -> None:
    rng, seeds, films, runs = np.random.default_rng(3), 4, 12, 4000
    values = (
        rng.normal(0, 0.5, (seeds, 1, runs))
        + rng.normal(0, 1, (1, films, runs))
        + rng.normal(0, 0.7, (seeds, films, runs))
    )
    estimate = crossed_estimate([values], [1], ["a"] * films)
    truth = 0.25 / seeds + 1 / films + 0.49 / (seeds * films)
    assert (estimate.se**2).mean() == pytest.approx(truth, rel=0.04)
    assert estimate.mean.var() == pytest.approx(truth, rel=0.06)


def test_films_count_within_their_stratum() -> None:
    values = layout(1, 30, np.random.default_rng(4))
    values[0, :10] += 100  # far apart, so that a variance over all films would be huge
    strata = ["a"] * 10 + ["b"] * 20
    parts = [values[0, :10, 0], values[0, 10:, 0]]
    variance = sum((len(part) / 30) ** 2 * part.var(ddof=1) / len(part) for part in parts)
    assert crossed_estimate([values], [1], strata).se[0] == pytest.approx(np.sqrt(variance))


def test_groups_seeds_have_nothing_in_common() -> None:
    """The same group twice: the films cancel, the seeds do not."""
    values = layout(5, 30, np.random.default_rng(5))
    estimate = crossed_estimate([values, values], [1, -1], ["a"] * 30)
    assert estimate.mean[0] == 0 and estimate.se[0] > 0


def test_halls_transformation_is_inverted() -> None:
    """g(g^-1(x)) = x for g(t) = t + c t^2/3 + c^2 t^3/27 + c/6, which defines the interval's limits."""
    for skewness in (-0.6, -0.1, 0.3):
        estimate = Estimate(np.zeros(1), np.ones(1), np.array([20.0]), np.array([skewness]))
        for limit, x in zip(interval(estimate, 0.95)[:, 0], stats.t.ppf([0.975, 0.025], 20), strict=True):
            t = -limit
            assert t + skewness * t**2 / 3 + skewness**2 * t**3 / 27 + skewness / 6 == pytest.approx(x)


def test_skewness_moves_the_interval_towards_the_tail() -> None:
    rng = np.random.default_rng(6)
    values = 1 - np.exp(rng.normal(-3.5, 0.7, (1, 40, 1)))  # as Dice: a tail of bad films
    estimate = crossed_estimate([values], [1], ["a"] * 40)
    assert estimate.skewness[0] < -0.1
    skewed, symmetric = interval(estimate, 0.95)[:, 0], interval(plain(estimate), 0.95)[:, 0]
    assert skewed[0] < symmetric[0] and skewed[1] < symmetric[1]
    assert skewed[0] < estimate.mean[0] < skewed[1]
    tiny = Estimate(estimate.mean, estimate.se, estimate.df, np.full(1, 1e-5))
    assert interval(tiny, 0.95)[:, 0] == pytest.approx(symmetric, abs=1e-6)


def test_skewness_is_the_films_third_cumulant() -> None:
    values = layout(1, 50, np.random.default_rng(7)) ** 3
    estimate = crossed_estimate([values], [1], ["a"] * 50)
    by_hand = stats.skew(values.ravel()) * (49 / 50) ** 1.5 / np.sqrt(50)
    assert estimate.skewness[0] == pytest.approx(by_hand)


def test_a_higher_level_is_wider_and_nothing_varies_is_a_point() -> None:
    estimate = crossed_estimate([layout(3, 20, np.random.default_rng(8))], [1], ["a"] * 20)
    inner, outer = interval(estimate, 0.8)[:, 0], interval(estimate, 0.99)[:, 0]
    assert outer[0] < inner[0] < inner[1] < outer[1]
    flat = crossed_estimate([np.full((3, 20, 1), 0.9)], [1], ["a"] * 20)
    assert interval(flat, 0.95)[:, 0] == pytest.approx([0.9, 0.9])


def test_one_film_has_a_mean_and_no_interval() -> None:
    estimate = crossed_estimate([np.full((3, 1, 1), 0.9)], [1], ["a"])
    assert estimate.mean[0] == pytest.approx(0.9) and np.isnan(interval(estimate, 0.95)).all()
