"""Configuration: the files here are legal, and what is illegal is told in one message that names the key."""

import copy
import itertools
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from lungseg.config import TAKEN, Experiment, read_experiment, schema, without_places
from lungseg.errors import InputError
from lungseg.learning import stepper, training
from lungseg.learning.training import Examples, fit
from lungseg.networks.build import build
from lungseg.outside import PATTERNS, read_settings, read_yaml
from lungseg.recipe import Head, Training, Variant

CONFIG = Path(__file__).parents[1] / "config"
BOTH = ["mobilenetv2", "inceptionresnetv2"]
SMALL: dict[str, Any] = {
    "name": "small",
    "datasets": ["phantom"],
    "train_on": {"pooled": ["phantom"]},
    "variants": {"unet": {"width": 8}},
}


# Choices of one variant that do not go together, and what is said of them.
CONTRADICTIONS: list[tuple[dict[str, Any], str]] = [
    ({"encoders": BOTH[:1], "width": 8}, "`width` is of a network without encoders"),
    ({"encoders": BOTH[:1], "decoder": "nnunet"}, "`nnunet` is a network without encoders"),
    ({"decoder": "fpn"}, "`decoder: fpn` needs `encoders`"),
    ({"encoders": BOTH[:1], "join": "sum"}, "`join: sum` is of several encoders, and here are 1"),
    ({"join": "outputs"}, "`join: outputs` is of several encoders, and here are 0"),
    ({"frozen": True}, "`frozen` is of the networks under `join: outputs`"),
    ({"encoders": ["vit_tiny_patch16_224"] * 2, "decoder": "dpt"}, "`dpt` reads the tokens of one encoder"),
    ({"decoder_channels": [5, 4, 3, 2, 1]}, "`decoder_channels` is of unet, unetplusplus, manet beside encoders"),
    (
        {"encoders": BOTH[:1], "decoder": "fpn", "decoder_channels": [5, 4, 3, 2, 1]},
        "`decoder_channels` is of unet, unetplusplus, manet beside encoders",
    ),
    ({"meta_learner": True, "head": {}}, "`meta_learner` is short for `head: {}`: give one of them"),
    ({"head": {"dense": [], "dropout": 0, "normalise": False}}, "`head` with nothing in it is no head"),
    ({"decoder": "nnunet", "head": {}}, "`nnunet` has a head of its own"),
    ({"decoder": "nnunet", "width": 513}, "`nnunet` has at most 512 channels at a level"),
    (
        {"encoders": BOTH[:1], "decoder_channels": [4, 3, 2, 1]},
        "decoder_channels.4: found nothing, expected more values than 4",
    ),
    *(
        ({"encoders": BOTH[:1], "weights": given}, "variants.one.weights: found .*random, imagenet, imagenet-8bit or")
        for given in (None, "", 5, ["random"], {"mobilenetv2": None}, {5: "random"})
    ),
    ({"meta_lerner": True}, r"variants.one.meta_lerner: .*training\. Near it: meta_learner\. Correct it"),
    ({"steps": 9}, r"full_resolution_skip, module, training\. It is a key of training\. Correct it or remove it"),
    (
        {"decoder": "nnunet", "full_resolution_skip": True},
        "`full_resolution_skip` is of unet, unetplusplus, manet, lin",
    ),
    ({"full_resolution_skip": True}, "`full_resolution_skip: true` is what this network has"),
    ({"encoders": BOTH[:1], "full_resolution_skip": False}, "`full_resolution_skip: false` is what this network has"),
    ({"training": {}}, "`training` with nothing in it decides nothing"),
    (
        {"encoders": BOTH[:1], "training": {"deep_supervision": True}},
        "`deep_supervision` is of unet and nnunet without",
    ),
    ({"training": {"epochs": 3, "steps": 9}}, "two measures of one length"),
    (
        {"encoders": ["no such"]},
        "config key variants.one.encoders.0: found 'no such', expected letters, digits, -, _ and",
    ),
    ({"module": "tiny.py"}, r"config key variants.one.module: found 'tiny.py', expected FILE.py:FUNCTION\."),
    ({"decoder": "unet3plus"}, "config key variants.one.decoder: found 'unet3plus', expected 'unet', 'unetplusplus'"),
    ({"head": {"dropout": 1}}, "config key variants.one.head.dropout: found 1, expected less than 1"),
    ({"head": {"dense": [0]}}, "config key variants.one.head.dense.0: found 0, expected greater than 0"),
    ({"head": {"dens": [1]}}, "config key variants.one.head.dens: found an unknown key .* one of dense, dropout, norm"),
    ({"training": {"rate": 1}}, "config key variants.one.training.rate: found an unknown key .* one of epochs, steps"),
]


