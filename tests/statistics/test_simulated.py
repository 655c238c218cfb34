"""Notes: what the simulation says stands beside the numbers that it concerns, and beside no other."""

import numpy as np
import pandas as pd
import pytest

from lungseg.statistics.simulated import (
    COMMON,
    FALSE_EQUIVALENCE,
    ONE_RUN,
    PERCENTILE,
    by_common_variance,
    notes,
    of_such,
    simulated,
    turned_round,
)
from lungseg.statistics.simulated import noted as added


def coverage() -> pd.DataFrame:
    """Scenes of two shapes with two and five seeds; coverage names them."""
    rows = [
        (quantity, seeds, skewness, found, "x (in the tables)", scene)
        for scene, shift in (("jsrt, as observed", 0.0), ("jsrt", 0.5))
        for quantity, seeds, skewness, found in [
            ("mean", 2, 0.1, 0.95), ("mean", 2, 0.7, 0.81), ("mean", 5, 0.7, 0.86),
            ("difference", 2, 0.1, 0.96), ("difference", 2, 0.7, 0.91), ("difference", 5, 0.7, 0.88),
            (FALSE_EQUIVALENCE, 2, 0.1, 0.05), (FALSE_EQUIVALENCE, 2, 0.7, 0.12), (FALSE_EQUIVALENCE, 5, 0.7, 0.19),
        ]
        for skewness in [skewness + shift]
    ]  # fmt: skip
    rows += [("mean", 2, -0.1, 0.5, "another", "jsrt, as observed")]
    rows += [("mean", seeds, 0.1, found, PERCENTILE, "jsrt, as observed")
             for seeds, found in [(2, 0.80), (2, 0.92), (5, 0.94)]]  # fmt: skip
    table = pd.DataFrame(rows, columns=["quantity", "seeds", "skewness", "coverage", "method", "scene"])
    small = table[table["scene"].str.contains("observed") & (table["skewness"] > 0.5)]
    small = small.assign(scene="montgomery, as observed", films=28, coverage=small["coverage"] - 0.2)
    table = pd.concat([table.assign(films=192), small], ignore_index=True)
    return table.assign(coverage_low=table["coverage"] - 0.01)


def noted(level: float = 0.95, **row: object) -> str:
    return notes(pd.DataFrame([{"metric": "dice", "images": 192} | row]), coverage(), level)[0]


def test_a_mean_is_judged_by_the_nearest_seeds_and_then_the_nearest_shape() -> None:
    assert noted(seeds=2, skewness=-0.05) == ""
    assert noted(seeds=2, skewness=-0.5) == "nominal 95%, simulated 81% at this shape"
    assert noted(seeds=3, skewness=-3.0) == "nominal 95%, simulated 81% at this shape"
    assert noted(seeds=4, skewness=0.0) == "nominal 95%, simulated 86% at this shape"


def test_a_row_is_judged_by_its_own_films_before_seeds_and_shape() -> None:
    assert noted(images=28, seeds=2, skewness=0.1) == "nominal 95%, simulated 61% at this shape"
    assert noted(images=28, seeds=5, skewness=0.1) == "nominal 95%, simulated 66% at this shape"
    assert noted(images=28, seeds_a=2, seeds_b=2, skewness=0.1) == "nominal 95%, simulated 71% at this shape"
    for films in (183, 192, 100_000):  # as many as without some whose patient is elsewhere too
        assert noted(images=films, seeds=2, skewness=0.1) == ""


def test_a_difference_is_judged_by_its_fewer_seeds_and_told_false_equivalence_only_where_it_is_claimed() -> None:
    sizes = {"seeds_a": 5, "seeds_b": 2, "skewness": 0.9}
    assert noted(**sizes, relevance="undecided") == "nominal 95%, simulated 91% at this shape"
    assert noted(**sizes, relevance="within") == (
        "nominal 95%, simulated 91% at this shape; falsely within the margin: nominal 5%, simulated 12%"
    )
    assert noted(seeds_a=2, seeds_b=2, skewness=0.0, relevance="within") == ""


def test_a_ratio_of_all_pixels_is_told_what_percentile_intervals_do() -> None:
    told = "percentile interval: nominal 95%, of means simulated 80% to 92%"
    assert noted(metric="dice_pooled", seeds=3, skewness=np.nan) == told
    assert noted(metric="dice_pooled", seeds=4, skewness=np.nan) == ""
    assert noted(level=0.9, metric="dice_pooled", seeds=3, skewness=np.nan) == ""


def test_a_note_tells_both_the_other_interval_and_the_simulation_and_a_single_run_neither() -> None:
    other, said = f"{COMMON}: -0.0040 to +0.0014", "nominal 95%, simulated 81% at this shape"
    own = [(0.7, other), (0.0, other), (0.7, None), (0.0, np.nan), (0.7, ONE_RUN)]
    table = pd.DataFrame(own, columns=["skewness", "note"]).assign(metric="dice", images=192, seeds=2)
    both, *rest = added(table, coverage(), 0.95)
    assert [both, *rest] == [f"{other}; {said}", other, said, "", ONE_RUN]
    assert (by_common_variance(both), simulated(both)) == ("-0.0040 to +0.0014", said)
    assert turned_round(both) == f"{COMMON}: -0.0014 to +0.0040; {said}"
    for note in (said, "", ONE_RUN, None, np.nan):
        assert by_common_variance(note) == "" and turned_round(note) is note


def test_a_sentence_says_of_what_the_simulation_speaks() -> None:
    both = "nominal 95%, simulated 81% at this shape; falsely within the margin: nominal 5%, simulated 12%"
    assert of_such(both) == f"of such intervals: {both}" and of_such(None) == of_such(ONE_RUN) == ""
    assert of_such(f"{COMMON}: -0.1 to +0.1; falsely within the margin: nominal 5%, simulated 12%") == (
        "of such differences, falsely within the margin: nominal 5%, simulated 12%"
    )


@pytest.mark.parametrize("skewness", [np.nan, None])
def test_without_a_shape_or_at_another_level_nothing_is_said(skewness: float | None) -> None:
    assert noted(seeds=2, skewness=skewness) == ""
    assert noted(level=0.9, seeds=2, skewness=0.7) == ""


def test_no_rows_have_no_notes() -> None:
    assert notes(pd.DataFrame(columns=["metric", "seeds", "skewness"]), coverage(), 0.95) == []
