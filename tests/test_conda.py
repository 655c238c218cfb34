"""`--use-conda`, with a stand-in for conda that makes environments and activates them as conda does."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lungseg.jobs import manifest
from tests.workflow import TINY, command_environment, copy_project

CONDA = """#!/bin/sh
case "$1 $2" in
"info --json") echo '{{"conda_prefix": "{base}", "platform": "linux-64"}}' ;;
"config --get") echo '{{"get": {{"channel_priority": "strict"}}}}' ;;
"env create")
    for last; do :; done
    mkdir -p "${{last#*=}}"; while [ "$1" != --prefix ]; do shift; done
    mkdir -p "$2/bin"; cp "{base}/python" "$2/bin/python" ;;
*) echo "conda 26.7.1" ;;
esac
"""
# A second activation takes the first one's place in PATH, wherever it stands; a first one goes in front.
ACTIVATE = """
if [ "${{CONDA_SHLVL:-0}}" -gt 0 ]; then PATH="$(echo "$PATH" | sed "s#$CONDA_PREFIX/bin#$1/bin#")"
else PATH="$1/bin:$PATH"; fi
export PATH CONDA_PREFIX="$1" CONDA_SHLVL=1
"""
PYTHON = """#!/bin/sh
echo "$@" >> "{base}/called"
case "$*" in *"pip install"*) exit 0 ;; esac
exec "{python}" "$@"
"""


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A folder of a conda that is active underneath `.venv`; `called` in it has the commands of its environments."""
    folder = tmp_path / "conda"
    (folder / "bin").mkdir(parents=True)
    for name, text in {"bin/conda": CONDA, "bin/activate": ACTIVATE, "python": PYTHON}.items():
        (folder / name).write_text(text.format(base=folder, python=sys.executable))
        (folder / name).chmod(0o755)
    return folder


def snakemake(project: Path, base: Path, *arguments: str) -> str:
    """Run the tiny experiment with --use-conda: `.venv` in front of the active conda."""
    environment = command_environment(project) | {"CONDA_PREFIX": str(base), "CONDA_SHLVL": "1"}
    tools, _, rest = environment["PATH"].partition(os.pathsep)
    environment["PATH"] = os.pathsep.join([tools, str(base / "bin"), rest])
    command = ["snakemake", "--cores", "2", *TINY, "--use-conda", *arguments]
    ended = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


def test_rules_run_in_their_environment_with_another_one_active(base: Path, tmp_path: Path) -> None:
    clone = copy_project(tmp_path / "clone")
    snakemake(clone, base, "--", "tiny/data/raw/phantom/archives.json")
    called = (base / "called").read_text().splitlines()
    assert any(line.startswith("-m pip install") and line.endswith(str(clone)) for line in called)
    assert any("download.py" in line for line in called)


def test_a_switch_of_the_mode_plans_nothing(project: Path, base: Path) -> None:
    assert "Nothing to be done" in snakemake(project, base, "--dry-run")


def test_manifest_says_which_mode_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifest.sys, "prefix", str(tmp_path))
    assert manifest.environment() == "python"
    (tmp_path / "conda-meta").mkdir()
    assert manifest.environment() == "conda"
