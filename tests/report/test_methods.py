"""Every choice of a training is told: that of all, and what a variant does otherwise."""

import pytest

from lungseg.config import read_experiment
from lungseg.recipe import Training
from lungseg.report.look import Look
from lungseg.report.methods import common, otherwise, trained_on
from tests.workflow import MISHRA

# For every key, what a variant may choose and what is told of it.
CHOICES: dict[str, tuple[object, str]] = {
    "epochs": (1, "1 epoch"),
    "steps": (600, "600 steps"),
    "learning_rate": (0.0003, "learning rate 0.0003"),
    "schedule": ("one_cycle", "schedule one cycle"),
    "optimiser": ("sgd", "SGD with momentum"),
    "loss": ("batch_dice", "loss soft Dice of a whole batch"),
    "batch_size": (4, "batches of 4"),
    "augmentation": ("none", "no augmentation"),
    "deep_supervision": (True, "deep supervision"),
    "precision": ("float32", "float32"),
}


@pytest.mark.parametrize("key", CHOICES)
def test_every_choice_of_a_variants_own_training_is_told(key: str) -> None:
    value, told = CHOICES[key]
    experiment = read_experiment({"name": "x", "variants": {"unet": {}, "own": {"training": {key: value}}}})
    assert otherwise(experiment, str.upper) == f"Otherwise trained are OWN: {told}."


def test_all_keys_are_here_and_what_is_the_same_is_not_told() -> None:
    assert CHOICES.keys() == Training.model_fields.keys()
    alike = {"variants": {"unet": {"training": {"loss": "both"}}}}
    assert otherwise(read_experiment({"name": "x"} | alike), str) == ""


def test_what_is_common_is_told_as_it_was_chosen() -> None:
    assert common(Training(steps=600, loss="bce", optimiser="adamw", schedule="polynomial", augmentation="none")) == (
        "for 600 steps with AdamW (learning rate 0.001, polynomial decay), batches of 16, no augmentation, bfloat16; "
        "the loss is binary cross-entropy"
    )
    assert common(Training(epochs=1)).startswith("for 1 epoch with Adam (learning rate 0.001, cosine)")


@pytest.mark.parametrize(
    ("cross", "variants", "told"),
    [
        (None, {"pooled": ["unet", "own"], "few": ["unet", "own"]}, "each of 2 training sets"),
        ([], {"pooled": ["unet", "own"], "few": []}, "pooled"),
        (
            ["own"],
            {"pooled": ["unet", "own"], "few": ["own"]},
            "each of 2 training sets (own; the others on pooled alone)",
        ),
        ({"own": ["few", "pooled"]}, {"pooled": ["unet", "own"], "few": ["own"]}, "pooled, and besides own on few"),
        ({"own": []}, {"pooled": ["unet", "own"], "few": []}, "pooled"),
    ],
)
def test_where_each_network_is_trained(cross: object, variants: dict[str, list[str]], told: str) -> None:
    sets = {"pooled": ["jsrt"], "few": ["jsrt"]}
    given = {"name": "x", "datasets": ["jsrt"], "train_on": sets, "variants": {"unet": {}, "own": {}}, "cross": cross}
    experiment = read_experiment(given)
    assert {name: experiment.trained(name) for name in sets} == variants
    look = Look.of(MISHRA, ["unet", "own"], ["jsrt"], {"pooled": ["jsrt"]})
    assert trained_on(experiment, look).replace(look.trained_on("pooled"), "pooled") == told
