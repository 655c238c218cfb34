"""Do the variants differ in rank? Friedman's test and Nemenyi's critical difference.

References: Demšar (2006), Statistical comparisons of classifiers over multiple data sets, JMLR 7:1-30.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.stats import friedmanchisquare, rankdata, studentized_range

from lungseg.statistics.score_blocks import METRICS, Block

FEWEST = 3  # variants; Friedman's test of two is Wilcoxon's
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

    Ranks are taken over test sets (the mean over films and seeds decides within each; their number is small and the
    test weak), and over all films of all test sets.

    Args:
        blocks: Of one or more training sets.
        metric: A metric of which more is better.
        level: 1 - the level of the test, such as 0.95.

    Returns:
        Columns of `COLUMNS`; over is `test sets` or `films`, n how many of them, p of Friedman's test, and
        critical_difference the mean ranks' distance from which on two variants differ (Nemenyi). Empty for fewer than
        three variants; statistic and p are empty for fewer than two test sets.
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
        yield pd.DataFrame(
            {"train_on": blocks[0].train_on, "over": over, "metric": metric, "variant": names}
            | {"mean_rank": mean_ranks(values), "variants": k, "n": n, "statistic": statistic, "p": p}
            | {"critical_difference": critical_difference(k, n, level)}
        )


def mean_ranks(values: Float[np.ndarray, "block variant"]) -> Float[np.ndarray, " variant"]:
    """Mean rank of each column, 1 for the largest value of a row, ties shared."""
    return np.asarray(rankdata(-values, axis=1).mean(axis=0))


def critical_difference(variants: int, n: int, level: float) -> float:
    r""":math:`q \sqrt{k(k+1)/(6n)}`, q the quantile of the studentised range over :math:`\sqrt 2`."""
    q = studentized_range.ppf(level, variants, np.inf) / np.sqrt(2)
    return float(q * np.sqrt(variants * (variants + 1) / (6 * n)))
