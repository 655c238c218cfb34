"""A table of scores cut into complete blocks: every run of a training set on every film of a test set."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from lungseg.errors import InputError
from lungseg.scores.boundary import GRID, TOLERANCE_PX
from lungseg.scores.cases import APART
from lungseg.scores.metrics import COUNTS, RATIOS
from lungseg.scores.scoring import DISTANCES, OVERLAP
from lungseg.statistics.subsets import by_seed

METRICS = [*OVERLAP, *DISTANCES]
FRACTIONS = {*RATIOS, "nsd"}  # from 0 to 1
RUN = ["variant", "train_on", "seed"]
FILM = ["test_on", "image_id"]
POOLED = "pooled"
SEEDS = r"[0-9]{1,10}(\+[0-9]{1,10})*"


@dataclass(frozen=True)
class Runs:
    """All scores of one variant, its seeds in the order of their numbers; the films are those of the block.

    Ensembles of seeds have pseudo-values instead, one per seed (`lungseg.statistics.subsets`).

    Args:
        variant: Its name.
        metrics: Scores per film, in the order of `METRICS`; NaN where a metric means nothing.
        counts: Pixels per film, in the order of `COUNTS`.
        empty: Whether a prediction had no lung at all.
    """

    variant: str
    metrics: Float[np.ndarray, "seed image metric"]
    counts: Float[np.ndarray, "seed image count"]
    empty: Bool[np.ndarray, "prediction image"]


@dataclass(frozen=True)
class Block:
    """All scores of one training set on one test set.

    Args:
        train_on: The training set.
        test_on: The test set, a data set or `pooled`.
        strata: Data set of each film.
        runs: One entry per variant.
        films: Name of each film.
    """

    train_on: str
    test_on: str
    strata: list[str]
    runs: list[Runs]
    films: list[str]


def blocks(scores: pd.DataFrame) -> Iterator[Block]:
    """Cut a table of scores, one row per run and film, into blocks; `pooled` is all test sets of a training set.

    Where the table has a column apart, `pooled` is those whose films have 0 in it.

    Variants may have different numbers of seeds, but all have the same films.

    Distances need pixels that are not longer than their tolerance (`lungseg.scores.boundary`). A test set that holds a
    film without them has none: their mean would be of other films than that of Dice. Those that older tables hold of
    a network's grid that is too coarse are passed over.

    Args:
        scores: Columns of `RUN`, `FILM`, `METRICS` and `COUNTS`, empty, and members where ensembles of seeds are among
            them. A metric that is not among them counts as one that means nothing.

    Raises:
        InputError: A score is doubled, missing for a film that other runs have, or there for only some of the films;
            a data set is apart for some of its films; the members of ensembles of seeds are not known.
    """
    scores = scores.assign(**{name: np.nan for name in METRICS if name not in scores})
    scores = scores if "empty" in scores else scores.assign(empty=0)
    scores = _whole_distances(_with_members(scores))
    _refuse_gaps(scores)
    for train_on, table in scores.groupby("train_on", sort=False):
        sets = list(table["test_on"].unique())
        for test_on in [*sets, POOLED]:
            rows = pooled_films(table) if test_on == POOLED else table[table["test_on"] == test_on]
            if rows.empty:
                continue
            rows = rows.sort_values(["seed", *FILM], kind="stable")
            first = rows[rows[["variant", "seed"]].eq(rows[["variant", "seed"]].iloc[0]).all(axis=1)]
            variants = [_runs(str(name), rows[rows["variant"] == name]) for name in table["variant"].unique()]
            yield Block(str(train_on), str(test_on), first["test_on"].tolist(), variants, first["image_id"].tolist())


def pooled_films(scores: pd.DataFrame) -> pd.DataFrame:
    """The rows of films that `pooled` holds."""
    return scores[scores[APART] == 0] if APART in scores else scores


def _runs(variant: str, rows: pd.DataFrame) -> Runs:
    shape = (rows["seed"].nunique(), -1)
    metrics, counts, empty = (
        rows[names].to_numpy(dtype=float).reshape(*shape, len(names)) for names in (METRICS, COUNTS, ["empty"])
    )
    members = [frozenset(map(int, text.split("+"))) for text in rows.drop_duplicates("seed")["members"]]
    if max(map(len, members)) > 1:
        metrics, counts = by_seed(metrics, members), by_seed(counts, members)
    return Runs(variant, metrics, counts, empty[..., 0].astype(bool))


def _with_members(scores: pd.DataFrame) -> pd.DataFrame:
    """The scores with members of every run: without any it is of its own seed.

    So is, in tables of older code, a single ensemble of seeds; of several the members must be known.
    """
    own = scores["seed"].astype(str)
    members = scores["members"].where(scores["members"].notna(), own).astype(str) if "members" in scores else own
    given = scores["members"].notna() if "members" in scores else False
    joined = scores[scores["variant"].str.fullmatch(r"seeds\d+_.+") & ~given]
    if len(joined[["train_on", "variant", "seed"]].drop_duplicates()) > len(joined.groupby(["train_on", "variant"])):
        raise InputError("scores", "ensembles of seeds without their members", "a column members", "Score again.")
    scores = scores.assign(members=members)
    if (wrong := ~members.str.fullmatch(SEEDS)).any():
        found = f"members {members[wrong].iloc[0][:40]!r} for {_row(scores, wrong)}"
        raise InputError("scores", found, "the numbers of the seeds that are joined, as 0+1", "Score again.")
    if (several := scores.groupby(RUN)["members"].transform("nunique") > 1).any():
        raise InputError("scores", f"several members for {_row(scores, several)}", "one of all films", "Score again.")
    return scores


def _whole_distances(scores: pd.DataFrame) -> pd.DataFrame:
    """The scores with the distances of whole test sets alone, those of too coarse a grid emptied."""
    here = scores[DISTANCES].notna()
    if "size" in scores:
        coarse = GRID / np.sqrt(scores[COUNTS].sum(axis=1)) > TOLERANCE_PX
        here[coarse & (scores["size"] == "network")] = False
    test_set = [scores["train_on"], scores["test_on"]]
    known = here.groupby([*test_set, scores["image_id"]]).transform("any").groupby(test_set).transform("all")
    return scores.assign(**scores[DISTANCES].where(known))


def _refuse_gaps(scores: pd.DataFrame) -> None:
    key = [*RUN, *FILM]
    remedy = "Delete the table and score again."
    if (doubled := scores.duplicated(key)).any():
        raise InputError("scores", f"two rows for {_row(scores, doubled)}", "one", remedy)
    here = scores[METRICS].notna()
    whole = here.groupby([scores[name] for name in ("variant", "train_on", "test_on")]).transform("any")
    absent = (here != whole).any(axis=1) | scores[["dice", "iou", *COUNTS]].isna().any(axis=1)
    if absent.any():
        raise InputError("scores", f"no number for {_row(scores, absent)}", "a number in every column", remedy)
    for place, table in scores.groupby(["train_on", "test_on"]) if APART in scores else ():
        if len(said := table[APART].unique()) > 1:
            found = f"{APART} {' and '.join(map(str, said))} for films of {place[1]} of {place[0]}"
            raise InputError("scores", found, "the same for all films of a data set", remedy)
    for train_on, table in scores.groupby("train_on"):
        films, runs = (table[names].drop_duplicates() for names in (FILM, ["variant", "seed"]))
        full = films.merge(runs, how="cross")
        joined = full.merge(table[list(full.columns)], how="left", indicator=True)
        if (gaps := joined["_merge"] != "both").any():
            first = joined.loc[gaps, full.columns].iloc[0].to_dict()
            raise InputError("scores", f"no row for {first} trained on {train_on}", "every run on every film", remedy)


def _row(scores: pd.DataFrame, where: pd.Series) -> str:
    return str(scores.loc[where, [*RUN, *FILM]].iloc[0].to_dict())
