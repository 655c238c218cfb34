"""Rounds of a run follow each other without a gap, whatever a run is measured in."""

import numpy as np
import pytest

from lungseg.learning.batches import passes, round_of, steps_of_pass, total
from lungseg.recipe import Training


@pytest.mark.parametrize(("given", "images"), [({"epochs": 3}, 37), ({"steps": 70}, 37), ({"epochs": 2}, 5)])
def test_rounds_follow_each_other_and_end_with_the_run(given: dict[str, int], images: int) -> None:
    recipe = Training(batch_size=8, **given)
    rounds = [round_of(recipe, images, 7, number) for number in range(1, recipe.rounds + 1)]
    begins = [0, *np.cumsum([len(one.order) for one in rounds]).tolist()]
    assert [one.first for one in rounds] == begins[:-1] and begins[-1] == total(recipe, images)
    assert all(len(one.draws) == len(one.order) for one in rounds)
    assert passes(recipe, images) == total(recipe, images) // steps_of_pass(recipe, images)
    whole = np.concatenate([one.order for one in rounds])
    for begin in range(0, len(whole) - steps_of_pass(recipe, images) + 1, steps_of_pass(recipe, images)):
        seen = whole[begin : begin + steps_of_pass(recipe, images)].ravel()
        assert len(set(seen.tolist())) == len(seen)  # no film twice in a pass
