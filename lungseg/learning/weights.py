"""A trained network on disk: its tensors, and a card that says what built them."""

import json
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_model, save_file
from torch import nn

from lungseg.data.films import Part
from lungseg.errors import InputError, one_line
from lungseg.files import AGAIN, file_hash, replacing
from lungseg.learning.batches import passes
from lungseg.learning.run_files import Card, read_card
from lungseg.learning.stepper import arithmetic
from lungseg.learning.training import Epoch, diverged, told
from lungseg.machine import processor
from lungseg.networks.architecture import architecture
from lungseg.networks.build import undrawn
from lungseg.networks.own import module_of
from lungseg.networks.starts import encoders_of
from lungseg.recipe import Training, Variant


def save_network(network: nn.Module, weights: Path, card: Path, facts: dict[str, Any]) -> None:
    """Write the weights as safetensors, and beside them a json of what built them.

    Args:
        network: Trained.
        weights: File for the tensors.
        card: File for the facts; it must have a `variant` entry, the fields of a `Variant`.
        facts: What a reader needs to build and judge the network; the weights' hash is added.
    """
    tensors = _once(network)
    with replacing(weights) as path:
        with told(weights):
            save_file(tensors, str(path), metadata={"format": "pt"})
        facts = facts | {"weights_sha256": file_hash(path)}
    with replacing(card) as path:
        path.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


def _once(network: nn.Module) -> dict[str, torch.Tensor]:
    """The tensors of a network, one of two names under the first.

    safetensors' own way to find these takes no layout but the usual one, and networks are trained in another.
    """
    first: dict[int, str] = {}
    state = network.state_dict()
    for name, tensor in state.items():
        first.setdefault(tensor.data_ptr() or id(tensor), name)
    return {name: state[name].contiguous() for name in first.values()}


def describe_run(
    network: nn.Module, variant: Variant, recipe: Training, epochs: Sequence[Epoch], train: Part
) -> dict[str, Any]:
    """The facts that `save_network` writes beside the weights of a run."""
    best = max(epochs, key=lambda epoch: epoch.validation_dice)
    device = next(network.parameters()).device
    return {
        "variant": variant.model_dump(mode="json"),
        "training": recipe.model_dump(mode="json"),
        "size": train.images.shape[-1],
        "train_images": len(train.image_id),
        "passes": passes(recipe, len(train.image_id)),
        "parameters": sum(tensor.numel() for tensor in network.parameters()),
        "trained_parameters": sum(tensor.numel() for tensor in network.parameters() if tensor.requires_grad),
        "architecture": architecture(network, variant),
        "diverged": diverged(epochs),
        "best_epoch": best.epoch,
        "best_validation_dice": best.validation_dice,
        "seconds": sum(epoch.seconds for epoch in epochs),
        "device": str(device),
        "processor": processor(),
        "gpu": torch.cuda.get_device_name(device) if device.type == "cuda" else None,
        "arithmetic": arithmetic(device, recipe.precision),
        "steps": "captured" if any(epoch.captured for epoch in epochs) else "single",
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }


def starts(network: nn.Module, variant: Variant) -> dict[str, str]:
    """Encoder to the hash of its tensors, for those encoders of an untrained network that do not start at random.

    Of a network of one's own: `module` to the hash of its file.
    """
    parts = encoders_of(network, variant)
    module = {"module": module_of(variant)["sha256"]} if variant.module else {}
    return module | {name: tensors_hash(part) for name, part in parts if variant.start(name) != "random"}


def tensors_hash(module: nn.Module) -> str:
    """Hash of the names and bytes of all tensors of a module."""
    digest = sha256()
    for key, value in module.state_dict().items():
        digest.update(key.encode() + value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def refuse_another_module(card: Card, where: Path) -> None:
    """The file of a network of one's own is the one that was trained; its code is run.

    Raises:
        InputError: It is not there, or was changed.
    """
    variant = Variant(**card["variant"])
    if variant.module is None:
        return
    file, wanted = Path(str(variant.module_file)), card["loaded"]["module"]["sha256"]
    found = module_of(variant)["sha256"] if file.is_file() else "no such file"
    if found != wanted:
        remedy = "Bring the file as it was when the run was trained, or train the run again."
        raise InputError(file, found, f"sha256 {wanted}, as {where} says", remedy)


def load_network(weights: Path, card: Path) -> nn.Module:
    """Build the network that a card names and give it its trained weights.

    Raises:
        InputError: The weights are cut short, changed or of another network.
    """
    facts = read_card(card)
    refuse_another_module(facts, card)
    network = undrawn(Variant(**facts["variant"]))
    wanted = facts.get("weights_sha256")
    found = file_hash(weights)
    if wanted not in (None, found):
        raise InputError(weights, f"sha256 {found}", f"the network of {card}, sha256 {wanted}", AGAIN)
    try:
        load_model(network, weights)
    except Exception as error:
        reason = one_line(error)
        raise InputError(weights, reason, f"the network of {card}", "Train it again.") from error
    return network
