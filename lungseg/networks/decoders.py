"""An architecture of segmentation-models-pytorch around encoders."""

from typing import Any

from torch import nn

from lungseg.networks.colours import in_colour
from lungseg.networks.encoders import register
from lungseg.networks.full_resolution import FullResolution
from lungseg.networks.head import DenseHead
from lungseg.networks.libraries import smp
from lungseg.recipe import Variant

ARCHITECTURES: dict[str, type[nn.Module]] = {
    "unet": smp.Unet,
    "unetplusplus": smp.UnetPlusPlus,
    "manet": smp.MAnet,
    "linknet": smp.Linknet,
    "fpn": smp.FPN,
    "pspnet": smp.PSPNet,
    "pan": smp.PAN,
    "deeplabv3": smp.DeepLabV3,
    "deeplabv3plus": smp.DeepLabV3Plus,
    "upernet": smp.UPerNet,
    "segformer": smp.Segformer,
    "dpt": smp.DPT,
}


def decoded(variant: Variant) -> nn.Module:
    """The network of a variant's decoder on its encoders, joined by their features; from random weights."""
    choices: dict[str, Any] = {"encoder_weights": None, "in_channels": 1, "classes": 1}
    if variant.decoder_channels is not None:
        choices["decoder_channels"] = list(variant.decoder_channels)
    if variant.decoder == "dpt":  # reads tokens, not maps: a plain vision transformer of timm, at any size
        name = f"tu-{variant.encoders[0].removeprefix('tu-')}"
        choices |= {"dynamic_img_size": True, "in_channels": 3 if variant.coloured else 1}
    else:
        name = register(variant.encoders, variant.join, variant.coloured)
    network = ARCHITECTURES[variant.decoder](name, **choices)
    if variant.decoder == "dpt" and variant.coloured:
        in_colour(network.get_submodule("encoder"))
    head = network.get_submodule("segmentation_head")
    inputs = next(layer.in_channels for layer in head.modules() if isinstance(layer, nn.Conv2d))
    enlarged = [layer for layer in head.modules() if isinstance(layer, nn.Upsample)]
    if variant.decoder == "dpt":  # enlarges its answer without a module
        enlarged = [nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)]
    if variant.full_resolution_skip:
        network.decoder = FullResolution(network.get_submodule("decoder"), inputs)
    if variant.last is not None:
        dense = DenseHead(inputs, variant.last)
        network.segmentation_head = nn.Sequential(dense, *enlarged) if enlarged else dense
    return network
