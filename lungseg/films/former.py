"""What earlier calls left in a folder of results: which rows may be taken over, which files are of which film."""

import json
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lungseg.errors import InputError
from lungseg.files import file_hash
from lungseg.films.rows import Row, read_line

LOG = ".films.jsonl"  # heads, and below each a line for every film as it is done; gone when the tables are written
TABLE = "films.json"
ANEW = "--skip-existing goes on with what is there, --overwrite makes it anew; or name another folder."
OTHER = {"lungseg": "another lungseg", "model": "another model", "choices": "other choices", "limits": "other limits"}


@dataclass(frozen=True)
class Section:
    """Results of one call, or of several under the same head.

    Args:
        where: Their file.
        head: What is said of all films together.
        rows: Of its films.
    """

    where: Path
    head: Mapping[str, Any]
    rows: list[Row] = field(default_factory=list)


@dataclass(frozen=True)
class Former:
    """What earlier calls did.

    Args:
        rows: Film's name to its row, where it was made as this call would make it.
        files: Film's name to the files that were written of it, under whatever choices, with their hashes.
    """

    rows: dict[str, Row] = field(default_factory=dict)
    files: dict[str, dict[str, str]] = field(default_factory=dict)


def read_former(out: Path, head: Mapping[str, Any], skip: bool, overwrite: bool) -> Former:
    """Read what earlier calls did; also one that was killed.

    Args:
        out: Folder of results.
        head: Of this call.
        skip: Whether it goes on with what is there.
        overwrite: Whether it makes it anew: then what cannot be read is nothing.

    Raises:
        InputError: There are results, and nobody says what to do with them; or they were made otherwise.
    """
    places = [path for path in (out / TABLE, out / LOG) if path.is_file()]
    if places and not (skip or overwrite):
        raise InputError(out, "results of an earlier call", "an empty folder", ANEW)
    sections: list[Section] = []
    for path in places:
        with _lenient(overwrite):
            sections += _sections(path)
    own = json.loads(json.dumps(head))
    if sections and not overwrite:
        _refuse_other(sections[-1], own)  # which is what the latest call made
    former = Former()
    for section in sections:
        for row in section.rows:
            former.files.setdefault(row.name, {}).update(row.files)
            former.rows.pop(row.name, None)
            if section.head == own:
                former.rows[row.name] = row
    return former


def written(folder: Path) -> set[Path]:
    """Files that calls wrote into a folder and those below it, as far as a table or a log in it tells of them."""
    found: set[Path] = set()
    for path in (folder / TABLE, folder / LOG):
        if path.is_file():
            with suppress(InputError, OSError):
                rows = [row for section in _sections(path) for row in section.rows]
                found |= {folder / name for row in rows for name in row.files}
    return found


def _lenient(overwrite: bool) -> AbstractContextManager[None]:
    return suppress(InputError) if overwrite else nullcontext()


def _refuse_other(section: Section, own: Mapping[str, Any]) -> None:
    """Results of one folder are made in one way."""
    for key, wanted in own.items():
        found = section.head.get(key)
        if found == wanted:
            continue
        said = f"results of {OTHER.get(key, key)}", "those of the same"
        if isinstance(wanted, Mapping) and isinstance(found, Mapping):
            part = next((name for name in wanted if found.get(name) != wanted[name]), key)
            said = f"{said[0]} ({part}: {_word(found.get(part))})", f"{said[1]} ({part}: {_word(wanted.get(part))})"
        raise InputError(section.where, *said, ANEW)


def _word(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else json.dumps(value, ensure_ascii=False)


def _sections(path: Path) -> list[Section]:
    """Heads and rows of a table or a log; the last line of a log may be cut short."""
    text = path.read_text(encoding="utf-8", errors="replace")
    try:
        if path.name == TABLE:
            content = json.loads(text)
            head = {key: content[key] for key in content if key != "films"}
            return [Section(path, head, [read_line(json.dumps(film), path) for film in content["films"]])]
        return list(_logged([line for line in text.split("\n")[:-1] if line], path))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        remedy = "Give --overwrite, and all is made anew."
        raise InputError(path, "no results, or cut short", "those of an earlier call", remedy) from error


def _logged(lines: list[str], path: Path) -> Iterator[Section]:
    section = None
    for line in lines:
        content = json.loads(line)
        if "choices" in content:
            if section:
                yield section
            section = Section(path, content)
        elif section is None:
            raise ValueError("rows without a head")
        else:
            section.rows.append(read_line(line, path))
    if section:
        yield section


def begin(log: Path, head: Mapping[str, Any], overwrite: bool) -> int:
    """Make the log ready for the rows of this call; those of earlier ones stay in it until the end.

    Returns:
        Where this call's rows begin, in bytes.

    Raises:
        InputError: A link is in its place.
    """
    if log.is_symlink():
        raise InputError(log, "a link", "a file of an earlier call, or none", "Remove it.")
    content = b""
    if log.is_file():
        with _lenient(overwrite):
            _sections(log)
            content = log.read_bytes()
    end = content.rfind(b"\n") + 1  # a killed call's last line may be cut short
    first = (json.dumps(head, ensure_ascii=False) + "\n").encode() if overwrite or not end else b""
    with log.open("ab") as stream:
        stream.truncate(end)
        stream.write(first)
    return end + len(first)


def changed(row: Row, out: Path) -> dict[str, str]:
    """Files of a film that are not as they were written, each with what is there in a word or two."""
    found = {row.mask: "of an unknown call"} if row.mask and row.mask not in row.files else {}
    for name, digest in row.files.items():
        try:
            if file_hash(out / name) != digest:
                found[name] = "not as it was written"
        except OSError as error:
            found[name] = "gone" if isinstance(error, FileNotFoundError) else "not to be read"
    return found
