"""What the study of definitions, the sweep of cuts and the calibration say, in sentences."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from lungseg.claims.definitions import COMPARED, Definition
from lungseg.claims.evidence import between
from lungseg.claims.mixtures import in_words
from lungseg.report.look import Look
from lungseg.report.page_tables import records
from lungseg.report.results import Results

TITLES = {"dice": "Dice", "iou": "IoU", "recall": "recall", "precision": "precision", "loss": "loss"}
LOSSES = {
    "loss": "1 − Dice",
    "loss_iou": "1 − IoU",
    "loss_bce": "cross-entropy",
    "loss_bce_dice": "cross-entropy + 1 − Dice",
}
OF = {
    "lung": "of the lung",
    "lung; Dice and IoU of both": "of lung and background",
    "lung; Dice and IoU weighted": "of both, weighted by pixels",
}
COLUMNS = {"validation_dice": "validation Dice", "validation_accuracy": "validation accuracy, as Dice",
           "validation_loss": "validation loss", "train_loss": "training loss"}  # fmt: skip
REACHED = 0.005  # as far as recall or precision may be from the printed one at the nearest cut


def study_in_words(results: Results, test_on: str) -> list[str]:
    """Sentences about the ways of counting; none where the tables behind them are missing or empty.

    Args:
        results: The finished experiment.
        test_on: The test set to show.
    """
    tables = {name: results.table(name) for name in ("definitions", "yardstick", "operating_points", "best_epochs")
              if results.has(name)}  # fmt: skip
    told = {"definitions": closest, "yardstick": yardstick, "operating_points": lambda table: points(table, test_on),
            "best_epochs": epochs}  # fmt: skip
    return [line for name, table in tables.items() if len(table) for line in told[name](table)]


def closest(definitions: pd.DataFrame) -> Iterator[str]:
    """The definition that is closest to the printed table, and how close each kind of loss comes."""
    best = definitions.iloc[0]
    own = Definition(**{name: best[name] for name in Definition.__dataclass_fields__})
    apart = ", ".join(f"{TITLES[name]} {best[f'distance_{name}']:.3f}" for name in COMPARED
                      if not pd.isna(best[f"distance_{name}"]))  # fmt: skip
    yield (
        f"The closest of {len(definitions):,} definitions counts {own.films} films of the {own.part} part "
        f"({in_words(own)}); its values lie {best['distance']:.4f} from the printed ones on average ({apart})."
    )
    found = {
        words: definitions[f"distance_{name}"].min()
        for name, words in LOSSES.items()
        if f"distance_{name}" in definitions
    }
    found = {words: least for words, least in found.items() if not pd.isna(least)}
    if found:
        least = ", ".join(f"{words} {value:.3f}" for words, value in found.items())
        yield f"The printed loss, at the definition that is closest in this column alone, is off by: {least}."


def yardstick(table: pd.DataFrame) -> Iterator[str]:
    """Whether that is close, by tables with permuted cells."""
    tables = int(table["tables"].iloc[0])
    parts = [
        f"{round(row['p'] * (tables + 1)) - 1} of {tables} ({row['permuted']} permuted)"
        for row in table.to_dict("records")
    ]
    yield f"Is that close? Of permuted tables the same definitions come as close to {', '.join(parts)}."
    order = table[table["permuted"] == "networks of each column"]
    if len(order) and float(order["p"].iloc[0]) >= 0.05:
        yield "So the closest definition says nothing about which network is which row."


def points(table: pd.DataFrame, test_on: str) -> Iterator[str]:
    """What Dice and IoU are where recall, and where precision, is the printed one."""
    here = table[table["films"] == test_on]
    for aim in ("recall", "precision"):
        rows = here[here["aim"] == aim]
        near = rows[(rows[aim] - rows[f"published_{aim}"]).abs() <= REACHED]
        if rows.empty:
            continue
        number, all_of_them = near["variant"].nunique(), rows["variant"].nunique()
        if near.empty:
            yield f"No cut brings {aim} within {REACHED} of the printed one, in any of {all_of_them} networks."
            continue
        parts = [
            f"{_range(own, 'dice')} and {_range(own, 'iou')} {OF[str(classes)]}"
            for classes, own in near.groupby("classes", sort=False)
        ]
        other = "precision" if aim == "recall" else "recall"
        yield (
            f"With the cut at which {aim} is the printed one ({number} of {all_of_them} networks have such a cut, at "
            f"probabilities of {near['cut'].min():.2f} to {near['cut'].max():.2f}), the differences from the printed "
            f"values are {'; '.join(parts)}; {_range(near, other)}."
        )


def _range(rows: pd.DataFrame, metric: str) -> str:
    gaps = (rows[metric] - rows[f"published_{metric}"]).to_numpy()
    low, high = f"{gaps.min():+.3f}", f"{gaps.max():+.3f}"
    return f"{TITLES[metric]} {low}" + (f" to {high}" if low != high else "")


def epochs(table: pd.DataFrame) -> Iterator[str]:
    """The best epoch of each column."""
    known, absent = table[table["note"].isna() | (table["note"] == "")], table[table["note"].fillna("") != ""]
    parts = []
    for column, rows in known.groupby("column", sort=False):
        low, high = rows["gap"].min(), rows["gap"].max()
        parts.append(f"{COLUMNS[str(column)]} {low:+.3f} to {high:+.3f}")
    missing = ", ".join(TITLES.get(str(name), str(name)) for name in dict.fromkeys(absent["metric"]))
    if parts:
        yield (
            f"The best epoch of each column by itself, less the printed value: {'; '.join(parts)}."
            + (f" No value per epoch is kept of {missing}." if missing else "")
        )


def calibration_in_words(results: Results, look: Look, train_on: str, test_on: str) -> str:
    """The calibration error of every network, of all pixels of the test set; empty where it was not computed.

    Args:
        results: The finished experiment.
        look: Names of networks and test sets.
        train_on: The training set to show.
        test_on: The test set to show.
    """
    if not results.has("calibration"):
        return ""
    here = "train_on == @train_on and test_on == @test_on and metric == 'ece_pooled'"
    rows = results.table("calibration").query(here).to_dict("records")
    parts = [f"{look.name(row['variant'])} {row['mean']:.3f} {between(row['low'], row['high'], '.3f')}" for row in rows]
    return f"Expected calibration error on {look.tested_on(test_on)}: {'; '.join(parts)}." if parts else ""


def groups(results: Results, train_on: str, test_on: str) -> list[dict[str, Any]]:
    """Dice of normal and of abnormal films, a row per network: variant, both means, and their difference.

    Args:
        results: The finished experiment; without subgroup_differences.csv there is no difference.
        train_on: The training set to show.
        test_on: The test set to show.
    """
    here = "train_on == @train_on and test_on == @test_on and metric == 'dice'"
    means = records(results.table("subgroups").query(here))
    told = results.has("subgroup_differences")
    rows = records(results.table("subgroup_differences").query(here)) if told else []
    differences = {row["variant"]: row for row in rows}
    found: dict[str, dict[str, Any]] = {}
    for row in means:
        own = found.setdefault(row["variant"], {"variant": row["variant"], "normal": None, "abnormal": None})
        own["abnormal" if row["abnormal"] else "normal"] = row
        own["difference"] = differences.get(row["variant"])
    return list(found.values())
