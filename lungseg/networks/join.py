"""How several encoders, or whole networks, become one."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn


class Sum(nn.Module):
    """The sum of maps, each projected by a 1x1 convolution to the channels of the widest.

    Args:
        channels: Of each map; where all are 0 there is nothing to add, and a map of 0 channels adds nothing.
    """

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        widest = max(channels)
        self.projections = nn.ModuleList(nn.Conv2d(each, widest, 1) if each else nn.Identity() for each in channels)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Maps of one size, (batch, channels, height, width)."""
        pairs = zip(self.projections, maps, strict=True)
        projected = [projection(each) for projection, each in pairs if each.shape[1]]
        return torch.stack(projected).sum(dim=0) if projected else maps[0]


class Outputs(nn.Module):
    """Whole networks, and a learned head on their logits: stacking, the other reading of "stacked together".

    Args:
        networks: Each grey in, logits out.
        head: From as many channels as there are networks to one.
        frozen: Each network learns from its own logits alone, as if nothing stood on it, and the head takes these as
            they are: stacked generalisation (Wolpert 1992).
    """

    def __init__(self, networks: Sequence[nn.Module], head: nn.Module, frozen: bool = False) -> None:
        super().__init__()
        self.networks, self.head, self.frozen = nn.ModuleList(networks), head, frozen
        # What each output weighs in the loss: no parameter learns from two of them.
        self.output_weights = (1.0,) * (1 + len(networks)) if frozen else None

    def forward(self, x: Tensor) -> Tensor:
        """Logits of the whole, (batch, 1, height, width).

        Frozen networks that are trained answer too, after it: (batch, 1 + networks, 1, height, width).
        """
        each = [network(x) for network in self.networks]
        joined = torch.cat(each, dim=1)
        if self.frozen and self.training:
            return torch.stack([self.head(joined.detach()), *each], dim=1)
        return self.head(joined)


def padded(map_: Tensor, size: Sequence[Any]) -> Tensor:
    """A map with zeros around it, so that it is not smaller than a size; larger ones lose their borders.

    Args:
        map_: Shape (batch, channels, height, width).
        size: Height and width: whole numbers, or symbols of them while a network is exported.
    """
    high, wide = size[0] - map_.shape[-2], size[1] - map_.shape[-1]
    if not high and not wide:
        return map_
    return nn.functional.pad(map_, (wide // 2, wide - wide // 2, high // 2, high - high // 2))
