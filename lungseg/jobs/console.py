"""What a job tells the person at the terminal, and the same in its log file."""

import getpass
import os
import re
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from types import FrameType, TracebackType
from typing import Protocol, TextIO, TypeVar

from lungseg.errors import InputError, one_line
from lungseg.jobs import at_work, seals


class _Tee:
    """A text stream that also writes to a log; progress bars' carriage returns stay out of the log."""

    def __init__(self, terminal: TextIO, log: TextIO) -> None:
        self.terminal, self.log, self.begun = terminal, log, False

    def write(self, text: str) -> int:
        self.terminal.write(text)
        if text:
            self.begun = not text.endswith("\n")
        if "\r" not in text:
            with suppress(OSError, ValueError):  # a log that cannot be written, on a full disk say, hides no message
                self.log.write(text)
                self.log.flush()
        return len(text)

    def flush(self) -> None:
        self.terminal.flush()

    def isatty(self) -> bool:
        return self.terminal.isatty()

    def end_line(self) -> None:
        """What is printed next begins a line, also behind a progress bar that nobody closed."""
        if self.begun:
            self.terminal.write("\n")
            self.begun = False


def describe(error: BaseException) -> str | None:
    """The one message for an error a person can mend, or None for a defect that needs its traceback."""
    if isinstance(error, InputError):
        return str(error)
    if isinstance(error, OSError) and error.errno is not None:
        where = error.filename or "a file that was being written"
        found = error.strerror or "an error of the system"
        remedy = "Free space, change its permissions, or choose another folder."
        return str(InputError(where, found, "a readable and writable place", remedy))
    if _of_memory(error):
        remedy = (
            "Run fewer jobs side by side (--cores 1), free memory, or choose a smaller training.batch_size, "
            "preprocessing.size or network."
        )
        return str(InputError("the memory", _first_line(error), "room for this job", remedy))
    return None


def _of_memory(error: BaseException) -> bool:
    """Whether Python, NumPy or torch had no room; torch's own error for a CPU is a plain RuntimeError."""
    names = {kind.__name__ for kind in type(error).__mro__}
    on_cpu = "RuntimeError" in names and "DefaultCPUAllocator" in str(error)
    return bool(names & {"MemoryError", "OutOfMemoryError"}) or on_cpu


def _first_line(error: BaseException) -> str:
    said = one_line(error)
    return f"no room ({said})" if said else "no room"


KILLED = (
    "lungseg: the system killed a job, mostly because memory ran out. Give the same command again with --cores 1, on a "
    "machine with more memory, or with a smaller training.batch_size or preprocessing.size; what was finished stays, "
    "and a training goes on from its checkpoint."
)


def killed(logs: Iterable[str]) -> bool:
    """Whether Snakemake's logs tell of a job that got SIGKILL, of which the job itself could say nothing."""
    said = [Path(log).read_text(encoding="utf-8", errors="replace") for log in logs if Path(log).is_file()]
    return any(re.search(r"died with <Signals\.SIGKILL|exit status 137", text) for text in said)


TOLD = 75  # exit status of a training that was told to stop and left a checkpoint
STOPPED = "stopped: give the same command again, and it goes on where it was"


def _explain(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    message = STOPPED if isinstance(error, KeyboardInterrupt) else describe(error)
    if isinstance(sys.stderr, _Tee):
        sys.stderr.end_line()
    if message is None:
        import traceback as standard

        standard.print_exception(kind, error, traceback)
    else:
        print(f"lungseg: {message}", file=sys.stderr)


def begin(log: str) -> None:
    """Send everything a job prints to its log as well, tell bad input in one message, check the job's files.

    Args:
        log: Path of the job's log file, written anew.

    Raises:
        InputError: An input file is not what its job wrote.
    """
    at_work.join()
    name_user()
    path = Path(log)
    path.parent.mkdir(parents=True, exist_ok=True)
    stream = path.open("w", encoding="utf-8")
    sys.stdout, sys.stderr = _Tee(sys.stdout, stream), _Tee(sys.stderr, stream)
    sys.excepthook = _explain
    job = getattr(sys.modules["__main__"], "snakemake", None)  # what Snakemake gives to its scripts
    if job is not None:
        seals.keep(job.rule, map(str, job.input), map(str, job.output))


TRAINS = ".train.py"  # how the name of a training's script ends, as Snakemake writes it


def pass_on_sigterm() -> None:
    """From here on SIGTERM that reaches Snakemake alone ends its trainings too, each with a checkpoint.

    Snakemake itself starts nothing more and waits for what runs, which of a training may be hours. Other jobs are short
    and end as they do without.
    """
    former = signal.getsignal(signal.SIGTERM)

    def both(number: int, frame: FrameType | None) -> None:
        if callable(former):
            former(number, frame)
        import psutil

        for child in psutil.Process().children(recursive=True):
            with suppress(psutil.Error):
                command = child.cmdline()
                if "-c" not in command and any(word.endswith(TRAINS) for word in command):  # the script, not its shell
                    child.terminate()

    signal.signal(signal.SIGTERM, both)


def name_user() -> None:
    """Give a user whom the system does not know, as in a container, a name: libraries ask for one and fail."""
    try:
        getpass.getuser()
    except (KeyError, OSError):
        os.environ["LOGNAME"] = f"user{os.getuid()}"


class Epoch(Protocol):
    """What an epoch must tell to be followed."""

    @property
    def epoch(self) -> int: ...  # noqa: D102
    @property
    def train_loss(self) -> float: ...  # noqa: D102
    @property
    def validation_dice(self) -> float: ...  # noqa: D102
    @property
    def images_per_second(self) -> float: ...  # noqa: D102
    @property
    def seconds(self) -> float: ...  # noqa: D102


E = TypeVar("E", bound=Epoch)


def follow(epochs: Iterable[E], total: int, name: str) -> Iterator[E]:
    """Print a line for each epoch, with the time left by the epochs so far, and pass it on.

    From here on SIGTERM ends the process only after an epoch that is not the last, so that whoever trains can leave a
    checkpoint; after the last one the run is finished. A scheduler sends it before it takes a job's place: when the job
    is cancelled, preempted or out of time.

    Args:
        epochs: As they come.
        total: How many will come.
        name: What is trained.

    Raises:
        SystemExit: With the status `TOLD`.
    """
    seconds = []
    told: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: told.append(number))
    for epoch in epochs:
        seconds.append(epoch.seconds)
        left = (total - epoch.epoch) * sum(seconds) / len(seconds)
        print(
            f"{name}  epoch {epoch.epoch}/{total}  loss {epoch.train_loss:.3f}  "
            f"validation Dice {epoch.validation_dice:.4f}  {epoch.images_per_second:.1f} images/s  "
            f"{time.strftime('%H:%M:%S', time.gmtime(left))} left",
            flush=True,
        )
        yield epoch
        if told and epoch.epoch < total:
            print(f"lungseg: {name} was told to stop; it goes on after epoch {epoch.epoch}.", file=sys.stderr)
            raise SystemExit(TOLD)
