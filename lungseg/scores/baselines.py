"""What a network has to beat, and what it cannot: guesses, ensembles and an oracle made of other predictions."""

from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Bool, Float16, UInt8

from lungseg.learning.stored_predictions import Segmentation

SURE = 1e-4  # a probability is never closer to 0 or 1, so that its logit fits in half precision


def references(
    runs: Sequence[Segmentation],
    training_masks: UInt8[np.ndarray, "training size size"],
    truth: Bool[np.ndarray, "film size size"],
    single: Sequence[str],
    encoders: Sequence[str],
) -> Iterator[Segmentation]:
    """Make every reference that the runs at hand allow.

    - `mean_shape`: the share of training masks that cover a pixel, as its probability, for every film alike.
    - `ensemble_mean`, `ensemble_vote`: the single networks of one seed, their mean probability (of a pixel) and what
      most of them say.
    - `ensemble_encoders`: the mean of the networks whose encoders the paper's own joins, joined at the output instead.
    - `seeds2_…`, `seeds3_…`: as many seeds of one network as the ensembles have networks, so that joining
      architectures can be told from joining anything. Seed s is joined with the next ones in turn.
    - `oracle`: each pixel from whichever of the single networks is right there; no choice among them is better.

    Args:
        runs: All runs of one training set on the same films.
        training_masks: 0 or 1.
        truth: Where the lungs are on the films.
        single: Networks whose outputs are joined.
        encoders: Those of them whose encoders the paper's own network joins.
    """
    shape = np.broadcast_to(_logit(training_masks.mean(axis=0)), truth.shape)
    yield Segmentation("mean_shape", 0, shape)
    logits = {(run.variant, run.seed): run.logits for run in runs}
    seeds = list(dict.fromkeys(run.seed for run in runs))
    variants = [variant for variant in single if (variant, seeds[0]) in logits]
    for seed in seeds:
        if len(variants) > 1 and variants == list(single):
            three = [logits[variant, seed] for variant in single]
            yield Segmentation("ensemble_mean", seed, _mean(three))
            yield Segmentation(
                "ensemble_vote", seed, _sign(np.sum([one > 0 for one in three], axis=0) * 2 > len(three)), soft=False
            )
            if encoders:
                yield Segmentation("ensemble_encoders", seed, _mean([logits[variant, seed] for variant in encoders]))
            right = np.any([(one > 0) == truth for one in three], axis=0)
            yield Segmentation("oracle", seed, _sign(np.where(right, truth, ~truth)), soft=False)
    for size in (2, 3):
        starts = range(len(seeds)) if len(seeds) > size else range(len(seeds) // size)
        for start in starts:
            joined = [seeds[(start + i) % len(seeds)] for i in range(size)]
            for variant in variants:
                together = _mean([logits[variant, seed] for seed in joined])
                yield Segmentation(f"seeds{size}_{variant}", seeds[start], together)


def _mean(members: Sequence[Float16[np.ndarray, "*any"]]) -> Float16[np.ndarray, "*any"]:
    """Logits of the mean of probabilities."""
    return _logit(np.mean([1 / (1 + np.exp(-one.astype(np.float32))) for one in members], axis=0))


def _logit(probability: np.ndarray) -> Float16[np.ndarray, "*any"]:
    p = np.clip(probability, SURE, 1 - SURE)
    return np.log(p / (1 - p)).astype(np.float16)


def _sign(mask: np.ndarray) -> Float16[np.ndarray, "*any"]:
    return np.where(mask, 1, -1).astype(np.float16)
