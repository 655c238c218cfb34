"""A number as it is printed, and all values that it may stand for."""

import re
from dataclasses import dataclass, replace
from fractions import Fraction

_NUMBER = r"\d{0,12}\.?\d{1,18}|\d{1,12}\."  # nobody prints a longer one
# A mean, alone or with its spread: 0.957, 95.7, 95.7%, .957 ± .02, .957 +/- .02, .957 (.02).
CELL = re.compile(
    rf"(?P<mean>{_NUMBER})\s*(?P<percent>%?)\s*"
    rf"(?:(?:±|\+/?-)\s*(?P<sd>{_NUMBER})\s*(?P<after>%?)|\(\s*(?:±\s*)?(?P<bracket>{_NUMBER})\s*(?P<inner>%?)\s*\)\s*(?P<last>%?))?"
)


@dataclass(frozen=True)
class Printed:
    """A value as printed, and all values that round to it.

    Args:
        text: As it stands in the table.
        low: The smallest value that rounds to it, not below 0.
        high: The largest, for a fraction not above 1.
        spread: What is printed behind it as ± or in brackets, in the same unit.
    """

    text: str
    low: Fraction
    high: Fraction
    spread: "Printed | None" = None


def printed(text: str, fraction: bool = True, unit: int = 1) -> Printed:
    """The interval of half a unit of the last decimal around a printed number.

    Args:
        text: A decimal number.
        fraction: Whether it lies between 0 and 1.
        unit: What stands for 1: 100 for percentages.
    """
    value, decimals = Fraction(text), len(text.partition(".")[2])
    half = Fraction(1, 2 * 10**decimals)
    high = (value + half) / unit
    return Printed(text, max((value - half) / unit, Fraction(0)), min(high, Fraction(1)) if fraction else high)


def number(text: str) -> Printed:
    """A count: it stands for itself."""
    return Printed(text, Fraction(text), Fraction(text))


def is_percent(text: str) -> bool:
    """Whether a cell's per cent sign is its mean's: it stands behind it, or behind the spread of what is no fraction.

    A mean of 2 or more is no fraction, as 95.7 ± 2 %; of 0.957 ± 2 % nobody knows, see `is_ambiguous`.
    """
    found = CELL.fullmatch(text)
    return bool(found and (found["percent"] or (_of_spread(found) and Fraction(found["mean"]) >= 2)))


def is_ambiguous(text: str, fraction: bool = True) -> bool:
    """Whether a per cent sign stands behind the spread alone, and the mean may be a fraction all the same.

    Args:
        text: A cell.
        fraction: Whether its mean lies between 0 and 1; what does not, such as a loss, may be any number.
    """
    found = CELL.fullmatch(text)
    return bool(found and not found["percent"] and _of_spread(found) and not (fraction and is_percent(text)))


def _of_spread(found: re.Match[str]) -> str:
    return found["after"] or found["inner"] or found["last"] or ""


def mean_of(text: str) -> Fraction:
    """The mean in a cell, in its own unit; 0 where the text is no cell."""
    found = CELL.fullmatch(text)
    return Fraction(found["mean"]) if found else Fraction(0)


def cell(text: str, fraction: bool = True, percent: bool = False) -> Printed:
    """A mean with or without a spread.

    Args:
        text: Such as 0.957, 95.7%, .957 ± .02 or .957 (.02).
        fraction: Whether it lies between 0 and 1.
        percent: Whether it is a percentage without saying so.

    Raises:
        ValueError: It is no such text.
    """
    found = CELL.fullmatch(text)
    if not found:
        raise ValueError(text)
    unit = 100 if percent or is_percent(text) else 1
    mean = replace(printed(found["mean"], fraction, unit), text=text + (" %" if percent and "%" not in text else ""))
    spread = found["sd"] or found["bracket"]
    return replace(mean, spread=printed(spread, fraction=False, unit=unit)) if spread else mean
