"""Does the headline hang on how its films were analysed? In a sentence, and in rows for the page."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from lungseg.claims.evidence import between

# Of each choice what was declared, and what was not.
LEVELS = {
    "size": {"network": "the network's", "native": "the films' own"},
    "postprocessing": {"none": "as predicted", "two_largest": "the two largest parts"},
    "seen": {"kept": "all", "left out": "without patients seen"},
}
OTHERS = {
    "native": "at the films' own size",
    "two_largest": "with the two largest parts of a mask alone",
    "left out": "without the {lost} films whose patient is, or is suspected to be, in another part too",
}


def rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """What the page's table shows: each choice in words, and the difference with its interval.

    Args:
        table: The table multiverse.csv.
    """
    return [
        {choice: words[row[choice]] for choice, words in LEVELS.items()}
        | {"declared": row["declared"], "films": row["images"]}
        | {"difference": f"{row['difference']:+.4f} {between(row['low'], row['high'], '+.4f')}"}
        for row in table.to_dict("records")
    ]


def in_words(table: pd.DataFrame) -> str:
    """The range of the differences, how many intervals agree with the declared one, and on which choice that hangs.

    Args:
        table: The table multiverse.csv; the sentence is empty where it has no other row than the declared one.
    """
    declared, others = (table[table["declared"] == own] for own in (True, False))
    if declared.empty or others.empty:
        return ""
    lost = int(declared["images"].iloc[0] - table["images"].min())
    levels = {level for choice in LEVELS for level in others[choice]}
    ways = [told.format(lost=lost) for level, told in OTHERS.items() if level in levels]
    count = "one other way" if len(others) == 1 else f"{len(others)} other ways"
    found = dict.fromkeys(f"{value:+.4f}" for value in (others["difference"].min(), others["difference"].max()))
    told = f"The same predictions analysed in {count} ({', '.join(ways)}) give {' to '.join(found)}"
    if table["low"].isna().any():
        return f"{told}, without intervals."
    side, sides = _sides(declared)[0], _sides(others)
    if (sides == side).all():
        return f"{told}; the declared interval and {'the other' if len(others) == 1 else 'all others'} {_lie(side, 2)}."
    numbers = {one: int((sides == one).sum()) for one in (1, 0, -1)}
    counts = " and ".join(f"{number} {_lie(one, number)}" for one, number in numbers.items() if number)
    return f"{told}; the declared interval {_lie(side, 1)}, of the others {counts}. {_hanging(side, others, sides)}"


def _hanging(side: int, others: pd.DataFrame, sides: np.ndarray) -> str:
    """What hangs on the choices: the side of 0, or whether it is left out; and on which choice, where it is one."""
    blame = " and ".join(_blamed(others, sides != side))
    if {-1, 1} <= {side, *sides}:
        what, other = "On which side of 0 it lies", "it is another"
    else:
        what, other = "Whether it leaves 0 out", "it holds 0" if side else "it does"
    return f"{what} hangs on such choices{f': {other} {blame}' if blame else ''}."


def _lie(side: int, number: int) -> str:
    """On which side of 0 one interval, or several, lie."""
    if side == 0:
        return "hold 0" if number > 1 else "holds 0"
    return f"{'lie' if number > 1 else 'lies'} {'above' if side > 0 else 'below'} 0"


def _sides(table: pd.DataFrame) -> np.ndarray:
    """On which side of 0 the intervals lie: 1, -1, or 0 where they hold it."""
    return np.sign(table["low"]).clip(lower=0).to_numpy(int) + np.sign(table["high"]).clip(upper=0).to_numpy(int)


def _blamed(others: pd.DataFrame, differ: np.ndarray) -> Iterator[str]:
    """The choices that part those that differ from those that do not."""
    for choice, words in LEVELS.items():
        for level in list(words)[1:]:
            if np.array_equal((others[choice] == level).to_numpy(), differ):
                yield "without such films" if level == "left out" else OTHERS[level]
