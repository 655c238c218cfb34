r"""How much memory a training takes, foretold without torch, and how much a machine has to give.

On a CPU a training was found to peak at

.. math:: 870 MB + 20 B \cdot parameters + activations \cdot batch \cdot side^2 + films

(weights, gradients, Adam's two moments, the best epoch's weights; the first term is mostly torch). The numbers below
are read off bench/results/memory.csv (float32; bfloat16 takes less) and `MARGIN` is added to all. What is said of a GPU
follows the same terms and has not been measured on one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lungseg.recipe import Training, Variant

MARGIN = 1.2
MB = 10**6
# glibc hands every big block back to the kernel and pays page faults for it again; a process that begins with these
# variables keeps them, and trains up to twice as fast.
KEEP_BLOCKS = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(2**34)}
BASE, CONTEXT = 870 * MB, 4000 * MB  # of a process that trains on a CPU, and of one that does so on a GPU
CARD = 1500 * MB  # of a process on its card: context, kernels, workspaces
PER_PARAMETER = 20
FILMS = 1000  # more than the three data sets have
SHARE = 0.9  # of what is free; the rest is for whatever else runs


@dataclass(frozen=True)
class Cost:
    """What a network, or a part of it, takes.

    Args:
        parameters: How many.
        activations: Bytes kept for the backward pass, for each pixel of a batch.
    """

    parameters: float
    activations: float

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.parameters + other.parameters, self.activations + other.activations)

    def __mul__(self, times: float) -> "Cost":
        return Cost(self.parameters * times, self.activations * times)


ENCODERS = {"mobilenetv2": Cost(4.0e6, 3500), "inceptionresnetv2": Cost(62.0e6, 6400)}  # each with a decoder of its own
META_LEARNER = Cost(1e5, 4100)
MEASURED = {"encoders", "weights", "width", "meta_learner", "training"}  # keys of networks in bench/results/memory.csv
UNKNOWN = ENCODERS["inceptionresnetv2"] * 2  # an encoder that is not in the table, a network of one's own


def cost(variant: Variant) -> Cost:
    """What the network of a variant takes; two encoders share a decoder, and take less than both alone."""
    head = META_LEARNER if variant.last else Cost(0, 0)
    if variant.module is not None:
        return UNKNOWN
    if not variant.encoders:
        return head + Cost(31.0e6 * (variant.width / 64) ** 2, 8840 * variant.width / 64)
    together = head
    for name in variant.encoders:
        together += ENCODERS.get(name, UNKNOWN)
    return together


def training_mb(variant: Variant, training: Training, size: int, on_gpu: bool = False) -> int:
    """Most memory in MB that a training takes of the machine.

    Args:
        variant: Its network.
        training: Its choices.
        size: Side of its films in px.
        on_gpu: It computes on a GPU, and keeps little here.
    """
    network, films = cost(variant), 6 * FILMS * size**2  # films and masks, and copies while they are read
    if on_gpu:
        needed = CONTEXT + PER_PARAMETER * network.parameters + films
    else:
        needed = BASE + _step(network, training, size) + films
    return round(MARGIN * needed / MB)


def step_mb(variant: Variant, training: Training, size: int) -> int | None:
    """Memory in MB that a step of training takes on a CPU for its network alone, without a margin.

    Returns:
        None where no network of its parts was measured.
    """
    measured = variant.usual and variant.chosen().keys() <= MEASURED
    return round(_step(cost(variant), training, size) / MB) if measured else None


def _step(network: Cost, training: Training, size: int) -> float:
    """Bytes of what belongs to parameters, and of what a batch keeps for the way back."""
    return PER_PARAMETER * network.parameters + network.activations * training.batch_size * size**2


def card_bytes(variant: Variant, training: Training, size: int) -> int:
    """Most memory in bytes that a training takes of a GPU: a captured step keeps memory of its own for replays."""
    network, films = cost(variant), 2 * FILMS * size**2
    activations = 2 * network.activations * training.batch_size * size**2
    return round(MARGIN * (CARD + PER_PARAMETER * network.parameters + activations + films))


def machine_mb(proc: Path = Path("/proc"), cgroups: Path = Path("/sys/fs/cgroup")) -> int | None:
    """Memory in MB that trainings may take: a share of what is free, and of what a container may use.

    Args:
        proc: Where the kernel tells of memory and of this process's control groups.
        cgroups: Where those groups' limits lie.

    Returns:
        None where the kernel does not tell, as on macOS.
    """
    try:
        told = dict(line.split(":") for line in (proc / "meminfo").read_text().splitlines())
        limits = [1024 * int(told["MemAvailable"].split()[0])]
    except (OSError, KeyError):
        return None
    for file in _limits(proc, cgroups):
        if file.is_file() and (text := file.read_text().strip()).isdigit():  # `max` is no limit
            limits.append(int(text))
    return int(SHARE * min(limits) / MB)


def _limits(proc: Path, cgroups: Path) -> Iterator[Path]:
    """Files that may hold the limit of a group of this process or of one around it, of cgroup's versions 1 and 2."""
    try:
        groups = [line.split(":", 2) for line in (proc / "self/cgroup").read_text().splitlines()]
    except OSError:
        return
    for _, controllers, path in groups:
        root, name = (cgroups, "memory.max") if not controllers else (cgroups / "memory", "memory.limit_in_bytes")
        if not controllers or "memory" in controllers.split(","):
            inner = root / path.lstrip("/")
            yield from (folder / name for folder in (inner, *inner.parents) if folder.is_relative_to(root))


def side_by_side(available: int, needs: Sequence[int], places: int) -> str | None:
    """A line for a person where memory limits how many trainings run at a time; None where it does not.

    Args:
        available: MB for all of them.
        needs: MB of each training.
        places: How many there could be by cores and GPUs.
    """
    if not needs or available // max(needs) >= places:
        return None
    need = f"{min(needs)}" if min(needs) == max(needs) else f"{min(needs)} to {max(needs)}"
    line = f"Trainings side by side: {available} MB of memory for {need} MB each hold "
    if max(needs) > available:
        return (
            f"{line}less than one of the largest. It runs alone and may be killed; a smaller batch_size or size helps."
        )
    low, high = (min(available // each, places) for each in (max(needs), min(needs)))
    return f"{line}{low if low == high else f'{low} to {high}'} of the {places} that there is room for."
