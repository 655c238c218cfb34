"""What a job wrote is what the next one reads."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lungseg.errors import InputError
from lungseg.jobs import seals
from lungseg.jobs.at_work import FOLDER
from tests.workflow import ROOT, planned_rules, run, snakemake

PROGRAM = """
from types import SimpleNamespace
snakemake = SimpleNamespace(rule={rule!r}, input={read!r}, output={write!r})
from lungseg.jobs.console import begin
begin("logs/job.log")
{body}
"""


def job(folder: Path, read: list[str], write: list[str], rule: str = "estimate", end: str = "") -> str:
    """Run a job that writes a word into each of its files; returns what it said."""
    body = "".join(f"open({file!r}, 'w').write('made')\n" for file in write) + end
    program = PROGRAM.format(rule=rule, read=read, write=write, body=body)
    environment = os.environ | {FOLDER: str(folder / "at_work"), "PYTHONPATH": str(ROOT)}
    ended = subprocess.run([sys.executable, "-c", program], cwd=folder, env=environment, capture_output=True, text=True)
    assert (ended.returncode == 0) == (not ended.stderr)
    return ended.stderr


def test_a_file_that_changed_between_two_jobs_is_refused(tmp_path: Path) -> None:
    assert job(tmp_path, [], ["a.csv", "b.csv"]) == ""
    assert job(tmp_path, ["a.csv", "b.csv"], ["c.csv"]) == ""
    (tmp_path / "b.csv").write_text("mads")
    said = job(tmp_path, ["a.csv", "b.csv"], ["c.csv"])
    assert said.startswith("lungseg: b.csv: found sha256 ")
    assert "as its job wrote it. Delete it and give the command again" in said
    assert job(tmp_path, [], ["a.csv", "b.csv"]) == ""  # made anew
    assert job(tmp_path, ["a.csv", "b.csv"], ["c.csv"]) == ""


def test_what_nobody_sealed_is_read(tmp_path: Path) -> None:
    (tmp_path / "paper.yaml").write_text("by hand")
    assert job(tmp_path, ["paper.yaml", "missing.csv"], []) == ""
    job(tmp_path, [], ["sent.csv"], rule="publish")  # git may bring it back in another version
    (tmp_path / "sent.csv").write_text("older")
    assert job(tmp_path, ["sent.csv"], []) == ""


def test_a_job_that_failed_seals_nothing(tmp_path: Path) -> None:
    job(tmp_path, [], ["a.csv"])
    assert "Error" in job(tmp_path, [], ["a.csv"], end="raise ValueError")
    (tmp_path / "a.csv").write_text("other")
    assert job(tmp_path, ["a.csv"], []) == ""


def test_all_files_may_be_taken_as_they_are(tmp_path: Path) -> None:
    file = str(tmp_path / "a.csv")
    Path(file).write_text("a")
    long = str(tmp_path / ("x" * 250))
    Path(long).write_text("a")
    seals.seal(tmp_path / "seals", [file, long])
    seals.check(tmp_path / "seals", file)
    for one in (file, long):
        Path(one).write_text("b")
        with pytest.raises(InputError, match="as its job wrote it"):
            seals.check(tmp_path / "seals", one)
    seals.forget(tmp_path)
    seals.forget(tmp_path)
    seals.check(tmp_path / "seals", file)


def test_every_job_of_a_workflow_seals_what_it_writes(project: Path) -> None:
    """And an edit that no reader can see is told; --touch takes it as it is."""
    table, target = project / "tiny/results/estimates.csv", project / "tiny/results/metrics.json"
    whole, made = table.read_text(), target.read_bytes()
    command = ["snakemake", "--cores", "1", "--configfile", "tests/tiny.yaml", "--", "tiny/results/metrics.json"]
    table.write_text(whole.replace("unet", "proposed", 1))
    said = run(project, *command, check=False)
    assert "tiny/results/estimates.csv: found sha256" in said and "Traceback" not in said
    table.unlink()
    run(project, *command)
    assert (table.read_text(), target.read_bytes()) == (whole, made)
    snakemake(project, "--touch")  # tables of the same job are newer than what is made of them
    assert planned_rules(project) == set()
