"""Two variants on the same films: how far apart, how sure, and whether it matters."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.stats import t as student
from scipy.stats import wilcoxon
from statsmodels.stats.multitest import multipletests

from lungseg.statistics.bootstrap import percentile_interval
from lungseg.statistics.intervals import crossed_estimate, interval
from lungseg.statistics.score_blocks import METRICS, Block, Runs

COMPARED = ["dice", "iou", "recall", "precision", "loss", "nsd", "hd95_px", "assd_px"]
LOWER_IS_BETTER = {"loss", "hd95_px", "assd_px", "hd95_mm", "assd_mm"}
MARGIN = 0.005  # of Dice; a smaller difference does not count; set after first results on the same test films
COLUMNS = [
    "variant_a", "variant_b", "train_on", "test_on", "metric", "difference", "low", "high", "p", "p_holm",
    "p_permutation", "p_equivalence", "p_false_claim", "superiority", "verdict", "bootstrap_low", "bootstrap_high",
    "images", "seeds_a", "seeds_b",
]  # fmt: skip


@dataclass(frozen=True)
class Resampled:
    """What a comparison takes from resampling.

    Args:
        means: Variant to its bootstrapped means; the last axis begins in the order of `METRICS`.
        signs: 1 or -1 for each film, for the permutation test.
    """

    means: dict[str, Float[np.ndarray, "resample metric"]]
    signs: Float[np.ndarray, "permutation image"]


def compare(block: Block, pairs: Sequence[tuple[str, str]], resampled: Resampled, level: float) -> pd.DataFrame:
    r"""Compare pairs of variants on the films of a block, in every metric of `COMPARED`.

    For a pair (a, b), with :math:`d_i` the difference a - b on film i, each a mean over the variant's own seeds:

    - difference, low, high: of the means, with the interval of `intervals` over seeds and films; also bootstrap_low and
      bootstrap_high, percentiles of the crossed bootstrap.
    - p: Wilcoxon's signed-rank test of :math:`d_i`, two-sided; p_holm: corrected for all pairs of this call with the
      same metric. These two, like p_permutation (signs of :math:`d_i` flipped at random), speak of other films with
      the same trained networks, not of other seeds.
    - p_equivalence (Dice alone): two one-sided t tests against the margin of 0.005, over seeds and films; small means
      equivalent. Schuirmann (1987), J Pharmacokinet Biopharm 15:657.
    - p_false_claim: probability that the network with the better mean is not better, were it claimed from these
      films: :math:`T_{n-1}(-\sqrt{n}|\bar d|/s_d)`. Christodoulou et al. (2025), arXiv 2505.04720.
    - superiority: share of films on which a is better than b, ties half.
    - verdict: `equivalent` where p_equivalence < 1 - level; else `a better` or `b better` where the interval leaves 0
      out and p_holm < 1 - level; else `undecided`.

    Args:
        block: Scores of both.
        pairs: Names; their order is the family's.
        resampled: Of this block.
        level: Coverage of the intervals, such as 0.95.
    """
    runs = {one.variant: one for one in block.runs}
    rows = []
    for metric in COMPARED:
        column = METRICS.index(metric)
        family = [
            _pair(block, runs[a], runs[b], column, level) | _resampled(runs[a], runs[b], column, resampled, level)
            for a, b in pairs
        ]
        if family:
            corrected = multipletests([row["p"] for row in family], method="holm")[1]
            rows += [
                row | {"p_holm": p, "verdict": _verdict(row, p, level)}
                for row, p in zip(family, corrected, strict=True)
            ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _pair(block: Block, a: Runs, b: Runs, column: int, level: float) -> dict[str, object]:
    metric = METRICS[column]
    own = [one.metrics[..., column, None] for one in (a, b)]
    estimate = crossed_estimate(own, (1, -1), block.strata)
    low, high = interval(estimate, level)[:, 0]
    films = _per_film(a, b, column)
    better = np.sign(films) * (-1 if metric in LOWER_IS_BETTER else 1)
    return {
        "variant_a": a.variant,
        "variant_b": b.variant,
        "train_on": block.train_on,
        "test_on": block.test_on,
        "metric": metric,
        "difference": estimate.mean[0],
        "low": low,
        "high": high,
        "p": _wilcoxon(films),
        "p_equivalence": equivalence(estimate.mean[0], estimate.se[0], estimate.df[0]) if metric == "dice" else None,
        "p_false_claim": false_claim(films),
        "superiority": float((better > 0).mean() + (better == 0).mean() / 2),
        "images": len(films),
        "seeds_a": len(a.metrics),
        "seeds_b": len(b.metrics),
    }


def _per_film(a: Runs, b: Runs, column: int) -> Float[np.ndarray, " image"]:
    return np.asarray(a.metrics[..., column].mean(axis=0) - b.metrics[..., column].mean(axis=0))


def _resampled(a: Runs, b: Runs, column: int, resampled: Resampled, level: float) -> dict[str, object]:
    means, films = resampled.means, _per_film(a, b, column)
    limits = percentile_interval(means[a.variant][:, column] - means[b.variant][:, column], level)
    flipped = np.abs(resampled.signs @ films) >= abs(films.sum()) - 1e-12
    p = (1 + flipped.sum()) / (1 + len(flipped))
    return {"bootstrap_low": limits[0], "bootstrap_high": limits[1], "p_permutation": float(p)}


def _wilcoxon(differences: Float[np.ndarray, " image"]) -> float:
    """Two-sided p of the signed-rank test; 1 where all films score the same."""
    return float(wilcoxon(differences).pvalue) if differences.any() else 1.0


def equivalence(difference: float, se: float, df: float, margin: float = MARGIN) -> float:
    """The larger p of two one-sided t tests that a difference is above -margin and below margin.

    Args:
        difference: As measured.
        se: Its standard error; 0 where nothing varies.
        df: Its degrees of freedom.
        margin: What does not count.
    """
    distance = margin - abs(difference)
    if se == 0:
        return 0.0 if distance > 0 else 1.0
    return float(student.sf(distance / se, df))


def false_claim(differences: Float[np.ndarray, " image"]) -> float:
    """Probability that the variant with the better mean is not better; one half where all films score the same."""
    spread = differences.std(ddof=1) if len(differences) > 1 else 0.0
    if spread == 0:
        return 0.0 if differences.any() else 0.5
    size = len(differences)
    return float(student.sf(np.sqrt(size) * abs(differences.mean()) / spread, size - 1))


def _verdict(row: dict[str, object], p_holm: float, level: float) -> str:
    p_equivalence, low, high = row["p_equivalence"], float(str(row["low"])), float(str(row["high"]))
    if p_equivalence is not None and float(str(p_equivalence)) < 1 - level:
        return "equivalent"
    if p_holm < 1 - level and (low > 0 or high < 0):
        return "a better" if (low > 0) != (row["metric"] in LOWER_IS_BETTER) else "b better"
    return "undecided"
