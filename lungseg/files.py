"""Files appear under their final name whole or not at all; a table's cells are text or numbers, read as written."""

import csv
import glob
import hashlib
import json
import os
import re
import secrets
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lungseg.errors import InputError, one_line

if TYPE_CHECKING:
    import pandas as pd

AGAIN = "Delete it and give the command again: it is then made anew."
# What a spreadsheet takes for a formula when a cell begins with it; the wide forms count in East Asian editions.
FORMULA = re.compile(r"[=+\-@\t\r\n＝＋－＠]")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]inf")


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """A temporary path beside `path`, renamed to it when the block ends without an error.

    The bytes are on the disk before the name is, so that no crash leaves the name on a hollow file. What killed
    processes of this machine left beside the file is removed.

    Args:
        path: Where the finished file shall lie; its folder is made. Its permissions are those of any new file, whatever
            the block's writer would give it.

    Raises:
        InputError: A folder, a pipe or a device is there.
    """
    path = Path(path)
    if path.exists() and not path.is_file():
        raise InputError(path, "what is no plain file", "a file to write", "Name another.")
    path.parent.mkdir(parents=True, exist_ok=True)
    _sweep(path)
    # Machines may share the folder, and containers a name: number and machine alone do not tell processes apart.
    part = path.with_name(f".{path.name}.{_machine()}.{os.getpid()}.{secrets.token_hex(4)}.part")
    try:
        part.write_bytes(b"")
        mode = part.stat().st_mode & 0o777
        yield part
        part.chmod(mode)
        _on_disk(part)
        part.replace(path)
        with suppress(OSError):  # some file systems cannot
            _on_disk(path.parent)
    finally:
        part.unlink(missing_ok=True)


def _machine() -> str:
    """Where a process number means one process: this machine, or this container of it."""
    space = Path("/proc/self/ns/pid")
    return f"{socket.gethostname().partition('.')[0]}-{space.stat().st_ino if space.exists() else 0}"


def _on_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sweep(path: Path) -> None:
    """Remove the parts of a file whose process has ended; of another machine's nobody here can tell."""
    for part in path.parent.glob(glob.escape(f".{path.name}.{_machine()}.") + "*.part"):
        try:
            os.kill(int(part.name.split(".")[-3]), 0)
        except ProcessLookupError:
            part.unlink(missing_ok=True)
        except (ValueError, PermissionError):
            pass  # not ours to judge


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


@dataclass(frozen=True)
class Cells:
    """A table as it stands in its file.

    Args:
        names: Of the columns.
        lines: The cells of each row.
    """

    names: list[str]
    lines: list[list[str]]


def read_cells(path: str | Path, columns: Sequence[str] = (), remedy: str = AGAIN) -> Cells:
    """The cells of a CSV file, all of them text.

    Args:
        path: The file, in UTF-8, its first line the columns' names.
        columns: That must be there.
        remedy: What helps where it is no such table.

    Raises:
        InputError: It is empty, no text or no table, lacks a column, or a line has more or fewer cells than the first.
    """
    expected = "comma-separated values in UTF-8"
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as stream:
            lines = [line for line in csv.reader(stream, strict=True) if line]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(path, f"no table ({one_line(error, 120)})", expected, remedy) from error
    if not lines or any("\0" in name for name in lines[0]):
        raise InputError(path, "a file of zeros" if lines else "an empty file", expected, remedy)
    names = lines[0]
    if doubled := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(path, f"two columns {doubled[0]!r}", "one", remedy)
    if missing := [name for name in columns if name not in names]:
        told = f"no column {', '.join(missing)}"
        raise InputError(path, told, f"the columns {', '.join(columns)}", remedy)
    for number, line in enumerate(lines[1:], 2):
        if len(line) != len(names):
            where = f"{path}, line {number}"
            raise InputError(where, f"{len(line)} cells", f"{len(names)}, as in the first line", remedy)
    return Cells(names, lines[1:])


def read_rows(path: str | Path, columns: Sequence[str] = (), remedy: str = AGAIN) -> list[dict[str, str]]:
    """The rows of a CSV file, column to cell; see `read_cells`."""
    cells = read_cells(path, columns, remedy)
    return [dict(zip(cells.names, line, strict=True)) for line in cells.lines]


def read_json(path: str | Path, kind: type = dict, remedy: str = AGAIN) -> Any:  # noqa: ANN401 - whatever it holds
    """What a JSON file holds.

    Args:
        path: The file.
        kind: Of its outermost value.
        remedy: What helps where it is no such file.

    Raises:
        InputError: It is no JSON, or holds something else.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:  # no UTF-8 is a ValueError too
        found = one_line(error, 120)
        raise InputError(path, f"no JSON ({found})", "a JSON file, whole", remedy) from error
    if not isinstance(content, kind):
        raise InputError(path, f"a {type(content).__name__}", f"a {kind.__name__}", remedy)
    return content


def file_hash(path: Path, algorithm: str = "sha256") -> str:
    """A file's hash as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()
