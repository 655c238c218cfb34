"""The card of the model in the package: what it is, what it was chosen by, and how it does on films it never saw."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float16

from lungseg.data.datasets import DATASETS
from lungseg.data.films import Part
from lungseg.escape import markdown
from lungseg.films.lungs import mean_probability
from lungseg.films.networks import Model, read_card
from lungseg.recipe import Variant
from lungseg.report.film_figures import Case, choose_cases
from lungseg.statistics.estimation import estimates
from lungseg.statistics.score_blocks import blocks

GOALS = {"montgomery": 0.975, "shenzhen": 0.950, "jsrt": 0.975}  # mean Dice at the film's own size
NOT_FOR = (
    "It is no medical device, was looked at by no clinician, and decides nothing about a patient. It has not seen "
    "children, lateral or oblique views, bedside films with tubes, films after a lung was removed, photographs of "
    "screens, or computed tomography. Lung behind the heart, the diaphragm and dense consolidation is marked as the "
    "readers of the data sets marked it, and they differ. What it does on films of another clinic nobody has measured."
)
GROUPS = ("all", "normal", "abnormal", "patients not seen")


@dataclass(frozen=True)
class Answers:
    """What the model says of some films, as a network of the benchmark would.

    Args:
        model: It.
        films: On squares as its networks take them.
    """

    model: Model
    films: Part
    variant: str = "lungs"
    seed: int = 0
    soft: bool = True

    @cached_property
    def logits(self) -> Float16[np.ndarray, "film size size"]:
        """Of lung: of the mean probability, as `lungseg segment` has it."""
        said = []
        for square in self.films.images:
            each = [mean_probability([network.logits(square)]) for network in self.model.networks]
            mean = np.clip(np.mean(each, axis=0, dtype=np.float64), 1e-4, 1 - 1e-4)
            said.append(np.log(mean / (1 - mean)).astype(np.float16))
        return np.stack(said)


def read_cards(folder: Path) -> list[dict[str, Any]]:
    """The cards of the networks in a folder, in the order of their names."""
    return [read_card(card) for card in sorted(folder.glob("*.json"))]


def own_size(scores: pd.DataFrame, films: pd.DataFrame) -> pd.DataFrame:
    """The scores of each film at its own size, with its data set, name and whether it is abnormal.

    Args:
        scores: As `scoring.score` gives them.
        films: test_on, image_id and abnormal of each film, in the order of their numbers.
    """
    own = scores[(scores["size"] == "native") & (scores["postprocessing"] == "none")]
    return own.join(films, on="film").drop(columns="film").assign(train_on="pooled").reset_index(drop=True)


def held_out(scores: pd.DataFrame, seen: Collection[str], level: float) -> pd.DataFrame:
    """Mean Dice with its interval over films, by data set and group.

    Args:
        scores: Of `own_size`.
        seen: Test films whose patient is, or is suspected to be, on a film that the model learned from.
        level: Of the intervals: they say how the same model would do on other films of these kinds.

    Returns:
        Columns test_on, group (of `GROUPS`), mean, low, high, images, lowest (the worst film's Dice), failures (films
        on which it found no lung).
    """
    parts = {
        "all": scores,
        "normal": scores[scores["abnormal"] == 0],
        "abnormal": scores[scores["abnormal"] == 1],
        "patients not seen": scores[~scores["image_id"].isin(seen)],
    }
    tables = []
    for group, rows in parts.items():
        if rows.empty or (group != "all" and len(rows) == len(scores)):
            continue
        found = estimates(list(blocks(rows.assign(size="network"))), level).query("metric == 'dice'")
        lowest = rows.groupby("test_on")["dice"].min()
        lowest["pooled"] = rows["dice"].min()
        tables.append(found.assign(group=group, lowest=found["test_on"].map(lowest)))
    table = pd.concat(tables, ignore_index=True)
    return table[["test_on", "group", "mean", "low", "high", "images", "lowest", "failures"]]


def cases(scores: pd.DataFrame, answers: Answers) -> list[Case]:
    """The films to show: of each data set the one with the median Dice, and the one with the lowest.

    Args:
        scores: Of `own_size`.
        answers: The model's, of all films.
    """
    films, place = answers.films, dict(zip(answers.films.image_id, range(len(answers.films.image_id)), strict=True))
    dice = scores.set_index("image_id")["dice"]
    shown = []
    for dataset, image_id, kind in choose_cases(scores).itertuples(index=False):
        at = place[image_id]
        found = {answers.variant: answers.logits[at] > 0}
        told = {answers.variant: float(dice[image_id])}
        shown.append(Case(dataset, image_id, kind, films.images[at], films.masks[at] > 0, found, told))
    return shown


def card_page(
    cards: Sequence[Mapping[str, Any]],
    candidates: pd.DataFrame,
    table: pd.DataFrame,
    scores: pd.DataFrame,
    note: str,
    level: float,
) -> str:
    """Markdown: the model card.

    Args:
        cards: Of the networks that it is made of.
        candidates: What it was chosen from.
        table: Of `held_out`.
        scores: Of `own_size`.
        note: What was reduced.
        level: Of the intervals.
    """
    first = cards[0]
    parts = [
        "# The model in the package",
        "Written by `snakemake --configfile config/model.yaml -- model`; edits are lost.",
        "## What it is",
        _what(cards, first),
        f"{markdown(note)}",
        "## What it is not for",
        NOT_FOR,
        "## How it was chosen",
        "By the rule in [config/model.yaml](../config/model.yaml), written before the trainings, on validation films.",
        _candidates(candidates),
        "## Films that it has not seen",
        f"Mean Dice at the film's own size with the {100 * level:g}% interval over films, of this model; no test film "
        f"had a part in the choice of the network. The rule by which films are refused was changed after a first count "
        f"of test films ([segment.md](segment.md)). {_goals(table)}",
        _scores(table),
        "The published split tests on some films whose patient is, or is suspected to be, in training or validation "
        "too: `patients not seen` is without them. JSRT's nodules make its abnormal films; readers, cameras and "
        "countries differ between the data sets more than any two networks.",
        "![Of each data set the typical film and the worst one](model-films.png)",
        "Of each data set the film with the median Dice and the one with the lowest, chosen by this rule. Films: "
        "Montgomery and Shenzhen (National Library of Medicine), JSRT.",
        _worst(scores),
        "## Terms",
        "The code is under the MIT licence; the weights were learnt from films, and carry the terms of those. Read "
        "them before anything but research: " + "; ".join(_terms(str(first["trained_on"]))) + ".",
    ]
    return "\n\n".join(parts) + "\n"


def _what(cards: Sequence[Mapping[str, Any]], first: Mapping[str, Any]) -> str:
    size = sum(card["bytes"] for card in cards) / 1e6
    network = {key: value for key, value in Variant(**first["variant"]).chosen().items() if value is not None}
    joined = f"{len(cards)}, joined by their mean probability" if len(cards) > 1 else "1"
    facts = {
        "name, version": f"{first['name']}, {first['version']}",
        "networks": f"{joined}; {size:.1f} MB in float16",
        "network": f"`{network}`, {first['parameters'] / 1e6:.1f} million parameters",
        "takes": f"the whole frame at {first['size']} px, `{first['frame']}`",
        "started from": _starts(first),
        "learned from": f"training parts of {first['trained_on']}: the published split, pixels' hash "
        f"{first['films']['train'][:12]}",
        "trained by": f"commit {str(first['commit'])[:12]}, training code {first['code'][:12]}",
        "files": ", ".join(f"sha256 {card['sha256']} (run {card['run']})" for card in cards),
    }
    return _table(
        "| | |", "| --- | --- |", [(key, value if "`" in value else markdown(value)) for key, value in facts.items()]
    )


def _table(head: str, rule: str, rows: Iterable[Sequence[object]]) -> str:
    """A table in Markdown: its first two lines, then a line for each row."""
    return "\n".join([head, rule, *(f"| {' | '.join(map(str, row))} |" for row in rows)])


def _starts(card: Mapping[str, Any]) -> str:
    read = card.get("loaded") or {}
    return "; ".join(f"{name}: {one['weights']} ({one['name']})" for name, one in read.items()) or "random weights"


def _candidates(table: pd.DataFrame) -> str:
    rows = [
        (
            markdown(str(row.variant)),
            row.seeds,
            f"{row.parameters:,}",
            f"{row.validation_dice:.4f}",
            "taken" if str(row.chosen) == "True" else "",
        )
        for row in table.itertuples()
    ]
    head = "| candidate | seeds | parameters | validation Dice | |"
    return _table(head, "| --- | --- | ---: | ---: | --- |", rows)


def _goals(table: pd.DataFrame) -> str:
    """Which goals are met, and which are not."""
    whole = table[table["group"] == "all"].set_index("test_on")["mean"]
    told = [
        f"{name} {goal:g} {'met' if whole[name] >= goal else 'missed'}" for name, goal in GOALS.items() if name in whole
    ]
    return f"Goals set before, for the means on these films: {', '.join(told)}." if told else ""


def _scores(table: pd.DataFrame) -> str:
    rows = [
        (
            row.test_on,
            row.group,
            row.images,
            f"{row.mean:.4f} [{row.low:.4f}, {row.high:.4f}]",
            f"{row.lowest:.3f}",
            row.failures,
        )
        for row in table.itertuples()
    ]
    head = "| films | group | number | mean Dice | lowest | none found |"
    return _table(head, "| --- | --- | ---: | --- | ---: | ---: |", rows)


def _worst(scores: pd.DataFrame) -> str:
    rows = scores.sort_values("dice").head(10)
    told = ", ".join(f"{row.image_id} {row.dice:.3f}" for row in rows.itertuples())
    return f"The ten films with the lowest Dice: {markdown(told)}. All are in [model-scores.csv](model-scores.csv)."


def _terms(trained_on: str) -> list[str]:
    names = [name.strip() for name in trained_on.split(",")]
    return [f"{name}: {markdown(DATASETS[name].licence)}" for name in names if name in DATASETS]
