"""One seeded training run, as a loop that yields its epochs; resume included.

All randomness of an epoch is a function of the seed and the epoch's number. A run that was killed therefore goes on
from its last checkpoint as if nothing had happened: on the CPU, with the same number of threads, to the same bytes.
"""

import csv
import hashlib
import json
import os
import shutil
import time
import warnings
import zipfile
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from lungseg.data.films import Part
from lungseg.errors import InputError, one_line
from lungseg.files import replacing
from lungseg.learning.batches import round_of, total
from lungseg.learning.devices import Card, own
from lungseg.learning.losses import loss_per_image
from lungseg.learning.optimisers import optimiser
from lungseg.learning.schedules import learning_rate
from lungseg.learning.stepper import Stepper, autocast, normalise
from lungseg.recipe import Training, Variant
from lungseg.shapes import UInt8

# What a run's path of steps depends on besides its arguments; kept by `fit` between epochs.
State = dict[str, Any]


@dataclass(frozen=True)
class Examples:
    """Films and masks, whole in memory.

    Args:
        images: Grey 0-255.
        masks: 0 or 1.
    """

    images: UInt8[Tensor, "image 1 height width"]
    masks: UInt8[Tensor, "image 1 height width"]

    @classmethod
    def of(cls, part: Part, device: torch.device) -> Self:
        """The films of a part on a device."""
        return cls(
            torch.from_numpy(part.images)[:, None].to(device),
            torch.from_numpy(part.masks)[:, None].to(device),
        )

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True)
class Epoch:
    """One row of history.csv: an epoch, or a round of a run that is measured in steps.

    Losses are means per image, Dice and accuracy means per image at threshold 0.5. `captured` is the share of its steps
    that a GPU replayed from a capture; `began` when it began, in UTC.
    """

    epoch: int
    lr: float
    train_loss: float
    validation_loss: float
    validation_dice: float
    validation_accuracy: float
    images_per_second: float
    seconds: float
    captured: float = 0.0
    began: str = ""


@dataclass(frozen=True)
class Checkpoint:
    """Where a run keeps what it needs to go on.

    Args:
        path: The file; it is replaced whole, and removed when the run is finished.
        identity: What the run is made of. A checkpoint with another identity is not used.
        seconds: Least time between two checkpoints.
    """

    path: Path
    identity: str
    seconds: float = 60.0


def start(device: str, threads: int, need: int = 0) -> torch.device:
    """Choose where to compute, and make the same input give the same output there.

    Args:
        device: `cpu`, `cuda`, or `auto` for a GPU where there is one.
        threads: Of the CPU; the last bits of a result depend on it.
        need: Bytes of a GPU. Where several are there, this process takes one with room for them, and waits for it.

    Raises:
        InputError: A GPU is asked for and none is there.
    """
    torch.set_num_threads(threads)
    # As `use_deterministic_algorithms(True, warn_only=True)`, which also tells the compiler and so loads it.
    torch.set_deterministic_debug_mode("warn")
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # else its sums differ from run to run, with a warning
    # Writing NaN into memory that the next line overwrites checks torch, not us (bench/results/optimisations.csv).
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("config key device", "cuda", "a GPU that torch can use", "Choose `device: cpu` or `auto`.")
    use_gpu = device == "cuda" or (device == "auto" and torch.cuda.is_available())
    if not use_gpu:
        return torch.device("cpu")
    seen = map(torch.cuda.get_device_properties, range(torch.cuda.device_count()))
    card = own([Card(index, str(each.uuid), each.total_memory) for index, each in enumerate(seen)], need)
    torch.cuda.set_device(card.index)  # for streams and whatever else asks for no card
    return torch.device("cuda", card.index)


