"""The numbers and the graph in the README come from rules: they fill what stands between two comments."""

import re
from collections.abc import Collection, Mapping

import pandas as pd

from lungseg.config import left_out
from lungseg.errors import InputError
from lungseg.escape import markdown
from lungseg.paper import Paper
from lungseg.report.multiverse import in_words
from lungseg.report.parts import parts, parts_block
from lungseg.report.rates import rates, rates_table, said_of
from lungseg.report.results import Results
from lungseg.report.tables import (
    answer,
    beside_table,
    comparison_table,
    corrected,
    coverage_note,
    dataset_table,
    lost_runs,
    number_of_seeds,
    over,
    remade,
    tally,
    when_fixed,
)


def fill(readme: str, name: str, content: str) -> str:
    """Replace what stands between `<!-- name -->` and `<!-- /name -->`.

    The first comment may go on after a colon: `<!-- name: written by a rule -->`.

    Args:
        readme: The whole text.
        name: Of the place.
        content: What shall stand there.

    Raises:
        InputError: There is not exactly one such place, or the content would make another.
    """
    if re.search(rf"<!-- /?{re.escape(name)}\b", content):
        raise InputError(f"what is written to README.md for {name}", "a mark of a place", "text", "Correct its texts.")
    place = re.compile(rf"(<!-- {re.escape(name)}(?:: [^\n]*)? -->\n).*?(<!-- /{re.escape(name)} -->)", re.DOTALL)
    if len(place.findall(readme)) != 1:
        found = f"{len(place.findall(readme))} places for {name}"
        raise InputError("README.md", found, f"one: <!-- {name} --> … <!-- /{name} -->", "Put the two comments there.")
    return place.sub(lambda match: f"{match[1]}{content.strip()}\n{match[2]}", readme)


def result_block(results: Results, paper: Paper, folder: str) -> str:
    """What the README says of an experiment: the answer, one table, and where all of it lies.

    Args:
        results: Published, with their manifest.
        paper: Whose table.
        folder: Where they lie, for links.
    """
    config = results.manifest()["config"]
    shown = (config["table1"]["train_on"], config["table1"]["test_on"])
    estimates, comparisons, claims = (results.table(name) for name in ("estimates", "comparisons", "claims"))
    note = f"{config['note']} {left_out(config.get('exclude', {}))}".strip()
    cells = estimates.query("test_on == @shown[1] and train_on == @shown[0]")
    number, most = int(cells["images"].iloc[0]), int(cells["seeds"].max())
    films = f"{number} test film{'s' if number > 1 else ''}"
    diverged, seeds = results.diverged(), len(config["seeds"])
    paragraphs = [
        answer(comparisons, paper, results.experiment(), results.plan(), diverged=diverged).strip(),
        *other_ways(results),
        *gains_picture(results, folder),
        beside_table(estimates, comparisons, paper, *shown),
        f"Mean Dice over {films} of `{shown[1]}`, trained on `{shown[0]}`, {number_of_seeds(seeds)} "
        f"[{100 * config['statistics']['level']:g}% interval over {over(most)}]. {corrected(results.plan())} "
        f"{markdown(note)} "
        f"{markdown(' '.join([remade(results.manifest()), *lost_runs(diverged)]))}".strip(),
        f"All numbers: [{folder}]({folder}/README.md). The paper's claims, judged by this run: {tally(claims)}; "
        f"[each with its reason]({folder}/claims.md). {markdown(when_fixed(results.manifest()))}",
    ]
    return "\n\n".join(paragraphs)


def readme_block(results: Results, paper: Paper, folder: str) -> str:
    """The block of an experiment: what each part is worth where its plan takes a proposal apart, else the answer."""
    plan = results.plan()
    taken_apart = parts(results, plan, paper.name)  # none where no effect is declared, or networks of all diverged
    return parts_block(results, paper, folder) if taken_apart else result_block(results, paper, folder)


