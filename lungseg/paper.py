"""What a paper prints: a folder of workflow/papers that a configuration names.

`paper.yaml` says what the paper is, `table1.csv` holds its table as printed, `claims.yaml` its sentences (see
`lungseg.claims.verdicts`), `references.csv` values of others to stand beside it. The last two may be missing.
"""

import re
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self, get_args

from pydantic import Field, ValidationError, model_validator

from lungseg.errors import InputError
from lungseg.files import Cells, read_cells
from lungseg.outside import TEXT, bounded, missing, read_yaml, refuse_truths, refused
from lungseg.recipe import Choice
from lungseg.tables import read_csv

if TYPE_CHECKING:
    import pandas as pd

Metric = Literal["dice", "loss", "iou", "recall", "precision", "accuracy"]
DISTANCES = ("hd95_px", "assd_px", "nsd", "hd95_mm", "assd_mm")  # of outlines, which references hold too
Key = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]
PRINTED = re.compile(r"[0-9]{0,12}\.?[0-9]{1,18}")  # nobody prints a longer one
REMEDY = "Correct the file; config/README.md says how a paper is written."


Text = Annotated[str, Field(min_length=1)]


class Headline(Choice):
    """The difference that the first sentence of the report is about."""

    variant: Key
    against: Key
    metric: Metric = "dice"
    variant_in_words: Text = Field(description="As the sentence calls it, such as `the network with both encoders`.")
    against_in_words: Text


class Conditions(Choice):
    """What the paper says of how it trained; None where it says nothing."""

    pretrained: bool | None = None
    epochs: int | None = Field(None, gt=0)
    learning_rate: float | None = Field(None, gt=0)
    batch_size: int | None = Field(None, gt=0)
    width: int | None = Field(None, gt=0, description="Of the plain U-Net it compares with.")


class Paper(Choice):
    """A paper and its table."""

    title: Text
    authors: Text
    year: int | None = Field(None, gt=0)
    venue: Text | None = None
    question: Text = Field(description="What it claims, for the head of the report.")
    metrics: tuple[Metric, ...] = Field(min_length=1, description="Columns of its table, in the order of print.")
    networks: dict[Key, Text] = Field(min_length=1, description="Rows of its table: variant to printed name.")
    beside: dict[Key, Text] = Field({}, description="Names of variants without a row.")
    headline: Headline | None = None
    single: tuple[Key, ...] = Field((), description="Networks whose joined outputs stand beside the others.")
    encoders: tuple[Key, ...] = Field((), description="Those of them whose encoders the paper's own network joins.")
    conditions: Conditions = Conditions()
    open: tuple[Text, ...] = Field((), description="What it leaves open.")
    cells: dict[Key, dict[Metric, str]] = Field({}, description="Its table, read from table1.csv: decimals as printed.")

    @model_validator(mode="after")
    def names_agree(self) -> Self:
        """What is spoken of is a row of the table."""
        if doubled := set(self.networks) & set(self.beside):
            raise ValueError(f"{min(doubled)} is named under networks and under beside")
        spoken = {"single": self.single, "encoders": self.encoders}
        if self.headline:
            spoken["headline"] = (self.headline.variant, self.headline.against)
            if self.headline.metric not in self.metrics:
                raise ValueError(f"headline is about {self.headline.metric}, which metrics does not list")
            if self.headline.metric == "accuracy":
                raise ValueError("headline is about accuracy, of which networks are not compared: name another metric")
        if strange := (set(self.encoders) - set(self.single)) & set(self.networks):
            raise ValueError(f"encoders names {min(strange)}, which single does not list")
        for key, variants in spoken.items():
            if unknown := set(variants) - set(self.networks):
                raise ValueError(f"{key} names {min(unknown)}, which is no network of the table")
        return self

    @property
    def names(self) -> dict[str, str]:
        """Every variant that has a name for people."""
        return {**self.networks, **self.beside}

    def name(self, variant: str) -> str:
        """A variant's name for people; its key where it has none."""
        return self.names.get(variant, variant)

    def text(self, variant: str, metric: str) -> str | None:
        """A cell of the table as printed, which tells its rounding; None where it is empty."""
        found: str | None = self.cells.get(variant, {}).get(metric)  # type: ignore[call-overload]
        return found

    def printed(self, variant: str, metric: str) -> float | None:
        """The value in a cell of the table; None where it has none."""
        text = self.text(variant, metric)
        return None if text is None else float(text)

    def gain(self, variant: str, against: str, metric: str) -> float | None:
        """The difference between two cells of a column; None where one is empty."""
        one, other = self.printed(variant, metric), self.printed(against, metric)
        return None if one is None or other is None else one - other

    def table(self) -> "pd.DataFrame":
        """The table as numbers: index metric, columns variant; NaN where a cell is empty."""
        import pandas as pd

        cells = {variant: [self.printed(variant, metric) for metric in self.metrics] for variant in self.networks}
        return pd.DataFrame(cells, index=pd.Index(self.metrics, name="metric"), dtype=float)


