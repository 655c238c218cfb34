"""An experiment's trainings in pieces of some minutes, for a machine that has little but torch, and that for minutes.

    python -m lungseg.jobs.pieces pack FILMS.npz --configfile config/gpu.yaml   here: the prepared films in one file
    python -m lungseg.jobs.pieces run FILMS.npz --minutes 9 --out OUT           there: train a piece of what is missing
    python -m lungseg.jobs.pieces take OUT results/gpu                          here: what came back, as bundles

Often only small files can be carried to such a machine and back: how large they may be is an option of each command.

A piece goes on where the last one on that machine stopped, from checkpoints. What came back is not trained again on
another machine either: the cards of its bundles say what is done. `make gpu-experiment` does all three.
"""

from lungseg.terminal import interruptible

interruptible()

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import time
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from zipfile import ZIP_STORED, BadZipFile, ZipFile

from lungseg.config import Experiment
from lungseg.data.films import Part
from lungseg.data.packing import Packed, pack, unpack
from lungseg.data.subset import subset
from lungseg.errors import InputError
from lungseg.files import replacing
from lungseg.jobs.console import TOLD, describe, follow
from lungseg.jobs.fingerprint import fingerprint
from lungseg.learning.bundles import FILES, Run, check_films, checked_card, planned, predicted_parts
from lungseg.learning.devices import count
from lungseg.learning.memory import KEEP_BLOCKS, card_bytes, machine_mb, training_mb
from lungseg.learning.run_files import CARD, NEEDED, PREDICTIONS, Card, read_card
from lungseg.outside import missing
from lungseg.zips import Bounds, open_zip

MEBI = 2**20
# Unless options say otherwise: MiB of the films' file and of each archive that comes back, and how many of these.
FILMS_MIB, ARCHIVE_MIB, ARCHIVES = 45, 16, 8
LISTED = 1024  # bytes at most of an archive's list of files beside what is counted with each of them
ENDED = (0, TOLD, -signal.SIGTERM)  # the last one: told to stop before it had begun
GRACE = 60.0  # seconds to end an epoch and write a checkpoint
ROOT = Path(__file__).parents[2]
WROTE = "an archive that `run` wrote"
SAME = frozenset({"run", "variant", "training", "size", "films", "code"})  # what a run is, as its card tells it


def useful_order(experiment: Experiment) -> list[Run]:
    """The planned runs, so that after any of them what is there is most useful: Table 1's, seed by seed, come first."""
    main = experiment.table1.train_on
    return sorted(planned(experiment), key=lambda run: (run.train_on != main, experiment.seeds.index(run.seed)))


def complete(folder: Path) -> bool:
    """Whether a run's folder holds a whole bundle of today's training code."""
    return all((folder / name).is_file() for name in FILES) and read_card(folder / CARD, NEEDED)["code"] == code()


class Planned:
    """What packed films are trained to: the runs, and what each of them learns from.

    Args:
        packed: The films.
    """

    def __init__(self, packed: Packed) -> None:
        self.experiment, self._packed = packed.experiment, packed
        self.runs = {run.name: run for run in useful_order(packed.experiment)}
        self._learned: dict[str, dict[str, str]] = {}

    def named(self, name: str) -> Run:
        """A run by its name.

        Raises:
            InputError: None is called so.
        """
        if name not in self.runs:
            raise InputError("the run", name, f"one of {', '.join(self.runs)}", "Give one of these names.")
        return self.runs[name]

    def to_learn(self, train_on: str) -> Part:
        """The films that runs of a training set learn from."""
        experiment = self.experiment
        whole = self._packed.part("train", experiment.train_on[train_on])
        return subset(whole, experiment.films.get(train_on), experiment.split.seed)

    def films(self, train_on: str) -> dict[str, str]:
        """Hashes of what runs of a training set learn from, as their cards tell them."""
        if train_on not in self._learned:
            validation = self._packed.part("validation", self.experiment.train_on[train_on])
            hashes = {"train": self.to_learn(train_on).sha256(), "validation": validation.sha256()}
            self._learned[train_on] = hashes
        return self._learned[train_on]

    def checked(self, card: Path, name: str) -> Card:
        """The card of a run.

        Raises:
            InputError: It is of another run, of other choices or of other films.
        """
        run = self.named(name)
        check_films([found := checked_card(card, run, self.experiment)], self.films(run.train_on))
        return found

    def is_done(self, folder: Path, name: str) -> bool:
        """Whether a folder holds the whole bundle of this run; one of other choices or films is trained anew."""
        if not complete(folder):
            return False
        try:
            self.checked(folder / CARD, name)
        except InputError:
            return False
        return True


