"""What could have been found: noncentral t and statsmodels as witnesses, and experiments in which it is looked for."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import nct
from scipy.stats import t as student
from statsmodels.stats.power import TTestPower

from bench.scenes import observed
from lungseg.statistics.intervals import Estimate, Parts, crossed_parts, interval
from lungseg.statistics.power import COLUMNS, SIZES, chance, detectable, films_needed, planned, possible, power
from lungseg.statistics.score_blocks import METRICS, Block, Runs
from lungseg.statistics.seeds import own_variance, pooled_variances, seed_variances

TIMES = 1500


def estimate(se: float = 1.0, df: float = 10.0, skewness: float = 0.0) -> Estimate:
    return Estimate(*(np.array([value]) for value in (0.0, se, df, skewness)))


@pytest.mark.parametrize("df", [1, 2.5, 9, 60, 4000])
@pytest.mark.parametrize("ratio", [0.5, 2.0, 4.0])
def test_the_chance_is_that_of_the_noncentral_t(df: float, ratio: float) -> None:
    expected = nct.sf(student.ppf(0.975, df), df, ratio)
    assert chance(estimate(2.0, df), 2 * ratio, 0.95)[0] == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("films", [5, 28, 192])
def test_one_seed_on_films_is_statsmodels_paired_t(films: int) -> None:
    expected = TTestPower().solve_power(nobs=films, alpha=0.05, power=0.8, alternative="two-sided")
    assert detectable(estimate(1 / np.sqrt(films), films - 1), 0.95)[0] == pytest.approx(expected, rel=2e-3)


def test_what_is_surer_finds_less_and_a_long_arm_finds_more() -> None:
    plain = detectable(estimate(), 0.95)[0]
    assert detectable(estimate(df=3), 0.95)[0] > plain > detectable(estimate(), 0.9)[0]
    assert detectable(estimate(skewness=0.5), 0.95)[0] == detectable(estimate(skewness=-0.5), 0.95)[0] > plain
    assert detectable(estimate(0.01), 0.95)[0] == pytest.approx(plain / 100)
    assert detectable(estimate(0.0), 0.95)[0] == 0 and np.isnan(detectable(estimate(np.nan), 0.95)[0])


def test_a_difference_that_there_cannot_be_is_none() -> None:
    found = possible(np.array([0.5, 1.0, 1.07, 3.0]), ["dice", "iou", "dice", "assd"])
    np.testing.assert_array_equal(found, [0.5, 1.0, np.nan, 3.0])
    np.testing.assert_array_equal(possible(np.array([1.07, 2.1]), ["dice", "iou"], 2), [1.07, np.nan])


def drawn(seeds: int, films: int, sway: float, rng: np.random.Generator, networks: int = 2) -> list[np.ndarray]:
    """Networks, the spread of films, seeds and rest known; shape (seed, film, repetition)."""
    return [
        rng.normal(0, 0.007 / np.sqrt(2), (1, films, TIMES))
        + rng.normal(0, sway, (seeds, 1, TIMES))
        + rng.normal(0, 0.004, (seeds, films, TIMES))
        for _ in range(networks)
    ]


def true_parts(seeds: int, films: int, sway: float, networks: int = 2) -> Parts:
    """The parts of a difference as they are; the seeds' with the degrees of freedom of so many networks."""
    both = np.array([2 * 0.004**2 / (seeds * films)])
    of_films, of_seeds = 0.007**2 / films + both, 2 * sway**2 / seeds + both
    spreads = of_films**2 / (films - 1), of_seeds**2 / (networks * (seeds - 1))
    return Parts(np.zeros(1), of_films, of_seeds, both, *spreads, np.zeros(1))


@pytest.mark.parametrize(("seeds", "films", "networks"), [(2, 28, 4), (2, 192, 4), (3, 60, 2), (5, 192, 2)])
@pytest.mark.parametrize("sway", [0.0005, 0.0013])
def test_in_80_percent_of_repetitions_that_difference_is_found(
    seeds: int, films: int, networks: int, sway: float
) -> None:
    least = detectable(true_parts(seeds, films, sway, networks).estimate(), 0.95)[0]
    groups = drawn(seeds, films, sway, np.random.default_rng(0), networks)
    known = pooled_variances(groups, range(4)) if networks == 4 else [own_variance(group) for group in groups]
    repetitions = crossed_parts(groups[:2], (1, -1), ["a"] * films, known[:2]).estimate()
    assert (interval(repetitions, 0.95)[0] + least > 0).mean() == pytest.approx(0.8, abs=0.05)


