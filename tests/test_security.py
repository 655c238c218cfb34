"""What docs/security.md says of the source: nothing runs a text, files are opened by the readers that measure them."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from lungseg import outside
from tests.workflow import ROOT

FILES = sorted([*ROOT.glob("lungseg/**/*.py"), *ROOT.glob("workflow/scripts/*.py")])
RUN = {"subprocess.run", "subprocess.Popen", "subprocess.call", "subprocess.check_output", "subprocess.check_call"}
OWN = ROOT / "lungseg/networks/own.py"  # a network of one's own: the one place that runs a file that is named to it
FORBIDDEN = {
    *("eval", "exec", "compile", "os.system", "os.popen", "os.execv", "os.execvp", "pickle.load", "pickle.loads"),
    *(
        "joblib.load",
        "pd.read_pickle",
        "shelve.open",
        "marshal.loads",
        "yaml.unsafe_load",
        "yaml.full_load",
    ),
    *("shutil.unpack_archive", "tarfile.open", "tempfile.mktemp"),
}


def calls(file: Path) -> Iterator[tuple[str, ast.Call]]:
    """Every call in a file, with the dotted name of what is called."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def keyword(call: ast.Call, name: str) -> str | None:
    """The source of an argument given by name."""
    return next((ast.unparse(one.value) for one in call.keywords if one.arg == name), None)


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_nothing_runs_a_text(file: Path) -> None:
    for name, call in calls(file):
        where = f"{file.name}:{call.lineno}"
        assert name not in FORBIDDEN or (name in ("exec", "compile") and file == OWN), where
        assert not re.search(r"(?<!\.str)\.extract(all)?$", name), where
        if name in RUN:  # a list of words: no shell splits it
            assert keyword(call, "shell") is None and not isinstance(call.args[0], ast.Constant | ast.JoinedStr), where
        if name == "torch.load":
            assert keyword(call, "weights_only") == "True", where
        if name == "np.load":
            assert keyword(call, "allow_pickle") in (None, "False"), where
        if name == "Image.open":
            assert keyword(call, "formats"), where
        if name == "yaml.load":
            loader = keyword(call, "Loader") or ast.unparse(call.args[1])
            assert loader == "yaml.BaseLoader" or (file.name, loader) == ("outside.py", "loader"), where
            assert issubclass(outside._Loader, yaml.SafeLoader) and issubclass(outside._AsWritten, outside._Loader)
        if name == "yaml.safe_load":
            assert file.name == "outside.py", where
        if name == "jinja2.Environment":
            assert keyword(call, "autoescape") == "True", where


def test_onnxruntime_is_imported_where_it_is_told_to_report_nothing() -> None:
    own = ROOT / "lungseg/onnx_runtime.py"
    text = re.compile(r"^\s*(import|from) onnxruntime\b", re.MULTILINE)
    places = [*ROOT.glob("lungseg/**/*.py"), *ROOT.glob("bench/**/*.py"), *ROOT.glob("tests/**/*.py")]
    assert [file for file in places if text.search(file.read_text(encoding="utf-8"))] == [own]


def test_no_rule_has_a_shell() -> None:
    for file in [ROOT / "Snakefile", *ROOT.glob("workflow/rules/*.smk")]:
        assert not re.search(r"^\s*shell(\s*:|\()", file.read_text(), re.MULTILINE), file


def test_the_template_trusts_its_own_files_alone() -> None:
    text = (ROOT / "workflow/report/report.html.j2").read_text()
    # `figure` and `plots.gains` are what lungseg/report/inline.py let pass.
    trusted = {"style", "script", "packed", "figure", "plots.gains"}
    assert set(re.findall(r"\{\{ ?([\w.]+) *\| *safe", text)) <= trusted
    assert "autoescape" not in text
    for script in ("workflow/report/report.js", "lungseg/serve/page/page.js"):
        text = (ROOT / script).read_text()
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text)


def test_every_test_that_the_notes_name_is_there() -> None:
    text = (ROOT / "docs/security.md").read_text()
    named = set(re.findall(r"`((?:tests|lungseg)/[\w/.]+)`", text))
    assert len(named) > 12
    assert not [name for name in named if not (ROOT / name).is_file()]
