"""How close does the best of so many definitions come by chance? The printed table against permuted ones.

Thousands of definitions are tried, so the best of them comes close to many tables. Cells of the printed table are
permuted, and the same definitions are tried on each permuted table. If the printed one is not among the closest, then
the definition that is closest to it says nothing.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd

from lungseg.claims.definitions import COMPARED, Study
from lungseg.shapes import Float

COLUMNS = ["permuted", "tables", "distance", "rank", "p", "closest", "median", "farthest"]
Table = Float[np.ndarray, "variant metric"]


def _everywhere(table: Table, rng: np.random.Generator) -> Table:
    return rng.permuted(table.ravel()).reshape(table.shape)


# Which cells change places: those of a network among its columns, those of a column among the networks, or all.
WAYS: dict[str, Callable[[Table, np.random.Generator], Table]] = {
    "columns of each network": lambda table, rng: rng.permuted(table, axis=1),
    "networks of each column": lambda table, rng: rng.permuted(table, axis=0),
    "all cells": _everywhere,
}


def yardstick(found: Study, tables: int, rng: np.random.Generator) -> pd.DataFrame:
    """The distance of the closest definition to the printed table, beside those to permuted tables.

    Args:
        found: As from `definitions.study`.
        tables: How many permuted tables of each way; a permutation may leave cells where they are.
        rng: Where they come from.

    Returns:
        Columns of `COLUMNS`, a row per way of `WAYS`: distance of the definition closest to the printed table, its rank
        among all (1 where none of the permuted ones is closer), p (share of tables, the printed one included, that are
        as close or closer), and the distances of the permuted ones. Of Dice, IoU, recall and precision of the
        networks that were run; empty where these have no printed value, or where one is missing.
    """
    published = found.published[:, : len(COMPARED)]
    if not published.size or not np.isfinite(published).all():
        return pd.DataFrame(columns=COLUMNS)
    values = found.measured[..., : len(COMPARED)].reshape(len(found.measured), -1)
    own = closest(values, published[None])[0]
    rows = []
    for way, permute in WAYS.items():
        drawn = closest(values, np.stack([permute(published, rng) for _ in range(tables)]))
        as_close = int((drawn <= own + 1e-12).sum())
        spread = {"closest": drawn.min(), "median": np.median(drawn), "farthest": drawn.max()}
        place = {"rank": 1 + int((drawn < own - 1e-12).sum()), "p": (1 + as_close) / (1 + tables)}
        rows.append({"permuted": way, "tables": tables, "distance": own} | place | spread)
    return pd.DataFrame(rows, columns=COLUMNS)


def closest(
    values: Float[np.ndarray, "definition cell"], tables: Float[np.ndarray, "table variant metric"]
) -> Float[np.ndarray, " table"]:
    """Mean |value - printed| of the definition that is closest to each table."""
    return np.array([np.abs(values - table.ravel()).mean(axis=1).min() for table in tables])
