"""How the networks were trained, in words: what is common to all, and what a variant does otherwise."""

from collections.abc import Callable

from lungseg.config import Experiment
from lungseg.recipe import Training

OPTIMISERS = {"adam": "Adam", "adamw": "AdamW", "sgd": "SGD with momentum"}
SCHEDULES = {"cosine": "cosine", "constant": "constant", "one_cycle": "one cycle", "polynomial": "polynomial decay"}
LOSSES = {
    "both": "binary cross-entropy plus soft Dice",
    "bce": "binary cross-entropy",
    "dice": "soft Dice",
    "batch_dice": "soft Dice of a whole batch",
}
AUGMENTATIONS = {"light": "light augmentation", "none": "no augmentation"}


def common(training: Training) -> str:
    """The choices of all, as the end of "Each network is trained ..., "."""
    return (
        f"for {training.length} with {OPTIMISERS[training.optimiser]} (learning rate {training.learning_rate:g}, "
        f"{SCHEDULES[training.schedule]}), batches of {training.batch_size}, {AUGMENTATIONS[training.augmentation]}, "
        f"{training.precision}; the loss is {LOSSES[training.loss]}"
    )


def otherwise(experiment: Experiment, name: Callable[[str], str]) -> str:
    """What variants with a training of their own do otherwise, as a sentence; empty where none does.

    Args:
        experiment: What was run.
        name: A variant's name for people.
    """
    told = []
    for variant in experiment.variants:
        own = experiment.trained_as(variant)
        if words := _differences(own, experiment.training):
            told.append(f"{name(variant)}: {', '.join(words)}")
    return f"Otherwise trained are {'; '.join(told)}." if told else ""


def _differences(own: Training, common: Training) -> list[str]:
    """Each choice that is another one, in words."""
    words = {
        "length": own.length,
        "optimiser": OPTIMISERS[own.optimiser],
        "learning_rate": f"learning rate {own.learning_rate:g}",
        "schedule": f"schedule {SCHEDULES[own.schedule]}",
        "loss": f"loss {LOSSES[own.loss]}",
        "batch_size": f"batches of {own.batch_size}",
        "augmentation": AUGMENTATIONS[own.augmentation],
        "deep_supervision": "deep supervision",
        "precision": own.precision,
    }
    return [told for key, told in words.items() if getattr(own, key) != getattr(common, key)]
