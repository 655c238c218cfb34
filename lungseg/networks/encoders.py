"""Encoders of timm, one or several side by side, and what they start from."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import segmentation_models_pytorch as smp
import timm
import torch
from segmentation_models_pytorch.encoders import TimmUniversalEncoder
from torch import Tensor, nn

from lungseg.errors import InputError
from lungseg.networks.cpu_layers import StridedDepthwise
from lungseg.networks.pretrained import for_grey, mobilenetv2_8bit
from lungseg.recipe import EIGHT_BIT, EncoderName, Variant

# The models of timm behind our names, with the pretrained weights that `imagenet` means.
TIMM: dict[EncoderName, str] = {
    "mobilenetv2": "mobilenetv2_100.ra_in1k",
    "inceptionresnetv2": "inception_resnet_v2.tf_in1k",
}


class JoinedEncoder(nn.Module):
    """Encoders of timm side by side, their features joined at every scale.

    timm's InceptionResNetV2 convolves without padding: at 128 px its scales are 61, 28, 13, 6, 2 wide, shifted against
    MobileNetV2's 64, 32, 16, 8, 4. Zero padding in its convolutions and poolings puts both on one grid. The pretrained
    kernels stay as they are.

    Args:
        names: Which encoders, in the order their channels are joined.
        depth: How many halvings, 1 to 5.
        output_stride: Only 32, as segmentation-models-pytorch passes it.
        in_channels: Channels of the input.
    """

    def __init__(
        self, names: Sequence[EncoderName], depth: int = 5, output_stride: int = 32, in_channels: int = 1
    ) -> None:
        super().__init__()
        self.names, self.depth, self.output_stride = tuple(names), depth, output_stride
        self.set_in_channels(in_channels)

    def set_in_channels(self, in_channels: int, pretrained: bool = False) -> None:
        """Build the encoders for this many input channels (segmentation-models-pytorch calls this)."""
        parts = [TimmUniversalEncoder(TIMM[name], False, in_channels, self.depth) for name in self.names]
        for part in parts:
            _pad(part)
            _replace_strided_depthwise(part)
        self.parts = nn.ModuleList(parts)
        scales = zip(*(part.out_channels[1:] for part in parts), strict=True)
        self.out_channels = [in_channels, *(sum(scale) for scale in scales)]

    def forward(self, x: Tensor) -> list[Tensor]:
        """The input, then the joined features at 1/2, 1/4, … of its size."""
        scales = zip(*(part(x)[1:] for part in self.parts), strict=True)
        return [x, *(torch.cat(scale, dim=1) for scale in scales)]

    def load_pretrained(self, variant: Variant) -> None:
        """Start the encoders from ImageNet features, where the variant says so.

        timm sums the kernels of the first layer over RGB for one grey channel. The scale and offset it was trained
        with need not be repeated: batch normalisation follows that layer and divides them out.

        Args:
            variant: Says for each encoder what it starts from.

        Raises:
            InputError: The hub is out of reach, or a file is missing or holds another network.
        """
        for name, part in zip(self.names, self.parts, strict=True):
            if (start := variant.start(name)) != "random":
                model = part.get_submodule("model")
                model.load_state_dict(_pretrained(name, start, model.state_dict().keys()))


def _pad(encoder: nn.Module) -> None:
    """Give every convolution and pooling without padding the zeros that keep the grid."""
    for module in encoder.modules():
        if isinstance(module, nn.MaxPool2d):
            module.padding = 1
        elif isinstance(module, nn.Conv2d) and module.padding == (0, 0):
            module.padding = tuple(side // 2 for side in module.kernel_size)


def _replace_strided_depthwise(encoder: nn.Module) -> None:
    """Give the encoder's strided depthwise convolutions that class; parameters and their names stay."""
    for module in encoder.modules():
        if type(module) is nn.Conv2d and module.groups == module.in_channels > 1 and module.stride != (1, 1):
            module.__class__ = StridedDepthwise


def _pretrained(name: EncoderName, weights: str, wanted: Collection[str]) -> dict[str, Tensor]:
    """The pretrained tensors that an encoder wants, from a whole classifier that timm loads strictly."""
    if weights == EIGHT_BIT:
        whole = for_grey(mobilenetv2_8bit())
        return {key: whole[key] for key in wanted}
    choices = "Choose `weights: random`, `imagenet-8bit` for MobileNetV2, a safetensors file, or connect to the hub."
    expected = f"the weights of timm's {TIMM[name]}"
    source: dict[str, Any] = {} if weights == "imagenet" else {"pretrained_cfg_overlay": {"file": weights}}
    if source and not Path(weights).is_file():
        raise InputError(weights, "no such file", f"a safetensors file with {expected}", choices)
    try:
        whole = timm.create_model(TIMM[name], pretrained=True, in_chans=1, **source).state_dict()
    except Exception as error:  # whatever a hub, a socket or a file may raise
        reason = " ".join(str(error).split())[:160]
        where = weights if source else f"weights of {name}"
        raise InputError(where, f"{type(error).__name__}: {reason}", expected, choices) from error
    return {key: whole[key] for key in wanted}


def register(*names: EncoderName) -> str:
    """Make joined encoders known to segmentation-models-pytorch, the way it knows its own."""
    key = "lungseg:" + "+".join(names)
    smp.encoders.encoders[key] = {
        "encoder": JoinedEncoder,
        "params": {"names": names},
        "pretrained_settings": {},
    }
    return key
