"""What verdicts on claims are made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from lungseg.claims.arithmetic import Finding
from lungseg.paper import Paper
from lungseg.statistics.comparisons import MARGIN


@dataclass(frozen=True)
class Evidence:
    """What verdicts are made of, all for the training and test set of Table 1.

    Args:
        paper: What is printed.
        estimates: Rows of estimates.csv.
        comparisons: Rows of comparisons.csv.
        findings: What arithmetic finds in the paper's Table 1.
        costs: One row per variant: parameters, width (of the plain U-Net), images_per_second (in training).
        histories: Columns variant, seed, epoch, validation_dice.
    """

    paper: Paper
    estimates: pd.DataFrame
    comparisons: pd.DataFrame
    findings: tuple[Finding, ...]
    costs: pd.DataFrame
    histories: pd.DataFrame


def costs(cards: Sequence[Mapping[str, Any]], histories: pd.DataFrame) -> pd.DataFrame:
    """What each variant costs.

    Args:
        cards: Of the runs.
        histories: Columns variant and images_per_second.

    Returns:
        One row per variant: parameters, width, images_per_second (mean over epochs and seeds).
    """
    facts = [(card["run"].partition("/")[0], card["parameters"], card["variant"]["width"]) for card in cards]
    table = pd.DataFrame(facts, columns=["variant", "parameters", "width"]).groupby("variant").first()
    return table.join(histories.groupby("variant")["images_per_second"].mean())


@dataclass(frozen=True)
class Verdict:
    """What becomes of a claim; numbers are empty where there are none."""

    verdict: str
    why: str
    published: float | None = None
    reproduced: float | None = None
    low: float | None = None
    high: float | None = None


def inside(published: float, low: float, high: float, told: str) -> tuple[str, str]:
    """Verdict and reason for a published value and our interval: the margin is what does not count."""
    if low <= published <= high:
        return "supported", f"published {published:g} lies inside {told}"
    away = max(low - published, published - high)
    if away <= MARGIN:
        return "inconclusive", f"published {published:g} lies {away:.4f} outside {told}, within the margin of {MARGIN}"
    return "contradicted", f"published {published:g} lies {away:.4f} outside {told}"


def find(table: pd.DataFrame, **where: str) -> Mapping[str, Any] | None:
    """The first row with these values, None where there is none."""
    for key, value in where.items():
        table = table[table[key] == value]
    return None if table.empty else dict(table.iloc[0])


def find_pair(comparisons: pd.DataFrame, a: str, b: str, metric: str) -> Mapping[str, Any] | None:
    """The row of a against b, turned round where the table has b against a."""
    if row := find(comparisons, variant_a=a, variant_b=b, metric=metric):
        return row
    if row := find(comparisons, variant_a=b, variant_b=a, metric=metric):
        other = {"a better": "b better", "b better": "a better"}.get(str(row["verdict"]), row["verdict"])
        turned = {"difference": -row["difference"], "low": -row["high"], "high": -row["low"], "verdict": other}
        return dict(row) | turned
    return None


def gain(row: Mapping[str, Any]) -> str:
    """A difference with its interval, as text."""
    return f"{row['difference']:+.4f} [{row['low']:+.4f}, {row['high']:+.4f}]"


def side(row: Mapping[str, Any]) -> str:
    """On which side a comparison falls, seen from its first variant: better, worse or undecided.

    `equivalent` says that a difference is within the margin, not that there is none: its side is that of its interval.
    Only metrics of which more is better have a margin.
    """
    if row["verdict"] == "equivalent":
        return "better" if row["low"] > 0 else "worse" if row["high"] < 0 else "undecided"
    return {"a better": "better", "b better": "worse"}.get(str(row["verdict"]), "undecided")


def step(row: Mapping[str, Any]) -> str:
    """The same in words, with the margin where the difference is within it."""
    if row["verdict"] != "equivalent":
        return side(row)
    return f"equivalent within {MARGIN}" if side(row) == "undecided" else f"{side(row)}, by less than {MARGIN}"


def not_run(what: str, published: float | None = None) -> Verdict:
    """The verdict where the experiment lacks what the claim is about."""
    return Verdict("untested", f"this experiment has no {what}", published)
