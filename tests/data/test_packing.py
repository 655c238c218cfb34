"""Films in one file are those that the workflow prepared, in the parts that it split them into."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

from lungseg.config import Experiment, read_experiment
from lungseg.data.films import read_part
from lungseg.data.packing import differences, pack, sums, unpack
from lungseg.errors import InputError
from lungseg.jobs import pieces
from tests.data.test_opened import write
from tests.workflow import ROOT

CHOSEN = {"datasets": ["montgomery", "jsrt"], "train_on": {"pooled": ["montgomery", "jsrt"]}}
EXPERIMENT = read_experiment(yaml.safe_load((ROOT / "tests/tiny.yaml").read_text()) | CHOSEN)


def prepared(root: Path, experiment: Experiment, side: int = 8) -> tuple[list[Path], list[Path], list[Path]]:
    """Arrays, tables and splits of two data sets where the workflow leaves them."""
    data, results = (root / experiment.folder(name) for name in ("data", "results"))
    found = []
    for films, dataset in ((9, "montgomery"), (6, "jsrt")):
        places = (
            data / f"processed/{dataset}.npy",
            *(results / f"{kind}/{dataset}.csv" for kind in ("images", "splits")),
        )
        for made, place in zip(write(root, dataset, films, side), places, strict=True):
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(made, place)
        pixels = np.load(places[0])
        pixels[:, 1] %= 2
        np.save(places[0], pixels)
        found.append(places)
    arrays, tables, splits = map(list, zip(*found, strict=True))
    return arrays, tables, splits


def test_what_is_unpacked_is_what_was_prepared(tmp_path: Path) -> None:
    files = prepared(tmp_path, EXPERIMENT)
    pack(tmp_path / "films.npz", EXPERIMENT, "c0ffee", tmp_path)
    packed = unpack(tmp_path / "films.npz")
    assert packed.experiment == EXPERIMENT and packed.commit == "c0ffee"
    for part in ("train", "validation", "test"):
        there, here = read_part(part, *files), packed.part(part, ["montgomery", "jsrt"])
        assert there.sha256() == here.sha256()
        assert (there.dataset, there.image_id) == (here.dataset, here.image_id)


def test_films_that_nobody_prepared_are_named(tmp_path: Path) -> None:
    _, tables, _ = prepared(tmp_path, EXPERIMENT)
    tables[1].unlink()
    with pytest.raises(InputError, match=r"images/jsrt.csv: found no such file, expected prepared and split films"):
        pack(tmp_path / "films.npz", EXPERIMENT, None, tmp_path)
    assert not (tmp_path / "films.npz").exists()


def test_more_than_may_travel_is_told_with_its_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    prepared(tmp_path, EXPERIMENT, side=400)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("lungseg.jobs.prepared.check_prepared", lambda *_: None)  # nobody prepared them
    Path("own.yaml").write_text(yaml.safe_dump(EXPERIMENT.model_dump(mode="json", exclude_none=True)))
    assert pieces.main(["pack", "films.npz", "--configfile", "own.yaml", "--mib", "1"]) == 2
    size = round(Path("films.npz").stat().st_size / 2**20)
    assert (
        size > 1 and f"films.npz: found {size} MiB, expected at most 1. Give a larger --mib" in capsys.readouterr().err
    )
    assert pieces.main(["pack", "films.npz", "--configfile", "own.yaml"]) == 0


@pytest.mark.parametrize(
    ("arrays", "found"),
    [
        ({}, "no experiment in it"),
        ({"experiment": "{"}, "no experiment in it"),
        ({"experiment": "5"}, "no experiment in it"),
        ({"experiment": EXPERIMENT.model_dump_json()}, "no commit, montgomery/images, .*, jsrt/part"),
    ],
)
def test_another_file_is_told(tmp_path: Path, arrays: dict[str, str], found: str) -> None:
    np.savez(tmp_path / "films.npz", other=np.zeros(3), **{name: np.array(text) for name, text in arrays.items()})
    with pytest.raises(InputError, match=rf"films.npz: found {found}, expected .*\. Pack the films again"):
        unpack(tmp_path / "films.npz")


def test_no_commit_stays_none(tmp_path: Path) -> None:
    prepared(tmp_path, EXPERIMENT)
    pack(tmp_path / "films.npz", EXPERIMENT, None, tmp_path)
    assert unpack(tmp_path / "films.npz").commit is None


def test_second_differences_are_undone_exactly() -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (3, 5, 7), dtype=np.uint8)
    assert np.array_equal(sums(differences(pictures)), pictures)
    smooth = np.add.outer(np.arange(64), np.arange(64))[None].astype(np.uint8)
    assert (differences(smooth)[0, 1:, 1:] == 0).all()
