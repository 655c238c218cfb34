"""docs/fidelity.md: what each thing that the paper leaves open turned out to be worth, filled in from comparisons."""

import re
from collections.abc import Collection

import pandas as pd

from lungseg.claims.evidence import find_pair
from lungseg.escape import markdown
from lungseg.paper import Paper
from lungseg.report.results import Results
from lungseg.report.tables import SHORT, conditions, lost_runs, marked, over

NOT_RUN = "not run yet"
FILLED = ("less", "diverged")  # what a cell of an earlier run says
TESTED_BY, WORTH = 3, 4  # columns of the table
NAMED = r"`([a-z][a-z0-9_]+)`(?: against `([a-z][a-z0-9_]+)`)?"
BEGIN, END = "<!-- worth: written by `snakemake publish`, edits are lost -->", "<!-- /worth -->"


def filled(page: str, results: Results, paper: Paper) -> str:
    """The page with the worth that an experiment found, in Dice on the sets of Table 1.

    Args:
        page: As of `fill_worth`.
        results: Published, with their manifest.
        paper: Its headline names the network that is taken apart.
    """
    plan = results.plan()
    if plan is None or not plan.effects or paper.headline is None:
        return page
    experiment = results.experiment()
    tested = f"trained on `{experiment.table1.train_on}`, tested on `{experiment.table1.test_on}`"
    limits = (
        f"{100 * experiment.statistics.level:g}% intervals over {over(len(experiment.seeds))}, not corrected for their "
        f"number; those with {SHORT} may be too short, as notes in comparisons.csv say"
    )
    notes = " ".join([experiment.note, *lost_runs(results.diverged())])
    told = f"{markdown(conditions(experiment, paper.headline.variant))}, {tested}, with {limits}. {markdown(notes)}"
    page = re.sub(rf"({BEGIN}\n).*?({END})", lambda marks: f"{marks[1]}{told}\n{marks[2]}", page, flags=re.DOTALL)
    return fill_worth(page, results.dice("comparisons"), paper.headline.variant, list(experiment.variants))


def fill_worth(page: str, comparisons: pd.DataFrame, proposal: str, variants: Collection[str] = ()) -> str:
    """Fill the last column of the page's table.

    A variant is compared with the one that the page names after it (`a` against `b`), else with the network that it is
    named after: the longest other variant that its name begins with, else the proposal. Rows that name no variant stay
    as they are.

    Args:
        page: Markdown with one table; its fourth column names variants between backticks.
        comparisons: Rows of comparisons.csv of one training set, test set and metric.
        proposal: The variant that is taken apart.
        variants: All of the experiment; of one that nothing is compared with all trainings diverged.
    """
    compared = {*comparisons["variant_a"], *comparisons["variant_b"]}
    trained = {*compared, *variants}
    lines = []
    for line in page.splitlines():
        cells = line.strip().strip("|").split("|")
        in_table = line.startswith("| ") and len(cells) == WORTH + 1
        pairs = re.findall(NAMED, cells[TESTED_BY]) if in_table else []
        names = [name for name, _ in pairs]
        told = [_worth(name, base, trained, compared, comparisons, proposal) for name, base in pairs if name in trained]
        if in_table and (told or cells[-1].strip() == NOT_RUN or any(mark in cells[-1] for mark in FILLED)):
            missing = [f"`{name}` {NOT_RUN}" for name in names if name not in trained] if told else [NOT_RUN]
            line = "|".join(["", *cells[:WORTH], f" {'; '.join(told + missing)} ", ""])
        lines.append(line)
    return "\n".join(lines) + "\n"


def _worth(
    name: str,
    base: str,
    trained: Collection[str],
    compared: Collection[str],
    comparisons: pd.DataFrame,
    proposal: str,
) -> str:
    base = base or max((one for one in trained if name.startswith(f"{one}_")), key=len, default=proposal)
    row = find_pair(comparisons, name, base, "dice")
    if row is not None:
        return f"`{name}` less `{base}` {marked(row)}"
    gone = [one for one in (name, base) if one in trained and one not in compared]
    return f"every training of `{gone[0]}` diverged" if gone else f"`{name}` {NOT_RUN}"
