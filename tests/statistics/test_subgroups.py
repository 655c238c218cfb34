"""Two groups of films: by hand, by Welch's test, and what must not change the difference."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_ind

from lungseg.statistics.subgroups import COLUMNS, signed_shares, subgroup_differences
from tests.statistics.test_estimation import cell, scores


def dice(table: pd.DataFrame, test_on: str = "jsrt", level: float = 0.95, **more: str) -> pd.Series:
    return cell(subgroup_differences(table, level), variant="v0", test_on=test_on, metric="dice", **more)


def test_difference_is_abnormal_less_normal_with_both_counted() -> None:
    table = scores()
    by_hand = table.query("variant == 'v0' and test_on == 'jsrt'").groupby("abnormal")["dice"].mean()
    found = dice(table)
    assert found["difference"] == pytest.approx(by_hand[1] - by_hand[0], abs=1e-12)
    assert found["low"] < found["difference"] < found["high"]
    assert (found["images_group"], found["images_against"], found["seeds"]) == (15, 15, 2)
    assert (found["group"], found["against"]) == ("abnormal", "normal")


def test_standard_error_of_one_seed_is_that_of_two_independent_groups() -> None:
    table = scores(variants=1, seeds=1, films={"jsrt": 40})
    groups = [table.loc[table["abnormal"] == one, "dice"] for one in (1, 0)]
    witness = ttest_ind(*groups, equal_var=False)
    found = dice(table)
    assert found["difference"] / found["se"] == pytest.approx(witness.statistic)
    assert found["df"] <= witness.df + 1e-9  # kurtosis takes some away
    assert np.isnan(found["p"]) and np.isnan(found["p_holm"]) and found["sign"] == "undecided"  # of one run alone


def test_films_are_not_paired_across_groups() -> None:
    """In another order of the films of one group nothing changes."""
    table = scores()
    turned = table.copy()
    rows = turned["abnormal"] == 1
    turned.loc[rows, "image_id"] = [name[::-1] for name in turned.loc[rows, "image_id"]]
    before, after = (subgroup_differences(one, 0.95).set_index(COLUMNS[:4]) for one in (table, turned))
    assert set(before.index.get_level_values("metric")) == {"dice", "iou", "recall", "precision", "loss"}
    pd.testing.assert_frame_equal(before, after)


def test_seeds_that_shift_all_films_alike_are_no_uncertainty_of_the_difference() -> None:
    table = scores()
    moved = table.assign(dice=table["dice"] - 0.1 * table["seed"])
    assert dice(moved)["se"] == pytest.approx(dice(table)["se"])
    apart = table.assign(dice=table["dice"] - 0.1 * table["seed"] * table["abnormal"])
    assert dice(apart)["se"] > 5 * dice(table)["se"]


def test_pooled_never_compares_data_sets() -> None:
    """Data sets that differ, with other shares of abnormal films, leave the difference alone."""
    table = scores()
    table["abnormal"] = np.where(
        table["test_on"] == "jsrt", table["image_id"].str[-1].astype(int) % 5 > 0, table["abnormal"] == 1
    )
    lifted = table.assign(dice=table["dice"] - 0.2 * (table["test_on"] == "jsrt"))
    for one in ("difference", "low", "high", "p"):
        assert dice(lifted, "pooled")[one] == pytest.approx(dice(table, "pooled")[one])
    parts = [dice(table, name)["difference"] * size for name, size in (("jsrt", 30), ("montgomery", 12))]
    assert dice(table, "pooled")["difference"] == pytest.approx(sum(parts) / 42, abs=1e-12)


def test_a_data_set_with_one_group_is_left_out() -> None:
    table = scores().assign(abnormal=lambda t: t["abnormal"] * (t["test_on"] == "jsrt"))
    found = subgroup_differences(table, 0.95)
    assert set(found["test_on"]) == {"jsrt", "pooled"}
    assert dice(table, "pooled")["images_group"] == 15 and dice(table, "pooled")["images_against"] == 15
    assert dice(table, "pooled")["difference"] == pytest.approx(dice(table)["difference"])
    assert signed_shares(["a", "a", "a", "b"], np.array([True, False, False, True])).tolist() == [3, -1.5, -1.5, 0]
    nothing = subgroup_differences(scores().assign(abnormal=0), 0.95)
    assert nothing.empty and list(nothing) == COLUMNS


def test_less_loss_is_better_and_holm_has_the_pools_networks() -> None:
    table = scores(variants=3)
    worse = table.assign(loss=0.1 + 0.05 * table["abnormal"] + table["dice"] * 0.01)
    found = subgroup_differences(worse, 0.95, ["v0", "v1"])
    loss = found.query("metric == 'loss' and test_on == 'jsrt'")
    assert set(loss["sign"]) == {"normal better"} and (loss["difference"] > 0).all()
    p = found.query("metric == 'dice' and test_on == 'jsrt'").set_index("variant")
    pair = sorted(p.loc[["v0", "v1"], "p"])
    assert sorted(p.loc[["v0", "v1"], "p_holm"]) == pytest.approx(
        [min(1, 2 * pair[0]), min(1, max(2 * pair[0], pair[1]))]
    )
    assert p.loc["v2", "p_holm"] >= p.loc["v2", "p"]
    assert (found["seed_variance"] == "pool").all()
