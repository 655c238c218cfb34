"""What is installed is pinned once: lock, conda environment and pyproject agree, and name no index."""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import yaml
from packaging.requirements import Requirement

from envs.pins import environment, pins

ROOT = Path(__file__).parents[1]
LOCK = (ROOT / "requirements.lock").read_text()
ENV = (ROOT / "envs/lungseg.yaml").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = {name: texts for name, texts in PROJECT["optional-dependencies"].items() if name != "gdcm"}  # see there
DECLARED = [*PROJECT["dependencies"], *(text for texts in EXTRAS.values() for text in texts)]
DECLARED = [text for text in DECLARED if not text.startswith("lungseg[")]


def test_environment_has_the_pins_of_the_lock() -> None:
    assert environment(LOCK) == ENV, "make lock"
    content = yaml.safe_load(ENV)
    assert content["channels"] == ["conda-forge"]
    assert [str(entry).split()[0] for entry in content["dependencies"][:2]] == ["python", "pip"]
    assert content["dependencies"][2]["pip"] == pins(LOCK)


def test_every_dependency_is_pinned_within_its_bounds() -> None:
    pinned: dict[str, list[str]] = {}
    for pin in map(Requirement, pins(LOCK)):
        pinned.setdefault(pin.name, []).append(next(iter(pin.specifier)).version)
    for text in DECLARED:
        wanted = Requirement(text)
        assert wanted.name in pinned, "make lock"
        assert all(wanted.specifier.contains(version) for version in pinned[wanted.name])


def test_who_sets_up_the_project_gets_every_extra_but_one() -> None:
    (own,) = [text for text in EXTRAS["dev"] if text.startswith("lungseg[")]
    assert set(re.findall(r"[a-z]+", own)) - {"lungseg"} == set(EXTRAS) - {"dev"}


def test_every_pin_is_exact_and_has_hashes() -> None:
    for block in re.split(r"\n(?=[a-z0-9])", LOCK)[1:]:
        requirement = Requirement(block.splitlines()[0].rstrip("\\ "))
        assert [clause.operator for clause in requirement.specifier] == ["=="]
        assert "--hash=sha256:" in block, requirement.name


def test_no_index_and_no_host_is_named() -> None:
    for text in (LOCK, ENV):
        assert not re.search(r"https?://|--index|--find-links|--extra-index", text)


def test_a_wheel_has_every_file_of_the_package(tmp_path: Path) -> None:
    """Also tables, weights and pages, which lie beside the modules."""
    listed = subprocess.run(["git", "ls-files", "lungseg"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    files = [name for name in listed.splitlines() if (ROOT / name).is_file()]
    for name in (*files, "pyproject.toml", "README.md", "LICENSE", "NOTICE"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, tmp_path / name)
    (tmp_path / "lungseg/models").mkdir(exist_ok=True)
    (tmp_path / "lungseg/models/net.onnx").touch()  # as of the model in the package, once there is one
    words = [sys.executable, "-c", "from setuptools.build_meta import build_wheel; build_wheel('out')"]
    subprocess.run(words, cwd=tmp_path, capture_output=True, check=True)
    (wheel,) = (tmp_path / "out").glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        inside = {name for name in packed.namelist() if name.startswith("lungseg/")}
    assert inside == {*files, "lungseg/models/net.onnx"}


def test_imports_of_the_package_are_declared() -> None:
    names = {re.split(r"[>=<\[]", text)[0] for text in DECLARED}
    modules = {"yaml": "pyyaml", "PIL": "pillow", "great_tables": "great-tables", "pydantic_core": "pydantic"}
    modules |= {name: name.replace("_", "-") for name in ("segmentation_models_pytorch", "scikit_posthocs")}
    found = set()
    for path in (ROOT / "lungseg").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            imported = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            imported += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            found |= {name.split(".")[0] for name in imported}
    outside = found - set(sys.stdlib_module_names) - {"lungseg"}
    assert {modules.get(name, name) for name in outside} <= names
