"""Tables as the page shows them: results in, rows for its template out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from lungseg.claims.evidence import find_pair, side
from lungseg.claims.verdicts import Cell, Claim
from lungseg.data.datasets import DATASETS
from lungseg.paper import Paper
from lungseg.report.axis import Axis
from lungseg.report.differences import of_seeds
from lungseg.report.look import Look
from lungseg.report.results import Results
from lungseg.statistics.simulated import ONE_RUN, by_common_variance, of_such

PARTS = ["train", "validation", "test"]
Row = dict[str, Any]


def records(table: pd.DataFrame) -> list[Row]:
    """Rows for a template; what is no number is None."""
    return [
        {str(key): None if pd.isna(cell) else cell for key, cell in row.items()} for row in table.to_dict("records")
    ]


def with_columns(table: pd.DataFrame, *names: str) -> pd.DataFrame:
    """The table with these columns, empty where results of older code have none of that name."""
    return table.assign(**{name: None for name in names if name not in table})


def of_cells(claims: pd.DataFrame, said: Sequence[Claim]) -> dict[tuple[str, str], Row]:
    """Variant and metric to the verdict on that cell of the paper's table.

    Args:
        claims: The table claims.csv.
        said: What the paper says, as read from its claims.yaml.
    """
    judged = {row["claim"]: row for row in records(claims)}
    cells = [one for one in said if isinstance(one, Cell) and one.claim in judged]
    return {(one.variant, one.metric): judged[one.claim] for one in cells}


def networks(
    cells: pd.DataFrame, paper: Paper, means: pd.DataFrame, judged: Mapping[tuple[str, str], Row]
) -> list[Row]:
    """Table 1 for the page: a row per network with a cell per metric, each with its seeds and its verdict.

    Args:
        cells: The table table1.csv.
        paper: Whose metrics.
        means: Of each seed, as from `seed_means`.
        judged: As from `of_cells`; a cell that is not in it has no verdict.
    """
    known = set(means.index.get_level_values("variant"))
    seeds = {
        (variant, metric): list(means.loc[variant, metric])
        for variant, metric in zip(cells["variant"], cells["metric"], strict=True)
        if variant in known and metric in means
    }
    axes = {}
    for metric, rows in cells.groupby("metric"):
        drawn = [value for (_, of), values in seeds.items() if of == metric for value in values]
        axes[metric] = Axis.over([*rows[["published", "low", "high", "mean"]].to_numpy().ravel().tolist(), *drawn])
    table = []
    for variant, rows in cells.groupby("variant", sort=False):
        by_metric = {row["metric"]: row for row in records(rows)}
        shown = [
            by_metric[metric]
            | {
                "axis": axes[metric],
                "seeds": seeds.get((str(variant), metric), []),
                "claim": judged.get((str(variant), metric)),
            }
            for metric in paper.metrics
        ]
        table.append({"variant": variant, "cells": shown})
    return table


def pairs(comparisons: pd.DataFrame, paper: Paper, look: Look, margin: float | None, means: pd.Series) -> list[Row]:
    """Differences in Dice for the forest plot, the later network less the earlier one.

    First the gains that the paper's headline is about, then the others that it prints, then the rest.

    Args:
        comparisons: Rows of comparisons.csv of one training set, test set and metric.
        paper: That prints some of the differences.
        look: Names.
        margin: What does not count; None where none is declared.
        means: Dice of each seed, as from `seed_means`.
    """
    rows = []
    for a, b in zip(comparisons["variant_a"], comparisons["variant_b"], strict=True):
        pair = find_pair(comparisons, b, a, "dice")
        if pair is None:
            continue
        (row,) = records(pd.DataFrame([pair]))
        rows.append(
            row
            | {"a": a, "b": b, "published": paper.gain(b, a, "dice"), "seeds": of_seeds(means, b, a)}
            | {"sign": _sign(row, look.name(a), look.name(b)), "size": _size(row, margin)}
            | {"note": row.get("note"), "film": row.get("influential_film"), "without": row.get("difference_without")}
        )
    own = paper.headline.variant if paper.headline else None
    rows.sort(key=lambda row: (row["published"] is None, own not in (row["a"], row["b"])))
    values = [row[key] for row in rows for key in ("low", "high", "published") if row[key] is not None]
    values += [value for row in rows for value in row["seeds"]]
    axis = Axis.over([*values, -(margin or 0), margin or 0])
    return [row | {"axis": axis} for row in rows]


def noted(note: str | None) -> str:
    """The note of a row of comparisons.csv in sentences; empty where there is none."""
    if note == ONE_RUN:
        return "One training alone: the interval is over films, and decides nothing."
    said, common = of_such(note), by_common_variance(note)
    told = [f"{said[0].upper()}{said[1:]}."] if said else []
    return " ".join(told + [f"By a seed variance common to the networks: {common}."] * bool(common))


def seeds_in_words(compared: pd.DataFrame, seeds: int) -> str:
    """Where the intervals of differences have the seeds' variance from, as a sentence.

    Args:
        compared: The rows of comparisons.csv that are shown.
        seeds: Of the experiment.
    """
    table = with_columns(compared, "seed_variance")
    sources = {one for told in table["seed_variance"].fillna("own") for one in str(told).split(", ")}
    if sources == {"none"}:
        return "One training of each network says nothing about how much trainings differ."
    known = {
        frozenset({"pool"}): "that is estimated from all networks of the pool together",
        frozenset({"own"}): "each network has its own estimate of it, so the widths of neighbours can differ by luck",
    }
    mixed = "some networks have their own estimate of it, so the widths of neighbours can differ by luck"
    return f"{seeds} seeds say little about how much trainings differ: {known.get(frozenset(sources), mixed)}."


def _sign(row: Row, a: str, b: str) -> str:
    return {"better": f"{b} better", "worse": f"{a} better", "undecided": "sign undecided"}[side(row)]


def _size(row: Row, margin: float | None) -> str:
    """How much it is; tables of older code have a verdict where there is now a column of its own."""
    if not margin and "relevance" in row:
        return ""
    counts = row.get("relevance", "within" if row["verdict"] == "equivalent" else "")
    told = f"{margin:g}" if margin else "the margin"
    return {"within": f"by less than {told}", "beyond": f"by more than {told}", "undecided": "size undecided"}.get(
        str(counts), ""
    )


def crossing(table: pd.DataFrame) -> list[Row]:
    """Mean Dice for every training set and test set, a matrix per network that has more than one training set.

    Args:
        table: The table crossing.csv.
    """
    cells = table[table["metric"] == "dice"]
    sets = list(cells["test_on"].unique())
    matrices = []
    for variant, own in cells.groupby("variant", sort=False):
        by_place = {(row["train_on"], row["test_on"]): row for row in records(own)}
        rows = [
            {"train_on": train_on, "cells": [by_place.get((train_on, test_on)) for test_on in sets]}
            for train_on in own["train_on"].unique()
        ]
        if len(rows) > 1:
            matrices.append({"variant": variant, "test_on": sets, "rows": rows})
    return matrices


@dataclass(frozen=True)
class OneOwn:
    """What is known of a data set that a configuration defines, by the names of `Dataset`."""

    name: str
    licence = citation = ""
    pages = ()

    @property
    def title(self) -> str:
        """What it is, for people."""
        return f"{self.name}: a data set of one's own"


def card(results: Results, dataset: str) -> Row:
    """What the page says of a data set: source, licence, sizes, subgroups, parts, and what is left out and why."""
    images, unused = results.table(f"images/{dataset}"), results.table(f"images/{dataset}.unused")
    parts = images.merge(results.table(f"splits/{dataset}"), on="image_id")
    counts = parts.groupby("part")["abnormal"].agg(["size", "sum"]).reindex(PARTS).fillna(0).astype(int)
    spacing = images["spacing_mm"].dropna()
    return {
        "about": DATASETS.get(dataset) or OneOwn(dataset),
        "films": len(images),
        "parts": [{"part": part, "films": row["size"], "abnormal": row["sum"]} for part, row in counts.iterrows()],
        "sizes": _range(images["width"]) + " × " + _range(images["height"]) + " px",
        "spacing": f"{_range(spacing)} mm" if len(spacing) else "not published",
        "unused": records(unused),
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
