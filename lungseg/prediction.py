"""A trained network on disk, and what it says of films."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float16, UInt8
from safetensors.torch import load_file, save_file
from torch import nn

from lungseg.errors import InputError
from lungseg.files import replacing
from lungseg.models import build
from lungseg.parts import Part
from lungseg.recipe import Training, Variant
from lungseg.training import Epoch, autocast, normalise


def save_network(network: nn.Module, weights: Path, card: Path, facts: dict[str, Any]) -> None:
    """Write the weights as safetensors, and beside them a json of what built them.

    Args:
        network: Trained.
        weights: File for the tensors.
        card: File for the facts; it must have a `variant` entry, the fields of a `Variant`.
        facts: What a reader needs to build and judge the network.
    """
    with replacing(weights) as path:
        tensors = {key: value.contiguous() for key, value in network.state_dict().items()}
        save_file(tensors, path, metadata={"format": "pt"})
    with replacing(card) as path:
        path.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


def describe_run(
    network: nn.Module, variant: Variant, recipe: Training, epochs: Sequence[Epoch], train: Part
) -> dict[str, Any]:
    """The facts that `save_network` writes beside the weights of a run."""
    best = max(epochs, key=lambda epoch: epoch.validation_dice)
    return {
        "variant": variant.model_dump(mode="json"),
        "training": recipe.model_dump(mode="json"),
        "size": train.images.shape[-1],
        "train_images": len(train.image_id),
        "parameters": sum(tensor.numel() for tensor in network.parameters()),
        "best_epoch": best.epoch,
        "best_validation_dice": best.validation_dice,
        "seconds": sum(epoch.seconds for epoch in epochs),
        "device": str(next(network.parameters()).device),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }


def read_card(card: str | Path) -> dict[str, Any]:
    """The facts beside the weights of a run."""
    facts: dict[str, Any] = json.loads(Path(card).read_text(encoding="utf-8"))
    return facts


def load_network(weights: Path, card: Path) -> nn.Module:
    """Build the network that a card names and give it its trained weights.

    Raises:
        InputError: The weights are cut short or of another network.
    """
    network = build(Variant(**read_card(card)["variant"]), seed=0, pretrained=False)
    try:
        network.load_state_dict(load_file(weights))
    except Exception as error:
        reason = " ".join(str(error).split())[:160]
        raise InputError(weights, reason, f"the network of {card}", "Train it again.") from error
    return network


@torch.inference_mode()
def predict(
    network: nn.Module, images: UInt8[np.ndarray, "image height width"], batch_size: int, precision: str
) -> Float16[np.ndarray, "image height width"]:
    """Logits of lung for each pixel; probability = 1 / (1 + exp(-logit)), the mask is logit > 0.

    Args:
        network: On any device; put into evaluation mode.
        images: Grey 0-255.
        batch_size: Films per forward pass.
        precision: `bfloat16` or `float32`, as in training. Half precision keeps every bit of the former.
    """
    network.eval().to(memory_format=torch.channels_last)
    device = next(network.parameters()).device
    logits = []
    for batch in torch.from_numpy(images)[:, None].split(batch_size):
        with autocast(device, precision):
            logits.append(network(normalise(batch.to(device)))[:, 0].to("cpu", torch.float16).numpy())
    return np.concatenate(logits)
