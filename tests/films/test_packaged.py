"""The model in the package: how its files are made, and what its card says against its films."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from lungseg.data.archive import fetch_all
from lungseg.data.datasets import DATASETS
from lungseg.data.films import Part
from lungseg.data.patients import seen_elsewhere
from lungseg.data.reading import Radiograph
from lungseg.films.networks import MODELS, default
from lungseg.learning import packaged
from lungseg.learning.packaged import package
from lungseg.report.model_card import Answers, _what, card_page, cases, held_out, own_size, read_cards
from lungseg.segment import segment
from lungseg.tables import read_csv
from tests.workflow import ROOT

SCORES = ROOT / "docs/model-scores.csv"


@pytest.fixture(scope="module")
def packed(runs: list[Path], tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The files of a package of all runs, into a folder where an older one lay."""
    folder = tmp_path_factory.mktemp("packed")
    (folder / "lungs-9.onnx").write_bytes(b"an older one")
    return package(runs, folder, "stretch", "3", ["jsrt"])


def test_files_and_cards_belong_together_and_open_as_one_model(runs: list[Path], packed: list[Path]) -> None:
    folder, files = packed[0].parent, packed
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        name for file in files for name in (file.name, file.with_suffix(".json").name)
    )
    model = default(folder)
    assert (model.name, model.version, len(model.networks)) == ("lungs", "3", len(runs))
    card = json.loads(files[0].with_suffix(".json").read_text())
    assert card["bytes"] == files[0].stat().st_size and card["licence"].startswith("code: MIT")
    assert card["trained_on"] == model.networks[0].described.trained_on == "jsrt" and "jsrt: " in card["licence"]


def test_no_more_networks_than_fit(
    runs: list[Path], packed: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packaged, "LIMIT", 1)
    monkeypatch.setattr(packaged, "export", lambda _, file, *__, **___: shutil.copy(packed[0].parent / file.name, file))
    assert len(package(runs, tmp_path, "stretch", "3", ["jsrt"])) == 1
    assert len(list(tmp_path.glob("*.onnx"))) == len(list(tmp_path.glob("*.json"))) == 1


def scores(films: int = 12) -> tuple[pd.DataFrame, pd.DataFrame]:
    rng = np.random.default_rng(0)
    measured = {"hd95_px": 1.0, "assd_px": 1.0, "nsd": 1.0, "hd95_mm": 1.0, "assd_mm": 1.0, "loss": None, "empty": 0}
    measured |= {"true_positive": 9, "false_positive": 1, "false_negative": 1, "true_negative": 9}
    rows = []
    for film in range(films):
        for size in ("network", "native"):
            for cleaned in ("none", "two_largest"):
                dice = 0.9 + rng.uniform(0, 0.05) + 0.01 * (size == "native")
                who = {"kind": "network", "variant": "lungs", "seed": 0, "film": film}
                overlap = dict.fromkeys(["dice", "iou", "precision", "recall", "accuracy"], dice)
                rows.append(who | {"size": size, "postprocessing": cleaned} | overlap | measured)
    names = pd.DataFrame(
        {"test_on": ["jsrt", "shenzhen"] * (films // 2), "image_id": [f"f{i}" for i in range(films)],
         "abnormal": [int(i % 4 < 2) for i in range(films)]}
    )  # fmt: skip
    return pd.DataFrame(rows), names


def test_held_out_is_the_mean_at_the_films_own_size_by_group() -> None:
    table, names = scores()
    own = own_size(table, names)
    native = table[(table["size"] == "native") & (table["postprocessing"] == "none")]["dice"].to_numpy()
    assert own["dice"].tolist() == native.tolist()
    found = held_out(own, ["f0", "f3"], 0.95).set_index(["test_on", "group"])
    assert found.loc[("jsrt", "all"), "mean"] == pytest.approx(native[::2].mean())
    assert found.loc[("jsrt", "patients not seen"), "mean"] == pytest.approx(native[2::2].mean())
    assert found.loc[("shenzhen", "abnormal"), "images"] == 3
    assert found.loc[("pooled", "all"), "lowest"] == native.min()
    assert (found["low"] < found["mean"]).all() and (found["mean"] < found["high"]).all()


def test_answers_join_probabilities_and_cases_show_the_median_and_the_worst(packed: list[Path]) -> None:
    model = default(packed[0].parent)
    side = model.networks[0].described.size
    films = np.random.default_rng(0).integers(0, 255, (6, side, side), dtype=np.uint8)
    part = Part(["jsrt"] * 6, [f"f{i}" for i in range(6)], films, np.ones_like(films))
    answers = Answers(model, part)
    each = np.stack([1 / (1 + np.exp(-network.logits(films[2]).astype(float))) for network in model.networks])
    mean = each.mean(axis=0)
    np.testing.assert_allclose(1 / (1 + np.exp(-answers.logits[2].astype(float))), mean, atol=2e-3)
    table = pd.DataFrame({"test_on": "jsrt", "image_id": part.image_id, "dice": [0.5, 0.9, 0.8, 0.7, 0.6, 0.95]})
    shown = cases(table, answers)
    assert [(one.image_id, one.kind) for one in shown] == [("f3", "typical"), ("f0", "worst")]
    assert (shown[1].image == films[0]).all() and shown[1].dice == {"lungs": 0.5}


@pytest.fixture(scope="module")
def ten_films(real_archives: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Radiograph]]:
    """The ten test films of Montgomery whose names come first."""
    if not SCORES.is_file():
        pytest.skip("no model in this checkout")
    folder = tmp_path_factory.mktemp("films")
    table = pd.read_csv(SCORES)
    wanted = set(sorted(table.loc[table["test_on"] == "montgomery", "image_id"])[:10])
    list(fetch_all(DATASETS["montgomery"].archives, folder, real_archives))
    yield [film for film in DATASETS["montgomery"].read(folder) if film.image_id in wanted]


