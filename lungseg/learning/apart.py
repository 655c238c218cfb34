"""Work in a copy of this process: its peak of memory is its own, and this one goes on when it is killed."""

import ctypes
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeVar

import torch

from lungseg.learning.memory import MB

FORK = get_context("fork")  # a new process would import torch anew, which takes longer than most of the work
T = TypeVar("T")


def apart(work: Callable[..., Iterator[T]], *given: Any) -> list[T]:  # noqa: ANN401 - whatever it takes
    """What some work yields, done in a copy of this process.

    Args:
        work: Called there. Nothing in this process may have computed on several threads or on a GPU before.
        given: What it is given.

    Returns:
        All that it yielded before it ended, or was killed for want of memory.
    """
    here, there = FORK.Pipe(duplex=False)
    process = FORK.Process(target=_tell, args=(there, work, given), daemon=True)
    process.start()
    there.close()
    found = []
    with here, suppress(EOFError):
        while True:
            found.append(here.recv())
    process.join()
    return found


def _tell(there: Connection, work: Callable[..., Iterator[object]], given: tuple[object, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is told once, by the process that waits
    for each in work(*given):
        there.send(each)


class Memory:
    """Looks how much more memory is used than when it was made.

    On a GPU it is what torch has allocated, on a CPU what of the process is resident. What the allocator keeps for
    later is given back before, so that nothing can be taken from there unseen.

    Args:
        device: Where memory is used.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.forget()
        self.before = torch.cuda.memory_allocated(device) if device.type == "cuda" else resident("VmRSS")

    def peak(self) -> float | None:
        """MB at most since this was made or last asked; None where the kernel does not tell."""
        on_card = self.device.type == "cuda"
        most = torch.cuda.max_memory_allocated(self.device) if on_card else resident("VmHWM")
        self.forget()
        return None if most is None or self.before is None else round((most - self.before) / MB, 1)

    def forget(self) -> None:
        """Begin a new peak, after what is free went back to the kernel."""
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)
            return
        if (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)) is not None:  # glibc has it
            trim(0)
        with suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")


def resident(key: str) -> int | None:
    """Bytes of this process in memory: `VmRSS` now, `VmHWM` at most; None where the kernel does not tell."""
    try:
        told = re.search(rf"^{key}:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    except OSError:
        return None
    return None if told is None else 1024 * int(told[1])
