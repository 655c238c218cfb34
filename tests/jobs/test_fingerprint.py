"""Fingerprints and imports agree: an edit is seen where it matters and nowhere else."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lungseg.films.networks import MODELS
from lungseg.jobs import fingerprint as module
from lungseg.jobs.console import STOPPED
from lungseg.jobs.fingerprint import SILENT, fingerprint, fingerprints, modules

ROOT = Path(__file__).parents[2]
ROOMS = {path.parent.name for path in ROOT.glob("lungseg/*/__init__.py")}  # docstrings alone
RULES = "".join(path.read_text() for path in ROOT.glob("workflow/rules/*.smk"))
SCRIPTS = sorted((ROOT / "workflow/scripts").glob("*.py"))


@pytest.fixture(scope="module")
def imported() -> dict[str, set[str]]:
    """Each script's modules of this package, imported by a process of its own; what is not ours is there before."""
    program = """
import os, sys
import matplotlib.pyplot, mlflow, pandas, scipy.stats, seaborn, segmentation_models_pytorch, torch

for path in sys.argv[1:]:
    sys.stdout.flush()
    if os.fork():
        assert os.wait()[1] == 0, path
        continue
    stripped = map(str.strip, open(path, encoding="utf-8"))  # an import may stand under an `if`
    exec("\\n".join(line for line in stripped if line.startswith(("import lungseg", "from lungseg"))))
    print(path, *(name for name in sys.modules if name.startswith("lungseg.")), flush=True)
    os._exit(0)
"""
    command = [sys.executable, "-c", program, *map(str, SCRIPTS)]
    lines = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout.splitlines()
    return {Path(path).stem: set(names) for path, *names in map(str.split, lines)}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_fingerprinted_modules_are_those_that_python_imports(script: Path, imported: dict[str, set[str]]) -> None:
    found = {name.removeprefix("lungseg.") for name in imported[script.stem]} - SILENT - ROOMS
    assert set(modules(script)) >= found
    # A model may be of runs, which alone need torch: this is imported when such a one is opened.
    assert set(modules(script)) == found or script.stem == "model"


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_scripts_stay_scripts(script: Path) -> None:
    text = script.read_text()
    assert len([line for line in text.splitlines() if line.strip()]) <= 32
    assert "def " not in text
    assert re.search(rf'script:\n +"../scripts/{re.escape(script.name)}"', RULES)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_an_interrupt_while_a_script_imports_ends_in_one_line(script: Path, tmp_path: Path) -> None:
    """The first import that takes long is interrupted: torch, numpy, pandas, or whatever of the package comes first."""
    program = f"""
import sys
from types import SimpleNamespace

class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name.startswith("lungseg.") and name.split(".")[1] not in ("errors", "files", "jobs", "terminal"):
            raise KeyboardInterrupt
        if name in ("torch", "numpy", "pandas", "mlflow"):
            raise KeyboardInterrupt

snakemake = SimpleNamespace(log=[{str(tmp_path / "job.log")!r}], rule="any", input=[], output=[])
sys.meta_path.insert(0, Interrupting())
exec(compile(open({str(script)!r}).read(), {str(script)!r}, "exec"))
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert ended.returncode != 0 and ended.stderr == f"lungseg: {STOPPED}\n"


def test_every_data_file_of_the_package_counts_with_the_module_beside_it() -> None:
    """A module opens the files that begin with its name; the fingerprint takes these."""
    files = [path for path in ROOT.glob("lungseg/**/*") if path.is_file() and path.suffix not in {".py", ".pyc"}]
    assert not any(name.startswith("serve.") for script in SCRIPTS for name in modules(script))  # of no job
    files = [path for path in files if path.parent not in (ROOT / "lungseg/serve/page", MODELS)]
    assert {path.name for path in files} == {
        "hub_weights.csv",
        "patients_films.json",
        "pretrained_mobilenetv2.safetensors",
        "splits_gaal2020.json",
    }
    for path in files:
        assert path.with_name(path.name.partition("_")[0] + ".py").is_file(), path


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of two modules with a data file, and a script that imports the first, which imports the second."""
    (tmp_path / "__init__.py").write_text("")
    (tmp_path / "first.py").write_text('"""Doc."""\nfrom lungseg.second import two\nfrom lungseg.errors import E\n')
    (tmp_path / "second.py").write_text("# comment\ndef two():\n    return 2\n")
    (tmp_path / "second_ids.json").write_text("{}")
    (tmp_path / "errors.py").write_text("E = 1\n")
    (tmp_path / "other.py").write_text("x = 1\n")
    (tmp_path / "script.txt").write_text("from lungseg.first import two\n")
    monkeypatch.setattr(module, "PACKAGE", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("file", "text", "changes"),
    [
        ("second.py", "def two():\n    return 3\n", True),
        ("second.py", "# another comment\n\n\ndef two():\n    '''Doc.'''\n    return 2\n", False),
        ("second_ids.json", "{ }", True),
        ("first.py", '"""Another."""\nfrom lungseg.second import two\nfrom lungseg.errors import E\n', False),
        ("other.py", "x = 2\n", False),
        ("errors.py", "E = 2\n", False),
    ],
)
def test_an_edit_counts_where_it_matters(package: Path, file: str, text: str, changes: bool) -> None:
    script, memory = package / "script.txt", package / "memory/code.json"
    before = fingerprint(script)
    assert fingerprints([script], memory) == fingerprints([script], memory) == {"script": before}
    (package / file).write_text(text)
    assert (fingerprint(script) != before) is changes
    assert fingerprints([script], memory) == {"script": fingerprint(script)}


def test_what_is_remembered_is_computed_once(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script, memory = package / "script.txt", package / "code.json"
    expected = fingerprints([script], memory)
    monkeypatch.setattr(module, "_meaning", None)
    monkeypatch.setattr(module, "imports", None)
    assert fingerprints([script], memory) == expected


@pytest.mark.parametrize("damage", ["", "[]", "\xff", '{"by": 1}', '{"by": "BY"}', '{"by": "BY", "imports": {"a": 3}}',
                                    '{"by": "BY", "imports": [], "codes": 5}', "other code"])  # fmt: skip
def test_a_damaged_memory_of_code_or_one_of_other_code_begins_anew(package: Path, damage: str) -> None:
    script, memory = package / "script.txt", package / "code.json"
    fingerprints([script], memory)
    known = json.loads(memory.read_text())
    wrong = json.dumps(known | {"by": "other", "codes": dict.fromkeys(known["codes"], "wrong")})
    memory.write_bytes(wrong.encode() if damage == "other code" else damage.replace("BY", known["by"]).encode("latin1"))
    assert fingerprints([script], memory) == {"script": fingerprint(script)}
    assert fingerprints([script], package / "script.txt/nowhere.json") == {"script": fingerprint(script)}
