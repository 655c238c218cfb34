"""What each measure that makes training faster is worth: ours against ours without it.

    python -m bench.optimisations      three minutes; writes bench/results/optimisations.csv

The plain U-Net and that with MobileNetV2, eight films of 128 px a step, as the rule `train` runs them on a CPU: as many
trainings side by side as there are cores. The limits of a ratio are those of its rounds.
"""

import json
import os
import subprocess
import sys
import tempfile
from itertools import product
from pathlib import Path
from statistics import median

import torch
from tqdm import tqdm

from bench.films import write_films
from bench.loops import BATCH, NETWORKS, clocked, plain, step
from bench.timing import write
from bench.training import FILMS
from lungseg.learning.memory import KEEP_BLOCKS
from lungseg.learning.training import start
from lungseg.networks.build import build

SIZE, ROUNDS, CHOSEN = 128, 2, ["unet", "unet_mobilenetv2"]
FILMS_A_STEP = BATCH // 2
LAYERS, FILLING, THREADS, MEMORY = MEASURES = [
    "layers computed our own way",
    "new memory not filled with NaN",
    "a thread for each of two trainings, not two for one",
    "freed memory kept",
]


def measure(without: str, folder: Path) -> dict[str, float]:
    """Films a second of one process for each network."""
    start("cpu", (os.cpu_count() or 1) if without == THREADS else 1)
    torch.utils.deterministic.fill_uninitialized_memory = without == FILLING  # type: ignore[attr-defined]
    found = {}
    for name in CHOSEN:
        network = build(NETWORKS[name], 0)
        whole, _ = step(plain(network) if without == LAYERS else network, folder, SIZE, FILMS_A_STEP)
        found[name] = FILMS_A_STEP / median(clocked(whole))
    return found


def side_by_side(without: str, folder: Path) -> dict[str, float]:
    """Films a second of all processes together."""
    environment = {key: value for key, value in os.environ.items() if key not in KEEP_BLOCKS}
    environment |= {} if without == MEMORY else KEEP_BLOCKS
    command = [sys.executable, "-m", "bench.optimisations", without, str(folder)]
    started = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for _ in range(1 if without == THREADS else os.cpu_count() or 1)
    ]
    rows = [json.loads(child.communicate()[0].splitlines()[-1]) for child in started]
    return {name: sum(row[name] for row in rows) for name in CHOSEN}


def main() -> list[dict[str, object]]:
    """With and without, in turn."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in ["", *MEASURES]}
    with tempfile.TemporaryDirectory() as place:
        write_films(Path(place), FILMS, (512, 512), noise=2)
        for _, name in tqdm(list(product(range(ROUNDS), found)), unit="side"):
            found[name].append(side_by_side(name, Path(place)))
    rows = []
    for network, name in product(CHOSEN, MEASURES):
        one, two = [row[network] for row in found[""]], [row[network] for row in found[name]]
        ratios = [a / b for a, b in zip(one, two, strict=True)]
        rows.append({
            "case": f"{network}:{SIZE} px, {name}", "ours": median(one), "other": median(two), "unit": "films/s",
            "ratio": median(ratios), "ratio_low": min(ratios), "ratio_high": max(ratios), "goal": None, "met": None,
        })  # fmt: skip
    return rows


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(measure(sys.argv[1], Path(sys.argv[2]))))
    else:
        write("optimisations", main())
