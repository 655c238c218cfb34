"""The page that answers "does Table 1 hold?": results in, one HTML file out, each number with its way back."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
import yaml

from lungseg.config import Experiment, left_out, read_experiment
from lungseg.data.datasets import DATASETS
from lungseg.paper import Paper
from lungseg.plan import Plan
from lungseg.recipe import Variant
from lungseg.report.results import Results
from lungseg.report.tables import TITLES, VERDICTS, answer, failures, legend, tally, when_fixed

MIME = {".svg": "image/svg+xml", ".png": "image/png"}
PLOTS = ["training_curves", "definitions", "ranks"]
RELATION_TITLES = {
    "iou_above_recall": "IoU above recall",
    "dice_above_mean_of_precision_and_recall": "Dice above the mean of precision and recall",
    "dice_over_2_minus_dice_above_iou": "Dice/(2 − Dice) above IoU",
}
PARTS = ["train", "validation", "test"]
Row = dict[str, Any]


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


def page(results: Results, paper: Paper, template: Path, packed: str, command: str, level: float) -> str:
    """Render the report.

    Args:
        results: The finished experiment.
        paper: Whose table it is about.
        template: The folder with report.html.j2, report.css and report.js.
        packed: The trail, as from `trail.pack`.
        command: What makes a file of this experiment again, to be followed by the file.
        level: Coverage of the intervals.
    """
    loader = jinja2.Environment(
        loader=jinja2.FileSystemLoader(template), autoescape=True, trim_blocks=True, lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )  # fmt: skip
    loader.filters |= {"name": paper.name, "title": lambda metric: TITLES.get(metric, metric)}
    loader.filters["beside"] = lambda reference: beside(reference, paper)
    loader.filters["relation"] = lambda key: RELATION_TITLES[key]
    manifest, plan = results.manifest(), results.plan()
    shown = manifest["config"]["table1"]
    content = {
        "style": (template / "report.css").read_text(encoding="utf-8"),
        "script": (template / "report.js").read_text(encoding="utf-8"),
        "packed": packed,
        "command": command,
        "folder": read_experiment(manifest["config"]).folder("results"),
        "level": level,
        "manifest": manifest,
        "config": manifest["config"],
        "config_text": yaml.safe_dump(manifest["config"], sort_keys=False, allow_unicode=True),
        "shown": shown,
        "margin": plan.margins.get("dice") if plan else None,
        "verdicts": VERDICTS,
        "when_fixed": when_fixed(manifest),
        "band": band(manifest, paper),
        "plots": {name: _picture(results.folder / f"figures/{name}") for name in PLOTS},
        "names": {variant: paper.name(variant) for variant in manifest["config"]["variants"]},
        "paper": paper,
        "own_table": own_table(manifest),
    }
    return loader.get_template("report.html.j2").render(content | _tables(results, paper, **shown, level=level))


def own_table(manifest: Row) -> str:
    """The name under which audited_tables.csv holds the paper's own table."""
    return f"{Path(manifest['config'].get('paper', 'mishra')).name}.csv"


def _tables(results: Results, paper: Paper, train_on: str, test_on: str, level: float) -> Row:
    """What the page says in words and tables."""
    estimates, claims, audited = (results.table(name) for name in ("estimates", "claims", "audited_tables"))
    comparisons, cells = results.table("comparisons"), results.table("table1")
    here = "train_on == @train_on and test_on == @test_on and metric == 'dice'"
    own, plan = audited[audited["table"] == own_table(results.manifest())], results.plan()
    return {
        "sentences": sentences(cells, comparisons, own, paper, read_experiment(results.manifest()["config"]), plan),
        "tally": tally(claims),
        "table1": networks(cells, paper),
        "legend": f"{legend(level)} {failures(estimates, train_on, test_on)}",
        "claims": _records(claims),
        "audited": [{"table": key, "rows": _records(rows)} for key, rows in audited.groupby("table", sort=False)],
        "pairs": pairs(comparisons.query(here), paper, plan.margins.get("dice") if plan else None),
        "crossing": crossing(results.table("crossing")),
        "references": _records(results.table("references").query("metric == 'dice'")),
        "subgroups": _records(results.table("subgroups").query(here)),
        "relations": _records(results.table("relations")),
        "data": [card(results, dataset) for dataset in results.manifest()["config"]["datasets"]],
        "leakage": _records(results.table("leakage")),
    }


def _records(table: pd.DataFrame) -> list[Row]:
    """Rows for a template; what is no number is None."""
    return [
        {str(key): None if pd.isna(cell) else cell for key, cell in row.items()} for row in table.to_dict("records")
    ]


def _picture(stem: Path) -> str | None:
    """A figure as a data address, the smaller of its svg and its png, or None where there is none."""
    files = [stem.with_suffix(kind) for kind in MIME if stem.with_suffix(kind).is_file()]
    if not files:
        return None
    smaller = min(files, key=lambda file: file.stat().st_size)
    return f"data:{MIME[smaller.suffix]};base64,{base64.b64encode(smaller.read_bytes()).decode()}"


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
    kinds = manifest.get("trained")  # where the runs were trained; results of older code know this machine alone
    if not (manifest["hardware"]["gpus"] if kinds is None else any(kind["gpu"] for kind in kinds)):
        lines.append("Trained without a GPU.")
    return lines


