"""Training loops to compare, each in a process of its own: ours, a tutorial's, and Lightning's.

    python -m bench.loops ours|tutorial|lightning FOLDER CASE...      a CASE is NETWORK:PX; prints one line of JSON

All train the same networks on the same films (PNG files of 512 px in FOLDER). Ours reads them once and augments; the
others read and scale them in the workers of a DataLoader, as tutorials of segmentation-models-pytorch do, and do not
augment. They get the networks without our own way of computing some layers.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import segmentation_models_pytorch as smp
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from lungseg.learning.augmentation import DRAWS, augment
from lungseg.learning.costs import gflops
from lungseg.learning.optimisers import optimiser
from lungseg.learning.stepper import Stepper, arithmetic, normalise
from lungseg.learning.training import start
from lungseg.networks.build import build
from lungseg.networks.cpu_layers import Dropout, StridedDepthwise, UpConvolution
from lungseg.recipe import Training, Variant

GPU = torch.cuda.is_available()
DEVICE = torch.device("cuda" if GPU else "cpu")
ARITHMETIC = arithmetic(DEVICE, "bfloat16")  # of ours and of Lightning: float32 where the device has no bfloat16
BATCH = 16 if ARITHMETIC == "bfloat16" else 4
PIXELS = None if GPU else BATCH * 128**2  # of a batch on a CPU, where a step of 16 films of 256 px takes half a minute
WARM_UP, SECONDS, MOST = 2, 2.5, 10  # times not counted; then seconds of a measurement, and its times
PRODUCTS = 2  # measurements of the peak, whose best counts
STEPS = 20 if GPU else 1  # behind one time: a GPU works through a queue, and is waited for at its end
WORKERS = min(os.cpu_count() or 1, 8)
NETWORKS = {
    "unet": Variant(width=64),
    "unet_mobilenetv2": Variant(encoders=("mobilenetv2",)),
    "unet_inceptionresnetv2": Variant(encoders=("inceptionresnetv2",)),
    "proposed": Variant(encoders=("mobilenetv2", "inceptionresnetv2"), meta_learner=True),
}
OWN = {StridedDepthwise: nn.Conv2d, Dropout: nn.Dropout, UpConvolution: nn.ConvTranspose2d}

Seconds = list[float]
Work = Callable[[], object]


def read(path: Path, size: int) -> np.ndarray:
    """A PNG file at a size."""
    return np.asarray(Image.open(path).convert("L").resize((size, size)))


class Films(Dataset[tuple[Tensor, Tensor]]):
    """Films and masks out of their files, again and again."""

    def __init__(self, folder: Path, size: int, number: int) -> None:
        self.paths, self.size, self.number = sorted(folder.glob("*.film.png")), size, number

    def __len__(self) -> int:
        return self.number

    def __getitem__(self, number: int) -> tuple[Tensor, Tensor]:
        path = self.paths[number % len(self.paths)]
        film, mask = read(path, self.size), read(path.with_name(path.name.replace("film", "mask")), self.size)
        return torch.from_numpy(film / np.float32(255))[None], torch.from_numpy(mask > 127)[None].float()


def loader(folder: Path, size: int, batch: int) -> DataLoader[tuple[Tensor, Tensor]]:
    """As a tutorial would."""
    films = Films(folder, size, batch * (WARM_UP + MOST + 1) * STEPS)
    return DataLoader(films, batch_size=batch, shuffle=True, num_workers=WORKERS, persistent_workers=True)


def plain(network: nn.Module) -> nn.Module:
    """The network without our own way of computing some of its layers, its activations in place."""
    for module in network.modules():
        if type(module) in OWN:
            module.__class__ = OWN[type(module)]
        if isinstance(module, nn.ReLU | nn.ReLU6):
            module.inplace = True
    return network


class Loss(nn.Module):
    """Binary cross-entropy plus Dice, from segmentation-models-pytorch."""

    def __init__(self) -> None:
        super().__init__()
        self.entropy, self.dice = nn.BCEWithLogitsLoss(), smp.losses.DiceLoss("binary")

    def forward(self, logits: Tensor, masks: Tensor) -> Tensor:
        """Of a batch."""
        return self.entropy(logits, masks) + self.dice(logits, masks)


def enough(times: Seconds, warm_up: int = WARM_UP) -> bool:
    """Whether a measurement is long enough."""
    counted = times[warm_up:]
    return sum(counted) > SECONDS or len(counted) >= MOST


def wait() -> None:
    """For the queue of a GPU."""
    if GPU:
        torch.cuda.synchronize()


def step(network: nn.Module, folder: Path, size: int, batch: int = BATCH) -> tuple[Work, Work]:
    """A step of this package, and what of it is data and augmentation."""
    recipe = Training()
    paths = sorted(folder.glob("*.film.png"))
    images = torch.from_numpy(np.stack([read(path, size) for path in paths]))[:, None]
    masks = (
        torch.from_numpy(np.stack([read(Path(str(p).replace("film", "mask")), size) for p in paths]))[:, None] // 255
    )
    images, masks = images.to(DEVICE), masks.to(DEVICE)
    network.to(DEVICE, memory_format=torch.channels_last).train()
    stepper = Stepper(network, optimiser(network, recipe), images, masks, recipe)
    index = torch.from_numpy(np.random.default_rng(0).permutation(len(images))[:batch]).to(DEVICE)
    draws = (torch.rand(batch, DRAWS) * 2 - 1).to(DEVICE)
    rate = torch.tensor(recipe.learning_rate, device=DEVICE)
    return (
        lambda: stepper(index, draws, rate),
        lambda: normalise(augment(images[index], masks[index], draws)[0]),
    )


def ours(network: nn.Module, folder: Path, size: int, batch: int = BATCH) -> dict[str, Any]:
    """Steps of this package, the share of data and augmentation in them, and the operations of a film's step."""
    # The way back takes twice the way forward. Counted on it, a depthwise convolution has operations of a full one.
    flops = 3e9 * float(gflops(network, size) or "nan")
    whole, prepare = step(network, folder, size, batch)
    times = clocked(whole)
    share = median(clocked(prepare)) / median(times)
    return {"seconds": times, "flops": flops, "preparing": share, "peak": peak()}


