"""The page that answers "does Table 1 hold?": results in, one HTML file out, each number with its way back."""

import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
import yaml
from markupsafe import Markup, escape

from lungseg.claims.evidence import find, rounding
from lungseg.claims.verdicts import Claim
from lungseg.config import Experiment, left_out, without_places
from lungseg.errors import InputError
from lungseg.paper import Paper
from lungseg.plan import Plan
from lungseg.recipe import Variant
from lungseg.report import multiverse
from lungseg.report.costs import cost_rows
from lungseg.report.counting import calibration_in_words, groups, study_in_words
from lungseg.report.differences import seed_means
from lungseg.report.inline import inline
from lungseg.report.learning_curves import curve_rows, curves_of, length_in_words
from lungseg.report.look import Look
from lungseg.report.methods import common, otherwise, trained_on
from lungseg.report.page_tables import (
    beside,
    card,
    crossing,
    networks,
    noted,
    of_cells,
    pairs,
    records,
    seeds_in_words,
    with_columns,
)
from lungseg.report.parts import in_words, parts, worth
from lungseg.report.rates import at_best_rates, rates, shown
from lungseg.report.reach import reach
from lungseg.report.results import Results
from lungseg.report.tables import (
    TITLES,
    VERDICTS,
    answer,
    before_training,
    failures,
    lost_runs,
    over,
    remade,
    small,
    tally,
    when_fixed,
)

# Figures that stand in the page, and what they show.
PLOTS = {
    "gains": "What the paper's network gains over each of the others: printed, and here with interval and seeds",
    "cost": "Mean Dice of each network against its parameters and its operations for one film",
    "training_curves": "Loss, validation Dice and validation accuracy by epoch, a line per run",
    "definitions": "Every way of counting the same predictions beside the printed numbers",
    "calibration": "Share of lung against predicted probability, and the calibration error of each network",
    "learning_curves": "Mean Dice against the number of films to learn from, and differences to the first network",
    "ranks": "Mean ranks of the networks with the critical difference",
}
RELATION_TITLES = {
    "iou_above_recall": "IoU above recall",
    "dice_above_mean_of_precision_and_recall": "Dice above the mean of precision and recall",
    "dice_over_2_minus_dice_above_iou": "Dice/(2 − Dice) above IoU",
}
Row = dict[str, Any]


def page(
    results: Results,
    paper: Paper,
    template: Path,
    packed: str,
    command: str,
    level: float,
    said: Sequence[Claim] = (),
) -> str:
    """Render the report.

    Args:
        results: The finished experiment.
        paper: Whose table it is about.
        template: The folder with report.html.j2, report.css and report.js.
        packed: The trail, as from `trail.pack`.
        command: What makes a file of this experiment again, to be followed by the file.
        level: Coverage of the intervals.
        said: The paper's claims; without them the cells of Table 1 have no verdicts.
    """
    manifest, plan = results.manifest(), results.plan()
    config = manifest["config"]
    margin, experiment = plan.margins.get("dice") if plan else None, results.experiment()
    sets = (config["datasets"], config["train_on"], experiment.pooled, experiment.films)
    look = Look.of(paper, config["variants"], *sets)
    content = {
        "style": (template / "report.css").read_text(encoding="utf-8"),
        "script": (template / "report.js").read_text(encoding="utf-8"),
        "packed": packed,
        "command": command,
        "folder": experiment.folder("results"),
        "level": level,
        "manifest": manifest,
        "finished": datetime.fromisoformat(manifest["finished"]),
        "config": config,
        "config_text": yaml.safe_dump(without_places(config), sort_keys=False, allow_unicode=True),
        "training": common(experiment.training),
        "training_sets": trained_on(experiment, look),
        "otherwise": otherwise(experiment, look.name),
        "shown": config["table1"],
        "margin": margin,
        "verdicts": VERDICTS,
        "when_fixed": when_fixed(manifest),
        "before_training": before_training(manifest),
        "band": [*band(manifest, paper), *lost_runs(results.diverged())],
        "plots": {name: _figure(results, name, says) for name, says in PLOTS.items()},
        "look": look,
        "pooled": list(experiment.pooled),
        "paper": paper,
        "own_table": own_table(manifest),
    }
    tables = _tables(results, paper, look, said)
    return environment(template, paper, look).get_template("report.html.j2").render(content | tables)


