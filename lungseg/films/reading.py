"""Which files are films, and each of them read by what it is, not by what it is called."""

import os
import re
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

from lungseg.errors import InputError
from lungseg.films.dicom import is_dicom, read_dicom
from lungseg.films.drawing import OVERLAY
from lungseg.films.film import Film
from lungseg.films.folders import files_below as files_below
from lungseg.films.folders import is_folder, refuse_closed
from lungseg.films.former import written
from lungseg.films.pictures import read_picture
from lungseg.films.tiff import BEGINNINGS
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
        InputError: It is no file, empty, or too large; or a folder that may not be opened stands for its films.
    """
    if is_folder(path):
        refuse_closed(path)
    content = bounded(path, LARGEST).read_bytes()
    if not content:
        raise InputError(path, "an empty file", "a film", "Bring the file again.")
    return content


@contextmanager
def unwarned() -> Iterator[None]:
    """Films are read without a word of the libraries that do it: what they find odd may be of the patient."""
    with warnings.catch_warnings():
        for module in ("pydicom", "highdicom"):
            warnings.filterwarnings("ignore", module=module)
        warnings.filterwarnings("ignore", category=UserWarning, module="PIL")  # that a picture is a bomb is none
        yield


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
    return content.startswith((b"\x89PNG", b"\xff\xd8\xff", b"GIF8", *BEGINNINGS))


def find(given: Sequence[Path], out: Path, listed: Path | None = None) -> list[Source]:
    """The films among files and folders, each once, in the order given and of their names in a folder.

    A named file is taken whatever it is called, also one that is not there: it stops no other, and is told of as one
    that cannot be read. In a folder, and in those below it, files are taken that are called as pictures or DICOM files
    are, or that begin as the latter do, or of which nobody can tell. A folder that may not be opened stands for its
    films, under its name and a stroke. What lies in `out` is no film, nor is what an earlier call wrote elsewhere.

    Args:
        given: Files and folders.
        out: Where results go.
        listed: A file with a path in each line; `#` begins a remark.

    Raises:
        InputError: There is none, or two would have results of one name.
    """
    paths: dict[Path, str] = {}
    closed: dict[Path, str] = {}
    every = [*given, *(_lines(listed) if listed else ())]
    if every and not any(os.path.lexists(path) for path in every):
        more = ", and none of the others either" if len(every) > 1 else ""
        raise InputError(every[0], f"no such file or folder{more}", "a film", "Correct the path.")
    for path in every:
        if is_folder(path):
            _refuse_results(path, out)
            unopened: list[Path] = []
            for file in _below(path, out, unopened):
                paths.setdefault(file, _name_below(path, file))
            closed |= {
                folder: readable_name(_name_below(path, folder)) + "/"
                for folder in unopened
                if not _within(folder, out)
            }
        else:
            paths.setdefault(path, path.name)
    if not paths and not closed:
        where = ", ".join(map(str, [*given, *([listed] if listed else [])])) or "nothing"
        raise InputError(where, "no film", "at least one", FEW)
    return [*_named(_once(paths)), *(Source(path, name) for path, name in _once(closed).items())]


def _name_below(folder: Path, path: Path) -> str:
    return str(PurePosixPath(*path.relative_to(folder).parts)) if path != folder else path.name or str(path)


def _refuse_results(folder: Path, out: Path) -> None:
    """Results go neither among the films nor above them."""
    films, place = Path(os.path.realpath(folder)), Path(os.path.realpath(out))
    if films == place:
        raise InputError("--out", f"{out}, which is the folder of films", "another folder", "Name another.")
    if place in films.parents:
        remedy = "Name another, such as --out masks."
        raise InputError("--out", f"{out}, which holds the folder of films {folder}", "another folder", remedy)


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
    if "\0" in text:
        raise InputError(listed, "zeros between its letters, as UTF-16 has", "a path in each line, in UTF-8", FEW)
    return [Path(line.strip()) for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def _within(path: Path, out: Path) -> bool:
    return Path(os.path.realpath(out)) in Path(os.path.realpath(path), "-").parents


def _below(folder: Path, out: Path, unopened: list[Path]) -> Iterator[Path]:
    files = files_below(folder, unopened)
    results = {path for place in {file.parent for file in files} for path in written(place)}
    for file in files:
        if file in results or _within(file, out):
            continue
        lost = file.is_symlink() and not file.exists()
        if not lost and not file.is_file():
            continue
        if file.suffix.lower() in PICTURES | DICOM or (not lost and _may_be_dicom(file)):
            yield file


def readable_name(name: str) -> str:
    """A file's name as text: a byte that is no UTF-8 becomes its number, as in `M%FCller`."""
    return re.sub(r"[\ud800-\udfff]", lambda found: f"%{ord(found[0]) & 0xFF:02X}", name)


def _may_be_dicom(file: Path) -> bool:
    """Whether a file begins as a DICOM file; or may, as it cannot be read, which is then told of it."""
    try:
        with file.open("rb") as stream:
            return is_dicom(stream.read(132))
    except OSError:
        return True


def short_name(name: str) -> str:
    """A film's name without the suffix of a film's file; `1.2.840` has none."""
    path = PurePosixPath(name)
    return str(path.with_suffix("")) if path.suffix.lower() in PICTURES | DICOM else name


def _named(paths: dict[Path, str]) -> list[Source]:
    """A name for each: without its suffix, or with it where that would be another's name or an overlay's."""
    whole = {path: readable_name(name) for path, name in paths.items()}
    own = {path: short_name(name) for path, name in whole.items()}
    own |= {path: whole[path] for path, name in own.items() if f"{name}.png".lower().endswith(OVERLAY)}
    while met := [path for path in _met(own) if own[path] != whole[path]]:
        own |= {path: whole[path] for path in met}
    if met := _met(own):
        other, path = [one for one in met if own[one].lower() == own[met[0]].lower()][:2]
        remedy = "Give the folder above both, and their names keep the difference."
        if path.parent == other.parent:
            where = "" if own[path] == own[other] else ", where capitals and small letters are the same"
            remedy = f"Rename one: one mask would replace the other{where}."
        raise InputError(path, f"the name {own[path]}, as {other} has", "names of their own", remedy)
    return [Source(path, name) for path, name in own.items()]


def _met(names: dict[Path, str]) -> list[Path]:
    """Films whose names others have, too, where capitals and small letters are the same."""
    count = Counter(name.lower() for name in names.values())
    return [path for path, name in names.items() if count[name.lower()] > 1]
