"""An axis that a page draws with lines and words of its own."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.ticker import MaxNLocator


@dataclass(frozen=True)
class Axis:
    """Places values on a line of 100 units, with room at both ends.

    Args:
        low: Least value.
        high: Greatest value.
    """

    low: float
    high: float

    @classmethod
    def over(cls, values: Sequence[float]) -> "Axis":
        """An axis that holds these values; what is no number is passed over."""
        known = [value for value in values if not pd.isna(value)]
        return cls(min(known), max(known)) if known else cls(0, 1)

    def __call__(self, value: float) -> float:
        """Where a value stands, 4 to 96."""
        return round(4 + 92 * (value - self.low) / ((self.high - self.low) or 1), 2)

    def ticks(self) -> list[float]:
        """Four or so round values on it."""
        found = MaxNLocator(4, steps=[1, 2, 5, 10]).tick_values(self.low, self.high)
        return [round(float(value), 9) for value in found if self.low <= value <= self.high]
