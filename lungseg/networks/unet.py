"""The plain U-Net."""

import torch
from torch import Tensor, nn

from lungseg.networks.cpu_layers import UpConvolution
from lungseg.shapes import Float

Image = Float[Tensor, "batch 1 height width"]
Answers = Float[Tensor, "batch outputs 1 height width"]


class UNet(nn.Module):
    """U-Net of Ronneberger et al. (2015) with zero padding and batch normalisation.

    Four halvings, two 3x3 convolutions per level, channels doubled at each level, transposed convolutions on the way
    up. Zero padding keeps the size, so nothing is cropped; batch normalisation follows each 3x3 convolution.

    References: https://arxiv.org/abs/1505.04597 (there: width 64, no padding, no normalisation).

    Args:
        width: Channels at the first level.
        full_resolution_skip: Whether the first level's features reach the last one; False cuts that skip alone.
        deep_supervision: Whether it answers from its maps of 1/2, 1/4 and 1/8 of the side too, while it is trained.
    """

    def __init__(self, width: int, full_resolution_skip: bool = True, deep_supervision: bool = False) -> None:
        super().__init__()
        channels = [width * 2**level for level in range(5)]
        upwards = list(reversed(channels[:-1]))
        skips = [*upwards[:-1], width if full_resolution_skip else 0]
        self.full_resolution_skip = full_resolution_skip
        self.down = nn.ModuleList(double(i, o) for i, o in zip([1, *channels], channels, strict=False))
        self.up = nn.ModuleList(UpConvolution(2 * c, c) for c in upwards)
        self.join = nn.ModuleList(double(c + skip, c) for c, skip in zip(upwards, skips, strict=True))
        self.head: nn.Module = nn.Conv2d(width, 1, kernel_size=1)
        smaller = reversed(upwards[:-1]) if deep_supervision else []
        self.aside = nn.ModuleList(nn.Conv2d(c, 1, kernel_size=1) for c in smaller)

    def forward(self, x: Image) -> Image | Answers:
        """Logits of lung per pixel; in training with deep supervision those of every map, the largest first."""
        side = x.shape[-2:]
        levels = [self.down[0](x)]
        for block in self.down[1:]:
            levels.append(block(nn.functional.max_pool2d(levels[-1], 2)))
        x, maps = levels.pop(), []
        for up, join in zip(self.up, self.join, strict=True):
            skip = levels.pop()
            x = join(torch.cat([skip, up(x)], dim=1) if levels or self.full_resolution_skip else up(x))
            maps.append(x)
        logits = self.head(x)
        if not (self.training and self.aside):
            return logits
        smaller = [head(map_) for head, map_ in zip(self.aside, reversed(maps[:-1]), strict=True)]
        return torch.stack([logits, *(nn.functional.interpolate(one, side) for one in smaller)], dim=1)


def double(inputs: int, outputs: int) -> nn.Sequential:
    """Two 3x3 convolutions, each with batch normalisation and ReLU."""
    layers: list[nn.Module] = []
    for channels in (inputs, outputs):
        layers += [
            nn.Conv2d(channels, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
        ]
    return nn.Sequential(*layers)
