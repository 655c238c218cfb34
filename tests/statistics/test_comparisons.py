"""Paired comparisons: SciPy and statsmodels as witnesses, every verdict reached."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.weightstats import ttost_paired

from lungseg.statistics.bootstrap import film_weights, resampled_means
from lungseg.statistics.comparisons import COMPARED, MARGIN, Resampled, compare, equivalence, false_claim
from lungseg.statistics.score_blocks import METRICS, Block, Runs


def block(*groups: np.ndarray) -> Block:
    """Variants v0, v1, … with the given scores of shape (seed, film) in every metric."""
    films = groups[0].shape[1]
    runs = [
        Runs(
            f"v{i}",
            np.repeat(group[..., None], len(METRICS), axis=2),
            np.ones((*group.shape, 4)),
            np.zeros(group.shape, bool),
        )
        for i, group in enumerate(groups)
    ]
    return Block("pooled", "jsrt", ["jsrt"] * films, runs)


def compared(*groups: np.ndarray, resamples: int = 4000, metric: str = "dice"):  # type: ignore[no-untyped-def]  # noqa: ANN201
    """The row of v0 against v1."""
    cut, rng = block(*groups), np.random.default_rng(0)
    weights = film_weights(cut.strata, resamples, rng)
    drawn = Resampled(
        dict(zip([r.variant for r in cut.runs], resampled_means(cut.runs, weights, rng), strict=True)),
        rng.choice([-1.0, 1.0], weights.shape),
    )
    table = compare(cut, [("v0", "v1")], drawn, 0.95)
    assert list(table["metric"]) == COMPARED
    return table[table["metric"] == metric].iloc[0]


def scores(seeds: int = 1, films: int = 30, seed: int = 0, better: float = 0.0, spread: float = 0.004) -> np.ndarray:
    rng = np.random.default_rng([7, seed])
    hard = np.random.default_rng(1).normal(0.95, 0.02, films)
    return hard + better + rng.normal(0, spread, (seeds, films))


def test_tests_are_those_of_scipy_and_statsmodels() -> None:
    a, b = scores(seed=0, better=0.002), scores(seed=1)
    row = compared(a, b)
    assert row["p"] == pytest.approx(stats.wilcoxon(a[0], b[0]).pvalue)
    assert row["p_equivalence"] == pytest.approx(ttost_paired(a[0], b[0], -MARGIN, MARGIN)[0], rel=1e-9)
    better, other = (a[0], b[0]) if a.mean() > b.mean() else (b[0], a[0])
    assert row["p_false_claim"] == pytest.approx(stats.ttest_rel(better, other, alternative="greater").pvalue)
    assert row["difference"] == pytest.approx(a.mean() - b.mean()) and row["low"] < row["difference"] < row["high"]
    assert row["superiority"] == (a[0] > b[0]).mean()


def test_permutation_agrees_with_scipy() -> None:
    a, b = scores(seed=2, better=0.0012), scores(seed=3)
    witness = stats.permutation_test(
        (a[0], b[0]), lambda x, y, axis: np.mean(x - y, axis=axis), permutation_type="samples", n_resamples=20_000,
        vectorized=True, rng=np.random.default_rng(0),
    ).pvalue  # fmt: skip
    found = compared(a, b, resamples=20_000)["p_permutation"]
    assert 0.001 < witness < 0.9
    assert found == pytest.approx(witness, abs=4 * np.sqrt(witness * (1 - witness) / 20_000))


def test_the_pair_may_stand_either_way_round() -> None:
    a, b = scores(seed=2, better=0.0012), scores(seed=3)
    one, other = compared(a, b), compared(b, a)
    for name in ("p", "p_permutation", "p_equivalence", "p_false_claim"):
        assert one[name] == pytest.approx(other[name], abs=0.03 if name == "p_permutation" else 1e-12)
    assert one["superiority"] == pytest.approx(1 - other["superiority"])
    assert (one["difference"], one["low"]) == pytest.approx((-other["difference"], -other["high"]))


def test_same_scores_are_no_difference() -> None:
    row = compared(scores(), scores())
    assert (row["p"], row["p_permutation"], row["p_false_claim"], row["superiority"]) == (1, 1, 0.5, 0.5)
    assert row["verdict"] == "equivalent" and row["p_equivalence"] == 0


@pytest.mark.parametrize(
    ("better", "spread", "verdict"),
    [(0.02, 0.004, "a better"), (-0.02, 0.004, "b better"), (0.0005, 0.004, "equivalent"), (0.004, 0.02, "undecided")],
)
def test_each_verdict_has_its_case(better: float, spread: float, verdict: str) -> None:
    row = compared(scores(3, seed=4, better=better, spread=spread), scores(3, seed=5, spread=spread))
    assert row["verdict"] == verdict


def test_less_is_better_of_a_distance() -> None:
    groups = scores(3, seed=4, better=0.02), scores(3, seed=5)
    assert compared(*groups, metric="dice")["verdict"] == "a better"
    distance = compared(*groups, metric="hd95_px")
    assert distance["verdict"] == "b better" and distance["superiority"] < 0.5 and distance["difference"] > 0
    assert np.isnan(distance["p_equivalence"])


def test_a_significant_difference_of_films_alone_is_not_enough() -> None:
    """Two seeds that disagree by more than the networks do: the signed ranks of films are sure, the interval is not."""
    a, b = scores(2, seed=6, spread=1e-4), scores(2, seed=7, spread=1e-4)
    a[0] += 0.02
    row = compared(a, b)
    assert row["p_holm"] < 0.05 and row["low"] < 0 < row["high"] and row["verdict"] == "undecided"


def test_holm_corrects_within_one_metric() -> None:
    groups = [scores(seed=i, better=0.0007 * i) for i in range(3)]
    cut, rng = block(*groups), np.random.default_rng(0)
    weights = film_weights(cut.strata, 100, rng)
    drawn = Resampled(
        dict(zip([r.variant for r in cut.runs], resampled_means(cut.runs, weights, rng), strict=True)),
        np.ones((100, 30)),
    )
    family = (
        compare(cut, [("v0", "v1"), ("v0", "v2"), ("v1", "v2")], drawn, 0.95).query("metric == 'iou'").sort_values("p")
    )
    by_hand = np.maximum.accumulate(np.minimum(family["p"].to_numpy() * [3, 2, 1], 1))
    assert family["p_holm"].to_numpy() == pytest.approx(by_hand)


def test_equivalence_needs_both_sides() -> None:
    assert equivalence(0.0, 0.001, 20) < 0.001 and equivalence(MARGIN, 0.001, 20) == pytest.approx(0.5)
    assert equivalence(-0.02, 0.001, 20) > 0.999
    assert equivalence(0.001, 0.0, 1) == 0 and equivalence(0.006, 0.0, 1) == 1


def test_a_false_claim_is_a_coin_toss_where_nothing_differs() -> None:
    assert false_claim(np.zeros(5)) == 0.5 and false_claim(np.ones(5)) == 0
    assert false_claim(np.array([1.0, -1.0])) == pytest.approx(0.5)
    gains = np.array([0.01, 0.02, -0.005, 0.015])
    assert false_claim(-gains) == false_claim(gains) < 0.5  # whichever is claimed to be better
