"""The workflow on a cluster: what its profiles say, what its jobs ask for, and a real Slurm where one is there."""

import os
import re
import shutil
import subprocess
import time
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml
from snakemake.cli import get_argument_parser

from tests.workflow import ROOT, TINY, command_environment, copy_project, run

SLURM, FS = find_spec("snakemake_executor_plugin_slurm"), find_spec("snakemake_storage_plugin_fs")
KUBERNETES = find_spec("snakemake_executor_plugin_kubernetes")
HEAVY = ["preprocess", "train", "predict", "cost", "score", "estimate", "calibrate", "definitions", "figures", "report"]


def answers() -> bool:
    """Whether a Slurm answers here."""
    there = shutil.which("sinfo") is not None
    return there and subprocess.run(["sinfo"], capture_output=True, timeout=60).returncode == 0


def with_plugin(project: Path, plugin: ModuleSpec | None) -> dict[str, str]:
    """The environment of commands on a project that find a plugin, wherever it is installed."""
    assert plugin is not None and plugin.origin
    environment = command_environment(project)
    environment["PYTHONPATH"] += f"{os.pathsep}{Path(plugin.origin).parents[1]}"
    return environment


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
    assert {rule for rule, words in with_gpu.items() if words.get("gpu")} == {"train", "predict", "cost"}
    trainings = re.findall(r"rule train:\n(?:    .*\n)*?    resources: .*mem_mb=(\d+)", plain)
    assert len(trainings) == 4
    assert len(set(trainings)) == 1  # a job array asks once for all


def test_what_a_job_asks_for_grows_with_each_attempt(project: Path, tmp_path: Path) -> None:
    clone = copy_project(tmp_path / "clone")
    for name in ("tiny", ".snakemake"):
        shutil.copytree(project / name, clone / name)
    (clone / "workflow/scripts/train.py").write_text("raise SystemExit(1)\n")
    target = "tiny/results/runs/unet/pooled/seed0/weights.json"
    begin = ["snakemake", "--cores", "1", "--resources", "mem_mb=9999", *TINY, "--retries", "2"]
    printed = run(clone, *begin, "--config", "device=cuda", "--", target, check=False)
    asked_for = re.findall(r"gpu=0, runtime=(\d+), mem_mb=(\d+)", printed)
    first = asked_for[0]
    assert asked_for == [(str(time * int(first[0])), str(time * int(first[1]))) for time in (1, 2, 3)]


@pytest.mark.skipif(SLURM is None or not answers(), reason="no Slurm, or no snakemake-executor-plugin-slurm")
def test_through_a_real_slurm_a_cancelled_training_and_a_killed_run_change_no_byte(tmp_path: Path) -> None:
    """Some minutes: each job waits in a queue."""
    there, here = copy_project(tmp_path / "there"), tmp_path / "here"
    choices = ["--config", "training={epochs: 300, precision: float32}", "checkpoint_seconds=2"]
    shutil.copytree(there, here)
    weights = "tiny/results/runs/unet/pooled/seed0/weights.safetensors"
    run(here, "snakemake", "--cores", "1", *TINY, *choices, "--", weights)
    environment = with_plugin(there, SLURM)
    command = ["snakemake", "--profile", "profiles/slurm", *TINY, *choices, "--", weights]
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
    assert (there / weights).read_bytes() == (here / weights).read_bytes()


def test_no_rule_expands_another_ones_output() -> None:
    """Snakemake refuses that where files lie in a storage; and what is shipped lies in none."""
    for file in sorted((ROOT / "workflow/rules").glob("*.smk")):
        text = file.read_text()
        assert not re.search(r"(expand|collect)\(\s*rules\.", text), file
        inputs = re.findall(r"    input:\n((?:        .*\n)+)", text)
        for line in (line for block in inputs for line in block.splitlines() if "shipped(" in line):
            assert "=local(" in line, line


@pytest.mark.skipif(FS is None or shutil.which("rsync") is None, reason="no snakemake-storage-plugin-fs, or no rsync")
def test_behind_a_storage_the_experiment_has_the_same_bytes(project: Path, tmp_path: Path) -> None:
    clone, store = copy_project(tmp_path / "clone"), tmp_path / "store"
    storage = ["--default-storage-provider", "fs", "--default-storage-prefix", str(store)]
    command = ["snakemake", "--cores", "2", *TINY, *storage]
    subprocess.run(command, cwd=clone, env=with_plugin(clone, FS), check=True)
    assert not (clone / "tiny/results").exists()
    for name in ("scores.csv", "estimates.csv", "claims.csv", "runs/unet/pooled/seed0/weights.safetensors"):
        assert (store / "tiny/results" / name).read_bytes() == (project / "tiny/results" / name).read_bytes(), name


@pytest.mark.skipif(KUBERNETES is None or FS is None, reason="no snakemake-executor-plugin-kubernetes and -storage-fs")
def test_the_profile_for_kubernetes_plans_the_experiment(tmp_path: Path) -> None:
    """With a folder in the place of the bucket."""
    clone = copy_project(tmp_path / "clone")
    environment = with_plugin(clone, KUBERNETES)
    environment["PYTHONPATH"] += f"{os.pathsep}{Path(with_plugin(clone, FS)['PYTHONPATH'].split(os.pathsep)[-1])}"
    given = ["--default-storage-provider", "fs", "--default-storage-prefix", str(tmp_path / "store")]
    command = ["snakemake", "--profile", "profiles/kubernetes", *TINY, *given, "--config", "device=auto", "--dry-run"]
    planned = subprocess.run(command, cwd=clone, env=environment, capture_output=True, text=True)
    assert planned.returncode == 0, planned.stderr
    assert re.search(r"^train +4$", planned.stdout + planned.stderr, re.MULTILINE)


def test_the_image_is_pinned_rootless_and_holds_the_package() -> None:
    lines = [line for line in (ROOT / "Containerfile").read_text().splitlines() if line and not line.startswith("#")]
    text = "\n".join(lines)
    assert re.match(r"FROM docker.io/library/python:3\.\d+\.\d+-slim-\w+", lines[0])
    assert "--require-hashes" in text and "requirements.lock" in text
    assert lines.index("USER 1000:1000") > max(number for number, line in enumerate(lines) if line.startswith("RUN"))
    assert "--no-deps" in text