@pytest.mark.parametrize(("seeds", "films", "gap"), [(5, 40, 0.002), (10, 28, 0.002), (3, 28, 0.005)])
def test_with_as_many_films_as_it_says_the_difference_is_found(seeds: int, films: int, gap: float) -> None:
    """Planned from another experiment, of two seeds and 100 films."""
    (count,) = films_needed(true_parts(2, 100, 0.0005), 2, 100, [(gap, seeds)], 0.95)
    assert count is not None and count > 5
    grown = planned(true_parts(2, 100, 0.0005), np.array(seeds / 2), np.array(count / 100), np.array(seeds - 1.0))
    same = true_parts(seeds, count, 0.0005)
    for name in ("films", "seeds", "both", "seeds_spread"):
        assert getattr(grown, name) / getattr(same, name) == pytest.approx(1), name
    groups = drawn(seeds, count, 0.0005, np.random.default_rng(films))
    repetitions = crossed_parts(groups, (1, -1), ["a"] * count, [own_variance(group) for group in groups])
    assert (interval(repetitions.estimate(), 0.95)[0] + gap > 0).mean() == pytest.approx(0.8, abs=0.06)


def test_where_seeds_alone_vary_too_much_no_number_of_films_is_enough() -> None:
    parts = true_parts(2, 100, 0.002)
    wanted = [(0.001, 2), (0.001, 20), (0.005, 20), (0.02, 2)]
    none, many, few, one = films_needed(parts, 2, 100, wanted, 0.95)
    assert none is None and (many is None or many > 1000) and few is not None and few < 200 and one is not None
    assert one < 100


@pytest.mark.parametrize(("pair", "seeds"), [((0, 1), 2), ((0, 1), 5), ((2, 3), 5)])
def test_of_scored_films_it_is_found_about_as_often_on_the_side_of_the_long_arm(
    pair: tuple[int, int], seeds: int
) -> None:
    """Films of results/cpu drawn again: what an experiment says of itself, the median of many, is looked for."""
    scene = observed()["pooled"].draw(seeds, 400, np.random.default_rng(1))
    pool = pooled_variances(scene.groups, range(4))
    groups, own = [scene.groups[i] for i in pair], [pool[i] for i in pair]
    found = crossed_parts(groups, (1, -1), scene.strata, own).estimate()
    least, true = np.median(detectable(found, 0.95)), scene.truths[pair[0]] - scene.truths[pair[1]]
    low, high = interval(replace(found, mean=found.mean - true), 0.95)
    assert 0.6 < min((low + least > 0).mean(), (high - least < 0).mean()) < 0.9


def block(*means: float, seeds: int = 3, films: int = 30) -> Block:
    rng, runs = np.random.default_rng(0), []
    hard = rng.normal(0, 0.02, films)
    for i, mean in enumerate(means):
        own = mean + hard + rng.normal(0, 0.004, (seeds, films)) + rng.normal(0, 0.001, (seeds, 1))
        metrics = np.repeat(own[..., None], len(METRICS), axis=2)
        metrics[..., METRICS.index("nsd")] = np.nan
        runs.append(Runs(f"v{i}", metrics, np.ones((*own.shape, 4)), np.zeros(own.shape, bool)))
    return Block("pooled", "jsrt", ["jsrt"] * films, runs, [f"film{i}" for i in range(films)])


def test_every_pair_has_a_row_and_dice_has_sizes() -> None:
    cut = block(0.95, 0.96, 0.97)
    found = power([cut], {("pooled", "jsrt"): seed_variances(cut, ["v0", "v1"])}, 0.95, [("v1", "v0")])
    assert list(found.detectable) == COLUMNS and list(found.sizes) == SIZES
    dice = found.detectable.query("metric == 'dice'").set_index(["variant_a", "variant_b"])
    assert list(dice.index) == [("v0", "v1"), ("v0", "v2"), ("v1", "v2")] and "nsd" not in set(
        found.detectable["metric"]
    )
    assert (dice["images"] == 30).all() and (dice["seeds"] == 3).all()
    assert dice.loc[("v0", "v1"), "detectable_holm"] == dice.loc[("v0", "v1"), "detectable"]  # a family of one pair
    assert dice.loc[("v0", "v2"), "detectable_holm"] > dice.loc[("v0", "v2"), "detectable"] > 0
    sizes = found.sizes.query("variant_a == 'v0' and variant_b == 'v1'").pivot(index="seeds", columns="difference")
    assert list(sizes.index) == [2, 3, 5, 10, 20] and sizes["films"][0.005].max() < sizes["films"][0.002].max()


def test_seeds_that_differ_widely_would_find_no_difference_that_there_is() -> None:
    cut = block(0.5, 0.5, seeds=2)
    for one in cut.runs:
        one.metrics[:] += np.array([-0.4, 0.4])[:, None, None] * (1 if one.variant == "v0" else -1)
    tables = power([cut], {("pooled", "jsrt"): seed_variances(cut, ["v0", "v1"])}, 0.95, [("v1", "v0")])
    dice = tables.detectable.query("metric == 'dice'")
    assert len(dice) == 1 and dice[["detectable", "detectable_holm"]].isna().all(axis=None)


def test_single_runs_have_none_and_the_empty_case_has_columns() -> None:
    cut = block(0.95, 0.96, seeds=1)
    found = power([cut], {("pooled", "jsrt"): seed_variances(cut, ["v0", "v1"])}, 0.95, [("v1", "v0")])
    assert found.detectable.empty and found.sizes.empty
    assert list(power([], {}, 0.95, []).sizes) == SIZES
