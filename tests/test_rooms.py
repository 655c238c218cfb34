"""The rooms of the library: imports point one way, and torch is imported where networks are."""

import ast
import re
from pathlib import Path

import pytest

from lungseg.jobs.fingerprint import modules

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "lungseg"
# In the order in which data flows; a room imports from itself and from rooms before it. The ground floor is the first.
ROOMS = ["", "data", "networks", "learning", "films", "serve", "scores", "statistics", "claims", "report", "jobs"]
DOORS = {PACKAGE / "cli.py", PACKAGE / "segment.py"}  # for people: they lead into every room
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py" and path not in DOORS)
PAGE = ROOT / "docs/architecture.md"
SCRIPTS = sorted((ROOT / "workflow/scripts").glob("*.py"))


def room(file: Path) -> str:
    """The room of a module; empty on the ground floor."""
    return file.relative_to(PACKAGE).parent.as_posix().removeprefix(".")


def imported(file: Path) -> set[str]:
    """Dotted names that a module imports, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return names


def rooms_imported(file: Path) -> set[str]:
    """The rooms that a module imports from."""
    own = [name.split(".")[1] for name in imported(file) if name.startswith("lungseg.")]
    return {name if name in ROOMS else "" for name in own}


def test_every_folder_is_a_room() -> None:
    assert {room(file) for file in MODULES} == set(ROOMS)
    assert not any(room(file).count("/") for file in MODULES)


@pytest.mark.parametrize("file", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_point_to_rooms_before(file: Path) -> None:
    later = set(ROOMS[ROOMS.index(room(file)) + 1 :])
    assert not rooms_imported(file) & later


@pytest.mark.parametrize("file", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_torch_is_imported_where_networks_are(file: Path) -> None:
    uses = {name.split(".")[0] for name in imported(file)} & {"torch", "timm", "segmentation_models_pytorch"}
    assert not uses or room(file) in {"networks", "learning"}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_torch_stays_out_of_every_job_after_predict(script: Path) -> None:
    """Costs are measured beside these jobs, and none but the figure and the page waits for them.

    `model` names torch, as its model may be of runs, and imports it for those alone.
    """
    uses = any(re.search("^ *(import|from) torch", path.read_text(), re.M) for path in modules(script).values())
    assert uses == (script.stem in ("train", "predict", "cost", "export_model", "model"))


def test_the_page_about_the_code_has_every_room_in_order_and_names_modules_that_there_are() -> None:
    rows = re.findall(r"^\| ([^|]*) \| [^|]* \| ([^|]*) \|$", PAGE.read_text(), re.M)[1:]
    assert [name.strip("`").replace("(ground floor)", "") for name, _ in rows] == ROOMS
    for (_, begin), name in zip(rows, ROOMS, strict=True):
        assert set(begin.split(", ")) <= {file.stem for file in MODULES if room(file) == name}


@pytest.mark.parametrize("name", ROOMS)
def test_the_face_of_a_room_imports_nothing(name: str) -> None:
    """It would be paid by everybody who needs one module of it."""
    assert not imported(PACKAGE / name / "__init__.py")
