"""Numbers without some test films are those of a table that never had them."""

import numpy as np
import pandas as pd
import pytest

from lungseg.paper import read_references
from lungseg.statistics.estimation import make_tables
from lungseg.statistics.sensitivity import COLUMNS, sensitivity
from tests.statistics.test_estimation import TRAIN_ON, cell, scores
from tests.workflow import MISHRA

OUT = ["montgomery3", "montgomery7"]


def tables(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    inference = make_tables(table, MISHRA, read_references(), TRAIN_ON, 100, 0.95, np.random.default_rng(0))
    return inference.estimates, inference.comparisons


def test_every_number_is_the_one_of_the_experiments_own_tables_with_and_without_the_films() -> None:
    table = scores(variants=3, seeds=2)
    found = sensitivity(table, OUT, 0.95)
    full, less = tables(table), tables(table[~table["image_id"].isin(OUT)])
    assert set(found["test_on"]) == {"montgomery", "pooled"} and list(found) == COLUMNS
    for _, row in found.iterrows():
        where = {key: row[key] for key in ("train_on", "test_on", "metric")}
        if row["against"]:
            pair = {"variant_a": row["variant"], "variant_b": row["against"]}
            before, after = (cell(some[1], **pair, **where).rename({"difference": "mean"}) for some in (full, less))
        else:
            before, after = (cell(some[0], variant=row["variant"], **where) for some in (full, less))
        names = ["mean", "low", "high"]
        assert row[names].tolist() == pytest.approx(after[names].tolist(), abs=1e-12)
        assert row[[f"full_{name}" for name in names]].tolist() == pytest.approx(before[names].tolist(), abs=1e-12)
        assert row["change"] == pytest.approx(after["mean"] - before["mean"], abs=1e-12)
        assert row["left_out"] == 2 and row["images"] == after["images"]
    pairs = found[found["against"] != ""]
    assert len(pairs.query("metric == 'dice' and test_on == 'pooled'")) == 3


def test_only_networks_in_the_primary_way_count() -> None:
    table = scores()
    more = [table.assign(size="native", dice=0.1), table.assign(kind="reference", variant="ensemble_mean")]
    pd.testing.assert_frame_equal(sensitivity(table, OUT, 0.95), sensitivity(pd.concat([table, *more]), OUT, 0.95))


@pytest.mark.parametrize("films", [[], ["elsewhere"]])
def test_nothing_left_out_is_an_empty_table(films: list[str]) -> None:
    found = sensitivity(scores(), films, 0.95)
    assert found.empty and list(found) == COLUMNS


def test_a_test_set_that_loses_all_its_films_has_no_row() -> None:
    table = scores()
    found = sensitivity(table, [f"montgomery{n}" for n in range(12)], 0.95)
    assert set(found["test_on"]) == {"pooled"} and (found["left_out"] == 12).all()
    assert sensitivity(table, table["image_id"].tolist(), 0.95).empty


def test_one_network_has_means_alone() -> None:
    assert (sensitivity(scores(variants=1), OUT, 0.95)["against"] == "").all()
