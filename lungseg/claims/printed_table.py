"""Read a published table as it is printed."""

import csv
import re
from collections.abc import Mapping
from pathlib import Path

from lungseg.claims.arithmetic import Printed, printed
from lungseg.errors import InputError
from lungseg.outside import TEXT, bounded

SYNONYMS = {
    "dice": {"dice", "dsc", "f1", "dice coefficient", "dice score", "f1 score"},
    "iou": {"iou", "jaccard", "jaccard index", "miou"},
    "precision": {"precision", "ppv"},
    "recall": {"recall", "sensitivity", "tpr"},
    "accuracy": {"accuracy", "acc", "pixel accuracy"},
    "loss": {"loss"},
}
METHOD = {"method", "network", "model"}
NUMBER = re.compile(r"\d*\.?\d+|\d+\.")
FORM = "a comma-separated file whose first line names the columns: method, and some of " + ", ".join(SYNONYMS)


def read_table(path: str | Path) -> dict[str, dict[str, Printed]]:
    """Read a table of fractions, one row per method; an empty cell is a value that was not printed.

    Args:
        path: A CSV file with a column method and some of dice, iou, precision, recall, accuracy, loss, or one of their
            usual other names.

    Returns:
        Method to metric to printed value, rows without any value left out.

    Raises:
        InputError: The file is no such table, or a cell is no fraction.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(path, "no such file", FORM, "Give the path of a table.")
    try:
        lines = list(csv.reader(bounded(path, TEXT).read_text(encoding="utf-8-sig").splitlines(), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(path, f"no table ({error})", FORM, "Save it as CSV in UTF-8.") from error
    if not lines:
        raise InputError(path, "an empty file", FORM, "See lungseg audit --help.")
    columns = _columns(path, [name.strip() for name in lines[0]])
    table: dict[str, dict[str, Printed]] = {}
    for number, cells in enumerate(lines[1:], start=2):
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(columns):
            expected = f"{len(columns)} as the first line"
            raise InputError(f"{path}, line {number}", f"{len(cells)} cells", expected, "Mend the line.")
        row = dict(zip(columns, (cell.strip() for cell in cells), strict=True))
        method = row.pop("method")
        if not method or method in table:
            found = f"the method {method!r} a second time" if method else "no method"
            raise InputError(f"{path}, line {number}", found, "a name of its own for each row", "Name the row.")
        where = f"{path}, line {number}, {method}"
        table[method] = {metric: _value(where, metric, text) for metric, text in row.items() if text}
    if not any(table.values()):
        raise InputError(path, "no row with a value", "at least one", "See lungseg audit --help.")
    return table


def _columns(path: Path, names: list[str]) -> list[str]:
    """The columns under our names."""
    columns = []
    for name in names:
        plain = name.lower().replace("_", " ")
        known = ["method"] if plain in METHOD else [metric for metric, others in SYNONYMS.items() if plain in others]
        if not known:
            raise InputError(f"{path}, line 1", f"the column {name!r}", FORM, "Rename it or leave it out.")
        if known[0] in columns:
            raise InputError(f"{path}, line 1", f"a second column {known[0]} ({name!r})", "one", "Leave one out.")
        columns += known
    if "method" not in columns:
        raise InputError(f"{path}, line 1", f"the columns {', '.join(names)}", "a column method", "Name the rows.")
    if len(columns) == 1:
        raise InputError(f"{path}, line 1", "no column of a metric", FORM, "Add the metrics.")
    return columns


def _value(where: str, metric: str, text: str) -> Printed:
    if not NUMBER.fullmatch(text):
        expected = "a plain number such as 0.957"
        remedy = "Write the printed mean alone, without spread, sign or unit; leave the cell empty if there is none."
        raise InputError(f"{where}, {metric}", repr(text), expected, remedy)
    if metric != "loss" and float(text) > 1:
        remedy = "Divide percentages by 100 and keep their decimals: 95.7 becomes 0.957."
        raise InputError(f"{where}, {metric}", text, "a fraction from 0 to 1", remedy)
    return printed(text, fraction=metric != "loss")


def as_printed(table: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, Printed]]:
    """The cells of a table, from their texts.

    Args:
        table: Method to metric to text.
    """
    return {
        method: {metric: printed(text, metric != "loss") for metric, text in row.items()}
        for method, row in table.items()
    }
