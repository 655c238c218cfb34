"""Pretrained weights that others offer: which files, fetched once into a folder, and no other file than the pinned.

hub_weights.csv beside this module has a row for each: the model of timm, the file, its revision, its address, and its
SHA-256, or as many first digits of it as its publisher tells (timm puts eight into the file's name).
"""

import csv
import os
from dataclasses import dataclass
from pathlib import Path

from lungseg.errors import InputError, one_line
from lungseg.files import file_hash, replacing

TABLE = Path(__file__).with_name("hub_weights.csv")
FOLDER = "LUNGSEG_WEIGHTS"  # variable of the environment that names the folder
LARGEST = 2**31  # bytes
TIMEOUT_SECONDS = 30.0  # without a single byte
INSTEAD = "Choose `weights: random`, `imagenet-8bit` for MobileNetV2, or the path of a file of its whole classifier."


@dataclass(frozen=True)
class Pinned:
    """One file of the table.

    Args:
        model: Of timm, with the tag of its weights.
        file: Its name.
        revision: Of the file, as its publisher names it.
        url: Where it is offered.
        sha256: First digits of its hash, all 64 where they are known.
    """

    model: str
    file: str
    revision: str
    url: str
    sha256: str


def pinned(table: Path = TABLE) -> dict[str, Pinned]:
    """Model of timm -> its file."""
    with table.open(encoding="utf-8", newline="") as stream:
        return {row["model"]: Pinned(**row) for row in csv.DictReader(stream)}


def row_of(model: str, table: Path = TABLE) -> Pinned:
    """The file of a model.

    Args:
        model: Of timm, with or without the tag of its weights.
        table: Of the files.

    Raises:
        InputError: The table has none.
    """
    rows = pinned(table)
    found = rows.get(model) or next((row for row in rows.values() if row.model.split(".")[0] == model), None)
    if found is None:
        raise InputError(f"weights of {model}", "none that are pinned", f"one of {', '.join(rows)}", INSTEAD)
    return found


def folder() -> Path:
    """Where fetched weights lie: the folder that `LUNGSEG_WEIGHTS` names, or the person's cache."""
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    place = Path(os.environ.get(FOLDER) or Path(cache, "lungseg/weights"))
    try:
        return place.expanduser()
    except RuntimeError:  # of a person whom nobody knows
        return place


def file_of(row: Pinned, place: Path) -> Path | None:
    """The fetched file, None where it is not there.

    Raises:
        InputError: A file of that name is another one.
    """
    path = place / row.file
    if not path.is_file():
        return None
    if not (found := file_hash(path)).startswith(row.sha256):
        remedy = f"Remove it, then: lungseg weights fetch {row.model}"
        raise InputError(path, f"sha256 {found}", f"{row.sha256}, as {TABLE.name} says", remedy)
    return path


def obtain(row: Pinned, place: Path, address: str | None = None) -> Path:
    """The file, fetched if it is not there yet.

    Args:
        row: Which.
        place: The folder.
        address: Where it is offered, in the place of the row's own.

    Raises:
        InputError: The address is out of reach, or what it sends is another file.
    """
    if (there := file_of(row, place)) is not None:
        return there
    import requests

    url, target = address or row.url, place / row.file
    try:
        with replacing(target) as part:
            with requests.get(url, stream=True, timeout=TIMEOUT_SECONDS) as answer, part.open("wb") as stream:
                answer.raise_for_status()
                for chunk in answer.iter_content(2**20):
                    stream.write(chunk)
                    if stream.tell() > LARGEST:
                        raise _refused(row, url, f"more than {LARGEST} bytes")
            if not (found := file_hash(part)).startswith(row.sha256):
                raise _refused(row, url, f"a file with sha256 {found}")
    except (requests.RequestException, ValueError) as error:
        raise _refused(row, url, f"{type(error).__name__}: {one_line(error)}") from error
    return target


def _refused(row: Pinned, url: str, found: str) -> InputError:
    """What to tell where a file cannot be had."""
    remedy = (
        f"Where there is a network: lungseg weights fetch {row.model} --to FOLDER; bring the folder here and set "
        f"{FOLDER}=FOLDER. {INSTEAD}"
    )
    return InputError(f"weights of {row.model}", f"{found} ({url})", f"{row.file}, sha256 {row.sha256}", remedy)
