"""Films a second of prediction on a CPU: ours against plain float32 PyTorch and against ONNX Runtime.

    python -m bench.inference      four minutes; writes bench/results/inference.csv

All cores, 256 px, batches of 8. Each network takes a few training steps on films of half the size first, so that its
answers are not noise; the probabilities of lung of all three must agree within TOLERANCE on average over pixels.
"""

import io

import numpy as np
import torch
from torch import nn

from bench.loops import NETWORKS, plain
from bench.timing import in_turn, write
from lungseg.data.images import Film, resize
from lungseg.data.phantom import draw
from lungseg.learning.augmentation import DRAWS
from lungseg.learning.inference import predict
from lungseg.learning.optimisers import optimiser
from lungseg.learning.stepper import Stepper
from lungseg.networks.build import build
from lungseg.onnx_runtime import runtime
from lungseg.recipe import Training

onnxruntime = runtime()
SIZE, FILMS, BATCH, TURNS, STEPS, GOAL, TOLERANCE = 256, 8, 8, 5, 4, 1.5, 0.01


def films() -> tuple[np.ndarray, np.ndarray]:
    """Drawn films and masks."""
    drawn = [draw(f"film{i}", np.random.default_rng(i), abnormal=False) for i in range(FILMS)]
    small = [resize(Film(film.image, film.mask), SIZE) for film in drawn]
    return np.stack([film.image for film in small]), np.stack([film.mask for film in small])


def warmed_up(name: str, images: np.ndarray, masks: np.ndarray) -> nn.Module:
    """A network after a few steps."""
    network, recipe = build(NETWORKS[name], 0).to(memory_format=torch.channels_last).train(), Training()
    pixels, truth = (torch.from_numpy(array[:, None, ::2, ::2].astype(np.uint8)) for array in (images, masks))
    stepper = Stepper(network, optimiser(network, recipe), pixels, truth, recipe)
    for step in range(STEPS):
        index = (torch.arange(BATCH) + BATCH * step) % FILMS
        stepper(index, torch.rand(BATCH, DRAWS) * 2 - 1, torch.tensor(0.001))
    return network


@torch.inference_mode()
def in_float32(network: nn.Module, images: np.ndarray) -> np.ndarray:
    """Plain PyTorch."""
    return np.concatenate([network(batch)[:, 0].numpy() for batch in torch.from_numpy(scaled(images)).split(BATCH)])


def scaled(images: np.ndarray) -> np.ndarray:
    """What the networks take."""
    return (images[:, None] / np.float32(127.5) - 1).astype(np.float32)


def exported(network: nn.Module) -> onnxruntime.InferenceSession:
    """The network in ONNX Runtime."""
    buffer = io.BytesIO()
    torch.onnx.export(network, (torch.zeros(BATCH, 1, SIZE, SIZE),), buffer, dynamo=False, input_names=["x"])
    return onnxruntime.InferenceSession(buffer.getvalue(), providers=["CPUExecutionProvider"])


def in_onnx(session: onnxruntime.InferenceSession, images: np.ndarray) -> np.ndarray:
    """ONNX Runtime."""
    batches = np.split(scaled(images), len(images) // BATCH)
    return np.concatenate([session.run(None, {"x": batch})[0][:, 0] for batch in batches])


def main() -> list[dict[str, object]]:
    """Every network against both."""
    images, masks = films()
    rows = []
    for name in NETWORKS:
        network = warmed_up(name, images, masks).eval()
        other = plain(build(NETWORKS[name], 0)).eval()
        other.load_state_dict(network.state_dict())
        session = exported(other)
        found = predict(network, images, BATCH, "bfloat16").astype(np.float32)
        for theirs, label in ((in_float32(other, images), "PyTorch float32"), (in_onnx(session, images), "ONNX")):
            apart = np.abs(1 / (1 + np.exp(-found)) - 1 / (1 + np.exp(-theirs)))
            flipped = ((found > 0) != (theirs > 0)).mean()
            print(f"{name}, {label}: probability {apart.mean():.5f} apart, at most {apart.max():.4f}; "
                  f"{flipped:.3%} of pixels change sides")  # fmt: skip
            assert apart.mean() < TOLERANCE, apart.mean()
        pieces = {
            "plain float32 PyTorch": lambda other=other: in_float32(other, images),
            "ONNX Runtime, float32": lambda session=session: in_onnx(session, images),
        }
        for label, work in pieces.items():
            pair = (lambda network=network: predict(network, images, BATCH, "bfloat16"), work)
            rows.append(in_turn(f"{name}, against {label}", [pair] * TURNS, "ms a film", 1000 / FILMS, GOAL))
    return rows


if __name__ == "__main__":
    write("inference", main())