def identity(
    code: str,
    variant: Variant,
    recipe: Training,
    seed: int,
    train: Part,
    validation: Part,
    starts: Mapping[str, str] | None = None,
) -> str:
    """Hash of all that a run is made of: code, choices, seed, every pixel it learns from, what its encoders start from.

    Choices that are the default are left out, so that a new key changes the hash of no run that does without it.

    Args:
        code: Fingerprint of the training code.
        variant: Its network.
        recipe: The named choices.
        seed: Its seed.
        train: Films to learn from.
        validation: Films that choose the epoch.
        starts: Encoder to the hash of the tensors that it starts from, for those that do not start at random.
    """
    alone = variant.model_copy(update={"training": None})  # the recipe holds what it asks for
    told = (json.dumps(group.chosen(), sort_keys=True) for group in (alone, recipe))
    choices = f"{code} {' '.join(told)} {seed}"
    choices += f" {json.dumps(starts, sort_keys=True)}" if starts else ""
    return hashlib.sha256(f"{choices} {train.sha256()} {validation.sha256()}".encode()).hexdigest()


def write_history(epochs: Sequence[Epoch], path: str | Path) -> None:
    """Write history.csv, one row per epoch."""
    with replacing(path) as part, part.open("w", encoding="utf-8", newline="") as stream:
        table = csv.DictWriter(stream, Epoch.__dataclass_fields__, lineterminator="\n")
        table.writeheader()
        table.writerows(vars(epoch) for epoch in epochs)


def recorded(epochs: Iterable[Epoch], path: str | Path) -> Iterator[Epoch]:
    """Write the epochs so far into a table like history.csv after each, for whoever looks on, and pass them on."""
    past = []
    for epoch in epochs:
        past.append(epoch)
        write_history(past, path)
        yield epoch


def fit(
    network: nn.Module,
    train: Examples,
    validation: Examples,
    recipe: Training,
    seed: int,
    checkpoint: Checkpoint | None,
) -> Generator[Epoch]:
    """Train, and end with the weights of the epoch with the best validation Dice in the network.

    A training that has diverged ends there: what is no number stays none.

    Args:
        network: On the device of the examples; changed in place.
        train: Images to learn from.
        validation: Images that choose the epoch.
        recipe: The named choices.
        seed: Of the order of images, their augmentation and dropout.
        checkpoint: Where to resume from and keep state, or None. Closing the iterator between two epochs writes it too.

    Yields:
        Every epoch, those before a resumed checkpoint included.
    """
    network.to(memory_format=torch.channels_last)
    adapter = optimiser(network, recipe)
    state: State = {"history": [], "best": None}
    if checkpoint is not None:
        _resume(checkpoint, network, adapter, state)
    yield from state["history"]
    stepper, saved = Stepper(network, adapter, train.images, train.masks, recipe), time.monotonic()
    for number in range(len(state["history"]) + 1, recipe.rounds + 1):
        epoch = _epoch(stepper, validation, seed, number)
        if epoch.validation_dice > max((e.validation_dice for e in state["history"]), default=-1.0):
            state["best"] = {key: value.clone() for key, value in network.state_dict().items()}
        state["history"].append(epoch)
        lost = diverged(state["history"]) is not None
        due = checkpoint is not None and time.monotonic() - saved >= checkpoint.seconds
        if checkpoint is not None and due and number < recipe.rounds and not lost:
            _save(checkpoint, network, adapter, state)
            saved = time.monotonic()
        try:
            yield epoch
        except GeneratorExit:  # whoever follows stops here, and may go on later
            if checkpoint is not None and not lost:
                _save(checkpoint, network, adapter, state)
            raise
        if lost:
            break
    network.load_state_dict(state["best"])


def diverged(epochs: Sequence[Epoch]) -> int | None:
    """The first epoch whose losses are no numbers; None where all are."""
    lost = (epoch.epoch for epoch in epochs if not np.isfinite([epoch.train_loss, epoch.validation_loss]).all())
    return next(lost, None)


