"""HD95, ASSD and NSD of many masks: one pass of ours against MONAI called for each metric.

    python -m bench.scoring      about three minutes; writes bench/results/scoring.csv

951 drawn masks, as many as the three data sets have, at 256 and 1024 px; the predictions are moved and eroded, and
every third has scattered false islands. Before the clock starts the digits are compared.
"""

import warnings

import numpy as np
import torch
from monai import metrics
from PIL import Image
from scipy.ndimage import binary_erosion, shift
from tqdm import tqdm

from bench.timing import in_turn, write
from lungseg.data.phantom import draw
from lungseg.scores.boundary import TOLERANCE_PX, boundary

FILMS, CHUNK, GOAL, WITHIN = 951, 60, 2, 1e-6
DRAWN, WRONG = 40, 200  # anatomies, and predictions of them; used again until there are enough films

Pair = tuple[np.ndarray, np.ndarray]


def pairs(side: int) -> list[Pair]:
    """Predictions and truths."""
    masks = [draw(f"film{i}", np.random.default_rng(i), abnormal=False).mask for i in range(DRAWN)]
    truths = [np.asarray(Image.fromarray(mask).resize((side, side))) for mask in masks]
    drawn = [(_prediction(truths[i % DRAWN], i), truths[i % DRAWN]) for i in tqdm(range(WRONG), desc=f"draw {side}")]
    return [drawn[i % WRONG] for i in range(FILMS)]


def _prediction(truth: np.ndarray, number: int) -> np.ndarray:
    rng, side = np.random.default_rng(number), len(truth)
    moved = shift(truth.astype(np.uint8), rng.integers(-side // 64, side // 64 + 1, 2), order=0) > 0
    wrong = binary_erosion(moved, iterations=int(rng.integers(1, side // 64 + 1)))
    for top, left in rng.integers(0, side - 8, (5 * (number % 3 == 0), 2)):
        wrong[top : top + 6, left : left + 6] = True
    return wrong


def ours(chunk: list[Pair]) -> np.ndarray:
    """HD95, ASSD and NSD of each pair."""
    found = [boundary(prediction, truth, (1, 1), TOLERANCE_PX) for prediction, truth in chunk]
    return np.array([[one.hd95, one.assd, one.nsd] for one in found])


def theirs(chunk: list[Pair]) -> np.ndarray:
    """The same from MONAI, metric by metric."""
    rows = []
    for pair in chunk:
        one, two = (torch.from_numpy(mask)[None, None] for mask in pair)
        rows.append([
            float(metrics.compute_hausdorff_distance(one, two, include_background=True, percentile=95)),
            float(metrics.compute_average_surface_distance(one, two, include_background=True, symmetric=True)),
            float(metrics.compute_surface_dice(one, two, [TOLERANCE_PX], include_background=True)),
        ])  # fmt: skip
    return np.array(rows)


def main() -> list[dict[str, object]]:
    """Both sizes."""
    rows = []
    for side in (256, 1024):
        films = pairs(side)
        apart = np.abs(ours(films[:CHUNK]) - theirs(films[:CHUNK])).max(axis=0)
        eps = np.finfo(np.float32).eps * side  # MONAI keeps distances in 32 bits
        assert (apart <= WITHIN + eps).all(), apart
        print(f"{side} px: HD95, ASSD, NSD differ by at most {apart}")
        chunks = [films[i : i + CHUNK] for i in range(0, FILMS, CHUNK)]
        pieces = [(lambda c=c: ours(c), lambda c=c: theirs(c)) for c in chunks[:-1]]
        rows.append(in_turn(f"HD95, ASSD, NSD at {side} px", pieces, "ms a mask", 1000 / CHUNK, GOAL))
    return rows


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    write("scoring", main())
