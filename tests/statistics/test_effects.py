"""Effects of crossed parts: by hand, against differences of pairs, and by simulation of what their intervals hold."""

import numpy as np
import pandas as pd
import pytest

from lungseg.statistics.comparisons import COMPARED
from lungseg.statistics.effects import COLUMNS, effects
from lungseg.statistics.estimation import make_tables
from tests.statistics.test_estimation import cell, scores
from tests.workflow import MISHRA

MAIN = {"v0": 0.5, "v1": -0.5, "v2": 0.5, "v3": -0.5}
CROSSED = {"part": MAIN, "interaction": {"v0": 1, "v1": -1, "v2": -1, "v3": 1}}


def dice(table: pd.DataFrame, effect: str, **more: object) -> pd.Series:
    found = effects(table, CROSSED | {"pair": {"v0": 1, "v1": -1}}, 0.95, margins={"dice": 0.02}, **more)
    return cell(found, effect=effect, test_on="jsrt", metric="dice")


def test_effect_is_the_weighted_sum_of_means() -> None:
    table = scores(variants=4)
    means = table.query("test_on == 'jsrt'").groupby("variant")["dice"].mean()
    for effect, weights in CROSSED.items():
        by_hand = sum(weight * means[variant] for variant, weight in weights.items())
        found = dice(table, effect)
        assert found["difference"] == pytest.approx(by_hand, abs=1e-12)
        assert found["low"] < found["difference"] < found["high"]
    assert found["variants"] == "1 v0 + 1 v3 - 1 v1 - 1 v2"


@pytest.mark.parametrize("pool", [(), ("v0", "v1", "v2", "v3")])
def test_effect_of_two_variants_is_their_difference_in_comparisons(pool: tuple[str, ...]) -> None:
    table = scores(variants=4, seeds=3)
    rng = np.random.default_rng(0)
    compared = make_tables(table, MISHRA, pd.DataFrame(), {"pooled": ["jsrt"]}, 100, 0.95, rng, pool=pool).comparisons
    witness = cell(compared, variant_a="v0", variant_b="v1", test_on="jsrt", metric="dice")
    found = dice(table, "pair", pool=pool)
    for column in ("difference", "low", "high", "p", "se", "df"):
        assert found[column] == pytest.approx(witness[column], rel=1e-12), column
    assert found["seed_variance"] == ("pool" if pool else "own")


def test_halving_all_weights_halves_the_effect_and_its_interval() -> None:
    table = scores(variants=4, seeds=3)
    both = {"one": CROSSED["interaction"], "half": {name: each / 2 for name, each in CROSSED["interaction"].items()}}
    found = effects(table, both, 0.95, pool=["v0", "v1", "v2", "v3"]).set_index(["effect", "test_on", "metric"])
    columns = ["difference", "low", "high", "se"]
    np.testing.assert_allclose(found.loc["half", columns], found.loc["one", columns] / 2)
    np.testing.assert_allclose(found.loc["half", ["p", "df"]], found.loc["one", ["p", "df"]])


def test_intervals_of_an_interaction_hold_the_truth_as_often_as_they_say() -> None:
    """Four networks of three seeds whose truth is known: films and seeds vary, one film is hard for all."""
    rng, held = np.random.default_rng(0), []
    whole = scores(variants=4, seeds=3, films={"jsrt": 30})
    here = whole["variant"].str[1].astype(int).to_numpy()
    truth = 0.02
    for _ in range(60):
        seeds = rng.normal(0, 0.004, (4, 3))[here, whole["seed"]]
        films = rng.normal(0, 0.01, (4, 30))[here, whole["image_id"].factorize()[0]]
        noise = rng.normal(0, 0.003, len(whole))
        table = whole.assign(dice=0.9 + np.where(here == 0, truth, 0) + seeds + films + noise)
        found = effects(table, {"interaction": CROSSED["interaction"]}, 0.95, pool=["v0", "v1", "v2", "v3"])
        found = cell(found, effect="interaction", test_on="jsrt", metric="dice")
        held.append(found["low"] <= truth <= found["high"])
    assert 0.9 <= np.mean(held) <= 0.99


def test_sign_follows_the_metric_and_relevance_the_margin() -> None:
    table = scores(variants=4)
    gone = table.assign(dice=np.where(table["variant"] == "v0", table["dice"], table["dice"] - 0.5))
    found = effects(gone, {"pair": {"v0": 1, "v1": -1}}, 0.95, margins={"dice": 0.02})
    row = cell(found, effect="pair", test_on="jsrt", metric="dice")
    assert (row["sign"], row["relevance"]) == ("gain", "beyond")
    worse = table.assign(loss=np.where(table["variant"] == "v0", table["loss"] + 5, table["loss"]))
    row = cell(effects(worse, {"pair": {"v0": 1, "v1": -1}}, 0.95), effect="pair", test_on="jsrt", metric="loss")
    assert (row["sign"], row["relevance"]) == ("loss", "")
    twin = table.assign(dice=table.groupby(["test_on", "image_id", "seed"])["dice"].transform("first"))
    row = cell(effects(twin, {"pair": {"v0": 1, "v1": -1}}, 0.95, margins={"dice": 0.02}),
               effect="pair", test_on="jsrt", metric="dice")  # fmt: skip
    assert (row["sign"], row["relevance"]) == ("undecided", "within")


def test_a_variant_that_is_not_there_leaves_its_effects_out() -> None:
    found = effects(scores(variants=3), CROSSED | {"pair": {"v0": 1, "v1": -1}}, 0.95)
    assert set(found["effect"]) == {"pair"} and set(found["metric"]) <= set(COMPARED)
    assert list(effects(scores(variants=1), CROSSED, 0.95).columns) == COLUMNS


def test_one_run_gives_no_p() -> None:
    row = cell(effects(scores(variants=4, seeds=1), CROSSED, 0.95, margins={"dice": 1}), effect="part",
               test_on="jsrt", metric="dice")  # fmt: skip
    assert np.isnan(row["p"]) and (row["sign"], row["relevance"]) == ("undecided", "undecided")
    apart = scores(variants=2, seeds=1).assign(dice=lambda table: table["dice"] - 0.5 * (table["variant"] == "v0"))
    found = effects(apart, {"pair": {"v0": 1, "v1": -1}}, 0.95, margins={"dice": 0.001})
    row = cell(found, effect="pair", test_on="jsrt", metric="dice")
    assert row["high"] < -0.001 and row["relevance"] == "undecided"  # how seeds vary is not known