def environment(template: Path, paper: Paper, look: Look) -> jinja2.Environment:
    """What the template may use."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(template), autoescape=True, trim_blocks=True, lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )  # fmt: skip
    made.filters |= {"name": look.name, "colour": look.colour, "title": lambda metric: TITLES.get(metric, metric)}
    made.filters |= {"trained_on": look.trained_on, "tested_on": look.tested_on}
    made.filters["beside"] = lambda reference: beside(reference, paper)
    made.filters["relation"] = lambda key: RELATION_TITLES[key]
    made.filters |= {"sections": sections, "strong": strong, "noted": noted, "small": small}
    made.filters["day"] = lambda time: f"{time.day} {time:%B %Y}"
    return made


def strong(markdown: str) -> Markup:
    """Text with its `**strong**` parts as elements."""
    return Markup(re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", str(escape(markdown))))  # noqa: S704 - escaped here


def sections(html: str) -> list[tuple[str, str]]:
    """Address and heading of every section, for the menu."""
    return re.findall(r'<section id="([^"]+)">\s*<h2>([^<]+)</h2>', html)


def own_table(manifest: Row) -> str:
    """The name under which audited_tables.csv holds the paper's own table."""
    return f"{Path(manifest['config'].get('paper', 'mishra')).name}.csv"


def _tables(results: Results, paper: Paper, look: Look, said: Sequence[Claim]) -> Row:
    """What the page says in words and tables."""
    config, plan = results.manifest()["config"], results.plan()
    train_on, test_on = config["table1"]["train_on"], config["table1"]["test_on"]
    estimates, claims, audited = (results.table(name) for name in ("estimates", "claims", "audited_tables"))
    comparisons, cells = results.table("comparisons"), results.table("table1")
    means = seed_means(results.table("scores"), train_on, test_on)
    own = audited[audited["table"] == own_table(results.manifest())]
    foreseen = results.table("elsewhere").query("train_on == @train_on and test_on == @test_on")
    margin = plan.margins.get("dice") if plan else None
    claims = with_columns(claims, "points")
    in_cells = claims["decides"] == "cell"
    curves = curves_of(results)
    experiment, compared = results.experiment(), results.dice("comparisons")
    tuned = rates(experiment, results.dice("estimates"), compared)
    universe = results.table("multiverse") if results.has("multiverse") else pd.DataFrame({"declared": []})
    return {
        "sentences": sentences(cells, comparisons, own, foreseen, paper, experiment, plan, results.diverged()),
        "tally": tally(claims),
        "table1": networks(cells, paper, means, of_cells(claims, said)),
        "legend": failures(estimates, train_on, test_on),
        "cut": bool((results.table("crossing")["high"] >= 1).any() or (cells["high"] >= 1).any()),
        "over": over(int(estimates.query("train_on == @train_on and test_on == @test_on")["seeds"].max())),
        "seeds_said": seeds_in_words(compared, len(config["seeds"])),
        "claims": records(claims),
        "cells_tally": tally(claims[in_cells]) if in_cells.any() else "",
        "takes": claims["takes"].value_counts().to_dict(),
        "audited": [
            {"table": key, "rows": records(with_columns(rows, "verdict", "explanation"))}
            for key, rows in audited.groupby("table", sort=False)
        ],
        "pairs": pairs(compared, paper, look, margin, means["dice"]),
        "parts": (taken := [row | {"worth": worth(row)} for row in parts(results, plan, look.name)]),
        "parts_said": in_words(taken, experiment, margin) if taken else "",
        "rates": shown(tuned),
        "rates_said": at_best_rates(tuned, compared, paper, look.name, experiment.training.length),
        "costs": cost_rows(results, train_on, test_on),
        "crossing": crossing(results.table("crossing")),
        "curves": curve_rows(curves),
        "curve_networks": curves.variants,
        "curve_length": length_in_words(experiment, curves.variants),
        "references": records(results.table("references").query("metric == 'dice'")),
        "subgroups": groups(results, train_on, test_on),
        "study": study_in_words(results, test_on),
        "calibration": calibration_in_words(results, look, train_on, test_on),
        "stability": records(results.dice("stability")),
        "universe": multiverse.rows(universe),
        "universe_said": multiverse.in_words(universe),
        "reach": reach(results.dice("power"), results.dice("sample_sizes"), paper),
        "relations": records(results.table("relations")),
        "data": [card(results, dataset) for dataset in config["datasets"]],
        "leakage": records(with_columns(results.table("leakage"), "patient", "status")),
    }


def _allows(cell: Row, text: str | None, foreseen: pd.DataFrame) -> bool | None:
    """Whether a printed value, with its rounding, lies in the prediction interval for other films; None without one."""
    row = find(foreseen, variant=cell["variant"], metric=cell["metric"])
    if row is None or pd.isna(row["their_low"]) or pd.isna(row["their_high"]):
        return None
    published = cell["published"]
    off = rounding(f"{published}" if text is None or float(text) != published else text)
    return bool(row["their_low"] - off <= published <= row["their_high"] + off)