def test_dice_of_ten_films_is_what_the_card_says(ten_films: list[Radiograph]) -> None:
    """By the door that a person takes: the film as an array, at its own size."""
    told = pd.read_csv(SCORES).set_index("image_id")["dice"]
    assert len(ten_films) == 10
    for film in ten_films:
        mask = segment(film.image).labels > 0
        truth = film.mask > 0
        dice = 2 * (mask & truth).sum() / (mask.sum() + truth.sum())
        assert dice == pytest.approx(told[film.image_id], abs=5e-4), film.image_id


def test_cards_are_of_the_files_beside_them_and_the_page_names_them() -> None:
    if not MODELS.is_dir() or not list(MODELS.glob("*.onnx")):
        pytest.skip("no model in this checkout")
    model, page = default(), (ROOT / "docs/model.md").read_text()
    for file in MODELS.glob("*.onnx"):
        card = json.loads(file.with_suffix(".json").read_text())
        assert card["sha256"] in page and card["trained_on"] == "montgomery, shenzhen, jsrt"
    assert sum(file.stat().st_size for file in MODELS.glob("*.onnx")) <= packaged.LIMIT
    assert model.name == "lungs"
    cards = read_cards(MODELS)
    assert _what(cards, cards[0]) in page


def test_the_committed_card_follows_from_the_committed_scores() -> None:
    """Every line but those of the candidates, whose trainings are not in git."""
    if not SCORES.is_file():
        pytest.skip("no model in this checkout")
    scores, note = read_csv(SCORES), yaml.safe_load((ROOT / "config/model.yaml").read_text())["note"]
    seen = seen_elsewhere(pd.concat(map(read_csv, sorted((ROOT / "results/cpu/splits").glob("*.csv")))))
    none = pd.DataFrame(columns=["variant", "seeds", "parameters", "validation_dice", "chosen"])
    made = card_page(read_cards(MODELS), none, held_out(scores, seen, 0.95), scores, note, 0.95)
    page = (ROOT / "docs/model.md").read_text()
    taken = [line for line in page.splitlines() if line not in made.splitlines()]
    assert [line for line in made.splitlines() if line not in page.splitlines()] == []
    assert made.endswith("\n") and len(taken) >= 1 and all(line.startswith("| ") for line in taken)
