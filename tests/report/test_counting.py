"""What the page says of ways of counting follows from the tables."""

from pathlib import Path

import pandas as pd
import pytest

from lungseg.report.counting import calibration_in_words, closest, epochs, groups, points, study_in_words, yardstick
from lungseg.report.look import Look
from lungseg.report.results import Results
from tests.workflow import MISHRA

WHERE = {"train_on": "pooled", "test_on": "jsrt", "metric": "dice"}


def definitions() -> pd.DataFrame:
    row = {
        "films": "jsrt", "part": "test", "size": "network", "cut": "0.7", "smooth": 0, "averaging": "batch of 16",
        "classes": "lung; Dice and IoU weighted", "distance": 0.0123, "distance_dice": 0.01, "distance_iou": 0.02,
        "distance_recall": 0.03, "distance_precision": None, "distance_loss": 0.004, "distance_loss_bce": None,
    }  # fmt: skip
    return pd.DataFrame([row, row | {"cut": "soft", "distance": 0.02, "distance_loss_bce": 0.1}])


def points_table(**recall: float) -> pd.DataFrame:
    rows = [
        {"variant": variant, "films": "jsrt", "classes": classes, "aim": "recall", "cut": 0.9, "dice": 0.94, "iou": 0.9,
         "recall": found, "precision": 0.99, "published_dice": 0.96, "published_iou": 0.93, "published_recall": 0.88,
         "published_precision": 0.98}
        for variant, found in recall.items() for classes in ("lung", "lung; Dice and IoU of both")
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_the_closest_definition_is_told_with_its_distances() -> None:
    first, second = closest(definitions())
    assert first.startswith("The closest of 2 definitions counts jsrt films of the test part (cut 0.7, smooth 0")
    assert "0.0123 from the printed ones on average (Dice 0.010, IoU 0.020, recall 0.030)" in first
    assert second.endswith("1 − Dice 0.004, cross-entropy 0.100.")


@pytest.mark.parametrize(("p", "lines"), [(0.5, 2), (0.05, 2), (0.045, 1), (0.005, 1)])
def test_closeness_to_permuted_tables_is_told(p: float, lines: int) -> None:
    table = pd.DataFrame({"permuted": ["all cells", "networks of each column"], "tables": 199, "p": [0.005, p]})
    told = list(yardstick(table))
    assert "0 of 199 (all cells permuted)" in told[0] and len(told) == lines
    assert f"{round(p * 200) - 1} of 199 (networks of each column permuted)" in told[0]


def test_operating_points_count_the_networks_that_have_one() -> None:
    (line,) = points(points_table(unet=0.881, proposed=0.93), "jsrt")
    assert "(1 of 2 networks have such a cut, at probabilities of 0.90 to 0.90)" in line
    assert "Dice -0.020 and IoU -0.030 of the lung; Dice -0.020 and IoU -0.030 of lung and background" in line
    assert line.endswith("precision +0.010.")
    (none,) = points(points_table(unet=0.95), "jsrt")
    assert none == "No cut brings recall within 0.005 of the printed one, in any of 1 networks."
    assert not list(points(points_table(unet=0.88), "montgomery"))


def test_best_epochs_and_what_is_not_kept_are_told() -> None:
    rows = [("dice", "validation_dice", 0.001, None), ("dice", "validation_dice", -0.02, None),
            ("iou", None, None, "history.csv does not hold it")]  # fmt: skip
    (line,) = epochs(pd.DataFrame(rows, columns=["metric", "column", "gap", "note"]))
    assert "validation Dice -0.020 to +0.001." in line and line.endswith("No value per epoch is kept of IoU.")


def test_tables_that_older_code_did_not_make_are_passed_over(tmp_path: Path) -> None:
    results = Results(tmp_path)
    assert study_in_words(results, "jsrt") == [] and calibration_in_words(results, MISHRA, "pooled", "jsrt") == ""
    definitions().to_csv(tmp_path / "definitions.csv", index=False)
    points_table(unet=0.88).iloc[:0].to_csv(tmp_path / "operating_points.csv", index=False)
    assert len(study_in_words(results, "jsrt")) == 2


def test_groups_stand_side_by_side_with_their_difference(tmp_path: Path) -> None:
    means = pd.DataFrame([WHERE | {"variant": "unet", "abnormal": one, "mean": 0.9 + one / 100} for one in (0, 1)])
    means.to_csv(tmp_path / "subgroups.csv", index=False)
    (row,) = groups(Results(tmp_path), "pooled", "jsrt")
    assert (row["normal"]["mean"], row["abnormal"]["mean"], row["difference"]) == (0.9, 0.91, None)
    pd.DataFrame([WHERE | {"variant": "unet", "difference": 0.01}]).to_csv(
        tmp_path / "subgroup_differences.csv", index=False
    )
    assert groups(Results(tmp_path), "pooled", "jsrt")[0]["difference"]["difference"] == 0.01


def test_calibration_error_has_its_interval(tmp_path: Path) -> None:
    row = WHERE | {"variant": "unet", "metric": "ece_pooled", "mean": 0.03, "low": 0.02, "high": 0.04}
    pd.DataFrame([row]).to_csv(tmp_path / "calibration.csv", index=False)
    look = Look.of(MISHRA, ["unet"], ["jsrt"], {"jsrt": ["jsrt"]})
    told = calibration_in_words(Results(tmp_path), look, "pooled", "jsrt")
    assert told == "Expected calibration error on JSRT: U-Net 0.030 [0.020, 0.040]."
