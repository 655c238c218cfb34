"""Faults in the work of an experiment: kills, damaged files between its rules, full disks, locks, its surroundings."""

import base64
import json
import os
import pickle
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from functools import partial
from pathlib import Path

import numpy as np

from bench.judge import HALF, Case, environment_of, nothing, run

Harm = Callable[[Path], None]
RESULTS, DATA = "tiny/results", "tiny/data"
EVERYTHING = ("snakemake", "--cores", "1", "--configfile", "tests/tiny.yaml")
# What is there when a stage begins; what follows it is taken away.
STAGES = {
    "from nothing": ["tiny"],
    "before training": [f"{RESULTS}/runs", f"{RESULTS}/predictions", f"{RESULTS}/scores"],
    "before predicting": [f"{RESULTS}/predictions", f"{RESULTS}/scores"],
    "before estimating": [],
}
LATE = [f"{RESULTS}/{name}" for name in (
    "scores.csv", "scores.parquet", "diverged.csv", "estimates.csv", "comparisons.csv", "definitions.csv",
    "definitions.parquet", "calibration.csv", "reliability.csv", "operating_points.csv", "best_epochs.csv",
    "claims.csv", "table1.csv", "figures", "cases", "metrics.json", "manifest.json", "report.html",
    "runs/tracking.csv", "leakage.csv",
)]  # fmt: skip


def make(*targets: str) -> tuple[str, ...]:
    """The command for some of the experiment's files."""
    return (*EVERYTHING, "--", *(f"{RESULTS}/{target}" for target in targets))


def gone(*names: str) -> Harm:
    """Take files or folders away."""

    def harm(folder: Path) -> None:
        for name in names:
            path = folder / name
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)

    return harm


def both(*harms: Harm) -> Harm:
    """One after the other."""

    def harm(folder: Path) -> None:
        for one in harms:
            one(folder)

    return harm


def written(name: str, content: bytes | str) -> Harm:
    """Something else in a file, or a file in something's place."""

    def harm(folder: Path) -> None:
        gone(name)(folder)
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())

    return harm


def changed(name: str, change: Callable[[bytes], bytes]) -> Harm:
    """Other bytes in a file."""
    return lambda folder: written(name, change((folder / name).read_bytes()))(folder)


def restored(*names: str) -> Harm:
    """Files of the project as they are in git."""
    return lambda folder: subprocess.run(["git", "checkout", "-q", "--", *names], cwd=folder, check=True) and None


# --- kills


def kills(rng: np.random.Generator) -> list[Case]:
    """Signals to the tree, to one job or to Snakemake, at a random moment of a random stage."""
    cases = []
    for whom in ("SIGKILL to all", "SIGKILL to a job", "SIGKILL to snakemake", "SIGTERM to snakemake", "SIGINT to all"):
        for _ in range(2):
            stage = str(rng.choice(list(STAGES)))
            begun, pause = int(rng.integers(1, 13)), float(rng.uniform(0, 2))
            harm = both(gone(*STAGES[stage], *LATE))
            shot = _Shot(whom, begun, pause)
            name = f"{whom}, {stage}, {pause:.2f} s into job {begun}"
            cases.append(Case("kills", name, EVERYTHING, harm, shot.wait, says="", start=shot))
    return cases


