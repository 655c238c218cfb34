"""Configuration: the files here are legal, and what is illegal is told in one message that names the key."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from lungseg.config import Experiment, read_experiment, schema, without_places
from lungseg.errors import InputError
from lungseg.recipe import Training

CONFIG = Path(__file__).parents[1] / "config"
BOTH = ["mobilenetv2", "inceptionresnetv2"]
SMALL: dict[str, Any] = {
    "name": "small",
    "datasets": ["phantom"],
    "train_on": {"pooled": ["phantom"]},
    "variants": {"unet": {"width": 8}},
}


@pytest.mark.parametrize("name", ["config", "cpu", "gpu", "laptop", "quickstart"])
def test_every_file_here_is_legal(name: str) -> None:
    experiment = read_experiment(yaml.safe_load((CONFIG / f"{name}.yaml").read_text()))
    assert set(experiment.variants) >= {"unet", "unet_mobilenetv2", "unet_inceptionresnetv2", "proposed"}
    assert len(experiment.seeds) >= 2


def test_reference_experiment_states_the_defaults() -> None:
    experiment = read_experiment(yaml.safe_load((CONFIG / "config.yaml").read_text()))
    assert experiment.training == Training()
    small = Experiment.model_validate(SMALL)
    for key in set(Experiment.model_fields) - set(SMALL):
        assert getattr(experiment, key) == getattr(small, key), key


def test_name_and_archives_are_enough() -> None:
    """What is left out is the reference's, whichever of its keys it is."""
    reference = yaml.safe_load((CONFIG / "config.yaml").read_text())
    assert read_experiment({"name": "paper", "archives": "archives"}) == read_experiment(reference)
    assert read_experiment({"name": "second"}).datasets == ("montgomery", "shenzhen", "jsrt")
    assert list(read_experiment({"name": "second"}).variants) == list(reference["variants"])


@pytest.mark.parametrize(
    ("datasets", "sets"),
    [
        (["phantom"], {"pooled": ("phantom",)}),
        (["jsrt"], {"jsrt": ("jsrt",), "pooled": ("jsrt",)}),
        (
            ["montgomery", "shenzhen"],
            {
                "montgomery": ("montgomery",),
                "shenzhen": ("shenzhen",),
                "nlm": ("montgomery", "shenzhen"),
                "pooled": ("montgomery", "shenzhen"),
            },
        ),
    ],
)
def test_training_sets_left_out_are_those_that_the_datasets_allow(
    datasets: list[str], sets: dict[str, tuple[str, ...]]
) -> None:
    assert read_experiment({"name": "second", "datasets": datasets}).train_on == sets


