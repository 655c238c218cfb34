"""Two masks -> counts of pixels -> ratios, per image."""

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Float16

SMOOTH = 1.0  # of the soft Dice in the loss, as in training
COUNTS = ["true_positive", "false_positive", "false_negative", "true_negative"]
RATIOS = ["dice", "iou", "precision", "recall", "accuracy"]


def confusion(
    truth: Bool[np.ndarray, "image height width"], prediction: Bool[np.ndarray, "image height width"]
) -> pd.DataFrame:
    """Count pixels of each image by truth and prediction.

    Args:
        truth: Where the lungs are.
        prediction: Where the network says they are.

    Returns:
        One row per image; columns true_positive, false_positive, false_negative, true_negative.
    """
    cells = [truth & prediction, ~truth & prediction, truth & ~prediction, ~truth & ~prediction]
    return pd.DataFrame({name: cell.sum(axis=(1, 2)) for name, cell in zip(COUNTS, cells, strict=True)})


def ratios(counts: Float[np.ndarray, "*any 4"]) -> Float[np.ndarray, "*any 5"]:
    r"""Overlap measures from counts of pixels.

    With TP, FP, FN, TN the counts in the order of `COUNTS`:

    .. math:: Dice = \frac{2TP}{2TP+FP+FN},\; IoU = \frac{TP}{TP+FP+FN},\; precision = \frac{TP}{TP+FP},\;
              recall = \frac{TP}{TP+FN},\; accuracy = \frac{TP+TN}{TP+FP+FN+TN}

    The empty cases, where a denominator is zero:

    ======================  ====  ===  =========  ======
    prediction, truth       Dice  IoU  precision  recall
    ======================  ====  ===  =========  ======
    empty, lungs            0     0    0          0
    lungs, empty            0     0    0          0
    empty, empty            0     0    0          0
    ======================  ====  ===  =========  ======

    Every film of the benchmark has lungs, so an empty mask on either side is a failure and scores 0.

    Args:
        counts: Pixels, whole or weighted sums of them.

    Returns:
        Fractions 0-1, the last axis in the order of `RATIOS`.
    """
    tp, fp, fn, tn = np.moveaxis(counts, -1, 0)
    numerators = [2 * tp, tp, tp, tp, tp + tn]
    denominators = [2 * tp + fp + fn, tp + fp + fn, tp + fp, tp + fn, tp + fp + fn + tn]
    pairs = zip(numerators, denominators, strict=True)
    return np.stack([np.divide(a, b, out=np.zeros_like(b), where=b > 0) for a, b in pairs], axis=-1)


def loss(
    logits: Float16[np.ndarray, "image height width"], truth: Bool[np.ndarray, "image height width"]
) -> Float[np.ndarray, " image"]:
    r"""The training loss of each image: binary cross-entropy plus soft Dice loss.

    .. math:: \overline{BCE} + 1 - \frac{2\sum p t + 1}{\sum p + \sum t + 1}, \quad p = \sigma(\text{logit})

    Args:
        logits: Of lung, per pixel.
        truth: Where the lungs are.
    """
    x, t = logits.astype(np.float64), truth.astype(np.float64)
    rest = np.exp(-np.abs(x))  # never overflows
    entropy = (np.maximum(x, 0) - x * t + np.log1p(rest)).mean(axis=(1, 2))
    p = np.where(x >= 0, 1, rest) / (1 + rest)
    overlap, total = (p * t).sum(axis=(1, 2)), p.sum(axis=(1, 2)) + t.sum(axis=(1, 2))
    return entropy + 1 - (2 * overlap + SMOOTH) / (total + SMOOTH)
