"""Jobs left in Slurm by a killed Snakemake, with a stand-in for `squeue` that knows some."""

import os
from pathlib import Path

import pytest

from lungseg.errors import InputError
from lungseg.jobs import queue


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tiny").mkdir()
    return tmp_path / "tiny"


def squeue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    """Put a command of this name in front of all others."""
    program = tmp_path / "bin/squeue"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")


KNOWS = 'case "$*" in *--me*--array*--name=abc) printf "12\\n13_4\\n";; esac'


def test_jobs_of_the_last_run_are_refused_with_what_to_type(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    squeue(tmp_path, monkeypatch, KNOWS)
    queue.refuse_left(folder)  # nothing was ever submitted
    queue.remember(folder, "abc")
    queue.remember(folder, None)  # a run on this machine
    with pytest.raises(InputError, match=r"experiment tiny: found 2 of its jobs in Slurm's queue \(12, 13_4\)") as said:
        queue.refuse_left(folder)
    assert "`scancel 12 13_4`" in str(said.value)
    queue.remember(folder, "abcd")
    queue.refuse_left(folder)


def test_a_slurm_that_does_not_answer_lets_nothing_begin(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    squeue(tmp_path, monkeypatch, "echo 'slurm_load_jobs error: Unable to contact slurm controller' >&2; exit 1")
    queue.remember(folder, "abc")
    with pytest.raises(InputError, match="squeue: found slurm_load_jobs error: Unable to contact slurm controller"):
        queue.refuse_left(folder)


def test_without_slurm_nothing_is_asked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    queue.remember(folder, "abc")
    monkeypatch.setenv("PATH", str(folder))
    assert not queue.is_here()
    queue.refuse_left(folder)
