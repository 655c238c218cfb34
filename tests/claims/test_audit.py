"""`lungseg audit`: what it prints, how it ends, and what it says of a table it cannot read."""

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from lungseg import cli
from lungseg.claims.arithmetic import RULES
from lungseg.claims.printed_table import read_table

PUBLISHED = Path(__file__).parents[2] / "workflow/published"
Run = Callable[..., int]


@pytest.fixture
def table(tmp_path: Path) -> Callable[[str], Path]:
    """A function that writes a table and returns its path."""

    def write(text: str) -> Path:
        (tmp_path / "table.csv").write_text(text)
        return tmp_path / "table.csv"

    return write


def test_findings_are_printed_and_counted(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("audit", PUBLISHED / "mishra.csv") == 1
    output = capsys.readouterr().out
    assert "U-Net: IoU 0.937, recall 0.875: IoU <= recall fails by at least 0.0610" in output
    assert "4 rows, 8 rules, 9 findings" in output


def test_json_is_a_list_of_findings(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("audit", "--json", PUBLISHED / "mishra.csv") == 1
    findings = json.loads(capsys.readouterr().out)
    assert len(findings) == 9 and {"row", "rule", "message", "slack", "verdict"} == set(findings[0])
    assert [f["row"] for f in findings if f["rule"] == "Dice/(2-Dice) <= IoU"] == ["Proposed network"]


def test_a_table_that_stands_ends_with_0(
    run: Run,
    table: Callable[[str], Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = table("Network,DSC,Jaccard,Sensitivity,PPV\nours,0.962,0.929,0.957,0.968\n\nother,0.96,,,\n")
    assert run("audit", path) == 0
    assert "2 rows, 8 rules, 0 findings" in capsys.readouterr().out
    assert run("audit", "--json", path) == 0 and json.loads(capsys.readouterr().out) == []


def test_pooling_and_a_named_loss_are_asked_for(run: Run, table: Callable[[str], Path]) -> None:
    path = table("method,dice,iou,loss\na,0.96,0.94,0.06\n")
    assert run("audit", path) == 0
    assert run("audit", path, "--averaging", "pooled") == 1
    assert run("audit", path, "--loss", "dice") == 1 and run("audit", path, "--loss", "iou") == 0


def test_help_shows_how_to_write_a_table() -> None:
    output = CliRunner().invoke(cli.app, ["audit", "--help"]).output
    assert "method,dice,iou,recall,precision" in output and "Exit code 0" in output
    assert all(rule.name in output for rule in RULES)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "method,dice\na,95.7\n",
            "line 2, a, dice: found 95.7, expected a fraction from 0 to 1. Divide percentages by 100",
        ),
        ("method,dice\na,95.7%\n", "found '95.7%', expected a plain number"),
        ("method,dice\na,0.95 ± 0.01\n", "found '0.95 ± 0.01', expected a plain number"),
        ("method,dice\na,nan\n", "found 'nan', expected a plain number"),
        ("method,loss\na,-0.1\n", "found '-0.1', expected a plain number"),
        ("dice,iou\n0.9,0.8\n", "line 1: found the columns dice, iou, expected a column method"),
        ("method,dice,hd95\na,0.9,3\n", "line 1: found the column 'hd95', expected a comma-separated file"),
        ("method,dice,F1\na,0.9,0.9\n", "found a second column dice ('F1'), expected one"),
        ("method\na\n", "line 1: found no column of a metric"),
        ("method,dice\na,0.9\na,0.8\n", "line 3: found the method 'a' a second time"),
        ("method,dice\n,0.9\n", "line 2: found no method"),
        ("method,dice\na,0.9,0.8\n", "line 2: found 3 cells, expected 2"),
        ("method,dice\na,\n", "found no row with a value"),
        ("method,dice\n", "found no row with a value"),
        ("", "found an empty file"),
        ('method,dice\n"a,0.9\n', "found no table ("),
    ],
)
def test_a_malformed_table_is_one_message_and_exit_code_2(
    run: Run,
    table: Callable[[str], Path],
    capsys: pytest.CaptureFixture[str],
    text: str,
    message: str,
) -> None:
    assert run("audit", table(text)) == 2
    error = capsys.readouterr().err
    assert message in error and "table.csv" in error and error.count("\n") == 1


def test_a_file_that_is_not_there_or_no_text(
    run: Run,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("audit", tmp_path / "none.csv") == 2 and "found no such file" in capsys.readouterr().err
    (tmp_path / "film.csv").write_bytes(b"\x89PNG\xff\xfe")
    assert run("audit", tmp_path / "film.csv") == 2 and "found no table (" in capsys.readouterr().err


def test_every_published_table_is_readable_and_has_its_source() -> None:
    sources = pd.read_csv(PUBLISHED / "sources.csv")
    assert sorted(sources["file"]) == sorted(
        path.name for path in PUBLISHED.glob("*.csv") if path.name != "sources.csv"
    )
    assert sources["source"].notna().all() and len(sources) >= 6
    assert all(read_table(PUBLISHED / name) for name in sources["file"])
