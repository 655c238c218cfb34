"""The workflow on a cluster: what its profiles say, what its jobs ask for, and a real Slurm where one is there."""

import os
import re
import shutil
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml
from snakemake.cli import get_argument_parser

from tests.workflow import ROOT, TINY, command_environment, copy_project, run

SLURM = find_spec("snakemake_executor_plugin_slurm")
HEAVY = ["preprocess", "train", "predict", "score", "estimate", "calibrate", "definitions", "figures", "report"]


def answers() -> bool:
    """Whether a Slurm answers here."""
    there = shutil.which("sinfo") is not None
    return there and subprocess.run(["sinfo"], capture_output=True, timeout=60).returncode == 0


def profile(name: str) -> dict[str, object]:
    return dict(yaml.safe_load((ROOT / f"profiles/{name}/config.yaml").read_text()))


@pytest.mark.parametrize("folder", sorted((ROOT / "profiles").iterdir()), ids=lambda folder: folder.name)
def test_every_word_of_a_profile_is_one_of_snakemake_or_of_its_plugin(folder: Path) -> None:
    known = {option.lstrip("-") for action in get_argument_parser()._actions for option in action.option_strings}
    said = profile(folder.name)
    plugin = f"{said.get('executor', 'local')}-"
    assert {word for word in said if not word.startswith(plugin)} <= known


def asked(printed: str) -> dict[str, dict[str, int]]:
    """Rule -> what its first job asks for, in what Snakemake prints."""
    found: dict[str, dict[str, int]] = {}
    for rule, block in re.findall(r"^(?:local)?rule (\w+):\n((?:    .*\n)+)", printed, re.MULTILINE):
        pairs = re.findall(r"(mem_mb|runtime|gpu)=(\d+)", block.partition("    resources:")[2])
        found.setdefault(rule, {name: int(value) for name, value in pairs})
    return found


def test_on_a_cluster_every_heavy_job_says_its_memory_time_and_gpu(project: Path) -> None:
    begin = ["snakemake", "--jobs", "9", *TINY, "--forceall", "--dry-run"]
    plain, defaults = run(project, *begin), profile("slurm")["default-resources"]
    assert isinstance(defaults, dict)
    given = [f"{name}={value}" for name, value in defaults.items()]
    with_gpu = asked(run(project, *begin, "--default-resources", *given, "--config", "device=auto"))
    for rule in HEAVY:
        assert asked(plain)[rule].keys() >= {"mem_mb", "runtime"}, rule
    assert all(words.keys() >= {"mem_mb", "runtime"} for rule, words in with_gpu.items() if rule != "all")
    assert {rule for rule, words in with_gpu.items() if words.get("gpu")} == {"train", "predict"}
    trainings = re.findall(r"rule train:\n(?:    .*\n)*?    resources: .*mem_mb=(\d+)", plain)
    assert len(trainings) == 4
    assert len(set(trainings)) == 1  # a job array asks once for all


def test_what_a_job_asks_for_grows_with_each_attempt(project: Path, tmp_path: Path) -> None:
    """A training that fails at once: there is no GPU."""
    clone = copy_project(tmp_path / "clone")
    for name in ("tiny", ".snakemake"):
        shutil.copytree(project / name, clone / name)
    target = "tiny/results/runs/unet/pooled/seed0/weights.json"
    begin = ["snakemake", "--cores", "1", "--resources", "mem_mb=9999", *TINY, "--retries", "2"]
    printed = run(clone, *begin, "--config", "device=cuda", "--", target, check=False)
    asked_for = re.findall(r"gpu=0, runtime=(\d+), mem_mb=(\d+)", printed)
    first = asked_for[0]
    assert asked_for == [(str(time * int(first[0])), str(time * int(first[1]))) for time in (1, 2, 3)]


@pytest.mark.skipif(SLURM is None or not answers(), reason="no Slurm, or no snakemake-executor-plugin-slurm")
def test_through_a_real_slurm_a_cancelled_training_and_a_killed_run_change_no_byte(tmp_path: Path) -> None:
    """Some minutes: each job waits in a queue."""
    assert SLURM is not None and SLURM.origin
    there, here = copy_project(tmp_path / "there"), tmp_path / "here"
    choices = ["--config", "training={epochs: 300, precision: float32}", "checkpoint_seconds=2"]
    shutil.copytree(there, here)
    weights = [f"tiny/results/runs/{variant}/pooled/seed0/weights.safetensors" for variant in ("unet", "proposed")]
    run(here, "snakemake", "--cores", "1", *TINY, *choices, "--", *weights)
    environment = command_environment(there)
    environment["PYTHONPATH"] += f"{os.pathsep}{Path(SLURM.origin).parents[1]}"
    command = ["snakemake", "--profile", "profiles/slurm", *TINY, *choices, "--", *weights]
    first = subprocess.Popen(command, cwd=there, env=environment, start_new_session=True)
    try:
        log = there / "tiny/results/logs/train/unet.pooled.seed0.log"
        while not log.exists() or "epoch 9/" not in log.read_text():
            assert first.poll() is None
            time.sleep(0.2)
    finally:
        first.kill()
        first.wait()
    again = subprocess.run(command, cwd=there, env=environment, capture_output=True, text=True)
    left = re.search(r"found \d of its jobs in Slurm's queue \((.*)\), expected none", again.stderr)
    assert again.returncode != 0 and left, again.stderr
    subprocess.run(["scancel", *left[1].split(", ")], check=True)
    while subprocess.run(["squeue", "--noheader", "--jobs", left[1].replace(" ", "")], capture_output=True).stdout:
        time.sleep(1)
    assert "was told to stop; it goes on after epoch" in log.read_text()
    subprocess.run(command, cwd=there, env=environment, check=True)
    for file in weights:
        assert (there / file).read_bytes() == (here / file).read_bytes(), file