@pytest.mark.parametrize("name", ["config", "cpu", "gpu", "laptop", "quickstart", "ablations"])
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
            "config key training.epoch: found an unknown key .* expected one of epochs, steps",
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
            {"variants": {"unet": {"width": 5000}}},
            "config key variants.unet.width: found 5000, expected less than or equal to 4096",
        ),
        (
            {"training": {"epochs": 10**30}},
            "config key training.epochs: found 10+, expected less than or equal to 10000000",
        ),
        ({"seeds": 3}, r"config key seeds: found 3, expected a list, as in \[a, b\]"),
        ({"training": {"epochs": 1.5}}, "config key training.epochs: found 1.5, expected a whole number"),
        ({"note": [1]}, r"config key note: found \[1\], expected text"),
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
        ({"films": {"other": 3}}, "films names .'other'., which `train_on` does not list"),
        ({"films": {"pooled": 0}}, "config key films.pooled: found 0, expected greater than 0"),
        ({"seeds": [1, 1]}, "seeds names one value twice"),
        ({"seeds": []}, "config key seeds: found .* expected at least 1"),
        ({"exclude": {"jsrt": {"JPCLN016": "why"}}}, "exclude names .'jsrt'., which `datasets` does not list"),
        ({"exclude": {"chexpert": {"a": "why"}}}, r"config key exclude.chexpert.*expected 'montgomery', 'shenzhen'"),
        ({"exclude": {"phantom": ["PHANTOM_000"]}}, "config key exclude.phantom: found .*keys and values"),
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
        ({"train_on": {"pooled": []}}, "config key train_on.pooled: found .* at least 1"),
        ({"train_on": {"pooled": ["phantom", "phantom"]}}, "train_on.pooled names one data set twice"),
        (
            {"datasets": ["jsrt", "shenzhen"], "train_on": {"jsrt": ["shenzhen"]}, "table1": {"train_on": "jsrt"}},
            "train_on.jsrt is named as a data set",
        ),
        ({"cross": ["unet", "unet"]}, "cross names one variant twice"),
        ({"cross": {"none": ["pooled"]}}, r"cross names \['none'\], which `variants` does not list"),
        ({"cross": {"unet": ["none"]}}, r"cross.unet names \['none'\], which `train_on` does not list"),
        ({"cross": {"unet": ["pooled", "pooled"]}}, "cross.unet names one training set twice"),
        ({"tune": {"variants": ["unet", "unet"]}}, "tune.variants names one variant twice"),
        ({"tune": {"variants": []}}, "config key tune.variants: found .* at least 1"),
        ({"split": {"method": "gaal2020", "seed": 1}}, "gaal2020 is one split"),
        ({"training": {"learning_rate": float("inf")}}, "config key training.learning_rate: found inf, .* finite"),
        ({"training": {"learning_rate": float("nan")}}, "config key training.learning_rate: found nan, .* finite"),
        ({"checkpoint_seconds": float("inf")}, "config key checkpoint_seconds: found inf, .* finite"),
        ({"seeds": [2**32]}, "config key seeds.0: found 4294967296, expected .*less than"),
        ({"variants": {16: {}}}, "config key variants.16: found 16, .* text"),
        ({"variants": {"a" * 65: {}}}, "at most 64 characters"),
        *(({"variants": {"one": one}}, message) for one, message in CONTRADICTIONS),
        ({"training": {"epochs": 3, "steps": 9}}, "config key training: found a contradiction, .*two measures of one"),
        ({"training": {"epochs": None}}, "config key training: .*neither `epochs` nor `steps` says how long"),
        ({"training": {"deep_supervision": True}}, "training.deep_supervision is of single networks"),
        *(
            (
                {"variants": {"one": {"encoders": BOTH[:1], "decoder": name}}, "preprocessing": {"size": size}},
                f"one's decoder {name} needs a size of {least} or more, and it is {size}",
            )
            for name, size, least in (("pan", 96, 128),)
        ),
        (
            {"variants": {"one": {"encoders": BOTH[:1], "decoder": "upernet"}}, "films": {"pooled": 1}},
            "films.pooled 1 leaves one's upernet one value for each channel",
        ),
        (
            {"variants": {"one": {"training": {"steps": None}}}, "training": {"steps": 9}},
            "of variants.one.training and training together, neither `epochs` nor `steps` says how long",
        ),
        ({"tune": {"rates": [0.1, 0.1000000001, 0.2]}}, "tune.rates names one rate twice, to six digits"),
        (
            {"variants": {"one": {"decoder": "nnunet"}}, "preprocessing": {"size": 32}},
            "one's decoder nnunet needs a size of 64 or more, and it is 32",
        ),
        *(
            (
                {"variants": {"one": {"encoders": BOTH[:1], "decoder": name, "training": {"batch_size": 1}}}},
                f"batch_size 1 leaves one's {name} one value for each channel, where it pools the whole film",
            )
            for name in ("pspnet", "pan", "deeplabv3", "deeplabv3plus", "upernet")
        ),
        (
            {
                "variants": {"one": {"encoders": BOTH[:1]}},
                "training": {"batch_size": 1},
                "preprocessing": {"size": 32},
            },
            "batch_size 1 at size 32 leaves one's encoders one value",
        ),
        *(
            ({key: "x/{x}/tiny"}, f"{key} has a brace, a wildcard for Snakemake: rename the file or folder")
            for key in ("paper", "bundles")
        ),
        ({"name": "a" * 300}, "config key name: found .* at most 64 characters"),
        *(({"name": name}, "a folder of the project") for name in ("tests", "bench", "config", "results", "Docs")),
        (
            {"name": "../elsewhere"},
            "config key name: found '../elsewhere', expected letters, digits, - and _, a letter",
        ),
        ({"name": None}, "config key name"),
    ],
)
def test_illegal_choice_is_told(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read_experiment(SMALL | change)
    assert "config/README.md explains every key" in str(caught.value)


def test_every_pattern_of_a_name_is_told_in_words() -> None:
    """Of configurations, plans and papers: a person does not read regular expressions."""
    asked = {json.loads(found) for found in re.findall(r'"pattern": ("(?:[^"\\]|\\.)*")', schema())}
    assert asked and asked <= set(PATTERNS)


def test_no_experiment_is_called_like_what_lies_beside_the_snakefile() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=CONFIG.parent, capture_output=True, text=True, check=True).stdout
    names = {Path(line).parts[0].lower() for line in listed.splitlines()}
    assert {name for name in names if "." not in name} <= TAKEN
    assert not TAKEN & {
        yaml.safe_load(path.read_text())["name"] for path in CONFIG.glob("*.yaml") if path.stem != "tuned"
    }


