"""The files of a run by name, and its card: what built its weights."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lungseg.errors import InputError
from lungseg.recipe import Training, Variant

WEIGHTS, CHECKPOINT, PROGRESS = "weights.safetensors", "checkpoint.pt", "progress.csv"
HISTORY, CARD, PREDICTIONS = "history.csv", "weights.json", "predictions.npz"

Card = Mapping[str, Any]


def read_card(path: str | Path) -> Card:
    """The facts beside the weights of a run.

    Raises:
        InputError: It is no card, or cut short.
    """
    try:
        facts = json.loads(Path(path).read_text(encoding="utf-8"))
        Variant(**facts["variant"]), Training(**facts["training"])
    except (ValueError, TypeError, KeyError) as error:
        found = " ".join(str(error).split())[:160]
        raise InputError(path, found, "the card of a run", "Bring the run's files again, or train it again.") from error
    return dict(facts)
