"""Parts of a network that nothing reads: stages of an encoder below what its decoder asks for, a last normalisation."""

import torch
from torch import nn

from lungseg.recipe import LEAST, Variant


def remove_unused(network: nn.Module, variant: Variant) -> None:
    """Take out what no gradient reaches, so that no cost, size or rate of parameters counts it.

    Found by one backward pass over shapes alone (tensors without values), so nothing is computed, and neither weights
    nor random numbers change. A whole module goes; a single unread parameter of a module that is used is not trained.

    Args:
        network: Changed in place.
        variant: Its choices.
    """
    side = LEAST.get(variant.decoder, 64)
    named = dict(network.named_parameters())
    shapes = {name: torch.empty_like(tensor, device="meta").requires_grad_() for name, tensor in named.items()}
    state = shapes | {name: torch.empty_like(each, device="meta") for name, each in network.named_buffers()}
    training = network.training
    film = torch.empty(2, 1, side, side, device="meta")
    torch.func.functional_call(network.eval(), state, film).sum().backward()
    network.train(training)
    unread = {name for name, tensor in shapes.items() if tensor.grad is None}
    for name in unread:
        named[name].requires_grad_(False)
    _drop(network, unread)


def _drop(module: nn.Module, unread: set[str], path: str = "") -> None:
    """Put nothing in the place of the largest modules that have parameters, and none that is read."""
    for name, child in module.named_children():
        own = [f"{path}{name}.{inner}" for inner, _ in child.named_parameters()]
        if own and unread.issuperset(own):
            setattr(module, name, nn.Identity())
        elif own:
            _drop(child, unread, f"{path}{name}.")
