"""Runs that travel: a clone with bundles alone has the same tables, and what does not belong together is refused."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from lungseg.config import Experiment
from lungseg.errors import InputError
from lungseg.files import file_hash
from lungseg.learning.bundles import (
    FILES,
    check_films,
    find_bundles,
    passed_on,
    planned,
    predicted_parts,
    refuse_mixture,
)
from lungseg.learning.run_files import CARD, PREDICTIONS, read_card
from lungseg.recipe import Variant
from lungseg.tables import read_csv
from tests.workflow import ROOT, copy_project, planned_rules, snakemake

TINY = Experiment.model_validate(yaml.safe_load((ROOT / "tests/tiny.yaml").read_text()))
CODE = "0123456789abcdef"
# Columns of cost.csv that are of the machine and the hour.
MEASURED = ["train_memory_mb", "predict_memory_mb", "ms_per_film"]
Change = Callable[[dict[str, Any]], object]


def write_bundles(folder: Path) -> Path:
    """A bundle for each run of the tiny experiment, as far as their cards matter."""
    for run in planned(TINY):
        card = {
            "run": run.name,
            "code": CODE,
            "commit": "c0ffee",
            "arithmetic": "float32",
            "variant": TINY.variants[run.variant].model_dump(mode="json"),
            "training": TINY.training.model_dump(mode="json"),
            "size": TINY.preprocessing.size,
            **{"films": {}, "parameters": 1, "seconds": 1.0},
        }
        place = folder / "runs" / run.name
        place.mkdir(parents=True)
        for name in FILES:
            (place / name).write_text(json.dumps(card) if name == CARD else "")
    return folder


def change(folder: Path, edit: Change, run: str = "unet/pooled/seed1") -> None:
    """Edit the card of a run."""
    path = folder / "runs" / run / CARD
    card = json.loads(path.read_text())
    edit(card)
    path.write_text(json.dumps(card))


def test_every_run_with_a_bundle_is_found_and_none_without(tmp_path: Path) -> None:
    folder = write_bundles(tmp_path / "all")
    found = find_bundles(str(folder), TINY, CODE)
    assert found == {run.name: str(folder / "runs" / run.name) for run in planned(TINY)}
    shutil.rmtree(folder / "runs/unet/pooled/seed1")
    assert find_bundles(str(folder), TINY, CODE).keys() == found.keys() - {"unet/pooled/seed1"}
    assert find_bundles(None, TINY, CODE) == {}


def test_runs_of_table_1_predict_what_they_learned_from_too() -> None:
    assert predicted_parts(TINY, "".join(["poo", "led"])) == ["train", "validation", "test"]  # equal, another object
    assert predicted_parts(TINY, "another") == ["test"]


def test_all_bundles_of_older_code_make_a_table_but_not_beside_runs_of_this_code(tmp_path: Path) -> None:
    folder = write_bundles(tmp_path)
    assert len(find_bundles(str(folder), TINY, "other")) == 4
    shutil.rmtree(folder / "runs/unet/pooled/seed1")
    with pytest.raises(InputError, match=r"3 bundles of training code 0123\S+, and 1 runs to train, .*commit c0ffee"):
        find_bundles(str(folder), TINY, "other")


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (
            lambda card: card.update(run="unet/pooled/seed7"),
            r"run: found unet/pooled/seed7, expected unet/pooled/seed1",
        ),
        (lambda card: card["variant"].update(width=8), "variant: found .*width=8.* expected .*width=4"),
        (lambda card: card["training"].update(epochs=9), "training: found epochs=9"),
        (
            lambda card: card["training"].update(batch_size=8),
            "training: found .*batch_size=8.* expected .*batch_size=16",
        ),
        (lambda card: card.update(size=16), "size: found 16, expected 32"),
        (lambda card: card.update(size=64), "size: found 64, expected 32"),
        (lambda card: card.update(code="fedc"), r"3 of code 0123\S+ in float32, such as .*; 1 of code fedc in float32"),
        (lambda card: card.update(arithmetic="bfloat16"), r"in float32, such as .*; 1 of code 0123\S+ in bfloat16"),
        (lambda card: card.pop("variant"), "found 'variant', expected the card of a run"),
    ],
)
def test_a_bundle_of_another_experiment_is_refused(tmp_path: Path, edit: Change, message: str) -> None:
    folder = write_bundles(tmp_path)
    change(folder, edit)
    with pytest.raises(InputError, match=message):
        find_bundles(str(folder), TINY, CODE)


@pytest.mark.parametrize("key", ["module", "mobilenetv2"])
def test_a_bundle_of_another_state_of_a_named_file_is_refused_whatever_its_hash(tmp_path: Path, key: str) -> None:
    (file := tmp_path / "own.py").write_text("def network(variant): ...\n")
    own = Variant(module=f"{file}:network") if key == "module" else Variant(encoders=[key], weights=str(file))
    experiment = TINY.model_copy(update={"variants": TINY.variants | {"unet": own}})
    folder = write_bundles(tmp_path)
    facts = {"variant": own.model_dump(mode="json"), "loaded": {key: {"sha256": file_hash(file)}}}
    for seed in (0, 1):
        change(folder, lambda card: card.update(passed_on(facts)), f"unet/pooled/seed{seed}")
    assert str(tmp_path) not in (folder / "runs/unet/pooled/seed0" / CARD).read_text()
    assert len(find_bundles(str(folder), experiment, CODE)) == len(planned(TINY))
    for other in ("0" * 64, "f" * 64):
        change(folder, lambda card, other=other: card["loaded"][key].update(sha256=other))
        with pytest.raises(InputError, match=rf"{key}: found sha256 {other}, expected .*own.py"):
            find_bundles(str(folder), experiment, CODE)


def test_a_bundle_in_pieces_and_a_missing_folder_are_refused(tmp_path: Path) -> None:
    folder = write_bundles(tmp_path)
    (folder / "runs/unet/pooled/seed0" / PREDICTIONS).unlink()
    with pytest.raises(InputError, match=r"unet/pooled/seed0: found no predictions.npz, .*or remove the folder"):
        find_bundles(str(folder), TINY, CODE)
    with pytest.raises(InputError, match=r"config key bundles: found .*nowhere, which is no folder"):
        find_bundles(str(tmp_path / "nowhere"), TINY, CODE)
    (folder / "runs/unet/pooled/seed0" / CARD).write_text("{")
    with pytest.raises(
        InputError, match=r"weights.json: found no JSON .*Bring the run's files again, or train it again"
    ):
        read_card(folder / "runs/unet/pooled/seed0" / CARD)


def test_runs_of_other_films_and_of_two_arithmetics_are_refused() -> None:
    card = {"run": "unet/pooled/seed0", "code": CODE, "arithmetic": "float32", "films": {"train": "a"}}
    check_films([card], {"train": "a"})
    refuse_mixture([card, card])
    refuse_mixture([])
    with pytest.raises(InputError, match=r"card of unet/pooled/seed0, films: found .*'a'.*expected .*'b'"):
        check_films([card], {"train": "b"})
    with pytest.raises(InputError, match="one training code and one arithmetic in a table"):
        refuse_mixture([card, card | {"run": "proposed/pooled/seed0", "arithmetic": "bfloat16"}])


@pytest.fixture(scope="module")
def published(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The finished tiny experiment, published in a copy of its project."""
    folder = tmp_path_factory.mktemp("published") / "project"
    shutil.copytree(project, folder)
    snakemake(folder, "--", "publish")
    return folder


