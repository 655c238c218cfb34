"""Random changes of a film and its mask together, as a patient's position and an exposure differ."""

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional

Batch = UInt8[Tensor, "batch 1 height width"]

# Small enough that every result is still a possible film: nobody stands upside down.
ROTATION_DEGREES = 10.0
SHIFT = 0.05  # share of the side
SCALE = 0.1
BRIGHTNESS = 0.2
CONTRAST = 0.2


def augment(images: Batch, masks: Batch, rng: np.random.Generator) -> tuple[Batch, Batch]:
    """Rotate, shift and scale each image with its mask; change the image's brightness and contrast.

    Args:
        images: Grey 0-255.
        masks: 0 or 1, moved exactly as the images are, without interpolation.
        rng: Where the five numbers per image come from.

    Returns:
        New images and masks, shape and type kept.
    """
    side = images.shape[-1]
    draws = rng.uniform(-1, 1, size=(len(images), 6))
    moved = [_one(image, mask, draw, side) for image, mask, draw in zip(images, masks, draws, strict=True)]
    new_images, new_masks = zip(*moved, strict=True)
    return torch.stack(new_images), torch.stack(new_masks)


def _one(image: Tensor, mask: Tensor, draw: np.ndarray, side: int) -> tuple[Tensor, Tensor]:
    """One image and its mask under one draw of six numbers in [-1, 1]."""
    angle, right, down, scale, brightness, contrast = draw.tolist()
    move = {
        "angle": angle * ROTATION_DEGREES,
        "translate": [round(right * SHIFT * side), round(down * SHIFT * side)],
        "scale": 1 + scale * SCALE,
        "shear": [0.0, 0.0],
    }
    image = functional.affine(image, interpolation=InterpolationMode.BILINEAR, **move)
    image = functional.adjust_brightness(image, 1 + brightness * BRIGHTNESS)
    image = functional.adjust_contrast(image, 1 + contrast * CONTRAST)
    return image, functional.affine(mask, interpolation=InterpolationMode.NEAREST, **move)
