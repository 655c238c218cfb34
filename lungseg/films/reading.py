"""Which files are films, and each of them read by what it is, not by what it is called."""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

from lungseg.errors import InputError
from lungseg.films.dicom import is_dicom, read_dicom
from lungseg.films.drawing import OVERLAY
from lungseg.films.film import Film
from lungseg.films.pictures import read_picture
from lungseg.outside import TABLE, bounded

LARGEST = 2**28  # bytes of a film's file
PICTURES = frozenset({".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".tif", ".tiff", ".gif"})
DICOM = frozenset({".dcm", ".dicom", ".dic", ".ima", ".img"})
FEW = "Give films, folders, or a list with --list."


@dataclass(frozen=True)
class Source:
    """A film's file.

    Args:
        path: Where it lies.
        name: What its results are called: below a folder, its path from there without the suffix.
    """

    path: Path
    name: str


def read_bytes(path: Path) -> bytes:
    """A film's file, whole.

    Raises:
        InputError: It is no file, empty, or too large.
    """
    content = bounded(path, LARGEST).read_bytes()
    if not content:
        raise InputError(path, "an empty file", "a film", "Bring the file again.")
    return content


def read_film(content: bytes, path: Path, inverted: bool | None = None) -> Film:
    """Read a film of any kind.

    Args:
        content: Its file's bytes.
        path: Its file.
        inverted: Whether low values are bright; None leaves it to the file.

    Raises:
        InputError: It is no film, or damaged.
    """
    if is_dicom(content) or (path.suffix.lower() in DICOM and not _is_picture(content)):
        return read_dicom(content, path, inverted)
    return read_picture(content, path, inverted)


def _is_picture(content: bytes) -> bool:
    """Whether a file begins as a PNG, JPEG, GIF or TIFF does, whatever it is called."""
    return content.startswith((b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"II*\0", b"MM\0*"))


def find(given: Sequence[Path], out: Path, listed: Path | None = None) -> list[Source]:
    """The films among files and folders, each once, in the order given and of their names in a folder.

    A named file is taken whatever it is called, also one that is not there: it stops no other, and is told of as one
    that cannot be read. In a folder, and in those below it, files are taken that are called as pictures or DICOM files
    are, or that begin as the latter do. What lies in `out` is no film.

    Args:
        given: Files and folders.
        out: Where results go.
        listed: A file with a path in each line; `#` begins a remark.

    Raises:
        InputError: There is none, or two would have results of one name.
    """
    paths: dict[Path, str] = {}
    every = [*given, *(_lines(listed) if listed else ())]
    if every and not any(os.path.lexists(path) for path in every):
        others = ", and none of the others either" if len(every) > 1 else ""
        raise InputError(every[0], f"no such file or folder{others}", "a film", "Correct the path.")
    for path in every:
        if path.is_dir():
            if path.resolve() == out.resolve():
                raise InputError("--out", f"{out}, which is the folder of films", "another folder", "Name another.")
            if out.resolve() in path.resolve().parents:
                remedy = "Name another, such as --out masks."
                raise InputError("--out", f"{out}, which holds the folder of films {path}", "another folder", remedy)
            for file in _below(path, out):
                paths.setdefault(file, str(PurePosixPath(*file.relative_to(path).parts)))
        else:
            paths.setdefault(path, path.name)
    if not paths:
        raise InputError(", ".join(map(str, given)) or "nothing", "no film", "at least one", FEW)
    return _named(_once(paths))


def _once(paths: dict[Path, str]) -> dict[Path, str]:
    """Each file by the first of its ways; a link beside it is a file of its own."""
    real = cache(os.path.realpath)
    first: dict[tuple[str, str], Path] = {}
    for path in paths:
        first.setdefault((real(path.parent), path.name), path)
    return {path: paths[path] for path in first.values()}


def _lines(listed: Path) -> list[Path]:
    try:
        text = bounded(listed, TABLE).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(listed, "no text", "a path in each line, in UTF-8", FEW) from error
    return [Path(line.strip()) for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def _below(folder: Path, out: Path) -> Iterator[Path]:
    place = out.resolve()
    for file in files_below(folder):
        if place in file.resolve().parents:
            continue
        lost = file.is_symlink() and not file.exists()
        if not lost and not file.is_file():
            continue
        if file.suffix.lower() in PICTURES | DICOM or (not lost and _begins_as_dicom(file)):
            yield file


def files_below(folder: Path) -> list[Path]:
    """What lies in a folder and those below it, sorted, without what is hidden.

    Links to folders are followed; each real folder is entered once, by its own name rather than by a link's.
    """
    found: list[Path] = []
    seen: set[str] = set()
    roots = [folder]
    for root in roots:
        for place, folders, files in os.walk(root):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            if (real := os.path.realpath(place)) in seen:
                folders.clear()
                continue
            seen.add(real)
            found += [Path(place, name) for name in files if not name.startswith(".")]
            roots += [path for name in folders if (path := Path(place, name)).is_symlink()]
    return sorted(found)


def readable_name(name: str) -> str:
    """A file's name as text: a byte that is no UTF-8 becomes its number, as in `M%FCller`."""
    return re.sub(r"[\ud800-\udfff]", lambda found: f"%{ord(found[0]) & 0xFF:02X}", name)


def _begins_as_dicom(file: Path) -> bool:
    with file.open("rb") as stream:
        return is_dicom(stream.read(132))


def _named(paths: dict[Path, str]) -> list[Source]:
    """A name for each: without its suffix, or with it where that would be another's name or an overlay's."""
    paths = {path: readable_name(name) for path, name in paths.items()}
    short = {path: str(PurePosixPath(name).with_suffix("")) for path, name in paths.items()}
    taken: dict[str, int] = {}
    for name in short.values():
        taken[name.lower()] = taken.get(name.lower(), 0) + 1
    found: dict[str, Source] = {}
    for path, name in paths.items():
        doubtful = taken[short[path].lower()] > 1 or f"{short[path]}.png".lower().endswith(OVERLAY)
        own = name if doubtful else short[path]
        if (other := found.get(own.lower())) is not None:
            remedy = "Give the folder above both, and their names keep the difference."
            if path.parent == other.path.parent:
                remedy = "Rename one: where capitals and small letters are the same, one mask would replace the other."
            raise InputError(path, f"the name {own}, as {other.path} has", "names of their own", remedy)
        found[own.lower()] = Source(path, own)
    return list(found.values())