def sentences(
    cells: pd.DataFrame,
    comparisons: pd.DataFrame,
    audited: pd.DataFrame,
    paper: Paper,
    experiment: Experiment,
    plan: Plan | None,
) -> list[str]:
    """The answer, each sentence by a rule: the gain, the printed values within our intervals, the printed table itself.

    Args:
        cells: The table table1.csv.
        comparisons: The table comparisons.csv.
        audited: The rows of audited_tables.csv of the paper's own table.
        paper: Whose table.
        experiment: What was run.
        plan: What was decided before.
    """
    printed = cells[cells["inside"].notna()]
    inside = int((printed["inside"].astype(str) == "True").sum())
    gain = answer(comparisons, paper, experiment, plan, str).strip().replace("**", "")
    kinds = ", ".join(f"{rule} ({len(rows)})".replace("<=", "≤") for rule, rows in audited.groupby("rule", sort=False))
    # Tables of older code have no such column.
    sure = int((audited["verdict"] == "impossible").sum()) if "verdict" in audited else 0
    own = (
        "If all its columns are about the lung and averaged alike, no masks can give the printed table: "
        f"{len(audited)} contradictions in {audited['row'].nunique()} of its {len(paper.networks)} rows: {kinds}. "
        f"{sure} of them also for averages over lung and background."
    )
    return [
        gain,
        f"{inside} of the {len(printed)} printed values that this run can compare lie inside its intervals.",
        own if len(audited) else "The printed table holds no contradiction.",
    ]


def networks(cells: pd.DataFrame, paper: Paper) -> list[Row]:
    """Table 1 for the page: a row per network with a cell per metric, each with its small interval plot.

    Args:
        cells: The table table1.csv.
        paper: Whose metrics.
    """
    axes = {
        metric: Axis.over(rows[["published", "low", "high", "mean"]].to_numpy().ravel().tolist())
        for metric, rows in cells.groupby("metric")
    }
    table = []
    for variant, rows in cells.groupby("variant", sort=False):
        by_metric = {row["metric"]: row for row in _records(rows)}
        shown = [by_metric[metric] | {"axis": axes[metric]} for metric in paper.metrics]
        table.append({"variant": variant, "cells": shown})
    return table


def pairs(comparisons: pd.DataFrame, paper: Paper, margin: float | None) -> list[Row]:
    """Differences in Dice for the forest plot, b less a, with the published difference where the paper prints both.

    Args:
        comparisons: Rows of comparisons.csv of one training set, test set and metric.
        paper: That prints some of the differences.
        margin: What does not count; None where none is declared.
    """
    rows = []
    for row in _records(comparisons):
        a, b = str(row["variant_a"]), str(row["variant_b"])
        published = paper.gain(b, a, "dice")
        turned = {"difference": -row["difference"], "low": -row["high"], "high": -row["low"]}
        better = {"a better": f"{paper.name(a)} better", "b better": f"{paper.name(b)} better"}
        verdict = better.get(row["verdict"], row["verdict"])
        rows.append(row | turned | {"a": a, "b": b, "published": published, "says": verdict})
    values = [row[key] for row in rows for key in ("low", "high", "published") if row[key] is not None]
    axis = Axis.over([*values, -(margin or 0), margin or 0])
    return [row | {"axis": axis} for row in rows]


def crossing(table: pd.DataFrame) -> list[Row]:
    """Mean Dice for every training set and test set, a matrix per network that has more than one training set.

    Args:
        table: The table crossing.csv.
    """
    cells = table[table["metric"] == "dice"]
    sets = list(cells["test_on"].unique())
    matrices = []
    for variant, own in cells.groupby("variant", sort=False):
        by_place = {(row["train_on"], row["test_on"]): row for row in _records(own)}
        rows = [
            {"train_on": train_on, "cells": [by_place.get((train_on, test_on)) for test_on in sets]}
            for train_on in own["train_on"].unique()
        ]
        if len(rows) > 1:
            matrices.append({"variant": variant, "test_on": sets, "rows": rows})
    return matrices


def card(results: Results, dataset: str) -> Row:
    """What the page says of a data set: source, licence, sizes, subgroups, parts, and what is left out and why."""
    images, unused = results.table(f"images/{dataset}"), results.table(f"images/{dataset}.unused")
    parts = images.merge(results.table(f"splits/{dataset}"), on="image_id")
    counts = parts.groupby("part")["abnormal"].agg(["size", "sum"]).reindex(PARTS).fillna(0).astype(int)
    spacing = images["spacing_mm"].dropna()
    return {
        "about": DATASETS[dataset],
        "films": len(images),
        "parts": [{"part": part, "films": row["size"], "abnormal": row["sum"]} for part, row in counts.iterrows()],
        "sizes": _range(images["width"]) + " × " + _range(images["height"]) + " px",
        "spacing": f"{_range(spacing)} mm" if len(spacing) else "unknown",
        "unused": _records(unused),
    }


def _range(values: pd.Series) -> str:
    low, high = values.to_numpy().min(), values.to_numpy().max()
    return f"{low:g}" if low == high else f"{low:g}–{high:g}"


def beside(reference: str, paper: Paper) -> str:
    """The name for people of what stands beside the networks: `seeds2_unet` is `2 seeds of U-Net`."""
    if reference.startswith("seeds"):
        number, _, variant = reference.removeprefix("seeds").partition("_")
        return f"{number} seeds of {paper.name(variant)}, joined"
    return reference.replace("_", " ")
