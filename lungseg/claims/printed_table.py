"""Read a published table as it is printed."""

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lungseg.claims.cells import Printed, cell, is_ambiguous, is_percent, mean_of, number
from lungseg.errors import InputError
from lungseg.outside import TEXT, bounded, missing

SYNONYMS = {
    "dice": {"dice", "dsc", "dice coefficient", "dice score", "dice similarity coefficient"},
    "f1": {"f1", "f1 score", "f1-score", "f-score", "f score", "f-measure"},
    "iou": {"iou", "jaccard", "jaccard index"},
    "miou": {"miou", "mean iou", "mean jaccard"},
    "precision": {"precision", "ppv"},
    "recall": {"recall", "sensitivity", "tpr"},
    "specificity": {"specificity", "tnr"},
    "accuracy": {"accuracy", "acc", "pixel accuracy"},
    "auc": {"auc", "auroc", "roc auc", "roc-auc", "auc-roc"},
    "loss": {"loss"},
    "n": {"n", "films", "images", "cases"},
}
METHOD = {"method", "network", "model", "variant"}
# Behind a column's name: (%), [%], in %, and what its cells hold beside the mean.
UNIT = re.compile(r"\s*(\(\s*(in )?%\s*\)|\[\s*%\s*\]|(in )?%)\s*")
BESIDE = re.compile(r"\s*(±\s*(sd|std)?|\(\s*±?\s*(sd|std)\s*\))\s*$")
BREAK = re.compile(r"\s*[\r\n]\s*")  # a spreadsheet's, within a cell
FORM = "a comma-separated file whose first line names the columns: method, and some of " + ", ".join(SYNONYMS)
NUMBER = "a number such as 0.957, 95.7, 0.957 ± 0.02 or 0.957 (0.02)"
WRITE = "Write the mean, with its standard deviation if you like; leave the cell empty if none is printed."


@dataclass(frozen=True)
class Column:
    """A column of the file.

    Args:
        metric: Our name of it, or `method`.
        percent: Whether it holds percentages.
    """

    metric: str
    percent: bool


@dataclass(frozen=True)
class Line:
    """A line of the file that is not empty.

    Args:
        number: From 1 on; of a cell with line breaks, the last.
        cells: Its texts.
    """

    number: int
    cells: list[str]


