"""The headline's difference under every other choice of analysis that these predictions allow.

Films can be scored at the network's size or at their own, as predicted or with the two largest parts alone, and with or
without the test films whose patient the networks have seen. One of these was declared; a result that the others do not
share hangs on a choice.

Reference: Steegen, Tuerlinckx, Gelman and Vanpaemel (2016), Increasing transparency through a multiverse analysis.
"""

from collections.abc import Collection, Sequence

import pandas as pd

from lungseg.paper import Headline
from lungseg.scores.scoring import PRIMARY, WAY
from lungseg.statistics.score_blocks import blocks
from lungseg.statistics.seeds import seed_variances
from lungseg.statistics.sensitivity import difference

KEPT, LEFT_OUT = "kept", "left out"
COLUMNS = [
    "variant", "against", "train_on", "test_on", "metric", *WAY, "seen", "declared", "difference", "low", "high",
    "images", "seeds",
]  # fmt: skip


def multiverse(
    scores: pd.DataFrame,
    headline: Headline | None,
    shown: tuple[str, str],
    seen: Collection[str],
    level: float,
    pool: Sequence[str] = (),
) -> pd.DataFrame:
    """The difference of a paper's headline in each way of scoring, with and without films of patients seen.

    Args:
        scores: The table scores.parquet.
        headline: Which two networks, in which metric; None: there is none to look at.
        shown: Training and test set of the headline.
        seen: Ids of the test films whose patient is also in training or validation.
        level: Coverage aimed at, such as 0.95.
        pool: Variants whose seeds' variance is estimated together, as in `seeds`.

    Returns:
        Columns of `COLUMNS`, the declared analysis first; `seen` is what became of the films of patients seen: kept, or
        left out where there are any. `difference` is variant less against with its own interval, uncorrected: all of
        them are of the same predictions. Empty where one of the two networks is not there.

    Raises:
        InputError: A score is doubled, missing for a film that other runs have, or no number.
    """
    if headline is None:
        return pd.DataFrame(columns=COLUMNS)
    rows, here = [], scores[(scores["kind"] == "network") & (scores["train_on"] == shown[0])]
    ways = [tuple(way) for way in here[WAY].drop_duplicates().to_numpy()]
    ways.sort(key=lambda way: [one != declared for one, declared in zip(way, PRIMARY, strict=True)])
    for way in ways:
        table = here[(here[WAY] == list(way)).all(axis=1)]
        without = table[~table["image_id"].isin(seen)]
        for films, part in ((KEPT, table), (LEFT_OUT, without)):
            if films == KEPT or 0 < len(part) < len(table):
                own = _difference(part, headline, shown, level, pool)
                rows += [dict(zip(WAY, way, strict=True)) | {"seen": films} | one for one in own]
    found = pd.DataFrame(rows, columns=[name for name in COLUMNS if name != "declared"])
    declared = (found[WAY] == list(PRIMARY)).all(axis=1) & (found["seen"] == KEPT)
    return found.assign(declared=declared)[COLUMNS]


def _difference(
    table: pd.DataFrame, headline: Headline, shown: tuple[str, str], level: float, pool: Sequence[str]
) -> list[dict[str, object]]:
    """One row, or none where a network or the test set is missing."""
    found, named = [], {"variant": headline.variant, "against": headline.against}
    for block in blocks(table):
        pair = [one for one in block.runs if one.variant in named.values()]
        if (block.train_on, block.test_on) != shown or len(pair) < 2:
            continue
        for row in difference(block, pair[0], pair[1], seed_variances(block, pool), level):
            if row["metric"] == headline.metric:
                mean, low, high = (float(row.pop(name)) for name in ("mean", "low", "high"))  # type: ignore[arg-type]
                if row["variant"] != headline.variant:
                    mean, low, high = -mean, -high, -low
                found.append(row | named | {"difference": mean, "low": low, "high": high})
    return found