def _epoch(stepper: Stepper, validation: Examples, seed: int, number: int) -> Epoch:
    """Take the steps of a round, then look at the validation images."""
    began, start = datetime.now(UTC).isoformat(timespec="seconds"), time.monotonic()
    recipe, device = stepper.recipe, stepper.images.device
    images = len(stepper.images)
    coming, steps = round_of(recipe, images, seed, number), total(recipe, images)
    torch.manual_seed(coming.noise)
    order = coming.order
    rates = [learning_rate(recipe, coming.first + step, steps) for step in range(len(order))]
    stepper.network.train()
    replayed = stepper.replayed
    queue = zip(*(torch.as_tensor(table).to(device) for table in (order, coming.draws, rates)), strict=True)
    loss = float(torch.stack([stepper(*step) for step in queue]).mean())
    seconds = time.monotonic() - start
    validation_loss, dice, accuracy = validate(stepper.network, validation, recipe)
    speed, captured = order.size / seconds, (stepper.replayed - replayed) / len(order)
    lasted = time.monotonic() - start
    return Epoch(number, rates[-1], loss, validation_loss, dice, accuracy, speed, lasted, captured, began)


@torch.inference_mode()
def validate(network: nn.Module, validation: Examples, recipe: Training) -> tuple[float, ...]:
    """Mean over images of loss, Dice and accuracy at threshold 0.5; an empty prediction has Dice 0."""
    network.eval()
    rows = []
    for images, masks in zip(
        validation.images.split(recipe.batch_size), validation.masks.split(recipe.batch_size), strict=True
    ):
        with autocast(images.device, recipe.precision):
            logits = network(normalise(images)).float()
        loss, predicted, truth = loss_per_image(logits, masks.float(), recipe.loss), logits > 0, masks.bool()
        overlap = (predicted & truth).sum(dim=(1, 2, 3))
        dice = 2 * overlap / (predicted.sum(dim=(1, 2, 3)) + truth.sum(dim=(1, 2, 3))).clamp(min=1)
        accuracy = (predicted == truth).float().mean(dim=(1, 2, 3))
        rows.append(torch.stack([loss, dice, accuracy]))
    return tuple(torch.cat(rows, dim=1).mean(dim=1).tolist())


def _save(checkpoint: Checkpoint, network: nn.Module, optimiser: torch.optim.Optimizer, state: State) -> None:
    with replacing(checkpoint.path) as path, told(checkpoint.path):
        content = {
            "identity": checkpoint.identity,
            "network": network.state_dict(),
            "optimiser": optimiser.state_dict(),
        }
        torch.save(content | state | {"history": [vars(epoch) for epoch in state["history"]]}, path)


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Say where a file could not be written: what torch and safetensors raise then is no error of the system."""
    try:
        yield
    except (RuntimeError, SafetensorError) as error:
        free = f"{shutil.disk_usage(path.parent).free / 1e6:.0f} MB free"
        found = f"{one_line(error, 120)} ({free})"
        raise InputError(path, found, "room for it", "Free space and give the command again: it goes on.") from error


def _resume(checkpoint: Checkpoint, network: nn.Module, optimiser: torch.optim.Optimizer, state: State) -> None:
    """Take up a checkpoint of the same run; one of another run, a damaged one or none leaves everything as it is."""
    if not checkpoint.path.exists():
        return
    content = _whole(checkpoint.path, next(network.parameters()).device)
    if content is None or content["identity"] != checkpoint.identity:
        return
    network.load_state_dict(content["network"])
    optimiser.load_state_dict(content["optimiser"])
    state["history"] = [Epoch(**row) for row in content["history"]]
    state["best"] = content["best"]


def _whole(path: Path, device: torch.device) -> State | None:
    """What a checkpoint holds; a damaged one is set aside with a warning."""
    try:
        with zipfile.ZipFile(path) as archive:
            if (bad := archive.testzip()) is not None:  # torch writes checksums and does not look at them
                raise zipfile.BadZipFile(f"{bad} is damaged")
        content: State = torch.load(path, map_location=device, weights_only=True)
        if missing := {"identity", "network", "optimiser", "history", "best"} - content.keys():
            raise ValueError(f"no {min(missing)}")
    except (PermissionError, FileNotFoundError):
        raise
    except Exception as error:  # whatever bytes that are no checkpoint may raise
        aside = path.with_name(f"{path.name}.damaged")
        path.replace(aside)
        reason = f"{type(error).__name__}: {one_line(error, 80)}"
        said = f"{path} is damaged ({reason}): set aside as {aside.name}, the training starts anew"
        warnings.warn(said, stacklevel=2)
        return None
    return content
