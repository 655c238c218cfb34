"""What verdicts on claims are made of."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from pathlib import Path
from typing import Any

import pandas as pd

from lungseg.claims.arithmetic import Finding
from lungseg.errors import InputError
from lungseg.learning.run_files import NEEDED, diverged, read_card
from lungseg.paper import Paper
from lungseg.plan import Conditions, Plan
from lungseg.recipe import Variant
from lungseg.statistics.simulated import ONE_RUN, by_common_variance, of_such, turned_round
from lungseg.tables import read_csv


@dataclass(frozen=True)
class Arm:
    """How a network of this experiment was trained.

    Args:
        variant: The choices behind it.
        epochs: Of each training; where it was measured in steps and its films are not known, its length in words.
        schedule: Of the learning rate.
        size: Of the films in pixels.
        seeds: How many trainings that scores are of.
        lost: How many trainings diverged, and are in no mean.
    """

    variant: Variant
    epochs: int | str
    schedule: str
    size: int
    seeds: int
    lost: int = 0

    def departs(self, conditions: Conditions) -> list[str]:
        """What of the conditions it does not meet, in words."""
        network, found = self.variant, []
        starts = {network.start(encoder) for encoder in network.encoders}
        if conditions.pretrained and "random" in starts:
            found.append("encoders from random weights" if len(starts) == 1 else "an encoder from random weights")
        if conditions.pretrained is False and starts - {"random"}:
            found.append("pretrained encoders")
        least = {"px": (self.size, conditions.size), "seeds": (self.seeds, conditions.seeds)}
        if isinstance(self.epochs, int):
            least = {"epochs": (self.epochs, conditions.epochs)} | least
        elif conditions.epochs:
            found.append(f"{self.epochs}, not {conditions.epochs} epochs")
        for unit, (here, asked) in least.items():
            if asked and here < asked:
                found.append(f"{here} {unit.removesuffix('s') if here == 1 else unit}, not {asked}")
        if not network.encoders and conditions.width not in (None, network.width):
            found.append(f"a U-Net of width {network.width}, not {conditions.width}")
        return found


@dataclass(frozen=True)
class Evidence:
    """What verdicts are made of, all for the training and test set of Table 1.

    Args:
        paper: What is printed.
        plan: What was decided before the experiment; None where nothing was.
        estimates: Rows of estimates.csv.
        comparisons: Rows of comparisons.csv.
        elsewhere: Rows of elsewhere.csv, all test sets.
        findings: What arithmetic finds in the paper's Table 1.
        arms: Variant to how it was trained; one of which all trainings diverged has no seeds.
        parameters: Variant to how many it has.
        histories: Columns variant, seed, epoch, validation_dice, validation_accuracy, validation_loss.
        drawn: Whether the films are drawn ones, which say nothing about lungs.
    """

    paper: Paper
    plan: Plan | None
    estimates: pd.DataFrame
    comparisons: pd.DataFrame
    elsewhere: pd.DataFrame
    findings: tuple[Finding, ...]
    arms: Mapping[str, Arm]
    parameters: Mapping[str, int]
    histories: pd.DataFrame
    drawn: bool = False

    def margin(self, metric: str) -> float | None:
        """The difference that does not count; None where none is declared."""
        return self.plan.margins.get(metric) if self.plan else None  # type: ignore[call-overload]

    def departures(self, variants: Sequence[str], under: str, part: Sequence[str]) -> list[str]:
        """In what the networks of a claim are not what the claim is about.

        Args:
            variants: The networks.
            under: Name of the plan's conditions.
            part: Fields of a variant in which the networks must differ, and in no other; empty: they may be anything.

        Raises:
            InputError: The plan has no such conditions.
        """
        if self.plan is None:
            return []
        if under not in self.plan.conditions:
            known = ", ".join(self.plan.conditions)
            raise InputError("claims.yaml, under", under, f"conditions of the plan: {known}", "Correct one of the two.")
        arms = [self.arms[name] for name in dict.fromkeys(variants)]
        found = [each for arm in arms for each in arm.departs(self.plan.conditions[under])]
        found += [f"{arm.lost} of {arm.seeds + arm.lost} trainings diverged" for arm in arms if arm.lost]
        if part:
            dumps = [arm.variant.model_dump() for arm in arms]
            differ = {key for key in dumps[0] if any(other[key] != dumps[0][key] for other in dumps)}
            found += [f"the two differ in {key} too" for key in sorted(differ - set(part))]
            found += [f"the two do not differ in {key}" for key in part if key not in differ]
        return list(dict.fromkeys(found))

    def absent(self, variants: Sequence[str], published: float | None = None) -> "Verdict | None":
        """The verdict on networks of which one has no scores: it is not here, or diverged; None where all have."""
        for name in variants:
            if name not in self.arms:
                return not_run(name, published)
            if not self.arms[name].seeds:
                return Verdict("untested", f"every training of {self.paper.name(name)} diverged", published)
        return None

    def other_width(self, variants: Sequence[str]) -> list[str]:
        """In what width a plain U-Net among them is not the paper's, in words."""
        asked = Conditions(width=self.paper.conditions.width)
        return [each for name in variants if name in self.arms for each in self.arms[name].departs(asked)]


