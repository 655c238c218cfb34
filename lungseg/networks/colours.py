"""A grey film as the colours that pretrained weights expect."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn


class Colours(nn.Module):
    """Grey in [-1, 1], three times, each normalised as one colour of the pictures that weights were trained with.

    The convolutions behind it then pad with what they always padded with: zero after normalising. Mean and deviation
    are part of the weights, so that a network that is read from a file needs no other.

    Args:
        mean: Of red, green and blue in [0, 1].
        deviation: Standard deviation of each.
    """

    def __init__(self, mean: Sequence[float], deviation: Sequence[float]) -> None:
        super().__init__()
        for name, values in {"mean": mean, "deviation": deviation}.items():
            self.register_buffer(name, torch.tensor(values, dtype=torch.float32).view(1, 3, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """(batch, 1, height, width) to (batch, 3, height, width)."""
        return ((x + 1) / 2 - self.mean) / self.deviation  # type: ignore[operator]


def in_colour(encoder: nn.Module) -> nn.Module:
    """Let an encoder of three input channels take one grey one; its weights set mean and deviation."""
    encoder.colours = Colours((0.5,) * 3, (0.5,) * 3)
    encoder.register_forward_pre_hook(_coloured)
    return encoder


def _coloured(encoder: nn.Module, given: tuple[Any, ...]) -> tuple[Any, ...]:
    return (encoder.get_submodule("colours")(given[0]), *given[1:])
