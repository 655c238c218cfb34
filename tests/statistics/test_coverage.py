"""The simulation that vouches for the intervals: its truth is the truth, its rows agree."""

import numpy as np
import pytest

from bench.coverage import MARGIN, POOLED, SCENES, row, shift_for, study, truth


@pytest.mark.parametrize("name", list(SCENES))
def test_the_known_truth_is_the_mean_of_many_draws(name: str) -> None:
    scene, rng = SCENES[name], np.random.default_rng(0)
    films = scene.films(400, 500, rng)
    drawn = scene.dice(films, rng.normal(size=(2, 500)), rng)
    error = drawn.mean(axis=(0, 1)).std() / np.sqrt(500)
    assert drawn.mean() == pytest.approx(scene.truth(), abs=5 * error)


def test_the_shift_makes_the_margin() -> None:
    assert truth(POOLED) - truth(POOLED, shift_for(POOLED, MARGIN)) == pytest.approx(MARGIN)


def test_misses_and_coverage_add_up() -> None:
    limits = np.array([[0.0, 0.0, 2.0, 0.0], [1.0, 3.0, 3.0, 0.5]])
    found = row(limits, 0.7)
    assert (found["coverage"], found["missed_below"], found["missed_above"]) == (0.5, 0.25, 0.25)
    assert found["coverage_low"] < 0.5 < found["coverage_high"] and found["median_width"] == 1


def test_a_small_study_has_every_method_and_wider_intervals_cover_more() -> None:
    rows = study("montgomery", {"montgomery": 28}, 2, 300, np.random.default_rng(1))
    found = {(r["quantity"], r["method"]): r for r in rows}
    assert len(found) == 4 + 2 + 1
    assert (
        found["mean", "crossed t, Hall (in the tables)"]["coverage"]
        > found["mean", "crossed bootstrap, percentile"]["coverage"]
    )
    assert found["called equivalent at the margin", "two one-sided tests"]["coverage"] < 0.12
