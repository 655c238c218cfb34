"""Where a step of the plain U-Net goes: the same kernels in ours and in a plain step, beside the processor's peak.

    python -m bench.kernels      about two minutes; writes bench/results/kernels.csv

Both sides take steps of 16 films of 128 px on one core, in bfloat16 and channels_last, with the allocator as the
Snakefile sets it. The other side is what Lightning calls for each batch: the network without our own layers, its loss,
Adam. The profiler's own time of every operation is put to one of a few kinds. Speeds of convolutions are told beside
that of a matrix product of the same type; a kind that fills the step and is the same on both sides is the limit. Ours
computes the gradient of transposed convolutions by matrix products, which count as convolutions here.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
import torch
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from bench.loops import ARITHMETIC, BATCH, NETWORKS, Loss, peak, plain
from bench.timing import write
from lungseg.learning.augmentation import DRAWS
from lungseg.learning.memory import KEEP_BLOCKS
from lungseg.learning.optimisers import optimiser
from lungseg.learning.stepper import Stepper, autocast, normalise
from lungseg.networks.build import build
from lungseg.recipe import Training

ROUNDS, SIZE = 6, 128
# Operations of torch by the beginning of their names; the first kind that fits counts.
KINDS = {
    "convolutions, forward": ("aten::mkldnn_convolution", "aten::_convolution"),
    "convolutions, backward": ("aten::convolution_backward", "aten::mkldnn_convolution_backward", "aten::mm"),
    "batch normalisation": ("aten::native_batch_norm", "aten::batch_norm", "aten::_batch_norm"),
    "activations": ("aten::relu", "aten::clamp_min", "aten::threshold_backward"),
    "everything else, the optimiser among it": ("",),
}

Kinds = dict[str, float]


def times(step: Callable[[], object]) -> Kinds:
    """Seconds of each kind in one step."""
    with profile(activities=[ProfilerActivity.CPU]) as seen:
        step()
    found = dict.fromkeys(KINDS, 0.0)
    for event in seen.key_averages():
        kind = next(name for name, starts in KINDS.items() if event.key.startswith(starts))
        found[kind] += event.self_cpu_time_total / 1e6
    return found


def sides() -> tuple[Callable[[], object], Callable[[], object], float]:
    """A step of ours, a plain one, and the operations of the convolutions in one direction for a batch."""
    device, recipe = torch.device("cpu"), Training()
    rng = np.random.default_rng(0)
    images = torch.from_numpy(rng.integers(0, 256, (BATCH, 1, SIZE, SIZE), dtype=np.uint8))
    masks = torch.from_numpy(rng.integers(0, 2, (BATCH, 1, SIZE, SIZE), dtype=np.uint8))
    own, other = (build(NETWORKS["unet"], 0).to(memory_format=torch.channels_last).train() for _ in range(2))
    with FlopCounterMode(display=False) as counter:
        own(normalise(images))
    stepper = Stepper(own, optimiser(own, recipe), images, masks, recipe)
    index, draws = torch.arange(BATCH), torch.zeros(BATCH, DRAWS)
    rate, loss = torch.tensor(recipe.learning_rate), Loss()
    adam = torch.optim.Adam(plain(other).parameters(), lr=recipe.learning_rate)

    def step() -> None:
        with autocast(device, recipe.precision):
            lost = loss(other(normalise(images)), masks.float())
        adam.zero_grad()
        lost.backward()
        adam.step()

    return lambda: stepper(index, draws, rate), step, float(counter.get_total_flops())


def main() -> list[dict[str, object]]:
    """Both sides in turn, each as often the first, after two steps that are not counted."""
    torch.set_num_threads(1)
    ours, other, operations = sides()
    for step in (ours, other) * 2:
        step()
    found = []
    for number in range(ROUNDS):
        first, second = (ours, other) if number % 2 else (other, ours)
        pair = times(first), times(second)
        found.append(pair if number % 2 else pair[::-1])
    whole = [tuple(sum(side.values()) for side in pair) for pair in found]
    rows = [_row("whole step", whole)]
    rows += [_row(kind, [(one[kind], two[kind]) for one, two in found]) for kind in KINDS]
    best = peak() / 1e9
    for kind, parts in (("convolutions, forward", 1), ("convolutions, backward", 2)):
        speeds = [tuple(parts * operations / side[kind] / 1e9 for side in pair) for pair in found]
        shares = [one / best for one, _ in speeds]
        row = {"case": f"{kind}: share of a {ARITHMETIC} matrix product's peak", "unit": "GFLOP/s", "other": best}
        rows.append(row | {"ours": median(one for one, _ in speeds)} | _spread(shares))
    return rows


def _row(kind: str, pairs: list[Any]) -> dict[str, object]:
    """Milliseconds of both sides."""
    ratios = [two / one for one, two in pairs]
    one, two = (1e3 * median(side) for side in zip(*pairs, strict=True))
    return {"case": kind, "ours": one, "other": two, "unit": "ms a step"} | _spread(ratios)


def _spread(ratios: list[float]) -> dict[str, object]:
    return {"ratio": median(ratios), "ratio_low": min(ratios), "ratio_high": max(ratios), "goal": None, "met": None}


if __name__ == "__main__":
    if any(os.environ.get(key) != value for key, value in KEEP_BLOCKS.items()):
        again = [sys.executable, "-m", "bench.kernels"]
        sys.exit(subprocess.run(again, env=os.environ | KEEP_BLOCKS).returncode)
    write("kernels", main())
