"""A network without its values: its shapes alone, on which work costs neither memory nor time."""

from copy import deepcopy

import torch
from torch import nn


def hollow(network: nn.Module) -> nn.Module:
    """A copy whose tensors have shapes and no values (torch's device `meta`); the network itself is left alone.

    What two parts of a network share, its copy shares too.

    Args:
        network: On any device.

    Raises:
        Exception: Whatever a network of one's own that cannot be copied may raise.
    """
    parameters = {
        id(each): nn.Parameter(torch.empty_like(each, device="meta"), each.requires_grad)
        for each in network.parameters()
    }
    return deepcopy(
        network, parameters | {id(each): torch.empty_like(each, device="meta") for each in network.buffers()}
    )
