"""The files of a run by name, and its card: what built its weights."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lungseg.errors import InputError
from lungseg.files import read_json
from lungseg.recipe import Training, Variant

WEIGHTS, CHECKPOINT, PROGRESS = "weights.safetensors", "checkpoint.pt", "progress.csv"
HISTORY, CARD, PREDICTIONS = "history.csv", "weights.json", "predictions.npz"

Card = Mapping[str, Any]
# What the card of every run tells, of whatever age.
NEEDED = ("run", "films", "code", "commit", "arithmetic", "size", "parameters", "seconds")
REMEDY = "Bring the run's files again, or train it again."


def diverged(card: Card) -> bool:
    """Whether the run's training diverged: then it has no prediction and is in no mean."""
    return card.get("diverged") is not None


def read_card(path: str | Path, needed: Sequence[str] = ()) -> Card:
    """The facts beside the weights of a run.

    Args:
        path: Its weights.json.
        needed: Facts that must be there besides `variant` and `training`.

    Raises:
        InputError: It is no card, or cut short.
    """
    facts = read_json(path, remedy=REMEDY)
    try:
        Variant(**facts["variant"]), Training(**facts["training"])
        if missing := [key for key in needed if key not in facts]:
            raise KeyError(missing[0])
    except (ValueError, TypeError, KeyError) as error:
        found = " ".join(str(error).split())[:160]
        raise InputError(path, found, "the card of a run", REMEDY) from error
    return dict(facts)
