"""The plain U-Net."""

import torch
from torch import Tensor, nn

from lungseg.networks.cpu_layers import UpConvolution
from lungseg.shapes import Float

Image = Float[Tensor, "batch 1 height width"]


class UNet(nn.Module):
    """U-Net of Ronneberger et al. (2015) with zero padding and batch normalisation.

    Four halvings, two 3x3 convolutions per level, channels doubled at each level, transposed convolutions on the way
    up. Zero padding keeps the size, so nothing is cropped; batch normalisation follows each 3x3 convolution.

    References: https://arxiv.org/abs/1505.04597 (there: width 64, no padding, no normalisation).

    Args:
        width: Channels at the first level.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        channels = [width * 2**level for level in range(5)]
        self.down = nn.ModuleList(_double(i, o) for i, o in zip([1, *channels], channels, strict=False))
        self.up = nn.ModuleList(UpConvolution(2 * c, c) for c in reversed(channels[:-1]))
        self.join = nn.ModuleList(_double(2 * c, c) for c in reversed(channels[:-1]))
        self.head: nn.Module = nn.Conv2d(width, 1, kernel_size=1)

    def forward(self, x: Image) -> Image:
        """Logits of lung per pixel."""
        levels = [self.down[0](x)]
        for block in self.down[1:]:
            levels.append(block(nn.functional.max_pool2d(levels[-1], 2)))
        x = levels.pop()
        for up, join in zip(self.up, self.join, strict=True):
            x = join(torch.cat([levels.pop(), up(x)], dim=1))
        return self.head(x)


def _double(inputs: int, outputs: int) -> nn.Sequential:
    """Two 3x3 convolutions, each with batch normalisation and ReLU."""
    layers: list[nn.Module] = []
    for channels in (inputs, outputs):
        layers += [
            nn.Conv2d(channels, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
        ]
    return nn.Sequential(*layers)
