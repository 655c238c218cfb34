"""The model in the package: which of the trained runs it is made of, by validation films alone."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

NEAR = 0.001  # of Dice; of candidates as near as this to the best one the smallest is taken
COLUMNS = ["variant", "seeds", "validation_dice", "parameters", "chosen"]


def candidates(cards: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Compare the variants of an experiment by their validation films.

    Args:
        cards: Of all its runs, as weights.json has them.

    Returns:
        Columns of `COLUMNS`, in the order of the cards: seeds joined by spaces, validation_dice the mean over them of
        the best epoch's, chosen for one variant: of those within `NEAR` of the largest mean the one with the fewest
        parameters. A run that diverged has no say.

    Raises:
        ValueError: No run is whole.
    """
    rows = [
        {
            "variant": card["run"].split("/")[0],
            "seed": int(card["run"].rpartition("/seed")[2]),
            "validation_dice": card["best_validation_dice"],
            "parameters": card["parameters"],
        }
        for card in cards
        if card.get("diverged") is None
    ]
    if not rows:
        raise ValueError("no run to choose from")
    table = pd.DataFrame(rows).groupby("variant", sort=False)
    found = table.agg(
        seeds=("seed", lambda seeds: " ".join(map(str, sorted(seeds)))),
        validation_dice=("validation_dice", "mean"),
        parameters=("parameters", "first"),
    ).reset_index()
    near = found[found["validation_dice"] >= found["validation_dice"].max() - NEAR]
    chosen = near.sort_values(["parameters", "validation_dice"], ascending=[True, False])["variant"].iloc[0]
    return found.assign(chosen=found["variant"] == chosen)[COLUMNS]


def fitting(sizes: Sequence[int], limit: int) -> int:
    """How many files, from the first on, fit together into so many bytes; at least one.

    Args:
        sizes: Of each, in bytes.
        limit: For all.
    """
    room, number = limit, 0
    for size in sizes:
        room -= size
        if room < 0:
            break
        number += 1
    return max(1, number)
