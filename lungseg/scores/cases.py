"""All scores in one table, and the parts of it that people and other tools read."""

from collections.abc import Sequence

import pandas as pd

from lungseg.scores.metrics import COUNTS
from lungseg.scores.scoring import DISTANCES, OVERLAP, PRIMARY, WAY

IDENTITY = ["variant", "train_on", "seed", "test_on", "image_id"]
COLUMNS = ["kind", *IDENTITY, "abnormal", "members", *WAY, *OVERLAP, *DISTANCES, "empty", *COUNTS]


def together(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """All scores of all training sets, columns in the order of `COLUMNS`."""
    return pd.concat(tables, ignore_index=True)[COLUMNS]


def primary(scores: pd.DataFrame) -> pd.DataFrame:
    """The networks' scores in the primary way: the table scores.csv.

    Args:
        scores: As from `together`.

    Returns:
        Columns of `IDENTITY` and of `OVERLAP` first; kind, members, size and postprocessing left out.
    """
    chosen = scores[(scores["kind"] == "network") & (scores[WAY] == list(PRIMARY)).all(axis=1)]
    first = [*IDENTITY, *OVERLAP]
    return chosen[[*first, *(name for name in COLUMNS if name not in (*first, "kind", "members", *WAY))]]


def algorithms(scores: pd.DataFrame) -> pd.DataFrame:
    """Columns alg (`alg_01`, …) and variant, in the order of the scores."""
    variants = list(scores["variant"].unique())
    return pd.DataFrame({"alg": [f"alg_{i:02d}" for i in range(1, len(variants) + 1)], "variant": variants})


def cases(scores: pd.DataFrame, train_on: str, test_on: str) -> pd.DataFrame:
    """Every film's Dice, mean over seeds, a column per variant.

    The form `case_id,alg_01,alg_02,…` is that of Christodoulou et al. (2025), arXiv 2505.04720.

    Args:
        scores: The table scores.csv.
        train_on: Which training set.
        test_on: Which test set.
    """
    names = algorithms(scores).set_index("variant")["alg"]
    rows = scores.query("train_on == @train_on and test_on == @test_on")
    wide = rows.pivot_table(index="image_id", columns="variant", values="dice", sort=False)
    wide = wide[[variant for variant in names.index if variant in wide]]
    return wide.rename(columns=names.to_dict()).rename_axis("case_id").reset_index()
