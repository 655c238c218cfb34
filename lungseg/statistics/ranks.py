"""Do the variants differ in rank? Friedman's test and Nemenyi's critical difference.

Both are large-sample tests: for three networks that three test sets rank alike, chi-square says .050 and the chance is
.028. Below ten blocks (Demšar's limit) that chance is counted, over all orders in which every block could have ranked
them, and there is no critical difference: on three test sets it is nearly as large as mean ranks can differ. Test sets
on which the same trained networks were tried are no sample of data sets, and films leave other seeds out: both tests
speak of these trained networks. How ranks would move with seeds and films is told by `stability`.

References:
    Demšar (2006), Statistical comparisons of classifiers over multiple data sets, JMLR 7:1-30;
    Friedman (1937), The use of ranks to avoid the assumption of normality, JASA 32(200):675 (exact in tables V, VI).
"""

from collections.abc import Iterator
from itertools import permutations
from math import factorial

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.stats import friedmanchisquare, rankdata, studentized_range

from lungseg.statistics.score_blocks import METRICS, Block

FEWEST = 3  # variants; Friedman's test of two is Wilcoxon's
MANY = 10  # blocks from which on chi-square and Nemenyi are good enough
MOST_WAYS = 6_000_000  # that are counted in one step; about two seconds
SORTED = 6  # times as long takes a step whose ways are sorted as well
COLUMNS = [
    "train_on",
    "over",
    "metric",
    "variant",
    "mean_rank",
    "variants",
    "n",
    "statistic",
    "p",
    "critical_difference",
]


def ranks(blocks: list[Block], metric: str, level: float) -> pd.DataFrame:
    """Rank the variants of each training set, 1 for the best.

    Ranks are taken over test sets (the mean over films and seeds decides within each), and over all films of all
    test sets.

    Args:
        blocks: Of one or more training sets.
        metric: A metric of which more is better.
        level: 1 - the level of the test, such as 0.95.

    Returns:
        Columns of `COLUMNS`; over is `test sets` or `films`, n how many of them, p of Friedman's test (see
        `exact_p` for fewer than ten), and critical_difference the mean ranks' distance from which on two variants
        differ (Nemenyi; empty for fewer than ten). Empty for fewer than three variants; statistic and p are empty for
        fewer than two test sets.
    """
    tables = [table for train_on in dict.fromkeys(block.train_on for block in blocks)
              for table in _of_training_set([b for b in blocks if b.train_on == train_on], metric, level)]  # fmt: skip
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=COLUMNS)


def _of_training_set(blocks: list[Block], metric: str, level: float) -> Iterator[pd.DataFrame]:
    column, names = METRICS.index(metric), [one.variant for one in blocks[0].runs]
    if len(names) < FEWEST:
        return
    apart = [block for block in blocks if block.test_on != "pooled"]
    per_film = [np.stack([one.metrics[..., column].mean(axis=0) for one in block.runs], axis=1) for block in apart]
    for over, values in (
        ("test sets", np.stack([v.mean(axis=0) for v in per_film])),
        ("films", np.concatenate(per_film)),
    ):
        n, k = values.shape
        statistic, p = friedmanchisquare(*values.T) if n > 1 else (np.nan, np.nan)
        p = exact_p(values) if 1 < n < MANY else p
        yield pd.DataFrame(
            {"train_on": blocks[0].train_on, "over": over, "metric": metric, "variant": names}
            | {"mean_rank": mean_ranks(values), "variants": k, "n": n, "statistic": statistic, "p": p}
            | {"critical_difference": critical_difference(k, n, level) if n >= MANY else np.nan}
        )


def mean_ranks(values: Float[np.ndarray, "block variant"]) -> Float[np.ndarray, " variant"]:
    """Mean rank of each column, 1 for the largest value of a row, ties shared."""
    return np.asarray(rankdata(-values, axis=1).mean(axis=0))


def exact_p(values: Float[np.ndarray, "block variant"]) -> float:
    """The chance of ranks that lie as far apart, were every order of each block's ranks equally likely.

    Friedman's statistic grows with the sum of squares of the variants' rank sums, and only which sums there are
    matters, not whose: block after block the distinct ones are counted. Ties keep their shared ranks.

    Returns:
        0-1; NaN where counting would take too long: it goes as far as seven variants on three blocks, six on five and
        five on nine.
    """
    doubled = np.rint(2 * rankdata(values, axis=1)).astype(int)  # whole numbers, for shared ranks are halves
    observed, last = (doubled.sum(axis=0) ** 2).sum(), len(doubled) - 1
    sums = np.sort(doubled[:1], axis=1)
    chance: Float[np.ndarray, " sums"] = np.ones(1)
    for i, block in enumerate(doubled[1:], start=1):
        if len(sums) * factorial(len(block)) * (1 if i == last else SORTED) > MOST_WAYS:
            return np.nan
        orders = np.unique(list(permutations(block)), axis=0)
        ways = (sums[:, None] + orders).reshape(-1, len(block))
        each = np.repeat(chance / len(orders), len(orders))
        if i == last:
            return float(each[(ways**2).sum(axis=1) >= observed].sum())
        sums, where = np.unique(np.sort(ways, axis=1), axis=0, return_inverse=True)
        chance = np.asarray(np.bincount(where.ravel(), each), dtype=float)
    return 1.0


def critical_difference(variants: int, n: int, level: float) -> float:
    r""":math:`q \sqrt{k(k+1)/(6n)}`, q the quantile of the studentised range over :math:`\sqrt 2`."""
    q = studentized_range.ppf(level, variants, np.inf) / np.sqrt(2)
    return float(q * np.sqrt(variants * (variants + 1) / (6 * n)))