def arms(cards: Sequence[Mapping[str, Any]]) -> dict[str, Arm]:
    """How each variant was trained.

    Args:
        cards: Of the runs, also of those that diverged.
    """
    by_variant: dict[str, list[Mapping[str, Any]]] = {}
    for card in cards:
        by_variant.setdefault(card["run"].partition("/")[0], []).append(card)
    return {
        name: Arm(
            Variant(**own[0]["variant"]),
            min(_passes(card) for card in own),
            own[0]["training"]["schedule"],
            own[0]["size"],
            len(own) - (lost := sum(map(diverged, own))),
            lost,
        )
        for name, own in by_variant.items()
    }


def _passes(card: Mapping[str, Any]) -> int:
    """How often a run saw its films; cards of older code name epochs alone."""
    return int(card["passes"] if card["training"]["epochs"] is None else card["training"]["epochs"])


def read_runs(
    runs: Sequence[Mapping[str, Any]], cards: Sequence[str | Path], histories: Sequence[str | Path]
) -> tuple[list[dict[str, Any]], pd.DataFrame]:
    """The cards of runs, and in one table the histories of those that did not diverge.

    Args:
        runs: variant, train_on and seed of each.
        cards: Files weights.json, in the order of the runs.
        histories: Files history.csv, likewise.
    """
    read, tables = [], [pd.DataFrame(columns=["variant", "seed", "epoch"])]
    for run, card, history in zip(runs, cards, histories, strict=True):
        read.append({**run, **read_card(card, NEEDED)})
        if not diverged(read[-1]):
            tables.append(read_csv(history).assign(**run))
    return read, pd.concat(tables[1:] or tables)


