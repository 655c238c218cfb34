"""Metrics: known answers, empty cases, and two other libraries as witnesses."""

import numpy as np
import pandas as pd
import pytest
import segmentation_models_pytorch as smp
import torch

from lungseg.learning.losses import loss_per_image
from lungseg.scores.metrics import RATIOS, confusion, loss, ratios


def masks(seed: int = 0, number: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Truth, and logits that agree with it more often than not."""
    rng = np.random.default_rng(seed)
    truth = rng.random((number, 24, 32)) < 0.3
    return truth, (np.where(truth, 1.5, -1.5) + rng.normal(0, 2, truth.shape)).astype(np.float16)


def score(logits: np.ndarray, truth: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(ratios(confusion(truth, logits > 0).to_numpy(float)), columns=RATIOS)


def test_half_overlapping_squares() -> None:
    truth, prediction = np.zeros((2, 1, 8, 8), bool)
    truth[0, :4, :4], prediction[0, :4, 2:6] = True, True  # 16 px each, 8 in common
    counts = confusion(truth, prediction)
    assert counts.iloc[0].to_list() == [8, 8, 8, 40]
    assert ratios(counts.to_numpy(float))[0] == pytest.approx([0.5, 1 / 3, 0.5, 0.5, 0.75])


@pytest.mark.parametrize(
    ("truth", "prediction", "expected"),
    [(1, 0, [0, 0, 0, 0, 0]), (0, 1, [0, 0, 0, 0, 0]), (0, 0, [0, 0, 0, 0, 1]), (1, 1, [1, 1, 1, 1, 1])],
)
def test_empty_cases(truth: int, prediction: int, expected: list[float]) -> None:
    both = (np.full((1, 4, 4), bool(value)) for value in (truth, prediction))
    assert ratios(confusion(*both).to_numpy(float))[0].tolist() == expected


def test_agrees_with_segmentation_models_pytorch() -> None:
    truth, logits = masks()
    table = score(logits, truth)
    stats = smp.metrics.get_stats(
        torch.from_numpy(logits > 0)[:, None].long(), torch.from_numpy(truth)[:, None].long(), mode="binary"
    )
    witnesses = {
        "dice": smp.metrics.f1_score,
        "iou": smp.metrics.iou_score,
        "precision": smp.metrics.precision,
        "recall": smp.metrics.recall,
        "accuracy": smp.metrics.accuracy,
    }
    assert list(witnesses) == RATIOS
    for name, witness in witnesses.items():
        assert table[name].to_numpy() == pytest.approx(witness(*stats)[:, 0].numpy(), abs=1e-6)


def test_agrees_with_monai() -> None:
    from monai.metrics import compute_dice, compute_iou

    truth, logits = masks(1)
    pair = (torch.from_numpy(mask)[:, None].float() for mask in (logits > 0, truth))
    prediction, target = pair
    table = score(logits, truth)
    assert table["dice"].to_numpy() == pytest.approx(compute_dice(prediction, target).numpy()[:, 0], abs=1e-6)
    assert table["iou"].to_numpy() == pytest.approx(compute_iou(prediction, target).numpy()[:, 0], abs=1e-6)


def test_loss_is_the_one_of_the_training() -> None:
    truth, logits = masks(2)
    logits[0] *= 30  # sure of itself, partly wrong: finite all the same
    trained = loss_per_image(torch.from_numpy(logits)[:, None].float(), torch.from_numpy(truth)[:, None].float())
    assert loss(logits, truth) == pytest.approx(trained.numpy(), rel=1e-5)


def test_dice_and_iou_keep_their_identity() -> None:
    table = score(*reversed(masks(3)))
    assert table["iou"].to_numpy() == pytest.approx(table["dice"] / (2 - table["dice"]), abs=1e-12)
    assert (table["iou"] <= table[["precision", "recall"]].min(axis=1)).all()


def test_ratios_of_sums_are_the_pooled_ones() -> None:
    truth, logits = masks(4)
    counts = confusion(truth, logits > 0).to_numpy(float)
    together = confusion(truth.reshape(1, -1, 32), logits.reshape(1, -1, 32) > 0).to_numpy(float)
    assert ratios(counts.sum(axis=0)) == pytest.approx(ratios(together)[0], abs=1e-12)
