"""Prediction intervals: a known case by hand, and how often other laboratories fall inside."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student

from lungseg.scores.metrics import RATIOS
from lungseg.statistics.elsewhere import COLUMNS, elsewhere, predicted, sets_asked
from lungseg.statistics.intervals import crossed_estimate
from lungseg.statistics.seeds import own_variance
from tests.statistics.test_estimation import scores

SETS = {"montgomery": ["montgomery"], "nlm": ["montgomery", "jsrt"]}


def test_one_network_and_films_without_skewness_give_the_textbook_interval() -> None:
    """One seed, so that ours and theirs differ by films alone: mean +- t s sqrt(1/n + 1/n')."""
    films = np.array([0.9, 0.92, 0.94, 0.96, 0.98, 0.94])
    block = films[None, :, None]
    ours = crossed_estimate([block], [1], ["a"] * 6)
    low, high = predicted(ours, block, own_variance(block), 10, 0.95)[:, 0]
    spread, parts = films.std(ddof=1), np.array([1 / 6, 1 / 10])
    df = parts.sum() ** 2 / (parts**2 / 5).sum()  # both parts are known from the same six films
    reach = student.ppf(0.975, df) * spread * np.sqrt(parts.sum())
    assert [low, high] == pytest.approx([0.94 - reach, 0.94 + reach], abs=1e-9)


@pytest.mark.parametrize("theirs", [28, 192])
def test_another_laboratorys_mean_lies_inside_as_often_as_it_should(theirs: int) -> None:
    """Skewed films, seeds that vary, five of ours and one of theirs."""
    rng, inside, runs = np.random.default_rng(3), 0, 1500

    def draw(seeds: int, films: int) -> np.ndarray:
        hard = 0.97 - rng.gamma(1.5, 0.01, films)
        return hard + rng.normal(0, 0.002, (seeds, 1)) + rng.normal(0, 0.004, (seeds, films))

    for _ in range(runs):
        block = draw(5, 100)[..., None]
        ours = crossed_estimate([block], [1], ["a"] * 100)
        low, high = predicted(ours, block, own_variance(block), theirs, 0.95)[:, 0]
        inside += low <= draw(1, theirs).mean() <= high
    assert 0.93 < inside / runs < 0.975


def test_a_test_set_may_join_data_sets_and_its_mean_is_over_all_its_films() -> None:
    table = scores(variants=2, seeds=2)
    found = elsewhere(table, SETS, [28, 192], 0.95, [])
    assert list(found) == COLUMNS and set(found["test_on"]) == set(SETS) and set(found["metric"]) == set(RATIOS)
    row = found.query("variant == 'v0' and test_on == 'nlm' and metric == 'dice' and their_films == 28").iloc[0]
    here = table[
        (table["variant"] == "v0") & table["test_on"].isin(SETS["nlm"]) & (table["train_on"] == row["train_on"])
    ]
    assert row["mean"] == pytest.approx(here["dice"].mean()) and row["images"] == here["image_id"].nunique()
    more = found[found["their_films"] == 192].reset_index(drop=True)
    less = found[found["their_films"] == 28].reset_index(drop=True)
    assert (less["their_low"] <= more["their_low"]).all() and (less["their_high"] >= more["their_high"]).all()
    alone = elsewhere(scores(variants=2, seeds=1), SETS, [28], 0.95, [])
    assert alone["their_low"].isna().all() and alone["their_high"].isna().all() and alone["low"].notna().all()
    assert (more["their_low"] <= more["low"] + 1e-3).all() and found[["their_low", "their_high"]].isin(
        [np.nan]
    ).sum().sum() == 0


def test_only_networks_in_the_primary_way_count_and_unknown_sets_are_passed_over() -> None:
    table = scores()
    more = [table.assign(size="native", dice=0.1), table.assign(kind="reference", variant="ensemble_mean")]
    alone = elsewhere(table, SETS, [28], 0.95, [])
    pd.testing.assert_frame_equal(alone, elsewhere(pd.concat([table, *more]), SETS | {"x": ["y"]}, [28], 0.95, []))
    assert elsewhere(table, {}, [28], 0.95, []).empty and list(elsewhere(table, SETS, [], 0.95, [])) == COLUMNS


def test_a_test_set_is_a_data_set_a_training_set_or_all_that_are_pooled() -> None:
    scores = pd.DataFrame({"test_on": ["jsrt", "nlm", "jsrt", "mine"], "apart": [False, False, False, True]})
    found = sets_asked(scores, {"both": ("jsrt", "nlm")}, ["nlm", "both", "pooled", "unknown"])
    assert found == {"nlm": ["nlm"], "both": ["jsrt", "nlm"], "pooled": ["jsrt", "nlm"]}
    assert sets_asked(scores, {}, []) == {}
