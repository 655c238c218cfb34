"""Each network at the best of the learning rates that were tried for it, beside the rate at which all are trained."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from lungseg.claims.evidence import between, find, find_pair, gain
from lungseg.config import Experiment
from lungseg.escape import markdown
from lungseg.learning.tuning import chosen
from lungseg.paper import Paper
from lungseg.report.page_tables import noted, records
from lungseg.report.results import Results
from lungseg.report.tables import marked

Row = Mapping[str, Any]


def rates(experiment: Experiment, estimates: pd.DataFrame, comparisons: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of the networks that were tuned, in the order of the experiment.

    Args:
        experiment: With its `tune.tries`; without them there is no row.
        estimates: Rows of estimates.csv, of Dice on the sets to show.
        comparisons: Rows of comparisons.csv, likewise.

    Returns:
        variant; rate (its own); tries (pairs of a rate and the validation Dice of its try, None of one that diverged,
        the smallest rate first); chosen (the rate of the best try, of two alike the smaller); edge (`smallest` or
        `largest` of the rates, else empty); tuned (the variant that is trained at it: itself where that is its own
        rate, else NAME_tuned, empty where there is none); cell and tuned_cell (their rows, or None); and less, the row
        of tuned less variant (None where they are one, or not both there).
    """
    found = []
    for name in experiment.variants:
        given = (experiment.tune.tries or {}).get(name)
        if given is None or not any(dice is not None for dice in given):
            continue
        tries = sorted(zip(experiment.tune.rates, given, strict=True))
        tried = pd.DataFrame(tries, columns=["learning_rate", "validation_dice"]).assign(variant=name)
        best = chosen(tried)[name]
        own = experiment.trained_as(name).learning_rate
        tuned = name if best == own else f"{name}_tuned" if f"{name}_tuned" in experiment.variants else ""
        less = find_pair(comparisons, tuned, name, "dice") if tuned not in ("", name) else None
        found.append(
            {
                "variant": name,
                "rate": own,
                "tries": tries,
                "chosen": best,
                "edge": {tries[0][0]: "smallest", tries[-1][0]: "largest"}.get(best, ""),
                "tuned": tuned,
                "cell": find(estimates, variant=name),
                "tuned_cell": find(estimates, variant=tuned) if tuned else None,
                "less": less,
            }
        )
    return found


def shown(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The rows of `rates` for the page, where what is not known is None."""
    return [dict(row) | {key: _told(row[key]) for key in ("cell", "tuned_cell", "less")} for row in rows]


def _told(row: Row | None) -> dict[str, Any] | None:
    return None if row is None else records(pd.DataFrame([row]))[0]


def at_best_rates(
    rows: Sequence[Row], comparisons: pd.DataFrame, paper: Paper, named: Callable[[str], str], steps: str
) -> str:
    """The paper's headline with either network at its best rate, in words; empty where one of them was not tuned.

    Args:
        rows: As from `rates`.
        comparisons: Rows of comparisons.csv, of Dice on the sets to show.
        paper: Whose headline.
        named: A variant's name for people.
        steps: How long the trainings are, in words.
    """
    at = {row["variant"]: row["tuned"] for row in rows if row["tuned"]}
    if paper.headline is None or not {paper.headline.variant, paper.headline.against} <= set(at):
        return ""
    one, other = paper.headline.variant, paper.headline.against
    pair = find_pair(comparisons, at[one], at[other], "dice")
    if pair is None:
        return ""
    stayed = [named(row["variant"]) for row in rows if row["tuned"] == row["variant"]]
    kept = f" The common rate is the best of the three for {', '.join(stayed)}." if stayed else ""
    return (
        f"Each at the best of three rates, chosen by one try of a quarter of {steps}: {named(one)} less {named(other)} "
        f"{gain(pair)} in Dice. {noted(_note(pair))}".strip()
        + kept
    )


def _note(row: Row) -> str | None:
    return row["note"] if isinstance(row.get("note"), str) else None


def said_of(results: Results, paper: Paper) -> str:
    """The same of an experiment's results, by the names of the paper."""
    experiment, compared = results.experiment(), results.dice("comparisons")
    rows = rates(experiment, results.dice("estimates"), compared)
    return at_best_rates(rows, compared, paper, paper.name, experiment.training.length)


def rates_table(rows: Sequence[Row], named: Callable[[str], str]) -> str:
    """Markdown: a row per network, with the tries, what it has as all are trained, and at its best rate."""
    tried = [f"try at {rate:g}" for rate, _ in rows[0]["tries"]]
    titles = ["Network", *tried, "Dice as all are trained", "Dice at its best rate", "difference"]
    lines = ["| " + " | ".join(titles) + " |", "|" + " --- |" * len(titles)]
    for row in rows:
        tries = [
            "diverged" if dice is None else f"**{dice:.4f}**" if rate == row["chosen"] else f"{dice:.4f}"
            for rate, dice in row["tries"]
        ]
        best = "the same" if row["tuned"] == row["variant"] else _cell(row["tuned_cell"])
        less = marked(row["less"]) if row["less"] else "–"
        lines.append(
            "| " + " | ".join([markdown(named(row["variant"])), *tries, _cell(row["cell"]), best, less]) + " |"
        )
    return "\n".join(lines)


def _cell(row: Row | None) -> str:
    return "–" if row is None else f"{row['mean']:.4f} {between(row['low'], row['high'], '.4f')}"
