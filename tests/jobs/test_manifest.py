"""The manifest tells the truth about code, software, machine and time."""

import subprocess
from pathlib import Path

import pytest
import torch

from lungseg.jobs.manifest import first_training, last_change, packages, seconds
from lungseg.machine import commit, hardware
from tests.workflow import commit as make_commit


def test_commit_and_what_differs_from_it(tmp_path: Path) -> None:
    (tmp_path / "code.py").write_text("1\n")
    make_commit(tmp_path, "One")
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=tmp_path, capture_output=True, text=True).stdout.strip()
    assert commit(tmp_path) == {"commit": head, "changed": []}
    (tmp_path / "code.py").write_text("2\n")
    (tmp_path / "result.csv").write_text("untracked\n")
    assert commit(tmp_path) == {"commit": head, "changed": ["code.py"]}


def test_outside_git_there_is_no_commit(tmp_path: Path) -> None:
    told = commit(tmp_path)
    assert (told["commit"], told["changed"]) == (None, [])
    assert "not a git repository" in told["why"]


def test_a_plan_is_dated_by_the_commit_that_changed_it_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = tmp_path / "clone/paper/plan-x.yaml"
    plan.parent.mkdir(parents=True)
    plan.write_text("one")
    make_commit(tmp_path / "clone", "The plan")
    fixed = last_change(plan, tmp_path / "clone")
    assert fixed["commit"] == commit(tmp_path / "clone")["commit"] and not fixed["changed"] and fixed["committed"]
    (tmp_path / "clone/other").write_text("two")
    make_commit(tmp_path / "clone", "Something else")
    assert last_change(plan, tmp_path / "clone") == fixed
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere/.git"))  # as a hook of another repository has it
    assert last_change(plan, tmp_path / "clone") == fixed
    plan.write_text("two")
    assert last_change(plan, tmp_path / "clone") == fixed | {"changed": True}


@pytest.mark.parametrize("place", ["clone/paper", "paper"])
def test_a_repository_that_came_with_a_paper_runs_nothing(tmp_path: Path, place: str) -> None:
    (tmp_path / "clone").mkdir()
    (tmp_path / "clone/code.py").write_text("1\n")
    make_commit(tmp_path / "clone", "One")
    paper, ran = tmp_path / place, tmp_path / "ran"
    paper.mkdir()
    (paper / "plan-x.yaml").write_text("one")
    make_commit(paper, "Theirs")
    (paper / ".git/run.sh").write_text(f"#!/bin/sh\ntouch {ran}\n")
    (paper / ".git/run.sh").chmod(0o755)
    subprocess.run(["git", "config", "core.fsmonitor", ".git/run.sh"], cwd=paper, check=True)
    (paper / "plan-x.yaml").write_text("two")
    assert last_change(paper / "plan-x.yaml", tmp_path / "clone")["commit"] is None
    assert not ran.exists()


def test_the_first_training_is_the_earliest_of_all_and_unknown_where_one_table_does_not_say(tmp_path: Path) -> None:
    began = ["2026-11-26T12:00:00Z", "2026-11-25T23:59:59Z", "2026-11-26T09:00:00Z"]
    files = [tmp_path / f"{number}.csv" for number in range(3)]
    for file, at in zip(files, began, strict=True):
        file.write_text(f"epoch,began\n1,{at}\n2,2020-01-01T00:00:00Z\n")
    assert first_training(files) == began[1]
    files[0].write_text("epoch,loss\n1,0.5\n")
    assert first_training(files) is None and first_training([]) is None


def test_versions_are_those_that_python_imports() -> None:
    found = packages()
    assert found["torch"] == torch.__version__.partition("+")[0] or found["torch"] == torch.__version__
    assert {"lungseg", "numpy", "snakemake", "segmentation-models-pytorch", "timm"} <= set(found)
    assert "pytest" not in found


def test_hardware_names_the_processor_and_its_memory() -> None:
    found = hardware()
    assert found["processor"]
    assert found["cores"] >= 1
    assert found["memory_gib"] > 0.5


def test_seconds_are_summed_over_the_jobs_of_a_rule(tmp_path: Path) -> None:
    files = []
    for number, time in enumerate((1.5, 2.25)):
        files.append(tmp_path / f"{number}.tsv")
        files[-1].write_text(f"s\th:m:s\n{time}\t0:00:0{int(time)}\n")
    assert seconds({"train": files}) == {"train": {"jobs": 2, "seconds": 3.8, "longest": 2.2}}
