"""Films that were prepared or split by another configuration are not packed."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from lungseg.config import read_experiment
from lungseg.data.datasets import dataset
from lungseg.data.splits import split
from lungseg.errors import InputError
from lungseg.jobs import pieces
from lungseg.jobs.prepared import check_prepared
from tests.workflow import ROOT

TINY = yaml.safe_load((ROOT / "tests/tiny.yaml").read_text())


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the workflow leaves of the tiny experiment, in blank films."""
    root = tmp_path_factory.mktemp("prepared")
    films = pd.DataFrame({"image_id": dataset("phantom").films, "dataset": "phantom", "abnormal": 0})
    for folder in ("data/processed", "results/images", "results/splits"):
        (root / "tiny" / folder).mkdir(parents=True)
    np.save(root / "tiny/data/processed/phantom.npy", np.zeros((len(films), 2, 32, 32), np.uint8))
    films.to_csv(root / "tiny/results/images/phantom.csv", index=False)
    films[["image_id"]].assign(frame="stretch").to_csv(root / "tiny/data/processed/phantom.boxes.csv", index=False)
    split(films, "random", 0).to_csv(root / "tiny/results/splits/phantom.csv", index=False)
    return root


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({}, None),
        ({"preprocessing": {"size": 64}}, r"phantom.npy: found films of 32 px, expected 64 px, as preprocessing.size"),
        ({"preprocessing": {"size": 32, "frame": "crop"}}, r"boxes.csv, .*: found the frame stretch, expected crop"),
        ({"split": {"method": "random", "seed": 5}}, r"splits/phantom.csv, .*: found the part .* as split.method"),
        (
            {"exclude": {"phantom": {dataset("phantom").films[0]: "blurred"}}},
            r"images/phantom.csv: found \d+ films; \S+ in one alone, expected the \d+ films of phantom that the conf",
        ),
    ],
)
def test_what_another_configuration_prepared_is_refused(
    prepared: Path, change: dict[str, Any], message: str | None
) -> None:
    experiment = read_experiment(TINY | change)
    if message is None:
        check_prepared(experiment, prepared)
        return
    with pytest.raises(InputError, match=message):
        check_prepared(experiment, prepared)


def test_pack_refuses_it_and_what_is_missing(
    prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(prepared, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    Path("other.yaml").write_text(yaml.safe_dump(TINY | {"preprocessing": {"size": 64}}))
    assert pieces.main(["pack", "f.npz", "--configfile", "other.yaml"]) == 2
    assert "found films of 32 px, expected 64 px" in capsys.readouterr().err
    Path("tiny/data/processed/phantom.boxes.csv").unlink()
    assert pieces.main(["pack", "f.npz", "--configfile", "other.yaml"]) == 2
    assert "phantom.boxes.csv: found no such file, expected prepared and split films" in capsys.readouterr().err
    assert not Path("f.npz").exists()
