"""Losses are what their names say: by hand, and by segmentation_models_pytorch and PyTorch as witnesses."""

import pytest
import segmentation_models_pytorch as smp
import torch

from lungseg.learning.losses import batch_loss, loss_per_image

LOSSES = ["bce", "dice", "both", "batch_dice"]


@pytest.fixture
def batch() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(3, 1, 8, 12, generator=generator)
    return logits, (torch.rand(3, 1, 8, 12, generator=generator) > 0.7).float()


def dice(probability: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Soft Dice, by hand, with the 1 that keeps an empty mask from dividing by zero."""
    return (2 * (probability * mask).sum() + 1) / (probability.sum() + mask.sum() + 1)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_batchs_loss_is_that_of_the_formula(loss: str, batch: tuple[torch.Tensor, torch.Tensor]) -> None:
    logits, masks = batch
    probability = logits.sigmoid()
    entropy = -(masks * probability.log() + (1 - masks) * (1 - probability).log()).mean()
    each = torch.stack([dice(p, m) for p, m in zip(probability, masks, strict=True)]).mean()
    expected = {
        "bce": entropy,
        "dice": 1 - each,
        "both": entropy + 1 - each,
        "batch_dice": 1 - dice(probability, masks),
    }
    torch.testing.assert_close(batch_loss(logits, masks, loss), expected[loss], rtol=1e-4, atol=1e-4)


def test_witnesses(batch: tuple[torch.Tensor, torch.Tensor]) -> None:
    logits, masks = batch
    torch.testing.assert_close(
        batch_loss(logits, masks, "bce"), torch.nn.functional.binary_cross_entropy_with_logits(logits, masks)
    )
    # Of the batch as of one image; as it is made of Tversky's index, its smooth is half of ours.
    witness = smp.losses.DiceLoss("binary", from_logits=True, smooth=0.5)(logits, masks)
    torch.testing.assert_close(batch_loss(logits, masks, "batch_dice"), witness)


@pytest.mark.parametrize("loss", LOSSES)
def test_several_outputs_weigh_half_of_the_one_before(loss: str) -> None:
    logits = torch.randn(2, 3, 1, 4, 4, generator=torch.Generator().manual_seed(1))
    masks = torch.ones(2, 1, 4, 4)
    alone = [batch_loss(logits[:, place], masks, loss) for place in range(3)]
    torch.testing.assert_close(batch_loss(logits, masks, loss), (4 * alone[0] + 2 * alone[1] + alone[2]) / 7)
    torch.testing.assert_close(batch_loss(logits, masks, loss, [0, 0, 2.0]), 2 * alone[2])


def test_an_images_loss_is_its_own(batch: tuple[torch.Tensor, torch.Tensor]) -> None:
    logits, masks = batch
    for loss in ("bce", "dice", "both"):
        each = loss_per_image(logits, masks, loss)
        assert each.shape == (3,)
        for place in range(3):
            one = batch_loss(logits[place : place + 1], masks[place : place + 1], loss)
            torch.testing.assert_close(each[place], one)
