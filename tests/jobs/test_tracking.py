"""MLflow holds what the files hold, once, in a true store."""

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from mlflow.tracking import MlflowClient

from lungseg.jobs.tracking import Training, store, track

SCORES = pd.DataFrame(
    {
        "variant": "unet", "train_on": "pooled", "seed": [0, 0, 0, 1, 1, 1], "test_on": ["jsrt", "jsrt", "nlm"] * 2,
        "image_id": ["a", "b", "c"] * 2, "dice": [0.8, 0.9, 0.5, 0.6, 0.7, 0.4],
    }
).assign(iou=0.5, precision=0.5, recall=0.5, loss=0.5, accuracy=0.5)  # fmt: skip


TRAININGS = "attributes.run_name LIKE '%/seed%'"  # not the runs that only group them


@pytest.fixture
def bring(tmp_path: Path) -> Callable[[float], pd.DataFrame]:
    """A function that brings two trainings with a given last validation Dice into a store below tmp_path."""

    def bring(dice: float) -> pd.DataFrame:
        trainings = []
        for seed in (0, 1):
            card = tmp_path / f"weights{seed}.json"
            card.write_text(json.dumps({"seconds": 3.0, "training": {"epochs": 2}, "run": seed}))
            history = pd.DataFrame({"epoch": [1, 2], "lr": 0.1, "validation_dice": [0.5, dice], "seconds": [1.0, 2.0]})
            trainings.append(Training(f"unet/pooled/seed{seed}", card, history, finished=1000.0))
        picture = tmp_path / "overlays.png"
        picture.write_bytes(b"a picture")
        return track(store(tmp_path), tmp_path / "mlartifacts", "paper", trainings, SCORES, [picture])

    return bring


@pytest.fixture(autouse=True)
def default_store(monkeypatch: pytest.MonkeyPatch) -> None:
    """No server of the person who runs the tests."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def test_a_run_holds_choices_epochs_scores_and_pictures(tmp_path: Path, bring: Callable[[float], pd.DataFrame]) -> None:
    table = bring(0.7)
    client = MlflowClient(store(tmp_path))
    run = client.get_run(table["run_id"][0])
    tags = {"variant": "unet", "train_on": "pooled", "seed": "0", "test_on": "jsrt,nlm"}
    assert tags.items() <= run.data.tags.items()
    groups = {client.get_run(run_id).data.tags["mlflow.parentRunId"] for run_id in table["run_id"]}
    (group,) = groups  # both seeds below one run of their variant
    assert client.get_run(group).info.run_name == "unet"
    assert run.info.run_name == "unet/pooled/seed0"
    assert run.data.params["training.epochs"] == "2"
    assert run.data.metrics["jsrt.dice"] == pytest.approx(0.85)
    assert client.get_run(table["run_id"][1]).data.metrics["nlm.dice"] == pytest.approx(0.4)
    curve = client.get_metric_history(run.info.run_id, "validation_dice")
    assert [(point.step, point.value, point.timestamp) for point in curve] == [(1, 0.5, 998_000), (2, 0.7, 1_000_000)]
    assert {file.path for file in client.list_artifacts(run.info.run_id)} == {"overlays.png", "weights0.json"}
    assert (run.info.end_time - run.info.start_time) == 3000


def test_the_same_content_is_brought_once_and_other_content_beside_it(
    tmp_path: Path, bring: Callable[[float], pd.DataFrame]
) -> None:
    first = bring(0.7)
    assert bring(0.7).equals(first)
    second = bring(0.8)
    assert not set(second["run_id"]) & set(first["run_id"])
    client = MlflowClient(store(tmp_path))
    experiment = client.get_experiment_by_name("paper")
    assert experiment is not None
    assert len(client.search_runs([experiment.experiment_id], TRAININGS)) == 4
    assert len(client.search_runs([experiment.experiment_id])) == 4 + 1  # and their one group


def test_half_written_run_is_replaced(tmp_path: Path, bring: Callable[[float], pd.DataFrame]) -> None:
    first = bring(0.7)
    client = MlflowClient(store(tmp_path))
    client.update_run(first["run_id"][0], status="RUNNING")
    again = bring(0.7)
    assert list(again["run_id"] == first["run_id"]) == [False, True]
    experiment = client.get_experiment_by_name("paper")
    assert experiment is not None
    kept = client.search_runs([experiment.experiment_id], TRAININGS)
    assert {run.info.run_id for run in kept} == set(again["run_id"])


def test_the_store_is_the_one_that_the_environment_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert store(tmp_path) == f"sqlite:///{tmp_path}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://localhost:5000")
    assert store(tmp_path) == "http://localhost:5000"
