"""Files of others are measured first, and YAML makes nothing but numbers, texts, lists and mappings."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from lungseg.claims.printed_table import read_table
from lungseg.data.archive import read_sums
from lungseg.data.reading import open_archive
from lungseg.errors import InputError
from lungseg.files import _machine, replacing
from lungseg.outside import TABLE, TEXT, bounded, output, read_settings, read_yaml
from lungseg.report.results import Results


def _large(path: Path, size: int) -> Path:
    with path.open("wb") as file:
        file.truncate(size)  # a hole: it takes no place
    return path


def test_a_file_at_the_limit_is_read_and_one_byte_more_is_not(tmp_path: Path) -> None:
    assert bounded(_large(tmp_path / "a", 10), 10) == tmp_path / "a"
    with pytest.raises(InputError, match="found 11 bytes, expected at most 10"):
        bounded(_large(tmp_path / "a", 11), 10)
    with pytest.raises(InputError, match="found no such file, expected a file"):
        bounded(tmp_path / "b", 10)


def test_what_stands_where_a_file_should_be_is_told(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("nowhere")
    (tmp_path / "loop").symlink_to("loop")
    told = {"": "a folder", "pipe": "a pipe or a device", "link": "a link that leads nowhere", "none": "no such file"}
    for name, found in (told | {"loop": "a link that leads nowhere"}).items():
        for read in (read_table, lambda path: open_archive(path).__enter__(), lambda path: bounded(path, 10)):
            with pytest.raises(InputError, match=f"found {found}"):
                read(tmp_path / name)


def test_every_reader_of_foreign_text_measures_it(tmp_path: Path) -> None:
    table = _large(tmp_path / "scores.csv", TABLE + 1)
    for read in (read_table, read_sums, lambda path: read_yaml(path, dict, "")):
        with pytest.raises(InputError, match=f"expected at most {TEXT}"):
            read(table)
    with pytest.raises(InputError, match=f"expected at most {TABLE}"):
        Results(tmp_path).table("scores")


def test_yaml_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("base: &b {x: 1}\nother: {<<: *b, y: [1, 2]}\n")
    assert read_yaml(tmp_path / "a.yaml", dict, "") == {"base": {"x": 1}, "other": {"x": 1, "y": [1, 2]}}
    (tmp_path / "a.yaml").write_text("# nothing\n")
    assert read_yaml(tmp_path / "a.yaml", dict, "") == {} and read_yaml(tmp_path / "a.yaml", list, "") == []


BILLION = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 20))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("!!python/object/apply:os.system ['touch made']", "could not determine a constructor"),
        ("a: !!python/name:os.system", "could not determine a constructor"),
        (BILLION, "keys and values by its references"),
        ("a: &a [*a]", "keys and values by its references"),
        ("a: &a {b: *a}", "keys and values by its references"),
        ("[" * 5000, "nesting without end"),
        ("a: [", "while parsing"),
        ("- a list", "a list"),
        ("text", "a str"),
        ("a: \x01", "special characters"),
        ("a: 2026-13-45", "month must be"),
    ],
)
def test_what_is_no_plain_yaml_is_one_message(tmp_path: Path, text: str, found: str) -> None:
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(InputError, match=f"a.yaml: found .*{found}.*Help"):
        read_yaml(tmp_path / "a.yaml", dict, "Help.")
    assert not Path("made").exists()


def test_parts_of_ended_processes_are_swept_and_no_others(tmp_path: Path) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    here = _machine()
    alive, strange, other = f"{here}.{os.getpid()}", f"{here}.x", f"elsewhere-1.{ended.pid}"
    kept = [f".t.csv.{one}.aa.part" for one in (alive, strange, other)] + [f".u.csv.{here}.{ended.pid}.aa.part"]
    for name in [*kept, f".t.csv.{here}.{ended.pid}.aa.part"]:
        (tmp_path / name).write_text("half")
    with replacing(tmp_path / "t.csv") as part:
        part.write_text("whole")
    assert {path.name for path in tmp_path.iterdir()} == {*kept, "t.csv"}


def test_what_is_no_plain_file_is_never_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in ("pipe", ""):
        with pytest.raises(InputError, match="found what is no plain file"), replacing(tmp_path / name) as part:
            part.write_text("x")
    assert (tmp_path / "pipe").is_fifo()


def test_what_is_written_replaces_nothing_but_a_file_of_its_own(tmp_path: Path) -> None:
    (read := tmp_path / "read.csv").write_text("x")
    (tmp_path / "link").symlink_to(read)
    os.mkfifo(tmp_path / "pipe")
    assert output(tmp_path / "new", read) == tmp_path / "new"
    assert output(read) == read  # made by an earlier call
    for name in ("", "pipe"):
        with pytest.raises(InputError, match=r"found a (folder|pipe or a device).*, expected a file to write"):
            output(tmp_path / name)
    for path in (read, tmp_path / "link", tmp_path / "x/../read.csv"):
        with pytest.raises(InputError, match="found a file that this command reads, expected another file"):
            output(path, tmp_path / "other", read)


@pytest.mark.parametrize(
    "words",
    [
        ["compare", "A", "A", "--csv", "A/scores.csv"],
        ["compare", "A", "A", "--html", "B/../A/scores.csv"],
        ["compare", "A", "A", "--csv", "pipe"],
        ["tune", "--configfile", "own.yaml", "--to", "own.yaml"],
        ["export", "A", "A/scores.csv"],
        ["data", "phantom", "pipe"],
        ["measure", "A/mask.png", "--out", "A/mask.png"],
    ],
)
def test_no_command_writes_over_what_it_reads_or_over_what_is_no_file(
    tmp_path: Path, run: Callable[..., int], monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("A/scores.csv", "B/scores.csv", "own.yaml", "A/mask.png"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text("name: own\n")
    os.mkfifo("pipe")
    assert run(*words) == 2
    assert {path.read_text() for path in tmp_path.rglob("*.*")} == {"name: own\n"} and Path("pipe").is_fifo()


def test_a_configuration_computes_nothing_and_says_each_thing_once(
    tmp_path: Path, run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    (path := tmp_path / "own.yaml").write_text("name: own\n")
    assert read_settings(path) == {"name": "own"}
    path.write_text("__use_yte__: true\nname: own\nnote: \"?__import__('os').getcwd()\"\n")
    assert run("status", "--configfile", path) == 2
    assert "own.yaml: found the key __use_yte__" in capsys.readouterr().err
    path.write_text("name: own\nseeds: [0]\nseeds: [1]\n")
    with pytest.raises(InputError, match="'seeds' stands twice"):
        read_settings(path)


@pytest.mark.parametrize("text", ["{variant}: 1\n", "? [a, b]\n: 1\n"])
def test_a_key_that_is_no_text_is_one_message(tmp_path: Path, text: str) -> None:
    (path := tmp_path / "a.yaml").write_text(text)
    with pytest.raises(InputError, match="expected a YAML file"):
        read_yaml(path, dict, "")


def test_no_file_of_others_is_to_be_deleted(tmp_path: Path) -> None:
    """Only what a rule makes is made anew."""
    from lungseg.films.networks import read_card
    from lungseg.learning.export import _config
    from lungseg.report.results import GIVEN

    (tmp_path / "manifest.json").write_text("{")
    (tmp_path / "card.json").write_text("{")
    for read, remedy in (
        (lambda: read_card(tmp_path / "card.json"), "Install the package again"),
        (lambda: _config(tmp_path / "runs/unet/pooled/seed0"), "from a copy"),
        (lambda: Results(tmp_path, GIVEN).manifest(), "again from where"),
    ):
        with pytest.raises(InputError, match=f"found no JSON .*{remedy}") as told:
            read()
        assert "Delete" not in str(told.value)
    with pytest.raises(InputError, match="Delete it and give the command again"):
        Results(tmp_path).manifest()
