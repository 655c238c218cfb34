"""What one job wrote is what the next one reads: a hash of every file between two rules, kept beside Snakemake's notes.

A bit that a disk turned in a table, or a cell that a spreadsheet rounded, leaves no other sign. A file without a seal,
from DVC say, is read as it is.
"""

import atexit
import hashlib
import os
import shutil
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from lungseg.errors import InputError
from lungseg.files import file_hash, replacing
from lungseg.jobs.at_work import FOLDER

SEALS = "seals"  # a folder in that of the experiment's run
# Rules whose files git keeps, and may bring back in other versions.
TO_GIT = frozenset({"bundle", "publish", "rulegraph"})
REMEDY = (
    "Delete it and give the command again: it is then made anew. If all files are meant to be as they are (from DVC, "
    "from another machine), give the command once with --touch."
)


def keep(rule: str, read: Iterable[str], write: Iterable[str]) -> None:
    """What a job does first: check what it reads. What it writes is sealed when it ends well.

    Args:
        rule: Its name.
        read: Its input files.
        write: Its output files.

    Raises:
        InputError: A file is not what its job wrote.
    """
    if not (place := os.environ.get(FOLDER)):
        return
    folder, made = Path(place, SEALS), list(write)
    for file in read:
        check(folder, file)
    for file in made:  # of an earlier version
        with suppress(OSError):
            _seal_of(folder, file).unlink()
    if rule not in TO_GIT:
        atexit.register(_ended, folder, made)


def check(folder: Path, file: str) -> None:
    """Compare a file with its seal, where it has one.

    Raises:
        InputError: They differ.
    """
    try:
        said = _seal_of(folder, file).read_text(encoding="ascii")
        found = file_hash(Path(file))
    except (OSError, ValueError):
        return  # never sealed, or its job's reader will tell why it cannot be read
    if len(said) == len(found) and said != found:
        raise InputError(file, f"sha256 {found}", f"{said}, as its job wrote it", REMEDY)


def seal(folder: Path, files: Iterable[str]) -> None:
    """Write down the hashes of files."""
    for file in files:
        with suppress(OSError):  # a folder that cannot be written: the file stays unsealed
            digest = file_hash(Path(file))
            with replacing(_seal_of(folder, file)) as part:
                part.write_text(digest, encoding="ascii")


def forget(place: Path) -> None:
    """Take all files of an experiment as they are.

    Args:
        place: The folder of its run.
    """
    shutil.rmtree(place / SEALS, ignore_errors=True)


def _ended(folder: Path, files: list[str]) -> None:
    if getattr(sys, "last_value", None) is None:  # no exception ended this process
        seal(folder, files)


def _seal_of(folder: Path, file: str) -> Path:
    name = quote(file, safe="")
    return folder / (name if len(name) < 200 else hashlib.sha256(name.encode()).hexdigest())
