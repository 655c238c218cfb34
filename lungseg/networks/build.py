"""A variant by name -> a network.

Every network takes grey images in [-1, 1], shape (batch, 1, height, width), both sides multiples of 32, and returns
logits of the same shape: probability of lung = 1 / (1 + exp(-logit)).
"""

from contextlib import nullcontext

import torch
from torch import nn

from lungseg.networks.decoders import decoded
from lungseg.networks.head import DenseHead
from lungseg.networks.join import Outputs
from lungseg.networks.nnunet import nnunet
from lungseg.networks.own import own
from lungseg.networks.starts import load_pretrained
from lungseg.networks.undrawn import Undrawn
from lungseg.networks.unet import UNet
from lungseg.networks.unused import remove_unused
from lungseg.recipe import Variant


def build(variant: Variant, seed: int, pretrained: bool = True) -> nn.Module:
    """Make the network of a variant.

    Args:
        variant: Which network.
        seed: Of the random start; torch's generator is set to it.
        pretrained: False leaves `variant.weights` unread, for a network whose trained weights follow.

    Raises:
        InputError: Pretrained weights, or a network of one's own, cannot be had.
    """
    torch.manual_seed(seed)
    if variant.module is not None:
        return own(variant)
    if not variant.encoders:
        return _without_encoders(variant)
    if variant.join == "outputs":
        network: nn.Module = _stacked(variant)
    else:
        network = decoded(variant)
    if pretrained:
        load_pretrained(network, variant)
    if not variant.usual:  # of usual parts everything is used
        remove_unused(network, variant)
    _activate_out_of_place(network)
    return network


def undrawn(variant: Variant) -> nn.Module:
    """The network of a variant for trained weights to be read into: its values may be anything.

    Args:
        variant: Which network. One of one's own has its random start: its code may look at it.
    """
    with Undrawn() if variant.module is None else nullcontext():
        return build(variant, seed=0, pretrained=False)


def _without_encoders(variant: Variant) -> nn.Module:
    """A network whose way down is its own."""
    if variant.decoder == "nnunet":
        return nnunet(variant.width, variant.deeply_supervised)
    plain = UNet(variant.width, variant.full_resolution_skip is None, variant.deeply_supervised)
    if variant.last is not None:
        plain.head = DenseHead(variant.width, variant.last)
    return plain


def _stacked(variant: Variant) -> Outputs:
    """A network for each encoder, with a plain head of its own, under the variant's head."""
    alone = {"head": None, "meta_learner": False, "join": "concatenate"}
    networks = [decoded(variant.model_copy(update=alone | {"encoders": (name,)})) for name in variant.encoders]
    inputs = len(networks)
    head = DenseHead(inputs, variant.last) if variant.last else _mean(inputs)
    return Outputs(networks, head, variant.frozen)


def _mean(inputs: int) -> nn.Conv2d:
    """A convolution to one channel that begins as the mean of its inputs."""
    layer = nn.Conv2d(inputs, 1, kernel_size=1)
    nn.init.constant_(layer.weight, 1 / inputs)
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return layer


def _activate_out_of_place(network: nn.Module) -> None:
    """Let activations write new tensors: in place, PyTorch's take twice as long in bfloat16 on a CPU.

    Training keeps no more memory for it, for batch normalisation's output is then freed.
    """
    for module in network.modules():
        if isinstance(getattr(module, "inplace", None), bool):
            setattr(module, "inplace", False)  # noqa: B010 - of whatever class it is
