"""What takes a step."""

from inspect import unwrap
from typing import Any, TypeVar, cast

import torch
from torch import nn

from lungseg.recipe import Training

DECAY = 0.01  # AdamW's weight decay, PyTorch's default
T = TypeVar("T", bound=torch.optim.Optimizer)
NNUNET: dict[str, Any] = {"momentum": 0.99, "nesterov": True, "weight_decay": 3e-5}  # nnU-Net's SGD


def _not_compiled(kind: type[T]) -> type[T]:
    """An optimiser whose methods do not tell torch's compiler to leave them alone, which loads all of it first.

    That takes nearly two seconds of every job, and nothing is compiled here. What the methods do is the same.
    """
    told = ("state_dict", "load_state_dict", "zero_grad", "add_param_group")
    plain = {name: unwrap(getattr(kind, name)) for name in told}
    return cast("type[T]", type(kind.__name__, (kind,), plain | {"step": torch.no_grad()(unwrap(kind.step))}))


SGD, Adam, AdamW = _not_compiled(torch.optim.SGD), _not_compiled(torch.optim.Adam), _not_compiled(torch.optim.AdamW)


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
        made = SGD(trained, rate, fused=True, **NNUNET)
    elif recipe.optimiser == "adamw":
        made = AdamW(trained, rate, fused=True, weight_decay=DECAY, capturable=on_card)
    else:
        made = Adam(trained, rate, fused=True, capturable=on_card)
    for group in made.param_groups:
        group["lr"] = torch.tensor(rate, device=device)
    return made
