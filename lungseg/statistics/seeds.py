r"""How much a network's mean varies from seed to seed: by its own seeds, or by those of several networks together.

Two or three seeds hardly estimate a variance: intervals from a network's own are wide or narrow by luck. So it is
pooled over declared networks, with as many degrees of freedom as all of them have:

.. math:: s^2 = \frac{\sum_v (S_v - 1) s_v^2}{\sum_v (S_v - 1)}, \quad df = \sum_v (S_v - 1)

A network beside the declared ones takes the pool's variance and adds nothing to it, so that it changes no other
network's interval. Where Bartlett's test says at .05 that the variances differ, a network keeps its own. Of four to ten
networks whose three or five seeds vary alike, normally, it says so in 4 to 5 % of experiments; Levene's test around the
means says it in 9 to 25 %, around the medians hardly ever. It is asked from three seeds on: two say too little. A
network whose seeds vary beyond doubt more than those of the pool's others, by an F test at .001, keeps its own too,
whatever their number; it stays in the pool, where it makes no interval of another network shorter.

References:
    Bartlett (1937), Properties of sufficiency and statistical tests, Proceedings of the Royal Society A 160, 268-282.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float
from scipy.stats import bartlett
from scipy.stats import f as snedecor

from lungseg.statistics.score_blocks import Block

Values = Float[np.ndarray, "*metric"]
DIFFER = 0.05  # p of Bartlett's test below which networks keep their own variance
FEWEST = 3  # seeds of a network that the test can judge
BEYOND_DOUBT = 0.001  # p of the F test below which one network keeps its own


@dataclass(frozen=True)
class SeedVariance:
    """How much the mean over films varies from one seed to another, for each metric.

    Args:
        variance: Of one seed's mean over films; 0 where it is not known.
        df: Its degrees of freedom; infinite where it is not known.
        pooled: Whether it is the pool's.
    """

    variance: Values
    df: Values
    pooled: Bool[np.ndarray, "*metric"]

    def source(self) -> list[str]:
        """`pool`, `own`, or `none` where one seed alone leaves it out, for each metric."""
        return np.where(self.pooled, "pool", np.where(np.isfinite(self.df), "own", "none")).tolist()


def own_variance(group: Float[np.ndarray, "seed image *metric"]) -> SeedVariance:
    """That of a network's own seeds; with one seed it is unknown and left out."""
    means = group.mean(axis=1)
    no = np.zeros(means.shape[1:], dtype=bool)
    if len(means) < 2:
        return SeedVariance(np.zeros(no.shape), np.full(no.shape, np.inf), no)
    return SeedVariance(means.var(axis=0, ddof=1), np.full(no.shape, len(means) - 1.0), no)


def pooled_variances(
    groups: Sequence[Float[np.ndarray, "seed image *metric"]], members: Collection[int], parted: bool = True
) -> list[SeedVariance]:
    """That of each group, by the pool where the pool holds.

    Args:
        groups: Scores of networks on the same films.
        members: Which of them make up the pool. Those with one seed add nothing; without two others there is no pool.
        parted: Whether networks keep their own where the test says that they differ.
    """
    own = [own_variance(group) for group in groups]
    sizes = {i: len(groups[i]) - 1 for i in members if len(groups[i]) > 1}
    if len(sizes) < 2:
        return own
    freedom = sum(sizes.values())
    variance = np.asarray(sum(size * own[i].variance for i, size in sizes.items()) / freedom)
    pool = SeedVariance(variance, np.full_like(variance, freedom), np.ones(variance.shape, bool))
    means = [group.mean(axis=1) for group in groups]
    inside = _differ([means[i] for i in sizes])
    found = []
    for i, alone in enumerate(own):
        keeps = inside if i in members else inside | _differ([means[i], *(means[j] for j in sizes)])
        keeps = keeps | _wider(alone, [own[j] for j in sizes if j != i])
        keeps = keeps & np.isfinite(alone.df) & parted  # a network with one seed has none of its own
        found.append(_where(keeps, alone, pool))
    return found


def seed_variances(
    block: Block, pool: Sequence[str], apart: Collection[str] = (), parted: bool = True
) -> dict[str, SeedVariance]:
    """That of each variant of a block.

    Args:
        block: Scores.
        pool: The declared variants; those that the block lacks are passed over.
        apart: Variants that have nothing to do with the pool, such as ensembles.
        parted: As of `pooled_variances`.
    """
    runs = [one for one in block.runs if one.variant not in apart]
    members = [i for i, one in enumerate(runs) if one.variant in pool]
    found = pooled_variances([one.metrics for one in runs], members, parted)
    beside = {one.variant: own_variance(one.metrics) for one in block.runs if one.variant in apart}
    return beside | {one.variant: variance for one, variance in zip(runs, found, strict=True)}


def only(seeds: SeedVariance, columns: Sequence[int]) -> SeedVariance:
    """That of some metrics."""
    return replace(seeds, variance=seeds.variance[columns], df=seeds.df[columns], pooled=seeds.pooled[columns])


def _where(first: Bool[np.ndarray, "*metric"], a: SeedVariance, b: SeedVariance) -> SeedVariance:
    return SeedVariance(
        np.where(first, a.variance, b.variance), np.where(first, a.df, b.df), np.where(first, a.pooled, b.pooled)
    )


def _wider(one: SeedVariance, others: Sequence[SeedVariance]) -> Bool[np.ndarray, "*metric"]:
    """Whether a variance is beyond doubt larger than that of others together; also where theirs is 0."""
    freedom = sum(other.df for other in others)
    theirs = sum(other.df * other.variance for other in others) / freedom
    with np.errstate(invalid="ignore", divide="ignore"):  # seeds that all agree
        return np.asarray(snedecor.sf(one.variance / theirs, one.df, freedom) < BEYOND_DOUBT)


def _differ(means: Sequence[Float[np.ndarray, "seed *metric"]]) -> Bool[np.ndarray, "*metric"]:
    """Whether the seeds' variances differ, by Bartlett's test, of networks that have enough seeds."""
    enough = [one for one in means if len(one) >= FEWEST]
    if len(enough) < 2:
        return np.zeros(means[0].shape[1:], dtype=bool)
    with np.errstate(invalid="ignore", divide="ignore"):  # seeds that all agree
        return np.asarray(bartlett(*enough, axis=0).pvalue < DIFFER)