def parameters(cards: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """How many parameters each variant has.

    Args:
        cards: Of the runs, also of those that diverged.
    """
    return {card["run"].partition("/")[0]: card["parameters"] for card in cards}


@dataclass(frozen=True)
class Verdict:
    """What becomes of a claim; numbers are empty where there are none.

    `points` is filled where the verdict is `untested` for a condition that the run does not meet: what it would be
    without that condition, as `for` or `against`.
    """

    verdict: str
    why: str
    published: float | None = None
    reproduced: float | None = None
    low: float | None = None
    high: float | None = None
    points: str = ""


def rounding(text: str) -> float:
    """Half of the last decimal that is printed: 0.0005 of 0.957 and of 0.970, which as a number has lost its zero.

    Args:
        text: A decimal number, as printed.
    """
    return 0.5 * 10.0 ** -len(text.partition(".")[2])


def claimed_gain(text: str, row: Mapping[str, Any], margin: float | None) -> tuple[str, str]:
    """Verdict and reason for a claimed difference, as printed, and ours, by the plan's rule for gains.

    A gain that is smaller than the margin is not shown by a difference of the other sign, or of an undecided one.
    """
    published, low, high, off = float(text), row["low"], row["high"], rounding(text)
    told = f"{gain(row)} here"
    if isnan(low) or isnan(high):
        return "inconclusive", f"no interval around {told}: too few films or seeds"
    if row.get("note") == ONE_RUN:
        return "inconclusive", f"{told} is of one training, which does not tell what another would give"
    away = max(low - published - off, published - off - high)
    signed = (low > 0, high < 0) == (published > 0, published < 0)
    if margin is not None and signed and published - margin <= low and high <= published + margin:
        return "supported", f"all of {told} lies within {margin:g} of the claimed {published:+g}"
    if away <= 0:
        return "compatible", f"the claimed {published:+g} lies inside {told}"
    verdict = "inconclusive" if margin is None or away <= margin else "contradicted"
    return verdict, f"the claimed {published:+g} lies {away:.4f} outside {told}"


def cell_on(text: str, row: Mapping[str, Any], margin: float | None) -> str:
    """What one test set says of a printed mean, by the plan's rule for cells.

    Args:
        text: As printed.
        row: Of elsewhere.csv, for the smallest size that the other test set may have had.
        margin: Of the metric.
    """
    published, off = float(text), rounding(text)
    if isnan(row["their_low"]) or isnan(row["their_high"]):
        return "inconclusive"
    if published + off < row["their_low"] or published - off > row["their_high"]:
        return "contradicted"
    within = margin is not None and published - margin <= row["low"] and row["high"] <= published + margin
    return "supported" if within else "compatible"


def over_test_sets(words: Collection[str]) -> str:
    """The verdict on a cell from what each test set says.

    Those without an interval say nothing: beside them what others say is shown on some films, and not on all.
    """
    told = {word for word in words if word != "inconclusive"}
    if len(told) > 1:
        return "depends on the films" if "contradicted" in told else "compatible"
    if told and "inconclusive" not in words:
        return next(iter(told))
    return "compatible" if told & {"supported", "compatible"} else "inconclusive"


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
        other = {"a better": "b better", "b better": "a better"}
        turned = {"low": 0 - row["high"], "high": 0 - row["low"]}  # not -0 of 0
        turned |= {key: 0 - row[key] for key in ("difference", "difference_without") if key in row}
        turned |= {key: other.get(str(row[key]), row[key]) for key in ("verdict", "sign") if key in row}
        if "note" in row:
            turned["note"] = turned_round(row["note"])
        return dict(row) | turned
    return None


def gain(row: Mapping[str, Any]) -> str:
    """A difference with its interval, as text."""
    return f"{row['difference']:+.4f} {between(row['low'], row['high'], '+.4f')}"


def between(low: float, high: float, form: str) -> str:
    """An interval as text, also where one film or one seed gives none."""
    return "[no interval]" if isnan(low) or isnan(high) else f"[{low:{form}}, {high:{form}}]"


def side(row: Mapping[str, Any]) -> str:
    """On which side a comparison falls, seen from its first variant: better, worse or undecided.

    Tables made before there was a column `sign` have a verdict, where `equivalent` hides the side that the interval
    shows; only metrics of which more is better were ever equivalent.
    """
    sign = row.get("sign", row["verdict"])
    if sign == "equivalent":
        return "better" if row["low"] > 0 else "worse" if row["high"] < 0 else "undecided"
    return {"a better": "better", "b better": "worse"}.get(str(sign), "undecided")


def step(row: Mapping[str, Any]) -> str:
    """The same in words, with the margin where the difference is within it."""
    if row["verdict"] != "equivalent":
        return side(row)
    return "undecided, within the margin" if side(row) == "undecided" else f"{side(row)}, by less than the margin"


def outcome(row: Mapping[str, Any]) -> str:
    """The same, with why the interval may be too short."""
    said, common = of_such(row.get("note")), by_common_variance(row.get("note"))
    told = [said] * bool(said) + [f"by a common seed variance {common}"] * bool(common)
    return step(row) + (f" ({'; '.join(told)})" if told else "")


def not_run(what: str, published: float | None = None) -> Verdict:
    """The verdict where the experiment lacks what the claim is about."""
    return Verdict("untested", f"this experiment has no {what}", published)