def test_home_is_found_in_every_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    one = {"encoders": BOTH, "weights": {BOTH[0]: "~/a.safetensors", BOTH[1]: "random"}}
    paths = {"archives": "~/x", "bundles": "~/y", "paper": "~/z", "variants": {"both": one}}
    experiment = Experiment.model_validate(SMALL | paths)
    assert (experiment.archives, experiment.bundles, experiment.paper) == ("/home/me/x", "/home/me/y", "/home/me/z")
    assert experiment.variants["both"].files() == ["/home/me/a.safetensors"]


ODD = [None, "", [], {}, "x", -1, 0, 1.5, float("nan"), float("inf"), 10**30, True, [1, 2], {"a": 1}, ["unet"] * 2,
       "\x1b[31m", "a" * 400, "../x", "/abs", [[]], {"": ""}, 1e-300]  # fmt: skip
WHOLE = read_experiment({"name": "x"}).model_dump(mode="json", exclude_none=True) | {
    "datasets": ["jsrt", "mine"], "own": {"mine": {"images": "a", "masks": "b"}}, "cross": ["unet"],
    "train_on": {"pooled": ["jsrt"], "few": ["jsrt"]}, "films": {"few": 32},
    "exclude": {"jsrt": {"JPCLN016": "its mask"}},
    "variants": {"unet": {"width": 8}, "proposed": {"encoders": ["mobilenetv2"], "head": {"dense": [8]}}},
}  # fmt: skip


