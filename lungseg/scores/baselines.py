"""What a network has to beat, and what it cannot: guesses, ensembles and an oracle made of other predictions."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Bool, Float16

from lungseg.data.opened import Squares
from lungseg.learning.stored_predictions import Logits, Segmentation

SURE = 1e-4  # a probability is never closer to 0 or 1, so that its logit fits in half precision


@dataclass(frozen=True)
class Joined:
    """Logits made of those of others, a film at a time: of all choices of seeds at once they would fill the memory.

    Args:
        members: Shape (film, size, size) each, or a film at a time.
        join: Makes one film's logits of all members' of this film.
    """

    members: Sequence[np.ndarray | Logits]
    join: Callable[[Sequence[np.ndarray]], Float16[np.ndarray, "size size"]]

    def __getitem__(self, film: int) -> Float16[np.ndarray, "size size"]:
        """The logits of a film by its number."""
        return self.join([one[film] for one in self.members])


@dataclass(frozen=True)
class Reference:
    """What stands beside the networks.

    Args:
        variant: Its name.
        seed: Of the networks that it is made of; of several seeds the number of the choice.
        logits: As of a `Segmentation`.
        members: The seeds that are joined; those of one seed have it alone.
        soft: Whether the logits are probabilities'.
    """

    variant: str
    seed: int
    logits: Joined | np.ndarray
    members: tuple[int, ...]
    soft: bool = True


def references(
    runs: Sequence[Segmentation],
    training_masks: Squares,
    truth: Bool[np.ndarray, "film size size"],
    single: Sequence[str],
    encoders: Sequence[str],
) -> Iterator[Reference]:
    """Make every reference that the runs at hand allow.

    - `mean_shape`: the share of training masks that cover a pixel, as its probability, for every film alike.
    - `ensemble_mean`, `ensemble_vote`: the single networks of one seed, their mean probability (of a pixel) and what
      most of them say.
    - `ensemble_encoders`: the mean of the networks whose encoders the paper's own joins, joined at the output instead.
    - `seeds2_…`, `seeds3_…`: as many seeds of one network as the ensembles have networks, so that joining
      architectures can be told from joining anything; every choice of so many seeds.
    - `oracle`: each pixel from whichever of the single networks is right there; no choice among them is better.

    Args:
        runs: All runs of one training set on the same films.
        training_masks: 0 or 1.
        truth: Where the lungs are on the films.
        single: Networks whose outputs are joined.
        encoders: Those of them whose encoders the paper's own network joins.
    """
    covered = np.zeros(truth.shape[1:], dtype=int)
    for mask in training_masks:
        covered += mask
    shape = np.broadcast_to(_logit(covered / len(training_masks)), truth.shape)
    yield Reference("mean_shape", 0, shape, (0,))
    logits = {(run.variant, run.seed): run.logits for run in runs}
    seeds = list(dict.fromkeys(run.seed for run in runs))
    variants = [variant for variant in single if any(run.variant == variant for run in runs)]
    for seed in seeds:
        if len(variants) > 1 and all((variant, seed) in logits for variant in single):  # none of them diverged
            three = [logits[variant, seed] for variant in single]
            yield Reference("ensemble_mean", seed, Joined(three, _mean), (seed,))
            yield Reference("ensemble_vote", seed, Joined(three, _vote), (seed,), soft=False)
            if encoders:
                own = [logits[variant, seed] for variant in encoders]
                yield Reference("ensemble_encoders", seed, Joined(own, _mean), (seed,))
            yield Reference("oracle", seed, Joined([*three, truth], _right), (seed,), soft=False)
    for size in (2, 3):
        for number, joined in enumerate(combinations(seeds, size)):
            for variant in variants:
                members = [logits[variant, seed] for seed in joined if (variant, seed) in logits]
                if len(members) == size:
                    yield Reference(f"seeds{size}_{variant}", number, Joined(members, _mean), joined)


def _mean(members: Sequence[Float16[np.ndarray, "*any"]]) -> Float16[np.ndarray, "*any"]:
    """Logits of the mean of probabilities."""
    return _logit(np.mean([1 / (1 + np.exp(-one.astype(np.float32))) for one in members], axis=0))


def _vote(members: Sequence[Float16[np.ndarray, "*any"]]) -> Float16[np.ndarray, "*any"]:
    return _sign(np.sum([one > 0 for one in members], axis=0) * 2 > len(members))


def _right(members: Sequence[np.ndarray]) -> Float16[np.ndarray, "*any"]:
    """What any of the members has right; the last of them is the truth."""
    *found, truth = members
    right = np.any([(one > 0) == truth for one in found], axis=0)
    return _sign(np.where(right, truth, ~truth))


def _logit(probability: np.ndarray) -> Float16[np.ndarray, "*any"]:
    p = np.clip(probability, SURE, 1 - SURE)
    return np.log(p / (1 - p)).astype(np.float16)


def _sign(mask: np.ndarray) -> Float16[np.ndarray, "*any"]:
    return np.where(mask, 1, -1).astype(np.float16)
