"""Two small networks, trained on drawn films once, as runs and as files."""

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
