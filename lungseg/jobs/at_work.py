"""Who works on an experiment in a folder: so that a killed run goes on, and a live one is never disturbed.

Snakemake's lock is a list of file names that outlives a killed process. Beside it lie files that the kernel locks for a
process and frees when it ends, however it ends: `started` for each Snakemake, `running` for the one whose jobs run,
`jobs` for each job, because a job outlives a Snakemake that is killed alone. No process number is ever compared. The
kernel's locks may not reach other hosts of a shared file system, so `run.json` names the host, and what another host
began is never judged here. Whether jobs of a killed Snakemake are left in a cluster is asked of Slurm, in `queue`.
"""

import fcntl
import json
import os
import re
import socket
import time
from dataclasses import asdict, dataclass
from errno import EACCES, EPERM, EROFS
from pathlib import Path
from typing import IO

from lungseg.errors import InputError
from lungseg.files import replacing
from lungseg.jobs import queue

# What the reference experiment, which is called `paper`, makes below results/; a folder of another name there is where
# git keeps another experiment.
MADE = "benchmarks|cases|figures|images|logs|paper|predictions|runs|scores|splits|tune"
FOLDER = "LUNGSEG_AT_WORK"  # the environment variable that tells jobs where these files lie
STARTED, RUNNING, JOBS, RUN = "started", "running", "jobs", "run.json"
_held: list[IO[str]] = []  # for as long as this process lives


@dataclass(frozen=True)
class Run:
    """What is known of the Snakemake that began last.

    Args:
        host: Its name and the machine's number.
        process: Its number there.
        since: When it began.
        cluster: Whether its jobs run elsewhere.
    """

    host: str
    process: int
    since: str
    cluster: bool

    def __str__(self) -> str:
        return f"process {self.process} on {self.host.partition(' ')[0]}, begun {self.since}"


def own_files(name: str) -> re.Pattern[str]:
    """How paths of an experiment's files begin, and of no other's; a lock names those of the jobs that were to run.

    Args:
        name: Of the experiment.
    """
    if name == "paper":
        return re.compile(rf"data/|results/([^/]+$|({MADE})/)")
    return re.compile(rf"{re.escape(name)}/|results/{re.escape(name)}/")


def arrive(folder: Path, locks: Path, own: re.Pattern[str], cluster: bool = False) -> str | None:
    """What each Snakemake does first: take away the lock of a killed run of its experiment, if it surely is one.

    Args:
        folder: For the files of this experiment; it is made.
        locks: Snakemake's folder of locks.
        own: Of the paths of this experiment's files, and of no other's, as from `own_files`.
        cluster: Whether this run's jobs go elsewhere.

    Returns:
        What a person should know: a lock was taken away; or why it was not, and what to type. None where all is well.
    """
    left = [path for path in sorted(locks.glob("*.lock")) if _names(path, own)]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        jobs = _take(folder / JOBS)
        started = _take(folder / STARTED)
    except OSError as error:  # a folder that cannot be written, or a file system without locks
        return None if error.errno in (EACCES, EPERM, EROFS) or not left else _foreign(folder, read_run(folder))
    said: str | None
    run, alone = read_run(folder), started is not None and jobs is not None
    in_queue = run is not None and run.cluster and queue.is_here()  # its jobs are looked for there, before the first
    if left and not (alone or (in_queue and started is not None)):
        said = f"lungseg: {_busy(folder, run)}"
    elif left and (run is None or run.host != _host() or (run.cluster and not in_queue)):
        said = _foreign(folder, run)
    else:
        for path in left:
            path.unlink(missing_ok=True)
        said = f"lungseg: the lock of a killed run ({run}) is taken away; what it finished stays." if left else None
        if alone:
            _write(folder, cluster)
    if jobs:
        jobs.close()
    _stay(folder / STARTED, started)
    return said


def begin(folder: Path, cluster: bool = False) -> None:
    """What a Snakemake does before its first job.

    Raises:
        InputError: Another one's jobs run, or those that a killed one left.
    """
    try:
        jobs = _take(folder / JOBS)
        running = _take(folder / RUNNING) if jobs else None
    except OSError:
        return  # a file system without locks; Snakemake's own must do
    if jobs:
        jobs.close()
    if running is None:
        found, _, remedy = _busy(folder, read_run(folder)).rpartition(": ")
        raise InputError(f"experiment {folder.name}", found, "one run of it at a time", f"{remedy.capitalize()}.")
    _held.append(running)
    _write(folder, cluster)


def join() -> None:
    """What each job does first; nothing outside a run."""
    if folder := os.environ.get(FOLDER):
        try:
            _stay(Path(folder) / JOBS, None)
        except OSError:
            return  # it cannot be locked: the run that waits for this job knows of it


def read_run(folder: Path) -> Run | None:
    """The run that began last, None where nothing readable is said of it."""
    try:
        return Run(**json.loads((folder / RUN).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _take(path: Path) -> IO[str] | None:
    """A file that this process alone holds, or None where another one holds it."""
    file = path.open("a", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    except OSError:
        file.close()
        raise
    return file


def _stay(path: Path, file: IO[str] | None) -> None:
    """Be one of those who hold a file until this process ends."""
    file = file or path.open("a", encoding="utf-8")
    _held.append(file)
    fcntl.flock(file, fcntl.LOCK_SH)


def _names(lock: Path, own: re.Pattern[str]) -> bool:
    try:
        return any(own.match(line) for line in lock.read_text(encoding="utf-8", errors="replace").splitlines())
    except OSError:
        return False


def _write(folder: Path, cluster: bool) -> None:
    run = Run(_host(), os.getpid(), time.strftime("%Y-%m-%d %H:%M:%S %z"), cluster)
    with replacing(folder / RUN) as part:
        part.write_text(json.dumps(asdict(run)), encoding="utf-8")


def _host() -> str:
    machine = Path("/etc/machine-id")
    return f"{socket.gethostname()} {machine.read_text().strip() if machine.is_file() else ''}".strip()


def _busy(folder: Path, run: Run | None) -> str:
    """Somebody on this machine works, and who."""
    numbers = sorted({number for name in (STARTED, RUNNING, JOBS) for number in _holders(folder / name)})
    who = f" (processes {', '.join(map(str, numbers))})" if numbers else f" ({run})" if run else ""
    remedy = "wait until it is done, or end it with `kill`, and give the command again"
    return f"{folder.name} is being worked on{who}: {remedy}"


def _holders(path: Path) -> set[int]:
    """Processes that hold a lock on a file, as far as the kernel tells."""
    try:
        inode, table = path.stat().st_ino, Path("/proc/locks").read_text()
    except OSError:
        return set()
    fields = [line.split() for line in table.splitlines() if "->" not in line]
    held = {int(field[4]) for field in fields if field[1] == "FLOCK" and field[5].endswith(f":{inode}")}
    return held - {os.getpid(), 0, -1}


def _foreign(folder: Path, run: Run | None) -> str:
    """A lock whose owner cannot be seen from here, and what to type."""
    who = str(run) if run else "an unknown process"
    look = "its jobs are neither queued nor running (`squeue --me`)" if run and run.cluster else "it has ended there"
    return (
        f"lungseg: {folder.name} was last run by {who}, and left a lock. If {look}, give this command once with "
        "--unlock added, and then again."
    )
