"""The skip at the film's own side, for decoders of segmentation-models-pytorch, which leave it out."""

import torch
from torch import Tensor, nn

from lungseg.networks.unet import double


class FullResolution(nn.Module):
    """A decoder, and beside it two convolutions of the film itself, joined as the plain U-Net joins its first level.

    Args:
        decoder: Its answer has the film's own side.
        channels: Of that answer; the skip and the whole have as many.
    """

    def __init__(self, decoder: nn.Module, channels: int) -> None:
        super().__init__()
        self.decoder, self.stem, self.join = decoder, double(1, channels), double(2 * channels, channels)

    def forward(self, features: list[Tensor]) -> Tensor:
        """From the film and its features at 1/2, 1/4, … of its side."""
        return self.join(torch.cat([self.stem(features[0]), self.decoder(features)], dim=1))
