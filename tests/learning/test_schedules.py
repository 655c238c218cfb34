"""Step sizes are those of PyTorch's own schedulers, and of nnU-Net's polynomial."""

import warnings

import pytest
import torch
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler, OneCycleLR, PolynomialLR

from lungseg.learning.schedules import learning_rate
from lungseg.recipe import Training


def torchs(kind: type[LRScheduler], steps: int, **choices: object) -> list[float]:
    """The rates at which a scheduler of PyTorch has each step taken; the largest is 0.01."""
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], 0.01)
    scheduler = kind(optimiser, **choices)
    rates = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that no step of the optimiser is taken
        for _ in range(steps):
            rates.append(float(optimiser.param_groups[0]["lr"]))
            scheduler.step()
    return rates


@pytest.mark.parametrize("steps", [10, 37, 200])
@pytest.mark.parametrize("schedule", ["constant", "cosine", "one_cycle", "polynomial"])
def test_rates_are_those_of_the_witness(schedule: str, steps: int) -> None:
    recipe = Training(schedule=schedule, learning_rate=0.01)
    ours = [learning_rate(recipe, step, steps) for step in range(steps)]
    witness = {
        "constant": lambda: [0.01] * steps,
        "cosine": lambda: torchs(CosineAnnealingLR, steps, T_max=steps),
        "one_cycle": lambda: torchs(OneCycleLR, steps, max_lr=0.01, total_steps=steps),
        "polynomial": lambda: torchs(PolynomialLR, steps, total_iters=steps, power=0.9),
    }
    assert ours == pytest.approx(witness[schedule](), rel=1e-6, abs=1e-12)


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_the_shortest_runs_have_rates_too(steps: int) -> None:
    for schedule in ("constant", "cosine", "one_cycle", "polynomial"):
        rates = [learning_rate(Training(schedule=schedule, learning_rate=0.01), step, steps) for step in range(steps)]
        assert all(0 <= rate <= 0.01 for rate in rates)
