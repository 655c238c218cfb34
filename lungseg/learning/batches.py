"""Which films each step of a run sees, and by what they are changed.

A run goes in rounds, and after each of them the validation films are looked at. All of a round is a function of the
seed and the round's number. Measured in epochs, a round is one pass over all films. Measured in steps, all runs of as
many steps have the same number of rounds, whatever their films: so each of them chooses among as many networks.
"""

from dataclasses import dataclass

import numpy as np

from lungseg.learning.augmentation import DRAWS
from lungseg.recipe import Training
from lungseg.shapes import Float, Int64


@dataclass(frozen=True)
class Round:
    """The steps between two looks at the validation films.

    Args:
        first: How many steps were taken before.
        order: Films of each step.
        draws: In [-1, 1], of their augmentation.
        noise: Seed of dropout.
    """

    first: int
    order: Int64[np.ndarray, "step batch"]
    draws: Float[np.ndarray, "step batch 6"]
    noise: int


def total(recipe: Training, images: int) -> int:
    """Steps of a whole run on so many images."""
    return recipe.steps if recipe.epochs is None else recipe.epochs * steps_of_pass(recipe, images)  # type: ignore[return-value]


def steps_of_pass(recipe: Training, images: int) -> int:
    """Whole batches in a pass over the images; fewer images than a batch are one batch."""
    return max(images // recipe.batch_size, 1)


def passes(recipe: Training, images: int) -> int:
    """How often a run sees each image, rounded down."""
    return total(recipe, images) // steps_of_pass(recipe, images)


def round_of(recipe: Training, images: int, seed: int, number: int) -> Round:
    """A round of a run.

    Args:
        recipe: The named choices.
        images: How many there are to learn from.
        seed: Of the run.
        number: Of the round, from 1.
    """
    rng = np.random.default_rng([seed, number])
    noise, of_pass = int(rng.integers(2**63)), steps_of_pass(recipe, images)
    if recipe.steps is None:
        first, order = (number - 1) * of_pass, _pass(recipe, images, rng)
    else:
        first, end = ((number - part) * recipe.steps // recipe.rounds for part in (1, 0))
        wanted = range(first // of_pass, (end - 1) // of_pass + 1)
        # An order of its own for each pass, so that a round in the middle of one goes on where the last one ended.
        drawn = [_pass(recipe, images, np.random.default_rng([seed, one, 1])) for one in wanted]
        order = np.concatenate(drawn)[first - wanted[0] * of_pass :][: end - first]
    draws = rng.uniform(-1, 1, (*order.shape, DRAWS)).astype(np.float32)
    return Round(first, order, draws, noise)


def _pass(recipe: Training, images: int, rng: np.random.Generator) -> Int64[np.ndarray, "step batch"]:
    """A random order of all images in whole batches."""
    steps = steps_of_pass(recipe, images)
    return rng.permutation(images)[: steps * recipe.batch_size].reshape(steps, -1)
