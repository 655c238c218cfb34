"""Crossed t intervals: SciPy, statsmodels and simulation as witnesses."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm

from lungseg.statistics.intervals import (
    Estimate,
    crossed_estimate,
    interval,
    p_above,
    p_below,
    p_equivalence,
    p_zero,
    possible_interval,
)
from lungseg.statistics.seeds import pooled_variances


def layout(seeds: int, films: int, rng: np.random.Generator) -> np.ndarray:
    """Scores with effects of seed, film and both; shape (seed, film, 1)."""
    effects = rng.normal(0, 0.5, (seeds, 1)) + rng.normal(0, 1, (1, films)) + rng.normal(0, 0.7, (seeds, films))
    return effects[..., None]


def mirrored(films: int, rng: np.random.Generator, mean: float = 0.0) -> np.ndarray:
    """Films of one seed without skewness or heavy tails: what a plain t interval is made for; shape (1, film, 1)."""
    half = rng.uniform(0, 1, films // 2)
    return np.concatenate([half, -half])[None, :, None] + mean


def plain(estimate: Estimate) -> Estimate:
    return Estimate(estimate.mean, estimate.se, estimate.df, np.zeros_like(estimate.skewness))


def test_one_seed_is_the_t_interval_of_the_films() -> None:
    values = mirrored(30, np.random.default_rng(0), mean=0.3)
    witness = stats.ttest_1samp(values.ravel(), 0)
    limits = witness.confidence_interval(0.95)
    estimate = crossed_estimate([values], [1], ["a"] * 30)
    assert interval(estimate, 0.95)[:, 0] == pytest.approx([limits.low, limits.high], rel=1e-12)
    assert p_zero(estimate)[0] == pytest.approx(witness.pvalue, rel=1e-9)
    greater = stats.ttest_1samp(values.ravel(), 0.1, alternative="greater").pvalue
    assert p_above(estimate, 0.1)[0] == pytest.approx(greater, rel=1e-9)
    assert p_below(estimate, 0.1)[0] == pytest.approx(1 - greater, rel=1e-9)


def test_a_difference_with_one_seed_each_is_the_paired_t_interval() -> None:
    rng = np.random.default_rng(1)
    a = layout(1, 30, rng)
    b = a - mirrored(30, rng, mean=0.2)
    witness = stats.ttest_rel(a.ravel(), b.ravel())
    limits = witness.confidence_interval(0.9)
    estimate = crossed_estimate([a, b], [1, -1], ["a"] * 30)
    assert interval(estimate, 0.9)[:, 0] == pytest.approx([limits.low, limits.high], rel=1e-9)
    assert p_zero(estimate)[0] == pytest.approx(witness.pvalue, rel=1e-9)


def test_variance_and_freedom_are_those_of_the_two_way_layout() -> None:
    """Mean squares by statsmodels, combined as Satterthwaite says."""
    values = layout(6, 25, np.random.default_rng(2))
    assert stats.kurtosis(values.mean(axis=(0, 2))) < 0  # else the films' part counts for fewer degrees
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


def test_heavy_tails_leave_a_variance_fewer_degrees_of_freedom() -> None:
    """As many as make Satterthwaite's formula right for the variance of a variance: simulated, gamma films."""
    rng, films = np.random.default_rng(2), 1500
    values = rng.gamma(2, size=(1, films, 3000))  # excess kurtosis 6 / 2
    estimate = crossed_estimate([values], [1], ["a"] * films)
    variances = estimate.se**2
    assert np.median(estimate.df) == pytest.approx(2 * variances.mean() ** 2 / variances.var(), rel=0.1)
    one_bad = np.r_[np.linspace(-0.01, 0.01, 99), 1.0][None, :, None]
    assert 1.9 < crossed_estimate([one_bad], [1], ["a"] * 100).df[0] < 2.2


def test_the_arm_towards_the_tail_grows_without_a_leap_and_the_other_stays() -> None:
    skewness = np.linspace(-1.2, 0, 400)
    estimate = Estimate(np.zeros(400), np.ones(400), np.full(400, 20.0), skewness)
    low, high = interval(estimate, 0.95)
    t = stats.t.ppf(0.975, 20)
    assert high == pytest.approx(t) and low[-1] == pytest.approx(-t)
    assert low == pytest.approx(-t + skewness * (1 + 2 * t**2) / 6)
    assert (np.diff(low) > 0).all() and np.diff(low).max() < 0.01
    mirrored_low, mirrored_high = interval(Estimate(np.zeros(400), np.ones(400), np.full(400, 20.0), -skewness), 0.95)
    assert (mirrored_low, mirrored_high) == (pytest.approx(-high), pytest.approx(-low))


def test_the_long_arm_is_halls_as_far_as_skewness_is_small() -> None:
    """Hall's g(t) = t + c t^2/3 + c^2 t^3/27 + c/6 of the limit is the t quantile, but for terms in c^2."""
    for skewness in (-0.04, -0.02, -0.01):
        estimate = Estimate(np.zeros(1), np.ones(1), np.array([20.0]), np.array([skewness]))
        t, x = -interval(estimate, 0.95)[0, 0], stats.t.ppf(0.975, 20)
        off = t + skewness * t**2 / 3 + skewness**2 * t**3 / 27 + skewness / 6 - x
        assert abs(off) < 3 * skewness**2


