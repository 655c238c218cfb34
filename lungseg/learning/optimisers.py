"""What takes a step."""

from typing import Any

import torch
from torch import nn

from lungseg.recipe import Training

DECAY = 0.01  # AdamW's weight decay, PyTorch's default
NNUNET: dict[str, Any] = {"momentum": 0.99, "nesterov": True, "weight_decay": 3e-5}  # nnU-Net's SGD


def optimiser(network: nn.Module, recipe: Training) -> torch.optim.Optimizer:
    """The optimiser of a recipe over all parameters that are trained, in one kernel.

    Its step size lies on the device, where a captured step reads it.

    Args:
        network: On the device on which it is trained.
        recipe: Names it.
    """
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    device, rate = trained[0].device, recipe.learning_rate
    on_card = device.type == "cuda"
    made: torch.optim.Optimizer
    if recipe.optimiser == "sgd":
        made = torch.optim.SGD(trained, rate, fused=True, **NNUNET)
    elif recipe.optimiser == "adamw":
        made = torch.optim.AdamW(trained, rate, fused=True, weight_decay=DECAY, capturable=on_card)
    else:
        made = torch.optim.Adam(trained, rate, fused=True, capturable=on_card)
    for group in made.param_groups:
        group["lr"] = torch.tensor(rate, device=device)
    return made
