"""Rates are tried on a quarter of the training with a seed of their own, and the best is written down as a variant."""

import json
from pathlib import Path

import pandas as pd
import pytest
import yaml

from lungseg.config import Experiment, Tune, read_experiment
from lungseg.errors import InputError
from lungseg.learning.training import Epoch, write_history
from lungseg.learning.tuning import as_file, at_the_edge, chosen, judged, read_tries, refuse_other_tries, tried
from lungseg.outside import read_yaml
from lungseg.recipe import Training

EXPERIMENT = read_experiment(
    {
        "name": "small",
        "variants": {
            "unet": {"width": 32, "training": {"loss": "dice"}},
            "fpn": {"encoders": ["efficientnet-b0"], "decoder": "fpn"},
        },
        "training": {"epochs": 20},
    }
)


def history(file: Path, *dice: float, loss: float = 0.5) -> Path:
    write_history([Epoch(n + 1, 0.001, loss, loss, each, 0.9, 10.0, 1.0) for n, each in enumerate(dice)], file)
    return file


def tries(*rows: tuple[str, float, float | None]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["variant", "learning_rate", "validation_dice"])


@pytest.mark.parametrize(
    ("given", "length"), [({"epochs": 20}, (5, None)), ({"steps": 600}, (None, 150)), ({"epochs": 1}, (1, None))]
)
def test_a_try_is_the_same_training_a_quarter_as_long(given: dict[str, int], length: tuple[int | None, ...]) -> None:
    whole = Training(loss="dice", **given)
    found = tried(whole, 0.003)
    assert (found.epochs, found.steps) == length
    assert found.learning_rate == 0.003 and found.loss == "dice"
    assert found.schedule == whole.schedule


def test_the_best_epoch_judges_a_try_and_one_that_diverged_has_none(tmp_path: Path) -> None:
    files = {
        ("unet", 0.001): history(tmp_path / "a.csv", 0.5, 0.8, 0.7),
        ("unet", 0.003): history(tmp_path / "b.csv", 0.9, loss=float("nan")),
    }
    table = judged(files, Tune())
    assert table["validation_dice"].tolist()[0] == 0.8 and table["epoch"].tolist()[0] == 2
    assert table["validation_dice"].isna().tolist() == [False, True]
    assert table["seed"].tolist() == [1000, 1000]
    assert chosen(table) == {"unet": 0.001}


def test_of_two_alike_the_smaller_rate_is_chosen_and_none_of_none() -> None:
    rows = [("unet", 0.003, 0.9), ("unet", 0.001, 0.9), ("fpn", 0.001, 0.5), ("fpn", 0.003, 0.6)]
    assert chosen(tries(*rows)) == {"unet": 0.001, "fpn": 0.003}
    with pytest.raises(InputError, match=r"the tries of unet: found trainings that diverged at rates 0.001, 0.003"):
        chosen(tries(("unet", 0.003, None), ("unet", 0.001, None)))


@pytest.mark.parametrize(
    ("rate", "said"),
    [
        (0.001, ", the smallest that was tried: a smaller one may"),
        (0.003, ""),
        (0.01, ", the largest that was tried: a l"),
    ],
)
def test_a_rate_at_the_edge_of_those_that_were_tried_is_told(rate: float, said: str) -> None:
    table = tries(*(("fpn", each, 0.9 if each == rate else 0.5) for each in (0.001, 0.003, 0.01)), ("unet", 1.0, 0.1))
    assert at_the_edge(table, "fpn", rate).startswith(said) and bool(at_the_edge(table, "fpn", rate)) == bool(said)
    other = EXPERIMENT.model_copy(update={"training": Training(epochs=20, learning_rate=0.1)})
    assert f"chosen {rate:g}{said}" in as_file(other, table)


@pytest.mark.parametrize("change", [{"width": 31}, {"training": {"loss": "bce"}}, None])
def test_tries_of_other_choices_choose_no_rate(tmp_path: Path, change: dict[str, object] | None) -> None:
    variant = EXPERIMENT.variants["unet"].model_copy(update=change and {"width": change.get("width", 32)})
    recipe = tried(EXPERIMENT.trained_as("unet"), 0.001).model_copy(update=(change or {}).get("training"))
    place = tmp_path / "unet/rate0.001/seed1000"
    place.mkdir(parents=True)
    facts = {"variant": variant.model_dump(mode="json"), "training": recipe.model_dump(mode="json")}
    (place / "weights.json").write_text(json.dumps(facts))
    table = tries(("unet", 0.001, 0.9), ("unet", 0.003, 0.8), ("fpn", 0.0003, 0.9)).assign(seed=1000)
    if change is None:
        return refuse_other_tries(table, EXPERIMENT, tmp_path)
    with pytest.raises(
        InputError, match=f"weights.json, {'variant' if 'width' in change else 'training'}: found .*-- tune"
    ):
        refuse_other_tries(table, EXPERIMENT, tmp_path)
    return None


