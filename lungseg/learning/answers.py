"""What a finished run says of one square after the other, for films that come from outside."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from lungseg.learning.run_files import CARD, WEIGHTS
from lungseg.learning.stepper import normalise
from lungseg.learning.weights import load_network
from lungseg.shapes import Float, UInt8

Answer = Callable[[UInt8[np.ndarray, "size size"]], Float[np.ndarray, "size size"]]


def answers(folder: Path) -> Answer:
    """Grey to logits, in float32 and on one core, whatever the run was trained with.

    Args:
        folder: With its weights and card.
    """
    network = load_network(folder / WEIGHTS, folder / CARD).eval()
    torch.set_num_threads(1)  # films stand side by side; layers that wait for each other would be slower

    @torch.inference_mode()
    def logits(square: UInt8[np.ndarray, "size size"]) -> Float[np.ndarray, "size size"]:
        return network(normalise(torch.tensor(square)[None, None]))[0, 0].numpy()

    return logits
