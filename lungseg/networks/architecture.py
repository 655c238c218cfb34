"""What a network is made of, as numbers: channels at every scale and parameters of every part."""

from typing import Any

from torch import nn

from lungseg.networks.unet import UNet


def architecture(network: nn.Module) -> dict[str, Any]:
    """Describe a network of `models.build`.

    Returns:
        `encoders`: name to its channels at 1, 1/2, 1/4, … of the film's side (the encoders of timm begin at 1/2);
        `decoder`: channels from the deepest joint up to the film's own side; `head`: channels after each convolution
        of the head, its one output included; `parameters`: part to the number of its parameters.
    """
    if isinstance(network, UNet):
        return {
            "encoders": {"unet": [block[0].out_channels for block in network.down]},  # type: ignore[index]
            "decoder": [block[0].out_channels for block in network.join],  # type: ignore[index]
            "head": [layer.out_channels for layer in network.head.modules() if isinstance(layer, nn.Conv2d)],
            "parameters": {
                "unet": _count(network.down),
                "decoder": _count(network.up) + _count(network.join),
                "head": _count(network.head),
            },
        }
    encoder, decoder, head = (network.get_submodule(part) for part in ("encoder", "decoder", "segmentation_head"))
    parts: dict[str, Any] = dict(zip(encoder.names, encoder.parts, strict=True))  # type: ignore[arg-type]
    return {
        "encoders": {name: list(part.out_channels[1:]) for name, part in parts.items()},
        "decoder": [block.conv1[0].out_channels for block in decoder.blocks],  # type: ignore[union-attr]
        "head": [layer.out_channels for layer in head.modules() if isinstance(layer, nn.Conv2d)],
        "parameters": {name: _count(part) for name, part in parts.items()}
        | {"decoder": _count(decoder), "head": _count(head)},
    }


def _count(part: nn.Module) -> int:
    return sum(tensor.numel() for tensor in part.parameters())
