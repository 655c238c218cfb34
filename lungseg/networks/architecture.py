"""What a network is made of, as numbers: channels at every scale and parameters of every part."""

from collections.abc import Iterable
from typing import Any

from torch import nn

from lungseg.networks.full_resolution import FullResolution
from lungseg.networks.join import Outputs
from lungseg.networks.libraries import smp
from lungseg.networks.starts import encoders_of
from lungseg.networks.unet import UNet
from lungseg.recipe import Variant


def architecture(network: nn.Module, variant: Variant) -> dict[str, Any]:
    """Describe a network.

    Args:
        network: Of `networks.build`.
        variant: Its choices.

    Returns:
        `encoders`: name to its channels at 1, 1/2, 1/4, … of the film's side (those beside a decoder of
        segmentation-models-pytorch begin at 1/2); `decoder`: channels from the deepest joint up to the film's own side,
        empty where it is no single U-Net; `head`: channels after each convolution of the head, its one output included;
        `parameters`: part to the number of its parameters; what is no part of its own counts as `network`.
    """
    if isinstance(network, UNet):
        return {
            "encoders": {"unet": [block[0].out_channels for block in network.down]},  # type: ignore[index]
            "decoder": [block[0].out_channels for block in network.join],  # type: ignore[index]
            "head": _channels(network.head),
            "parameters": {
                "unet": _count([network.down]),
                "decoder": _count([network.up, network.join, network.aside]),
                "head": _count([network.head]),
            },
        }
    parts = encoders_of(network, variant)
    if not parts:
        return {"encoders": {}, "decoder": [], "head": [], "parameters": {"network": _count([network])}}
    names = _told_apart([name for name, _ in parts])
    whole = list(network.networks) if isinstance(network, Outputs) else [network]
    head = network.head if isinstance(network, Outputs) else network.get_submodule("segmentation_head")
    parameters = {name: _count([part]) for name, (_, part) in zip(names, parts, strict=True)}
    parameters |= {"decoder": _count(each.get_submodule("decoder") for each in whole), "head": _count([head])}
    if rest := _count([network]) - sum(parameters.values()):  # projections of a sum, heads under a head
        parameters["join"] = rest
    return {
        "encoders": {name: _scales(part) for name, (_, part) in zip(names, parts, strict=True)},
        "decoder": _levels(network.get_submodule("decoder")) if len(whole) == 1 else [],
        "head": _channels(head),
        "parameters": parameters,
    }


def _told_apart(names: list[str]) -> list[str]:
    """Names of encoders, a second one of a kind with its number."""
    before = [names[:place].count(name) for place, name in enumerate(names)]
    return [f"{name} ({number + 1})" if number else name for name, number in zip(names, before, strict=True)]


def _scales(encoder: nn.Module) -> list[int]:
    """Channels of its maps; a vision transformer's are all of one size."""
    channels: list[int] = list(encoder.out_channels)  # type: ignore[arg-type]
    return channels if isinstance(encoder, smp.encoders.TimmViTEncoder) else channels[1:]


def _levels(decoder: nn.Module) -> list[int]:
    """Channels of a U-Net's decoder, level by level."""
    inner = decoder.decoder if isinstance(decoder, FullResolution) else decoder
    if not isinstance(inner, smp.decoders.unet.decoder.UnetDecoder):
        return []
    return [block.conv1[0].out_channels for block in inner.blocks]


def _channels(head: nn.Module) -> list[int]:
    return [layer.out_channels for layer in head.modules() if isinstance(layer, nn.Conv2d)]


def _count(parts: Iterable[nn.Module]) -> int:
    return sum(tensor.numel() for part in parts for tensor in part.parameters())
