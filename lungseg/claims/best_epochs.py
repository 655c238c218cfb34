"""Might each printed value be the best of its column over the epochs? What history.csv holds of it."""

import numpy as np
import pandas as pd

COLUMNS = ["variant", "metric", "column", "published", "value", "gap", "last", "note"]
# Of the paper's metrics, the columns of history.csv that may be meant: accuracy is often printed as Dice.
HELD = {
    "dice": ["validation_dice", "validation_accuracy"],
    "loss": ["validation_loss", "train_loss"],
    "accuracy": ["validation_accuracy"],
}
ABSENT = "history.csv does not hold it"


def best_epochs(histories: pd.DataFrame, printed: pd.DataFrame) -> pd.DataFrame:
    """The best value of each column over the epochs, chosen for each column by itself.

    Args:
        histories: All rows of history.csv of the runs of one training set, with variant and seed.
        printed: The paper's table: index metric, columns variant; NaN where it prints nothing.

    Returns:
        Columns of `COLUMNS`, rows of the paper's networks that were run: value is the mean over seeds of the best
        epoch, last that of the last epoch, gap is value - published. Of a metric that no column holds there is one row
        without a value, whose note says so.
    """
    rows: list[dict[str, object]] = []
    for variant in dict.fromkeys(name for name in histories["variant"] if name in printed):
        seeds = histories[histories["variant"] == variant].sort_values("epoch").groupby("seed")
        for metric, published in printed[variant].items():
            where = {"variant": variant, "metric": metric, "published": published}
            for column in HELD.get(str(metric), []):
                best = (seeds[column].min() if "loss" in column else seeds[column].max()).mean()
                cells = {"column": column, "value": best, "gap": best - published, "last": seeds[column].last().mean()}
                rows.append(where | cells | {"note": ""})
            if str(metric) not in HELD:
                rows.append(where | {"column": "", "value": np.nan, "gap": np.nan, "last": np.nan, "note": ABSENT})
    return pd.DataFrame(rows, columns=COLUMNS)
