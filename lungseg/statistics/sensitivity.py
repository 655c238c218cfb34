"""What becomes of the numbers without the test films whose patient the networks have seen."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import combinations

import pandas as pd

from lungseg.scores.scoring import PRIMARY, WAY
from lungseg.statistics.comparisons import told
from lungseg.statistics.estimation import estimates
from lungseg.statistics.intervals import crossed_estimate, possible_interval
from lungseg.statistics.score_blocks import METRICS, Block, Runs, blocks
from lungseg.statistics.seeds import SeedVariance, seed_variances

COLUMNS = [
    "variant", "against", "train_on", "test_on", "metric", "mean", "low", "high", "images", "seeds", "left_out",
    "full_mean", "full_low", "full_high", "change",
]  # fmt: skip
KEY = ["variant", "against", "train_on", "test_on", "metric"]


def sensitivity(
    scores: pd.DataFrame, left_out: Collection[str], level: float, pool: Sequence[str] = ()
) -> pd.DataFrame:
    """Every mean and every difference of two networks, with and without some test films.

    The same films are left out for every training set, whether or not it holds the patient, so that rows compare. What
    is left has an interval of its own; the change has none, as both sides share nearly all films. Where test sets are
    pooled, the change of a mean also holds the shift in the share of each data set.

    Args:
        scores: The table scores.parquet; networks in the primary way of scoring count.
        left_out: Image ids.
        level: Coverage aimed at, such as 0.95.
        pool: Variants whose seeds' variance is estimated together, as in `seeds`.

    Returns:
        Columns of `COLUMNS`; a row per network (`against` is empty) or pair of networks (mean is variant less against,
        as in comparisons.csv), training set, test set and metric, for the test sets that lose a film. `full_mean`,
        `full_low` and `full_high` are of all films, `change` is mean less full_mean, `left_out` is how many films were
        lost. Empty where no test film is left out. A test set that loses all its films has no row.

    Raises:
        InputError: A score is doubled, missing for a film that other runs have, or no number.
    """
    primary = scores[(scores[WAY] == list(PRIMARY)).all(axis=1) & (scores["kind"] == "network")]
    less = primary[~primary["image_id"].isin(left_out)]
    if len(less) in (0, len(primary)):
        return pd.DataFrame(columns=COLUMNS)
    full, rest = (_cells(list(blocks(table)), level, pool) for table in (primary, less))
    joined = rest.merge(full.drop(columns="seeds"), on=KEY, suffixes=("", "_full"), validate="1:1")
    joined["left_out"] = joined.pop("images_full") - joined["images"]
    joined = joined.rename(columns={f"{name}_full": f"full_{name}" for name in ("mean", "low", "high")})
    joined["change"] = joined["mean"] - joined["full_mean"]
    return joined.loc[(joined["left_out"] > 0) & joined["mean"].notna(), COLUMNS].reset_index(drop=True)


def _cells(cut: list[Block], level: float, pool: Sequence[str]) -> pd.DataFrame:
    """Means and differences, one below the other."""
    means = estimates(cut, level, pool).assign(against="")
    pairs = pd.DataFrame([row for block in cut for row in differences(block, level, pool)])
    return pd.concat([means, pairs], ignore_index=True)[[*KEY, "mean", "low", "high", "images", "seeds"]]


def differences(block: Block, level: float, pool: Sequence[str]) -> Iterator[dict[str, object]]:
    """Every two networks of a block in every metric that both have: the first less the second, with its interval."""
    seeds = seed_variances(block, pool)
    for a, b in combinations(block.runs, 2):
        yield from difference(block, a, b, seeds, level)


def difference(
    block: Block, a: Runs, b: Runs, seeds: Mapping[str, SeedVariance], level: float
) -> Iterator[dict[str, object]]:
    """One network less another in every metric that both have, with its interval."""
    estimate = crossed_estimate([a.metrics, b.metrics], [1, -1], block.strata, [seeds[one.variant] for one in (a, b)])
    low, high = possible_interval(estimate, level, METRICS, 1)
    for metric in told(a, b):
        at = METRICS.index(metric)
        yield {
            "variant": a.variant, "against": b.variant, "train_on": block.train_on, "test_on": block.test_on,
            "metric": metric, "mean": estimate.mean[at], "low": low[at], "high": high[at],
            "images": a.metrics.shape[1], "seeds": min(len(a.metrics), len(b.metrics)),
        }  # fmt: skip
