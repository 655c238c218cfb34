"""What is each part of the proposal worth? The declared effects and pairs of an experiment that takes it apart."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from lungseg.claims.evidence import find, find_pair, gain
from lungseg.config import Experiment
from lungseg.escape import markdown
from lungseg.paper import Paper
from lungseg.plan import Plan
from lungseg.report.axis import Axis
from lungseg.report.page_tables import records
from lungseg.report.rates import said_of
from lungseg.report.results import Results
from lungseg.report.tables import SHORT, SHORTER, conditions, lost_runs, marked, over, remade

SIGNS = {"a better": "gain", "b better": "loss"}


def parts(results: Results, plan: Plan | None, named: Callable[[str], str]) -> list[dict[str, Any]]:
    """Rows for the declared effects and then for the declared pairs, in Dice on the sets of Table 1.

    Args:
        results: The experiment.
        plan: What was declared before it; only a plan with effects takes a proposal apart.
        named: The name for people of a variant.

    Returns:
        effect (empty of a pair), a and b (the variants of a pair, else empty), of (all variants), says (in words),
        difference, low, high, sign (`gain`, `loss`, `undecided`), relevance, detectable (None where it is not known),
        margin (None where none was declared), and one axis for all.
        Empty where no effect was declared or none could be estimated.
    """
    if plan is None or not plan.effects or not results.has("effects"):
        return []
    found = [
        row | {"a": "", "b": "", "says": row["effect"], "of": tuple(plan.effects[row["effect"]])}
        for row in records(results.dice("effects"))
    ]
    compared, power = results.dice("comparisons"), results.dice("power")
    for a, b in plan.contrasts:
        row = find_pair(compared, a, b, "dice")
        if row is not None:
            (told,) = records(pd.DataFrame([row]))
            told |= {"effect": "", "a": a, "b": b, "of": (a, b), "says": f"{named(a)} less {named(b)}"}
            found.append(told | {"sign": SIGNS.get(str(told["sign"]), "undecided"), "detectable": _reach(power, a, b)})
    if not any(row["effect"] for row in found):
        return []
    margin = plan.margins.get("dice")
    axis = Axis.over([*(row[key] for row in found for key in ("low", "high")), -(margin or 0), margin or 0])
    return [row | {"axis": axis, "margin": margin} for row in found]


def _reach(power: pd.DataFrame, a: str, b: str) -> float | None:
    row = find(power, variant_a=a, variant_b=b) or find(power, variant_a=b, variant_b=a) or {}
    (told,) = records(pd.DataFrame([{"detectable_holm": row.get("detectable_holm")}]))
    return told["detectable_holm"]


def worth(row: Mapping[str, Any]) -> str:
    """The sign and the size of a row in words."""
    margin = f"{row['margin']:g}" if row["margin"] else "the margin"
    if row["sign"] not in SIGNS.values():
        told = {"within": f"undecided, within {margin} either way", "undecided": "and size undecided"}
        return f"sign {told.get(str(row['relevance']), 'undecided')}"
    told = {"within": f" of less than {margin}", "beyond": f" of more than {margin}", "undecided": ", size undecided"}
    return f"a {row['sign']}{told.get(str(row['relevance']), '')}"


def in_words(rows: Sequence[Mapping[str, Any]], experiment: Experiment, margin: float | None) -> str:
    """One sentence on the declared effects, and what could have been found of them.

    Args:
        rows: As from `parts`.
        experiment: Says how the networks of the effects were trained.
        margin: The difference that does not count.
    """
    effects = [row for row in rows if row["effect"]]
    told = "; ".join(f"{row['effect']} {gain(row)} ({worth(row)})" for row in effects)
    known = [row["detectable"] for row in effects if row["detectable"] is not None]
    reach = (
        f" True effects of {max(known):.4f} would have been found in 80 % of repetitions, uncorrected."
        if known and len(known) == len(effects)
        else ""
    )
    counts = f"; less than {margin:g} does not count" if margin else ""
    begins = conditions(experiment, *dict.fromkeys(name for row in effects for name in row["of"]))
    limits = f"{100 * experiment.statistics.level:g}% intervals over {over(len(experiment.seeds))}"
    return f"{begins}, worth in Dice, with {limits}{counts}: {told}.{reach}"


def parts_block(results: Results, paper: Paper, folder: str) -> str:
    """Markdown for the README: the sentence, a table of all declared effects and pairs, and where the rest lies."""
    manifest, plan = results.manifest(), results.plan()
    rows = parts(results, plan, paper.name)
    if not rows or plan is None:
        return "This experiment declares no effects.\n"
    said = in_words(rows, results.experiment(), plan.margins.get("dice"))
    lines = ["| part | worth in Dice | in words | would have been found ¶ |", "| --- | --- | --- | --- |"]
    for row in rows:
        reach = "–" if row["detectable"] is None else f"{row['detectable']:.4f}"
        lines.append(f"| {markdown(row['says'])} | {marked(row)} | {worth(row)} | {reach} |")
    told = " ".join([manifest["config"]["note"], *filter(None, [remade(manifest)]), *lost_runs(results.diverged())])
    note = (
        "¶ The true difference that 80 % of repetitions would find: of the effects without a correction, as their "
        f"signs are judged, of the pairs at the hardest step of Holm's. {SHORT} {SHORTER}; of effects "
        f"neither is told. {markdown(told)} All numbers, each open to its films: [{folder}]({folder}/README.md)."
    )
    best = markdown(said_of(results, paper)) if results.has("estimates") else ""
    question = "**What is each part of the proposal worth?**"
    return "\n\n".join([f"{question} {markdown(said)}", "\n".join(lines), *filter(None, [best]), note])
