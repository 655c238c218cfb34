r"""What a part of a network is worth where parts are crossed: main effects and interactions, with intervals.

An effect is a sum of means of variants, :math:`\sum_k w_k \bar y_k` with weights that add up to 0. With two parts that
are there or not, a plan names four variants: the main effect of a part is its mean gain over both levels of the other,
weights of one half; the interaction is the gain of one part beside the other, less its gain without, weights of one.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from lungseg.scores.scoring import PRIMARY, WAY
from lungseg.statistics.comparisons import COMPARED, better, relevance
from lungseg.statistics.contrasts import NONE
from lungseg.statistics.intervals import crossed_estimate, p_equivalence, p_zero, possible_interval
from lungseg.statistics.power import detectable, possible
from lungseg.statistics.score_blocks import METRICS, Block, blocks
from lungseg.statistics.seeds import SeedVariance, only, seed_variances

COLUMNS = [
    "effect", "train_on", "test_on", "metric", "difference", "low", "high", "p", "p_equivalence", "sign", "relevance",
    "detectable", "variants", "images", "seeds", "se", "df", "seed_variance",
]  # fmt: skip


def effects(
    scores: pd.DataFrame,
    declared: Mapping[str, Mapping[str, float]],
    level: float,
    pool: Sequence[str] = (),
    margins: Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """Every declared effect on every test set.

    Args:
        scores: The table scores.parquet; networks in the primary way of scoring count.
        declared: Effect to the weight of each variant in it, as in the plan.
        level: Coverage aimed at, such as 0.95.
        pool: Variants whose seeds' variance is estimated together.
        margins: Metric to the difference that does not count.

    Returns:
        Columns of `COLUMNS`; none for an effect of which a variant was not trained. difference is the effect, p of the
        same crossed t as its interval, and of no family: the effects are few, declared, and one question each. sign:
        `gain` or `loss` where p < 1 - level, else `undecided`; empty p where one run alone stands for a variant.
        relevance: `within` the margin where p_equivalence (two one-sided tests) < 1 - level, `beyond` where the whole
        interval lies outside, else `undecided`; empty without a margin. detectable: the smallest true effect that 80 %
        of repetitions find (`power`); empty where none that there can be is. variants: each with its weight.

    Raises:
        InputError: A score is doubled, missing for a film that other runs have, or no number.
    """
    primary = scores[(scores[WAY] == list(PRIMARY)).all(axis=1) & (scores["kind"] == "network")]
    tables = []
    for block in blocks(primary):
        there, seeds = {one.variant for one in block.runs}, seed_variances(block, pool)
        for effect, weights in declared.items():
            if weights.keys() <= there:
                tables.append(_effect(block, weights, seeds, level, margins or {}).assign(effect=effect))
    if not tables:
        return pd.DataFrame(columns=COLUMNS)
    table = pd.concat(tables, ignore_index=True)
    side = np.where(table["p"] < 1 - level, better(table), 0)
    sign = np.select([side > 0, side < 0], ["gain", "loss"], "undecided")
    return table.assign(sign=sign, relevance=relevance(table, margins or {}, level))[COLUMNS]


def _effect(
    block: Block,
    weights: Mapping[str, float],
    seeds: Mapping[str, SeedVariance],
    level: float,
    margins: Mapping[str, float],
) -> pd.DataFrame:
    """One row per metric that all its variants have of every film."""
    runs = [next(one for one in block.runs if one.variant == variant) for variant in weights]
    known = np.logical_and.reduce([np.isfinite(one.metrics).all(axis=(0, 1)) for one in runs])
    names = [metric for metric in COMPARED if known[METRICS.index(metric)]]
    at = [METRICS.index(metric) for metric in names]
    own = [only(seeds[variant], at) for variant in weights]
    estimate = crossed_estimate([one.metrics[..., at] for one in runs], list(weights.values()), block.strata, own)
    apart = sum(map(abs, weights.values())) / 2
    low, high = possible_interval(estimate, level, names, apart)
    sources = [", ".join(dict.fromkeys(one)) for one in zip(*(each.source() for each in own), strict=True)]
    alone = np.array([NONE in one for one in sources], dtype=bool)
    added_first = sorted(weights.items(), key=lambda one: -one[1])  # a cell that began with a sign would be a formula
    terms = [f"{'-' if weight < 0 else '+'} {abs(weight):g} {variant}" for variant, weight in added_first]
    who = " ".join(terms).removeprefix("+ ")
    fewest = min(len(one.metrics) for one in runs)
    same = p_equivalence(estimate, np.array([margins.get(name, np.nan) for name in names]))
    tests = {"p": np.where(alone, np.nan, p_zero(estimate)), "p_equivalence": np.where(alone, np.nan, same)}
    tests["detectable"] = np.where(alone, np.nan, possible(detectable(estimate, level), names, apart))
    numbers = {"difference": estimate.mean, "low": low, "high": high, **tests}
    sizes = {"images": len(block.films), "seeds": fewest, "se": estimate.se, "df": estimate.df}
    where = {"train_on": block.train_on, "test_on": block.test_on, "metric": names, "variants": who}
    return pd.DataFrame(where | numbers | sizes | {"seed_variance": sources})
