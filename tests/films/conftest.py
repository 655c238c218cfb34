"""Two small networks, trained on drawn films once, as runs and as files; files that may not be opened."""

import ctypes
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lungseg.films.networks import Model, of_files
from lungseg.learning.export import export
from tests.trained import train


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("trained")
    return [train(folder, seed) for seed in (0, 1)]


@pytest.fixture(scope="session")
def files(runs: list[Path]) -> list[Path]:
    paths = [run.with_suffix(".onnx") for run in runs]
    for run, path in zip(runs, paths, strict=True):
        export(run, path)
    return paths


@pytest.fixture(scope="session")
def model(files: list[Path]) -> Model:
    return of_files(files)


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
