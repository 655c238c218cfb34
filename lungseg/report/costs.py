"""Networks by what they cost and how good they are: which of them no other one makes needless."""

from typing import Any

import numpy as np
import pandas as pd

from lungseg.report.page_tables import records
from lungseg.report.results import Results
from lungseg.shapes import Bool, Float

# Columns of cost.csv that the figure has a panel for, and their names there.
AXES = {"parameters": "Parameters (millions)", "gflops": "GFLOP for one film"}
FRONTS = {"parameters": "parameters", "gflops": "operations"}


def front(cost: Float[np.ndarray, " network"], score: Float[np.ndarray, " network"]) -> Bool[np.ndarray, " network"]:
    """Pareto's front: the networks for which no other one costs as little, is as good, and is better in one of both.

    Args:
        cost: Of each network; NaN where it is not known.
        score: The higher the better; NaN where there is none.

    Returns:
        Of two that are alike in both, both; of what is not known, nothing.
    """
    as_little, as_good = cost[:, None] <= cost, score[:, None] >= score  # row: the other one
    better = (cost[:, None] < cost) | (score[:, None] > score)
    needless = (as_little & as_good & better).any(axis=0)
    return ~needless & ~np.isnan(cost) & ~np.isnan(score)


def with_scores(costs: pd.DataFrame, estimates: pd.DataFrame, train_on: str, test_on: str) -> pd.DataFrame:
    """What networks cost, with the mean and interval of their Dice.

    Args:
        costs: The table cost.csv.
        estimates: The table estimates.csv.
        train_on: The training set to show.
        test_on: The test set to show.

    Returns:
        The columns of cost.csv, then mean, low and high (NaN of a network without a whole run), and for each of `AXES`
        a column `front_…`: whether the network is on that front.
    """
    chosen = estimates.query("train_on == @train_on and test_on == @test_on and metric == 'dice'")
    table = costs.merge(chosen[["variant", "mean", "low", "high"]], on="variant", how="left")
    scores = table["mean"].to_numpy(float)
    return table.assign(**{f"front_{column}": front(table[column].to_numpy(float), scores) for column in AXES})


def cost_rows(results: Results, train_on: str, test_on: str) -> list[dict[str, Any]]:
    """Rows for the page, the best network first: those of `with_scores`, and `fronts` in words.

    Args:
        results: The experiment; older code made no cost.csv, and then there is no row.
        train_on: The training set to show.
        test_on: The test set to show.
    """
    if not results.has("cost"):
        return []
    table = with_scores(results.table("cost"), results.table("estimates"), train_on, test_on)
    rows = records(table.sort_values("mean", ascending=False, kind="stable"))
    return [row | {"fronts": [name for key, name in FRONTS.items() if row[f"front_{key}"]]} for row in rows]
