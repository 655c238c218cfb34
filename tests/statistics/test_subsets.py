"""Ensembles of seeds: known answers, and the variance of what other seeds would give, by simulation."""

from collections.abc import Callable
from itertools import combinations

import numpy as np
import pytest

from lungseg.errors import InputError
from lungseg.statistics.contrasts import contrast
from lungseg.statistics.score_blocks import METRICS, Block, Runs
from lungseg.statistics.seeds import own_variance
from lungseg.statistics.subsets import by_seed

SIMULATIONS = 4000
Join = Callable[[np.ndarray], np.ndarray]


def choices(seeds: int, size: int) -> list[frozenset[int]]:
    return [frozenset(one) for one in combinations(range(seeds), size)]


def joined(values: np.ndarray, members: list[frozenset[int]], join: Join) -> np.ndarray:
    """Each choice's value, of the seeds' values of shape (seed, …)."""
    return np.stack([join(values[sorted(one)]) for one in members])


def mean(members: np.ndarray) -> np.ndarray:
    return np.asarray(members.mean(axis=0))


def surplus(members: np.ndarray) -> np.ndarray:
    """Better than the mean of its members where these disagree: what ensembles are for."""
    return np.asarray(members.mean(axis=0) + 0.5 * members.var(axis=0))


def best(members: np.ndarray) -> np.ndarray:
    return np.asarray(members.max(axis=0))


@pytest.mark.parametrize(("seeds", "size"), [(2, 1), (3, 2), (5, 1), (5, 2), (5, 3), (5, 4)])
def test_where_members_simply_add_up_each_seed_has_its_own_value(seeds: int, size: int) -> None:
    values = np.random.default_rng(0).normal(size=(seeds, 4, 3))
    members = choices(seeds, size)
    found = by_seed(joined(values, members, mean), members)
    np.testing.assert_allclose(found, values, atol=1e-12)


def test_their_mean_is_that_of_the_choices_in_any_order() -> None:
    values, members = np.random.default_rng(1).normal(size=(10, 6)), choices(5, 3)
    found = by_seed(values, members)
    np.testing.assert_allclose(found.mean(axis=0), values.mean(axis=0))
    turned = np.random.default_rng(2).permutation(10)
    np.testing.assert_allclose(by_seed(values[turned], [members[i] for i in turned]), found)


def test_one_choice_of_all_seeds_is_one_run() -> None:
    values = np.random.default_rng(1).normal(size=(1, 6))
    assert by_seed(values, [frozenset({3, 5, 8})]) is values


@pytest.mark.parametrize(
    "members",
    [
        [{0, 1, 2}, {1, 2, 3}, {2, 3, 4}, {3, 4, 0}, {4, 0, 1}],  # each seed with the next ones in turn
        [{0, 1}, {0, 1}, {1, 2}],
        [{0, 1}, {0, 2}, {1}],
    ],
)
def test_a_choice_that_is_missing_is_told(members: list[set[int]]) -> None:
    with pytest.raises(InputError, match="every choice once"):
        by_seed(np.zeros((len(members), 2)), [frozenset(one) for one in members])


@pytest.mark.parametrize(("seeds", "size"), [(3, 2), (5, 2), (5, 3)])
@pytest.mark.parametrize(("join", "most"), [(mean, 1.05), (surplus, 1.4), (best, 1.4)])
def test_the_variance_over_other_seeds_is_right_on_average_or_a_little_large(
    seeds: int, size: int, join: Join, most: float
) -> None:
    values, members = np.random.default_rng(3).normal(size=(seeds, SIMULATIONS)), choices(seeds, size)
    every = joined(values, members, join)
    told = by_seed(every, members).var(axis=0, ddof=1).mean() / seeds
    assert 0.95 < told / every.mean(axis=0).var() < most


def test_overlapping_triples_taken_as_independent_say_a_sixth() -> None:
    """What this replaces: five triples of five seeds, each seed with the next two."""
    values = np.random.default_rng(4).normal(size=(5, SIMULATIONS))
    triples = (values + np.roll(values, 1, axis=0) + np.roll(values, 2, axis=0)) / 3
    assert triples.mean(axis=0).var() / (triples.var(axis=0, ddof=1).mean() / 5) == pytest.approx(6, rel=0.08)


def runs(variant: str, means: np.ndarray) -> Runs:
    """A variant whose films all score the same, one value per seed."""
    metrics = np.repeat(means[:, None, None], 8, axis=1).repeat(len(METRICS), axis=2)
    return Runs(variant, metrics, np.ones((*metrics.shape[:2], 4)), np.zeros(metrics.shape[:2], bool))


@pytest.mark.parametrize("against", ["a member", "pairs of a member's seeds"])
def test_the_variance_of_a_difference_between_an_ensemble_and_its_own_members_is_right(against: str) -> None:
    """Three networks of five seeds, joined seed by seed; taken as independent, the sides tell too much."""
    rng, pairs = np.random.default_rng(5), choices(5, 2)
    differences, told, apart = [], [], []
    for _ in range(1500):
        three = rng.normal(size=(3, 5))
        a = runs("ensemble_mean", mean(three) + 0.2 * three.var(axis=0))
        own = three[0] if against == "a member" else by_seed(joined(three[0], pairs, surplus), pairs)
        b = runs("b", own)
        block = Block("pooled", "jsrt", ["jsrt"] * 8, [a, b], [f"film{i}" for i in range(8)])
        seeds = {one.variant: own_variance(one.metrics) for one in (a, b)}
        found, separate = (contrast(block, a, b, ["dice"], seeds, shared) for shared in (True, False))
        assert found.sources == ["shared"] and separate.sources == ["own"]
        differences.append(found.parts.mean[0])
        told.append(found.parts.estimate().se[0] ** 2)
        apart.append(separate.parts.estimate().se[0] ** 2)
    truth = np.var(differences)
    assert np.mean(told) / truth == pytest.approx(1.05, abs=0.15)
    assert np.mean(apart) / truth > 1.5
