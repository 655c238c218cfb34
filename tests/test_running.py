"""How a run starts, stops and goes on, wherever a person starts it."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from html import unescape
from pathlib import Path

import pytest

from tests.workflow import ROOT, TINY, command_environment, copy_project, run

SPLIT = ["snakemake", "--cores", "2", *TINY, "--", "tiny/results/splits/phantom.csv"]
NOTE = 'it\'s "50 %" of $HOME; `films` of é'


def test_the_command_in_the_report_makes_the_run_again(project: Path, tmp_path: Path) -> None:
    """Started elsewhere, with two configuration files, an override, and odd characters in all of them."""
    clone, elsewhere = copy_project(tmp_path / "clone"), tmp_path / "it's $else where"
    for name in ("tiny", ".snakemake"):  # what another run trained, so that nothing is trained here
        shutil.copytree(project / name, elsewhere / name)
    other = clone / "my first é config.yaml"
    other.write_text("statistics: {resamples: 150}\n")
    files = [clone / "tests/tiny.yaml", other]
    choices = ["--configfile", *map(str, files), "--config", f"note={NOTE}"]
    run(elsewhere, "snakemake", "--cores", "2", "--snakefile", str(clone / "Snakefile"), *choices, root=clone)
    results = elsewhere / "tiny/results"
    config = json.loads((results / "manifest.json").read_text())["config"]
    assert (config["note"], config["statistics"]["resamples"]) == (NOTE, 150)
    (command,) = re.findall(r"<dt>Command</dt><dd><code>(.*?)</code>", (results / "report.html").read_text())
    said = shlex.split(unescape(command))
    assert "Nothing to be done" in run(clone, *said, "--dry-run")
    assert "Nothing to be done" in run(clone, *said, "--dry-run", "--", "tiny/results/table1.csv")
    assert "Nothing to be done" not in run(clone, *said[:-1], "note=another", "--dry-run")
    assert {path.name for path in elsewhere.iterdir()} == {"tiny", ".snakemake", "mlflow.db", "mlartifacts"}
    assert not (clone / "mlflow.db").exists()


def test_a_job_that_the_system_killed_is_told_with_what_helps(tmp_path: Path) -> None:
    clone = copy_project(tmp_path / "clone")
    script = clone / "workflow/scripts/download.py"
    script.write_text("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")
    told = run(clone, *SPLIT, check=False)
    assert "the system killed a job, mostly because memory ran out. Give the same command again with --cores 1" in told


def test_a_killed_run_goes_on_by_the_same_command_and_a_live_one_is_left_alone(tmp_path: Path) -> None:
    clone = copy_project(tmp_path / "clone")
    locks = clone / ".snakemake/locks"
    first = subprocess.Popen(SPLIT, cwd=clone, env=command_environment(clone), start_new_session=True)
    try:
        while not (clone / "tiny/results/logs/download/phantom.log").exists():  # its first job has begun
            assert first.poll() is None
            time.sleep(0.01)
        os.killpg(first.pid, signal.SIGSTOP)
        assert f"tiny is being worked on (processes {first.pid}" in run(clone, *SPLIT, check=False)
        shutil.copytree(locks, tmp_path / "kept")
        run(clone, *SPLIT[:-2], "--unlock")
        assert "one run of it at a time" in run(clone, *SPLIT, check=False)
    finally:
        os.killpg(first.pid, signal.SIGKILL)
        first.wait()
    shutil.copytree(tmp_path / "kept", locks, dirs_exist_ok=True)  # which --unlock took away
    assert "the lock of a killed run" in run(clone, *SPLIT)
    assert (clone / SPLIT[-1]).is_file()


def test_a_user_whom_nobody_knows_runs_it(tmp_path: Path) -> None:
    """As in a container that is given a number in the place of a user."""
    clone = copy_project(tmp_path / "clone")
    lost = "import pwd\n\n\ndef nobody(number):\n    raise KeyError(number)\n\n\npwd.getpwuid = nobody\n"
    (clone / "sitecustomize.py").write_text(lost)
    environment = command_environment(clone)
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        environment.pop(name, None)
    ended = subprocess.run(SPLIT, cwd=clone, env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert f"User: user{os.getuid()}" in ended.stderr


@pytest.mark.parametrize("sign", [*" \t'\"$;&|<>()`\\:{}?", "$(id)"])
def test_setup_refuses_a_folder_in_which_snakemake_cannot_run(tmp_path: Path, sign: str) -> None:
    folder = tmp_path / f"a{sign}b"
    folder.mkdir()
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, folder / name)
    printed = run(folder, "make", "setup", check=False)
    assert (
        f"Snakemake cannot run in {str(folder)!r} because of {' '.join(map(repr, sorted(set(sign) - set('id'))))}"
        in printed
    )
    assert not (folder / ".venv").exists()


def test_setup_goes_on_in_any_other_folder(tmp_path: Path) -> None:
    """Tried one by one: with these signs in it Snakemake and make ran."""
    folder = tmp_path / "a-[]*!#%@+,=~^.é😀b"
    folder.mkdir()
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, folder / name)
    python = folder / "python"
    python.write_text(f'#!/bin/sh\n[ "$1" = -m ] && echo "would install: $*" && exit 7\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    assert "would install: -m venv .venv" in run(folder, "make", "setup", "PYTHON=./python", check=False)
