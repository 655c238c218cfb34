"""A killed run goes on, a live one is never disturbed: with real processes, as the kernel tells them apart."""

import errno
import fcntl
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lungseg.errors import InputError
from lungseg.jobs import at_work

OWN = at_work.own_files("tiny")
Start = Callable[[str], "subprocess.Popen[str]"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the files of an experiment lie; Snakemake's locks lie in `locks` beside it."""
    (tmp_path / "locks").mkdir()
    return tmp_path / "tiny"


@pytest.fixture
def start(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """A function that runs a line in another process, which then waits; all are killed at the end."""
    monkeypatch.setattr(at_work, "_held", [])
    begun = []

    def other(line: str) -> "subprocess.Popen[str]":
        head = f"from pathlib import Path\nfrom lungseg.jobs import at_work\nfolder = Path({str(folder)!r})\n"
        program = f"{head}{line}\nprint('there', flush=True)\ninput()"
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        process = subprocess.Popen([sys.executable, "-c", program], text=True, **pipes)
        assert process.stdout and process.stdout.readline() == "there\n"
        begun.append(process)
        return process

    yield other
    for process in begun:
        process.kill()
        process.communicate()
    for file in at_work._held:
        file.close()


RUN = "at_work.arrive(folder, folder.parent / 'locks', at_work.own_files('tiny')); at_work.begin(folder)"
JOB = "import os; os.environ[at_work.FOLDER] = str(folder); at_work.join()"


def lock(folder: Path, line: str = "tiny/results/table1.csv") -> Path:
    """What Snakemake leaves."""
    path = folder.parent / "locks/0.output.lock"
    path.write_text(f"workflow/papers/mishra/paper.yaml\n{line}\n")
    return path


def arrive(folder: Path) -> str:
    """Be a Snakemake that comes, says something and ends."""
    said = at_work.arrive(folder, folder.parent / "locks", OWN) or ""
    while at_work._held:
        at_work._held.pop().close()
    return said


def kill(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.communicate()


def test_a_killed_run_goes_on(folder: Path, start: Start) -> None:
    process, left = start(RUN), lock(folder)
    kill(process)
    said = arrive(folder)
    assert f"the lock of a killed run (process {process.pid} on " in said
    assert not left.exists()
    at_work.begin(folder)


def test_a_live_run_is_not_disturbed(folder: Path, start: Start) -> None:
    process, left = start(RUN), lock(folder)
    said = arrive(folder)
    assert left.exists()
    assert f"tiny is being worked on (processes {process.pid}): wait until" in said
    with pytest.raises(InputError, match=f"found tiny is being worked on .processes {process.pid}., .* Wait until"):
        at_work.begin(folder)
    left.unlink()  # as --unlock does
    assert arrive(folder) == ""
    with pytest.raises(InputError, match="being worked on"):
        at_work.begin(folder)


def test_a_run_that_waits_for_its_environment_is_not_disturbed(folder: Path, start: Start) -> None:
    start(RUN.partition(";")[0])
    left = lock(folder)
    assert "being worked on" in arrive(folder)
    assert left.exists()


def test_jobs_that_a_killed_run_left_are_waited_for(folder: Path, start: Start) -> None:
    run, job, left = start(RUN), start(JOB), lock(folder)
    kill(run)
    assert f"being worked on (processes {job.pid})" in arrive(folder)
    assert left.exists()
    with pytest.raises(InputError, match="being worked on"):
        at_work.begin(folder)
    kill(job)
    assert "taken away" in arrive(folder)
    assert not left.exists()


def test_a_number_that_another_process_has_now_counts_for_nothing(folder: Path, start: Start) -> None:
    kill(start(RUN))
    left, run = lock(folder), json.loads((folder / at_work.RUN).read_text())
    (folder / at_work.RUN).write_text(json.dumps(run | {"process": os.getpid()}))
    assert "taken away" in arrive(folder)
    assert not left.exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"host": "node7 1234"},
            "run by process 5 on node7, begun 2026.* If it has ended there, give this",
        ),
        ({"cluster": True}, "If its jobs are neither queued nor running"),
    ],
)
def test_what_cannot_be_seen_from_here_is_not_judged(
    folder: Path, start: Start, monkeypatch: pytest.MonkeyPatch, change: dict[str, object], message: str
) -> None:
    kill(start(RUN))
    monkeypatch.setattr("lungseg.jobs.queue.is_here", lambda: False)
    left, run = lock(folder), json.loads((folder / at_work.RUN).read_text()) | {"process": 5, "since": "2026"}
    (folder / at_work.RUN).write_text(json.dumps(run | change))
    for _ in range(2):
        said = arrive(folder)
        assert left.exists()
        assert re.search(message, said), said
        assert "--unlock" in said
    left.unlink()
    assert arrive(folder) == ""


def test_what_a_cluster_run_left_is_asked_of_slurm(folder: Path, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its lock goes where its process is dead, even while one of its jobs is at work on this node."""
    other, job = start(RUN.replace("folder)", "folder, True)")), start(JOB)
    left = lock(folder)
    monkeypatch.setattr("lungseg.jobs.queue.is_here", lambda: True)
    assert "being worked on" in arrive(folder)
    kill(other)
    run = json.loads((folder / at_work.RUN).read_text())
    assert run["cluster"]
    assert "taken away" in arrive(folder)
    assert not left.exists()
    kill(job)


def test_a_lock_without_a_word_about_its_run_stays(folder: Path, start: Start) -> None:
    left = lock(folder)
    assert "an unknown process" in arrive(folder)
    assert left.exists()


@pytest.mark.parametrize(
    "line", ["data/raw/phantom/archives.json", "results/table1.csv", "tiny2/data/x", "results/cpu/x"]
)
def test_the_lock_of_another_experiment_stays(folder: Path, start: Start, line: str) -> None:
    kill(start(RUN))
    left = lock(folder, line)
    assert arrive(folder) == ""
    assert left.exists()


def test_without_locks_of_the_file_system_nothing_is_taken_away(
    folder: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    kill(start(RUN))

    def refuse(file: object, kind: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    assert arrive(folder) == ""
    left = lock(folder)
    assert "--unlock" in arrive(folder)
    assert left.exists()
    at_work.begin(folder)
    monkeypatch.setenv(at_work.FOLDER, str(folder))
    at_work.join()


def test_where_all_is_well_nothing_is_said(folder: Path, start: Start) -> None:
    assert arrive(folder) == ""
    at_work.begin(folder)
    run = at_work.read_run(folder)
    assert run is not None
    assert (run.process, run.cluster) == (os.getpid(), False)


def test_paths_belong_to_one_experiment() -> None:
    """A run of which all but the last table was made locks that table alone."""
    paths = {
        "paper": ["data/raw/jsrt/archives.json", "results/table1.csv", "results/runs/unet/pooled/seed0/weights.json"],
        "tiny": ["tiny/data/raw/phantom/archives.json", "tiny/results/table1.csv", "results/tiny/README.md"],
    }
    for name, own in paths.items():
        for other, listed in paths.items():
            assert [bool(at_work.own_files(name).match(path)) for path in listed] == [name == other] * len(listed)
        assert all(at_work.own_files(name).match(path) for path in own)


def test_the_folders_of_the_reference_experiment_are_known() -> None:
    files = Path(__file__).parents[2].glob("workflow/rules/*.smk")
    made = {name for file in files for name in re.findall(r"<results>/([a-z]+)/", file.read_text())}
    assert made | {"logs", "benchmarks", "paper"} == set(at_work.MADE.split("|"))
