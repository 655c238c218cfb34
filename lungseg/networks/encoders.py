"""Encoders of timm and segmentation-models-pytorch by name, one or several side by side."""

from collections.abc import Collection, Sequence

import torch
from torch import Tensor, nn

from lungseg.networks.colours import in_colour
from lungseg.networks.cpu_layers import StridedDepthwise
from lungseg.networks.join import Sum, padded
from lungseg.networks.libraries import smp
from lungseg.networks.undrawn import Undrawn

# The models of timm behind our short names, with the pretrained weights that `imagenet` means.
TIMM: dict[str, str] = {
    "mobilenetv2": "mobilenetv2_100.ra_in1k",
    "inceptionresnetv2": "inception_resnet_v2.tf_in1k",
}


class JoinedEncoder(nn.Module):
    """Encoders side by side, their features joined at every scale.

    timm's InceptionResNetV2 convolves without padding: at 128 px its scales are 61, 28, 13, 6, 2 wide, shifted against
    MobileNetV2's 64, 32, 16, 8, 4. Zero padding in its convolutions and poolings puts both on one grid. The pretrained
    kernels stay as they are.

    Args:
        names: Which encoders, in the order their channels are joined.
        join: `concatenate` or `sum`.
        coloured: Those of them whose weights were trained with colours.
        depth: How many halvings, 1 to 5.
        output_stride: By how much the smallest map is smaller than the film at most.
        in_channels: Channels of the input.
    """

    def __init__(
        self,
        names: Sequence[str],
        join: str = "concatenate",
        coloured: Collection[str] = (),
        depth: int = 5,
        output_stride: int = 32,
        in_channels: int = 1,
    ) -> None:
        super().__init__()
        self.names, self.depth, self.stride = tuple(names), depth, output_stride
        self.join, self.coloured = join, coloured
        self.output_stride = min(output_stride, 2**depth)
        self.set_in_channels(in_channels)

    def set_in_channels(self, in_channels: int, pretrained: bool = False) -> None:
        """Build the encoders for this many input channels (segmentation-models-pytorch calls this)."""
        self.parts = nn.ModuleList(
            in_colour(encoder(name, self.depth, self.stride, 3))
            if name in self.coloured
            else encoder(name, self.depth, self.stride, in_channels)
            for name in self.names
        )
        scales = list(zip(*(part.out_channels[1:] for part in self.parts), strict=True))  # type: ignore[index]
        self.sums = nn.ModuleList(Sum(scale) for scale in scales) if self.join == "sum" else None
        self.out_channels = [in_channels, *(max(scale) if self.sums else sum(scale) for scale in scales)]

    def make_dilated(self, output_stride: int) -> None:
        """Nothing: the encoders were built with this stride (segmentation-models-pytorch calls this)."""

    def forward(self, x: Tensor) -> list[Tensor]:
        """The input, then the joined features at 1/2, 1/4, … of its size."""
        scales = list(zip(*(part(x)[1:] for part in self.parts), strict=True))
        joined = [x]
        for level, scale in enumerate(scales):
            factor = min(2 ** (level + 1), self.output_stride)
            maps = [padded(each, (x.shape[-2] // factor, x.shape[-1] // factor)) for each in scale]
            joined.append(self.sums[level](maps) if self.sums is not None else torch.cat(maps, dim=1))
        return joined


def encoder(name: str, depth: int, output_stride: int, in_channels: int) -> nn.Module:
    """One encoder, from random weights: our short name, segmentation-models-pytorch's, or timm's (also as `tu-NAME`).

    Raises:
        Exception: Whatever the libraries raise where there is none of this name, depth and stride.
    """
    with Undrawn(on_meta=True):  # the libraries build each of them there first, to see its shapes
        if name in TIMM:
            made = smp.encoders.TimmUniversalEncoder(TIMM[name], False, in_channels, depth, output_stride)
            _pad(made)
        elif name in smp.encoders.encoders:
            made = smp.encoders.get_encoder(name, in_channels, depth, None, output_stride)
        else:
            made = smp.encoders.TimmUniversalEncoder(name.removeprefix("tu-"), False, in_channels, depth, output_stride)
    _replace_strided_depthwise(made)
    return made


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


def of_timm(name: str) -> bool:
    """Whether an encoder is built by timm, whose pretrained weights it can take."""
    return name in TIMM or name not in smp.encoders.encoders


def timm_model(name: str) -> str:
    """The model of timm behind an encoder's name."""
    return TIMM.get(name, name.removeprefix("tu-"))


def register(names: Sequence[str], join: str, coloured: Collection[str] = ()) -> str:
    """Make joined encoders known to segmentation-models-pytorch, the way it knows its own.

    Args:
        names: As of `JoinedEncoder`, and so the others.
        join: How they meet.
        coloured: Whose weights were trained with colours.
    """
    key = f"lungseg:{join}:" + "+".join(f"{name}{':colours' * (name in coloured)}" for name in names)
    smp.encoders.encoders[key] = {
        "encoder": JoinedEncoder,
        "params": {"names": tuple(names), "join": join, "coloured": tuple(coloured)},
        "pretrained_settings": {},
    }
    return key