def _figure(results: Results, name: str, says: str) -> str | None:
    """A figure as an element of the page; None where results of older code have none of that name.

    Raises:
        InputError: The file is damaged, or holds what could run in the page.
    """
    file = results.folder / f"figures/{name}.svg"
    if not file.is_file():
        return None
    try:
        return inline(file.read_text(encoding="utf-8"), name, says)
    except ValueError as error:
        found = "bytes that are no text" if isinstance(error, UnicodeDecodeError) else str(error)
        remedy = "Delete it and give the command again: it is drawn anew."
        raise InputError(file, found, "a figure as matplotlib wrote it", remedy) from error


def band(manifest: Row, paper: Paper) -> list[str]:
    """What is reduced, random or missing: the experiment's note, and what its files say by themselves."""
    config, archives = manifest["config"], manifest["archives"]
    lines = [line for line in (config["note"], left_out(config.get("exclude", {}))) if line]
    foreign = sum(entry["official"] is False for entries in archives.values() for entry in entries)
    unknown = sum(entry["official"] is None for entries in archives.values() for entry in entries)
    if foreign:
        lines.append(f"{foreign} of the archives {'is' if foreign == 1 else 'are'} not the official bytes.")
    if unknown:
        lines.append(f"Of {unknown} archives no official hash is known to compare with.")
    if "phantom" in config["datasets"]:
        lines.append("The films are drawn by a program: this says that every step works, and nothing about lungs.")
    networks = {variant: Variant(**choices) for variant, choices in config["variants"].items()}
    if random := [key for key, one in networks.items() if "random" in map(one.start, one.encoders)]:
        lines.append(f"Encoders with random weights: {', '.join(map(paper.name, random))}.")
    lines += [remade(manifest)] if "remade" in manifest else []
    kinds = manifest.get("trained")  # where the runs were trained; results of older code know this machine alone
    if not (manifest["hardware"]["gpus"] if kinds is None else any(kind["gpu"] for kind in kinds)):
        lines.append("Trained without a GPU.")
    return lines


def sentences(
    cells: pd.DataFrame,
    comparisons: pd.DataFrame,
    audited: pd.DataFrame,
    elsewhere: pd.DataFrame,
    paper: Paper,
    experiment: Experiment,
    plan: Plan | None,
    diverged: pd.DataFrame | None = None,
) -> list[str]:
    """The answer, each sentence by a rule: the gain, the paper's conditions, its values on other films, its table.

    Args:
        cells: The table table1.csv.
        comparisons: The table comparisons.csv.
        audited: The rows of audited_tables.csv of the paper's own table.
        elsewhere: The rows of elsewhere.csv of the sets shown.
        paper: Whose table.
        experiment: What was run.
        plan: What was decided before.
        diverged: The table diverged.csv.
    """
    gain, strong, apart = answer(comparisons, paper, experiment, plan, str, diverged).strip().partition("** ")
    kinds = ", ".join(f"{rule} ({len(rows)})".replace("<=", "≤") for rule, rows in audited.groupby("rule", sort=False))
    # Tables of older code have no such column.
    sure = int((audited["verdict"] == "impossible").sum()) if "verdict" in audited else 0
    number = f"{len(audited)} contradiction{'' if len(audited) == 1 else 's'}"
    own = (
        "If all its columns are about the lung and averaged alike, no masks can give the printed table: "
        f"{number} in {audited['row'].nunique()} of its {len(paper.networks)} rows: {kinds}. "
        f"{sure} of them also for averages over lung and background."
    )
    return [
        gain + strong.strip(),
        *filter(None, [apart]),
        "Its films are drawn, and say nothing about the printed values."
        if "phantom" in experiment.datasets
        else _foreseen(cells[cells["inside"].notna()], elsewhere, paper, experiment.statistics.level),
        own if len(audited) else "Arithmetic finds no contradiction in the printed table, which may be wrong even so.",
    ]


def _foreseen(printed: pd.DataFrame, elsewhere: pd.DataFrame, paper: Paper, level: float) -> str:
    """How many printed values other films of this kind would allow."""
    if printed.empty:
        return "No printed value can be compared with an interval of this run."
    fewest = elsewhere[elsewhere["their_films"] == elsewhere["their_films"].min()]
    told = [_allows(row, paper.text(row["variant"], row["metric"]), fewest) for row in records(printed)]
    known = [one for one in told if one is not None]
    if not known:
        return "No printed value is compared with what other films would give: this run does not tell it."
    return (
        f"{sum(known)} of the {len(known)} printed values that this run can compare lie where such networks, trained "
        f"once, are expected to score on {fewest['their_films'].iloc[0]:.0f} other films of this kind "
        f"({100 * level:g}% prediction intervals, each by itself)."
    )
