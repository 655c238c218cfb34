"""Every choice of a training is told: that of all, and what a variant does otherwise."""

import pytest

from lungseg.config import read_experiment
from lungseg.recipe import Training
from lungseg.report.methods import common, otherwise

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
