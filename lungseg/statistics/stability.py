r"""How firmly a network holds its rank: what becomes of it in resamples of seeds and films.

The crossed bootstrap (`bootstrap`) draws seeds and films anew, films within their data set and the same for all
networks. In each resample the networks are ranked by their means. Of S seeds resamples show only (S - 1)/S of the
variance between seeds: with two, ranks look firmer than they are.

References: Wiesenfarth et al. (2021), Methods and open-source toolkit for analyzing and visualizing challenge results,
    Sci Rep 11:2369.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.stats import rankdata

from lungseg.statistics.comparisons import COMPARED, LOWER_IS_BETTER, Resampled
from lungseg.statistics.score_blocks import METRICS, Block

COLUMNS = ["train_on", "test_on", "metric", "variant", "mean", "rank", "first", "rank_low", "rank_high", "variants",
           "images", "seeds"]  # fmt: skip


def stability(cut: Sequence[Block], drawn: Sequence[Resampled], level: float) -> pd.DataFrame:
    """Rank the variants of each block again in every resample.

    Args:
        cut: Blocks of scores.
        drawn: Resamples of each.
        level: Share of the resamples between rank_low and rank_high.

    Returns:
        Columns of `COLUMNS`: the mean and its rank (1 is best; less of a loss or distance is better; ties share), the
        share of resamples in which the variant is first (shared among ties), and the interval of its rank. A metric
        that a variant lacks has no rows, and a block with one variant none at all.
    """
    rows = [row for block, one in zip(cut, drawn, strict=True) if len(block.runs) > 1
            for row in _of_block(block, one.means, level)]  # fmt: skip
    return pd.DataFrame(rows, columns=COLUMNS)


def _of_block(
    block: Block, draws: Mapping[str, Float[np.ndarray, "resample metric"]], level: float
) -> Iterator[object]:
    means = np.stack([one.metrics.mean(axis=(0, 1)) for one in block.runs])
    every = np.stack([draws[one.variant][:, : len(METRICS)] for one in block.runs])
    for metric in COMPARED:
        at = METRICS.index(metric)
        if not np.isfinite(means[:, at]).all():
            continue
        sign = -1 if metric in LOWER_IS_BETTER else 1
        rank, (first, low, high) = rankdata(-sign * means[:, at]), rank_interval(sign * every[..., at], level)
        for i, one in enumerate(block.runs):
            yield {
                "train_on": block.train_on, "test_on": block.test_on, "metric": metric, "variant": one.variant,
                "mean": means[i, at], "rank": rank[i], "first": first[i], "rank_low": low[i], "rank_high": high[i],
                "variants": len(block.runs), "images": len(block.films), "seeds": len(one.metrics),
            }  # fmt: skip


def rank_interval(draws: Float[np.ndarray, "variant resample"], level: float) -> Float[np.ndarray, "3 variant"]:
    """How often each variant is first, and its rank's lower and upper limit.

    Args:
        draws: Means, more is better.
        level: Share of the resamples between the limits.
    """
    ranks = rankdata(-draws, axis=0)
    best = draws == draws.max(axis=0)
    limits = np.quantile(ranks, [(1 - level) / 2, (1 + level) / 2], axis=1, method="inverted_cdf")
    return np.stack([(best / best.sum(axis=0)).mean(axis=1), *limits])
