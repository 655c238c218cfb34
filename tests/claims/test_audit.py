"""`lungseg audit`: what it prints, how it ends, and what it says of a table it cannot read."""

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from lungseg import cli
from lungseg.claims.printed_table import read_table
from lungseg.claims.rules import RELATIONS

ROOT = Path(__file__).parents[2]
PUBLISHED, MISHRA = ROOT / "workflow/published", ROOT / "workflow/papers/mishra/table1.csv"
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
    assert "U-Net: inconsistent: IoU 0.937, recall 0.875: IoU <= recall fails by at least 0.0610" in output
    assert "Proposed network: impossible: Dice 0.984, IoU 0.966: Dice/(2-Dice) <= IoU" in output
    assert "U-Net: observed: Dice 0.957, IoU 0.937: as means over the same films" in output
    assert "4 rows, 7 rules, 9 findings (1 impossible, 8 inconsistent)" in output


def test_an_explanation_stands_once_below_the_findings_that_share_it(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("audit", MISHRA) == 1
    told = [line for line in capsys.readouterr().out.splitlines() if line.startswith("unet: what would explain")]
    assert len(told) == 1
    assert told[0].startswith(
        "unet: what would explain IoU <= recall, Dice <= 2 precision recall/(precision + recall)? Dice and IoU over "
        "lung and background, weighted by area, would be 0.964 (printed 0.957) and 0.932 (printed 0.937)"
    )


def test_json_is_a_list_of_findings(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("audit", "--json", PUBLISHED / "mishra.csv") == 1
    findings = json.loads(capsys.readouterr().out)
    assert len(findings) == 9 and {"row", "rule", "message", "slack", "verdict", "explanation"} == set(findings[0])
    assert [f["row"] for f in findings if f["rule"] == "Dice/(2-Dice) <= IoU"] == ["Proposed network"]


def test_a_table_that_stands_ends_with_0(
    run: Run,
    table: Callable[[str], Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = table("Network,DSC,Jaccard,Sensitivity,PPV\nours,0.962,0.929,0.957,0.968\n\nother,0.96,0.93,,\n")
    assert run("audit", path) == 0
    assert "2 rows, 7 rules, 0 findings\n" in capsys.readouterr().out
    assert run("audit", "--json", path) == 0 and json.loads(capsys.readouterr().out) == []


def test_pooling_and_a_named_loss_are_asked_for(run: Run, table: Callable[[str], Path]) -> None:
    path = table("method,dice,iou,loss\na,0.96,0.94,0.06\n")
    assert run("audit", path) == 0
    assert run("audit", path, "--averaging", "pooled") == 1
    assert run("audit", path, "--loss", "dice") == 1 and run("audit", path, "--loss", "iou") == 0


def test_a_table_that_cannot_be_judged_says_so(
    run: Run, table: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    path = table("method,dice,recall,accuracy\na,0.96,,\nb,,0.9,0.95\n")
    assert run("audit", path) == cli.NOT_JUDGED == 3
    output = capsys.readouterr()
    assert "2 rows, 0 rules, 0 findings" in output.out
    assert "Not judged, as no rule is about what is printed and declared: a, b\n" in output.err
    assert run("audit", "--json", path) == 3 and json.loads(capsys.readouterr().out) == []
    pair = table("method,dice,iou\na,0.96,0.93\nb,0.96,\n")
    assert run("audit", pair) == 0 and capsys.readouterr().err.endswith("declared: b\n")
    assert run("audit", pair, "--averaging", "any") == 3


def test_a_joined_row_is_judged_where_it_is_declared(
    run: Run, table: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    path = table("method,dice\nMontgomery,0.95\nJSRT,0.96\nboth,0.98\n")
    assert run("audit", path) == 3
    assert run("audit", path, "--combined", "both = Montgomery, JSRT") == 1
    assert "both: inconsistent: Dice of both 0.98, Montgomery 0.95, JSRT 0.96" in capsys.readouterr().out
    for text, message in (
        ("both", "found 'both', expected ROW=PART,PART"),
        ("both=JSRT", "expected ROW=PART,PART"),
        ("both=both,JSRT", "expected ROW=PART,PART"),
        ("both=JSRT,JSRT", "expected ROW=PART,PART"),
        ("both=JSRT,NIH", "found 'NIH', expected a row of the table: Montgomery, JSRT, both"),
    ):
        assert run("audit", path, "--combined", text) == 2 and message in capsys.readouterr().err


FORMS = [
    ("dice", "0.957", 0.957, 0.0005, None),
    ("dice", ".957 ± .02", 0.957, 0.0005, 0.02),
    ("dice", ".957+/-.02", 0.957, 0.0005, 0.02),
    ("dice", ".957 (.02)", 0.957, 0.0005, 0.02),
    ("Dice (%)", "95.7 (± 2.1)", 0.957, 0.0005, 0.021),
    ("DSC [%]", "95.7", 0.957, 0.0005, None),
    ("f1_score", "95.7", 0.957, 0.0005, None),
    ("dice", "95.7%", 0.957, 0.0005, None),
    ("dice", "95.7 ± 2.1 %", 0.957, 0.0005, 0.021),
    ("dice", "95.7 (2.1 %)", 0.957, 0.0005, 0.021),
    ("dice", "95.7 (2.1) %", 0.957, 0.0005, 0.021),
    ("dice", "95.7 % ± 2.1", 0.957, 0.0005, 0.021),
    ("Dice ± SD", "96 ± 2", 0.96, 0.005, 0.02),
    ("Dice (SD)", "0.96 (0.02)", 0.96, 0.005, 0.02),
]


@pytest.mark.parametrize(("column", "text", "mean", "half", "spread"), FORMS)
def test_numbers_are_read_as_tables_print_them(
    table: Callable[[str], Path], column: str, text: str, mean: float, half: float, spread: float | None
) -> None:
    value = read_table(table(f"method,{column}\na,{text}\n"))["a"]["dice"]
    assert [float(value.low), float(value.high)] == pytest.approx([mean - half, mean + half])
    assert value.text.startswith(text) and ("%" in value.text) == (unit_is_percent := text[0] == "9")
    assert (value.spread is None) == (spread is None)
    if value.spread and spread:
        assert float(value.spread.low + value.spread.high) / 2 == pytest.approx(spread)
        assert value.spread.low >= 0 and unit_is_percent == (value.spread.text in ("2.1", "2"))


@pytest.mark.parametrize(
    ("column", "text"),
    [
        *[("dice", f"0.957 {spread}") for spread in ("± 2%", "(2)%", "(2%)", "(0.5 %)", "+/- 2 %")],
        ("dice", "1 ± 2%"),
        ("dice", "0 (2%)"),
        ("loss", "3.3 ± 2%"),
    ],
)
@pytest.mark.parametrize("other", ["", "b,0.9,0.8\n", "b,95.1%,0.9\n"])
def test_a_per_cent_sign_of_the_spread_alone_accuses_nobody(
    run: Run, table: Callable[[str], Path], capsys: pytest.CaptureFixture[str], column: str, text: str, other: str
) -> None:
    assert run("audit", table(f"method,{column},iou\nA,{text},0.917\n{other}")) == 2
    told = capsys.readouterr()
    expected = f"A, {column}: found {text}, expected a mean and a standard deviation in the same unit. Write the sign"
    assert expected in told.err and not told.out


def test_a_per_cent_sign_is_the_cells_own(table: Callable[[str], Path]) -> None:
    rows = read_table(table("method,dice,iou\nA,95.7 ± 2%,0.917\nB,0.951,0.91\n"))
    assert [float(rows[name]["dice"].high) for name in "AB"] == pytest.approx([0.9575, 0.9515])
    row = read_table(table("method,loss\nA,3.3% ± 2\n"))["A"]["loss"]
    assert float(row.high) == pytest.approx(0.0335)


def test_every_column_has_its_name(table: Callable[[str], Path]) -> None:
    path = table("Model,DSC,F1,mIoU,PPV,TPR,TNR,Acc,AUROC,loss,Films\na,.9,.9,.8,.9,.9,.9,.9,.9,1.5,12\n")
    row = read_table(path)["a"]
    assert list(row) == [
        *("dice", "f1", "miou", "precision", "recall", "specificity", "accuracy", "auc", "loss", "n"),
    ]  # fmt: skip
    assert row["n"].low == row["n"].high == 12 and row["loss"].high > 1
    assert list(read_table(table("variant,F1\na,.9\n"))["a"]) == ["dice"]


def test_a_line_break_within_a_cell_ends_no_line(table: Callable[[str], Path]) -> None:
    """Nor does a character that other tools take for one."""
    path = table('\nmethod,"pixel\r\naccuracy"\n"a\nb","0.9\n± 0.1"\nc\x0c\u2028d,0.8\nab,0.7\n')
    assert list(read_table(path)) == ["a b", "c\x0c\u2028d", "ab"]


def test_a_mean_over_classes_is_not_the_ious_of_the_lung(
    run: Run, table: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """Half of the lung is found, in a tenth of the film: Dice 0.50 of the lung, (0.33 + 0.94) / 2 over both classes."""
    path = table("method,dice,mIoU\nFCN,0.50,0.64\n")
    assert run("audit", path) == cli.NOT_JUDGED
    assert "Column mIoU is taken for a mean over lung and background" in capsys.readouterr().err
    assert run("audit", path, "--averaging", "classes") == 1  # then both are
    assert "Column mIoU" not in capsys.readouterr().err
    assert run("audit", table("method,dice,iou\nFCN,0.50,0.64\n")) == 1


@pytest.mark.parametrize("digits", [13, 5000])
def test_a_number_longer_than_anybody_prints_is_one_message(
    run: Run, table: Callable[[str], Path], capsys: pytest.CaptureFixture[str], digits: int
) -> None:
    for text in ("9" * digits + ".", "0." + "9" * (digits + 6), "0.9 ± 0." + "1" * (digits + 6)):
        assert run("audit", table(f"method,dice,iou\na,{text},0.5\n")) == 2
        assert len(told := capsys.readouterr().err) < 1500 and "a number such as 0.957" in told
    assert run("audit", table(f"method,dice,n\na,0.9,{'9' * digits}\n")) == 2
    assert len(told := capsys.readouterr().err) < 1500 and "a number of films, of at most 12 digits" in told


def test_percentages_are_declared_or_cannot_be_else(
    run: Run, table: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    low = table("method,dice,iou,loss\na,95.7,93.7,0.3\nb,0.9,0.0,0.2\n")
    assert run("audit", low) == 2 and "column dice: found 95.7 beside 0.9" in capsys.readouterr().err
    row = read_table(low, percent=True)
    assert float(row["b"]["dice"].high) == pytest.approx(0.0095) and float(row["a"]["loss"].high) == 0.35
    fractions = table("method,dice,auc\na,95.7,0.98\n")
    assert run("audit", fractions, "--percent") == 2
    assert "column auc: found 0.98, and no value above 1" in capsys.readouterr().err
    assert float(read_table(fractions)["a"]["auc"].low) == 0.975


def test_help_shows_how_to_write_a_table() -> None:
    output = CliRunner().invoke(cli.app, ["audit", "--help"]).output
    assert "method,dice,iou,recall,precision" in output and "Exit code 0" in output
    assert all(rule.name in output for rule in RELATIONS)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("method,dice\na,1.02\n", "column dice: found 1.02, expected fractions from 0 to 1, or percentages"),
        ("method,dice\na,101\n", "a, dice: found 101, expected a fraction from 0 to 1, or a percentage to 100"),
        ("method,dice\na,100.1%\n", "a, dice: found 100.1%, expected a fraction"),
        ("method,dice\na,0.95 (2)\n", "found 0.95 (2), expected a mean and a standard deviation in the same unit"),
        ("method,dice\na,0.95 (0.93-0.97)\n", "found '0.95 (0.93-0.97)', expected a number such as 0.957"),
        ("method,dice\na,nan\n", "found 'nan', expected a number such as 0.957"),
        ("method,dice,n\na,0.9,4.5\n", "a, n: found '4.5', expected a number of films"),
        ("method,dice,n\na,,4\n", "found no row with a value"),
        ("method,n\na,4\n", "line 1: found no column of a metric"),
        ("method,loss\na,-0.1\n", "found '-0.1', expected a number such as"),
        ("dice,iou\n0.9,0.8\n", "line 1: found the columns dice, iou, expected a column method"),
        ("method,dice,hd95\na,0.9,3\n", "line 1: found the column 'hd95', expected a comma-separated file"),
        ("method,dice,DSC\na,0.9,0.9\n", "found a second column dice ('DSC'), expected one"),
        ("method\na\n", "line 1: found no column of a metric"),
        ("method,dice\na,0.9\na,0.8\n", "line 3: found the method 'a' a second time"),
        ("method,dice\n,0.9\n", "line 2: found no method"),
        ("method,dice\na,0.9,0.8\n", "line 2: found 3 cells, expected 2"),
        ("method,dice\na,\n", "found no row with a value"),
        ("method,dice\n", "found no row with a value"),
        ("", "found an empty file"),
        ("\n ,\n", "found an empty file"),
        ("method;dice\na;0,9\n", "Write commas in the place of ';'."),
        ('\nmethod,dice\n\n"a\nb",0.9,0.8\n', "line 5: found 3 cells, expected 2"),
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


def test_the_example_of_the_page_is_what_is_printed(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    page = (ROOT / "docs/audit.md").read_text(encoding="utf-8")
    shown = page.partition("```text\n")[2].partition("```")[0].splitlines()
    assert run("audit", MISHRA) == 1
    assert [line for line in capsys.readouterr().out.splitlines() if line.startswith("proposed: ")] == shown


def test_every_published_table_is_readable_and_has_its_source() -> None:
    sources = pd.read_csv(PUBLISHED / "sources.csv")
    assert sorted(sources["file"]) == sorted(
        path.name for path in PUBLISHED.glob("*.csv") if path.name != "sources.csv"
    )
    assert sources["source"].notna().all() and len(sources) >= 6
    assert all(read_table(PUBLISHED / name) for name in sources["file"])
