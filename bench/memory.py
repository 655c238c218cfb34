"""How much memory does a training take on a CPU? What lungseg/learning/memory.py foretells is held against this table.

    python -m bench.memory      ten minutes on one core; writes bench/results/memory.csv

Every network at several sizes, in both arithmetics: two epochs of three steps, a checkpoint between them and weights
at the end, as rule train does it, with the allocator's settings of the Snakefile. Each training runs in a process of
its own, so that its peak of memory is its own.
"""

import os
import resource
import sys
import tempfile
from collections.abc import Iterator
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd

from bench.timing import MEASURED
from lungseg.learning.memory import KEEP_BLOCKS
from lungseg.recipe import Training, Variant

OUTPUT = Path(__file__).parent / "results/memory.csv"
NETWORKS = {
    "unet": Variant(width=64),
    "unet_mobilenetv2": Variant(encoders=("mobilenetv2",)),
    "unet_inceptionresnetv2": Variant(encoders=("inceptionresnetv2",)),
    "proposed": Variant(encoders=("mobilenetv2", "inceptionresnetv2"), meta_learner=True),
}
SIZES, PRECISIONS, BATCH, STEPS = (64, 96, 128), ("float32", "bfloat16"), 16, 3
# Other widths, heads, batches and sizes, by which the rule between the measured points is judged.
OTHERS = [
    ("unet of width 16", Variant(width=16), 128, 16),
    ("unet of width 32", Variant(width=32), 128, 16),
    ("unet_mobilenetv2, meta learner", Variant(encoders=("mobilenetv2",), meta_learner=True), 128, 16),
    ("proposed", NETWORKS["proposed"], 128, 4),
    ("unet", NETWORKS["unet"], 256, 4),
]


def train(variant: Variant, size: int, batch: int, precision: str) -> dict[str, object]:
    """Train in this process; returns its parameters, its arithmetic and its peak of memory in MB."""
    import torch

    from lungseg.data.films import Part
    from lungseg.learning.run import Recipe, train_run
    from lungseg.learning.stepper import arithmetic
    from lungseg.learning.training import start

    rng, films = np.random.default_rng(0), STEPS * batch
    part = Part(
        ["phantom"] * films,
        [f"film{i}" for i in range(films)],
        rng.integers(0, 256, (films, size, size), dtype=np.uint8),
        rng.integers(0, 2, (films, size, size), dtype=np.uint8),
    )
    choices = Training(epochs=2, batch_size=batch, precision=precision)  # type: ignore[arg-type]
    device = start("cpu", 1)
    with tempfile.TemporaryDirectory() as folder:
        recipe = Recipe("bench", variant, choices, 0, "", None, checkpoint_seconds=0)
        network = train_run(recipe, part, part, device, Path(folder), lambda epochs, *_: epochs)
    return {
        "parameters": sum(tensor.numel() for tensor in network.parameters()),
        "arithmetic": arithmetic(torch.device("cpu"), precision),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6),
    }


def cases() -> Iterator[tuple[str, Variant, int, int, str]]:
    """Network, side in px, films a step and precision of each training."""
    for precision in PRECISIONS:
        for size in SIZES:
            for name, variant in NETWORKS.items():
                yield name, variant, size, BATCH, precision
        for case in OTHERS:
            yield *case, precision


def main() -> pd.DataFrame:
    """All in turn."""
    os.environ |= KEEP_BLOCKS
    rows = []
    for name, variant, size, batch, precision in cases():
        with get_context("spawn").Pool(1) as pool:
            found = pool.apply(train, (variant, size, batch, precision))
        rows.append({"network": name, "size": size, "batch": batch, "precision": precision} | found)
        print(rows[-1], file=sys.stderr, flush=True)
    return pd.DataFrame(rows).assign(code=MEASURED)


if __name__ == "__main__":
    result = main()
    OUTPUT.parent.mkdir(exist_ok=True)
    result.to_csv(OUTPUT, index=False)
    print(result.to_string(index=False))
