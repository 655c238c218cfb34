r"""Do networks fare otherwise on abnormal films than on normal ones? The difference, with its interval.

Seeds are crossed with all films: one network sees both groups. The films of the two groups are others, so their
variances add up. With film i of data set d in a group of :math:`m_{dg}` of the data set's :math:`n_d` films, let

.. math:: z_{si} = \pm \frac{n_d}{m_{dg}} y_{si}

be its score, positive for abnormal films and negative for normal ones. The mean of z over films is the mean over data
sets, each by its number of films, of abnormal less normal. So data sets are never compared with each other, which
matters for `pooled`: the share of abnormal films is another in each of them. Strata are the groups of each data set;
seeds' variance is that of the difference, and is pooled like any other.
"""

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from lungseg.scores.scoring import PRIMARY, WAY
from lungseg.statistics.comparisons import COMPARED, SIDES, better, holm
from lungseg.statistics.contrasts import NONE
from lungseg.statistics.intervals import crossed_estimate, p_zero, possible_interval
from lungseg.statistics.score_blocks import METRICS, Block, blocks
from lungseg.statistics.seeds import pooled_variances

COLUMNS = [
    "variant", "train_on", "test_on", "metric", "group", "against", "difference", "low", "high", "p", "p_holm", "sign",
    "images_group", "images_against", "seeds", "se", "df", "seed_variance",
]  # fmt: skip
GROUP, AGAINST = "abnormal", "normal"
BETTER = {"a better": f"{GROUP} better", "b better": f"{AGAINST} better", "undecided": "undecided"}


def subgroup_differences(scores: pd.DataFrame, level: float, pool: Collection[str] = ()) -> pd.DataFrame:
    """Abnormal less normal films, of every network.

    Args:
        scores: The table scores.parquet; networks in the primary way of scoring count.
        level: Coverage aimed at, such as 0.95.
        pool: Variants whose seeds' variance is estimated together, and whose p are corrected together.

    Returns:
        Columns of `COLUMNS`; a row per network, training set, test set and metric, for test sets that have both groups.
        difference is the mean within data sets, as above, with its interval over seeds and films; p is of the same
        crossed t, p_holm corrected by Holm for the networks of the pool and the row's own, both empty where one run
        alone stands for the network. sign: `abnormal better` or `normal better` where p_holm < 1 - level, else
        `undecided`. images_group and images_against count the films
        behind it: those of a data set with both groups.

    Raises:
        InputError: A score is doubled, missing for a film that other runs have, or no number.
    """
    primary = scores[(scores[WAY] == list(PRIMARY)).all(axis=1) & (scores["kind"] == "network")]
    abnormal = primary.drop_duplicates(["test_on", "image_id"]).set_index(["test_on", "image_id"])["abnormal"] == 1
    tables = [_of_block(block, abnormal, level, pool) for block in blocks(primary)]
    tables = [table for table in tables if len(table)]
    return pd.concat(tables, ignore_index=True)[COLUMNS] if tables else pd.DataFrame(columns=COLUMNS)


def signed_shares(strata: Sequence[str], abnormal: Bool[np.ndarray, " film"]) -> Float[np.ndarray, " film"]:
    """What each film's score is multiplied by, as above; 0 in a data set that lacks a group.

    Args:
        strata: Data set of each film.
        abnormal: Of each film.
    """
    films = pd.DataFrame({"dataset": list(strata), "abnormal": abnormal})
    whole = films.groupby("dataset")["abnormal"].transform("nunique") == 2
    size = films.groupby("dataset")["abnormal"].transform("size")
    own = films.groupby(["dataset", "abnormal"])["abnormal"].transform("size")
    return np.asarray(np.where(whole, np.where(films["abnormal"], 1, -1) * size / own, 0.0))


def _of_block(block: Block, abnormal: "pd.Series[bool]", level: float, pool: Collection[str]) -> pd.DataFrame:
    here = abnormal.loc[list(zip(block.strata, block.films, strict=True))].to_numpy()
    shares = signed_shares(block.strata, here)
    used = shares != 0
    if not used.any():
        return pd.DataFrame()
    # The shares of a data set add up to 0, so a shift changes nothing; it leaves scores that are all alike exactly 0.
    groups = [(one.metrics - one.metrics[0, 0])[:, used] * shares[used, None] for one in block.runs]
    strata = [f"{name} {one}" for name, one, there in zip(block.strata, here, used, strict=True) if there]
    variances = pooled_variances(groups, [i for i, one in enumerate(block.runs) if one.variant in pool])
    rows: list[dict[str, object]] = []
    for one, group, seeds in zip(block.runs, groups, variances, strict=True):
        estimate = crossed_estimate([group], [1], strata, [seeds])
        p = np.where(np.array(seeds.source()) == NONE, np.nan, p_zero(estimate))
        columns = {"difference": estimate.mean, "p": p, "se": estimate.se, "df": estimate.df}
        columns |= dict(zip(("low", "high"), possible_interval(estimate, level, METRICS, 1), strict=True))
        where = {"variant": one.variant, "train_on": block.train_on, "test_on": block.test_on}
        sizes = {"images_group": int((shares > 0).sum()), "images_against": int((shares < 0).sum())}
        sizes["seeds"] = len(group)
        for metric in COMPARED:
            at = METRICS.index(metric)
            cells = {name: values[at] for name, values in columns.items()}
            rows.append(where | {"metric": metric} | cells | sizes | {"seed_variance": seeds.source()[at]})
    table = pd.DataFrame(rows).dropna(subset="difference").reset_index(drop=True)  # a metric may mean nothing here
    return table.assign(group=GROUP, against=AGAINST, **_signs(table, level, pool))


def _signs(table: pd.DataFrame, level: float, pool: Collection[str]) -> dict[str, Any]:
    """Corrected p, and which group is the better one where it is small."""
    corrected, declared = np.full(len(table), np.nan), [(name, name) for name in pool]
    for at in table.groupby("metric", sort=False).indices.values():
        rows = table.iloc[at]
        corrected[at] = holm(rows.assign(variant_a=rows["variant"], variant_b=rows["variant"]), declared)
    sides = np.where(corrected < 1 - level, better(table), 0)
    return {"p_holm": corrected, "sign": [BETTER[SIDES[int(side)]] for side in sides]}
