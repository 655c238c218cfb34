"""Augmentation: torchvision's affine as the witness, image and mask in step, every draw with its own film."""

import numpy as np
import pytest
import torch
from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional

from lungseg.data.phantom import draw
from lungseg.learning.augmentation import BRIGHTNESS, CONTRAST, DRAWS, ROTATION_DEGREES, SCALE, SHIFT, augment

SIDE = 80  # SHIFT of it is a whole number of pixels


@pytest.fixture(scope="module")
def films() -> tuple[Tensor, Tensor]:
    """Four drawn films and their masks."""
    drawn = [draw(f"film{i}", np.random.default_rng(i), abnormal=False) for i in range(4)]
    pairs = [(torch.from_numpy(film.image)[None], torch.from_numpy(film.mask.astype(np.uint8))[None]) for film in drawn]
    images = torch.stack([functional.resize(image, [SIDE, SIDE]) for image, _ in pairs])
    masks = [functional.resize(mask, [SIDE, SIDE], interpolation=InterpolationMode.NEAREST) for _, mask in pairs]
    return images, torch.stack(masks)


def test_nothing_drawn_changes_nothing(films: tuple[Tensor, Tensor]) -> None:
    images, masks = augment(*films, torch.zeros(4, DRAWS))
    torch.testing.assert_close(images, films[0].float(), atol=1e-3, rtol=0)
    assert torch.equal(masks, films[1].float())


def test_moves_as_torchvision_does(films: tuple[Tensor, Tensor]) -> None:
    draws = torch.tensor(np.random.default_rng(1).uniform(-1, 1, (4, DRAWS)), dtype=torch.float32)
    draws[:, 1:3] = torch.tensor([[1, -1], [-1, 1], [0.5, 0], [0, -0.5]])  # torchvision shifts by whole pixels
    images, masks = augment(*films, draws)
    for i, (angle, right, down, scale, brightness, contrast) in enumerate(draws.tolist()):
        move = {
            "angle": angle * ROTATION_DEGREES,
            "translate": [round(right * SHIFT * SIDE), round(down * SHIFT * SIDE)],
            "scale": 1 + scale * SCALE,
            "shear": [0.0, 0.0],
            "interpolation": InterpolationMode.BILINEAR,
        }
        moved = functional.affine(films[0][i].float() / 255, **move)
        bright = functional.adjust_brightness(moved, 1 + brightness * BRIGHTNESS)
        expected = functional.adjust_contrast(bright, 1 + contrast * CONTRAST) * 255
        torch.testing.assert_close(images[i], expected, atol=0.05, rtol=0)
        assert torch.equal(masks[i], (functional.affine(films[1][i].float(), **move) > 0.5).float())


def test_each_film_has_its_own_draw(films: tuple[Tensor, Tensor]) -> None:
    draws = torch.rand(4, DRAWS, generator=torch.Generator().manual_seed(0)) * 2 - 1
    together, _ = augment(*films, draws)
    for i in range(4):
        alone, _ = augment(films[0][i : i + 1], films[1][i : i + 1], draws[i : i + 1])
        torch.testing.assert_close(together[i : i + 1], alone, atol=1e-3, rtol=0)


def test_extreme_draws_keep_the_ranges_and_most_of_the_lungs(films: tuple[Tensor, Tensor]) -> None:
    for corner in (-1.0, 1.0):
        images, masks = augment(*films, torch.full((4, DRAWS), corner))
        assert images.min() >= 0
        assert images.max() <= 255
        assert set(masks.unique().tolist()) == {0.0, 1.0}
        assert (masks.sum(dim=(1, 2, 3)) > 0.6 * films[1].sum(dim=(1, 2, 3))).all()
