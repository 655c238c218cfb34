"""Bundles of runs that nobody trained, for timing what comes after a training: true masks, made wrong a little."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageFilter
from tqdm import tqdm

from lungseg.config import Experiment
from lungseg.data.films import Part
from lungseg.data.opened import OpenPart, batches, open_part
from lungseg.learning.bundles import planned, predicted_parts
from lungseg.learning.run_files import CARD, HISTORY, PREDICTIONS
from lungseg.learning.stored_predictions import encode, predicted_films, tested, write_predictions
from lungseg.learning.training import Epoch, write_history
from lungseg.learning.weights import describe_run
from lungseg.networks.build import build

BATCH = 16  # films
SOFT, SURE = 1 / 128, 24.0  # width of the outline's slope, as a share of the side; its height, in logits
WRONG, COARSE = 2.0, 24  # standard deviation of what is added, in logits, and the side of the square it is drawn on
EPOCHS = [Epoch(n, 1e-3, 1 / n, 1 / n, 1 - 0.1 / n, 1 - 0.05 / n, 10.0, 100.0) for n in range(1, 21)]


def write_bundles(folder: Path, experiment: Experiment, root: Path, code: str) -> None:
    """Write a bundle for every planned run that has none there.

    Args:
        folder: Where to, as the config's key `bundles` wants it.
        experiment: What is planned; its films are prepared and split.
        root: The folder of the project that prepared them.
        code: Fingerprint of the training code, for the cards.
    """
    described: dict[str, dict[str, Any]] = {}
    for run in tqdm(planned(experiment), desc="stand-ins", unit="run"):
        place = folder / "runs" / run.name
        if (place / PREDICTIONS).is_file():
            continue
        place.mkdir(parents=True, exist_ok=True)
        names = predicted_parts(experiment, run.train_on)
        parts = {name: _open(name, experiment.datasets, experiment, root) for name in names}
        own = {
            name: _open(name, experiment.train_on[run.train_on], experiment, root) for name in ("train", "validation")
        }
        if run.variant not in described:
            described[run.variant] = _described(run.variant, experiment, own["train"])
        facts = {"run": run.name, "identity": "", "code": code, "commit": None, "starts": {}, "loaded": {}}
        card = facts | {"films": {name: part.sha256() for name, part in own.items()}, "weights_sha256": ""}
        (place / CARD).write_text(json.dumps(card | described[run.variant]), encoding="utf-8")
        write_history(EPOCHS, place / HISTORY)
        answers = _answers(parts, np.random.default_rng([run.seed, *run.variant.encode()]))
        made = encode(run.variant, run.seed, answers, tested(parts))
        write_predictions(place / PREDICTIONS, [made], predicted_films(parts))


def _open(part: str, datasets: list[str], experiment: Experiment, root: Path) -> OpenPart:
    data, results = (root / experiment.folder(name) for name in ("data", "results"))
    pixels = [data / f"processed/{dataset}.npy" for dataset in datasets]
    tables, splits = ([results / f"{kind}/{dataset}.csv" for dataset in datasets] for kind in ("images", "splits"))
    return open_part(part, pixels, tables, splits)


def _described(variant: str, experiment: Experiment, train: OpenPart) -> dict[str, Any]:
    """What the card of a trained run says of its network."""
    chosen, size = experiment.variants[variant], experiment.preprocessing.size
    none = np.zeros((0, size, size), np.uint8)
    films = Part(train.dataset, train.image_id, none, none)
    return describe_run(build(chosen, 0), chosen, experiment.trained_as(variant), EPOCHS, films)


def _answers(parts: Mapping[str, OpenPart], rng: np.random.Generator) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for _, masks in batches(list(parts.values()), BATCH):
        yield np.stack([made_up(mask, rng) for mask in masks]), masks


def made_up(mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Logits of one film: they fall from lung to no lung over some pixels; slow noise moves outlines, makes islands.

    Args:
        mask: 0 or 1, on the network's square.
        rng: Of what is wrong.
    """
    side = len(mask)
    blurred = Image.fromarray(mask * np.uint8(255)).filter(ImageFilter.BoxBlur(SOFT * side))
    noise = Image.fromarray(rng.standard_normal((COARSE, COARSE), dtype=np.float32))
    wrong = noise.resize((side, side), Image.Resampling.BICUBIC)
    slope = SURE * (np.asarray(blurred, dtype=np.float32) / 255 - 0.5)
    return (slope + WRONG * np.asarray(wrong)).astype(np.float16)