def train(films: Path, name: str, work: Path) -> None:
    """Train one run and let it predict, into work/NAME. SIGTERM ends it after an epoch, to go on in the next piece."""
    packed, folder = unpack(films), work / name
    experiment, runs = packed.experiment, Planned(packed)
    run = runs.named(name)

    from lungseg.learning.inference import predict_run
    from lungseg.learning.run import Recipe, train_run
    from lungseg.learning.stored_predictions import predicted_films, write_predictions
    from lungseg.learning.training import start

    own = experiment.train_on[run.train_on]
    recipe = Recipe(
        name=name,
        variant=experiment.variants[run.variant],
        training=experiment.trained_as(run.variant),
        seed=run.seed,
        code=code(),
        commit=packed.commit,
        checkpoint_seconds=experiment.checkpoint_seconds,
    )
    size = experiment.preprocessing.size
    device = start(experiment.device, 1, card_bytes(recipe.variant, recipe.training, size))  # it may wait for a GPU
    train_run(recipe, runs.to_learn(run.train_on), packed.part("validation", own), device, folder, follow)
    parts = {part: packed.part(part, experiment.datasets) for part in predicted_parts(experiment, run.train_on)}
    prediction = predict_run(folder, run.variant, run.seed, parts, device)
    write_predictions(folder / PREDICTIONS, [prediction], predicted_films(parts))


@cache
def code() -> str:
    """Fingerprint of the training code, as the workflow takes it."""
    return fingerprint(ROOT / "workflow/scripts/train.py")


@dataclass
class Piece:
    """One piece of an experiment's trainings.

    Args:
        films: The packed films.
        work: Where runs, their weights and checkpoints lie between pieces.
        done: Names of runs that are done elsewhere.
        side_by_side: Trainings at a time.
    """

    films: Path
    work: Path
    done: frozenset[str]
    side_by_side: int

    def run(self, runs: Planned, seconds: float) -> list[str]:
        """Train what is missing until the time is over.

        Args:
            runs: The planned ones.
            seconds: For how long.

        Returns:
            Names of runs that failed.
        """
        until, failed = time.monotonic() + seconds, []
        waiting = [name for name in runs.runs if name not in self.done and not runs.is_done(self.work / name, name)]
        running: dict[str, subprocess.Popen[bytes]] = {}
        try:
            while running or (waiting and time.monotonic() < until):
                while waiting and len(running) < self.side_by_side and time.monotonic() < until:
                    name = waiting.pop(0)
                    running[name] = self._start(name)
                time.sleep(0.1)
                if time.monotonic() >= until:
                    _stop(running.values())
                for name in [name for name, process in running.items() if process.poll() is not None]:
                    if running.pop(name).returncode not in ENDED:
                        failed.append(name)
        finally:  # whatever ends this process, none is left behind
            _stop(running.values())
        return failed

    def _start(self, name: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "lungseg.jobs.pieces", "train", self.films.absolute(), name]
        command += ["--work", self.work.absolute()]  # as it starts in another folder
        return subprocess.Popen(list(map(str, command)), cwd=ROOT, env={**KEEP_BLOCKS, **os.environ})


