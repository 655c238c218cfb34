"""The best epoch of each column, each by itself."""

import pandas as pd
import pytest

from lungseg.claims.best_epochs import ABSENT, COLUMNS, best_epochs
from tests.workflow import MISHRA


def histories() -> pd.DataFrame:
    columns = ["variant", "seed", "epoch", "train_loss", "validation_loss", "validation_dice", "validation_accuracy"]
    rows = [
        ("unet", 0, 1, 0.5, 0.4, 0.90, 0.95), ("unet", 0, 2, 0.3, 0.6, 0.94, 0.93),
        ("unet", 1, 2, 0.2, 0.2, 0.92, 0.97), ("unet", 1, 1, 0.4, 0.3, 0.96, 0.91), ("mine", 0, 1, 0, 0, 1, 1),
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def test_each_column_has_its_own_best_epoch() -> None:
    table = best_epochs(histories(), MISHRA.table())
    assert list(table) == COLUMNS and set(table["variant"]) == {"unet"}
    found = table.set_index(["metric", "column"])
    assert found.loc[("dice", "validation_dice"), "value"] == pytest.approx((0.94 + 0.96) / 2)
    assert found.loc[("dice", "validation_dice"), "last"] == pytest.approx((0.94 + 0.92) / 2)
    assert found.loc[("dice", "validation_accuracy"), "value"] == pytest.approx((0.95 + 0.97) / 2)
    assert found.loc[("loss", "validation_loss"), "value"] == pytest.approx((0.4 + 0.2) / 2)
    assert found.loc[("loss", "train_loss"), "gap"] == pytest.approx((0.3 + 0.2) / 2 - 0.033)


def test_what_the_history_lacks_is_said() -> None:
    table = best_epochs(histories(), MISHRA.table()).set_index("metric")
    for metric in ("iou", "recall", "precision"):
        assert table.loc[metric, "note"] == ABSENT and pd.isna(table.loc[metric, "value"])
    assert (table.loc[["dice", "loss"], "note"] == "").all()


def test_without_the_papers_networks_there_is_no_row() -> None:
    assert best_epochs(histories().query("variant == 'mine'"), MISHRA.table()).empty
