"""The generators of tables: nothing about rules, only that they print what films give."""

import numpy as np
import pytest

from bench.honest import COLUMNS, SEEDS, films, honest, measures, over_classes, slip, way


def number(text: str) -> float:
    """The mean in a cell, as a fraction."""
    mean = text.split(" ")[0]
    return float(mean.removesuffix("%")) / (100 if mean.endswith("%") else 1)


@pytest.mark.parametrize("averaging", SEEDS)
def test_a_seed_is_a_table_and_its_cells_are_fractions(averaging: str) -> None:
    table = honest(averaging, np.random.default_rng(SEEDS[averaging]))
    assert table == honest(averaging, np.random.default_rng(SEEDS[averaging]))
    for row in table.cells.values():
        assert set(COLUMNS) <= set(row)
        assert all(0 <= number(text) <= 1 for name, text in row.items() if name != "n")
    assert set(table.combined) <= set(table.cells)


def test_films_are_counts_of_whole_pixels() -> None:
    counts = films(np.random.default_rng(0))
    assert (counts >= 0).all() and (counts == counts.round()).all()
    assert set(np.sqrt(counts.sum(axis=1))) <= {64, 128, 256, 512, 1024}


def test_averages_are_those_that_are_named() -> None:
    counts = np.array([[50.0, 10, 10, 30], [0, 0, 20, 80], [80, 0, 0, 20]])
    rng = np.random.default_rng(1)
    assert way("pooled", rng)(counts) == pytest.approx([26 / 30, 13 / 17, 13 / 14, 13 / 16, 26 / 30, 13 / 14])
    assert measures(counts, 0)[:, 0] == pytest.approx([5 / 6, 0, 1]) and measures(counts, 1)[1, 2] == 1
    macro, weighted = (over_classes(counts, weighted, 0)[0, 0] for weighted in (False, True))
    assert macro == pytest.approx((5 / 6 + 3 / 4) / 2) and weighted == pytest.approx(0.6 * 5 / 6 + 0.4 * 3 / 4)


def test_a_slip_is_one_cell() -> None:
    rng, same = np.random.default_rng(3), np.random.default_rng(3)
    wrong = slip("pooled", ["dice", "recall"], 0.1, rng)["a"]
    honest_row = slip("pooled", ["dice", "recall"], 0.0, same)["a"]
    moved = [abs(float(wrong[name]) - float(honest_row[name])) for name in wrong]
    assert sorted(moved) == pytest.approx([0, 0.1])
