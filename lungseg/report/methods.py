"""How the networks were trained, in words: what is common to all, and what a variant does otherwise."""

from collections.abc import Callable

from lungseg.config import Experiment
from lungseg.recipe import Training
from lungseg.report.look import Look

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


def trained_on(experiment: Experiment, look: Look) -> str:
    """The training sets, as the end of "Each network is trained on ..."; drawn from `train_on` and `cross`.

    Args:
        experiment: What was run.
        look: Names of networks and training sets.
    """
    main, sets, cross = look.trained_on(experiment.table1.train_on), experiment.train_on, experiment.cross
    if len(sets) == 1 or (cross is not None and not cross):
        return main
    if cross is None:
        return f"each of {len(sets)} training sets"
    if isinstance(cross, dict):
        further = {name: [one for one in on if one != experiment.table1.train_on] for name, on in cross.items()}
        told = [f"{look.name(name)} on {', '.join(map(look.trained_on, on))}" for name, on in further.items() if on]
        return f"{main}, and besides {'; '.join(told)}" if told else main
    names = ", ".join(look.name(name) for name in cross)
    return f"each of {len(sets)} training sets ({names}; the others on {main} alone)"


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