def _stop(running: Iterable[subprocess.Popen[bytes]]) -> None:
    """Let trainings write a checkpoint and end."""
    processes = list(running)
    for process in processes:
        process.terminate()
    last = time.monotonic() + GRACE
    for process in processes:
        try:
            process.wait(max(0.0, last - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def packed_bytes(run: Path) -> int:
    """How long an archive of this run alone may be."""
    return LISTED + sum((run / file).stat().st_size + 512 for file in FILES)


def ship(
    work: Path, names: Sequence[str], out: Path, archives: int = ARCHIVES, limit: int = ARCHIVE_MIB * MEBI
) -> list[str]:
    """Put whole runs without their weights into archives.

    Args:
        work: Where the runs lie.
        names: Runs to bring, the most useful first.
        out: Folder for the archives; older ones in it are replaced.
        archives: How many there may be.
        limit: Bytes that each may have.

    Returns:
        Names of runs for which there was no room: they come with a later piece, if they are not larger than an archive.
    """
    groups: list[list[str]] = []
    room, left = 0, []
    for name in names:
        size = packed_bytes(work / name) - LISTED
        if room < size <= limit - LISTED and len(groups) < archives:
            groups.append([])
            room = limit - LISTED
        if size > room:
            left.append(name)
            continue
        groups[-1].append(name)
        room -= size
    out.mkdir(parents=True, exist_ok=True)
    for old in out.glob("runs-*.zip"):
        old.unlink()
    for number, group in enumerate(groups, start=1):
        with replacing(out / f"runs-{number}.zip") as path, ZipFile(path, "w", ZIP_STORED) as archive:
            for name in group:
                for file in FILES:
                    archive.write(work / name / file, f"runs/{name}/{file}")
    return left


def take(out: Path, bundles: Path, limit: int = ARCHIVE_MIB * MEBI) -> list[str]:
    """Unpack what came back into a folder of bundles; a run that lies there already stays as it is.

    Args:
        out: Folder with the archives.
        bundles: Folder of bundles.
        limit: Bytes that each archive may hold.

    Returns:
        Names of the runs that are new.

    Raises:
        InputError: An archive is damaged or holds something else.
    """
    if not out.is_dir():
        raise InputError(out, missing(out), "the folder that `run` wrote to", "Correct the path.")
    taken = []
    for path in sorted(out.glob("runs-*.zip")):
        try:
            with open_zip(path, Bounds(limit, limit), "Bring it again.") as archive:
                content = {info.filename: archive.read(info) for info in archive.infolist()}
        except InputError as error:
            expected = f"{WROTE}, of at most {limit / MEBI:g} MiB"
            remedy = f"{error.remedy} Where `run` was given another --mib, give it here too."
            raise InputError(error.where, error.found, expected, remedy) from error
        except (BadZipFile, EOFError, zlib.error) as error:
            raise InputError(path, str(error), WROTE, "Bring it again.") from error
        for member in content:
            if not re.fullmatch(
                r"runs/[\w-]+/[\w-]+/seed\d+/(" + "|".join(map(re.escape, FILES)) + ")", member, re.ASCII
            ):
                raise InputError(path, f"a member {member!r}", "runs and nothing else", "Bring it again.")
        for name in sorted({str(Path(member).parent.relative_to("runs")) for member in content}):
            if lacking := [file for file in FILES if f"runs/{name}/{file}" not in content]:
                found = f"{name} without {', '.join(lacking)}"
                raise InputError(path, found, f"the files {', '.join(FILES)} of a run", "Bring it again.")
            if not complete(there := bundles / "runs" / name):
                for file in FILES:
                    with replacing(there / file) as part:
                        part.write_bytes(content[f"runs/{name}/{file}"])
                taken.append(name)
            elif not alike(path, content[f"runs/{name}/{CARD}"], there / CARD):
                found = f"{name} of other choices or films than the run that lies in {bundles}"
                remedy = "Move that folder away, or give another one for these runs."
                raise InputError(path, found, "the runs of one experiment in a folder of bundles", remedy)
    return taken


def alike(archive: Path, content: bytes, card: Path) -> bool:
    """Whether a card that came back tells of the same run as one that lies here: of one identity and the same films.

    Raises:
        InputError: What came back is no card.
    """
    try:
        came = json.loads(content)
        return all(came[key] == value for key, value in read_card(card, NEEDED).items() if key in SAME)
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(archive, "a card that cannot be read", WROTE, "Bring it again.") from error


def brought(bundles: Path, runs: Planned) -> list[str]:
    """Names of the runs whose cards lie in a folder of bundles.

    Raises:
        InputError: A card is of another experiment, of other films or of another training code.
    """
    names = []
    for name in runs.runs:
        if (card := bundles / "runs" / name / CARD).is_file():
            if (there := runs.checked(card, name)["code"]) != code():
                remedy = "Check out the commit that the card names, or move the folder and train all anew."
                raise InputError(f"{card}, code", there, f"{code()}, as here", remedy)
            names.append(name)
    return names


def fitting(experiment: Experiment) -> int:
    """How many trainings run side by side: at most four, and no more than cores and memory hold."""
    on_gpu = experiment.device != "cpu" and count() > 0
    size, places = experiment.preprocessing.size, min(4, len(os.sched_getaffinity(0)))
    needs = [
        training_mb(variant, experiment.trained_as(name), size, on_gpu) for name, variant in experiment.variants.items()
    ]
    memory = machine_mb()
    return places if memory is None else max(1, min(places, memory // max(needs)))


def run_piece(
    films: Path,
    minutes: float,
    work: Path,
    out: Path,
    bundles: Path,
    side_by_side: int | None,
    archives: int = ARCHIVES,
    limit: int = ARCHIVE_MIB * MEBI,
) -> int:
    """Train for some minutes, bring what is whole, and tell what is left.

    Returns:
        Exit status: 0, or 1 if a run failed.
    """
    runs = Planned(unpack(films))
    names = list(runs.runs)
    done = frozenset(brought(bundles, runs))
    piece = Piece(films, work, done, side_by_side or fitting(runs.experiment))
    failed = piece.run(runs, 60 * minutes)
    whole = [name for name in names if name not in done and runs.is_done(work / name, name)]
    left = ship(work, whole, out, archives, limit)
    large = [name for name in left if packed_bytes(work / name) > limit]
    later = [name for name in left if name not in large]
    too_large = f"larger than the {limit / MEBI:g} MiB of an archive, and not brought: give a larger --mib"
    print(f"{len(done)} of {len(names)} runs were done, {len(whole) - len(left)} more are in {out}", flush=True)
    told_of = ((later, "found no room and come with a later piece"), (large, too_large), (failed, "failed: see above"))
    for told, of in told_of:
        if of and told:
            print(f"{len(told)} {of}: {', '.join(told)}")
    return 1 if failed else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; bad input ends in one message and exit status 2."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.do(options) or 0)
    except Exception as error:
        message = describe(error)
        if message is None:
            raise
        print(f"lungseg: {message}", file=sys.stderr)
        return 2


def _pack(options: argparse.Namespace) -> None:
    from lungseg.config import read_configfiles
    from lungseg.jobs.prepared import check_prepared
    from lungseg.machine import commit

    experiment = read_configfiles(*options.configfile)
    check_prepared(experiment, Path())
    pack(options.films, experiment, commit(ROOT)["commit"], Path())
    if (size := options.films.stat().st_size) > options.mib * MEBI:
        remedy = "Give a larger --mib where more can be carried; else choose a smaller preprocessing.size."
        raise InputError(options.films, f"{size / MEBI:.0f} MiB", f"at most {options.mib}", remedy)
    print(f"{options.films}: {size / MEBI:.1f} MiB")


def _take(options: argparse.Namespace) -> None:
    taken = take(options.out, options.bundles, options.mib * MEBI)
    print(f"{len(taken)} runs taken into {options.bundles}")


def _left(options: argparse.Namespace) -> int:
    runs = Planned(unpack(options.films))
    done = brought(options.bundles, runs)
    left = [name for name in runs.runs if name not in done]
    if left:
        print(f"{len(done)} of {len(runs.runs)} runs done; next is {left[0]}: give the command again")
    return 1 if left else 0


def _number(text: str) -> int:
    """A whole number from 1 on."""
    if not (text.isascii() and text.isdigit() and int(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 on")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m lungseg.jobs.pieces", description=str(__doc__).partition("\n")[0])
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("pack", help="put the prepared films into one file")
    one.add_argument("films", type=Path)
    one.add_argument("--configfile", type=Path, nargs="+", required=True)
    one.add_argument("--mib", type=_number, default=FILMS_MIB, help="the file may have so many MiB (%(default)s)")
    one.set_defaults(do=_pack)
    one = commands.add_parser("run", help="train for some minutes and bring what is whole")
    one.add_argument("films", type=Path)
    one.add_argument("--minutes", type=float, required=True)
    one.add_argument("--work", type=Path, default=Path("pieces"), help="keeps weights and checkpoints between pieces")
    one.add_argument("--out", type=Path, required=True, help="gets the archives with the runs that are whole")
    one.add_argument("--mib", type=_number, default=ARCHIVE_MIB, help="an archive may have so many MiB (%(default)s)")
    one.add_argument("--archives", type=_number, default=ARCHIVES, help="of at most so many archives (%(default)s)")
    one.add_argument("--bundles", type=Path, default=Path(os.devnull), help="runs that lie there are done")
    one.add_argument(
        "--side-by-side", type=int, help="trainings at a time; unless given up to 4, as cores and memory allow"
    )
    one.set_defaults(
        do=lambda o: run_piece(
            o.films.resolve(),
            o.minutes,
            o.work.resolve(),
            o.out,
            o.bundles.resolve(),
            o.side_by_side,
            o.archives,
            o.mib * MEBI,
        )
    )
    one = commands.add_parser("train", help="train one run; `run` calls it")
    one.add_argument("films", type=Path)
    one.add_argument("name")
    one.add_argument("--work", type=Path, required=True)
    one.set_defaults(do=lambda o: train(o.films, o.name, o.work))
    one = commands.add_parser("take", help="unpack what came back into a folder of bundles")
    one.add_argument("out", type=Path)
    one.add_argument("bundles", type=Path)
    one.add_argument("--mib", type=_number, default=ARCHIVE_MIB, help="as `run` was given it (%(default)s)")
    one.set_defaults(do=_take)
    one = commands.add_parser("left", help="exit status 1 and a line if runs are left to train")
    one.add_argument("films", type=Path)
    one.add_argument("bundles", type=Path)
    one.set_defaults(do=_left)
    return parser


if __name__ == "__main__":
    sys.exit(main())
