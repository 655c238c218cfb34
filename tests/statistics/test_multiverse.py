"""The headline in other ways of analysis: each is the difference of a table that holds that way alone."""

import numpy as np
import pandas as pd

from lungseg.paper import Headline, read_references
from lungseg.statistics.estimation import make_tables
from lungseg.statistics.multiverse import COLUMNS, multiverse
from tests.statistics.test_estimation import TRAIN_ON, cell, scores
from tests.workflow import MISHRA

SEEN, SHOWN = ["jsrt3", "montgomery7"], ("pooled", "pooled")
HEADLINE = Headline(variant="v0", against="v2", variant_in_words="the first", against_in_words="the last")


def every_way() -> pd.DataFrame:
    """Other ways change the networks by different amounts."""
    table = scores(variants=3, seeds=2)
    lower = 0.01 * table["variant"].str[1].astype(int) + 0.02 * table["image_id"].isin(SEEN)
    ways = [("native", "two_largest"), ("network", "two_largest"), ("native", "none"), ("network", "none")]
    parts = [
        table.assign(size=size, postprocessing=kept, dice=table["dice"] - number * lower)
        for number, (size, kept) in enumerate(ways)
    ]
    return pd.concat([*parts, table.assign(kind="reference", variant="mean_shape")], ignore_index=True)


def test_every_row_is_the_difference_of_a_table_that_holds_that_way_alone() -> None:
    table, pool = every_way(), ["v0", "v1", "v2"]
    found = multiverse(table, HEADLINE, SHOWN, SEEN, 0.95, pool)
    assert list(found) == COLUMNS and found["declared"].tolist() == [True, *[False] * 7]
    assert found[["size", "postprocessing", "seen"]].iloc[0].tolist() == ["network", "none", "kept"]
    assert len(found[["size", "postprocessing", "seen"]].drop_duplicates()) == 8
    for _, row in found.iterrows():
        own = (table["size"] == row["size"]) & (table["postprocessing"] == row["postprocessing"])
        own &= ~table["image_id"].isin(SEEN) | (row["seen"] == "kept")
        alone = table[own & (table["kind"] == "network")].assign(size="network", postprocessing="none")
        rng = np.random.default_rng(0)
        tables = make_tables(alone, MISHRA, read_references(), TRAIN_ON, 20, 0.95, rng, pool=pool)
        witness = cell(tables.comparisons, variant_a="v0", variant_b="v2", train_on="pooled", test_on="pooled",
                       metric="dice")  # fmt: skip
        for column in ("difference", "low", "high"):
            assert row[column] == np.float64(witness[column]), column
        assert row["images"] == (42 if row["seen"] == "kept" else 40)


def test_the_other_way_round_has_the_other_sign() -> None:
    one = multiverse(every_way(), HEADLINE, SHOWN, SEEN, 0.95)
    turned = HEADLINE.model_copy(update={"variant": "v2", "against": "v0"})
    other = multiverse(every_way(), turned, SHOWN, SEEN, 0.95)
    assert (one["difference"] == -other["difference"]).all() and (one["low"] == -other["high"]).all()
    assert set(other["variant"]) == {"v2"} and set(other["against"]) == {"v0"}


def test_what_is_not_there_has_no_row() -> None:
    assert (multiverse(every_way(), HEADLINE, SHOWN, [], 0.95)["seen"] == "kept").all()
    absent = HEADLINE.model_copy(update={"against": "absent"})
    for headline, shown in ((None, SHOWN), (absent, SHOWN), (HEADLINE, ("jsrt", "pooled"))):
        found = multiverse(every_way(), headline, shown, SEEN, 0.95)
        assert found.empty and list(found) == COLUMNS
