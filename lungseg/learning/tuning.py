"""Which learning rate suits a network: a quarter of the training at each of three, and the best one written down.

The tries use a seed that is none of the experiment's, and validation films judge them. The network at the chosen rate
is a variant of its own, `{variant}_tuned`, in a file that a person reads and commits.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from lungseg.config import Experiment, Tune
from lungseg.errors import InputError
from lungseg.learning.run_files import CARD, read_card
from lungseg.recipe import Choice, Training, Variant
from lungseg.tables import read_csv

SHARE = 4  # a try takes this part of the training's length
COLUMNS = ["variant", "learning_rate", "seed", "validation_dice", "epoch"]


def tried(recipe: Training, rate: float) -> Training:
    """A training's choices for one try.

    Args:
        recipe: Of the whole training.
        rate: The learning rate to try.

    Returns:
        The same at that rate, a quarter as long; at least one epoch or step.
    """
    key, length = ("steps", recipe.steps) if recipe.steps else ("epochs", recipe.epochs)
    choices = {key: max(1, round((length or 0) / SHARE)), "learning_rate": rate}
    return Training(**{k: v for k, v in recipe.model_dump().items() if k not in ("epochs", "steps")} | choices)


def rate_name(rate: float) -> str:
    """A rate as its folder has it."""
    return f"{rate:g}"


def judged(histories: Mapping[tuple[str, float], str | Path], tune: Tune) -> pd.DataFrame:
    """A row for each try.

    Args:
        histories: Variant and rate to its history.csv.
        tune: What was tried.

    Returns:
        Variant, rate, seed, the best validation Dice of all epochs and the first epoch that had it; neither where the
        training diverged.
    """
    rows = []
    for (variant, rate), file in histories.items():
        history = read_csv(file)
        row: dict[str, Any] = {"variant": variant, "learning_rate": rate, "seed": tune.seed}
        if np.isfinite(history[["train_loss", "validation_loss"]].astype(float)).all(axis=None):
            dice = history["validation_dice"].to_numpy(dtype=float)
            row |= {"validation_dice": dice.max(), "epoch": int(dice.argmax()) + 1}
        rows.append(row)
    return pd.DataFrame(rows, columns=COLUMNS)


def read_tries(path: Path) -> pd.DataFrame:
    """The table that `judged` made.

    Args:
        path: Its rates.csv.

    Raises:
        InputError: It is none, holds no try, or a rate is none.
    """
    remedy = "Delete it and try the rates again: snakemake ... -- tune"
    tries = read_csv(path, COLUMNS, remedy, filled=["variant", "learning_rate"])
    if tries.empty:
        raise InputError(path, "no try", "a row for each variant and rate", remedy)
    if not (tries["learning_rate"].astype(float) > 0).all():
        found = f"the learning rate {tries['learning_rate'].min():g}"
        raise InputError(path, found, "rates above 0", remedy)
    return tries


def chosen(tries: pd.DataFrame) -> dict[str, float]:
    """Variant to the rate with the best validation Dice; of two alike, the smaller one.

    Raises:
        InputError: All tries of a variant diverged.
    """
    found = {}
    for variant in tries["variant"].unique():
        rows = tries[tries["variant"] == variant].sort_values("learning_rate")
        dice, rates = (rows[key].to_numpy(dtype=float) for key in ("validation_dice", "learning_rate"))
        if np.isnan(dice).all():
            remedy = "Name smaller ones under tune.rates, or leave the variant out of tune.variants."
            told = f"trainings that diverged at rates {', '.join(map(rate_name, rates))}"
            raise InputError(f"the tries of {variant}", told, "one that learned", remedy)
        found[str(variant)] = float(rates[np.nanargmax(dice)])
    return found


def at_the_edge(tries: pd.DataFrame, variant: str, rate: float) -> str:
    """What to say of a chosen rate beside which no other was tried on one side; empty where there are both.

    Args:
        tries: Of `judged`.
        variant: Whose.
        rate: The chosen one.
    """
    rates = tries.loc[tries["variant"] == variant, "learning_rate"].astype(float)
    if rates.min() < rate < rates.max():
        return ""
    end, way = ("largest", "larger") if rate == rates.max() else ("smallest", "smaller")
    return f", the {end} that was tried: a {way} one may be better"


def refuse_other_tries(tries: pd.DataFrame, experiment: Experiment, folder: Path) -> None:
    """The networks and the rates that were tried are those of the experiment as it is now.

    Args:
        tries: Of `judged`.
        experiment: With today's choices.
        folder: Where the tries lie; of one whose card is gone nothing is asked.

    Raises:
        InputError: A network has other choices, or the rates are others.
    """
    remedy = "Try the rates again: snakemake ... -- tune"
    there_are = sorted(tries["learning_rate"].astype(float).unique())
    if there_are != sorted(experiment.tune.rates):
        expected = f"{', '.join(map(rate_name, sorted(experiment.tune.rates)))}, as tune.rates says"
        raise InputError(folder / "rates.csv", f"tries at {', '.join(map(rate_name, there_are))}", expected, remedy)
    for row in tries.itertuples():
        name, rate = str(row.variant), float(row.learning_rate)  # type: ignore[arg-type]
        path = folder / name / f"rate{rate_name(rate)}" / f"seed{row.seed}" / CARD
        if name not in experiment.variants or not path.is_file():
            continue
        card, now = read_card(path), experiment.variants[name]
        there: dict[str, Choice] = {"variant": Variant(**card["variant"]), "training": Training(**card["training"])}
        here: dict[str, Choice] = {"variant": now, "training": tried(experiment.trained_as(name), rate)}
        for key in there:
            if there[key].chosen() | {"training": None} != here[key].chosen() | {"training": None}:
                raise InputError(f"{path}, {key}", f"{there[key]}", f"{here[key]}, as the configuration says", remedy)


def tuned_variants(experiment: Experiment, rates: Mapping[str, float]) -> dict[str, dict[str, Any]]:
    """Name to choices of the tuned networks.

    Args:
        experiment: Has the networks.
        rates: Of `chosen`.

    Raises:
        InputError: The experiment has no network of such a name.
    """
    made = {}
    for name, rate in rates.items():
        if name not in experiment.variants:
            remedy = "Give the configuration that was tuned, or tune again."
            raise InputError("rates.csv", f"variant {name}", f"one of {', '.join(experiment.variants)}", remedy)
        choices = experiment.variants[name].chosen()
        made[f"{name}_tuned"] = choices | {"training": (choices.get("training") or {}) | {"learning_rate": rate}}
    return made


def as_file(experiment: Experiment, tries: pd.DataFrame) -> str:
    """The text of a configuration file: what the tries gave, and a network for each that has a better rate.

    Args:
        experiment: That was tuned.
        tries: Of `judged`, at its rates.

    Raises:
        InputError: As of `chosen` and `tuned_variants`.
    """
    at = zip(tries["variant"].astype(str), tries["learning_rate"].astype(float), strict=True)
    found = dict(zip(at, tries["validation_dice"].to_numpy(dtype=float), strict=True))
    rates, best = experiment.tune.rates, chosen(tries)
    given = {name: [found.get((name, rate), np.nan) for rate in rates] for name in best}
    tune = {
        "rates": list(rates),
        "seed": experiment.tune.seed,
        "tries": {
            name: [None if np.isnan(dice) else round(float(dice), 5) for dice in one] for name, one in given.items()
        },
    }
    variants = tuned_variants(
        experiment, {name: rate for name, rate in best.items() if not is_own(experiment, name, rate)}
    )
    lines = [
        f"# Networks of `{experiment.name}` at the best of the rates that were tried; written by `lungseg tune`.",
        "# Give this file after the experiment's own: --configfile FILE config/tuned.yaml",
        *yaml.safe_dump({"tune": tune}, default_flow_style=None, sort_keys=False).splitlines(),
        "variants:" if variants else "# No network has a better rate than the experiment's.",
    ]
    for name, rate in best.items():
        if f"{name}_tuned" in variants:
            lines += [f"  # chosen {rate_name(rate)}{at_the_edge(tries, name, rate)}"]
            one = yaml.safe_dump({f"{name}_tuned": variants[f"{name}_tuned"]}, default_flow_style=None, sort_keys=False)
            lines += [f"  {line}" for line in one.splitlines()]
    return "\n".join(lines) + "\n"


def is_own(experiment: Experiment, name: str, rate: float) -> bool:
    """Whether a network of an experiment learns at that rate anyway."""
    return name in experiment.variants and experiment.trained_as(name).learning_rate == rate