def clocked(work: Work, warm_up: int = WARM_UP) -> Seconds:
    """Seconds of a piece of work, as often as a measurement wants it."""
    times = Seconds()
    while not enough(times, warm_up):
        begin = time.perf_counter()
        for _ in range(STEPS):
            work()
        wait()
        times.append((time.perf_counter() - begin) / STEPS)
    return times[warm_up:]


def peak() -> float:
    """Operations a second of a matrix product: the best of some."""
    side = 8192 if GPU else 2048
    x = torch.randn(side, side, dtype=getattr(torch, ARITHMETIC), device=DEVICE)
    return 2 * len(x) ** 3 / min(min(clocked(lambda: x @ x)) for _ in range(PRODUCTS))


def tutorial(network: nn.Module, folder: Path, size: int, batch: int = BATCH) -> dict[str, Any]:
    """The loop that tutorials show: PNG files, a DataLoader, float32."""
    network, loss, batches = plain(network).to(DEVICE).train(), Loss(), iter(loader(folder, size, batch))
    optimiser = torch.optim.Adam(network.parameters(), lr=0.001)

    def step() -> None:
        images, masks = (part.to(DEVICE) for part in next(batches))
        optimiser.zero_grad()
        loss(network(images), masks).backward()
        optimiser.step()

    return {"seconds": clocked(step, warm_up=1)}  # it gives memory back, and takes it anew in every step


def with_lightning(network: nn.Module, folder: Path, size: int, batch: int = BATCH) -> dict[str, Any]:
    """Lightning's Trainer with channels_last, and bfloat16 where the device has it."""
    from bench.lightning_loop import train  # its import takes longer than that of all else here

    return {"seconds": train(network, loader(folder, size, batch))}


SIDES = {"ours": ours, "tutorial": tutorial, "lightning": with_lightning}


def cases(side: str, folder: Path, names: list[str]) -> Iterator[dict[str, Any]]:
    """Measure one case after the other."""
    for name in names:
        network, size = name.split(":")
        batch = PIXELS // int(size) ** 2 if PIXELS else BATCH
        measured = SIDES[side](build(NETWORKS[network], 0), folder, int(size), batch)
        yield {"case": name, "batch": batch} | measured


if __name__ == "__main__":
    if sys.argv[1] == "ours":
        start("auto", 1)
    print(json.dumps(list(cases(sys.argv[1], Path(sys.argv[2]), sys.argv[3:]))))
