"""How far the trainings are, told from files alone."""

import io
import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import yaml

from lungseg.config import Experiment, read_experiment
from lungseg.jobs.fingerprint import fingerprint
from lungseg.jobs.status import TRAIN, clock, describe, read_runs, seconds_left, watch
from lungseg.learning.run_files import CARD

CONFIG = {
    "name": "small", "datasets": ["phantom"], "train_on": {"pooled": ["phantom"], "again": ["phantom"]},
    "cross": ["unet"], "seeds": [0, 1], "variants": {"unet": {}, "proposed": {}}, "training": {"epochs": 10},
}  # fmt: skip


@pytest.fixture
def experiment() -> Experiment:
    return read_experiment(CONFIG)


def epochs(root: Path, name: str, number: int, seconds: float, finished: bool = False, age: float = 0) -> None:
    """Leave what a training leaves after so many epochs."""
    folder = root / "small/results/runs" / name
    folder.mkdir(parents=True)
    table = pd.DataFrame({"epoch": range(1, number + 1), "validation_dice": 0.91234, "seconds": seconds})
    path = folder / ("history.csv" if finished else "progress.csv")
    table.to_csv(path, index=False)
    os.utime(path, (time.time() - age, time.time() - age))
    if finished:
        (folder / "weights.safetensors").touch()
        choices, variant = read_experiment(CONFIG), name.split("/")[0]
        facts = {"run": name, "code": fingerprint(TRAIN), "size": 256, "films": {}, "commit": None}
        facts |= {"arithmetic": "float32", "parameters": 1, "seconds": 1.0}
        facts |= {"variant": choices.variants[variant].model_dump(mode="json")}
        (folder / CARD).write_text(json.dumps(facts | {"training": choices.training.model_dump(mode="json")}))


def test_nothing_done_yet(tmp_path: Path, experiment: Experiment) -> None:
    runs = read_runs(experiment, tmp_path)
    assert len(runs) == 6  # two networks and two seeds on `pooled`, one network on `again`
    assert seconds_left(runs) is None
    assert describe(runs) == ["0 of 6 trainings done"]


def test_a_run_with_a_bundle_is_finished(tmp_path: Path) -> None:
    experiment = read_experiment(CONFIG | {"bundles": "brought"})
    epochs(tmp_path, "unet/pooled/seed0", 10, 3.0, finished=True)
    (tmp_path / "small/results/runs/unet/pooled/seed0/weights.safetensors").unlink()
    shutil.move(tmp_path / "small/results", tmp_path / "brought")
    assert describe(read_runs(experiment, tmp_path)) == ["0 of 6 trainings done"]
    (tmp_path / "brought/runs/unet/pooled/seed0/predictions.npz").touch()
    assert describe(read_runs(experiment, tmp_path)) == ["1 of 6 trainings done, about 0:02:30 left"]


def test_time_left_is_that_of_the_epochs_left(tmp_path: Path, experiment: Experiment) -> None:
    epochs(tmp_path, "unet/pooled/seed0", 10, 3.0, finished=True)
    epochs(tmp_path, "proposed/pooled/seed0", 4, 20.0)
    epochs(tmp_path, "proposed/pooled/seed1", 4, 20.0)
    runs = read_runs(experiment, tmp_path)
    # unet: 10 on pooled and 20 on again at 3 s; proposed: 6 and 6 at 20 s; two side by side
    assert seconds_left(runs) == pytest.approx((30 * 3 + 12 * 20) / 2)
    lines = describe(runs)
    assert lines[0] == "1 of 6 trainings done, about 0:02:45 left"
    assert lines[1] == "  proposed/pooled/seed0  epoch 4/10  validation Dice 0.9123"


def test_a_training_without_news_has_stopped(tmp_path: Path, experiment: Experiment) -> None:
    epochs(tmp_path, "proposed/pooled/seed0", 4, 20.0, age=3600)
    (line,) = describe(read_runs(experiment, tmp_path))[1:]
    assert line.endswith("no epoch for 1:00:00: it goes on when snakemake runs")


def test_all_done(tmp_path: Path, experiment: Experiment) -> None:
    for run in read_runs(experiment, tmp_path):
        epochs(tmp_path, run.name, 10, 1.0, finished=True)
    assert describe(read_runs(experiment, tmp_path)) == ["6 of 6 trainings done"]


