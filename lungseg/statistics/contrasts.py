"""Two variants on the same films: their difference with the parts of its variance, whether or not they share seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from lungseg.statistics.intervals import Parts, crossed_parts
from lungseg.statistics.score_blocks import METRICS, Block, Runs
from lungseg.statistics.seeds import SeedVariance, only, own_variance

NONE, SHARED = "none", "shared"


@dataclass(frozen=True)
class Contrast:
    """The difference a - b in some metrics.

    Args:
        a: One variant.
        b: The other.
        metrics: Their names.
        at: Where they stand among `METRICS`.
        parts: Of the difference of the means.
        sources: How the seeds' part is known, for each metric: `pool`, `own` or `none` for a and b (once where they are
            alike), or `shared`.
    """

    a: Runs
    b: Runs
    metrics: list[str]
    at: list[int]
    parts: Parts
    sources: list[str]

    def films(self) -> Float[np.ndarray, "image metric"]:
        """The difference on each film, of means over seeds."""
        means = (one.metrics[..., self.at].mean(axis=0) for one in (self.a, self.b))
        return np.asarray(next(means) - next(means))


def contrast(
    block: Block, a: Runs, b: Runs, metrics: Sequence[str], seeds: Mapping[str, SeedVariance], shared: bool = False
) -> Contrast:
    """Put two variants side by side.

    Args:
        block: Says which data set a film is of.
        a: One variant.
        b: The other.
        metrics: Which both have of every film.
        seeds: How much each variant's seeds vary.
        shared: Both are made of the same trained networks. The difference is then taken seed by seed, and its own
            spread over seeds counts; variances of the two sides do not add up. Where one side is a single run, nothing
            says how much it varies, and this changes nothing.
    """
    at = [METRICS.index(metric) for metric in metrics]
    groups = [one.metrics[..., at] for one in (a, b)]
    if shared and len(groups[0]) == len(groups[1]) > 1:
        apart = groups[0] - groups[1]
        parts = crossed_parts([apart], (1,), block.strata, [own_variance(apart)])
        return Contrast(a, b, list(metrics), at, parts, [SHARED] * len(at))
    own = [only(seeds[one.variant], at) for one in (a, b)]
    sources = [", ".join(dict.fromkeys(both)) for both in zip(*(one.source() for one in own), strict=True)]
    return Contrast(a, b, list(metrics), at, crossed_parts(groups, (1, -1), block.strata, own), sources)