def other_ways(results: Results) -> list[str]:
    """What other choices of analysis make of the headline, none where results of older code have no such table."""
    return [said] if results.has("multiverse") and (said := in_words(results.table("multiverse"))) else []


def gains_picture(results: Results, folder: str) -> list[str]:
    """The claimed gains as a picture, none where results of older code have none.

    Args:
        results: Published.
        folder: Where they lie, seen from the page that shows it.
    """
    file = "figures/gains.svg"
    if not (results.folder / file).is_file():
        return []
    says = "What the paper's network gains over each of the others: printed, and ours with its interval and its seeds"
    return [f'<img src="{folder}/{file}" width="560" alt="{says}">']


def result_page(results: Results, paper: Paper, coverage: pd.DataFrame, root: str) -> str:
    """The README of a folder of published results: every network, metric, test set and claimed difference.

    Args:
        results: Published, with their manifest.
        paper: Whose table.
        coverage: The table bench/results/coverage.csv.
        root: The way from the folder to the repository's root, for links.
    """
    config = results.manifest()["config"]
    train_on, test_on = config["table1"]["train_on"], config["table1"]["test_on"]
    estimates, comparisons, claims = (results.table(name) for name in ("estimates", "comparisons", "claims"))
    table1 = (results.folder / "table1.md").read_text(encoding="utf-8").strip()
    paragraphs = [
        f"# {config['name']}: what it found",
        "Written by `snakemake publish` from the tables beside it; edits are lost.",
        answer(comparisons, paper, results.experiment(), results.plan(), diverged=results.diverged()).strip(),
        *other_ways(results),
        *gains_picture(results, "."),
        table1,
        *([said] if (said := remade(results.manifest())) else []),
        "## By test set\n\nMean Dice per film.",
        dataset_table(estimates, paper, train_on, "dice").strip(),
        coverage_note(coverage, estimates, len(config["seeds"]), root, config["statistics"]["level"]),
        "## Are the differences real?",
        comparison_table(comparisons, paper, train_on, test_on, "dice").strip(),
        *best_rates(results, paper),
        f"## The paper's claims\n\n{_sentence(tally(claims))}: [each with its reason](claims.md). "
        f"{markdown(when_fixed(results.manifest()))}",
        "## Films\n\n![Film, truth and errors of every network, typical and worst films](figures/figure5_overlays.png)",
    ]
    return "\n\n".join(paragraphs) + "\n"


def best_rates(results: Results, paper: Paper) -> list[str]:
    """Networks at the best of the rates that were tried for them; nothing where none was tried."""
    rows = rates(results.experiment(), results.dice("estimates"), results.dice("comparisons"))
    if not rows:
        return []
    shown = "In the columns of tries: the best validation Dice of each; bold, the chosen one."
    said = markdown(f"{said_of(results, paper)} {shown}".strip())
    return ["## Each at its best rate", said, rates_table(rows, paper.name)]


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def mermaid(dot: str) -> str:
    """Snakemake's graph of rules as a Mermaid flowchart, without its goal and without edges that a longer way implies.

    Args:
        dot: What `snakemake --rulegraph dot` prints.
    """
    names = dict(re.findall(r'(\d+)\[label = "(\w+)"', dot))
    after: dict[str, set[str]] = {name: set() for name in names.values() if name != "all"}
    for a, b in re.findall(r"(\d+) -> (\d+)", dot):
        if names[b] != "all":
            after[names[a]].add(names[b])
    lines = [f"    {a} --> {b}" for a in after for b in sorted(after[a]) if not _longer_way(after, a, b)]
    return "\n".join(["flowchart LR", *sorted(lines)]) + "\n"


def _longer_way(after: Mapping[str, Collection[str]], start: str, end: str) -> bool:
    """Whether a graph without cycles leads from start to end over a third."""
    reached, waiting = set(), set(after[start]) - {end}
    while waiting:
        reached.add(one := waiting.pop())
        waiting |= set(after[one]) - reached
    return end in reached
