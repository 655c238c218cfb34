"""Training on a GPU: captured steps, trainings side by side, against Lightning, and the reference experiment's time.

    python -m bench.gpu      about eight minutes on one GPU; writes bench/results/gpu.csv

Every network at 256 px, bfloat16: one training alone, then several side by side on the one card, each in a process of
its own as the DAG runs them with `--resources gpu=N`. The last row adds up the whole reference experiment (variants,
training sets, seeds and epochs, at the best measured rate of each network) without start-up and validation.
"""

import sys
import tempfile
from pathlib import Path
from statistics import median

import torch
import yaml
from tqdm import tqdm

from bench.films import write_films
from bench.loops import ARITHMETIC
from bench.timing import write
from bench.training import FILMS, NETWORKS, Found, compared, run

SIZE, SIDE_BY_SIDE, ROUNDS = 256, [1, 2, 4], 2
GOAL_LIGHTNING, GOAL_MINUTES = 3, 40
TRAINING_FILMS = {"montgomery": 96, "shenzhen": 396, "jsrt": 172, "nlm": 492, "pooled": 664}
ROOT = Path(__file__).parents[1]


def reference(best: dict[str, float]) -> dict[str, object]:
    """Minutes of all trainings of config/config.yaml at these films a second."""
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    films = sum(TRAINING_FILMS[name] for name in config["train_on"]) * config["training"]["epochs"]
    minutes = sum(films * len(config["seeds"]) / best[name] for name in config["variants"]) / 60
    return {
        "case": "reference experiment, steps alone", "ours": minutes, "other": GOAL_MINUTES,
        "unit": "minutes", "ratio": minutes / GOAL_MINUTES, "ratio_low": minutes / GOAL_MINUTES,
        "ratio_high": minutes / GOAL_MINUTES, "goal": 1, "met": minutes <= GOAL_MINUTES,
    }  # fmt: skip


def main() -> list[dict[str, object]]:
    """All in turn."""
    cases = [f"{network}:{SIZE}" for network in NETWORKS]
    ours: dict[int, list[Found]] = {number: [] for number in SIDE_BY_SIDE}
    other: list[Found] = []
    with tempfile.TemporaryDirectory() as place:
        write_films(Path(place), FILMS, (512, 512), noise=2)
        for _ in tqdm(range(ROUNDS), unit="round"):
            for number in SIDE_BY_SIDE:
                ours[number].append(run("ours", Path(place), cases, keep=True, processes=number))
            other.append(run("lightning", Path(place), cases, keep=True))
    rows = []
    for number, found in ours.items():
        name = f"{number} side by side, against Lightning with {ARITHMETIC} and channels_last"
        rows += compared(name, found, other, dict.fromkeys(cases, GOAL_LIGHTNING))
    speeds = {name: [median(found[f"{name}:{SIZE}"]["speed"] for found in ours[n]) for n in ours] for name in NETWORKS}
    return [*rows, reference({name: max(speed) for name, speed in speeds.items()})]


if __name__ == "__main__":
    if not torch.cuda.is_available():
        sys.exit("bench.gpu needs a GPU that torch can use; python -m bench.training measures a CPU.")
    write("gpu", main(), torch.cuda.get_device_name())
