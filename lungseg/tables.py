"""How a table that was written is read back: text stays text, a number is a number, a fraction lies in its range.

Which columns are text is said here by name. A network may be called `None`, `16` or `1e5`, a film `001`: guessing from
the cells would lose it.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from lungseg.errors import InputError, one_line
from lungseg.files import AGAIN, read_cells, replacing
from lungseg.outside import TABLE, bounded

TEXT = frozenset({
    "variant", "train_on", "test_on", "metric", "variant_a", "variant_b", "against", "dataset", "dataset_a",
    "dataset_b", "image_id", "image_id_a", "image_id_b", "influential_film", "members", "part", "part_a", "part_b",
    "patient", "status", "reason", "sha256", "pixels_sha256", "mask_sha256", "frame", "kind", "size", "postprocessing",
    "averaging", "classes", "scene", "quantity", "method", "over", "domain", "home", "source",
    "seed_variance", "sign", "relevance", "verdict", "points", "claim", "says", "takes", "decides", "why", "note",
    "explanation", "relation", "example", "table", "row", "rule", "message", "began", "hardware", "alg", "case_id",
    "run", "run_id", "digest", "honest", "permuted", "group", "column", "aim", "training_hardware", "train_memory",
    "arithmetic", "seen",
})  # fmt: skip
TRUTHS = frozenset({
    "near", "candidate", "declared", "inside", "iou_above_recall", "dice_above_mean_of_precision_and_recall",
    "dice_over_2_minus_dice_above_iou",
})  # fmt: skip
EITHER = frozenset({"cut", "films", "variants"})  # a number, or which
MISSING = ("", "nan", "NaN")
FRACTIONS = frozenset({"dice", "iou", "precision", "recall", "accuracy", "nsd"})
ALONE = FRACTIONS | {"validation_dice", "validation_accuracy"}  # as columns of their own
# Of a fraction in a table with a column metric; a difference lies between -1 and 1.
LIMITS = ("mean", "low", "high", "bootstrap_low", "bootstrap_high", "full_mean", "full_low", "full_high", "published")
PROBABILITIES = ("p", "p_holm", "p_permutation", "p_equivalence", "p_false_claim", "p_these_networks", "superiority")
NUMBERS = {*ALONE, *LIMITS, *PROBABILITIES, "difference", "seed", "epoch", "images", "seeds", "height", "width"}
NEAR = 1e-9  # rounding


def read_csv(
    path: str | Path, columns: Sequence[str] = (), remedy: str = AGAIN, filled: Sequence[str] = ()
) -> pd.DataFrame:
    """Read a table; an empty cell is NaN.

    Args:
        path: A CSV file.
        columns: That must be there.
        remedy: What helps where it is no such table.
        filled: Of the columns those without an empty cell; where they hold numbers, finite ones.

    Raises:
        InputError: As `files.read_cells`; a column of numbers holds text; a fraction or probability is out of range; a
            cell is empty that must not be.
    """
    cells = read_cells(bounded(path, TABLE), list(dict.fromkeys([*columns, *filled])), remedy)
    read = {
        name: _column(path, name, [line[place] for line in cells.lines], remedy)
        for place, name in enumerate(cells.names)
    }
    for name in filled:
        known = read[name].notna() if read[name].dtype == object else np.isfinite(read[name])
        if not known.all():
            place = int(known.to_numpy().argmin())
            found = repr(cells.lines[place][cells.names.index(name)])
            raise InputError(f"{path}, line {place + 2}, {name}", found, "a value", remedy)
    return checked(pd.DataFrame(read, columns=cells.names), path, remedy)


def _column(path: str | Path, name: str, cells: list[str], remedy: str) -> pd.Series:
    if name in TEXT:
        return pd.Series([cell or np.nan for cell in cells], dtype=object)
    known = [cell for cell in cells if cell not in MISSING]
    if name in TRUTHS and set(known) <= {"True", "False"}:
        truth: dict[str, object] = {"True": True, "False": False}
        return pd.Series([truth.get(cell, np.nan) for cell in cells])
    try:
        if len(known) == len(cells) and cells and _decimal("".join(cells)):
            return pd.Series([int(cell) for cell in cells], dtype="int64")
    except (ValueError, OverflowError):
        pass  # not whole numbers, or too large for them
    numbers, text = [], None
    for line, cell in enumerate(cells, 2):
        try:
            numbers.append(np.nan if cell in MISSING else float(cell if _decimal(cell) else "none"))
        except ValueError:
            numbers.append(np.nan)
            text = text or line
    if text is None:
        return pd.Series(numbers, dtype=float)
    if name in EITHER or (name not in NUMBERS and np.isnan(numbers).all()):  # a column that nobody has named yet
        return pd.Series([cell or np.nan for cell in cells], dtype=object)
    raise InputError(f"{path}, line {text}, {name}", repr(cells[text - 2]), "a number", remedy)


def _decimal(text: str) -> bool:
    """Whether numbers in a text are of the digits 0 to 9: Python also reads 1_000, and the digits of other scripts."""
    return text.isascii() and "_" not in text


def read_parquet(path: str | Path, columns: Sequence[str] = (), remedy: str = AGAIN) -> pd.DataFrame:
    """Read a table that `write_parquet` wrote.

    Raises:
        InputError: It is another file or damaged, lacks a column, or a fraction is out of its range.
    """
    try:
        table = pd.read_parquet(path, page_checksum_verification=True)
    except FileNotFoundError:
        raise
    except Exception as error:  # whatever a damaged file makes pyarrow raise
        found = f"{type(error).__name__}: {one_line(error, 120)}"
        raise InputError(path, found, "a whole Parquet table", remedy) from error
    if missing := [name for name in columns if name not in table]:
        raise InputError(path, f"no column {', '.join(missing)}", f"the columns {', '.join(columns)}", remedy)
    return checked(table, path, remedy)


def write_parquet(table: pd.DataFrame, path: str | Path) -> None:
    """Write a table as Parquet, without its index and with a checksum for each page."""
    with replacing(path) as part:
        table.to_parquet(part, index=False, write_page_checksum=True)


def checked(table: pd.DataFrame, path: str | Path, remedy: str = AGAIN) -> pd.DataFrame:
    """The table, once its fractions and probabilities are known to be such.

    Args:
        table: What was read.
        path: Where from, for the message.
        remedy: What helps.

    Raises:
        InputError: Names the first cell that is out of range.
    """
    for name in (*ALONE, *PROBABILITIES):
        if name in table:
            _within(table[name], 0, path, remedy)
    if "metric" in table:
        plain = table["metric"].astype(str).str.removesuffix("_pooled").isin(FRACTIONS)
        compared = table["against"].notna() if "against" in table else pd.Series("difference" in table, table.index)
        for name in LIMITS:
            if name in table:
                _within(table.loc[plain & ~compared, name], 0, path, remedy)
        for name in {"mean", "difference"} & set(table):  # limits of older code may lie beyond
            _within(table.loc[plain & compared, name], -1, path, remedy)
    return table


def _within(cells: pd.Series, low: float, path: str | Path, remedy: str) -> None:
    numbers = pd.to_numeric(cells, errors="coerce")
    out = cells[(numbers < low - NEAR) | (numbers > 1 + NEAR)]
    if len(out):
        where = f"{path}, line {out.index[0] + 2}, {cells.name}"
        raise InputError(where, f"{out.iloc[0]}", f"a number from {low:g} to 1", remedy)
