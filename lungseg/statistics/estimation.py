"""All scores -> all tables of estimates and comparisons.

A cell is the mean over seeds of the mean over images. Seeds and images are crossed, the image is the unit, pixels
never are. How intervals are made stands in `intervals` and `bootstrap`, how two variants are compared
in `comparisons`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from lungseg.paper import Paper
from lungseg.scores.metrics import RATIOS
from lungseg.scores.scoring import PRIMARY, WAY
from lungseg.statistics.bootstrap import film_weights, keyed, percentile_interval, plain_means, resampled_means
from lungseg.statistics.comparisons import COLUMNS as COMPARISON
from lungseg.statistics.comparisons import COMPARED, Pair, Resampled, Rules, compare
from lungseg.statistics.effects import effects
from lungseg.statistics.intervals import crossed_estimate, possible_interval
from lungseg.statistics.power import power
from lungseg.statistics.ranks import ranks
from lungseg.statistics.score_blocks import METRICS, Block, blocks
from lungseg.statistics.seeds import SeedVariance, seed_variances
from lungseg.statistics.simulated import noted
from lungseg.statistics.stability import stability

POOLED = [f"{name}_pooled" for name in RATIOS]
NAMES = ["variant", "train_on", "test_on", "metric", "mean", "low", "high", "images", "seeds", "failures"]


@dataclass(frozen=True)
class Tables:
    """The tables of an experiment.

    Args:
        estimates: estimates.csv, every network in the primary way.
        comparisons: comparisons.csv, every pair of networks.
        scoring: scoring.csv, every network in every way of scoring.
        subgroups: subgroups.csv, normal and abnormal films apart.
        references: references.csv, what stands beside the networks: made of predictions, and published.
        ensembles: ensembles.csv, networks against ensembles and these against each other.
        crossing: crossing.csv, every training set on every test set.
        ranks: ranks.csv, Friedman's test.
        stability: stability.csv, ranks in resamples.
        power: power.csv, what could have been found.
        sample_sizes: sample_sizes.csv, what less would take.
        effects: effects.csv, what the parts that a plan crosses are worth.
    """

    estimates: pd.DataFrame
    comparisons: pd.DataFrame
    scoring: pd.DataFrame
    subgroups: pd.DataFrame
    references: pd.DataFrame
    ensembles: pd.DataFrame
    crossing: pd.DataFrame
    ranks: pd.DataFrame
    stability: pd.DataFrame
    power: pd.DataFrame
    sample_sizes: pd.DataFrame
    effects: pd.DataFrame


def make_tables(
    scores: pd.DataFrame,
    paper: Paper,
    printed_elsewhere: pd.DataFrame,
    train_on: Mapping[str, Sequence[str]],
    resamples: int,
    level: float,
    rng: np.random.Generator,
    pool: Sequence[str] | None = None,
    contrasts: Sequence[Pair] | None = None,
    margins: Mapping[str, float] | None = None,
    coverage: pd.DataFrame | None = None,
    crossed: Mapping[str, Mapping[str, float]] | None = None,
) -> Tables:
    """Estimate every cell, compare every pair.

    Args:
        scores: The table scores.parquet: all ways of scoring, networks and references.
        paper: Names the networks that are joined, and the one that they are compared with.
        printed_elsewhere: Values of others that stand beside, as from `paper.read_references`.
        train_on: Training set to the data sets in it.
        resamples: Of the bootstrap and of the permutation test.
        level: Coverage aimed at, such as 0.95.
        rng: Where resamples come from.
        pool: Variants whose seeds' variance is estimated together. None: those of the paper.
        contrasts: Pairs that are corrected together. None: those of the pool.
        margins: Metric to the difference that does not count. None: nothing is declared.
        coverage: The table bench/results/coverage.csv, for the notes; without it they are empty.
        crossed: Effect to the weight of each variant in it.

    Raises:
        InputError: A score is doubled, missing for a film that other runs have, or no number.
    """
    is_primary = (scores[WAY] == list(PRIMARY)).all(axis=1)
    networks, beside = scores[scores["kind"] == "network"], scores[scores["kind"] == "reference"]
    primary = scores[is_primary & (scores["kind"] == "network")]
    both = scores[is_primary & scores["train_on"].isin(beside["train_on"].unique())]
    declared = [str(name) for name in (paper.networks if pool is None else pool)]
    resample = Resampler(resamples, int(rng.integers(2**63)))
    cut = list(blocks(primary))
    drawn = [resample(block) for block in cut]
    seeds = {(block.train_on, block.test_on): seed_variances(block, declared) for block in cut}
    family = list(combinations(declared, 2)) if contrasts is None else contrasts
    ours, theirs = (Rules(level, one, margins or {}) for one in (family, None))
    compared = [compare(b, pairs, r, ours, seeds[b.train_on, b.test_on], common=seed_variances(b, declared, (), False))
                for b, r in zip(cut, drawn, strict=True) if (pairs := _every_pair(b))]  # fmt: skip
    apart = set(beside["variant"])
    joined = [compare(b, pairs, resample(b, together=True), theirs, seed_variances(b, declared, apart),
                      [pair for pair in pairs if _share(*pair, paper)])
              for b in blocks(both) if (pairs := _ensemble_pairs(b, paper))]  # fmt: skip
    ways = [
        _told(estimates(list(blocks(rows)), level, declared).assign(**dict(zip(WAY, map(str, way), strict=True))), WAY)
        for way, rows in networks.groupby(WAY, sort=False)
    ]
    groups = [
        _told(estimates(list(blocks(rows)), level, declared).assign(abnormal=abnormal), ["abnormal"])
        for abnormal, rows in primary.groupby("abnormal")
    ]
    found = power(cut, seeds, level, family)
    return Tables(
        estimates=_noted(estimates(cut, level, declared, drawn), coverage, level),
        comparisons=_noted(_concat(compared, COMPARISON), coverage, level),
        scoring=_concat(ways),
        subgroups=_concat(groups),
        references=_with_published(beside, printed_elsewhere, level),
        ensembles=_noted(_concat(joined, COMPARISON), coverage, level),
        crossing=crossing(primary, train_on, level, seeds),
        ranks=ranks(cut, "dice", level),
        stability=stability(cut, drawn, level),
        power=found.detectable,
        sample_sizes=found.sizes,
        effects=effects(scores, crossed or {}, level, declared, margins),
    )


def _concat(tables: Sequence[pd.DataFrame], columns: Sequence[str] = ()) -> pd.DataFrame:
    """Tables one below the other; without any, an empty one with these columns."""
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=list(columns))


def _told(table: pd.DataFrame, special: Sequence[str]) -> pd.DataFrame:
    """Estimates with the columns that are special about them right behind `NAMES`."""
    first = [*NAMES, *special]
    return table[[*first, *(name for name in table if name not in first)]]


def _noted(table: pd.DataFrame, coverage: pd.DataFrame | None, level: float) -> pd.DataFrame:
    return table if coverage is None else table.assign(note=noted(table, coverage, level))


def _every_pair(block: Block) -> list[tuple[str, str]]:
    return list(combinations([one.variant for one in block.runs], 2))


def _with_published(beside: pd.DataFrame, printed_elsewhere: pd.DataFrame, level: float) -> pd.DataFrame:
    """Estimates of the references, then what others have printed."""
    own = [estimates(list(blocks(beside)), level)] if len(beside) else []
    table = _concat([*own, printed_elsewhere])
    return table.astype({name: "Int64" for name in ("images", "seeds", "failures") if name in table})


class Resampler:
    """Draws resamples of blocks; blocks with the same films share the films' weights.

    What is drawn for films and for a variant's seeds depends on their names alone, not on what else is in the table.
    """

    def __init__(self, resamples: int, seed: int) -> None:
        self.resamples, self.seed = resamples, seed
        self._films: dict[tuple[str, ...], tuple[np.ndarray, np.ndarray]] = {}

    def __call__(self, block: Block, together: bool = False) -> Resampled:
        """Means of every variant of a block, and random signs of its films.

        Args:
            block: Scores.
            together: Draw the same seeds of all its variants.
        """
        key = tuple(block.strata)
        if key not in self._films:
            rng = keyed(self.seed, ",".join(key))
            weights = film_weights(block.strata, self.resamples, rng)
            signs = rng.choice(np.array([-1.0, 1.0]), size=weights.shape)
            self._films[key] = weights, signs
        weights, signs = self._films[key]
        names = [runs.variant for runs in block.runs]
        means = resampled_means(block.runs, weights, self.seed, together)
        return Resampled(dict(zip(names, means, strict=True)), signs)


def estimates(
    cut: Sequence[Block], level: float, pool: Sequence[str] = (), drawn: Sequence[Resampled] | None = None
) -> pd.DataFrame:
    """Every variant's means with intervals.

    Args:
        cut: Blocks of scores.
        level: Coverage aimed at.
        pool: Variants whose seeds' variance is estimated together, as in `seeds`.
        drawn: Resamples of each block; without them pooled ratios have no interval and are left out.

    Returns:
        Columns of `NAMES`, with resamples bootstrap_low and bootstrap_high, then seed_variance (`pool`, `own`, or
        `none` of one seed alone), skewness and note (empty, see `simulated`). Means over films have the
        interval of `intervals`, pooled ratios that of the crossed bootstrap, with neither variance nor
        skewness. failures counts predictions without a lung.
    """
    return _concat([_estimates(block, level, pool, drawn[i] if drawn else None) for i, block in enumerate(cut)])


def _estimates(block: Block, level: float, pool: Sequence[str], drawn: Resampled | None) -> pd.DataFrame:
    tables, seeds = [], seed_variances(block, pool)
    for runs in block.runs:
        means = crossed_estimate([runs.metrics], [1], block.strata, [seeds[runs.variant]])
        low, high = possible_interval(means, level, METRICS)
        names, mean = METRICS, plain_means(runs)
        boot: dict[str, object] = {}
        if drawn:
            limits = percentile_interval(drawn.means[runs.variant], level)
            low, high = (np.append(own, limit[len(METRICS) :]) for own, limit in zip((low, high), limits, strict=True))
            names, boot = [*METRICS, *POOLED], {"bootstrap_low": limits[0], "bootstrap_high": limits[1]}
        cells = {"metric": names, "mean": mean[: len(names)], "low": low, "high": high}
        images = runs.metrics.shape[1]
        sizes = {"images": images, "seeds": len(runs.metrics), "failures": int(runs.empty.sum())}
        who = {"variant": runs.variant, "train_on": block.train_on, "test_on": block.test_on}
        made = pd.DataFrame({"seed_variance": seeds[runs.variant].source(), "skewness": means.skewness}, dtype=object)
        tables.append(pd.DataFrame(who | cells | sizes | boot).join(made))
    table = pd.concat(tables, ignore_index=True).assign(note=None)
    return table[table["mean"].notna()].astype({"skewness": float})


def _ensemble_pairs(block: Block, paper: Paper) -> list[tuple[str, str]]:
    """The declared questions.

    Does the paper's network beat joining the outputs of others? Does joining architectures beat joining as many seeds
    of one? Does an ensemble beat its members?
    """
    names = {runs.variant for runs in block.runs}
    own = paper.headline.variant if paper.headline else ""
    pairs = [(own, "ensemble_encoders"), (own, "ensemble_mean"), ("ensemble_mean", "ensemble_vote")]
    pairs += [("ensemble_encoders", f"seeds2_{variant}") for variant in paper.encoders]
    pairs += [("ensemble_mean", f"seeds3_{variant}") for variant in paper.single]
    pairs += [("ensemble_mean", variant) for variant in paper.single]
    pairs += [("ensemble_encoders", variant) for variant in paper.encoders]
    return [pair for pair in pairs if names.issuperset(pair)]


def _share(a: str, b: str, paper: Paper) -> bool:
    """Whether the two are made of the same trained networks, at least in part."""
    made_of = {"ensemble_encoders": paper.encoders, "ensemble_mean": paper.single, "ensemble_vote": paper.single}
    one, other = (made_of.get(name, [re.sub(r"^seeds\d+_", "", name)]) for name in (a, b))
    return not set(one).isdisjoint(other)


def crossing(
    primary: pd.DataFrame,
    train_on: Mapping[str, Sequence[str]],
    level: float,
    seeds: Mapping[tuple[str, str], Mapping[str, SeedVariance]],
) -> pd.DataFrame:
    """Every training set on every test set, and what is lost against training on the test set's own data set.

    Args:
        primary: Networks' scores in the primary way.
        train_on: Training set to the data sets in it.
        level: Coverage aimed at.
        seeds: Training and test set to how much each variant's seeds vary.

    Returns:
        Columns variant, train_on, test_on, metric, domain (`in` where the training set holds the test set's data set),
        mean, low, high, images, seeds, home (the training set that is the test set's data set alone), gap (mean less
        that of home, paired on films), gap_low, gap_high; the last four are empty where there is no home. A metric
        that a test set lacks has no row.
    """
    # The training sets take the variants' place: what stands side by side in a block is compared.
    turned = primary.rename(columns={"variant": "train_on", "train_on": "variant"})
    rows = []
    for block in blocks(turned):
        homes = [runs for runs in block.runs if list(train_on[runs.variant]) == [block.test_on]]
        for runs in block.runs:
            domain = "in" if block.test_on in train_on[runs.variant] else "out"
            vary = [seeds[one.variant, block.test_on][block.train_on] for one in (runs, *homes)]
            means = crossed_estimate([runs.metrics], [1], block.strata, vary[:1])
            limits = possible_interval(means, level, METRICS)
            for metric in COMPARED:
                at = METRICS.index(metric)
                where = {
                    "variant": block.train_on,
                    "train_on": runs.variant,
                    "test_on": block.test_on,
                    "metric": metric,
                }
                cell = {"domain": domain, "mean": means.mean[at], "low": limits[0, at], "high": limits[1, at]}
                rows.append(where | cell | {"images": runs.metrics.shape[1], "seeds": len(runs.metrics)})
                if homes and runs is not homes[0]:
                    gap = crossed_estimate([runs.metrics, homes[0].metrics], [1, -1], block.strata, vary[:2])
                    low, high = possible_interval(gap, level, METRICS, 1)[:, at]
                    rows[-1] |= {"home": homes[0].variant, "gap": gap.mean[at], "gap_low": low, "gap_high": high}
    columns = ["variant", "train_on", "test_on", "metric", "domain", "mean", "low", "high", "images", "seeds"]
    table = pd.DataFrame(rows, columns=[*columns, "home", "gap", "gap_low", "gap_high"])
    return table[(table["test_on"] != "pooled") & table["mean"].notna()].reset_index(drop=True)
