"""The plain U-Net as nnU-Net builds it, from MONAI's network of that design."""

from typing import Any

from torch import nn

from lungseg.recipe import WIDEST

SMALLER = 3  # maps that answer too: 1/2, 1/4 and 1/8 of the side; nnU-Net gives its smallest no weight


def nnunet(width: int, deep_supervision: bool) -> nn.Module:
    """Five halvings by strided convolutions, two 3x3 convolutions a level, instance normalisation, leaky ReLU.

    References: Isensee et al. 2021, https://doi.org/10.1038/s41592-020-01008-z.

    Args:
        width: Channels at the first level, doubled at each level up to `WIDEST`; nnU-Net's own is 32.
        deep_supervision: Whether it answers from its smaller maps too, while it is trained; then its answer has the
            shape (batch, outputs, 1, height, width).
    """
    from monai.networks.nets.dynunet import DynUNet  # seconds of loading that no other network needs

    levels = 6
    choices: dict[str, Any] = {"deep_supervision": True, "deep_supr_num": SMALLER} if deep_supervision else {}
    return DynUNet(
        spatial_dims=2,
        in_channels=1,
        out_channels=1,
        kernel_size=[3] * levels,
        strides=[1] + [2] * (levels - 1),
        upsample_kernel_size=[2] * (levels - 1),
        filters=[min(width * 2**level, WIDEST) for level in range(levels)],
        norm_name=("INSTANCE", {"affine": True}),
        act_name=("leakyrelu", {"negative_slope": 0.01}),
        **choices,
    )
