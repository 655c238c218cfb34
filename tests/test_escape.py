"""What came from outside stays text wherever it goes: Markdown, LaTeX, figures, spreadsheets, terminals."""

import csv
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from lungseg.errors import InputError
from lungseg.escape import drawn, latex, markdown
from lungseg.files import replacing, write_csv
from lungseg.terminal import plain, say

HOSTILE = [
    "<script>alert(1)</script>",
    "<!-- /cpu -->",
    "[click](javascript:alert(1))",
    "![x](http://example.org/x.png)",
    "a | b\n\n# heading",
    r"\input{/etc/passwd} \write18{id} $x$ {} ^^5cinput ~",
    "100 % of R&D #1 _under_ `code` **bold**",
    "\x1b]0;title\x07\x1b[2J\x9b31m\u202e",
    "=cmd|' /C calc'!A0",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_markdown_is_one_line_of_text(text: str) -> None:
    line = markdown(text)
    assert "\n" not in line and "<" not in line and ">" not in line
    assert not re.search(r"(?<!\\)(?:\\\\)*\](?=[(\[:])", line)
    assert not re.search(r"(?<!\\)(?:\\\\)*[|*_`$]", line)
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u202e]", line)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Proposed: both encoders", "Proposed: both encoders"),
        ("U-Net + MobileNetV2, ImageNet (8-bit)", "U-Net + MobileNetV2, ImageNet (8-bit)"),
        ("-0.0014 [-0.0036, +0.0008], within 0.005", "-0.0014 [-0.0036, +0.0008], within 0.005"),
        ("- a list", r"\- a list"),
        ("# a heading", r"\# a heading"),
        ("12. of a list", r"12\. of a list"),
        ("--- a rule", r"\--- a rule"),
        ("  spaces \t and\nlines ", "spaces and lines"),
        ("[a]: http://example.org", r"[a\]: http://example.org"),
        ("", ""),
        (float("nan"), "nan"),
    ],
)
def test_markdown_leaves_what_is_no_markup(text: object, line: str) -> None:
    assert markdown(text) == line


@given(st.text())
def test_latex_has_no_command_of_its_own(text: str) -> None:
    """What is left after our own commands and escaped signs holds no special character."""
    own = r"\\(?:textbackslash|textasciicircum|textasciitilde|textless|textgreater|textbar)\{\}|\\[{}$&#%_]"
    own += r"|\\textsuperscript\{\\dag\}|\\ensuremath\{\\\w+\}"
    assert not re.search(r"[\\{}$&#%_^~]", re.sub(own, "", latex(text)))


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no LaTeX here")
def test_latex_prints_every_sign(tmp_path: Path) -> None:
    every = "".join(map(chr, range(33, 127))) + " ± × ≤ ≥ – — † é"
    lines = [r"\documentclass{article}\begin{document}", *(latex(text) + r"\par" for text in [*HOSTILE, every])]
    (tmp_path / "t.tex").write_text("\n".join([*lines, r"\end{document}"]), encoding="utf-8")
    command = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "t.tex"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace")
    assert ended.returncode == 0 and "passwd" not in ended.stdout, ended.stdout[-1500:]


@pytest.mark.parametrize("text", [*HOSTILE, "U-Net $_{x$", r"costs \$5 or $6$", "_hidden"])
def test_a_figure_writes_what_is_given(text: str, tmp_path: Path) -> None:
    figure = Figure()
    axes = figure.subplots()
    axes.plot([0, 1], label=drawn(text))
    figure.savefig(tmp_path / "figure.svg")
    (label,) = (entry.get_text() for entry in axes.legend().get_texts())
    assert axes.title._preprocess_math(label) == (
        plain(" ".join(text.split())) if text[0] != "_" else f" {text}",
        False,
    )


@pytest.mark.parametrize("text", ["=1+1", "@SUM(A1)", "+cmd|' /C calc'!A0", "-2+3", "\t=1", "\r=1", "＝1"])
def test_a_formula_is_written_as_text(text: str, tmp_path: Path) -> None:
    write_csv(pd.DataFrame({text: [text, "plain"], "n": [1, 2]}), tmp_path / "t.csv")
    with (tmp_path / "t.csv").open(newline="") as stream:
        cell = "'" + text.replace("\r", "\n")
        assert list(csv.reader(stream))[:2] == [[cell, "n"], [cell, "1"]]


def test_numbers_names_and_gaps_are_written_as_they_are(tmp_path: Path) -> None:
    table = pd.DataFrame({"name": ["-0.5", "+1e-3", "a=b", None], "x": [-1.5, np.nan, -np.inf, 0], "b": [True] * 4})
    write_csv(table, tmp_path / "a.csv")
    table.to_csv(tmp_path / "b.csv", index=False)
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    write_csv(table.iloc[:0], tmp_path / "empty.csv")
    assert (tmp_path / "empty.csv").read_text() == "name,x,b\n"


@pytest.mark.parametrize("umask", [0o022, 0o002, 0o077])
def test_every_file_has_the_permissions_of_a_new_one(umask: int, tmp_path: Path) -> None:
    """Some writers of others make files that their owner alone can read."""
    before = os.umask(umask)
    try:
        with replacing(tmp_path / "weights") as part:
            part.unlink(missing_ok=True)
            os.close(os.open(part, os.O_CREAT | os.O_WRONLY, 0o600))
    finally:
        os.umask(before)
    assert (tmp_path / "weights").stat().st_mode & 0o777 == 0o666 & ~umask


@given(st.text())
def test_a_terminal_gets_no_control_character(text: str) -> None:
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", plain(text))


def test_what_a_terminal_shows_is_what_was_there() -> None:
    assert plain("naïve ≤ 漢字 \t line\n") == "naïve ≤ 漢字 \t line\n"
    assert plain("\x1b[31m\u202e") == r"\u001b[31m\u202e"
    assert plain("\udcff\U000e0041") == r"\udcff\U000e0041"


def test_an_error_quotes_without_being_steered_or_flooded() -> None:
    error = InputError(Path("a\nb\x1b[2J"), "x" * 5000, "some", "Do this:\nline")
    message = str(error)
    assert message.startswith(r"a\u000ab\u001b[2J: found xxx") and "(5000 characters)" in message
    assert len(message) < 1200 and message.endswith("Do this:\nline")


def test_a_line_stays_one_whatever_a_file_is_called(
    tmp_path: Path, run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    """So that a name cannot say what the program did not."""
    (tmp_path / "x\nlungseg: all is well.png").write_bytes(b"no picture")
    assert run("segment", tmp_path, "--out", tmp_path / "out") == 2
    (tmp_path / "t.csv").write_text('method,dice,iou\n"A\nB",0.90,0.95\n')
    assert run("audit", tmp_path / "t.csv") == 1
    say("two\nlines")
    said = capsys.readouterr()
    assert r"x\u000alungseg: all is well: unreadable" in said.err
    assert not any(line.startswith(("lungseg: all", "B", "lines")) for line in (said.out + said.err).splitlines())