def _places(given: object, above: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The way to every value of a configuration."""
    items = given.items() if isinstance(given, dict) else enumerate(given) if isinstance(given, list) else ()
    for key, value in items:
        yield (*above, key)
        yield from _places(value, (*above, key))


@pytest.mark.parametrize("place", list(_places(WHOLE)), ids=lambda place: ".".join(map(str, place)))
def test_an_odd_value_anywhere_is_taken_or_told_in_one_line(place: tuple[str | int, ...]) -> None:
    read_experiment(WHOLE)
    for odd in ODD:
        given = copy.deepcopy(WHOLE)
        inner: Any = given
        for key in place[:-1]:
            inner = inner[key]
        inner[place[-1]] = odd
        try:
            read_experiment(given)
        except InputError as error:
            told = str(error)
            assert "\n" not in told and "\x1b" not in told and len(told) < 1500
            assert any(str(key) in told for key in place if isinstance(key, str)), (odd, told)


@pytest.mark.parametrize("text", ["- a\n", "a: 1\na: 2\n", "a: {b: 1, c: 2, b: 3}\n", "a: [\n", "\0"])
def test_a_file_that_is_no_group_of_keys_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(InputError, match=r"x\.yaml: found .*, expected .*Mend it"):
        read_yaml(tmp_path / "x.yaml", dict, "Mend it.")


def test_a_file_of_keys_is_read() -> None:
    assert read_yaml(CONFIG / "cpu.yaml", dict, "")["name"] == "cpu"


def test_files_are_laid_over_each_other_as_snakemake_does_it(tmp_path: Path) -> None:
    texts = ["a: {b: {c: 1, d: [1, 2]}, e: 2}\nf: 1\n", "a: {b: {d: [3]}, g: {h: 4}}\nf: {i: 5}\n", "f: 6\n"]
    files = [tmp_path / f"{place}.yaml" for place in range(len(texts))]
    for file, text in zip(files, texts, strict=True):
        file.write_text(text)
    assert read_settings(*files) == {"a": {"b": {"c": 1, "d": [3]}, "e": 2, "g": {"h": 4}}, "f": 6}


OWN = Path(__file__).with_name("own_networks.py")
# For every key of a variant and of the training: two values, and what else they need to mean something.
ONE, SMALLEST = {"encoders": BOTH[:1]}, {"encoders": ["test_resnet"]}
TWO = {"encoders": ["test_resnet", "tu-mobilenetv3_small_050"]}
VARIANTS: dict[str, list[dict[str, Any]]] = {
    "encoders": [SMALLEST, TWO],
    "decoder": [SMALLEST, SMALLEST | {"decoder": "linknet"}],
    "join": [TWO, TWO | {"join": "sum"}],
    "weights": [ONE, ONE | {"weights": "imagenet-8bit"}],
    "width": [{"width": 4}, {"width": 5}],
    "decoder_channels": [SMALLEST, SMALLEST | {"decoder_channels": [256, 128, 64, 32, 8]}],
    "meta_learner": [{"width": 4}, {"width": 4, "meta_learner": True}],
    "head": [{"width": 4, "meta_learner": True}, {"width": 4, "head": {"dense": [128, 64, 32]}}],
    "full_resolution_skip": [{"width": 4}, {"width": 4, "full_resolution_skip": False}],
    "module": [{"module": f"{OWN}:small"}, {"module": f"{OWN}:large"}],
    "training": [{"width": 4}, {"width": 4, "training": {"deep_supervision": True}}],
}
HEADS: dict[str, list[Any]] = {"dense": [[8], [8, 8]], "dropout": [0, 0.5], "normalise": [True, False]}
TRAININGS: dict[str, list[Any]] = {
    "epochs": [2, 3], "steps": [8, 9], "learning_rate": [0.01, 0.02], "batch_size": [4, 8],
    "schedule": ["cosine", "constant", "one_cycle", "polynomial"], "optimiser": ["adam", "adamw", "sgd"],
    "loss": ["both", "bce", "dice", "batch_dice"], "augmentation": ["light", "none"],
    "deep_supervision": [False, True], "precision": ["float32", "bfloat16"],
}  # fmt: skip


def test_every_choice_of_a_variant_makes_another_network() -> None:
    """But `frozen`, which makes another training: tests/networks/test_variants.py compares their weights."""
    assert VARIANTS.keys() == Variant.model_fields.keys() - {"frozen"}
    for key, choices in VARIANTS.items():
        one, other = (build(Variant(**choice), 0).state_dict() for choice in choices)
        same = one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)
        assert not same, key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"meta_learner": True}, {"head": {}}),
        ({"meta_learner": True}, {"head": {"dense": [32, 64, 128], "dropout": 0.4, "normalise": True}}),
        (ONE, ONE | {"decoder_channels": [256, 128, 64, 32, 16]}),
        (ONE, ONE | {"weights": {"mobilenetv2": "random"}}),
        (ONE | {"weights": "imagenet-8bit"}, ONE | {"weights": {"mobilenetv2": "imagenet-8bit"}}),
        ({"encoders": BOTH, "weights": "imagenet"}, {"encoders": BOTH, "weights": dict.fromkeys(BOTH, "imagenet")}),
    ],
)
def test_two_spellings_of_a_network_are_one(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert Variant(**one) == Variant(**other) and Variant(**one).chosen() == Variant(**other).chosen()


def test_every_choice_of_the_training_ends_in_other_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stepper, "computes_bfloat16", lambda device: True)  # emulated, where the processor has none
    assert TRAININGS.keys() == Training.model_fields.keys()
    rng = np.random.default_rng(0)
    images, masks = (torch.from_numpy(rng.integers(0, top, (16, 1, 32, 32), dtype=np.uint8)) for top in (256, 2))
    examples = Examples(images, masks)

    def trained(key: str, value: Any) -> dict[str, torch.Tensor]:  # noqa: ANN401
        better = iter(range(9))  # every epoch: the last one's weights are kept
        monkeypatch.setattr(training, "validate", lambda *_: (0.0, float(next(better)), 0.0))
        own = {key: value}
        variant = Variant(width=2, training=own)
        network = build(Variant(width=2, training={"deep_supervision": True}), 0)
        length = {} if key == "steps" else {"epochs": 2}
        recipe = variant.trained_as(Training(**(length | {"batch_size": 4, "precision": "float32"})))
        network.aside = network.aside if recipe.deep_supervision else torch.nn.ModuleList()
        list(fit(network, examples, examples, recipe, 0, None))
        return {name: tensor for name, tensor in network.state_dict().items() if "aside" not in name}

    for key, values in TRAININGS.items():
        ends = [trained(key, value) for value in values]
        for one, other in itertools.combinations(ends, 2):
            assert not all(torch.equal(one[name], other[name]) for name in one), key


def test_every_choice_of_a_head_makes_another() -> None:
    assert HEADS.keys() == Head.model_fields.keys()
    for key, values in HEADS.items():
        one, other = (str(build(Variant(width=2, head={"dropout": 0.1} | {key: value}), 0).head) for value in values)
        assert one != other, key


def test_a_variants_own_training_stands_against_that_of_all() -> None:
    variants = {"unet": {"training": {"learning_rate": 0.001, "steps": 9}}, "other": {"width": 8}}
    given = SMALL | {"variants": variants, "training": {"learning_rate": 0.01, "batch_size": 4}}
    experiment = read_experiment(given)
    for read in (experiment, Experiment.model_validate(experiment.model_dump(mode="json"))):
        own, other = read.trained_as("unet"), read.trained_as("other")
        assert (own.learning_rate, own.batch_size, own.steps, own.epochs, own.length) == (0.001, 4, 9, None, "9 steps")
        assert (other.learning_rate, other.steps, other.epochs, other.rounds) == (0.01, None, 60, 60)


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
        Variant,
        Head,
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


@pytest.mark.parametrize("name", ["mean_shape", "oracle", "ensemble_mean", "ensemble_encoders", "seeds2_unet"])
def test_no_variant_is_called_as_what_stands_beside_the_networks(name: str) -> None:
    with pytest.raises(InputError, match=f"variants names .'{name}'., as what stands beside the networks is called"):
        read_experiment({"name": "own", "variants": {"unet": {}, name: {"width": 8}}})
    read_experiment({"name": "own", "variants": {"unet": {}, f"my_{name}": {"width": 8}}})


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ({"seeds": [True, False]}, "seeds.0"),
        ({"training": {"epochs": True}}, "training.epochs"),
        ({"training": {"learning_rate": True}}, "training.learning_rate"),
        ({"variants": {"unet": {"width": True}}}, "variants.unet.width"),
        ({"variants": {"unet": {"training": {"batch_size": True}}}}, "variants.unet.training.batch_size"),
        ({"leakage": {"allowed": True}}, "leakage.allowed"),
        ({"leakage": {"distance": False}}, "leakage.distance"),
        ({"films": {"pooled": True}}, "films.pooled"),
    ],
)
def test_a_truth_is_no_number(given: dict[str, object], key: str) -> None:
    with pytest.raises(InputError, match=rf"config key {key}: found (True|False), expected a number"):
        read_experiment({"name": "own"} | given)
    read_experiment({"name": "own", "variants": {"unet": {"full_resolution_skip": False}}})  # a truth that is one


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ({"preprocessing": {"size": 3_200_000}}, "preprocessing.size"),
        ({"statistics": {"resamples": 10**12}}, "statistics.resamples"),
        ({"paper": "pa{x}per"}, "the experiment: found a contradiction, .*paper has a brace"),
        ({"variants": {"mine": {"module": "t{x}.py:network"}}}, "the experiment: .*variants.mine.module has a brace"),
        ({"datasets": [["phantom"]]}, "datasets.0"),
        ({"datasets": [{"phantom": 1}]}, "datasets.0"),
    ],
)
def test_what_no_machine_can_make_and_what_is_no_name_are_told(given: dict[str, object], key: str) -> None:
    with pytest.raises(InputError, match=f"config key {key}"):
        read_experiment({"name": "own"} | given)
