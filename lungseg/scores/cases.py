"""All scores in one table, and the parts of it that people and other tools read."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from lungseg.errors import InputError
from lungseg.scores.metrics import COUNTS
from lungseg.scores.scoring import DISTANCES, OVERLAP, PRIMARY, WAY

IDENTITY = ["variant", "train_on", "seed", "test_on", "image_id"]
# 1 for films of a data set that `pooled` leaves out; a table in which it holds all of them has no such column.
APART = "apart"
COLUMNS = ["kind", *IDENTITY, "abnormal", "members", *WAY, *OVERLAP, *DISTANCES, "empty", *COUNTS]


def together(tables: Sequence[pd.DataFrame], apart: Collection[str] = ()) -> pd.DataFrame:
    """All scores of all training sets, columns in the order of `COLUMNS`; a set whose runs all diverged has none.

    Args:
        tables: Of each training set.
        apart: Data sets whose films are not among those of `pooled`; with any, a column `APART` follows.
    """
    scores = pd.concat([table for table in tables if len(table)], ignore_index=True)[COLUMNS]
    return scores.assign(**{APART: scores["test_on"].isin(apart).astype(int)}) if apart else scores


def diverged(cards: Iterable[Mapping[str, Any]], main: str) -> pd.DataFrame:
    """The runs that are in no mean.

    Args:
        cards: Of all runs.
        main: The training set that Table 1 shows.

    Returns:
        Columns variant, train_on, seed, epoch (in which the loss was no number), epochs (planned).

    Raises:
        InputError: No run of the main training set is left.
    """
    rows, left = [], 0
    for card in cards:
        variant, train_on, seed = str(card["run"]).split("/")
        if card.get("diverged") is None:
            left += train_on == main
            continue
        who = {"variant": variant, "train_on": train_on, "seed": int(seed.removeprefix("seed"))}
        rows.append(who | {"epoch": card["diverged"], "epochs": card["training"]["epochs"]})
    if not left:
        told = ", ".join(f"{row['variant']} seed {row['seed']} in epoch {row['epoch']}" for row in rows[:3])
        remedy = "Choose a smaller training.learning_rate."
        raise InputError(f"the runs of {main}", f"that all diverged ({told}, …)", "one that learned", remedy)
    return pd.DataFrame(rows, columns=["variant", "train_on", "seed", "epoch", "epochs"])


def primary(scores: pd.DataFrame) -> pd.DataFrame:
    """The networks' scores in the primary way: the table scores.csv.

    Args:
        scores: As from `together`.

    Returns:
        Columns of `IDENTITY` and of `OVERLAP` first; kind, members, size and postprocessing left out.
    """
    chosen = scores[(scores["kind"] == "network") & (scores[WAY] == list(PRIMARY)).all(axis=1)]
    first = [*IDENTITY, *OVERLAP]
    last = [APART] if APART in scores else []
    return chosen[[*first, *(name for name in COLUMNS if name not in (*first, "kind", "members", *WAY)), *last]]


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
