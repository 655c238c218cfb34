"""Optimisers: PyTorch's own steps, without its compiler."""

import subprocess
import sys

import pytest
import torch
from torch import nn

from lungseg.learning.optimisers import DECAY, NNUNET, optimiser
from lungseg.recipe import Training
from tests.workflow import ROOT

THEIRS = {
    "adam": lambda trained: torch.optim.Adam(trained, 0.01),
    "adamw": lambda trained: torch.optim.AdamW(trained, 0.01, weight_decay=DECAY),
    "sgd": lambda trained: torch.optim.SGD(trained, 0.01, **NNUNET),
}


def steps(network: nn.Module, taking: torch.optim.Optimizer, *numbers: int) -> None:
    for i in numbers:
        taking.zero_grad()
        network(torch.linspace(-1, 1 + i, 12).reshape(4, 3)).square().mean().backward()
        taking.step()


@pytest.mark.parametrize("name", THEIRS)
def test_steps_are_pytorchs_also_from_a_state_that_was_kept(name: str) -> None:
    torch.manual_seed(0)
    ours, theirs = nn.Linear(3, 2), nn.Linear(3, 2)
    theirs.load_state_dict(ours.state_dict())
    recipe = Training(optimiser=name, learning_rate=0.01)
    mine, reference = optimiser(ours, recipe), THEIRS[name](theirs.parameters())
    steps(ours, mine, 0, 1, 2)
    again = optimiser(ours, recipe)
    again.load_state_dict(mine.state_dict())
    steps(ours, again, 3, 4)
    steps(theirs, reference, *range(5))
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)
        assert one.requires_grad and one.grad is not None
    assert torch.is_grad_enabled()


def test_a_training_loads_no_compiler_and_whoever_wants_it_has_it() -> None:
    """Its two seconds would be those of every job."""
    program = """
import sys
import lungseg.learning.run, lungseg.learning.inference, lungseg.learning.costs
from lungseg.learning.optimisers import optimiser
from lungseg.networks.build import build
from lungseg.recipe import Training, Variant
from lungseg.learning.training import start
import torch
start("cpu", 1)
assert torch.are_deterministic_algorithms_enabled() and torch.is_deterministic_algorithms_warn_only_enabled()
for variant in (Variant(width=4), Variant(encoders=("mobilenetv2",), meta_learner=True)):
    network = build(variant, 0)
    for name in ("adam", "adamw", "sgd"):
        taken = optimiser(network, Training(optimiser=name))
        network(torch.zeros(2, 1, 32, 32)).mean().backward()
        taken.step()
        taken.load_state_dict(taken.state_dict())
assert "torch._dynamo" not in sys.modules
from torchvision.ops import roi_align
boxes = [torch.tensor([[0.0, 0.0, 4.0, 4.0]])]
assert roi_align(torch.ones(1, 1, 8, 8), boxes, 2).mean() == 1
assert torch.compile(lambda x: x + 1, backend="eager")(torch.ones(1)).item() == 2
from torch._dynamo.utils import is_compile_supported
assert is_compile_supported.__module__ == "torch._dynamo.utils"
assert sys.modules["torchvision.ops.roi_align"].is_compile_supported("cpu") == is_compile_supported("cpu")
"""
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
