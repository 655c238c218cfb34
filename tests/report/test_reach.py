"""What could have been found, as the page tells it."""

import numpy as np
import pandas as pd
import pytest

from lungseg.report.reach import reach
from tests.workflow import MISHRA

POWER = pd.DataFrame(
    {"variant_a": ["unet", "unet"], "variant_b": ["mine", "proposed"], "detectable": [0.9, 0.0026],
     "detectable_holm": [0.9, 0.0041], "seeds": [2, 2], "images": [192, 192]}
)  # fmt: skip
SIZES = pd.DataFrame(
    [("unet", "proposed", gap, seeds, films) for gap, seeds, films in
     ((0.001, 2, None), (0.001, 5, 2424), (0.005, 2, 87), (0.005, 5, 90))] + [("unet", "mine", 0.001, 2, 7)],
    columns=["variant_a", "variant_b", "difference", "seeds", "films"],
).astype({"films": "Int64"})  # fmt: skip


@pytest.mark.parametrize("turned", [False, True])
def test_the_headlines_difference_is_told_either_way_round(turned: bool) -> None:
    names = {"variant_a": "variant_b", "variant_b": "variant_a"} if turned else {}
    found = reach(POWER.rename(columns=names), SIZES.rename(columns=names), MISHRA)
    assert found is not None and (found["detectable"], found["seeds"], found["images"]) == (0.0026, 2, 192)
    assert found["differences"] == [0.001, 0.005]
    assert found["rows"] == [{"seeds": 2, "films": [None, 87]}, {"seeds": 5, "films": [2424, 90]}]


def test_without_the_two_networks_there_is_nothing_to_tell() -> None:
    assert reach(POWER[:1], SIZES, MISHRA) is None
    assert reach(POWER.assign(detectable=0.0), SIZES, MISHRA) is None  # networks that are all alike
    assert reach(POWER.assign(detectable=np.nan), SIZES, MISHRA) is None  # whose seeds differ too much for any
    assert reach(POWER[:0], SIZES[:0], MISHRA) is None
    assert reach(POWER, SIZES, MISHRA.model_copy(update={"headline": None})) is None


def test_a_step_at_which_nothing_would_be_found_is_told() -> None:
    found = reach(POWER.assign(detectable_holm=np.nan), SIZES, MISHRA)
    assert found is not None and found["detectable"] == 0.0026 and found["detectable_holm"] is None
