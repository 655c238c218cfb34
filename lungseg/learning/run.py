"""One run from its films to its files, in whatever process it is trained."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from lungseg.data.films import Part
from lungseg.errors import InputError
from lungseg.learning.run_files import CARD, CHECKPOINT, HISTORY, PROGRESS, WEIGHTS
from lungseg.learning.stepper import arithmetic
from lungseg.learning.training import Checkpoint, Epoch, Examples, diverged, fit, identity, recorded, write_history
from lungseg.learning.weights import describe_run, save_network, starts
from lungseg.networks.build import build
from lungseg.networks.starts import loaded
from lungseg.recipe import Training, Variant


@dataclass(frozen=True)
class Recipe:
    """What a run is made of, besides its films.

    Args:
        name: `{variant}/{train_on}/seed{seed}`.
        variant: Its network.
        training: The named choices.
        seed: Of start, order, augmentation and dropout.
        code: Fingerprint of the training code.
        commit: That holds this code; None where git does not know.
        checkpoint_seconds: Least time between two checkpoints.
        arithmetic: Of the runs that it will stand beside; None where it is the first.
    """

    name: str
    variant: Variant
    training: Training
    seed: int
    code: str
    commit: str | None
    checkpoint_seconds: float
    arithmetic: str | None = None


def train_run(
    recipe: Recipe,
    train: Part,
    validation: Part,
    device: torch.device,
    folder: Path,
    follow: Callable[[Iterator[Epoch], int, str], Iterable[Epoch]],
) -> nn.Module:
    """Train a run, or go on with it, and write its weights, card and history.

    Args:
        recipe: What to train.
        train: Films to learn from.
        validation: Films that choose the epoch.
        device: Where; as from `training.start`.
        folder: For the files. A checkpoint in it is taken up, and gone at the end with progress.csv.
        follow: Is given the epochs as they come, their number and the run's name, and passes them on. An error that it
            raises between two epochs ends the training with a checkpoint.

    Returns:
        The trained network.

    Raises:
        InputError: This device computes otherwise than where the runs beside it were trained.
    """
    choices = recipe.training
    if recipe.arithmetic not in (None, here := arithmetic(device, choices.precision)):
        remedy = "Train it on a machine that has that arithmetic, or all runs on this one (leave `bundles` out)."
        raise InputError(f"the arithmetic of {device}", here, f"{recipe.arithmetic}, as in the bundles", remedy)
    network = build(recipe.variant, recipe.seed)
    begun, read = starts(network, recipe.variant), loaded(recipe.variant)
    network.to(device)
    made_of = identity(recipe.code, recipe.variant, choices, recipe.seed, train, validation, begun)
    checkpoint = Checkpoint(folder / CHECKPOINT, f"{made_of} in {here}", recipe.checkpoint_seconds)
    examples = Examples.of(train, device), Examples.of(validation, device)
    with closing(fit(network, *examples, choices, recipe.seed, checkpoint)) as coming:
        epochs = list(follow(recorded(coming, folder / PROGRESS), choices.rounds, recipe.name))
    write_history(epochs, folder / HISTORY)
    if (lost := diverged(epochs)) is not None:
        where = f"{recipe.name} diverged in epoch {lost} of {choices.rounds} (loss {epochs[-1].train_loss:g})"
        said = f"lungseg: {where}. It ends there, and no mean will hold it. A smaller training.learning_rate helps."
        print(said, file=sys.stderr)
    facts: dict[str, Any] = {"run": recipe.name, "identity": made_of, "code": recipe.code, "commit": recipe.commit}
    facts |= {"starts": begun, "loaded": read}
    facts["films"] = {"train": train.sha256(), "validation": validation.sha256()}
    save_network(
        network, folder / WEIGHTS, folder / CARD, facts | describe_run(network, recipe.variant, choices, epochs, train)
    )
    checkpoint.path.unlink(missing_ok=True)
    (folder / PROGRESS).unlink(missing_ok=True)
    return network
