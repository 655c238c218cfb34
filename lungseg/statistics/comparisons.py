"""Two variants on the same films: how far apart, how sure, and whether it matters."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float, Shaped
from scipy.stats import t as student
from scipy.stats import wilcoxon

from lungseg.statistics.bootstrap import percentile_interval
from lungseg.statistics.contrasts import NONE, Contrast, contrast
from lungseg.statistics.intervals import p_equivalence, p_zero, possible_interval
from lungseg.statistics.score_blocks import METRICS, Block, Runs
from lungseg.statistics.seeds import SeedVariance, own_variance
from lungseg.statistics.simulated import COMMON, ONE_RUN

COMPARED = ["dice", "iou", "recall", "precision", "loss", "nsd", "hd95_px", "assd_px"]
LOWER_IS_BETTER = {"loss", "hd95_px", "assd_px", "hd95_mm", "assd_mm"}
COLUMNS = [
    "variant_a", "variant_b", "train_on", "test_on", "metric", "difference", "low", "high", "p", "p_holm",
    "p_permutation", "p_equivalence", "p_false_claim", "superiority", "sign", "relevance", "verdict", "bootstrap_low",
    "bootstrap_high", "images", "seeds_a", "seeds_b", "p_these_networks", "se", "df", "skewness", "seed_variance",
    "influential_film", "difference_without", "note",
]  # fmt: skip
LONGER = 1.25  # times an interval, from which on another one beside it is told
SIDES = {1: "a better", -1: "b better", 0: "undecided"}
Pair = tuple[str, str]


@dataclass(frozen=True)
class Resampled:
    """What a comparison takes from resampling.

    Args:
        means: Variant to its bootstrapped means; the last axis begins in the order of `METRICS`.
        signs: 1 or -1 for each film, for the permutation test.
    """

    means: dict[str, Float[np.ndarray, "resample metric"]]
    signs: Float[np.ndarray, "permutation image"]


@dataclass(frozen=True)
class Rules:
    """What is fixed before a comparison.

    Args:
        level: Coverage of the intervals, such as 0.95.
        contrasts: The pairs that are corrected together, in either order; None: all that are compared.
        margins: Metric to the difference that does not count; a metric that is not among them has no relevance.
    """

    level: float
    contrasts: Sequence[Pair] | None
    margins: Mapping[str, float]


def compare(
    block: Block,
    pairs: Sequence[Pair],
    resampled: Resampled,
    rules: Rules,
    seeds: Mapping[str, SeedVariance] | None = None,
    shared: Collection[Pair] = (),
    common: Mapping[str, SeedVariance] | None = None,
) -> pd.DataFrame:
    r"""Compare pairs of variants on the films of a block, in every metric of `COMPARED`.

    For a pair (a, b), with :math:`d_i` the difference a - b on film i, each a mean over the variant's own seeds:

    - difference, low, high, se, df, skewness: of the means, with the interval of `intervals` over seeds and
      films; seed_variance: `pool`, `own` or `none` (one seed, unknown), for a and b where they differ, or `shared`.
      bootstrap_low and bootstrap_high: percentiles of the crossed bootstrap.
    - p: of the same crossed t, two-sided: below 1 - level just where the interval leaves 0 out. p_holm: corrected by
      Holm for the declared contrasts and the pair itself, so that a variant beside the declared ones changes no other
      pair's.
    - p_these_networks: Wilcoxon's signed-rank test of :math:`d_i`. This, p_permutation (signs of :math:`d_i` flipped at
      random) and p_false_claim speak of other films with the same trained networks, not of other seeds.
    - p_equivalence: two one-sided t tests against the metric's margin, over seeds and films; small means that the
      difference does not count. Schuirmann (1987), J Pharmacokinet Biopharm 15:657.
    - p_false_claim: probability that the network with the better mean is not better, were it claimed from these
      films: :math:`T_{n-1}(-\sqrt{n}|\bar d|/s_d)`. Christodoulou et al. (2025), arXiv 2505.04720.
    - superiority: share of films on which a is better than b, ties half.
    - sign: `a better` or `b better` where p_holm < 1 - level, else `undecided`; less of a loss or distance is better.
    - relevance: `within` the margin where p_equivalence < 1 - level, `beyond` where the whole interval lies outside
      -margin to margin, else `undecided`; empty for a metric without a margin.
    - verdict: of both, in one word: `equivalent` where relevance is `within`, whether or not the sign is decided; else
      the sign. `equivalent` beside the sign `a better` is: better, by less than counts.
    - influential_film: the film without which the difference moves most; difference_without: what it is then.
    - note: `one run` where a side's seed_variance is `none`: then p, p_holm and p_equivalence are empty and sign and
      relevance undecided. `common seed variance: LOW to HIGH` where networks keep their own variance and the pool's
      would make the interval longer by a quarter or more: a few seeds that agree may do so by chance. See `simulated`
      for what is added to it.

    Args:
        block: Scores of both.
        pairs: Names.
        resampled: Of this block.
        rules: Level, family and margins.
        seeds: How much each variant's seeds vary; without it, by its own seeds.
        shared: Pairs whose two sides are made of the same trained networks. Their difference is taken seed by seed,
            see `contrasts`.
        common: The pool's variance for all, for the note.
    """
    runs = {one.variant: one for one in block.runs}
    known = seeds or {name: own_variance(one.metrics) for name, one in runs.items()}
    tables = []
    for a, b in pairs:
        metrics, together = told(runs[a], runs[b]), (a, b) in shared
        one = contrast(block, runs[a], runs[b], metrics, known, together)
        other = contrast(block, runs[a], runs[b], metrics, common, together) if common else one
        table = _pair(block, one, rules).join(_resampled(one, resampled, rules))
        tables.append(table.assign(note=_common(table, other, rules.level)))
    if not tables:
        return pd.DataFrame(columns=COLUMNS)
    table = pd.concat(tables).sort_values("metric", key=lambda names: names.map(COMPARED.index), kind="stable")
    table = table.reset_index(drop=True)
    alone = table["seed_variance"].str.contains(NONE)
    table.loc[alone, ["p", "p_equivalence"]] = np.nan
    family = pairs if rules.contrasts is None else rules.contrasts
    table["p_holm"] = [p for _, rows in table.groupby("metric", sort=False) for p in holm(rows, family)]
    table["sign"] = [SIDES[int(side)] for side in np.where(table["p_holm"] < 1 - rules.level, better(table), 0)]
    table["relevance"] = relevance(table, rules.margins, rules.level)
    table["verdict"] = table["sign"].mask(table["relevance"] == "within", "equivalent")
    return table.assign(note=table["note"].mask(alone, ONE_RUN))[COLUMNS]


def better(table: pd.DataFrame) -> Float[np.ndarray, " row"]:
    """1 where a difference is for the better, -1 where for the worse, 0 where there is none.

    Args:
        table: Columns metric and difference.
    """
    return np.asarray(np.sign(table["difference"]) * np.where(table["metric"].isin(LOWER_IS_BETTER), -1, 1))


def relevance(table: pd.DataFrame, margins: Mapping[str, float], level: float) -> Shaped[np.ndarray, " row"]:
    """`within` the margin, `beyond` it or `undecided`, as in `compare`; empty for a metric without a margin.

    Args:
        table: Columns metric, low, high, p_equivalence and seed_variance; where the last has a `none`, nothing is
            decided.
        margins: Metric to the difference that does not count.
        level: Of the intervals.
    """
    margin = table["metric"].map(dict(margins))
    outside = (table["low"] > margin) | (table["high"] < -margin)
    alone = table["seed_variance"].str.contains(NONE)
    size = [margin.isna(), alone, table["p_equivalence"] < 1 - level, outside]
    return np.select(size, ["", "undecided", "within", "beyond"], "undecided")


def holm(rows: pd.DataFrame, contrasts: Sequence[Pair]) -> list[float]:
    """Corrected p of every pair, in the family of the contrasts and the pair itself.

    Holm (1979), Scand J Stat 6:65: the smallest of m takes m, the next m - 1, …, and none falls below one before it.

    Args:
        rows: variant_a, variant_b and p of one metric; a pair without p has none and is in no family.
        contrasts: Pairs of variants, in either order; those that are not among the rows are passed over.
    """
    p = {(a, b): one for a, b, one in rows[["variant_a", "variant_b", "p"]].itertuples(index=False, name=None)}
    ordered = sorted((pair for pair in p if not np.isnan(p[pair])), key=lambda pair: p[pair])
    declared = {frozenset(pair) for pair in contrasts}
    corrected = dict.fromkeys(p, np.nan)
    for pair in ordered:
        family = [other for other in ordered if other == pair or frozenset(other) in declared]
        upto = family[: family.index(pair) + 1]
        corrected[pair] = min(1.0, max((len(family) - i) * p[other] for i, other in enumerate(upto)))
    return list(corrected.values())


def told(a: Runs, b: Runs) -> list[str]:
    """The metrics of `COMPARED` that both variants have of every film."""
    known = np.isfinite(a.metrics).all(axis=(0, 1)) & np.isfinite(b.metrics).all(axis=(0, 1))
    return [metric for metric in COMPARED if known[METRICS.index(metric)]]


def _pair(block: Block, one: Contrast, rules: Rules) -> pd.DataFrame:
    """One row per metric."""
    a, b, metrics, estimate = one.a, one.b, one.metrics, one.parts.estimate()
    low, high = possible_interval(estimate, rules.level, metrics, 1)
    films = one.films()
    flip = np.where(np.isin(metrics, list(LOWER_IS_BETTER)), -1, 1)
    better = np.sign(films) * flip
    most, without = influence(films)
    identity = {"variant_a": a.variant, "variant_b": b.variant, "train_on": block.train_on, "test_on": block.test_on}
    numbers = {
        "metric": metrics,
        "difference": estimate.mean,
        "low": low,
        "high": high,
        "p": p_zero(estimate),
        "p_equivalence": p_equivalence(estimate, np.array([rules.margins.get(name, np.nan) for name in metrics])),
        "p_false_claim": [false_claim(column) for column in films.T],
        "superiority": (better > 0).mean(axis=0) + (better == 0).mean(axis=0) / 2,
        "p_these_networks": [_wilcoxon(column) for column in films.T],
        "se": estimate.se,
        "df": estimate.df,
        "skewness": estimate.skewness,
        "seed_variance": one.sources,
        "influential_film": [block.films[i] for i in most],
        "difference_without": without,
    }
    sizes = {"images": len(films), "seeds_a": len(a.metrics), "seeds_b": len(b.metrics)}
    return pd.DataFrame(identity | numbers | sizes)


def _common(table: pd.DataFrame, other: Contrast, level: float) -> pd.Series:
    """The interval by the pool's variance, for the note of each metric, where it is longer than the one by their own.

    Args:
        table: Columns low and high, one row for each metric of the contrast.
        other: The same pair, with the pool's variance.
        level: Of the intervals.
    """
    low, high = possible_interval(other.parts.estimate(), level, other.metrics, 1)
    longer = high - low >= LONGER * (table["high"] - table["low"])
    words = [f"{COMMON}: {one:+.4f} to {two:+.4f}" for one, two in zip(low, high, strict=True)]
    by_pool = pd.Series(other.sources, table.index).str.contains("pool")
    return pd.Series(words, table.index).where(longer & by_pool, None)


def influence(films: Float[np.ndarray, "image metric"]) -> tuple[list[int], Float[np.ndarray, " metric"]]:
    """Number of the film without which the mean moves most, and the mean without it; NaN for one film."""
    mean = films.mean(axis=0)
    most = np.abs(films - mean).argmax(axis=0)
    others = len(films) - 1
    left = films.sum(axis=0) - np.take_along_axis(films, most[None], axis=0)[0]
    return most.tolist(), left / others if others else np.full_like(mean, np.nan)


def _resampled(one: Contrast, resampled: Resampled, rules: Rules) -> pd.DataFrame:
    means, films = resampled.means, one.films()
    low, high = percentile_interval(means[one.a.variant][:, one.at] - means[one.b.variant][:, one.at], rules.level)
    flipped = np.abs(resampled.signs @ films) >= np.abs(films.sum(axis=0)) - 1e-12
    p = (1 + flipped.sum(axis=0)) / (1 + len(flipped))
    return pd.DataFrame({"bootstrap_low": low, "bootstrap_high": high, "p_permutation": p})


def _wilcoxon(differences: Float[np.ndarray, " image"]) -> float:
    """Two-sided p of the signed-rank test; 1 where all films score the same."""
    return float(wilcoxon(differences).pvalue) if differences.any() else 1.0


def false_claim(differences: Float[np.ndarray, " image"]) -> float:
    """Probability that the variant with the better mean is not better; one half where all films score the same."""
    spread = differences.std(ddof=1) if len(differences) > 1 else 0.0
    if spread == 0:
        return 0.0 if differences.any() else 0.5
    size = len(differences)
    return float(student.sf(np.sqrt(size) * abs(differences.mean()) / spread, size - 1))
