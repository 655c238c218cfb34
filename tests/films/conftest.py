"""Files that may not be opened."""

import ctypes
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

OVERRIDES = 0b110  # the capabilities of root that no permission holds for: CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH


@pytest.fixture
def closed() -> Iterator[Callable[[Path, int], None]]:
    """A function that gives a file or a folder a mode, which then holds for root, too; undone at the end."""
    changed: list[tuple[Path, int]] = []
    header, before = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    root = os.geteuid() == 0
    if root:
        if not sys.platform.startswith("linux"):
            pytest.skip("root may open everything here")
        libc = ctypes.CDLL(None)
        libc.capget(header, before)

    def close(path: Path, mode: int) -> None:
        changed.append((path, path.stat().st_mode))
        path.chmod(mode)
        if root:
            without = (ctypes.c_uint32 * 6)(*before)
            without[0] &= ~OVERRIDES  # of this thread and those that it starts
            libc.capset(header, without)

    yield close
    if root:
        libc.capset(header, before)
    for path, mode in reversed(changed):
        path.chmod(mode)
