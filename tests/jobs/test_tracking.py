"""MLflow holds what the files hold, once, in a true store."""

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest
from mlflow.tracking import MlflowClient

from lungseg.errors import InputError
from lungseg.jobs import mirror_store
from lungseg.jobs.mirror_store import public, reach, told
from lungseg.jobs.tracking import Training, mirror, store, track

SCORES = pd.DataFrame(
    {
        "variant": "unet", "train_on": "pooled", "seed": [0, 0, 0, 1, 1, 1], "test_on": ["jsrt", "jsrt", "nlm"] * 2,
        "image_id": ["a", "b", "c"] * 2, "dice": [0.8, 0.9, 0.5, 0.6, 0.7, 0.4],
    }
).assign(iou=0.5, precision=0.5, recall=0.5, loss=0.5, accuracy=0.5)  # fmt: skip


TRAININGS = "attributes.run_name LIKE '%/seed%'"  # not the runs that only group them


def trainings(place: Path, dice: float) -> tuple[list[Training], pd.DataFrame, list[Path]]:
    """Two trainings with a given last validation Dice, their scores and a picture, in a folder."""
    found = []
    for seed in (0, 1):
        card = place / f"weights{seed}.json"
        card.write_text(json.dumps({"seconds": 3.0, "training": {"epochs": 2}, "run": seed}))
        history = pd.DataFrame({"epoch": [1, 2], "lr": 0.1, "validation_dice": [0.5, dice], "seconds": [1.0, 2.0]})
        found.append(Training(f"unet/pooled/seed{seed}", card, history, finished=1000.0))
    picture = place / "overlays.png"
    picture.write_bytes(b"a picture")
    return found, SCORES, [picture]


@pytest.fixture
def bring(tmp_path: Path) -> Callable[..., pd.DataFrame]:
    """A function that brings two trainings with a given last validation Dice into a store in a folder."""

    def bring(dice: float, root: Path = tmp_path) -> pd.DataFrame:
        return track(store(root), root / "mlartifacts", "paper", *trainings(tmp_path, dice))

    return bring


@pytest.fixture(autouse=True)
def default_store(monkeypatch: pytest.MonkeyPatch) -> None:
    """No server of the person who runs the tests."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def test_a_run_holds_choices_epochs_scores_and_pictures(
    tmp_path: Path, bring: Callable[..., pd.DataFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
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
    tmp_path: Path, bring: Callable[..., pd.DataFrame]
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


def test_half_written_run_is_replaced(tmp_path: Path, bring: Callable[..., pd.DataFrame]) -> None:
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


def test_an_experiment_deleted_in_the_page_is_brought_back(tmp_path: Path, bring: Callable[..., pd.DataFrame]) -> None:
    first = bring(0.7)
    client = MlflowClient(store(tmp_path))
    experiment = client.get_experiment_by_name("paper")
    assert experiment is not None
    client.delete_experiment(experiment.experiment_id)
    assert bring(0.7).equals(first)
    assert client.get_run(first["run_id"][0]).info.lifecycle_stage == "active"


def test_pictures_lie_beside_the_database_after_a_move(
    tmp_path: Path, bring: Callable[..., pd.DataFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    (old := tmp_path / "old").mkdir()
    first = bring(0.7, old)
    shutil.move(old, tmp_path / "new")
    monkeypatch.chdir(tmp_path / "new")
    client = MlflowClient(store(tmp_path / "new"))
    run = client.get_run(first["run_id"][0])
    assert (tmp_path / "new" / run.info.artifact_uri / "overlays.png").read_bytes() == b"a picture"
    assert Path(client.download_artifacts(first["run_id"][1], "overlays.png")).read_bytes() == b"a picture"
    bring(0.8, tmp_path / "new")  # goes on where it lies now
    assert not (tmp_path / "old").exists()


def test_absolute_addresses_of_older_databases_are_mended(tmp_path: Path, bring: Callable[..., pd.DataFrame]) -> None:
    first = bring(0.7)
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as database, database:
        database.execute(
            "UPDATE experiments SET artifact_location = 'file:///elsewhere/mlartifacts' WHERE name = 'paper'"
        )
        database.execute("UPDATE runs SET artifact_uri = 'file:///x/mlartifacts/' || run_uuid || '/artifacts'")
    assert bring(0.7).equals(first)
    uris = [MlflowClient(store(tmp_path)).get_run(run_id).info.artifact_uri for run_id in first["run_id"]]
    assert uris == [f"mlartifacts/{run_id}/artifacts" for run_id in first["run_id"]]


def break_store(way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Make a store fail, and return what mends it."""
    database = tmp_path / "mlflow.db"
    if way == "no database":
        database.write_bytes(b"no database at all, but long enough to be looked at" * 40)
        return database.unlink
    if way == "a folder":
        database.mkdir()
        return database.rmdir
    if way == "no table":
        with closing(sqlite3.connect(database)) as other, other:
            other.executescript("CREATE TABLE experiments (x)")
        return database.unlink
    if way == "locked":
        holder = sqlite3.connect(database)
        holder.execute("BEGIN EXCLUSIVE")
        return holder.close
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:secret@127.0.0.1:9")
    return lambda: monkeypatch.delenv("MLFLOW_TRACKING_URI")


