"""Does bfloat16 learn what float32 learns? The same seeds trained in both, compared on films none of them saw.

    python -m bench.precision      two minutes; writes bench/results/precision.csv

U-Net with MobileNetV2, drawn films of 64 px. `ratio` is bfloat16's Dice over float32's, its limits the 95% interval of
the paired difference over seeds (t) over float32's mean. The goal stands for the interval's lower end: bfloat16 loses
less than the margin of equivalence, 0.005 Dice.
"""

import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

import numpy as np
import torch
from scipy.stats import ttest_rel

from bench.timing import write
from lungseg.data.films import Part
from lungseg.data.images import Film, resize
from lungseg.data.phantom import draw
from lungseg.learning.stepper import computes_bfloat16
from lungseg.learning.training import Examples, fit, start, validate
from lungseg.networks.build import build
from lungseg.recipe import Training, Variant

MARGIN = 0.005  # of Dice, as plans declare it
SIZE, TRAIN, VALIDATION, TEST, SEEDS = 64, 96, 24, 60, 8
RECIPE = Training(epochs=10, batch_size=8)
VARIANT = Variant(encoders=("mobilenetv2",))


def examples(first: int, number: int) -> Examples:
    """Drawn films."""
    drawn = [draw(f"film{i}", np.random.default_rng(i), i % 2 == 0) for i in range(first, first + number)]
    films = [resize(Film(film.image, film.mask), SIZE) for film in drawn]
    images, masks = np.stack([film.image for film in films]), np.stack([film.mask for film in films]).astype(np.uint8)
    return Examples.of(Part([], [], images, masks), torch.device("cpu"))


def dice(seed: int, precision: str) -> float:
    """Mean test Dice of a training, tested in the arithmetic it was trained in."""
    start("cpu", 1)
    recipe, network = RECIPE.model_copy(update={"precision": precision}), build(VARIANT, seed)
    train, validation = examples(0, TRAIN), examples(TRAIN, VALIDATION)
    for _ in fit(network, train, validation, recipe, seed, None):
        pass
    return validate(network, examples(TRAIN + VALIDATION, TEST), recipe)[1]


def main() -> list[dict[str, object]]:
    """All seeds in both."""
    found = {}
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        for precision in ("bfloat16", "float32"):
            found[precision] = np.array(list(pool.map(partial(dice, precision=precision), range(SEEDS))))
    ours, other = found["bfloat16"], found["float32"]
    low, high = ttest_rel(ours, other).confidence_interval()
    print(
        f"Dice of each seed: bfloat16 {ours.round(4)}, float32 {other.round(4)}, difference {low:+.4f} to {high:+.4f}"
    )
    mean = float(other.mean())
    return [{
        "case": f"Dice after training, bfloat16 against float32, {SEEDS} seeds", "ours": float(ours.mean()),
        "other": mean, "unit": "Dice", "ratio": float(ours.mean()) / mean, "ratio_low": 1 + low / mean,
        "ratio_high": 1 + high / mean, "goal": 1 - MARGIN / mean, "met": bool(low > -MARGIN),
    }]  # fmt: skip


if __name__ == "__main__":
    if not computes_bfloat16(torch.device("cpu")):
        sys.exit(print("bench.precision: this processor has no bfloat16 arithmetic, so there is nothing to compare"))
    write("precision", main())