@pytest.mark.parametrize(
    "other",
    [
        {"training": {"epochs": 2}},
        {"variants": {"unet": {"width": 8}, "proposed": {}}},
        {"preprocessing": {"size": 64}},
    ],
)
def test_runs_of_other_choices_are_not_done(tmp_path: Path, other: dict[str, object]) -> None:
    epochs(tmp_path, "unet/pooled/seed0", 10, 1.0, finished=True)
    assert describe(read_runs(read_experiment(CONFIG), tmp_path))[0].startswith("1 of 6 trainings done")
    assert describe(read_runs(read_experiment(CONFIG | other), tmp_path)) == ["0 of 6 trainings done"]


def test_runs_of_older_code_are_not_done_but_for_bundles(tmp_path: Path, experiment: Experiment) -> None:
    epochs(tmp_path, "unet/pooled/seed0", 10, 1.0, finished=True)
    card = tmp_path / "small/results/runs/unet/pooled/seed0" / CARD
    card.write_text(json.dumps(json.loads(card.read_text()) | {"code": "older"}))
    assert describe(read_runs(experiment, tmp_path)) == ["0 of 6 trainings done"]
    card.with_name("predictions.npz").touch()
    assert describe(read_runs(experiment, tmp_path))[0].startswith("1 of 6 trainings done")
    card.write_text("{")
    assert describe(read_runs(experiment, tmp_path)) == ["0 of 6 trainings done"]


def test_command_reads_a_configuration(
    tmp_path: Path, run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(CONFIG))
    assert run("status", "--configfile", tmp_path / "small.yaml", "--root", tmp_path) == 0
    assert "0 of 6 trainings done" in capsys.readouterr().out
    assert run("status", "--configfile", tmp_path / "none.yaml") == 2
    assert "none.yaml: found no such file" in capsys.readouterr().err
    assert run("status", "--configfile", tmp_path / "small.yaml", "--root", tmp_path / "none") == 2
    assert "--root: found" in capsys.readouterr().err


@pytest.mark.parametrize("row", [",0.9,1.0", "2,0.9,", "inf,0.9,1.0", "2,0.9,nan", "2,1.5,1.0", "a,b,c"])
def test_epochs_that_nobody_can_read_are_none(tmp_path: Path, experiment: Experiment, row: str) -> None:
    epochs(tmp_path, "unet/pooled/seed0", 1, 1.0)
    (tmp_path / "small/results/runs/unet/pooled/seed0/progress.csv").write_text(
        f"epoch,validation_dice,seconds\n{row}\n"
    )
    assert describe(read_runs(experiment, tmp_path)) == ["0 of 6 trainings done"]


def test_an_epoch_that_diverged_is_shown(tmp_path: Path, experiment: Experiment) -> None:
    epochs(tmp_path, "unet/pooled/seed0", 1, 1.0)
    (tmp_path / "small/results/runs/unet/pooled/seed0/progress.csv").write_text(
        "epoch,validation_dice,seconds\n1,,1.0\n"
    )
    assert "unet/pooled/seed0  epoch 1/10  validation Dice nan" in describe(read_runs(experiment, tmp_path))[1]


class Terminal(io.StringIO):
    """What is written, as to a terminal."""

    def isatty(self) -> bool:
        """So it says."""
        return True


@pytest.mark.parametrize(("stream", "speaks"), [(Terminal(), True), (io.StringIO(), False)])
def test_only_a_terminal_is_told(
    tmp_path: Path, experiment: Experiment, monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, speaks: bool
) -> None:
    monkeypatch.setattr("sys.stderr", stream)
    epochs(tmp_path, "unet/pooled/seed0", 10, 3.0, finished=True)
    watch(experiment, tmp_path, every=0.01)
    until = time.monotonic() + (5 if speaks else 0.2)
    while not stream.getvalue() and time.monotonic() < until:
        time.sleep(0.01)
    assert ("1 of 6 trainings done" in stream.getvalue()) == speaks


def test_clock() -> None:
    assert (clock(59.6), clock(3900)) == ("0:01:00", "1:05:00")
