"""The command line: what it prints and how it ends."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from lungseg import cli
from lungseg.data.datasets import DATASETS
from tests.conftest import Members, write_zip

Run = Callable[..., int]


def test_list_tells_where_everything_comes_from() -> None:
    output = CliRunner().invoke(cli.app, ["data", "list"]).output
    for chosen in DATASETS.values():
        assert f"{chosen.name}: {chosen.title}" in output and chosen.licence in output
        assert all(archive.name in output for archive in chosen.archives)
    assert "566 and 96 without a mask" in output and "Register at" in output and "Kaggle account" in output


def test_fetch_then_check(
    members: dict[str, dict[str, Members]], tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, content in members["jsrt"].items():
        write_zip(tmp_path / "archives" / name, content)
    assert run("data", "fetch", "jsrt", "phantom", "--archives", tmp_path / "archives", "--to", tmp_path / "raw") == 0
    output = capsys.readouterr().out
    assert "unverified, no official hash is known" in output and "nothing to fetch" in output
    assert run("data", "check", "jsrt", "--at", tmp_path / "raw") == 0
    assert "jsrt: whole, 247 films" in capsys.readouterr().out


def test_check_tells_what_is_not_whole_and_goes_on(
    members: dict[str, dict[str, Members]], tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, content in members["jsrt"].items():
        write_zip(tmp_path / "archives" / name, content)
    run("data", "fetch", "jsrt", "--archives", tmp_path / "archives", "--to", tmp_path / "raw")
    path = tmp_path / "raw" / "jsrt" / "scr.zip"
    path.write_bytes(path.read_bytes() + b"0")
    assert run("data", "check", "montgomery", "jsrt", "--at", tmp_path / "raw") == 1
    error = capsys.readouterr().err
    assert "montgomery: not whole" in error and "data fetch montgomery" in error
    assert "jsrt: not whole" in error and "scr.zip: found" in error and "Traceback" not in error


def test_check_counts_the_unused(
    members: dict[str, dict[str, Members]], tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, content in members["shenzhen"].items():
        write_zip(tmp_path / "shenzhen" / name, content)
    assert run("data", "check", "shenzhen", "--at", tmp_path) == 0
    assert "whole, 566 films, 96 more without a mask" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["fetch", "check"])
def test_an_unknown_data_set_is_one_message_and_exit_code_2(
    run: Run, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    assert run("data", command, "mimic") == 2
    error = capsys.readouterr().err
    assert error.startswith("lungseg: data set: found 'mimic'") and error.count("\n") == 1


def test_a_place_that_cannot_be_written_is_one_message(
    members: dict[str, dict[str, Members]], tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, content in members["jsrt"].items():
        write_zip(tmp_path / "archives" / name, content)
    (tmp_path / "raw").write_bytes(b"")
    assert run("data", "fetch", "jsrt", "--archives", tmp_path / "archives", "--to", tmp_path / "raw") == 2
    error = capsys.readouterr().err
    assert str(tmp_path / "raw") in error and error.count("\n") == 1


def test_a_defect_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def defect() -> None:
        raise OSError("a defect")

    monkeypatch.setattr(cli, "app", defect)
    with pytest.raises(OSError, match="a defect"):
        cli.main()


def test_a_terminal_of_few_characters_gets_every_line(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("method,dice,n\nÜ,0.95 ± 0.5,20\n", encoding="utf-8")
    command = [sys.executable, "-m", "lungseg.cli", "audit", str(tmp_path / "t.csv")]
    ended = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PYTHONIOENCODING": "ascii"})
    assert ended.returncode == 1 and r"\xdc: inconsistent: Dice 0.95 \xb1 0.5" in ended.stdout and not ended.stderr


@pytest.mark.parametrize("module", ["lungseg.cli", "lungseg.jobs.pieces"])
def test_an_interrupt_while_a_command_imports_ends_in_one_line(module: str) -> None:
    program = f"""
import runpy, sys

class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name in ("argparse", "typer", "json", "dataclasses"):
            raise KeyboardInterrupt

for name in ("argparse", "json", "dataclasses"):
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Interrupting())
runpy.run_module({module!r}, run_name="__main__")
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ended.returncode != 0 and ended.stderr == "lungseg: stopped\n"


def test_phantom_draws_a_picture(tmp_path: Path, run: Run) -> None:
    assert run("data", "phantom", tmp_path / "sheet.png") == 0
    with Image.open(tmp_path / "sheet.png") as picture:
        assert picture.size == (512, 256)
    assert (tmp_path / "sheet.png").stat().st_size < 150_000


def test_the_command_line_does_not_load_torch() -> None:
    code = "import sys, lungseg.cli; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[1], check=False).returncode == 0


def test_the_command_itself_loads_nothing_that_takes_time() -> None:
    heavy = ("torch", "pandas", "scipy", "PIL", "pydicom", "onnxruntime", "pooch", "matplotlib",
             "starlette", "uvicorn", "asyncio", "lungseg.config")  # fmt: skip
    code = f"import sys, lungseg.cli; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"
