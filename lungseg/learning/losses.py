"""What a training makes smaller."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lungseg.shapes import Float

SMOOTH = 1.0  # of the soft Dice; keeps an empty mask from dividing by zero

Maps = Float[Tensor, "batch 1 height width"]


def loss_per_image(logits: Maps, masks: Maps, loss: str = "both") -> Float[Tensor, " batch"]:
    r"""A loss of each image.

    .. math:: \overline{BCE} + 1 - \frac{2\sum p t + 1}{\sum p + \sum t + 1}, \quad p = \sigma(\text{logit})

    is `both`; `bce` is the first term, `dice` and `batch_dice` (of one image alone) are the rest.

    Args:
        logits: Of lung.
        masks: 0 or 1.
        loss: One of the names of `Training.loss`.
    """
    if loss == "bce":
        return _entropy(logits, masks)
    return _entropy(logits, masks) + 1 - _dice(logits, masks) if loss == "both" else 1 - _dice(logits, masks)


def batch_loss(
    logits: Tensor, masks: Maps, loss: str, output_weights: Sequence[float] | None = None
) -> Float[Tensor, ""]:
    """The loss of a batch: the mean over its images, or, as `batch_dice`, of all its pixels as of one image.

    Args:
        logits: Shape (batch, 1, height, width), or (batch, outputs, 1, height, width) of a network with several.
        masks: 0 or 1.
        loss: One of the names of `Training.loss`.
        output_weights: What the loss of each output weighs in the sum. Without, they come from smaller and smaller
            maps: 1, 1/2, 1/4, …, divided by the sum.
    """
    if logits.dim() == 5:
        halves = [0.5**level for level in range(logits.shape[1])]
        weights = output_weights or [half / sum(halves) for half in halves]
        losses = [weight * batch_loss(logits[:, place], masks, loss) for place, weight in enumerate(weights)]
        return torch.stack(losses).sum()
    if loss == "batch_dice":
        logits, masks = logits.reshape(1, 1, -1, 1), masks.reshape(1, 1, -1, 1)
    return loss_per_image(logits, masks, loss).mean()


def _entropy(logits: Tensor, masks: Tensor) -> Tensor:
    """Mean over pixels."""
    entropy = nn.functional.binary_cross_entropy_with_logits(logits, masks, reduction="none")
    return entropy.mean(dim=(1, 2, 3))


def _dice(logits: Tensor, masks: Tensor) -> Tensor:
    """Soft Dice."""
    probability = logits.sigmoid()
    overlap = (probability * masks).sum(dim=(1, 2, 3))
    total = probability.sum(dim=(1, 2, 3)) + masks.sum(dim=(1, 2, 3))
    return (2 * overlap + SMOOTH) / (total + SMOOTH)