class _Shot:
    """Run a command and end it midway; remember what is left of it."""

    def __init__(self, whom: str, begun: int, pause: float) -> None:
        self.whom, self.begun, self.pause, self.group = whom, begun, pause, 0

    def __call__(self, command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> tuple[int, str, str]:
        with (folder / "out").open("w") as out:
            process = subprocess.Popen(
                command, cwd=folder, env=dict(environment), stdout=out, stderr=out, start_new_session=True,
                preexec_fn=_interruptible,
            )  # fmt: skip
            self.group = process.pid
            while process.poll() is None and _jobs_begun(folder) < self.begun:
                time.sleep(0.02)
            time.sleep(self.pause)
            assert process.poll() is None, "it ended before it was killed"
            self.fire(process)
            code = process.wait(300)
            assert code != 0, "nobody was killed"
        if self.whom == "SIGKILL to all":
            self.wait(folder)
        return code, "", (folder / "out").read_text(errors="replace")

    def fire(self, process: subprocess.Popen) -> None:
        number = signal.Signals[self.whom.split()[0]]
        with suppress(ProcessLookupError):
            if self.whom.endswith("all"):
                os.killpg(process.pid, number)
            elif self.whom.endswith("job"):
                os.kill((_children(process.pid) or [process.pid])[-1], number)
            else:
                os.kill(process.pid, number)

    def wait(self, folder: Path) -> None:
        """What `end it or wait` asks for: until no job is left."""
        for _ in range(1200):
            try:
                os.killpg(self.group, 0)
            except ProcessLookupError:
                return
            time.sleep(0.1)


def _interruptible() -> None:
    """What a shell starts in the background ignores Ctrl-C, and so would all that it starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _jobs_begun(folder: Path) -> int:
    text = (folder / "out").read_text(errors="replace")
    return len(re.findall(r"^(local)?rule ", text, re.MULTILINE))


def _children(process: int) -> list[int]:
    """A process's descendants, the youngest last."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if int(stat.read_text().rpartition(")")[2].split()[1]) == process:
                found += [int(stat.parent.name), *_children(int(stat.parent.name))]
    return sorted(found)


# --- damaged files between rules

# A file, and a target whose rule reads it.
TABLES = {
    f"{RESULTS}/images/phantom.csv": "splits/phantom.csv",
    f"{RESULTS}/splits/phantom.csv": "leakage.csv",
    f"{RESULTS}/scores.csv": "cases/algorithms.csv",
    f"{RESULTS}/estimates.csv": "metrics.json",
    f"{RESULTS}/diverged.csv": "table1.csv",
    f"{RESULTS}/comparisons.csv": "claims.csv",
    f"{RESULTS}/elsewhere.csv": "claims.csv",
    f"{RESULTS}/crossing.csv": "figures/crossing.png",
}
ARRAYS = {
    f"{DATA}/processed/phantom.npy": "leakage.csv",
    f"{DATA}/processed/phantom.masks.zip": "scores/pooled.parquet",
    f"{RESULTS}/predictions/pooled.npz": "calibration.csv",
    f"{RESULTS}/scores/pooled.parquet": "scores.csv",
    f"{RESULTS}/scores.parquet": "estimates.csv",
    f"{RESULTS}/definitions.parquet": "figures/definitions.png",
}
RUN = f"{RESULTS}/runs/unet/pooled/seed0"
RUNS = {
    f"{RUN}/weights.safetensors": "predictions/pooled.npz",
    f"{RUN}/weights.json": "scores.csv",
    f"{RUN}/history.csv": "best_epochs.csv",
    f"{DATA}/raw/phantom/archives.json": "images/phantom.csv",
}


def _half(content: bytes, rng: np.random.Generator) -> bytes:
    return content[: len(content) // 2]


def _bit(content: bytes, rng: np.random.Generator) -> bytes:
    other = bytearray(content)
    other[int(rng.integers(len(content)))] ^= 1 << int(rng.integers(8))
    return bytes(other)


def _digit(content: bytes, rng: np.random.Generator) -> bytes:
    """Another digit in a number: no sign of it is left in the table."""
    places = [at for at, byte in enumerate(content) if chr(byte).isdigit() and at > content.index(b"\n")]
    other = bytearray(content)
    at = int(rng.choice(places)) if places else 0
    other[at] = ord("0") + (other[at] - ord("0") + 1) % 10 if places else other[at] ^ 1
    return bytes(other)


def _rows(content: bytes, rng: np.random.Generator) -> bytes:
    head, *rows = content.splitlines(keepends=True)
    order = rng.permutation(len(rows))
    return head + b"".join(rows[at] for at in order)


def _fewer(content: bytes, rng: np.random.Generator) -> bytes:
    head, *rows = content.splitlines(keepends=True)
    return head + b"".join(rows[: len(rows) // 2])


def _twice(content: bytes, rng: np.random.Generator) -> bytes:
    return content + (content.splitlines(keepends=True) or [b""])[-1]


DAMAGES: dict[str, Callable[[bytes, np.random.Generator], bytes]] = {
    "empty": lambda content, rng: b"",
    "halved": _half,
    "random bytes": lambda content, rng: rng.bytes(len(content)),
    "zeros": lambda content, rng: bytes(len(content)),
    "one bit flipped": _bit,
}
DAMAGED_TABLES = DAMAGES | {
    "one digit changed": _digit,
    "rows in another order": _rows,
    "half of its rows": _fewer,
    "its last row twice": _twice,
}


def _damaged(
    kind: str, files: Mapping[str, str], ways: Mapping[str, Callable], count: int, rng: np.random.Generator
) -> list[Case]:
    """Some of all pairs of a file and a way to damage it; every file is drawn, and every way."""
    pairs = [(file, way) for file in files for way in ways]
    drawn: list[tuple[str, str]] = []
    for at in rng.permutation(len(pairs)):
        file, way = pairs[at]
        seen = [sum(one[place] == value for one in drawn) for place, value in enumerate((file, way))]
        if len(drawn) < count and seen[0] < -(-count // len(files)) and seen[1] < -(-count // len(ways)):
            drawn.append((file, way))
    cases = []
    for file, way in drawn:
        target, own = files[file], np.random.default_rng(rng.integers(2**32))
        harm = both(changed(file, partial(ways[way], rng=own)), gone(f"{RESULTS}/{target}"))
        name = f"{Path(file).relative_to('tiny')}: {way}"
        cases.append(Case(kind, name, make(target), harm, gone(file), Path(file).name.replace(".", r"\.")))
    return cases


def tables(rng: np.random.Generator) -> list[Case]:
    """Tables between rules."""
    return _damaged("damaged tables", TABLES, DAMAGED_TABLES, 12, rng)


def arrays(rng: np.random.Generator) -> list[Case]:
    """Arrays, masks, predictions and Parquet tables between rules."""
    return _damaged("damaged arrays", ARRAYS, DAMAGES, 10, rng)


def runs(rng: np.random.Generator) -> list[Case]:
    """Weights, cards, histories, the record of archives."""
    return _damaged("damaged runs", RUNS, DAMAGES, 10, rng)


def numpy_files(rng: np.random.Generator) -> list[Case]:
    """The processed films as other arrays: another order, size or type of number, one film in the place of another."""
    file, target = f"{DATA}/processed/phantom.npy", "leakage.csv"

    def stored(change: Callable[[np.ndarray], np.ndarray]) -> Harm:
        def harm(folder: Path) -> None:
            films = np.array(np.load(folder / file))
            np.save(folder / file, change(films), allow_pickle=True)

        return both(harm, gone(f"{RESULTS}/{target}"))

    def one_pixel(films: np.ndarray) -> np.ndarray:
        films[tuple(rng.integers(films.shape))] ^= 1
        return films

    changes: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "rows reversed": lambda films: films[::-1].copy(), "one film less": lambda films: films[:-1],
        "one film more": lambda films: np.concatenate([films, films[:1]]),
        "films twice as large": lambda films: films.repeat(2, axis=2).repeat(2, axis=3),
        "as int16": lambda films: films.astype(np.int16), "as float32": lambda films: films.astype(np.float32),
        "as objects": lambda films: films.astype(object),
        "film and mask exchanged": lambda films: films[:, ::-1].copy(), "one pixel changed": one_pixel,
        "all zero": lambda films: films * 0, "turned": lambda films: np.rot90(films, 1, (2, 3)),
        "in Fortran's order": lambda films: np.asfortranarray(films),
    }  # fmt: skip
    return [
        Case("other arrays", name, make(target), stored(change), gone(file), r"phantom\.npy|phantom\.csv",
             says=r"found .*expected .*\. \S")
        for name, change in changes.items()
    ]  # fmt: skip


# --- a training that was killed

TRAINING = ("--config", "training={epochs: 40, precision: float32}", "checkpoint_seconds=0")
GO_ON = (*EVERYTHING, *TRAINING, "--", f"{RUN}/weights.safetensors")
CHECKPOINT = f"{RUN}/checkpoint.pt"


class Evil:
    """A pickle that runs a command when it is read as Python objects."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch PWNED",)


def half_work(folder: Path, environment: Mapping[str, str]) -> None:
    """Leave a training at a checkpoint, killed."""
    process = subprocess.Popen(
        GO_ON, cwd=folder, env=dict(environment), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    while process.poll() is None and not (folder / CHECKPOINT).exists():
        time.sleep(0.002)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert (folder / CHECKPOINT).exists()


def checkpoints(rng: np.random.Generator) -> list[Case]:
    """What a killed training left, damaged."""
    harms: dict[str, Harm] = {
        f"checkpoint.pt: {name}": changed(CHECKPOINT, partial(way, rng=rng)) for name, way in DAMAGES.items()
    }
    harms |= {
        "checkpoint.pt: a pickle that runs a command": written(CHECKPOINT, pickle.dumps(Evil())),
        "checkpoint.pt: a folder": lambda folder: (gone(CHECKPOINT)(folder), (folder / CHECKPOINT).mkdir())[0],
        "checkpoint.pt: a text": written(CHECKPOINT, "epoch 3"),
        "progress.csv: empty": written(f"{RUN}/progress.csv", b""),
        "progress.csv: random bytes": written(f"{RUN}/progress.csv", rng.bytes(500)),
        "progress.csv: gone": gone(f"{RUN}/progress.csv"),
    }
    return [
        Case("checkpoints", name, GO_ON, harm, gone(CHECKPOINT), "checkpoint|progress", work=HALF)
        for name, harm in harms.items()
    ]


# --- tables edited by hand


def edited(rng: np.random.Generator) -> list[Case]:
    """What a person, or a spreadsheet, makes of a table between two rules."""

    def cell(file: str, column: str, value: str, target: str) -> tuple[str, Harm, str]:
        def change(content: bytes) -> bytes:
            lines = [line.split(",") for line in content.decode().splitlines()]
            lines[1][lines[0].index(column)] = value
            return "".join(",".join(line) + "\n" for line in lines).encode()

        return file, changed(f"{RESULTS}/{file}", change), target

    def text(file: str, change: Callable[[bytes], bytes], target: str) -> tuple[str, Harm, str]:
        return file, changed(f"{RESULTS}/{file}", change), target

    history = "runs/unet/pooled/seed0/history.csv"
    edits = {
        "estimates.csv: Dice 1.7": cell("estimates.csv", "mean", "1.7", "metrics.json"),
        "estimates.csv: Dice 0.7": cell("estimates.csv", "mean", "0.7", "metrics.json"),
        "estimates.csv: Dice below zero": cell("estimates.csv", "mean", "-0.2", "metrics.json"),
        "estimates.csv: no Dice": cell("estimates.csv", "mean", "", "metrics.json"),
        "estimates.csv: a word for Dice": cell("estimates.csv", "mean", "good", "metrics.json"),
        "estimates.csv: another network": cell("estimates.csv", "variant", "proposed", "metrics.json"),
        "estimates.csv: semicolons": text("estimates.csv", lambda c: c.replace(b",", b";"), "metrics.json"),
        "estimates.csv: a column renamed": text(
            "estimates.csv", lambda c: c.replace(b"mean", b"Mean", 1), "metrics.json"
        ),
        "scores.csv: Dice NaN": cell("scores.csv", "dice", "nan", "cases/algorithms.csv"),
        "scores.csv: Dice 0.9": cell("scores.csv", "dice", "0.9", "cases/algorithms.csv"),
        "scores.csv: a row twice": text("scores.csv", lambda c: _twice(c, rng), "cases/algorithms.csv"),
        "scores.csv: saved by a spreadsheet": text(
            "scores.csv", lambda c: b"\xef\xbb\xbf" + c.replace(b"\n", b"\r\n"), "cases/algorithms.csv"
        ),
        "splits: a film moved from training to test": text(
            "splits/phantom.csv", lambda c: c.replace(b",train\n", b",test\n", 1), "leakage.csv"
        ),
        "splits: a part that is none": text(
            "splits/phantom.csv", lambda c: c.replace(b",train\n", b",learn\n", 1), "leakage.csv"
        ),
        "history.csv: an epoch twice": text(history, lambda c: _twice(c, rng), "best_epochs.csv"),
        "history.csv: validation Dice 0.99": cell(history, "validation_dice", "0.99", "best_epochs.csv"),
    }  # fmt: skip
    return [
        Case("tables edited by hand", name, make(target), both(harm, gone(f"{RESULTS}/{target}")),
             gone(f"{RESULTS}/{file}"), Path(file).name)
        for name, (file, harm, target) in edits.items()
    ]  # fmt: skip


# --- a full disk


def disks(rng: np.random.Generator) -> list[Case]:
    """A disk that fills up while a rule writes; where none can be mounted, a limit on what a file may hold."""
    targets = {
        "images/phantom.csv": [f"{DATA}/processed", f"{RESULTS}/images"], "splits/phantom.csv": [],
        f"{RUN.removeprefix('tiny/results/')}/weights.safetensors": [], "predictions/pooled.npz": [],
        "scores/pooled.parquet": [], "scores.csv": [f"{RESULTS}/scores.parquet"], "estimates.csv": [],
        "table1.csv": [], "figures/crossing.png": [], "claims.csv": [], "metrics.json": [], "report.html": [],
    }  # fmt: skip
    cases = []
    for target, more in targets.items():
        free = float(rng.uniform(0, 0.9))
        lost = [f"{RESULTS}/{target}", *more]
        harm, mend = both(_weigh(lost), gone(*lost), partial(_fill, share=free)), _room
        name = f"{target}: room for {free:.0%} of it"
        says = r"No space left|[Dd]isk quota|File too large"
        cases.append(Case("full disks", name, make(target), harm, mend, says=says))
    return cases


def _weigh(lost: Sequence[str]) -> Harm:
    """Note how much is going to be written."""

    def harm(folder: Path) -> None:
        files = [
            path
            for name in lost
            for path in ((folder / name).rglob("*") if (folder / name).is_dir() else [folder / name])
        ]
        (folder / "weight").write_text(str(sum(path.stat().st_size for path in files if path.is_file())))

    return harm  # fmt: skip


def _fill(folder: Path, share: float) -> None:
    """Put the experiment on a disk of its own with little room."""
    page = 4096
    weight = int((folder / "weight").read_text())
    shutil.move(folder / "tiny", folder / "moved")
    (folder / "tiny").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", folder / "tiny"], check=True)
    shutil.copytree(folder / "moved", folder / "tiny", symlinks=True, dirs_exist_ok=True)
    used = os.statvfs(folder / "tiny")
    size = (used.f_blocks - used.f_bfree) * used.f_bsize + int(weight * share) // page * page
    subprocess.run(["mount", "-o", f"remount,size={size}", folder / "tiny"], check=True)


def _room(folder: Path) -> None:
    """Free space."""
    subprocess.run(["mount", "-o", "remount,size=256m", folder / "tiny"], check=True)


# --- what killed runs leave, and what lies in the way


def leftovers(_: np.random.Generator) -> list[Case]:
    """Locks, markers, half-made files and damaged notes of earlier runs."""
    target, file = "metrics.json", f"{RESULTS}/metrics.json"
    note, locks, log = ".snakemake/lungseg/tiny/run.json", ".snakemake/locks", f"{RESULTS}/logs/metrics.log"
    own = {"host": _this_host(), "process": 999999, "since": "2026-01-01 00:00:00 +0000", "cluster": False}
    locked = both(
        written(f"{locks}/0.input.lock", f"{DATA}/raw/phantom/archives.json\n"),
        written(f"{locks}/0.output.lock", f"{DATA}/raw/phantom/archives.json\n{RESULTS}/metrics.json\n"),
    )

    def said(**other: object) -> Harm:
        return both(locked, written(note, json.dumps(own | other)))

    def metadata(content: bytes) -> Harm:
        def harm(folder: Path) -> None:
            name = base64.b64encode(f"{RESULTS}/estimates.csv".encode()).decode()
            (folder / ".snakemake/metadata" / name).write_bytes(content)

        return harm

    def unfinished(folder: Path) -> None:
        (folder / ".snakemake/incomplete" / base64.b64encode(file.encode()).decode()).write_text("")
        (folder / file).write_text("{")

    def a_folder(name: str) -> Harm:
        return lambda folder: (gone(name)(folder), (folder / name).mkdir(parents=True))[0]

    unlock = (*EVERYTHING, "--unlock")
    harms: dict[str, tuple[Harm, Harm, str]] = {
        "the lock of a killed run": (said(), nothing, ""),
        "the lock of another host": (said(host="elsewhere 1"), _unlocked(unlock), "left a lock"),
        "the lock of a cluster": (said(cluster=True), _unlocked(unlock), "left a lock"),
        "a lock and no note of whose": (both(locked, gone(note)), _unlocked(unlock), "left a lock"),
        "a lock and a note of random bytes": (
            both(locked, written(note, bytes(range(256)))), _unlocked(unlock), "left a lock"),
        "hashes.json of random bytes": (written(".snakemake/lungseg/hashes.json", bytes(range(256))), nothing, ""),
        "hashes.json is a folder": (a_folder(".snakemake/lungseg/hashes.json"), nothing, ""),
        "a file half made by a killed job": (unfinished, nothing, ""),
        "half-made parts beside it": (
            both(written(f"{RESULTS}/.metrics.json.x-1.999999.aa.part", "{"),
                 written(f"{RESULTS}/.metrics.json.elsewhere-1.1.aa.part", "{")), nothing, ""),
        "Snakemake's note of a file empty": (metadata(b""), nothing, ""),
        "Snakemake's note of a file of random bytes": (metadata(bytes(range(256))), nothing, ""),
        "Snakemake's note of a file halved": (metadata(b'{"rule": "esti'), nothing, ""),
        "a folder in the place of the file": (a_folder(file), gone(file), r"metrics\.json"),
        "a folder in the place of the log": (a_folder(log), gone(log), r"metrics\.log"),
        "a file in the place of the logs": (written(f"{RESULTS}/logs", "x"), gone(f"{RESULTS}/logs"), "logs"),
    }  # fmt: skip
    says = {"left a lock": r"left a lock.*--unlock"}
    return [
        Case("leftovers", name, make(target), both(gone(file), harm), mend, names,
             says=says.get(names, r"found .*expected .*\. \S"))
        for name, (harm, mend, names) in harms.items()
    ]  # fmt: skip


def _unlocked(command: Sequence[str]) -> Harm:
    return lambda folder: run(command, folder, environment_of(folder, {})) and None


def _this_host() -> str:
    machine = Path("/etc/machine-id")
    return f"{socket.gethostname()} {machine.read_text().strip() if machine.is_file() else ''}".strip()


# --- the paper, its claims, the plan


def papers(_: np.random.Generator) -> list[Case]:
    """The files of a paper, damaged."""
    at, target = "workflow/papers/mishra", "claims.csv"

    def line(file: str, old: str, new: str) -> tuple[str, Harm]:
        return file, changed(file, lambda content: content.decode().replace(old, new, 1).encode())

    harms = {
        "paper.yaml: empty": (f"{at}/paper.yaml", written(f"{at}/paper.yaml", "")),
        "paper.yaml: a list": (f"{at}/paper.yaml", written(f"{at}/paper.yaml", "- 1")),
        "paper.yaml: random bytes": (f"{at}/paper.yaml", written(f"{at}/paper.yaml", bytes(range(256)))),
        "paper.yaml: an unknown key": line(f"{at}/paper.yaml", "title:", "titel:"),
        "table1.csv: empty": (f"{at}/table1.csv", written(f"{at}/table1.csv", "")),
        "table1.csv: an open quote": line(f"{at}/table1.csv", "\n", '\n"'),
        "table1.csv: a word for a number": line(f"{at}/table1.csv", "0.957", "high"),
        "table1.csv: gone": (f"{at}/table1.csv", gone(f"{at}/table1.csv")),
        "claims.yaml: a mapping": (f"{at}/claims.yaml", written(f"{at}/claims.yaml", "a: 1")),
        "claims.yaml: numbers": (f"{at}/claims.yaml", written(f"{at}/claims.yaml", "- 1\n- 2\n")),
        "claims.yaml: a rule that is none": line(f"{at}/claims.yaml", "decides: gain", "decides: luck"),
        "claims.yaml: a network that is none": line(f"{at}/claims.yaml", "variant: proposed", "variant: nobody"),
        "claims.yaml: a number that is none": line(f"{at}/claims.yaml", "published: 0.025", "published: lots"),
        "claims.yaml: a claim twice": line(f"{at}/claims.yaml", "abstract-iou-gain", "abstract-dice-gain"),
        "plan-tiny.yaml: a list": (f"{at}/plan-tiny.yaml", written(f"{at}/plan-tiny.yaml", "- 1")),
        "plan-tiny.yaml: empty": (f"{at}/plan-tiny.yaml", written(f"{at}/plan-tiny.yaml", "")),
        "a published table: an open quote": line("workflow/published/imlab.csv", "\n", '\n"'),
        "a published table: a word for a number": line("workflow/published/mishra.csv", "0.957", "high"),
    }  # fmt: skip

    def mend(file: str) -> Harm:
        return gone(file) if "plan-tiny" in file else restored(file)

    return [
        Case(
            "papers and plans", name, make(target), both(harm, gone(f"{RESULTS}/{target}")), mend(file), Path(file).name
        )
        for name, (file, harm) in harms.items()
    ]


# --- files that the configuration names


def named_files(_: np.random.Generator) -> list[Case]:
    """Starting weights that are missing or something else."""
    target = f"{RESULTS}/runs/start/pooled/seed0/weights.safetensors"
    shipped = "lungseg/networks/pretrained_mobilenetv2.safetensors"

    def command(weights: str, *more: str) -> tuple[str, ...]:
        variants = f"variants={{start: {{encoders: [mobilenetv2], weights: {weights}}}}}"
        return (*EVERYTHING, "--config", variants, *more, "--", target)

    def copied(name: str, most: int | None = None) -> Harm:
        return lambda folder: written(file, (folder / name).read_bytes()[:most])(folder)

    after, file = make("metrics.json"), "start.safetensors"
    made = {
        "missing": gone(file), "empty": written(file, b""), "random bytes": written(file, bytes(range(256)) * 40),
        "a header of 2^60 bytes": written(file, b"\0\0\0\0\0\0\0\x10{}"),
        "a header and nothing": written(file, b"\x02\0\0\0\0\0\0\0{}"),
        "a pickle": written(file, pickle.dumps(Evil())), "a folder": lambda folder: (folder / file).mkdir(),
        "half of a real one": copied(shipped, 10**6),
        "weights of another network": copied(f"{RUN}/weights.safetensors"),
    }  # fmt: skip
    cases = [
        Case("files that a configuration names", f"weights: {name}", command(file), harm, gone(file),
             r"start\.safetensors", after=after)
        for name, harm in made.items()
    ]  # fmt: skip
    others = {
        "bundles: a folder that is none": ("bundles=nowhere", "nowhere"),
        "bundles: a file": ("bundles=README.md", r"README\.md"),
        "bundles: runs of another experiment": ("bundles=results/laptop", "bundles|results/laptop|runs"),
        "paper: a folder that is none": ("paper=nobody", "nobody"),
        "paper: a folder without a table": ("paper=docs", "docs|paper"),
    }
    for name, (word, names) in others.items():
        words = (*EVERYTHING, "--config", word, "--", f"{RESULTS}/metrics.json")
        cases.append(Case("files that a configuration names", name, words, names=names, after=after))
    return cases


# --- MLflow


def stores(_: np.random.Generator) -> list[Case]:
    """MLflow's store away, locked, deleted, damaged, for `lungseg track`."""
    command = ("lungseg", "track", RESULTS)

    def sql(statement: str) -> Harm:
        def harm(folder: Path) -> None:
            with closing(sqlite3.connect(folder / "mlflow.db")) as store, store:
                store.execute(statement)

        return harm

    lost = gone("mlflow.db", "mlartifacts")
    a_folder: Harm = lambda folder: (gone("mlflow.db")(folder), (folder / "mlflow.db").mkdir())[0]  # noqa: E731
    cases: dict[str, tuple[Harm, Harm, dict[str, str | None]]] = {
        "deleted": (gone("mlflow.db"), nothing, {}),
        "deleted with its artifacts": (lost, nothing, {}),
        "its artifacts deleted": (gone("mlartifacts"), nothing, {}),
        "a file in the place of its artifacts": (written("mlartifacts", "x"), gone("mlartifacts"), {}),
        "empty": (written("mlflow.db", b""), lost, {}),
        "random bytes": (written("mlflow.db", bytes(range(256)) * 40), lost, {}),
        "halved": (changed("mlflow.db", lambda content: content[: len(content) // 2]), lost, {}),
        "a folder": (a_folder, lost, {}),
        "of a newer MLflow": (sql("UPDATE alembic_version SET version_num = 'fffffffffff'"), lost, {}),
        "without its table of runs": (sql("DROP TABLE runs"), lost, {}),
        "its experiment deleted": (sql("UPDATE experiments SET lifecycle_stage = 'deleted'"), nothing, {}),
        "its runs deleted": (sql("UPDATE runs SET lifecycle_stage = 'deleted'"), nothing, {}),
        "its runs half written": (sql("UPDATE runs SET status = 'RUNNING'"), nothing, {}),
        "a server that is away": (nothing, nothing, {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9"}),
        "a host that is none": (nothing, nothing, {"MLFLOW_TRACKING_URI": "http://no.host.invalid"}),
        "a kind that is none": (nothing, nothing, {"MLFLOW_TRACKING_URI": "foo://bar"}),
    }
    found = [
        Case("MLflow's store", name, command, harm, mend, "MLflow|mlartifacts|mlflow", environment=environment)
        for name, (harm, mend, environment) in cases.items()
    ]
    locked = _Locked()
    return [*found, Case("MLflow's store", "locked", command, mend=nothing, names="MLflow", start=locked)]


class _Locked:
    """Run a command while somebody else writes into the store."""

    def __call__(self, command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> tuple[int, str, str]:
        with closing(sqlite3.connect(folder / "mlflow.db")) as store:
            store.execute("BEGIN EXCLUSIVE")
            return run(command, folder, environment)


# --- the surroundings


def surroundings(_: np.random.Generator) -> list[Case]:
    """Variables, users, folders and limits as other machines have them."""
    target, file = make("metrics.json"), f"{RESULTS}/metrics.json"
    variables: dict[str, dict[str, str | None]] = {
        "LUNGSEG_ROOT elsewhere": {"LUNGSEG_ROOT": "/nowhere"},
        "LANG=C": {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0"},
        "a locale that is none": {"LANG": "xx_XX.nothing", "LC_ALL": "xx_XX.nothing"},
        "no HOME": {"HOME": None},
        "a time zone that is none": {"TZ": "Nowhere/Nothing"},
        "no colours and no columns": {"TERM": "dumb", "COLUMNS": "0"},
        "PYTHONHASHSEED": {"PYTHONHASHSEED": "7"},
        "PYTHONOPTIMIZE": {"PYTHONOPTIMIZE": "2"},
        "caches that cannot be written": {"MPLCONFIGDIR": "/proc/x", "TORCH_HOME": "/proc/x"},
        "a TMPDIR that is missing": {"TMPDIR": "/nowhere"},
    }  # fmt: skip
    cases = [Case("surroundings", name, target, gone(file), environment=changes) for name, changes in variables.items()]
    cases += [
        Case("surroundings", "40 open files", target, gone(file), start=_As("prlimit", "--nofile=40")),
        Case("surroundings", "a user whom nobody knows", target, both(gone(file), written("sitecustomize.py", NOBODY)),
             environment=dict.fromkeys(("LOGNAME", "USER", "LNAME", "USERNAME"))),
        Case("surroundings", "a results folder that cannot be written", target, both(gone(file), _closed), _opened,
             RESULTS),
        Case("surroundings", "a umask of 077", target, gone(file), start=_As("sh", "-c", 'umask 077; exec "$@"', "sh")),
    ]  # fmt: skip
    return cases


# What Python says in a container that is given a number in the place of a user.
NOBODY = """import pwd


def nobody(number):
    raise KeyError(f"getpwuid(): uid not found: {number}")


pwd.getpwuid = nobody
"""


class _As:
    """Run a command behind another one."""

    def __init__(self, *before: str) -> None:
        self.before = before

    def __call__(self, command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> tuple[int, str, str]:
        return run([*self.before, *command], folder, environment)


def _closed(folder: Path) -> None:
    """The results lie on a disk that is only read."""
    results = folder / RESULTS
    for words in (["--bind", results, results], ["-o", "remount,bind,ro", results]):
        subprocess.run(["mount", *words], check=True)


def _opened(folder: Path) -> None:
    """It is written too."""
    subprocess.run(["umount", folder / RESULTS], check=True)
