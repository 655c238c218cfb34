"""How far an experiment's trainings are, from its files alone."""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Thread

import pandas as pd

from lungseg.config import Experiment
from lungseg.errors import InputError
from lungseg.jobs.fingerprint import fingerprint
from lungseg.learning import bundles
from lungseg.learning.bundles import checked_card, planned
from lungseg.learning.run_files import CARD, HISTORY, PREDICTIONS, PROGRESS, WEIGHTS
from lungseg.tables import read_csv

TRAIN = Path(__file__).parents[2] / "workflow/scripts/train.py"  # not beside an installed package
QUIET = 3.0  # a training whose last epoch is this many epochs ago has stopped


@dataclass(frozen=True)
class Run:
    """A planned training.

    Args:
        name: `{variant}/{train_on}/seed{seed}`.
        variant: Its network.
        train_on: Its training set.
        epochs: That are to be trained.
        past: Its epochs so far, as in history.csv; None before the first.
        finished: Whether its weights are there, and are of the configuration's choices and of today's training code.
        age: Seconds since its last epoch.
    """

    name: str
    variant: str
    train_on: str
    epochs: int
    past: pd.DataFrame | None
    finished: bool
    age: float

    @property
    def running(self) -> bool:
        """Whether its next epoch may be expected still."""
        if self.finished or self.past is None:
            return False
        return self.age < QUIET * self.past["seconds"].max() + 60

    @property
    def left(self) -> int:
        """Epochs still to train."""
        return 0 if self.finished else self.epochs - (0 if self.past is None else len(self.past))


def read_runs(experiment: Experiment, root: Path) -> list[Run]:
    """Look at every planned training; a run with a bundle is a finished one.

    Args:
        experiment: Which.
        root: The folder in which Snakemake runs.
    """
    return [_read(experiment, root, run) for run in planned(experiment)]


def run_folder(experiment: Experiment, root: Path, run: bundles.Run) -> Path:
    """Where the files of a run lie: with the results, or where a bundle brought them."""
    if experiment.bundles and (bundle := root / experiment.bundles / "runs" / run.name).is_dir():
        return bundle
    return root / experiment.folder("results") / "runs" / run.name


def _read(experiment: Experiment, root: Path, run: bundles.Run) -> Run:
    folder = run_folder(experiment, root, run)
    whole = (folder / WEIGHTS).is_file() or (folder / PREDICTIONS).is_file()
    finished = whole and _is_planned(folder, experiment, run)
    path = folder / (HISTORY if finished else PROGRESS)
    there = path.is_file()
    past = _epochs(path) if there else None
    age = time.time() - path.stat().st_mtime if there else float("inf")
    return Run(run.name, run.variant, run.train_on, experiment.trained_as(run.variant).rounds, past, finished, age)


def _is_planned(folder: Path, experiment: Experiment, run: bundles.Run) -> bool:
    """Whether a card tells of the planned run; one of other choices is trained again, and one of older code, too.

    A run from a bundle may be of older code. Which films a run learned from is not looked at: they would be read whole.
    """
    try:
        card = checked_card(folder / CARD, run, experiment)
    except (InputError, OSError):
        return False
    return (folder / PREDICTIONS).is_file() or card["code"] == _code(card["code"])


@cache
def _code(otherwise: str) -> str:
    """Fingerprint of the training code; what was given where the package alone is installed."""
    return fingerprint(TRAIN) if TRAIN.is_file() else otherwise


def _epochs(path: Path) -> pd.DataFrame | None:
    """The epochs in a table; None where there is none, or nobody can read it: how far a run is decides nothing."""
    try:
        epochs = read_csv(path, ["validation_dice"], filled=["epoch", "seconds"])
    except (InputError, OSError):
        return None
    return epochs if len(epochs) else None


def seconds_left(runs: Sequence[Run]) -> float | None:
    """Seconds until all trainings are done, by the epochs so far; None while there is none.

    A training takes what its network took on its training set; else what its network took elsewhere; else the mean.
    As many are thought to run side by side as run now.
    """
    told = [run.past.assign(variant=run.variant, train_on=run.train_on) for run in runs if run.past is not None]
    if not told:
        return None
    epochs = pd.concat(told)
    exact = epochs.groupby(["variant", "train_on"])["seconds"].mean().to_dict()
    alike = epochs.groupby("variant")["seconds"].mean().to_dict()
    mean = float(epochs["seconds"].mean())
    work = sum(run.left * exact.get((run.variant, run.train_on), alike.get(run.variant, mean)) for run in runs)
    return float(work) / max(1, sum(run.running for run in runs))


def describe(runs: Sequence[Run]) -> list[str]:
    """Lines for a person: how many are done, what is left, and where each running training stands."""
    done, left = sum(run.finished for run in runs), seconds_left(runs)
    line = f"{done} of {len(runs)} trainings done"
    if done < len(runs) and left is not None:
        line += f", about {clock(left)} left"
    lines = [line]
    for run in runs:
        if run.finished or run.past is None:
            continue
        last = run.past.iloc[-1]
        state = "" if run.running else f"  no epoch for {clock(run.age)}: it goes on when snakemake runs"
        lines.append(
            f"  {run.name}  epoch {int(last['epoch'])}/{run.epochs}  "
            f"validation Dice {last['validation_dice']:.4f}{state}"
        )
    return lines


def clock(seconds: float) -> str:
    """1:05:00 for an hour and five minutes."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def watch(experiment: Experiment, root: Path, every: float = 10) -> None:
    """While this process lives, tell at the terminal how many trainings are done whenever one more is.

    Says nothing where nobody looks on: when standard error is no terminal.

    Args:
        experiment: Which.
        root: The folder in which Snakemake runs.
        every: Seconds between two looks.
    """
    if sys.stderr.isatty():
        Thread(target=_watch, args=(experiment, root, every), daemon=True).start()


def _watch(experiment: Experiment, root: Path, every: float) -> None:
    said = ""
    while True:
        runs = read_runs(experiment, root)
        done = f"{sum(run.finished for run in runs)} of {len(runs)}"
        told = any(run.past is not None for run in runs)
        if done != said and told:
            print("\n".join(describe(runs)), file=sys.stderr, flush=True)
            said = done
        time.sleep(every)
