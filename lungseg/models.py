"""A variant by name -> a network.

Every network takes grey images in [-1, 1], shape (batch, 1, height, width), both sides multiples of 32, and returns
logits of the same shape: probability of lung = 1 / (1 + exp(-logit)).
"""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import segmentation_models_pytorch as smp
import timm
import torch
from segmentation_models_pytorch.encoders import TimmUniversalEncoder
from torch import Tensor, nn

from lungseg.errors import InputError
from lungseg.layers import Dropout, StridedDepthwise, UpConvolution
from lungseg.pretrained import for_grey, mobilenetv2_8bit
from lungseg.recipe import EIGHT_BIT, EncoderName, Variant
from lungseg.shapes import Float

Image = Float[Tensor, "batch 1 height width"]

# The models of timm behind our names, with the pretrained weights that `imagenet` means.
TIMM: dict[EncoderName, str] = {
    "mobilenetv2": "mobilenetv2_100.ra_in1k",
    "inceptionresnetv2": "inception_resnet_v2.tf_in1k",
}


class UNet(nn.Module):
    """U-Net of Ronneberger et al. (2015) with zero padding and batch normalisation.

    Four halvings, two 3x3 convolutions per level, channels doubled at each level, transposed convolutions on the way
    up. Zero padding keeps the size, so nothing is cropped; batch normalisation follows each 3x3 convolution.

    References: https://arxiv.org/abs/1505.04597 (there: width 64, no padding, no normalisation).

    Args:
        width: Channels at the first level.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        channels = [width * 2**level for level in range(5)]
        self.down = nn.ModuleList(_double(i, o) for i, o in zip([1, *channels], channels, strict=False))
        self.up = nn.ModuleList(UpConvolution(2 * c, c) for c in reversed(channels[:-1]))
        self.join = nn.ModuleList(_double(2 * c, c) for c in reversed(channels[:-1]))
        self.head = nn.Conv2d(width, 1, kernel_size=1)

    def forward(self, x: Image) -> Image:
        """Logits of lung per pixel."""
        levels = [self.down[0](x)]
        for block in self.down[1:]:
            levels.append(block(nn.functional.max_pool2d(levels[-1], 2)))
        x = levels.pop()
        for up, join in zip(self.up, self.join, strict=True):
            x = join(torch.cat([levels.pop(), up(x)], dim=1))
        return self.head(x)


def _double(inputs: int, outputs: int) -> nn.Sequential:
    """Two 3x3 convolutions, each with batch normalisation and ReLU."""
    layers: list[nn.Module] = []
    for channels in (inputs, outputs):
        layers += [
            nn.Conv2d(channels, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
        ]
    return nn.Sequential(*layers)


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


def _register(*names: EncoderName) -> str:
    """Make joined encoders known to segmentation-models-pytorch, the way it knows its own."""
    key = "lungseg:" + "+".join(names)
    smp.encoders.encoders[key] = {
        "encoder": JoinedEncoder,
        "params": {"names": names},
        "pretrained_settings": {},
    }
    return key


_register("mobilenetv2")
_register("inceptionresnetv2")
_register("mobilenetv2", "inceptionresnetv2")


class MetaLearner(nn.Sequential):
    """The paper's meta learner in the place of the segmentation head.

    Three dense layers of 32, 64 and 128 at every pixel (1x1 convolutions), batch normalisation, dropout of 0.4, then
    the last convolution. Dropout stands after the normalisation, whose running variance it would falsify (Li et al.
    2019, https://arxiv.org/abs/1801.05134); the paper does not say.

    Args:
        inputs: Channels of the decoder's output.
    """

    def __init__(self, inputs: int) -> None:
        dense: list[nn.Module] = []
        for i, o in ((inputs, 32), (32, 64), (64, 128)):
            dense += [nn.Conv2d(i, o, kernel_size=1), nn.ReLU()]
        super().__init__(*dense, nn.BatchNorm2d(128), Dropout(0.4), nn.Conv2d(128, 1, kernel_size=1))


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
        return UNet(variant.width)
    key = "lungseg:" + "+".join(variant.encoders)
    network = smp.Unet(key, encoder_weights=None, in_channels=1, classes=1)
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