def test_skewness_moves_the_interval_towards_the_tail() -> None:
    rng = np.random.default_rng(6)
    values = 1 - np.exp(rng.normal(-3.5, 0.7, (1, 40, 1)))  # as Dice: a tail of bad films
    estimate = crossed_estimate([values], [1], ["a"] * 40)
    assert estimate.skewness[0] < -0.1
    skewed, symmetric = interval(estimate, 0.95)[:, 0], interval(plain(estimate), 0.95)[:, 0]
    assert skewed[0] < symmetric[0] < estimate.mean[0] < skewed[1] == symmetric[1]


def test_the_long_arm_is_as_long_as_that_of_scipys_studentised_bootstrap() -> None:
    """Both correct a studentised mean for skewness to first order; a t interval's arm is a fifth shorter."""
    films = 1 - np.random.default_rng(4).gamma(1, 0.02, 80)
    estimate = crossed_estimate([films[None, :, None]], [1], ["a"] * 80)

    def studentised(sample: np.ndarray, axis: int) -> np.ndarray:
        return (sample.mean(axis) - films.mean()) / (sample.std(axis, ddof=1) / np.sqrt(80))

    drawn = stats.bootstrap(
        (films,), studentised, n_resamples=20_000, method="percentile", rng=np.random.default_rng(0)
    ).confidence_interval
    arm = (estimate.mean - interval(estimate, 0.95)[0]) / estimate.se
    assert arm[0] == pytest.approx(drawn.high, rel=0.1)
    assert stats.t.ppf(0.975, 79) < 0.85 * arm[0]


@pytest.mark.parametrize("level", [0.8, 0.95, 0.99])
def test_p_is_below_just_where_the_interval_leaves_zero_out(level: float) -> None:
    rng = np.random.default_rng(9)
    estimate = Estimate(
        rng.normal(0, 2, 2000), rng.uniform(0.2, 1, 2000), rng.uniform(1, 40, 2000), rng.normal(0, 0.4, 2000)
    )
    low, high = interval(estimate, level)
    outside = (low > 0) | (high < 0)
    assert 0.05 < outside.mean() < 0.95
    np.testing.assert_array_equal(p_zero(estimate) < 1 - level, outside)
    np.testing.assert_array_equal(p_below(estimate, 0.5) < (1 - level) / 2, high < 0.5)
    np.testing.assert_array_equal(p_above(estimate, 0.5) < (1 - level) / 2, low > 0.5)


def test_equivalence_needs_both_sides() -> None:
    def p(mean: float, se: float, skewness: float = 0.0) -> float:
        return float(p_equivalence(Estimate(*map(np.array, ([mean], [se], [20.0], [skewness]))), 0.005)[0])

    assert p(0.0, 0.001) < 0.001 and p(0.005, 0.001) == pytest.approx(0.5)
    assert p(-0.02, 0.001) > 0.999
    assert p(0.001, 0.0) == 0 and p(0.006, 0.0) == 1 and p(0.005, 0.0) == 0.5
    assert p(0.003, 0.001, 0.5) > p(0.003, 0.001) == p(0.003, 0.001, -0.5)  # a tail beyond the margin
    assert np.isnan(p_equivalence(Estimate(*map(np.array, ([0.0], [0.1], [9.0], [0.0]))), np.nan)).all()


def test_limits_stay_where_values_can_be() -> None:
    wide = crossed_estimate([np.array([[0.1], [0.9]])[..., None].repeat(20, 1).repeat(3, 2)], [1], ["jsrt"] * 20)
    low, high = interval(wide, 0.95)
    assert (low < -1).all() and (high > 2).all()
    names = ["dice", "nsd", "hd95_px"]
    assert possible_interval(wide, 0.95, names).tolist() == [[0, 0, 0], [1, 1, high[2]]]
    assert possible_interval(wide, 0.95, names, 1).tolist() == [[-1, -1, low[2]], [1, 1, high[2]]]
    assert possible_interval(wide, 0.95, names, 2)[0].tolist() == [-2, -2, low[2]]


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


def test_a_pool_is_one_estimate_of_two_networks_seeds() -> None:
    """Four networks of three seeds: variance 2/3 of the pool's, with its eight degrees of freedom; films cancel."""
    rng = np.random.default_rng(10)
    films = rng.uniform(0, 1, (1, 20, 1))
    groups = [films + rng.normal(0, 0.1, (3, 1, 1)) for _ in range(4)]
    pool = pooled_variances(groups, range(4))
    estimate = crossed_estimate(groups[:2], [1, -1], ["a"] * 20, pool[:2])
    own = np.array([group.mean(axis=(1, 2)).var(ddof=1) for group in groups])
    assert estimate.se[0] ** 2 == pytest.approx(2 / 3 * own.mean()) and estimate.df[0] == pytest.approx(8)
    apart = crossed_estimate(groups[:2], [1, -1], ["a"] * 20)
    assert apart.se[0] ** 2 == pytest.approx(own[:2].sum() / 3)
    assert apart.df[0] == pytest.approx(own[:2].sum() ** 2 / (own[:2] ** 2 / 2).sum())
