"""Random changes of a film and its mask together, as a patient's position and an exposure differ.

A whole batch at once, on the device it lies on: on a GPU nothing waits for Python, and the step can be captured.
"""

import numpy as np
import torch
from torch import Tensor, nn

from lungseg.shapes import Float, UInt8

# Small enough that every result is still a possible film: nobody stands upside down.
ROTATION_DEGREES = 10.0
SHIFT = 0.05  # share of the side
SCALE = 0.1
BRIGHTNESS = 0.2
CONTRAST = 0.2
DRAWS = 6  # numbers per film: angle, right, down, scale, brightness, contrast

Batch = UInt8[Tensor, "batch 1 side side"]


def augment(
    images: Batch, masks: Batch, draws: Float[Tensor, "batch 6"]
) -> tuple[Float[Tensor, "batch 1 side side"], Float[Tensor, "batch 1 side side"]]:
    """Rotate, shift and scale each image with its mask; change the image's brightness and contrast.

    Args:
        images: Grey 0-255; what moves in from outside is 0.
        masks: 0 or 1, moved exactly as the images are; lung is where more than half of a pixel is.
        draws: In [-1, 1], `DRAWS` for each image, uniform in training.

    Returns:
        New images, 0-255, and masks, 0 or 1.
    """
    grid = nn.functional.affine_grid(_inverse(draws), [len(images), 2, *images.shape[2:]], align_corners=False)
    both = nn.functional.grid_sample(torch.cat([images, masks], dim=1).float(), grid, align_corners=False)
    # Each constant is a number, not a tensor: one would come from the host, and no captured step may fetch from there.
    brightness, contrast = (
        (draws[:, place] * most + 1)[:, None, None, None] for place, most in ((4, BRIGHTNESS), (5, CONTRAST))
    )
    bright = (both[:, :1] * brightness).clamp(0, 255)
    mean = bright.mean(dim=(1, 2, 3), keepdim=True)
    return (mean + (bright - mean) * contrast).clamp(0, 255), (both[:, 1:] > 0.5).float()


def _inverse(draws: Float[Tensor, "batch 6"]) -> Float[Tensor, "batch 2 3"]:
    """Where each new pixel comes from, in coordinates of [-1, 1]: the move back, R(-angle) (x - shift) / scale."""
    angle = draws[:, 0] * float(np.deg2rad(ROTATION_DEGREES))
    shift = draws[:, 1:3, None] * (2 * SHIFT)  # a side is 2 long
    cos, sin = angle.cos(), angle.sin()
    turn = torch.stack([torch.stack([cos, sin], dim=-1), torch.stack([-sin, cos], dim=-1)], dim=-2)
    back = turn / (1 + draws[:, 3] * SCALE)[:, None, None]
    return torch.cat([back, -back @ shift], dim=-1)