def test_a_clone_with_bundles_alone_has_the_same_tables_and_bundles_and_trains_nothing(
    published: Path, tmp_path: Path
) -> None:
    clone = copy_project(tmp_path / "clone")
    shutil.copytree(published / "results/tiny", clone / "results/tiny")
    bundled = ("--config", "bundles=results/tiny")
    assert "train" not in (rules := planned_rules(clone, *bundled)) and "predict" in rules
    assert "train" in planned_rules(clone)
    before = {path: path.read_bytes() for path in (clone / "results/tiny/runs").rglob("*.*")}
    assert len(before) == 3 * 4
    for file in (path for path in before if path.name == PREDICTIONS):
        seed, card = file.parent.name, read_card(file.with_name(CARD))
        (said,) = [key for key in np.load(file) if key.endswith(f"{seed}/weights")]
        assert str(np.load(file)[said]) == card["weights_sha256"]
    snakemake(clone, *bundled, "--", "all", "publish")
    assert {path: path.read_bytes() for path in (clone / "results/tiny/runs").rglob("*.*")} == before
    there, here = published / "tiny/results", clone / "tiny/results"
    compared = [
        path.relative_to(there) for path in there.rglob("*") if path.suffix in {".csv", ".parquet", ".md", ".tex"}
    ]
    compared = [path for path in compared if path.parts[0] not in {"runs", "benchmarks", "logs", "cost.csv"}]
    assert len(compared) > 20
    for path in [*compared, Path("metrics.json"), Path("predictions/pooled.npz")]:
        assert (here / path).read_bytes() == (there / path).read_bytes(), path
    costs = [read_csv(folder / "cost.csv").drop(columns=MEASURED) for folder in (there, here)]
    pd.testing.assert_frame_equal(*costs)
    for path in there.glob("figures/*.svg"):
        assert (here / "figures" / path.name).read_bytes() == path.read_bytes(), path.name
    assert not list(here.rglob("weights.safetensors"))
    assert planned_rules(clone, *bundled) == set()
    older = clone / "results/tiny/runs/unet/pooled/seed0" / CARD
    older.write_text(json.dumps(json.loads(older.read_text()) | {"seconds": 7.5}))
    os.utime(older, (0, 0))
    assert {"predict", "collect", "cost", "audit"} <= planned_rules(clone, *bundled)
    manifest = json.loads((here / "manifest.json").read_text())
    assert [kind["runs"] for kind in manifest["trained"]] == [4]


def test_only_missing_runs_are_trained_beside_bundles(published: Path, tmp_path: Path) -> None:
    clone = copy_project(tmp_path / "clone")
    shutil.copytree(published / "results/tiny", clone / "results/tiny")
    shutil.rmtree(clone / "results/tiny/runs/unet/pooled/seed1")
    tables = ("scores.csv", "scores.parquet")  # of which all others are made, as the test above shows
    snakemake(clone, "--config", "bundles=results/tiny", "--", *(f"tiny/results/{name}" for name in tables))
    assert [path.parent.name for path in clone.rglob("weights.safetensors") if "tiny" in path.parts] == ["seed1"]
    for name in tables:
        assert (clone / "tiny/results" / name).read_bytes() == (published / "tiny/results" / name).read_bytes()
    changed = clone / "lungseg/learning/training.py"
    changed.write_text(changed.read_text() + "\nADDED = 1\n")
    printed = snakemake(clone, "--dry-run", "--config", "bundles=results/tiny", check=False)
    assert "3 bundles of training code" in printed and "Traceback" not in printed
