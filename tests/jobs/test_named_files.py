"""Files that a configuration names: all that are missing in one message; hashes remembered, and never too long."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from lungseg.data.archive import fetch_all
from lungseg.data.datasets import DATASETS
from lungseg.errors import InputError
from lungseg.files import file_hash
from lungseg.jobs import remembered
from lungseg.jobs.named_files import (
    check_apart,
    check_files,
    check_places,
    check_runnable,
    keep_out_of_git,
    lost_inputs,
    offered_hashes,
    weights_hashes,
)
from lungseg.jobs.remembered import Hashes
from lungseg.own import Own
from lungseg.recipe import Variant
from tests.workflow import ROOT, commit, run

LOST = Variant(encoders=("mobilenetv2",), weights="lost.safetensors")
WORD = Variant(encoders=("mobilenetv2",), weights="imagenet-8bit")


def test_every_missing_file_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        check_files({"a": LOST, "b": WORD, "c": Variant()}, ["jsrt", "shenzhen", "montgomery"], tmp_path, tmp_path)
    told = str(caught.value).splitlines()
    assert told[0].startswith("the configuration: found 3 missing files, expected every file that it names")
    assert [line.split(",")[0].strip() for line in told[1:]] == [
        "lost.safetensors",
        str(tmp_path / "All247images.zip"),  # scr.zip has another archive in its place, with an address
        str(tmp_path / "shcxr-lung-mask.zip"),
    ]
    assert "as variants.a.weights says" in told[1]
    assert "Register at" in told[2]


def test_modules_and_films_of_ones_own_are_told_with_the_rest(tmp_path: Path) -> None:
    (tmp_path / "own.py").touch()
    variants = {"a": LOST, "b": Variant(module="lost.py:network"), "c": Variant(module=f"{tmp_path}/own.py:network")}
    masks, tables = {"left": "left", "right": str(tmp_path)}, {"patients": "who.csv", "split": f"{tmp_path}/own.py"}
    own = {"mine": Own(images="films.zip", masks=masks, **tables)}
    assert len(lost_inputs(variants, own)) == 4
    with pytest.raises(InputError, match="found 6 missing files") as caught:
        check_files(variants, ["mine", "jsrt"], tmp_path, tmp_path, own)
    lines = [line.partition(":")[0].strip() for line in str(caught.value).splitlines()[1:]]
    assert lines == [
        "lost.py, as variants.b.module says",
        "films.zip, as own.mine.images says",
        "left, as own.mine.masks.left says",
        "who.csv, as own.mine.patients says",
        "lost.safetensors, as variants.a.weights says",
        f"{tmp_path}/All247images.zip, of jsrt",
    ]


def test_an_archive_that_was_brought_already_is_not_missing(packed: object, members: dict, tmp_path: Path) -> None:  # type: ignore[type-arg]
    offered = packed(members["jsrt"])  # type: ignore[operator]
    check_files({}, ["jsrt"], offered, tmp_path / "data")
    fetch_all(DATASETS["jsrt"].archives, tmp_path / "data/jsrt", offered)
    check_files({}, ["jsrt"], None, tmp_path / "data")
    check_files({}, ["phantom"], None, tmp_path)
    (tmp_path / "data/jsrt/All247images.zip.json").unlink()  # without its note it is not known to be whole
    with pytest.raises(InputError, match=r"All247images\.zip, of jsrt: Register"):
        check_files({}, ["jsrt"], None, tmp_path / "data")


def test_hashes_are_of_the_archives_that_will_be_read(tmp_path: Path) -> None:
    hashes = Hashes(tmp_path / "memory.json")
    raw = tmp_path / "raw"
    assert offered_hashes("jsrt", None, raw, hashes) == offered_hashes("jsrt", tmp_path / "nowhere", raw, hashes) == {}
    for name in ("masks.zip", "All247images.zip", "another.zip"):
        (tmp_path / name).write_bytes(name.encode())
    assert set(offered_hashes("jsrt", tmp_path, raw, hashes)) == {"All247images.zip", "masks.zip"}
    (tmp_path / "scr.zip").write_bytes(b"scr")
    assert offered_hashes("jsrt", tmp_path, raw, hashes)["scr.zip"] == file_hash(tmp_path / "scr.zip")
    assert set(offered_hashes("jsrt", tmp_path, raw, hashes)) == {"All247images.zip", "scr.zip"}
    assert weights_hashes(LOST, hashes) == weights_hashes(WORD, hashes) == weights_hashes(Variant(), hashes) == {}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file that has been what it is for an hour, as far as its times tell; the change of its inode is now."""
    path = tmp_path / "file"
    path.write_bytes(b"content")
    return path


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that were hashed; every file counts as settled."""
    seen: list[Path] = []
    monkeypatch.setattr(remembered, "SETTLED", -1.0)
    monkeypatch.setattr(remembered, "file_hash", lambda path: (seen.append(path), file_hash(path))[1])
    return seen


def test_a_hash_is_computed_once(file: Path, tmp_path: Path, counted: list[Path]) -> None:
    memory = tmp_path / "memory/hashes.json"
    assert Hashes(memory)[file] == Hashes(memory)[file] == file_hash(file)
    assert counted == [file]


@pytest.mark.parametrize("change", ["content", "time", "inode", "size"])
def test_a_change_is_seen(file: Path, tmp_path: Path, counted: list[Path], change: str) -> None:
    memory, about = tmp_path / "hashes.json", file.stat()
    Hashes(memory)[file]
    if change == "inode":  # another file with the same length and time
        other = tmp_path / "other"
        other.write_bytes(b"CONTENT")
        os.utime(other, ns=(about.st_atime_ns, about.st_mtime_ns))
        other.replace(file)
    else:
        file.write_bytes({"content": b"CONTENT", "time": b"CONTENT", "size": b"longer content"}[change])
        if change != "time":  # as `cp -p` sets it; the time of the inode's change goes on
            os.utime(file, ns=(about.st_atime_ns, about.st_mtime_ns))
    assert Hashes(memory)[file] == file_hash(file)
    assert len(counted) == 2


@pytest.mark.parametrize("index", [0, 1, 2, 3])
def test_each_of_size_times_and_inode_counts(file: Path, tmp_path: Path, counted: list[Path], index: int) -> None:
    memory = tmp_path / "hashes.json"
    Hashes(memory)[file]
    known = json.loads(memory.read_text())
    known[str(file)][index] += 1
    memory.write_text(json.dumps(known))
    Hashes(memory)[file]
    assert len(counted) == 2


def test_a_file_that_may_still_change_is_not_remembered(file: Path, tmp_path: Path) -> None:
    memory = tmp_path / "hashes.json"
    Hashes(memory)[file]
    assert not memory.exists()


@pytest.mark.parametrize("damage", ["", "[]", "\xff", '{"a": 3', '{"FILE": 5}', '{"FILE": []}', '{"FILE": "x"}'])
def test_a_damaged_memory_begins_anew(file: Path, tmp_path: Path, counted: list[Path], damage: str) -> None:
    memory = tmp_path / "hashes.json"
    memory.write_bytes(damage.replace("FILE", str(file)).encode("latin1"))
    assert Hashes(memory)[file] == Hashes(memory)[file] == file_hash(file)
    assert len(counted) == 1


def test_a_run_writes_into_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_places([])
    check_places([tmp_path, tmp_path / "results/logs"])
    monkeypatch.chdir(tmp_path)
    check_places([Path("results/logs")])
    Path("results").write_text("")
    for name in ("results", "results/logs"):
        with pytest.raises(InputError, match=r"results: found a file, expected a folder\. Move it away"):
            check_places([Path("data"), Path(name)])
    Path("results").unlink()
    Path("results").symlink_to("gone")
    with pytest.raises(InputError, match="results: found a file"):
        check_places([Path("results/logs")])
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != tmp_path)  # as root one may write everywhere
    with pytest.raises(InputError, match="found a folder that cannot be written, expected one that can"):
        check_places([tmp_path / "data"])


@pytest.mark.parametrize("place", ["two/data", "two/data/films", "two/results/x/films.zip", "two", "."])
@pytest.mark.parametrize("key", ["images", "masks", "masks.left", "patients"])
def test_own_films_lie_where_no_run_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, key: str
) -> None:
    monkeypatch.chdir(tmp_path)
    masks = {"left": place, "right": "right"} if key == "masks.left" else "masks"
    own = Own(**{"images": "films", "masks": masks} | ({} if key == "masks.left" else {key: place}))
    with pytest.raises(InputError, match=rf"own\.ward\.{key}: found {place}, where this experiment writes"):
        check_apart({"ward": own}, [Path("two/data"), Path("two/results")])
    check_apart({"ward": own}, [Path("three/data")] if place != "." else [tmp_path.parent / "elsewhere"])


def test_hashes_of_many_files_are_written_down_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "SETTLED", -1.0)
    for name in "abc":
        (tmp_path / name).write_text(name)
    hashes, memory = Hashes(tmp_path / "memory.json"), tmp_path / "memory.json"
    with hashes.together():
        assert [hashes.of(tmp_path / name) for name in "abc"] == [file_hash(tmp_path / name) for name in "abc"]
        assert not memory.exists()
    assert len(json.loads(memory.read_text())) == 3


def test_an_experiment_of_any_name_stays_out_of_git(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("/laptop/\n")
    commit(tmp_path, "One")
    for name in ("laptop", "second"):
        for _ in range(2):
            keep_out_of_git(tmp_path / name, tmp_path)
        (tmp_path / name / "data").mkdir(parents=True)
        (tmp_path / name / "data/films.zip").write_text("films")
    told = subprocess.run(["git", "status", "--porcelain", "-uall"], cwd=tmp_path, capture_output=True, text=True)
    assert told.stdout == ""
    assert not (tmp_path / "laptop/.gitignore").exists()


def test_a_folder_with_a_brace_is_told_before_the_first_job(tmp_path: Path) -> None:
    check_runnable([tmp_path / "it's $else where"])
    with pytest.raises(InputError, match=r"/c\{x: found a brace, a wildcard for Snakemake, expected a path without"):
        check_runnable([tmp_path, tmp_path / "c{x"])
    (tmp_path / "c{x}/below").mkdir(parents=True)
    command = ["snakemake", "--snakefile", f"{ROOT}/Snakefile", "--configfile", f"{ROOT}/tests/tiny.yaml", "--dry-run"]
    printed = run(tmp_path, *command, "--directory", str(tmp_path / "c{x}/below"), root=ROOT, check=False)
    assert f"{tmp_path}/c{{x}}/below: found a brace" in printed and "Traceback" not in printed
