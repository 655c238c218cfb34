"""What a trained network says of films."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from lungseg.data.opened import AnyPart, batches
from lungseg.learning.run_files import CARD, WEIGHTS, read_card
from lungseg.learning.stepper import autocast, normalise
from lungseg.learning.stored_predictions import Prediction, encode, tested
from lungseg.learning.weights import load_network
from lungseg.shapes import Float16, UInt8


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


def predict_run(
    folder: Path, variant: str, seed: int, parts: Mapping[str, AnyPart], device: torch.device
) -> Prediction:
    """What a finished run says of the films of some parts; no more than a batch of them is held in memory.

    Args:
        folder: With its weights and card.
        variant: Its network's name.
        seed: Its seed.
        parts: The films by the names of their parts.
        device: Where; as from `training.start`.
    """
    card = read_card(folder / CARD)
    choices = card["training"]
    network = load_network(folder / WEIGHTS, folder / CARD).to(device)
    size, precision = choices["batch_size"], choices["precision"]
    coming = batches(list(parts.values()), size)
    answers = ((predict(network, images, size, precision), masks) for images, masks in coming)
    return replace(encode(variant, seed, answers, tested(parts)), weights=card["weights_sha256"])
