"""What was decided before an experiment was trained: plan-NAME.yaml in the paper's folder, NAME that of the experiment.

The file is frozen by its commit before the experiment's first training; manifest.json holds both dates. An experiment
without a plan gets intervals and no verdicts.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError, field_validator

from lungseg.errors import InputError
from lungseg.outside import read_yaml, refuse_truths, refused
from lungseg.paper import Key, Metric, Paper
from lungseg.recipe import Choice

REMEDY = "Correct the file, and commit it before the first training; config/README.md says how a plan is written."


class Conditions(Choice):
    """What a run must be like for a verdict; what is left out is not asked for."""

    pretrained: bool | None = Field(None, description="Whether every encoder starts from trained weights.")
    epochs: int | None = Field(None, ge=1, description="At least so many.")
    size: int | None = Field(None, ge=1, description="Of the films in pixels, at least.")
    seeds: int | None = Field(None, ge=1, description="At least so many.")
    width: int | None = Field(None, ge=1, description="Of the plain U-Net, exactly.")


class Plan(Choice):
    """The plan of one experiment."""

    after: str = Field(
        min_length=1, description="Which results on the same test films were known: `after ...`; `none` if none were."
    )
    metrics: tuple[Metric, ...] = Field(min_length=1, description="Columns about which there are verdicts.")
    contrasts: tuple[tuple[Key, Key], ...] = Field(description="Pairs of variants that are corrected together.")
    effects: dict[str, dict[Key, float]] = Field(
        {}, description="Sums of variants, each with its weight, by their names: of factors that are crossed."
    )
    margins: dict[Metric, Annotated[float, Field(gt=0)]] = Field(description="Differences that do not count.")
    pool: tuple[Key, ...] = Field(description="Variants whose seeds' variance is estimated together.")
    test_on: tuple[str, ...] = Field(min_length=1, description="Test sets that the paper may have meant.")
    films: tuple[Annotated[int, Field(gt=0)], ...] = Field(
        min_length=1, description="Sizes that the paper's test set may have had."
    )
    conditions: dict[str, Conditions] = Field(description="By the name that claims give under `under`.")
    rules: dict[str, str] = Field(description="How each kind of claim is decided, in words.")

    @field_validator("metrics", "pool", "test_on", "films")
    @classmethod
    def each_stands_once(cls, given: tuple[object, ...]) -> tuple[object, ...]:
        """What stands twice would count twice, or not at all."""
        if doubled := [each for each in given if given.count(each) > 1]:
            raise ValueError(f"{doubled[0]} stands twice: leave one out")
        return given

    @field_validator("contrasts")
    @classmethod
    def a_contrast_is_of_two(cls, given: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
        """One with itself is always 0; one that stands twice, or turned round, makes the correction harsher."""
        for a, b in given:
            if a == b:
                raise ValueError(f"{a} is compared with itself: name another network")
            if given.count((a, b)) + given.count((b, a)) > 1:
                raise ValueError(f"{a} and {b} are compared twice: leave one of the two contrasts out")
        return given

    @field_validator("margins")
    @classmethod
    def a_margin_leaves_differences(cls, given: dict[Metric, float]) -> dict[Metric, float]:
        """No difference of fractions counts where the margin is 1."""
        for metric, margin in given.items():
            if metric != "loss" and margin >= 1:
                raise ValueError(f"the margin of {metric} is {margin:g}: it lies between 0 and 1")
        return given

    @field_validator("effects")
    @classmethod
    def an_effect_is_a_difference(cls, given: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
        """Weights that do not add up to 0 would make a level of Dice an effect."""
        for name, weights in given.items():
            if abs(sum(weights.values())) > 1e-9 or 0 in weights.values() or len(weights) < 2:
                raise ValueError(f"the weights of {name!r} are of two variants or more, none 0, and add up to 0")
        return given


def plan_file(paper: str | Path, experiment: str) -> Path:
    """Where the plan of an experiment lies, or would lie."""
    return Path(paper, f"plan-{experiment}.yaml")


def read_plan(path: str | Path) -> Plan:
    """Read a plan.

    Raises:
        InputError: A key is missing or unknown, or a value is none that it can have.
    """
    content = read_yaml(path, dict, REMEDY)
    try:
        plan = Plan.model_validate(content)
    except ValidationError as error:
        raise refused(error, path, "the plan", REMEDY) from error
    refuse_truths(content, plan.model_dump(), f"{path}, ")
    return plan


def plan_of(files: Sequence[str | Path]) -> Plan | None:
    """The plan in a rule's input, which holds one file or, where nothing was decided before, none.

    Raises:
        InputError: As in `read_plan`.
    """
    return read_plan(files[0]) if files else None


def declared_pool(configured: Sequence[str] | None, plan: Plan | None, paper: Paper) -> list[str]:
    """Variants whose seeds' variance is estimated together: the plan's; without a plan the configuration's or paper's.

    Raises:
        InputError: Plan and configuration say different things.
    """
    if plan is None:
        return list(paper.networks if configured is None else configured)
    if configured is not None and set(configured) != set(plan.pool):
        expected = f"{', '.join(plan.pool)}, as in the experiment's plan"
        raise InputError("config key statistics.pool", ", ".join(configured), expected, "Leave the key out.")
    return list(plan.pool)
