"""Paired comparisons: SciPy and statsmodels as witnesses, every verdict reached."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import ttost_paired

from lungseg.statistics.bootstrap import film_weights, resampled_means
from lungseg.statistics.comparisons import (
    COMPARED,
    Resampled,
    Rules,
    compare,
    false_claim,
    holm,
    influence,
)
from lungseg.statistics.score_blocks import METRICS, Block, Runs
from lungseg.statistics.seeds import seed_variances

MARGIN = 0.005
RULES = Rules(0.95, None, {"dice": MARGIN})


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
    return Block("pooled", "jsrt", ["jsrt"] * films, runs, [f"film{i}" for i in range(films)])


def compared(*groups: np.ndarray, resamples: int = 4000, metric: str = "dice"):  # type: ignore[no-untyped-def]  # noqa: ANN201
    """The row of v0 against v1."""
    cut, rng = block(*groups), np.random.default_rng(0)
    weights = film_weights(cut.strata, resamples, rng)
    drawn = Resampled(
        dict(zip([r.variant for r in cut.runs], resampled_means(cut.runs, weights, 0), strict=True)),
        rng.choice([-1.0, 1.0], weights.shape),
    )
    table = compare(cut, [("v0", "v1")], drawn, RULES)
    assert list(table["metric"]) == COMPARED
    return table[table["metric"] == metric].iloc[0]


def scores(seeds: int = 1, films: int = 30, seed: int = 0, better: float = 0.0, spread: float = 0.004) -> np.ndarray:
    rng = np.random.default_rng([7, seed])
    hard = np.random.default_rng(1).normal(0.95, 0.02, films)
    return hard + better + rng.normal(0, spread, (seeds, films))


def twice(one_seed: np.ndarray) -> np.ndarray:
    """Two seeds that agree, so that films alone count."""
    return np.concatenate([one_seed, one_seed])


def test_tests_are_those_of_scipy_and_statsmodels() -> None:
    half = np.random.default_rng(0).uniform(0, 0.01, 15)
    b = scores(seed=1)
    a = b + np.r_[half, -half] + 0.002  # no skewness and no heavy tails: the plain t test's own case
    row = compared(twice(a), twice(b))
    assert row["p"] == pytest.approx(stats.ttest_rel(a[0], b[0]).pvalue, rel=1e-9)
    assert row["p_these_networks"] == pytest.approx(stats.wilcoxon(a[0] - b[0]).pvalue)
    assert row["p_equivalence"] == pytest.approx(ttost_paired(a[0], b[0], -MARGIN, MARGIN)[0], rel=1e-9)
    assert row["p_false_claim"] == pytest.approx(stats.ttest_rel(a[0], b[0], alternative="greater").pvalue)
    assert row["difference"] == pytest.approx(a.mean() - b.mean()) and row["low"] < row["difference"] < row["high"]
    assert row["superiority"] == (a[0] > b[0]).mean() and row["seed_variance"] == "own"


def test_p_says_what_the_interval_says() -> None:
    """Of 50 pairs with three seeds each, p is below .05 just where the interval leaves 0 out."""
    said = set()
    for seed in range(50):
        rng = np.random.default_rng(seed)
        a = scores(3, seed=seed) + 0.002 * rng.normal() - (rng.random(30) < 0.1) * 0.02
        row = compared(a, scores(3, seed=seed + 100), resamples=100)
        outside = bool(row["low"] > 0 or row["high"] < 0)
        assert (row["p"] < 0.05) == outside
        said.add(outside)
    assert said == {True, False}


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
    one, other = compared(twice(a), twice(b)), compared(twice(b), twice(a))
    for name in ("p", "p_these_networks", "p_permutation", "p_equivalence", "p_false_claim"):
        assert one[name] == pytest.approx(other[name], abs=0.03 if name == "p_permutation" else 1e-12)
    assert one["superiority"] == pytest.approx(1 - other["superiority"])
    assert (one["difference"], one["low"]) == pytest.approx((-other["difference"], -other["high"]))


def test_same_scores_are_no_difference() -> None:
    row = compared(twice(scores()), twice(scores()))
    assert (row["p"], row["p_these_networks"], row["p_permutation"]) == (1, 1, 1)
    assert (row["p_false_claim"], row["superiority"]) == (0.5, 0.5)
    assert row["verdict"] == "equivalent" and row["p_equivalence"] == 0
    assert (row["sign"], row["relevance"]) == ("undecided", "within")


@pytest.mark.parametrize(
    ("better", "spread", "said"),
    [
        (0.02, 0.004, ("a better", "beyond", "a better")),
        (-0.02, 0.004, ("b better", "beyond", "b better")),
        (0.003, 0.001, ("a better", "within", "equivalent")),
        (0.007, 0.012, ("a better", "undecided", "a better")),
        (0.0002, 0.004, ("undecided", "within", "equivalent")),
        (0.004, 0.02, ("undecided", "undecided", "undecided")),
    ],
)
def test_sign_and_size_stand_apart_and_the_verdict_follows(
    better: float, spread: float, said: tuple[str, str, str]
) -> None:
    row = compared(scores(3, seed=4, better=better, spread=spread), scores(3, seed=5, spread=spread))
    assert (row["sign"], row["relevance"], row["verdict"]) == said
    assert row["sign"] == "undecided" or row["low"] * row["high"] > 0


def test_less_is_better_of_a_distance() -> None:
    groups = scores(3, seed=4, better=0.02), scores(3, seed=5)
    assert compared(*groups, metric="dice")["verdict"] == "a better"
    distance = compared(*groups, metric="hd95_px")
    assert distance["verdict"] == "b better" and distance["superiority"] < 0.5 and distance["difference"] > 0
    assert np.isnan(distance["p_equivalence"])
    assert (distance["sign"], distance["relevance"]) == ("b better", "")


def test_a_margin_is_declared_per_metric() -> None:
    cut = block(scores(3, seed=4, better=0.003, spread=0.001), scores(3, seed=5, spread=0.001))
    drawn = Resampled({f"v{i}": np.zeros((9, len(METRICS))) for i in range(2)}, np.ones((9, 30)))
    wide, narrow = (compare(cut, [("v0", "v1")], drawn, Rules(0.95, None, {"iou": m})) for m in (0.005, 0.001))
    for table, size in ((wide, "within"), (narrow, "beyond")):
        assert table.set_index("metric")["relevance"].to_dict() == dict.fromkeys(COMPARED, "") | {"iou": size}


def test_a_significant_difference_of_films_alone_is_not_enough() -> None:
    """Two seeds that disagree by more than the networks do: the signed ranks of films are sure, the interval is not."""
    a, b = scores(2, seed=6, spread=1e-4), scores(2, seed=7, spread=1e-4)
    a[0] += 0.02
    row = compared(a, b)
    assert row["p_these_networks"] < 0.05 and row["low"] < 0 < row["high"] and row["p_holm"] > 0.05
    assert (row["sign"], row["verdict"]) == ("undecided", "undecided")


def test_holm_corrects_within_one_metric() -> None:
    groups = [scores(2, seed=i, better=0.0007 * i) for i in range(3)]
    cut, rng = block(*groups), np.random.default_rng(0)
    weights = film_weights(cut.strata, 100, rng)
    drawn = Resampled(
        dict(zip([r.variant for r in cut.runs], resampled_means(cut.runs, weights, 0), strict=True)),
        np.ones((100, 30)),
    )
    family = (
        compare(cut, [("v0", "v1"), ("v0", "v2"), ("v1", "v2")], drawn, RULES).query("metric == 'iou'").sort_values("p")
    )
    by_hand = np.maximum.accumulate(np.minimum(family["p"].to_numpy() * [3, 2, 1], 1))
    assert family["p_holm"].to_numpy() == pytest.approx(by_hand)


def test_a_variant_beside_the_declared_ones_changes_no_other_pairs_correction() -> None:
    p = {("a", "b"): 0.01, ("a", "c"): 0.02, ("b", "c"): 0.03, ("a", "x"): 0.004, ("b", "x"): 0.2, ("c", "x"): 0.3}
    p |= {("a", "y"): 0.001, ("b", "y"): 0.002, ("c", "y"): 0.9, ("x", "y"): 0.04}

    def corrected(*variants: str) -> dict[tuple[str, str], float]:
        pairs = [pair for pair in p if set(pair) <= set(variants)]
        rows = pd.DataFrame([(*pair, p[pair]) for pair in pairs], columns=["variant_a", "variant_b", "p"])
        return dict(zip(pairs, holm(rows, [("a", "b"), ("c", "a"), ("b", "c")]), strict=True))

    alone, one, both = corrected("a", "b", "c"), corrected("a", "b", "c", "x"), corrected("a", "b", "c", "x", "y")
    assert list(alone.values()) == pytest.approx([0.03, 0.04, 0.04])
    assert one["a", "x"] == pytest.approx(4 * 0.004)
    assert {pair: one[pair] for pair in alone} == alone
    assert {pair: both[pair] for pair in one} == one


def test_within_one_family_the_correction_is_that_of_statsmodels() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        p = rng.beta(0.3, 2, 10).round(2)  # with ties
        rows = pd.DataFrame([(*pair, one) for pair, one in zip(combinations("abcde", 2), p, strict=True)])
        rows.columns = pd.Index(["variant_a", "variant_b", "p"])
        assert holm(rows, list(combinations("abcde", 2))) == pytest.approx(multipletests(p, method="holm")[1])


def test_a_pair_without_p_is_in_no_family() -> None:
    rows = pd.DataFrame({"variant_a": ["a", "a"], "variant_b": ["b", "c"], "p": [np.nan, 0.04]})
    assert holm(rows, [("a", "b"), ("a", "c")]) == pytest.approx([np.nan, 0.04], nan_ok=True)


def test_pairs_with_other_metrics_are_corrected_among_those_that_have_them() -> None:
    """A mask without probabilities has no loss: the pairs' rows still stand metric by metric."""
    groups = [scores(2, seed=i, better=0.0007 * i) for i in range(3)]
    cut = block(*groups)
    cut.runs[1].metrics[..., METRICS.index("loss")] = np.nan
    drawn = Resampled({f"v{i}": np.zeros((9, len(METRICS))) for i in range(3)}, np.ones((9, 30)))
    table = compare(cut, [("v0", "v1"), ("v0", "v2"), ("v1", "v2")], drawn, RULES)
    assert list(dict.fromkeys(table["metric"])) == COMPARED
    assert table.query("metric == 'loss'")[["variant_a", "variant_b"]].to_numpy().tolist() == [["v0", "v2"]]
    for metric, rows in table.groupby("metric"):
        assert rows["p_holm"].to_numpy() == pytest.approx(multipletests(rows["p"], method="holm")[1]), metric


