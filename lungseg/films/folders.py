"""What lies in a folder and those below it; a folder that may not be opened is never passed over in silence."""

import errno
import os
from pathlib import Path

from lungseg.errors import InputError


def is_folder(path: Path) -> bool:
    """Whether a folder is there, as far as this can be seen."""
    try:
        return path.is_dir()
    except OSError:  # no way to it, or a name that no folder can have
        return False


def files_below(folder: Path, unopened: list[Path] | None = None) -> list[Path]:
    """What lies in a folder and those below it, sorted, without what is hidden.

    Links to folders are followed; each real folder is entered once, by its own name rather than by a link's.

    Args:
        folder: Where to look.
        unopened: Gets the folders that may not be opened, sorted.

    Raises:
        InputError: One may not be opened, and no list is there to get it.
    """
    found: list[Path] = []
    closed: dict[str, Path] = {}
    seen: set[str] = set()
    roots = [folder]
    for root in roots:
        for place, folders, files in os.walk(root, onerror=lambda error: _close(Path(error.filename), closed)):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            if (real := os.path.realpath(place)) in seen:
                folders.clear()
                continue
            seen.add(real)
            if not _may_enter(place):  # its files have names and nothing else
                _close(Path(place), closed)
                folders.clear()
                continue
            found += [Path(place, name) for name in files if not name.startswith(".")]
            roots += [path for name in folders if (path := Path(place, name)).is_symlink()]
    for path in sorted(closed.values()):
        if unopened is None:
            refuse_closed(path)
        else:
            unopened.append(path)
    return sorted(found)


def _may_enter(folder: str | Path) -> bool:
    return os.access(folder, os.X_OK, effective_ids=os.access in os.supports_effective_ids)


def _close(folder: Path, closed: dict[str, Path]) -> None:
    closed.setdefault(os.path.realpath(folder), folder)


def refuse_closed(folder: Path) -> None:
    """Tell that a folder may not be opened, where that is so."""
    try:
        with os.scandir(folder):
            pass
        if _may_enter(folder):
            return
        why = os.strerror(errno.EACCES)
    except OSError as error:
        why = error.strerror or type(error).__name__
    remedy = "Change its permissions, or move it away."
    raise InputError(folder, f"a folder that may not be opened ({why})", "one that may be", remedy)
