"""A small network trained on drawn films in seconds, as a run's folder: what tests export and segment with."""

from pathlib import Path

import numpy as np
import torch

from lungseg.data.images import Film, resize
from lungseg.data.phantom import draw
from lungseg.learning.losses import loss_per_image
from lungseg.learning.run_files import CARD, WEIGHTS
from lungseg.learning.stepper import normalise
from lungseg.learning.weights import save_network
from lungseg.networks.build import build
from lungseg.recipe import Training, Variant

SIZE, FILMS, STEPS, BATCH = 64, 24, 140, 12
VARIANT = Variant(width=6)


def train(folder: Path, seed: int = 0, facts: dict[str, object] | None = None) -> Path:
    """Train a run and write its weights and card.

    Args:
        folder: Gets `{seed}/weights.safetensors` and the card.
        seed: Of the start and the order.
        facts: Of the card, besides those that every run has; None names how the films were squared.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # two that wait for each other on a busy machine take ten times as long
    drawn = [resize(Film(film.image, film.mask), SIZE) for film in map(_film, range(FILMS))]
    images = normalise(torch.from_numpy(np.stack([film.image for film in drawn])[:, None]))
    masks = torch.from_numpy(np.stack([film.mask for film in drawn])[:, None].astype(np.float32))
    network = build(VARIANT, seed).train().to(memory_format=torch.channels_last)
    optimiser = torch.optim.Adam(network.parameters(), 0.005)
    generator = torch.Generator().manual_seed(seed)
    for _ in range(STEPS):
        chosen = torch.randperm(FILMS, generator=generator)[:BATCH]
        films = images[chosen].contiguous(memory_format=torch.channels_last)
        loss = loss_per_image(network(films), masks[chosen]).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    torch.set_num_threads(threads)
    run = folder / f"unet/drawn/seed{seed}"
    run.mkdir(parents=True)
    card = {"run": f"unet/drawn/seed{seed}", "size": SIZE, "training": Training().model_dump(mode="json")}
    card |= {"variant": VARIANT.model_dump(mode="json")} | ({"frame": "stretch"} if facts is None else facts)
    save_network(network, run / WEIGHTS, run / CARD, card)
    return run


def _film(number: int):  # noqa: ANN202 - a Radiograph
    return draw(f"film{number}", np.random.default_rng([7, number]), abnormal=number % 3 == 2)