def test_experiments_do_not_overwrite_each_other() -> None:
    assert Experiment.model_validate(SMALL).folder("results") == "small/results"
    assert Experiment.model_validate(SMALL | {"name": "paper"}).folder("results") == "results"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"learning_rate": 1},
            "config key learning_rate: found an unknown key .* expected one of name, note, paper, datasets",
        ),
        (
            {"training": {"epoch": 3}},
            "config key training.epoch: found an unknown key .* expected one of epochs, learning",
        ),
        (
            {"variants": {"unet": {"wide": 3}}},
            "config key variants.unet.wide: found an unknown key .* one of encoders",
        ),
        (
            {"training": {"learning_rate": -1}},
            "config key training.learning_rate: found -1, expected greater than 0",
        ),
        (
            {"datasets": ["montgomry"]},
            r"config key datasets.0: found 'montgomry', expected 'montgomery', 'shenzhen'",
        ),
        (
            {"preprocessing": {"size": 100}},
            "config key preprocessing.size: found 100, expected a multiple of 32",
        ),
        (
            {"preprocessing": {"frame": "zoom"}},
            "config key preprocessing.frame: found 'zoom', expected 'stretch', 'pad'",
        ),
        (
            {"train_on": {"pooled": ["jsrt"]}},
            "found a contradiction, .*train_on.pooled names .'jsrt'., which `datasets`",
        ),
        ({"train_on": {"alone": ["phantom"]}}, "table1.train_on is 'pooled', not one of .'alone'."),
        ({"table1": {"test_on": "jsrt"}}, "table1.test_on is 'jsrt', not one of"),
        ({"statistics": {"pool": ["unet", "other"]}}, "statistics.pool names .'other'., which `variants`"),
        ({"seeds": [1, 1]}, "seeds names one value twice"),
        ({"seeds": []}, "config key seeds: found .* expected tuple should have at least 1 item"),
        ({"exclude": {"jsrt": {"JPCLN016": "why"}}}, "exclude names .'jsrt'., which `datasets` does not list"),
        ({"exclude": {"chexpert": {"a": "why"}}}, r"config key exclude.chexpert.*expected 'montgomery', 'shenzhen'"),
        ({"exclude": {"phantom": ["PHANTOM_000"]}}, "config key exclude.phantom: found .*dictionary"),
        ({"exclude": {"phantom": {"PHANTOM_000": " "}}}, "config key exclude.phantom.PHANTOM_000: found ' '"),
        ({"exclude": {"phantom": {"PHANTOM_000": None}}}, "config key exclude.phantom.PHANTOM_000: found None"),
        ({"exclude": {"phantom": {"../x": "why"}}}, "config key exclude.phantom.../x"),
        ({"datasets": ["phantom", "jsrt"]}, "phantom is drawn, never mixed"),
        ({"variants": {"unet": {"weights": "imagenet"}}}, "`weights` needs `encoders`"),
        (
            {"variants": {"both": {"encoders": BOTH, "weights": {"mobilenetv2": "random"}}}},
            r"must name \['mobilenetv2', 'inceptionresnetv2'\], and names \['mobilenetv2'\]",
        ),
        (
            {"variants": {"both": {"encoders": BOTH, "weights": "imagenet-8bit"}}},
            "holds one encoder; give `weights` by",
        ),
        ({"variants": {"one": {"encoders": BOTH[1:], "weights": "imagenet-8bit"}}}, "is MobileNetV2's"),
        ({"name": "../elsewhere"}, "config key name: found '../elsewhere', expected string should match"),
        ({"name": None}, "config key name"),
    ],
)
def test_illegal_choice_is_told(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read_experiment(SMALL | change)
    assert "config/README.md explains every key" in str(caught.value)


def test_missing_key_is_told() -> None:
    with pytest.raises(InputError, match="config key name: found nothing, expected"):
        read_experiment({key: value for key, value in SMALL.items() if key != "name"})


def test_schema_for_editors_is_the_one_of_the_code() -> None:
    assert (CONFIG / "schema.json").read_text() == schema(), "make schema"


def test_every_key_is_explained() -> None:
    text = (CONFIG / "README.md").read_text()
    groups = [
        Experiment,
        *(f.annotation for f in Experiment.model_fields.values() if hasattr(f.annotation, "model_fields")),
    ]
    missing = [key for group in groups for key in group.model_fields if f"`{key}`" not in text]
    assert missing == []


def test_no_folder_of_the_machine_is_published() -> None:
    variants = {
        "a": {"weights": "/home/me/w.safetensors"},
        "b": {"weights": {"x": "/home/me/x.safetensors", "y": "random"}},
        "c": {"weights": "random"},
    }
    told = {
        "archives": "/home/me/data",
        "bundles": "/home/me/results/cpu",
        "note": "/ 50 px",
        "variants": variants,
    }
    shown = without_places(told)
    assert "/home" not in str(shown) and shown["archives"] == "FOLDER" and shown["note"] == told["note"]
    assert shown["bundles"] == "FOLDER/cpu" and shown["variants"]["c"] == {"weights": "random"}
    assert shown["variants"]["b"]["weights"] == {"x": "FOLDER/x.safetensors", "y": "random"}
    here = {"archives": "films/all", "bundles": "results/cpu"}
    assert without_places(here) == here
    assert {without_places({"archives": path})["archives"] for path in ("../films", "~/films")} == {"FOLDER"}
