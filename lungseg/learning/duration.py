r"""How long a training may take at most, foretold without torch, for a scheduler that wants to know.

.. math:: minutes = 15 + \frac{films \cdot epochs \cdot activations \cdot side^2}{speed}

with a network's activations from `memory`. The speed of a CPU is below that of the median seed of every network in
results/ (one thread); that of a GPU is a guess, a twentieth of what one should do. A training that takes longer is
stopped with a checkpoint, and a further attempt has more time.
"""

from lungseg.learning.memory import FILMS, cost
from lungseg.recipe import Training, Variant

START = 15.0  # minutes to load torch and films, and to write weights
CPU, GPU = 4e8, 1e10  # activation bytes per second


def training_minutes(variant: Variant, training: Training, size: int, on_gpu: bool = False) -> int:
    """Most minutes that a training should take.

    Args:
        variant: Its network.
        training: Its choices.
        size: Side of its films in px.
        on_gpu: It computes on a GPU.
    """
    films = FILMS * training.epochs if training.epochs else training.batch_size * (training.steps or 0)
    work = films * cost(variant).activations * size**2
    return round(START + work / (GPU if on_gpu else CPU) / 60)
