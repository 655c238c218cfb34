"""MLflow mirrors what lies in the files, one MLflow run per training, grouped by variant; nothing reads from it."""

import hashlib
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
# A mirror that is away is told of within seconds; MLflow itself would ask for minutes.
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")

import pandas as pd
from mlflow.entities import Experiment, Metric, Param
from mlflow.tracking import MlflowClient
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

import lungseg.config
from lungseg.errors import InputError
from lungseg.files import read_json, replacing
from lungseg.jobs.mirror_store import alone, beside, database_of, reach, told
from lungseg.jobs.status import run_folder
from lungseg.learning.bundles import planned
from lungseg.learning.run_files import CARD, HISTORY
from lungseg.statistics.score_blocks import METRICS, RUN
from lungseg.tables import read_csv


@dataclass(frozen=True)
class Training:
    """What the files of one training say.

    Args:
        run: Its path, `{variant}/{train_on}/seed{seed}`.
        card: Its weights.json.
        history: The table history.csv.
        finished: When its files were written, in seconds since 1970.
    """

    run: str
    card: Path
    history: pd.DataFrame
    finished: float


def store(root: Path) -> str:
    """The tracking store: MLFLOW_TRACKING_URI, or mlflow.db in a folder."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{(root / 'mlflow.db').resolve()}"


def track(
    uri: str, artifacts: Path, name: str, trainings: Sequence[Training], scores: pd.DataFrame, pictures: Iterable[Path]
) -> pd.DataFrame:
    """Bring every training into the store, each once.

    Pictures and cards lie beside a local database, under addresses that begin there: both can be moved together.

    A training that the store holds finished and with the same content is left as it is; one that a killed job left
    half written is removed and written again.

    Args:
        uri: Of the store.
        artifacts: Folder for pictures and cards, where the store is a local database.
        name: Of the experiment.
        trainings: What to bring.
        scores: The table scores.csv.
        pictures: Kept with every run.

    Returns:
        The table tracking.csv: run, run_id, digest.

    Raises:
        InputError: The store is away, locked or cannot be written.
    """
    with told(uri), alone(uri, artifacts):
        reach(uri)
        return _track(uri, artifacts, name, trainings, scores, pictures)


def gather(experiment: lungseg.config.Experiment, root: Path) -> list[Training]:
    """The finished trainings of an experiment, from its files.

    Args:
        experiment: Which.
        root: The folder in which Snakemake runs.

    Raises:
        InputError: One is not finished.
    """
    found = []
    for run in planned(experiment):
        folder = run_folder(experiment, root, run)
        card, history = folder / CARD, folder / HISTORY
        if not card.is_file() or not history.is_file():
            raise InputError(folder, "no finished training", "weights.json and history.csv", "Run snakemake first.")
        found.append(Training(run.name, card, read_csv(history), card.stat().st_mtime))
    return found


def mirror(bring: Callable[[], pd.DataFrame], runs: Sequence[str], command: str) -> pd.DataFrame:
    """What `track` returns; a store that fails is told of and nothing more: results stand without it.

    Args:
        bring: Calls `track`.
        runs: The trainings' names.
        command: What brings them in later.

    Returns:
        The table tracking.csv; run_id and digest are empty where the store failed.
    """
    try:
        return bring()
    except InputError as error:
        print(f"lungseg: {error} The results stand; bring them in later: {command}", file=sys.stderr)
        return pd.DataFrame({"run": list(runs), "run_id": "", "digest": ""})


def _track(
    uri: str, artifacts: Path, name: str, trainings: Sequence[Training], scores: pd.DataFrame, pictures: Iterable[Path]
) -> pd.DataFrame:
    client = MlflowClient(uri)
    experiment = _experiment(client, uri, artifacts, name)
    pictures = list(pictures)
    by_run = dict(list(scores.groupby(RUN)))
    rows = []
    for training in trainings:
        variant, train_on, seed = training.run.split("/")
        own = by_run.get((variant, train_on, int(seed.removeprefix("seed"))), scores[:0])  # none where it diverged
        digest = _digest(training, own, pictures)
        run_id = _finished(client, experiment, digest)
        if run_id is None:
            run_id = _write(client, experiment, training, own, digest)
            _keep(client, uri, artifacts, run_id, [training.card, *pictures])
            client.set_terminated(run_id, end_time=int(training.finished * 1000))
        rows.append({"run": training.run, "run_id": run_id, "digest": digest})
    return pd.DataFrame(rows)


def _experiment(client: MlflowClient, uri: str, artifacts: Path, name: str) -> Experiment:
    """The experiment of a name, made if need be; a server chooses itself where artifacts lie."""
    found = client.get_experiment_by_name(name)
    if found is None:
        place = artifacts.resolve().as_uri() if uri.startswith("sqlite:") else None
        found = client.get_experiment(client.create_experiment(name, artifact_location=place))
    elif found.lifecycle_stage != "active":
        print(f"lungseg: the experiment {name} was deleted in MLflow: it is brought back", file=sys.stderr)
        client.restore_experiment(found.experiment_id)
    if (database := database_of(uri)) is not None and database.parent.resolve() == artifacts.resolve().parent:
        beside(database, artifacts.name)
    return found


def _keep(client: MlflowClient, uri: str, artifacts: Path, run_id: str, files: Iterable[Path]) -> None:
    """Put files beside a run: beside a local database wherever this process works, else as the server has it."""
    for file in files:
        if database_of(uri) is None:
            client.log_artifact(run_id, str(file))
        else:
            with replacing(artifacts / run_id / "artifacts" / file.name) as part:
                shutil.copyfile(file, part)


def _digest(training: Training, scores: pd.DataFrame, pictures: list[Path]) -> str:
    digest = hashlib.sha256(training.run.encode())
    digest.update(training.card.read_bytes())
    for table in (training.history, scores):
        digest.update(table.to_csv(index=False).encode())
    for picture in pictures:
        digest.update(picture.read_bytes())
    return digest.hexdigest()[:16]


def _finished(client: MlflowClient, experiment: Experiment, digest: str) -> str | None:
    """The run with this content, if it was written to its end; what was not is removed."""
    whole = None
    for run in client.search_runs([experiment.experiment_id], f"tags.digest = '{digest}'"):
        if run.info.status == "FINISHED":
            whole = run.info.run_id
        else:
            client.delete_run(run.info.run_id)
    return whole


def _write(client: MlflowClient, experiment: Experiment, training: Training, scores: pd.DataFrame, digest: str) -> str:
    card: dict[str, Any] = read_json(training.card)
    variant, train_on, seed = training.run.split("/")
    tags = {
        "variant": variant,
        "train_on": train_on,
        "seed": seed.removeprefix("seed"),
        "test_on": ",".join(scores["test_on"].unique()),
        "diverged": str(card.get("diverged") is not None).lower(),
        "digest": digest,
        MLFLOW_PARENT_RUN_ID: _group(client, experiment, variant),
    }
    end = int(training.finished * 1000)
    begin = end - int(card["seconds"] * 1000)
    run_id = client.create_run(experiment.experiment_id, start_time=begin, tags=tags, run_name=training.run).info.run_id
    params = [Param(key, str(value)[:6000]) for key, value in _flat(card).items()]
    client.log_batch(run_id, metrics=_epochs(training.history, begin) + _finals(scores, end), params=params)
    return str(run_id)


def _group(client: MlflowClient, experiment: Experiment, variant: str) -> str:
    """The run under which the tracking page folds all trainings of a variant, made if need be."""
    found = client.search_runs([experiment.experiment_id], f"tags.group = '{variant}'", max_results=1)
    if found:
        return str(found[0].info.run_id)
    tags = {"group": variant, "variant": variant}
    run_id = client.create_run(experiment.experiment_id, tags=tags, run_name=variant).info.run_id
    client.set_terminated(run_id)
    return str(run_id)


def _flat(card: dict[str, Any]) -> dict[str, Any]:
    """`{"training": {"epochs": 2}}` -> `{"training.epochs": 2}`."""
    flat: dict[str, Any] = {}
    for key, value in card.items():
        flat |= {f"{key}.{inner}": v for inner, v in value.items()} if isinstance(value, dict) else {key: value}
    return flat


def _epochs(history: pd.DataFrame, begin: int) -> list[Metric]:
    """Each column of history.csv as a curve over epochs."""
    clock = begin + (history["seconds"].cumsum() * 1000).astype(int)
    columns = [name for name in history.columns if name not in ("epoch", "seconds", "began")]
    return [
        Metric(name, float(row[name]), int(time), int(row["epoch"]))
        for time, (_, row) in zip(clock, history.iterrows(), strict=True)
        for name in columns
    ]


def _finals(scores: pd.DataFrame, end: int) -> list[Metric]:
    """Means over the films of each test set, such as `jsrt.dice`."""
    known = [name for name in METRICS if name in scores]
    means = scores.groupby("test_on")[known].mean().to_dict(orient="index")
    cells = [(f"{place}.{name}", value) for place, row in means.items() for name, value in row.items()]
    return [Metric(name, value, end, 0) for name, value in cells if not pd.isna(value)]
