"""The step size before each step of a run."""

import numpy as np

from lungseg.recipe import Training

RISE = 0.3  # share of the steps in which one cycle rises
FIRST, LAST = 1 / 25, 1 / 250_000  # of one cycle's largest rate; all three are PyTorch's OneCycleLR's
POWER = 0.9  # of the polynomial; nnU-Net's


def learning_rate(recipe: Training, step: int, steps: int) -> float:
    """The optimiser's step size.

    Args:
        recipe: Names the schedule and `learning_rate`, where it starts; of one cycle, its top.
        step: How many steps were taken before.
        steps: Of the whole run.
    """
    done, top = step / steps, recipe.learning_rate
    if recipe.schedule == "constant":
        return top
    if recipe.schedule == "polynomial":
        return top * (1 - done) ** POWER
    if recipe.schedule == "one_cycle":
        return _one_cycle(step, steps) * top
    return top * 0.5 * (1 + float(np.cos(np.pi * step / steps)))


def _one_cycle(step: int, steps: int) -> float:
    """Up and down along two half cosines; its top is after `RISE` of the steps, its end before the last step."""
    top = RISE * steps - 1
    if step <= top:
        return _between(FIRST, 1, step / top)
    return _between(1, LAST, (step - top) / (steps - 1 - top)) if steps - 1 > top else LAST


def _between(start: float, end: float, share: float) -> float:
    """Along half a cosine."""
    return end + (start - end) * 0.5 * (1 + float(np.cos(np.pi * share)))
