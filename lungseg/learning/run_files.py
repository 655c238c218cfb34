"""The files of a run by name, and its card: what built its weights."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lungseg.errors import InputError, one_line
from lungseg.files import read_json
from lungseg.outside import refused
from lungseg.recipe import Training, Variant

WEIGHTS, CHECKPOINT, PROGRESS = "weights.safetensors", "checkpoint.pt", "progress.csv"
HISTORY, CARD, PREDICTIONS = "history.csv", "weights.json", "predictions.npz"

Card = Mapping[str, Any]
# What the card of every run tells, of whatever age.
NEEDED = ("run", "films", "code", "commit", "arithmetic", "size", "parameters", "seconds")
REMEDY = "Bring the run's files again, or train it again."


class _Facts(BaseModel):
    """Of what kind the facts of a card are that others count with; a card may have more, and lack some."""

    model_config = ConfigDict(extra="allow", strict=True, allow_inf_nan=False)
    run: str = Field("", min_length=1)
    films: dict[str, str] = {}
    loaded: dict[str, dict[str, str | None]] = {}
    code: str = ""
    commit: str | None = None
    arithmetic: str = ""
    size: int = Field(32, gt=0)
    train_images: int = Field(1, gt=0)
    parameters: int = Field(1, gt=0)
    trained_parameters: int = Field(1, ge=0)
    best_epoch: int = Field(1, gt=0)
    diverged: int | None = None
    seconds: float = Field(0, ge=0)
    threads: int = Field(1, gt=0)


def diverged(card: Card) -> bool:
    """Whether the run's training diverged: then it has no prediction and is in no mean."""
    return card.get("diverged") is not None


def read_card(path: str | Path, needed: Sequence[str] = ()) -> Card:
    """The facts beside the weights of a run.

    Args:
        path: Its weights.json.
        needed: Facts that must be there besides `variant` and `training`.

    Raises:
        InputError: It is no card, or cut short, or a fact is of another kind.
    """
    facts = read_json(path, remedy=REMEDY)
    try:
        Variant(**facts["variant"]), Training(**facts["training"])
        if missing := [key for key in needed if key not in facts]:
            raise KeyError(missing[0])
    except (ValueError, TypeError, KeyError) as error:
        found = one_line(error)
        raise InputError(path, found, "the card of a run", REMEDY) from error
    try:
        _Facts.model_validate(facts)
    except ValidationError as error:
        raise refused(error, path, "the card", REMEDY) from error
    return dict(facts)
