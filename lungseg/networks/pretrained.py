"""ImageNet features of MobileNetV2 that come with the package, so that a machine without a network has a start.

They are not timm's: they were recovered from TensorFlow's 8-bit MobileNetV2 (Sandler et al. 2018), whose kernels are
integers with one scale per layer. The metadata of the file name source, commit, hash, licence (Apache-2.0) and changes.
"""

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from lungseg.networks.libraries import timm

FILE = Path(__file__).with_name("pretrained_mobilenetv2.safetensors")


def mobilenetv2_8bit() -> dict[str, Tensor]:
    """The state of timm's `mobilenetv2_100` with three input channels: RGB in [-1, 1], 1000 classes.

    A kernel is (q - zero) * scale, q of 8 bits; batch normalisation and the classifier's offsets are float32.
    """
    stored = load_file(FILE)
    return {
        key: (value.float() + stored[f"{key}:zero"]) * stored[f"{key}:scale"] if value.dtype == torch.int8 else value
        for key, value in stored.items()
        if ":" not in key
    }


def for_grey(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same state for one grey channel: timm's rule, the first kernel summed over RGB."""
    first = "conv_stem.weight"
    return state | {first: timm.models.adapt_input_conv(1, state[first])}
