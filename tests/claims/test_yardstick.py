"""What closeness is worth: a table that was made by a definition stands out, one that was not does not."""

import numpy as np
import pandas as pd
import pytest

from lungseg.claims.definitions import Study, study
from lungseg.claims.yardstick import WAYS, closest, yardstick
from tests.claims.test_definitions import TABLE1, runs


def made(seed: int = 0) -> Study:
    """A study whose third definition is what the paper printed."""
    rng = np.random.default_rng(seed)
    measured = rng.uniform(0.8, 1, (50, 4, 8))
    definitions = pd.DataFrame({"number": range(50)})
    return Study(definitions, list(TABLE1), measured, measured[3].copy())


def test_a_table_made_by_a_definition_is_closer_than_all_permuted_ones() -> None:
    table = yardstick(made(), 200, np.random.default_rng(0)).set_index("permuted")
    assert list(table.index) == list(WAYS)
    assert table["distance"].to_numpy() == pytest.approx(0)
    assert (table["rank"] == 1).all() and (table["p"] <= 3 / 201).all()  # a permutation may change nothing
    assert (table["median"] > 0.02).all() and (table["closest"] <= table["median"]).all()


def test_a_table_made_by_chance_has_any_rank() -> None:
    ranks = []
    for seed in range(30):
        found, rng = made(seed), np.random.default_rng([seed, 1])
        random = Study(found.definitions, found.variants, found.measured, rng.uniform(0.8, 1, (4, 8)))
        ranks += yardstick(random, 19, rng)["rank"].tolist()
    assert 7 < np.mean(ranks) < 14 and min(ranks) == 1 and max(ranks) == 20


@pytest.mark.parametrize(("way", "axis"), [("columns of each network", 1), ("networks of each column", 0)])
def test_cells_change_places_as_declared(way: str, axis: int) -> None:
    table = TABLE1.T.to_numpy()
    permuted = WAYS[way](table, np.random.default_rng(0))
    assert (np.sort(permuted, axis=axis) == np.sort(table, axis=axis)).all() and (permuted != table).any()
    everywhere = WAYS["all cells"](table, np.random.default_rng(0))
    assert sorted(everywhere.ravel()) == sorted(table.ravel())
    assert (np.sort(everywhere, axis=axis) != np.sort(table, axis=axis)).any()


def test_distance_is_that_of_the_closest_definition() -> None:
    values = np.array([[0.9, 0.8], [0.7, 0.7]])
    assert closest(values, np.array([[[0.9, 0.9]], [[0.7, 0.6]]])) == pytest.approx([0.05, 0.05])
    found = study(runs(), TABLE1)
    gaps = np.abs(found.measured[..., :4] - found.published[:, :4]).mean(axis=(1, 2))
    assert yardstick(found, 5, np.random.default_rng(0))["distance"].to_numpy() == pytest.approx(gaps.min())


def test_the_same_seed_permutes_alike() -> None:
    pd.testing.assert_frame_equal(*(yardstick(made(), 20, np.random.default_rng(4)) for _ in range(2)))


def test_without_networks_or_with_a_gap_in_the_table_there_is_no_yardstick() -> None:
    assert yardstick(study([], TABLE1), 20, np.random.default_rng(0)).empty
    gap = TABLE1.copy()
    gap.loc["recall", "unet"] = np.nan
    assert yardstick(study(runs(), gap), 20, np.random.default_rng(0)).empty
