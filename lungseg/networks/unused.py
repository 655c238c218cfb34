"""Parts of a network that nothing reads: stages of an encoder below what its decoder asks for, a last normalisation."""

import torch
from torch import nn

from lungseg.networks.hollow import hollow
from lungseg.recipe import LEAST, Variant


def remove_unused(network: nn.Module, variant: Variant) -> None:
    """Take out what no gradient reaches, so that no cost, size or rate of parameters counts it.

    Found by one backward pass over shapes alone, so nothing is computed, and neither weights nor random numbers
    change. A whole module goes; a single unread parameter of a module that is used is not trained.

    Args:
        network: Changed in place.
        variant: Its choices.
    """
    side = LEAST.get(variant.decoder, 64)
    copy = hollow(network).requires_grad_(True).eval()
    copy(torch.empty(2, 1, side, side, device="meta")).sum().backward()
    unread = {name for name, tensor in copy.named_parameters() if tensor.grad is None}
    for name, tensor in network.named_parameters():
        if name in unread:
            tensor.requires_grad_(False)
    _drop(network, unread)


def _drop(module: nn.Module, unread: set[str], path: str = "") -> None:
    """Put nothing in the place of the largest modules that have parameters, and none that is read."""
    for name, child in module.named_children():
        own = [f"{path}{name}.{inner}" for inner, _ in child.named_parameters()]
        if own and unread.issuperset(own):
            setattr(module, name, nn.Identity())
        elif own:
            _drop(child, unread, f"{path}{name}.")
