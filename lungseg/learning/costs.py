"""What the network of a variant costs: size and operations counted; memory and time measured.

Its weights are not needed: a random start costs the same. So runs that were trained elsewhere have their costs too.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from timeit import repeat, timeit

import numpy as np
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from lungseg.errors import one_line
from lungseg.learning.apart import Memory, apart
from lungseg.learning.augmentation import DRAWS
from lungseg.learning.inference import predict
from lungseg.learning.memory import MB, machine_mb, training_mb
from lungseg.learning.optimisers import optimiser
from lungseg.learning.run_files import NEEDED, Card, read_card
from lungseg.learning.stepper import WARM_UP, Stepper, arithmetic, captures
from lungseg.learning.weights import refuse_another_module
from lungseg.machine import processor
from lungseg.networks.build import build, undrawn
from lungseg.networks.hollow import hollow
from lungseg.recipe import Training, Variant

SECONDS, LEAST = 0.2, 3  # for which predictions are repeated, and how often at least
MOST = 1500.0  # GFLOP of a step that is taken on a CPU to measure memory: some ten seconds of a core


@dataclass(frozen=True)
class Cost:
    """A row of cost.csv; None is what could not be had.

    Args:
        variant: Its name.
        parameters: All of them.
        trained_parameters: Those that learn.
        gflops: Operations for one film in evaluation, in 10^9, as from `gflops`.
        train_memory_mb: 10^6 bytes that a step of training takes: weights, gradients, optimiser's state, activations.
        predict_memory_mb: 10^6 bytes that the prediction of one film takes, weights included.
        films_per_second: In training, the median over the epochs of all runs, on `training_hardware`.
        ms_per_film: Of the prediction of one film, the median of repetitions with one thread, on `hardware`; of a CPU
            the core's own.
        weights_mb: 10^6 bytes of the state that is saved, in float32.
        hardware: What memory and time were measured on.
        training_hardware: What the runs were trained on.
        train_memory: `measured`, or `foretold` from measurements of other sizes; empty where it is not known.
        batch_size: Films of a step.
        arithmetic: Of steps and predictions here.
    """

    variant: str
    parameters: int
    trained_parameters: int | None
    gflops: float | None
    train_memory_mb: float | None
    predict_memory_mb: float | None
    films_per_second: float | None
    ms_per_film: float | None
    weights_mb: float | None
    hardware: str
    training_hardware: str
    train_memory: str | None
    batch_size: int
    arithmetic: str


@dataclass(frozen=True)
class Counted:
    """What is known without a computation; as in `Cost`."""

    trained_parameters: int
    parameters: int
    gflops: float | None
    weights_mb: float


@dataclass(frozen=True)
class Predicted:
    """What predictions take; as in `Cost`."""

    predict_memory_mb: float | None
    ms_per_film: float


@dataclass(frozen=True)
class Trained:
    """What steps take; as in `Cost`."""

    train_memory_mb: float | None


Part = Counted | Predicted | Trained


def cost(
    variant: str, cards: Sequence[Path], speeds: Sequence[float], device: torch.device, foretold: float | None = None
) -> Cost:
    """Count and measure a network.

    Args:
        variant: Its name.
        cards: Of its runs, at least one; the first says how it is built and trained.
        speeds: Films per second of each epoch of its runs.
        device: Where to measure; as from `training.start`.
        foretold: MB of a step of training, where it is not measured.
    """
    facts = [read_card(path, NEEDED) for path in cards]
    if device.type == "cpu":
        load_once(device, facts[0]["training"]["precision"])
    given = (variant, cards[0], device)
    parts: list[Part] = apart(measure, *given) if device.type == "cpu" else list(measure(*given))
    found = {"parameters": facts[0]["parameters"]} | {key: value for part in parts for key, value in vars(part).items()}
    measured = found.get("train_memory_mb") is not None
    places = dict.fromkeys(card.get("gpu") or card["processor"] for card in facts)
    recipe = Training(**facts[0]["training"])
    return Cost(
        variant=variant,
        parameters=found["parameters"],
        trained_parameters=found.get("trained_parameters"),
        gflops=found.get("gflops"),
        train_memory_mb=found["train_memory_mb"] if measured else foretold,
        predict_memory_mb=found.get("predict_memory_mb"),
        films_per_second=round(median(speeds), 2) if speeds else None,
        ms_per_film=found.get("ms_per_film"),
        weights_mb=found.get("weights_mb"),
        hardware=processor() if device.type == "cpu" else torch.cuda.get_device_name(device),
        training_hardware=" + ".join(places),
        train_memory="measured" if measured else None if foretold is None else "foretold",
        batch_size=recipe.batch_size,
        arithmetic=arithmetic(device, recipe.precision),
    )


@cache
def load_once(device: torch.device, precision: str) -> None:
    """Have loaded what every measurement loads: copies of this process share it, and no network's memory holds it.

    Args:
        device: Where to measure.
        precision: As in training.
    """
    torch.set_num_threads(1)  # a copy of a process with several would wait for those that it lacks
    network = build(Variant(width=1), seed=0)
    gflops(network, 32)
    take_steps(network.to(device), Training(batch_size=2, precision=precision), 32)


def measure(variant: str, path: Path, device: torch.device) -> Iterator[Part]:
    """What can be had of a network, one after the other; what cannot is told, and the rest left out.

    Args:
        variant: Its name.
        path: The card of one of its runs.
        device: Where to measure.
    """
    try:
        yield from _parts(read_card(path), path, device)
    except Exception as error:  # whatever a network of one's own may raise, or a device without room for it
        told = f"{type(error).__name__}: {one_line(error, 200)}"
        print(f"lungseg: not all costs of {variant} are known: {told}", file=sys.stderr, flush=True)


def _parts(card: Card, path: Path, device: torch.device) -> Iterator[Part]:
    torch.set_num_threads(1)
    refuse_another_module(card, path)
    recipe, size = Training(**card["training"]), card["size"]
    load_once(device, recipe.precision)
    undrawn(variant := Variant(**card["variant"]))  # some load a library of their own
    memory = Memory(device)  # from here on the libraries' own code and workspaces are there
    network = build(variant, seed=0, pretrained=False)
    yield (counted := count(network, size))
    network.to(device).to(memory_format=torch.channels_last)  # here: within `predict` no gradient could follow
    memory.forget()
    yield Predicted(ms_per_film=milliseconds(network, recipe.precision, size), predict_memory_mb=memory.peak())
    work, room = 3 * (counted.gflops or 0) * recipe.batch_size, machine_mb()  # the way back takes twice as long
    fits = room is None or training_mb(variant, recipe, size) <= room
    if device.type != "cpu" or (work <= MOST and fits):
        take_steps(network, recipe, size)
        yield Trained(memory.peak())


def count(network: nn.Module, size: int) -> Counted:
    """Parameters, operations and bytes of a network.

    Args:
        network: On any device.
        size: Side of the film in px.
    """
    parameters = list(network.parameters())
    saved = {each.data_ptr(): each for each in network.state_dict().values()}  # a tensor of two names once
    return Counted(
        parameters=sum(each.numel() for each in parameters),
        trained_parameters=sum(each.numel() for each in parameters if each.requires_grad),
        gflops=gflops(network, size),
        weights_mb=sum(each.numel() * each.element_size() for each in saved.values()) / MB,
    )


def gflops(network: nn.Module, size: int) -> float | None:
    """Operations for one film in evaluation, in 10^9: those of convolutions, matrix products and attention.

    A multiply-add counts as two operations, as `torch.utils.flop_counter` has it; sums, activations, normalisation and
    resampling count as none. Only shapes are computed, on torch's device `meta`, so it takes no memory.

    Args:
        network: On any device; left as it was.
        size: Side of the film in px.

    Returns:
        None where the network asks for values that a shape does not have, or where nothing in it is counted.
    """
    counter = FlopCounterMode(display=False)
    try:
        copy = hollow(network).eval()
        with torch.no_grad(), torch.device("meta"), counter:
            copy(torch.empty(1, 1, size, size))
    except Exception:  # whatever the layers of a network of one's own make of tensors without values
        return None
    return counter.get_total_flops() / 1e9 or None


def milliseconds(network: nn.Module, precision: str, size: int) -> float:
    """Median ms that the prediction of one film takes, from grey values to logits on the host.

    On a CPU they are those of the core, so that what else the machine does meanwhile is left out.

    Args:
        network: On the device.
        precision: As in training.
        size: Side of the film in px.
    """
    film = np.random.default_rng(0).integers(0, 256, (1, size, size), dtype=np.uint8)
    clock = process_time if next(network.parameters()).device.type == "cpu" else perf_counter

    def one() -> None:
        predict(network, film, 1, precision)

    first = timeit(one, timer=clock, number=1)  # kernels are chosen in it: it only says how many follow
    times = min(max(round(SECONDS / first), LEAST), 100)
    return round(1000 * median(repeat(one, timer=clock, number=1, repeat=times)), 3)


def take_steps(network: nn.Module, recipe: Training, size: int) -> None:
    """Take the first steps of a training, on noise, until memory has been at its peak.

    The first one makes the optimiser's state, and two films are enough for it. A GPU captures a step after some more of
    one size, and a captured step has memory of its own.

    Args:
        network: On the device; changed in place.
        recipe: The named choices.
        size: Side of the films in px.
    """
    device, films = next(network.parameters()).device, recipe.batch_size
    network.train().to(memory_format=torch.channels_last)
    images = torch.randint(0, 256, (films, 1, size, size), dtype=torch.uint8, device=device)
    stepper = Stepper(network, optimiser(network, recipe), images, images // 128, recipe)
    index, draws = torch.arange(films, device=device), torch.zeros(films, DRAWS, device=device)
    for some in [films] * (WARM_UP + 2) if captures(device) else [2, films]:
        stepper(index[:some], draws[:some], torch.tensor(recipe.learning_rate, device=device))