@pytest.mark.parametrize("seeds", [(1, 1), (1, 3), (3, 1)])
def test_a_single_run_that_no_pool_speaks_for_decides_nothing(seeds: tuple[int, int]) -> None:
    a, b = (scores(number, seed=i, better=0.05 * i) for i, number in enumerate(seeds))
    row = compared(a, b)
    assert "none" in row["seed_variance"] and row["note"] == "one run" and row["high"] < -0.04
    assert np.isnan([row["p"], row["p_holm"], row["p_equivalence"]]).all() and row["p_these_networks"] < 1e-6
    assert [row["sign"], row["relevance"], row["verdict"]] == ["undecided"] * 3


def test_the_interval_by_a_common_variance_is_told_where_seeds_agree_by_chance() -> None:
    cut = block(scores(3), twice(scores(1, seed=1, better=0.01))[[0, 1, 0]], scores(3, seed=2, spread=0.02))
    drawn = Resampled({f"v{i}": np.zeros((3, len(METRICS))) for i in range(3)}, np.ones((2, 30)))
    own, common = (seed_variances(cut, ["v0", "v1", "v2"], parted=parted) for parted in (True, False))
    alone = compare(cut, [("v0", "v1")], drawn, RULES, own)
    row = compare(cut, [("v0", "v1")], drawn, RULES, own, common=common).iloc[0]
    assert row["seed_variance"] == "own" and alone["note"].isna().all()
    pooled = compare(cut, [("v0", "v1")], drawn, RULES, common).iloc[0]
    assert pooled["high"] - pooled["low"] > 1.25 * (row["high"] - row["low"])
    assert row["note"] == f"common seed variance: {pooled['low']:+.4f} to {pooled['high']:+.4f}"
    assert (row["low"], row["p"], row["sign"]) == tuple(alone.iloc[0][["low", "p", "sign"]])
    told = compare(cut, [("v0", "v2")], drawn, RULES, own, common=common)["note"]
    assert told.isna().all()  # v2 varies more than the pool
    assert compare(cut, [("v0", "v1")], drawn, RULES, common, common=common)["note"].isna().all()


@pytest.mark.parametrize("off", [0.3, -0.3])
def test_the_film_that_moves_a_difference_most_is_named(off: float) -> None:
    a, b = scores(2, seed=8), scores(2, seed=9)
    b[:, 17] += off
    row = compared(a, b)
    left = np.delete((a - b).mean(axis=0), 17)
    assert row["influential_film"] == "film17" and row["difference_without"] == pytest.approx(left.mean())
    by_leaving_out = [abs(np.delete((a - b).mean(axis=0), i).mean() - (a - b).mean()) for i in range(30)]
    assert np.argmax(by_leaving_out) == 17
    assert np.isnan(influence(np.ones((1, 1)))[1]).all()


def test_a_false_claim_is_a_coin_toss_where_nothing_differs() -> None:
    assert false_claim(np.zeros(5)) == 0.5 and false_claim(np.ones(5)) == 0
    assert false_claim(np.array([1.0, -1.0])) == pytest.approx(0.5)
    gains = np.array([0.01, 0.02, -0.005, 0.015])
    assert false_claim(-gains) == false_claim(gains) < 0.5  # whichever is claimed to be better
