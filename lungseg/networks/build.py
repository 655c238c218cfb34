"""A variant by name -> a network.

Every network takes grey images in [-1, 1], shape (batch, 1, height, width), both sides multiples of 32, and returns
logits of the same shape: probability of lung = 1 / (1 + exp(-logit)).
"""

import segmentation_models_pytorch as smp
import torch
from torch import nn

from lungseg.networks.encoders import register
from lungseg.networks.meta_learner import MetaLearner
from lungseg.networks.unet import UNet
from lungseg.recipe import Variant


def build(variant: Variant, seed: int, pretrained: bool = True) -> nn.Module:
    """Make the network of a variant.

    Args:
        variant: Which network.
        seed: Of the random start; torch's generator is set to it.
        pretrained: False leaves `variant.weights` unread, for a network whose trained weights follow.

    Raises:
        InputError: Pretrained weights cannot be had.
    """
    torch.manual_seed(seed)
    if not variant.encoders:
        plain = UNet(variant.width)
        if variant.meta_learner:
            plain.head = MetaLearner(variant.width)
        return plain
    network = smp.Unet(register(*variant.encoders), encoder_weights=None, in_channels=1, classes=1)
    if variant.meta_learner:
        network.segmentation_head = MetaLearner(network.segmentation_head[0].in_channels)
    if pretrained:
        network.encoder.load_pretrained(variant)
    _activate_out_of_place(network)
    return network


def _activate_out_of_place(network: nn.Module) -> None:
    """Let activations write new tensors: in place, PyTorch's take twice as long in bfloat16 on a CPU.

    Training keeps no more memory for it, for batch normalisation's output is then freed.
    """
    for module in network.modules():
        if isinstance(module, nn.ReLU | nn.ReLU6):
            module.inplace = False
