"""One call at a time in a folder of results: two that write its tables at once would spoil each other's."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lungseg.errors import InputError

LOCK = ".films.lock"  # there while a call is at work; what a killed one leaves is free, and is taken by the next


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold a folder of results until the block ends; the kernel frees it, too, however the process ends.

    Args:
        folder: Where results go. On a file system without locks nobody is kept out.

    Raises:
        InputError: Another call is at work there.
    """
    place = folder / LOCK
    held = _locked(place)
    try:
        yield
    finally:
        if held is not None:
            with suppress(OSError):
                place.unlink()  # before it is free: whoever opened it meanwhile sees that it is not the one there
            os.close(held)


def _locked(place: Path) -> int | None:
    """A descriptor that holds the lock; None where there can be none."""
    while True:
        try:
            held = os.open(place, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        except OSError:
            return None
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(held), place.stat()):
                return held
        except BlockingIOError as error:
            os.close(held)
            remedy = "Wait until it is done, or name another folder."
            raise InputError(place.parent, "another call that is at work in it", "one at a time", remedy) from error
        except FileNotFoundError:
            pass  # the one who held it has just gone
        except OSError:
            os.close(held)
            with suppress(OSError):
                place.unlink()
            return None
        os.close(held)
