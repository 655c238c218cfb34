"""Moving the cut until recall or precision is the printed one."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from lungseg.claims.definitions import COMPARED
from lungseg.claims.operating_points import AIMS, CLASSES, COLUMNS, SWEPT, operating_points
from lungseg.learning.stored_predictions import CODES, VALUES
from lungseg.scores.metrics import confusion, ratios

DATASETS = ["jsrt"] * 4 + ["montgomery"] * 2


def films(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.random((6, 24, 24)) < 0.3
    codes = np.where(truth, 80, 45) + rng.normal(0, 18, truth.shape)
    return np.clip(codes, 0, CODES - 1).astype(int), truth


def histograms(codes: np.ndarray, truth: np.ndarray) -> np.ndarray:
    counted = [np.bincount((one + CODES * t).ravel(), minlength=2 * CODES) for one, t in zip(codes, truth, strict=True)]
    return np.array(counted, dtype=np.uint32).reshape(-1, 2, CODES)


def printed(**values: float) -> pd.DataFrame:
    table = {"dice": 0.95, "iou": 0.9, "recall": 0.8, "precision": 0.9} | values
    return pd.DataFrame({"unet": table})


def at(codes: np.ndarray, truth: np.ndarray, cut: float) -> dict[str, float]:
    found = ratios(confusion(truth, expit(VALUES[codes].astype(float)) > cut).to_numpy(float)).mean(axis=0)
    return dict(zip(("dice", "iou", "precision", "recall"), found, strict=False))


def test_numbers_are_those_of_masks_at_that_cut_and_no_other_cut_is_closer() -> None:
    codes, truth = films()
    table = operating_points({"unet": histograms(codes, truth)[None]}, DATASETS, "test", printed())
    assert list(table) == COLUMNS and len(table) == 3 * len(CLASSES) * len(AIMS)
    for aim, names in AIMS.items():
        row = table.query("films == 'pooled' and classes == 'lung'").set_index("aim").loc[aim]
        assert {name: row[name] for name in COMPARED} == pytest.approx(at(codes, truth, row["cut"]))
        target = {"recall": 0.8, "precision": 0.9}
        gaps = [sum(abs(at(codes, truth, cut)[name] - target[name]) for name in names) for cut in SWEPT]
        assert sum(abs(row[name] - target[name]) for name in names) == pytest.approx(min(gaps))
    assert abs(table.query("aim == 'recall' and films == 'pooled'")["recall"] - 0.8).max() < 0.02


def test_one_cut_serves_all_seeds_and_each_set_of_films_has_its_own() -> None:
    both = [films(0), films(1)]
    stacked = np.stack([histograms(*one) for one in both])
    table = operating_points({"unet": stacked}, DATASETS, "test", printed())
    row = table.query("films == 'montgomery' and classes == 'lung' and aim == 'recall'").iloc[0]
    recalls = [at(codes[4:], truth[4:], row["cut"])["recall"] for codes, truth in both]
    assert row["recall"] == pytest.approx(np.mean(recalls)) and row["seeds"] == 2


def test_dice_and_iou_are_of_the_classes_and_recall_and_precision_of_the_lung() -> None:
    codes, truth = films()
    table = operating_points({"unet": histograms(codes, truth)[None]}, DATASETS, "test", printed())
    rows = table.query("films == 'pooled' and aim == 'recall'").set_index("classes")
    assert rows["recall"].nunique() == rows["precision"].nunique() == rows["cut"].nunique() == 1
    cut = rows["cut"].iloc[0]
    back = at(CODES - 1 - codes, ~truth, 1 - cut)  # the background's probability is that of the mirrored code
    lung = at(codes, truth, cut)
    assert rows["iou"]["lung; Dice and IoU of both"] == pytest.approx((lung["iou"] + back["iou"]) / 2)


def test_what_the_paper_does_not_print_is_no_aim() -> None:
    some = {"unet": histograms(*films())[None]}
    assert set(operating_points(some, DATASETS, "test", printed(recall=np.nan))["aim"]) == {"precision"}
    assert set(operating_points(some, DATASETS, "test", printed().drop(index="precision"))["aim"]) == {"recall"}
    assert operating_points({}, [], "test", printed()).empty


def test_cuts_lie_between_the_stored_probabilities() -> None:
    p = expit(VALUES.astype(float))
    assert ((p[:-1] < SWEPT) & (p[1:] > SWEPT)).all() and SWEPT[CODES // 2 - 1] == 0.5


def test_a_set_that_the_paper_is_not_about_is_no_film_of_it() -> None:
    codes, truth = films()
    found = operating_points({"unet": histograms(codes, truth)[None]}, DATASETS, "test", printed(), ["montgomery"])
    alone = operating_points({"unet": histograms(codes[:4], truth[:4])[None]}, DATASETS[:4], "test", printed())
    pd.testing.assert_frame_equal(found, alone)
