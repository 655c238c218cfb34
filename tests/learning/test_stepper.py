"""A step that a GPU can capture, held without one: on fake CUDA tensors, every call stays on the card."""

import itertools
import sys
from collections.abc import Callable, Iterator
from typing import Literal, get_args, get_origin

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.autograd.graph import Node
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from lungseg.learning import stepper
from lungseg.learning.augmentation import DRAWS, augment
from lungseg.learning.losses import batch_loss
from lungseg.learning.optimisers import optimiser
from lungseg.learning.stepper import Stepper, normalise
from lungseg.networks.build import build
from lungseg.recipe import SHORT_NAMES, Training, Variant

CARD, SIDE, FILMS, BATCH = torch.device("cuda:0"), 32, 6, 2
ENCODERS = [names for number in range(1, 1 + len(SHORT_NAMES)) for names in itertools.combinations(SHORT_NAMES, number)]
VARIANTS = [
    Variant(width=4),
    *(Variant(encoders=names, meta_learner=meta) for names in ENCODERS for meta in (False, True)),
]
# Every choice of a training that is one of some names: a new one is held from the day it is there.
CHOICES = {
    name: get_args(field.annotation)
    for name, field in Training.model_fields.items()
    if get_origin(field.annotation) is Literal
}
TRAININGS = list(
    dict.fromkeys(Training(batch_size=BATCH, **{name: value}) for name, values in CHOICES.items() for value in values)
)
# They write in place and return nothing; fake tensors have no kernel of them.
FUSED = {
    torch.ops.aten._fused_adam_.tensor_lr,
    torch.ops.aten._fused_adamw_.tensor_lr,
    torch.ops.aten._fused_sgd_.tensor_lr,
}


class Calls(TorchDispatchMode):
    """Notes each call of an operator that touches a tensor off the card, and passes all on."""

    def __init__(self) -> None:
        super().__init__()
        self.number, self.elsewhere = 0, list[str]()

    def __torch_dispatch__(
        self,
        call: Callable[..., object],
        types: object,
        args: tuple[object, ...] = (),
        kwargs: dict[str, object] | None = None,
    ) -> object:
        made = None if call in FUSED else call(*args, **(kwargs or {}))
        devices = {leaf.device for leaf in tree_leaves((args, kwargs, made)) if isinstance(leaf, Tensor)}
        self.number += 1
        if devices - {CARD}:
            self.elsewhere.append(f"{call} on {', '.join(sorted(map(str, devices)))}")
        return made


def backward(loss: Tensor) -> None:
    """Gradients of all parameters, node by node: autograd's own engine asks the driver for the card."""
    order: list[Node] = []
    seen: set[Node] = set()

    def visit(node: Node | None) -> None:
        if node is not None and node not in seen:
            seen.add(node)
            for before, _ in node.next_functions:
                visit(before)
            order.append(node)

    visit(loss.grad_fn)
    coming: dict[Node, dict[int, Tensor]] = {loss.grad_fn: {0: torch.ones_like(loss)}}
    with torch.no_grad():
        for node in reversed(order):
            given = coming.pop(node)
            if hasattr(node, "variable"):
                node.variable.grad = given[0]
                continue
            made = node(*(given.get(place) for place in range(len(node._input_metadata))))
            gradients = made if isinstance(made, tuple) else (made,)
            for (before, place), gradient in zip(node.next_functions, gradients, strict=True):
                if before is not None and gradient is not None:
                    sums = coming.setdefault(before, {})
                    gradient = gradient.to(before._input_metadata[place].dtype)
                    sums[place] = sums[place] + gradient if place in sums else gradient


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A card that is not there: its tensors have shape, type and device, and no values."""
    monkeypatch.setattr(stepper, "captures", lambda device: False)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: True)
    monkeypatch.setattr(torch.cuda.amp.common, "amp_definitely_not_available", lambda: False)
    monkeypatch.setattr(Tensor, "backward", backward)
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(100_000)
    with FakeTensorMode(allow_fallback_kernels=False):
        yield
    sys.setrecursionlimit(limit)


def on_the_card(variant: Variant) -> nn.Module:
    """A network on the card, as a training has it."""
    with torch.device(CARD):
        network = build(variant, 0, pretrained=False).train()
    for parameter in network.parameters():
        if parameter.dim() == 4:
            parameter.data = parameter.data.to(memory_format=torch.channels_last)
    return network


def step(network: nn.Module, recipe: Training) -> Calls:
    """The calls of a whole step: its rate, gathering, augmentation, forward, loss, backward, Adam."""
    images = torch.zeros(FILMS, 1, SIDE, SIDE, dtype=torch.uint8, device=CARD)
    stepper = Stepper(network, optimiser(network, recipe), images, images.clone(), recipe)
    index, draws = torch.arange(BATCH, device=CARD), torch.zeros(BATCH, DRAWS, device=CARD)
    rate = torch.tensor(recipe.learning_rate, device=CARD)
    with Calls() as calls:
        loss = stepper(index, draws, rate)
    assert loss.device == CARD
    assert all(parameter.grad is not None for parameter in network.parameters() if parameter.requires_grad)
    return calls


@pytest.mark.parametrize("recipe", TRAININGS, ids=lambda recipe: "-".join(getattr(recipe, name) for name in CHOICES))
def test_no_call_of_a_step_leaves_the_card(card: None, recipe: Training) -> None:
    calls = step(on_the_card(VARIANTS[0]), recipe)
    assert calls.number > 500
    assert calls.elsewhere == []


@pytest.mark.parametrize(
    "variant", VARIANTS, ids=lambda v: "+".join(v.encoders or ("unet",)) + "-meta" * v.meta_learner
)
def test_no_call_of_a_variants_step_leaves_the_card(card: None, variant: Variant) -> None:
    assert step(on_the_card(variant), Training(batch_size=BATCH, precision="bfloat16")).elsewhere == []


def test_grey_becomes_the_range_around_zero() -> None:
    grey = torch.tensor([0, 51, 255], dtype=torch.uint8).reshape(3, 1, 1, 1)
    assert normalise(grey).flatten().tolist() == pytest.approx([-1, -0.6, 1])


@pytest.mark.parametrize("augmentation", ["light", "none"])
def test_films_are_moved_exactly_where_the_recipe_says_so(augmentation: Literal["light", "none"]) -> None:
    """A network of one weight, and draws that turn, move and brighten: the loss tells what it saw."""
    network = nn.Conv2d(1, 1, 1)
    recipe = Training(batch_size=BATCH, precision="float32", augmentation=augmentation)
    images = torch.randint(0, 256, (FILMS, 1, SIDE, SIDE), dtype=torch.uint8, generator=torch.manual_seed(0))
    masks, draws = (images > 99).to(torch.uint8), torch.full((BATCH, DRAWS), 0.7)
    seen = images[:BATCH], masks[:BATCH]
    moved = augment(*seen, draws)
    expected = [batch_loss(network(normalise(x)), y.float(), recipe.loss).item() for x, y in (seen, moved)]
    step = Stepper(network, optimiser(network, recipe), images, masks, recipe)
    loss = step(torch.arange(BATCH), draws, torch.tensor(0.001)).item()
    assert abs(expected[0] - expected[1]) > 1e-3
    assert loss == pytest.approx(expected[augmentation == "light"])
