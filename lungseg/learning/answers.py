"""What a finished run says of one square after the other, for films that come from outside."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn

from lungseg.errors import InputError
from lungseg.files import AGAIN
from lungseg.learning.run_files import CARD, WEIGHTS
from lungseg.learning.stepper import normalise
from lungseg.learning.weights import load_network
from lungseg.shapes import Float, UInt8

BRING = (
    "Keep it, and bring the run's own files: from a copy, by `dvc pull`, or by training it again with snakemake. No "
    "other command makes them."
)
Answer = Callable[[UInt8[np.ndarray, "size size"]], Float[np.ndarray, "size size"]]


def network_of(folder: Path) -> nn.Module:
    """The network of a finished run.

    Args:
        folder: With its weights and card.

    Raises:
        InputError: They are damaged, or of two runs.
    """
    try:
        return load_network(folder / WEIGHTS, folder / CARD).eval()
    except InputError as error:
        if error.remedy != AGAIN:  # which holds for jobs of the workflow: there the run is trained again
            raise
        raise InputError(error.where, error.found, error.expected, BRING) from error


def answers(folder: Path) -> Answer:
    """Grey to logits, in float32 and on one core, whatever the run was trained with.

    Args:
        folder: With its weights and card.
    """
    network = network_of(folder)
    torch.set_num_threads(1)  # films stand side by side; layers that wait for each other would be slower

    @torch.inference_mode()
    def logits(square: UInt8[np.ndarray, "size size"]) -> Float[np.ndarray, "size size"]:
        return network(normalise(torch.tensor(square)[None, None]))[0, 0].numpy()

    return logits
