"""Fewer films: nested, each data set with its share, the same for the same seed."""

import numpy as np
import pytest

from lungseg.data.films import Part
from lungseg.data.subset import subset
from lungseg.errors import InputError

NAMES = ["a"] * 30 + ["b"] * 10
PIXELS = np.arange(40, dtype=np.uint8)[:, None, None]
WHOLE = Part(NAMES, [f"film{number}" for number in range(40)], PIXELS, PIXELS % 2)


def test_smaller_sets_lie_in_larger_ones_and_each_data_set_has_its_share() -> None:
    before: set[str] = set()
    for number in (1, 4, 8, 20, 40):
        found = subset(WHOLE, number, 0)
        assert len(found.image_id) == number and before <= set(found.image_id)
        assert abs(found.dataset.count("b") - number / 4) <= 1
        assert [f"film{one}" for one in found.images[:, 0, 0]] == found.image_id
        assert np.array_equal(found.masks, found.images % 2)
        before = set(found.image_id)
    assert subset(WHOLE, 40, 0).sha256() == WHOLE.sha256()
    assert subset(WHOLE, None, 0) is WHOLE


def test_the_seed_decides_which() -> None:
    assert subset(WHOLE, 8, 0).image_id == subset(WHOLE, 8, 0).image_id != subset(WHOLE, 8, 1).image_id


def test_a_data_sets_own_films_do_not_depend_on_the_others() -> None:
    alone = Part(NAMES[:30], WHOLE.image_id[:30], PIXELS[:30], PIXELS[:30] % 2)
    together = [name for name in subset(WHOLE, 8, 0).image_id if int(name[4:]) < 30]
    assert together == subset(alone, len(together), 0).image_id


def test_more_than_there_are_is_told() -> None:
    with pytest.raises(InputError, match="config key films: found 41, expected at most the 40 films"):
        subset(WHOLE, 41, 0)
