"""What a trained network says of films."""

import numpy as np
import torch
from jaxtyping import Float16, UInt8
from torch import nn

from lungseg.steps import autocast, normalise


@torch.inference_mode()
def predict(
    network: nn.Module, images: UInt8[np.ndarray, "image height width"], batch_size: int, precision: str
) -> Float16[np.ndarray, "image height width"]:
    """Logits of lung for each pixel; probability = 1 / (1 + exp(-logit)), the mask is logit > 0.

    Args:
        network: On any device; put into evaluation mode.
        images: Grey 0-255.
        batch_size: Films per forward pass.
        precision: `bfloat16` or `float32`, as in training. The logits' half precision keeps every bit of bfloat16.
    """
    network.eval().to(memory_format=torch.channels_last)
    device = next(network.parameters()).device
    logits = []
    for batch in torch.from_numpy(images)[:, None].split(batch_size):
        with autocast(device, precision):
            logits.append(network(normalise(batch.to(device)))[:, 0].to("cpu", torch.float16).numpy())
    return np.concatenate(logits)