def paper_folder(choice: str, papers: Path) -> Path:
    """The folder that a configuration means by `paper`: a name under workflow/papers, or a path.

    Raises:
        InputError: There is none.
    """
    for folder in (papers / choice, Path(choice)):
        if (folder / "paper.yaml").is_file():
            return folder
    known = ", ".join(sorted(path.parent.name for path in papers.glob("*/paper.yaml")))
    remedy = f"Choose one of {known}, or give the path of a folder that holds paper.yaml and table1.csv."
    raise InputError("config key paper", choice, f"a folder in {papers} or a path", remedy)


def read_paper(folder: str | Path) -> Paper:
    """Read paper.yaml and table1.csv of a paper's folder.

    Raises:
        InputError: A file or key is missing or unknown, a name points at nothing, or a value is no fraction.
    """
    path = Path(folder) / "paper.yaml"
    content = read_yaml(path, dict, REMEDY)
    if "cells" in content:
        raise InputError(f"{path}, cells", "a key of paper.yaml", "the table in table1.csv", REMEDY)
    try:
        paper = Paper.model_validate(content)
    except ValidationError as error:
        raise refused(error, path, "the paper", REMEDY) from error
    refuse_truths(content, paper.model_dump(), f"{path}, ")
    return paper.model_copy(update={"cells": _cells(Path(folder) / "table1.csv", paper)})


def _cells(path: Path, paper: Paper) -> dict[str, dict[str, str]]:
    """The table as printed."""
    if not path.is_file():
        raise InputError(path, missing(path), f"columns variant, {', '.join(paper.metrics)}", REMEDY)
    table = read_cells(bounded(path, TEXT), remedy=REMEDY) if path.stat().st_size else Cells([], [])
    rows, header = [dict(zip(table.names, line, strict=True)) for line in table.lines], table.names
    if header != ["variant", *paper.metrics]:
        expected = f"variant, {', '.join(paper.metrics)}, as `metrics` of paper.yaml says"
        raise InputError(f"{path}, first line", ", ".join(map(str, header)) or "nothing", expected, REMEDY)
    variants = [row["variant"] for row in rows]
    if sorted(variants) != sorted(paper.networks):
        expected = f"each of {', '.join(paper.networks)} once, as `networks` of paper.yaml says"
        raise InputError(f"{path}, column variant", ", ".join(variants), expected, REMEDY)
    return {row["variant"]: _checked(path, row) for row in rows}


def _checked(path: Path, row: dict[str, str]) -> dict[str, str]:
    cells = {metric: text.strip() for metric, text in row.items() if metric != "variant" and (text or "").strip()}
    for metric, text in cells.items():
        if not PRINTED.fullmatch(text) or (float(text) > 1 and metric != "loss"):
            where, found = f"{path}, {row['variant']}, {metric}", repr(text) if len(text) <= 40 else f"{text[:40]!r}…"
            expected = "a number" if metric == "loss" else "a fraction"
            raise InputError(
                where, found, f"{expected} such as 0.957, of at most 12 digits and 18 decimals, or nothing", REMEDY
            )
    return cells


def read_references(path: str | Path | None = None, test_sets: Collection[str] | None = None) -> "pd.DataFrame":
    """Values printed by others: columns variant, test_on, metric, mean, images, source; without a file there are none.

    Args:
        path: The file.
        test_sets: Names that test_on may have; None where any will do, as after `declared.check_declared`.

    Raises:
        InputError: A column or a cell is missing, a number is none that it can be, a metric or test set is unknown, or
            a row stands twice.
    """
    import pandas as pd

    names = ["variant", "test_on", "metric", "mean", "images", "source"]
    if path is None:
        return pd.DataFrame(columns=names)
    read = read_csv(path, names, REMEDY, filled=names)
    for name, least in (("mean", 0), ("images", 1)):
        if not (fit := read[name].astype(float) >= least).all():
            line = int(fit.to_numpy().argmin()) + 2
            raise InputError(f"{path}, line {line}, {name}", f"{read[name][line - 2]}", f"{least} or more", REMEDY)
    if not (fit := (images := read["images"].astype(float)) % 1 == 0).all():
        line = int(fit.to_numpy().argmin()) + 2
        raise InputError(f"{path}, line {line}, images", f"{images[line - 2]:g}", "a whole number", REMEDY)
    sets = set(read["test_on"]) if test_sets is None else test_sets
    for name, known in (("metric", (*get_args(Metric), *DISTANCES)), ("test_on", sets)):
        for line, cell in enumerate(read[name], 2):
            if cell not in known:
                expected = f"one of {', '.join(sorted(known))}"
                raise InputError(f"{path}, line {line}, {name}", f"{cell!r}", expected, REMEDY)
    if (again := read.duplicated(["variant", "test_on", "metric", "source"])).any():
        line = int(again.to_numpy().argmax()) + 2
        row = read.iloc[line - 2]
        found = f"{row['metric']} of {row['variant']} on {row['test_on']} from this source a second time"
        raise InputError(f"{path}, line {line}", found, "it once", "Leave one of the two rows out.")
    return read
