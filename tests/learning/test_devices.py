"""Cards are shared out among processes: true processes, made-up cards."""

import fcntl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from select import select
from threading import current_thread, main_thread
from types import SimpleNamespace

import pytest
import torch

from lungseg.learning import devices
from lungseg.learning.devices import Card, claim, count
from lungseg.learning.training import start

THREE = [Card(0, "a", 80), Card(1, "b", 80), Card(2, "c", 80)]
PROGRAM = """
import sys
from pathlib import Path
from lungseg.learning import devices
devices.LOOK = 0.05
seen = [devices.Card(i, uuid, int(memory)) for i, (uuid, memory) in enumerate(map(str.split, sys.argv[3].split(",")))]
print(devices.claim(seen, int(sys.argv[2]), Path(sys.argv[1])).card.uuid, flush=True)
sys.stdin.read()
"""
Job = subprocess.Popen[str]


@pytest.fixture
def job(tmp_path: Path) -> Iterator[Callable[..., Job]]:
    """A function that starts a process which claims a card, says which, and keeps it until it is killed."""
    jobs: list[Job] = []

    def begin(need: int, seen: str = "a 80,b 80,c 80") -> Job:
        command = [sys.executable, "-c", PROGRAM, str(tmp_path), str(need), seen]
        pipe = subprocess.PIPE
        jobs.append(subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True))
        return jobs[-1]

    yield begin
    for each in jobs:
        each.kill()
        each.communicate()


def told(job: Job) -> str:
    """The card that a job got."""
    assert job.stdout is not None
    return job.stdout.readline().strip()


def waits(job: Job) -> bool:
    """Whether a job says that it waits, and has no card half a second later."""
    assert job.stderr is not None
    if not select([job.stderr], [], [], 10)[0]:
        return False
    said = job.stderr.readline()
    time.sleep(0.5)
    return said.startswith("waiting for a GPU: none of ") and job.poll() is None


def kill(job: Job) -> None:
    """End a job as the kernel does when memory runs out: it cannot clean up."""
    job.kill()
    job.wait()


def test_each_job_has_a_card_of_its_own_and_the_fourth_shares_one(job: Callable[..., Job]) -> None:
    jobs = [job(30) for _ in range(3)]
    assert sorted(map(told, jobs)) == ["a", "b", "c"]
    assert told(job(30)) == "a"  # of cards alike the first


def test_a_killed_job_frees_its_card(job: Callable[..., Job], tmp_path: Path) -> None:
    jobs = {told(each): each for each in [job(30) for _ in range(3)]}
    kill(jobs["b"])
    assert told(job(30)) == "b"
    assert len(list(tmp_path.rglob("*.claim"))) == 3


def test_the_least_loaded_card_is_the_one_with_the_fewest_jobs_then_the_emptier_one(job: Callable[..., Job]) -> None:
    assert [told(job(need)) for need in (60, 20, 30)] == ["a", "b", "c"]
    assert told(job(10)) == "b"
    assert told(job(10)) == "c"  # now b has two


def test_never_more_on_a_card_than_its_memory_holds(job: Callable[..., Job]) -> None:
    first = [job(40, "a 80") for _ in range(2)]
    assert [told(each) for each in first] == ["a", "a"]
    third = job(40, "a 80")
    assert waits(third)
    kill(first[0])
    assert told(third) == "a"
    fourth = job(41, "a 80")
    assert waits(fourth)
    assert told(job(40, "a 80,b 40")) == "b"  # which the waiting job does not see


def test_what_is_larger_than_any_card_has_one_to_itself(job: Callable[..., Job]) -> None:
    assert told(job(100, "a 80")) == "a"
    assert waits(job(1, "a 80"))


def test_processes_that_see_other_cards_under_other_numbers_agree(job: Callable[..., Job]) -> None:
    assert told(job(30, "b 80")) == "b"
    assert told(job(30, "c 80,b 80")) == "c"
    assert told(job(30, "b 80,a 80")) == "a"


def test_many_at_once_never_meet(job: Callable[..., Job]) -> None:
    jobs = [job(40) for _ in range(6)]
    assert sorted(map(told, jobs)) == ["a", "a", "b", "b", "c", "c"]


@pytest.mark.parametrize(("place", "call"), [(Path, "open"), (fcntl, "flock")])
def test_a_claim_may_go_while_somebody_looks_for_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: object, call: str
) -> None:
    """After it was listed, and after it was opened; the call before is about the folder's lock."""
    other, true = claim(THREE[:1], 80, tmp_path), getattr(place, call)
    happens = iter([lambda: None, other.release])

    def leave(*words: object, **named: object) -> object:
        if current_thread() is main_thread():  # a watcher of an earlier test may still look at its files
            next(happens, lambda: None)()
        return true(*words, **named)

    monkeypatch.setattr(place, call, leave)
    assert claim(THREE[:1], 80, tmp_path).card.uuid == "a"


def test_a_released_claim_leaves_nothing(tmp_path: Path) -> None:
    taken = claim(THREE[:1], 80, tmp_path)
    taken.release()
    assert list(tmp_path.rglob("*.claim")) == []
    assert claim(THREE[:1], 80, tmp_path).card.uuid == "a"


def test_a_training_starts_on_the_card_it_claimed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(devices, "_own", [])
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    properties = {0: SimpleNamespace(uuid="a", total_memory=80), 1: SimpleNamespace(uuid="b", total_memory=80)}
    monkeypatch.setattr(torch.cuda, "get_device_properties", properties.get)
    chosen: list[int] = []
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    other = claim([Card(0, "a", 80)], 50)
    assert start("auto", 1, 40) == torch.device("cuda", 1)
    assert start("cuda", 1, 30) == torch.device("cuda", 1)  # this process has it
    other.release()
    assert start("cuda", 1, 70) == torch.device("cuda", 0)  # more than it claimed: both are empty now
    assert chosen == [1, 1, 0]
    assert start("cpu", 1, 70) == torch.device("cpu")


@pytest.mark.parametrize(
    ("chosen", "number"),
    [
        (None, 3),
        ("0,2", 2),
        ("", 0),
        ("-1", 0),
        ("0,7,1", 1),
        ("GPU-bb", 1),
        ("GPU-bb,GPU-aa1", 2),
        ("GPU-dd", 0),
        ("MIG-1", 1),
    ],
)
def test_counts_what_cuda_visible_devices_leaves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chosen: str | None, number: int
) -> None:
    command = tmp_path / "nvidia-smi"
    command.write_text("#!/bin/sh\necho GPU-aa1\necho GPU-bb2\necho GPU-cc3\n")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if chosen is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", chosen)
    assert count() == number
    command.write_text("#!/bin/sh\necho No devices were found\nexit 6\n")
    assert count() == 0
    monkeypatch.setenv("PATH", "")
    assert count() == 0