def test_tries_at_other_rates_choose_none(tmp_path: Path) -> None:
    table = tries(("unet", 0.0003, 0.9), ("unet", 0.001, 0.9), ("unet", 0.01, 0.8)).assign(seed=1000)
    with pytest.raises(
        InputError, match=r"rates.csv: found tries at 0.0003, 0.001, 0.01, expected 0.0003, 0.001, 0.003, as"
    ):
        refuse_other_tries(table, EXPERIMENT, tmp_path)


def test_what_is_written_is_an_ordinary_variant_beside_the_others(tmp_path: Path) -> None:
    text = as_file(EXPERIMENT, tries(("unet", 0.001, 0.9), ("unet", 0.003, 0.95), ("fpn", 0.0003, 0.8)))
    assert "# chosen 0.003, the largest" in text
    (tmp_path / "tuned.yaml").write_text(text, encoding="utf-8")
    file = read_yaml(tmp_path / "tuned.yaml", dict, "")
    added = file["variants"]
    given = {name: one.chosen() for name, one in EXPERIMENT.variants.items()}
    both = read_experiment(
        {"name": "small", "variants": given | added, "training": {"epochs": 20}, "tune": file["tune"]}
    )
    assert both.tune.tries == {"unet": (None, 0.9, 0.95), "fpn": (0.8, None, None)}
    tuned, before = both.trained_as("unet_tuned"), both.trained_as("unet")
    assert tuned == before.model_copy(update={"learning_rate": 0.003})
    alone = {name: one.model_copy(update={"training": None}) for name, one in both.variants.items()}
    assert alone["unet_tuned"] == alone["unet"] and alone["fpn_tuned"] == alone["fpn"]
    assert both.to_tune() == ["unet", "fpn"]
    with pytest.raises(InputError, match="variant other"):
        as_file(EXPERIMENT, tries(("other", 0.001, 0.9)))


@pytest.mark.parametrize(
    ("tune", "told"),
    [
        ({"seed": 1}, "one of `seeds`: rates are chosen on another"),
        ({"variants": ["lost"]}, "which `variants` does not list"),
        ({"rates": [0.1, 0.1, 0.2]}, "names one rate twice"),
        ({"rates": [0.1, 0.2]}, "rates"),
        ({"tries": {"lost": [0.1, 0.2, 0.3]}}, "which `variants` does not list"),
        ({"tries": {"unet": [0.1, 0.2]}}, "tries.unet"),
        ({"tries": {"unet": [0.1, 0.2, 1.5]}}, "tries.unet"),
    ],
)
def test_what_cannot_be_tuned_is_told(tune: dict[str, object], told: str) -> None:
    with pytest.raises(InputError, match=told):
        read_experiment({"name": "small", "tune": tune})
    assert Experiment(name="small").tune.rates == (0.0003, 0.001, 0.003)


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ("", "no try"),
        ("unet,,9,0.9,1", "''"),
        ("unet,-1,9,0.9,1", "the learning rate -1"),
        ("unet,0,9,0.9,1", "the learning rate 0"),
        (",0.1,9,0.9,1", "''"),
    ],
)
def test_a_table_of_tries_that_is_none_is_told(tmp_path: Path, rows: str, found: str) -> None:
    (tmp_path / "rates.csv").write_text(f"variant,learning_rate,seed,validation_dice,epoch\n{rows}\n")
    with pytest.raises(InputError, match=rf"rates.csv.*: found {found}, expected .*try the rates again"):
        read_tries(tmp_path / "rates.csv")


def test_the_file_of_one_variant_alone_is_yaml() -> None:
    text = as_file(EXPERIMENT, tries(("fpn", 0.0003, 0.8)))
    assert yaml.safe_load(text) == {
        "tune": {"rates": [0.0003, 0.001, 0.003], "seed": 1000, "tries": {"fpn": [0.8, None, None]}},
        "variants": {
            "fpn_tuned": {"encoders": ["efficientnet-b0"], "decoder": "fpn", "training": {"learning_rate": 0.0003}}
        },
    }


def test_a_network_whose_own_rate_is_the_best_is_not_trained_twice() -> None:
    text = as_file(EXPERIMENT, tries(("fpn", 0.0003, 0.8), ("fpn", 0.001, 0.9), ("fpn", 0.003, None)))
    assert yaml.safe_load(text) == {
        "tune": {"rates": [0.0003, 0.001, 0.003], "seed": 1000, "tries": {"fpn": [0.8, 0.9, None]}}
    }