def read_table(path: str | Path, percent: bool = False, of_classes: bool = False) -> dict[str, dict[str, Printed]]:
    """Read a table, one row per method; an empty cell is a value that was not printed.

    Args:
        path: A CSV file with a column method and some of the keys of `SYNONYMS`, or one of their usual other names.
        percent: Whether all columns but the loss are percentages. Without it, those are whose name says so and those
            whose values are all 2 or more.
        of_classes: Whether all columns are means over classes. Without it a column mIoU is not the IoU of the lung:
            over lung and background it may be above the lung's Dice.

    Returns:
        Method to metric to printed value, as fractions, rows without any value left out. A column F1 without a column
        Dice is Dice; of means over classes, a column mIoU without a column IoU is IoU.

    Raises:
        InputError: The file is no such table, or a cell is no fraction.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(path, missing(path), FORM, "Give the path of a table.")
    try:
        with bounded(path, TEXT).open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream, strict=True)
            lines = [Line(reader.line_num, [BREAK.sub(" ", text).strip() for text in cells]) for cells in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(path, f"no table ({error})", FORM, "Save it as CSV in UTF-8.") from error
    lines = [line for line in lines if any(line.cells)]
    if not lines:
        raise InputError(path, "an empty file", FORM, "See lungseg audit --help.")
    columns = _columns(f"{path}, line {lines[0].number}", lines[0].cells, of_classes)
    texts = _texts(path, columns, lines[1:])
    if not any(metric != "n" for row in texts.values() for metric in row):
        raise InputError(path, "no row with a value", "at least one", "See lungseg audit --help.")
    chosen = {
        column.metric: _is_percent(path, column, texts, percent)
        for column in columns
        if column.metric not in ("method", "n")
    }
    return {
        method: {
            metric: _value(f"{path}, {method}, {metric}", metric, text, chosen.get(metric, False))
            for metric, text in row.items()
        }
        for method, row in texts.items()
    }


def _texts(path: Path, columns: list[Column], lines: Iterable[Line]) -> dict[str, dict[str, str]]:
    """Method to metric to text, without empty cells."""
    table: dict[str, dict[str, str]] = {}
    for line in lines:
        where = f"{path}, line {line.number}"
        if len(line.cells) != len(columns):
            expected = f"{len(columns)} as the first line"
            raise InputError(where, f"{len(line.cells)} cells", expected, "Mend the line.")
        row = {column.metric: text for column, text in zip(columns, line.cells, strict=True)}
        method = row.pop("method")
        if not method or method in table:
            found = f"the method {method!r} a second time" if method else "no method"
            raise InputError(where, found, "a name of its own for each row", "Name the row.")
        table[method] = {metric: text for metric, text in row.items() if text}
    return table


def _columns(where: str, names: list[str], of_classes: bool) -> list[Column]:
    """The columns under our names."""
    columns: list[Column] = []
    for name in names:
        plain = BESIDE.sub("", name.lower().replace("_", " "))
        bare = UNIT.sub("", plain)
        known = [metric for metric, others in ({"method": METHOD} | SYNONYMS).items() if bare in others]
        if not known:
            apart = len(names) == 1 and re.search(r"[;\t|]", name)
            remedy = f"Write commas in the place of {apart[0]!r}." if apart else "Rename it or leave it out."
            raise InputError(where, f"the column {name!r}", FORM, remedy)
        if any(column.metric == known[0] for column in columns):
            raise InputError(where, f"a second column {known[0]} ({name!r})", "one", "Leave one out.")
        columns.append(Column(known[0], bare != plain))
    metrics = {column.metric for column in columns}
    if "method" not in metrics:
        raise InputError(where, f"the columns {', '.join(names)}", "a column method", "Name the rows.")
    if metrics <= {"method", "n"}:
        raise InputError(where, "no column of a metric", FORM, "Add the metrics.")
    renamed = {"f1": "dice"} if "dice" not in metrics else {}
    if of_classes and "iou" not in metrics:
        renamed["miou"] = "iou"
    return [Column(renamed.get(column.metric, column.metric), column.percent) for column in columns]


def _is_percent(path: Path, column: Column, texts: Mapping[str, Mapping[str, str]], asked: bool) -> bool:
    """Whether a column holds percentages: because somebody says so, or because its values can be nothing else.

    Cells with a per cent sign speak for themselves, and a 0 is 0 in both.
    """
    if column.metric == "loss":
        return column.percent
    where = f"{path}, column {column.metric}"
    plain = [row[column.metric] for row in texts.values() if column.metric in row]
    means = {text: mean for text in plain if not is_percent(text) and (mean := mean_of(text))}
    small = [text for text, mean in means.items() if mean <= 1]
    if column.percent or asked:
        if means and len(small) == len(means):
            remedy = "Write percentages as they are printed; without --percent each column is judged by its values."
            raise InputError(where, f"{small[0]}, and no value above 1", "percentages", remedy)
        return True
    large = [text for text, mean in means.items() if mean > 1]
    if large and (small or any(means[text] < 2 for text in large)):
        doubtful = small[0] if small else next(text for text in large if means[text] < 2)
        remedy = "Give --percent, or write (%) behind the column's name, if all are percentages; else mend the value."
        found = f"{large[0]} beside {doubtful}" if small else doubtful
        raise InputError(where, found, "fractions from 0 to 1, or percentages", remedy)
    return bool(large)


def _value(where: str, metric: str, text: str, percent: bool) -> Printed:
    if metric == "n":
        if not re.fullmatch(r"[1-9]\d{0,11}", text):
            remedy = "Write a whole number, or leave the cell empty."
            raise InputError(where, repr(text), "a number of films, of at most 12 digits", remedy)
        return number(text)
    if is_ambiguous(text, metric != "loss"):
        remedy = "Write the sign behind the mean too if it is one; else both as fractions, such as 0.957 ± 0.02."
        raise InputError(where, text, "a mean and a standard deviation in the same unit", remedy)
    try:
        value = cell(text, fraction=metric != "loss", percent=percent)
    except ValueError:
        raise InputError(where, repr(text), NUMBER, WRITE) from None
    if metric != "loss" and value.spread and value.spread.low > 1:
        raise InputError(where, text, "a mean and a standard deviation in the same unit", WRITE)
    if metric != "loss" and value.low > 1:
        raise InputError(where, text, "a fraction from 0 to 1, or a percentage to 100", "Mend the value.")
    return value


def read_combined(texts: Iterable[str], table: Mapping[str, object]) -> dict[str, tuple[str, ...]]:
    """Rows that join the films of others.

    Args:
        texts: Each `ROW=PART,PART`.
        table: Whose rows they are.

    Raises:
        InputError: A text is not of this form, or names no row of the table.
    """
    combined = {}
    for text in texts:
        row, _, rest = text.partition("=")
        parts = tuple(part.strip() for part in rest.split(","))
        if len(parts) < 2 or len({row.strip(), *parts}) <= len(parts):
            remedy = "Name the row that joins others, an equals sign, and the rows that it joins."
            raise InputError("--combined", repr(text), "ROW=PART,PART", remedy)
        for name in (row.strip(), *parts):
            if name not in table:
                raise InputError("--combined", repr(name), f"a row of the table: {', '.join(table)}", "Name a row.")
        combined[row.strip()] = parts
    return combined


def as_printed(table: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, Printed]]:
    """The cells of a table, from their texts.

    Args:
        table: Method to metric to text: a fraction, or a percentage with its sign.
    """
    return {
        method: {name: number(text) if name == "n" else cell(text, name != "loss") for name, text in row.items()}
        for method, row in table.items()
    }
