"""What a person reads: one message for what they can mend, a log of everything, a line per epoch."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from lungseg.errors import InputError
from lungseg.jobs.console import TOLD, describe, follow, killed


def run(tmp_path: Path, body: str) -> subprocess.CompletedProcess[str]:
    program = f"from lungseg.jobs.console import begin; begin({str(tmp_path / 'logs/job.log')!r})\n{body}"
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=Path(__file__).parents[2]
    )


def test_bad_input_ends_in_one_message_and_a_non_zero_exit(tmp_path: Path) -> None:
    body = "from lungseg.errors import InputError\nprint('working')\nraise InputError('film.png', 'a', 'b', 'Do c.')"
    ended = run(tmp_path, body)
    assert ended.returncode == 1
    assert ended.stderr == "lungseg: film.png: found a, expected b. Do c.\n"
    assert (tmp_path / "logs/job.log").read_text() == "working\n" + ended.stderr


def test_progress_bars_stay_out_of_the_log(tmp_path: Path) -> None:
    ended = run(tmp_path, "import sys\nfor i in (1, 2): sys.stderr.write(f'\\r{i} of 2')\nprint('done')")
    assert "2 of 2" in ended.stderr
    assert (tmp_path / "logs/job.log").read_text() == "done\n"


def test_a_message_begins_a_line_behind_a_progress_bar(tmp_path: Path) -> None:
    bar = "import sys; from lungseg.errors import InputError; sys.stderr.write('\\r 25%|##'); "
    ended = run(tmp_path, f"{bar}raise InputError('a', 'b', 'c', 'd')")
    assert ended.stderr.splitlines()[-2:] == [" 25%|##", "lungseg: a: found b, expected c. d"]
    assert (tmp_path / "logs/job.log").read_text() == "lungseg: a: found b, expected c. d\n"
    ended = run(tmp_path, f"{bar}print(file=sys.stderr); raise InputError('a', 'b', 'c', 'd')")
    assert "" not in ended.stderr.splitlines()[1:]


def test_unwritable_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ended = run(tmp_path, f"from pathlib import Path\nPath({str(tmp_path)!r}, 'file', 'table.csv').write_text('x')")
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"lungseg: {tmp_path}/file/table.csv: found Not a directory, expected a readable")
    assert len(ended.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("import numpy; numpy.zeros(10**14)", "Unable to allocate 728. TiB"),
        ("import torch; torch.empty(10**14)", "DefaultCPUAllocator: can't allocate memory"),
        ("import torch; raise torch.OutOfMemoryError('CUDA out of memory.')", "CUDA out of memory."),
        ("raise MemoryError", "no room, expected"),
    ],
)
def test_too_little_memory_is_told_with_what_helps(tmp_path: Path, body: str, found: str) -> None:
    ended = run(tmp_path, body)
    assert ended.returncode == 1 and len(ended.stderr.splitlines()) == 1
    assert ended.stderr.startswith("lungseg: the memory: found no room") and found in ended.stderr
    assert "Run fewer jobs side by side (--cores 1)" in ended.stderr
    assert describe(RuntimeError("another")) is None


def test_only_a_job_that_was_killed_is_told_as_such(tmp_path: Path) -> None:
    log = tmp_path / "snakemake.log"
    for said, told in (
        ("Command 'python tmp.train.py' died with <Signals.SIGKILL: 9>.", True),
        ("Command 'python tmp.train.py' returned non-zero exit status 137.", True),
        ("Command 'python tmp.train.py' returned non-zero exit status 1.", False),
        ("Command 'python tmp.train.py' died with <Signals.SIGTERM: 15>.", False),
    ):
        log.write_text(f"Error in rule train:\n{said}\n")
        assert killed([str(log)]) is told
    assert not killed([]) and not killed([str(tmp_path / "none.log")])


def test_a_defect_keeps_its_traceback(tmp_path: Path) -> None:
    ended = run(tmp_path, "1 / 0")
    assert ended.returncode == 1
    assert "Traceback" in ended.stderr
    assert "ZeroDivisionError" in (tmp_path / "logs/job.log").read_text()
    assert describe(ZeroDivisionError()) is None
    assert describe(InputError("x", "a", "b", "C.")) == "x: found a, expected b. C."


@dataclass
class Row:
    """An epoch as `follow` sees it."""

    epoch: int
    train_loss: float = 0.5
    validation_dice: float = 0.9
    images_per_second: float = 10.0
    seconds: float = 30.0


def test_a_line_per_epoch_with_the_time_left(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [Row(1), Row(2)]
    assert list(follow(rows, 4, "unet/pooled/seed0")) == rows
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("unet/pooled/seed0  epoch 1/4")
    assert lines[1].endswith("00:01:00 left")


@pytest.fixture
def unhandled() -> Iterator[None]:
    """SIGTERM does afterwards what it did before."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


SIGTERM_TOLD = """
import signal, sys, time
from lungseg.jobs.console import pass_on_sigterm
signal.signal(signal.SIGTERM, lambda *_: print("Snakemake waits", flush=True))
pass_on_sigterm()
import subprocess
jobs = [subprocess.Popen(["bash", "-c", f"set -euo pipefail; {sys.executable} {script}"]) for script in sys.argv[1:]]
for job in jobs:
    job.wait()
"""
JOB = """
import os, signal, sys, time
def stop(*_):
    os.write(1, f"{sys.argv[0]} stops\\n".encode())
    sys.exit()
signal.signal(signal.SIGTERM, stop)
os.write(1, b"began\\n")
time.sleep(float(open(sys.argv[0]).readline()[1:]))
"""


def test_sigterm_to_snakemake_alone_ends_trainings_and_lets_other_jobs_finish(tmp_path: Path) -> None:
    scripts = [tmp_path / "tmpabc.train.py", tmp_path / "tmpdef.score.py"]
    for script, seconds in zip(scripts, (60, 2), strict=True):
        script.write_text(f"#{seconds}{JOB}")
    command = [sys.executable, "-c", SIGTERM_TOLD, *map(str, scripts)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as main:
        assert main.stdout and [main.stdout.readline() for _ in range(2)] == ["began\n"] * 2
        main.terminate()
        assert main.stdout.read().splitlines() == ["Snakemake waits", f"{scripts[0]} stops"]
    assert main.returncode == 0


@pytest.mark.usefixtures("unhandled")
@pytest.mark.parametrize(("told", "seen"), [(1, [1]), (2, [1, 2]), (3, [1, 2, 3])])
def test_sigterm_ends_a_training_after_its_epoch_and_lets_the_last_one_finish(told: int, seen: list[int]) -> None:
    """The signal comes in the middle of an epoch."""

    def train() -> Iterator[Row]:
        for number in (1, 2, 3):
            if number == told:
                os.kill(os.getpid(), signal.SIGTERM)
            yield Row(number)

    past, status = [], None
    try:
        for row in follow(train(), 3, "unet/pooled/seed0"):
            past.append(row.epoch)
        os.kill(os.getpid(), signal.SIGTERM)  # while its files are written
    except SystemExit as ended:
        status = ended.code
    assert (past, status) == (seen, TOLD if told < 3 else None)
