"""Known answers: tiny archives in the official layouts, and the folder of real archives where there is one."""

import gc
import io
import os
import re
import shutil
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from hypothesis import HealthCheck, settings
from PIL import Image
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from lungseg import cli
from lungseg.data import jsrt, montgomery, shenzhen
from lungseg.films.networks import Model, of_files
from tests.workflow import copy_project, snakemake

# How long an example takes says what else the machine does.
settings.register_profile("lungseg", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("lungseg")

Members = dict[str, bytes]
SIDE = 8


def encoded(pixels: np.ndarray, kind: str = "png") -> bytes:
    """An image file's bytes."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format=kind)
    return buffer.getvalue()


def _pixels(number: int) -> np.ndarray:
    """A film of 8 x 8 pixels that differs from number to number."""
    film = np.full((SIDE, SIDE), 200, dtype=np.uint8)
    film[0, :4] = [number >> 8, number & 255, 0, 255]
    return film


LEFT, RIGHT = np.zeros((SIDE, SIDE), dtype=np.uint8), np.zeros((SIDE, SIDE), dtype=np.uint8)
LEFT[2:6, 5:7] = 255
RIGHT[2:6, 1:3] = 255


def pytest_configure() -> None:
    """Lay temporary files in memory where there is plenty: a disk would be waited for whenever a file is synced.

    The variable is pytest's own; who sets it decides.
    """
    memory = Path("/dev/shm")  # noqa: S108 - pytest makes a folder of its own in it
    if memory.is_dir() and shutil.disk_usage(memory).free > 8 * 2**30:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(memory))


# Files that take half a minute or more: a process that gets one last is alone at the end.
LONG = {"test_browser", "test_variants", "test_training", "test_export", "test_docs", "test_effects", "test_page"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that look at one run of the tiny experiment come first, they take the longest; then other long ones."""
    items.sort(key=lambda item: (_looks_at_the_run(item.path), item.path.stem in LONG), reverse=True)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Processes share the test files, each whole; those that look at the run of the tiny experiment are as one.

    Groups by marks would say this, but xdist 3.8 loses them with pytest 9.
    """
    return ByFile(config, log)


class ByFile(LoadScopeScheduling):
    """Sends each file's tests to one process."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "the tiny experiment" if _looks_at_the_run(Path(__file__).parents[1] / file) else file


@cache
def _looks_at_the_run(file: Path) -> bool:
    asks = r'^(?:def test|@pytest\.fixture[^\n]*\ndef )\w*\([^)]*\bproject: Path|getfixturevalue\("project"\)'
    return re.search(asks, file.read_text(encoding="utf-8"), re.MULTILINE) is not None


@pytest.fixture(autouse=True, scope="module")
def settled() -> Iterator[None]:
    """Let the garbage collector pass over what earlier modules left alive: it took longer than the tests of tables."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def members() -> dict[str, dict[str, Members]]:
    """Data set -> archive -> member -> bytes: every published name, pixels few and known."""
    left, right, both = encoded(LEFT), encoded(RIGHT), encoded(LEFT | RIGHT)
    films = {image_id: encoded(_pixels(n)) for n, image_id in enumerate((*montgomery.IDS, *shenzhen.IDS))}
    raw = {image_id: (16 * _pixels(n).astype(np.uint16)).astype(">u2").tobytes() for n, image_id in enumerate(jsrt.IDS)}
    gifs = {"left lung": encoded(LEFT, "gif"), "right lung": encoded(RIGHT, "gif")}
    county = {f"MontgomerySet/CXR_png/{i}.png": films[i] for i in montgomery.IDS}
    county |= {f"MontgomerySet/ManualMask/leftMask/{i}.png": left for i in montgomery.IDS}
    county |= {f"MontgomerySet/ManualMask/rightMask/{i}.png": right for i in montgomery.IDS}
    outlines = {
        f"scratch/fold{2 - int(i[-3:]) % 2}/masks/{side}/{i}.gif": mask for i in jsrt.IDS for side, mask in gifs.items()
    }
    return {
        "montgomery": {montgomery.ARCHIVE.name: county},
        "shenzhen": {
            shenzhen.IMAGES.name: {f"ChinaSet_AllFiles/CXR_png/{i}.png": films[i] for i in shenzhen.IDS},
            shenzhen.MASKS.name: {f"mask/mask/{i}_mask.png": both for i in shenzhen.WITH_MASK},
        },
        "jsrt": {
            jsrt.IMAGES.name: {f"All247images/{i}.IMG": raw[i] for i in jsrt.IDS},
            jsrt.SCR.name: outlines,
        },
    }


def write_zip(path: Path, content: Mapping[str, bytes]) -> Path:
    """Pack members into a zip file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as file:
        for member, data in content.items():
            file.writestr(member, data)
    return path


@pytest.fixture
def packed(tmp_path: Path) -> Callable[[dict[str, Members]], Path]:
    """A function that packs a data set's archives into a folder and returns it."""

    def pack(archives: dict[str, Members]) -> Path:
        for name, content in archives.items():
            write_zip(tmp_path / "raw" / name, content)
        return tmp_path / "raw"

    return pack


@pytest.fixture(scope="session")
def real_archives() -> Path:
    """The folder of real archives; tests that need it are skipped where there is none."""
    default = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("LUNGSEG_ARCHIVES", default))
    if not (folder / montgomery.ARCHIVE.name).is_file():
        pytest.skip("no folder of real archives: set LUNGSEG_ARCHIVES")
    return folder


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project in which the tiny experiment has been run to its end."""
    folder = copy_project(tmp_path_factory.mktemp("project"))
    snakemake(folder)
    return folder


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder that one process fills for all of them; a test only reads it."""
    together = "PYTEST_XDIST_WORKER" in os.environ
    folder = (factory.getbasetemp().parent if together else factory.getbasetemp()) / name
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            make(made := factory.mktemp(name))
            made.rename(folder)
    return folder


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two small networks, trained on drawn films."""
    from tests.trained import train

    folder = once(tmp_path_factory, "trained", lambda made: [train(made, seed) for seed in (0, 1)])
    return sorted(folder.glob("unet/drawn/seed*"))


@pytest.fixture(scope="session")
def files(runs: list[Path], tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Each of the two as `lungseg export` writes it."""
    from lungseg.learning.export import export

    folder = once(tmp_path_factory, "exported", lambda made: [export(run, made / f"{run.name}.onnx") for run in runs])
    return sorted(folder.iterdir())


@pytest.fixture(scope="session")
def model(files: list[Path]) -> Model:
    """The two as one model."""
    return of_files(files)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """A function that runs the command in this process and returns its exit code."""

    def command(*arguments: object) -> int:
        monkeypatch.setattr(sys, "argv", ["lungseg", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return int(ended.value.code or 0)

    return command
