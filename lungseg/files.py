"""Files appear under their final name whole or not at all, and a table's cells are text or numbers, never formulas."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

# What a spreadsheet takes for a formula when a cell begins with it; the wide forms count in East Asian editions.
FORMULA = re.compile(r"[=+\-@\t\r\n＝＋－＠]")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]inf")


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """A temporary path beside `path`, renamed to it when the block ends without an error.

    Args:
        path: Where the finished file shall lie; its folder is made. Its permissions are those of any new file, whatever
            the block's writer would give it.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(b"")
        mode = part.stat().st_mode & 0o777
        yield part
        part.chmod(mode)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def no_formula(cell: object) -> object:
    """A cell that a spreadsheet shows as it is written: an apostrophe stands before what it would calculate."""
    if not isinstance(cell, str):
        return cell
    text = cell.replace("\r\n", "\n").replace("\r", "\n")  # a lone carriage return would end the row
    return f"'{text}" if FORMULA.match(text) and not NUMBER.fullmatch(text) else text


def write_csv(table: "pd.DataFrame", path: str | Path) -> None:
    """Write a table as UTF-8 CSV without its index; text that a spreadsheet would calculate is written as text."""
    texts = table.select_dtypes(exclude=["number", "bool"]).columns
    safe = table.assign(**{name: table[name].map(no_formula) for name in texts}).rename(columns=no_formula)
    with replacing(path) as part:
        safe.to_csv(part, index=False)
