"""The printed command says again what was said: a shell and Snakemake read back what they had read."""

import argparse
import shlex
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from snakemake.cli import get_argument_parser, parse_config

from lungseg.jobs.command import override, run_command

ODD = 'it\'s "50%" of $HOME & `all`; *films* {x} #1 \\ é ∆ 😀: a, [b]'
TEXTS = [
    "",
    ODD,
    "12",
    "1_000",
    "1e3",
    "nan",
    "True",
    "null",
    "a: b",
    "- a",
    "a\nb\t\x7f\x85\ufeff c",
    "'",
    '"',
    "~/films",
]


def parsed(command: str) -> argparse.Namespace:
    """What Snakemake makes of a command that a shell has split."""
    program, *arguments = shlex.split(command)
    assert program == "snakemake"
    read: argparse.Namespace = get_argument_parser().parse_args(arguments)
    return read


def read_back(value: Any) -> Any:  # noqa: ANN401
    words = shlex.split(run_command(Path("/x"), Path("/x"), [], {"note": value}, False))
    assert words[:4] == ["snakemake", "--cores", "all", "--config"]
    return parse_config(words[4:])["note"]


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_is_read_back(text: str) -> None:
    assert read_back(text) == text


@pytest.mark.parametrize("value", [0, -3, 0.5, True, False, None, ["0", "1"], {"epochs": "3", "x": [ODD]}])
def test_a_value_is_read_back(value: object) -> None:
    assert read_back(value) == value


@settings(max_examples=300, deadline=None)
@example("...")
@example("---")
@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1))
def test_any_text_is_read_back(text: str) -> None:
    assert read_back(text) == text


def test_a_plain_word_stays_plain() -> None:
    assert override("../films of 2026") == "../films of 2026"
    given = {"archives": "/home/me/my films", "bundles": "/home/me/cpu"}
    assert run_command(Path("/x"), Path("/x"), [], given, False).endswith("--config archives=FOLDER bundles=FOLDER/cpu")
    assert run_command(Path("/x"), Path("/x"), [], {"archives": "films"}, False) == (
        "snakemake --cores all --config archives=films"
    )


def test_folder_files_and_mode_are_said(tmp_path: Path) -> None:
    root, elsewhere = tmp_path / "clone", tmp_path / "it's else where"
    files = [root / "config/laptop.yaml", root / "-my $file.yaml"]
    command = run_command(root, elsewhere, files, {}, True)
    read = parsed(f"{command} -- a/b.csv")
    assert (root / str(read.directory)).resolve() == elsewhere
    assert [(root / file).resolve() for file in read.configfile] == files
    assert read.targets == ["a/b.csv"] or read.targets == {"a/b.csv"}
    assert "--use-conda" in command
    assert "directory" not in run_command(root, root, files, {}, False)
    assert "conda" not in run_command(root, root, files, {}, False)