@pytest.mark.parametrize("way", ["no database", "a folder", "no table", "locked", "away"])
def test_a_store_that_fails_is_told_and_the_results_stand(
    tmp_path: Path, bring: Callable[..., pd.DataFrame], capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch, way: str,
) -> None:  # fmt: skip
    monkeypatch.setattr(mirror_store, "SECONDS", 0.2)
    mend = break_store(way, tmp_path, monkeypatch)
    with pytest.raises(InputError, match=r"MLflow's store .*: found .*, expected one that answers and can be written"):
        bring(0.7)
    table = mirror(lambda: bring(0.7), ["unet/pooled/seed0", "unet/pooled/seed1"], "lungseg track results")
    assert list(table["run"]) == ["unet/pooled/seed0", "unet/pooled/seed1"] and set(table["run_id"]) == {""}
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and told.endswith("bring them in later: lungseg track results\n")
    assert "secret" not in told and "Traceback" not in told
    mend()
    assert all(mirror(lambda: bring(0.7), [], "")["run_id"])


def test_experiments_that_begin_at_once_share_a_fresh_database(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[1]);"
        "from test_tracking import trainings; from lungseg.jobs.tracking import store, track;"
        "root = Path(sys.argv[2]); given, scores, pictures = trainings(Path(sys.argv[3]), 0.7);"
        "print(len(track(store(root), root / 'mlartifacts', sys.argv[3], given, scores, pictures)))"
    )
    started = []
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
        arguments = [sys.executable, "-W", "ignore", "-c", program, str(Path(__file__).parent), str(tmp_path)]
        started.append(subprocess.Popen([*arguments, str(tmp_path / name)], stdout=subprocess.PIPE, text=True))
    assert [child.communicate()[0].strip().splitlines()[-1:] for child in started] == [["2"]] * 3


@pytest.mark.parametrize(("manifest", "found"), [("{}", "None"), ('{"config": 5}', "5")])
def test_a_folder_of_something_else_is_told(
    tmp_path: Path, run: Callable[..., int], capsys: pytest.CaptureFixture[str], manifest: str, found: str
) -> None:
    (tmp_path / "manifest.json").write_text(manifest)
    assert run("track", tmp_path) == 2
    assert f"manifest.json, config: found {found}, expected an experiment's choices" in capsys.readouterr().err


@pytest.mark.parametrize("rest", ["", "//", "///", "///:memory:", "///file:x?mode=memory&uri=true"])
def test_a_store_in_memory_keeps_nothing_and_is_refused(tmp_path: Path, rest: str) -> None:
    with pytest.raises(InputError, match=r"found a database in memory, which ends with this process.*mlflow\.db"):
        reach(f"sqlite:{rest}")
    (tmp_path / "memory").mkdir()
    reach(f"sqlite:///{tmp_path}/memory/mlflow.db")


def test_no_password_of_a_store_is_shown() -> None:
    for word in ("secret", "p@ss", "p%2Fss"):
        assert public(f"http://me:{word}@127.0.0.1:9/x and ftp://me:{word}@h") == "http://127.0.0.1:9/x and ftp://h"
    assert public("sqlite:////home/me@home/mlflow.db") == "sqlite:////home/me@home/mlflow.db"
    with pytest.raises(InputError) as ended, told("http://me:p@ss@127.0.0.1:9"):
        raise OSError("no answer from http://me:p@ss@127.0.0.1:9/api")
    assert "me:" not in str(ended.value) and "ss@" not in str(ended.value)
