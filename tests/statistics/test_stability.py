"""How often a network is first: theory of two normal means as witness, and known answers."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from lungseg.statistics.bootstrap import film_weights, resampled_means
from lungseg.statistics.comparisons import COMPARED, Resampled
from lungseg.statistics.score_blocks import METRICS, Block, Runs
from lungseg.statistics.stability import COLUMNS, rank_interval, stability


def ranked(*groups: np.ndarray, resamples: int = 4000, level: float = 0.95) -> pd.DataFrame:
    """Variants v0, v1, … with the given scores of shape (seed, film) in every metric but NSD, which nobody has."""
    films, runs = groups[0].shape[1], []
    for i, group in enumerate(groups):
        metrics = np.repeat(group[..., None], len(METRICS), axis=2)
        metrics[..., METRICS.index("nsd")] = np.nan
        runs.append(Runs(f"v{i}", metrics, np.ones((*group.shape, 4)), np.zeros(group.shape, bool)))
    block = Block("pooled", "jsrt", ["jsrt"] * films, runs, [f"film{i}" for i in range(films)])
    weights = film_weights(block.strata, resamples, np.random.default_rng(0))
    means = dict(zip([one.variant for one in runs], resampled_means(runs, weights, 0), strict=True))
    return stability([block], [Resampled(means, np.ones((1, films)))], level)


def scores(seeds: int, better: float, seed: int, films: int = 400, sway: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    own = rng.normal(0, 0.01, (seeds, films)) + rng.normal(0, sway, (seeds, 1))
    return 0.9 + better + own - own.mean(axis=1, keepdims=True) * (sway == 0)


def test_a_network_far_ahead_is_always_first_and_less_of_a_loss_is_better() -> None:
    table = ranked(scores(2, 0.0, 0), scores(2, 0.05, 1), scores(2, -0.05, 2))
    assert list(table) == COLUMNS and set(table["metric"]) == {*COMPARED} - {"nsd"}
    for metric, ranks in (("dice", [2, 1, 3]), ("loss", [2, 3, 1]), ("hd95_px", [2, 3, 1])):
        rows = table[table["metric"] == metric]
        for column in ("rank", "rank_low", "rank_high"):
            assert rows[column].tolist() == ranks
        assert rows["first"].tolist() == [float(rank == 1) for rank in ranks]
    assert (table["images"] == 400).all() and (table["seeds"] == 2).all() and (table["variants"] == 3).all()


def test_how_often_one_of_two_is_first_is_what_normal_means_say() -> None:
    """Films alone: the difference of means over its standard error, in standard normal terms."""
    a, b = scores(1, 0.0005, 3), scores(1, 0.0, 4)
    rows = ranked(a, b, resamples=20_000).query("metric == 'dice'")
    expected = norm.cdf((a - b).mean() / ((a - b).std() / np.sqrt(a.size)))
    assert rows["first"].tolist() == pytest.approx([expected, 1 - expected], abs=0.015)
    assert rows["rank_low"].tolist() == [1, 1] and rows["rank_high"].tolist() == [2, 2]


def test_seeds_that_disagree_shake_a_rank_that_films_alone_leave_firm() -> None:
    firm = ranked(scores(4, 0.003, 5), scores(4, 0.0, 6)).query("metric == 'dice'")
    shaken = ranked(scores(4, 0.003, 5, sway=0.02), scores(4, 0.0, 6, sway=0.02)).query("metric == 'dice'")
    assert firm["first"].max() == 1 and firm["rank_high"].min() == 1
    assert shaken["first"].max() < 0.99 and shaken["rank_high"].tolist() == [2, 2]


def test_equal_networks_share_the_first_place() -> None:
    a = scores(1, 0.0, 7)
    rows = ranked(a, a, a - 0.1).query("metric == 'dice'")
    assert rows["first"].tolist() == [0.5, 0.5, 0] and rows["rank"].tolist() == [1.5, 1.5, 3]


def test_limits_are_ranks_that_occur() -> None:
    draws = np.zeros((2, 100))
    draws[0, :3] = -1  # first in 97 of 100
    first, low, high = rank_interval(draws + np.array([[0.5], [0.0]]), 0.95)
    assert first.tolist() == [0.97, 0.03] and low.tolist() == [1, 1] and high.tolist() == [2, 2]
    first, low, high = rank_interval(draws + np.array([[0.5], [0.0]]), 0.9)
    assert low.tolist() == [1, 2] and high.tolist() == [1, 2]


def test_one_network_alone_has_no_rank() -> None:
    assert ranked(scores(2, 0.0, 0)).empty
    assert list(ranked(scores(2, 0.0, 0))) == COLUMNS
