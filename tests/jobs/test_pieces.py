"""Trainings in pieces: any cut, any loss of the machine, the same scores; nothing but torch and its kin is needed."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
import yaml

from lungseg.config import Experiment, read_experiment
from lungseg.data.films import read_part
from lungseg.data.packing import differences, pack, unpack
from lungseg.errors import InputError
from lungseg.jobs import pieces
from lungseg.jobs.console import TOLD
from lungseg.jobs.pieces import Piece, Planned, brought, complete, main, run_piece, ship, take, useful_order
from lungseg.learning.bundles import FILES
from lungseg.learning.run_files import CARD
from lungseg.recipe import Training
from tests.workflow import ROOT, copy_project, snakemake

TINY = yaml.safe_load((ROOT / "tests/tiny.yaml").read_text())
# What the package needs elsewhere, and a machine that only trains need not have.
ABSENT = [
    "contourpy", "dvc", "great_tables", "imagehash", "jaxtyping", "jinja2", "matplotlib", "mlflow", "pandas", "pooch",
    "pyarrow", "scikit_posthocs", "scipy", "seaborn", "snakemake", "statsmodels", "typer",
]  # fmt: skip


@pytest.fixture(scope="module")
def films(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packed films of the tiny experiment, three epochs long."""
    path = tmp_path_factory.mktemp("films") / "films.npz"
    config = yaml.safe_load((ROOT / "tests/tiny.yaml").read_text())
    pack(path, read_experiment(config | {"training": {"epochs": 3, "precision": "float32"}}), "c0ffee", project)
    return path


def test_packed_films_are_those_that_the_workflow_reads(project: Path, films: Path) -> None:
    results, packed = project / "tiny/results", unpack(films)
    files = (
        [project / "tiny/data/processed/phantom.npy"],
        [results / "images/phantom.csv"],
        [results / "splits/phantom.csv"],
    )
    for part in ("train", "validation", "test"):
        there, here = read_part(part, *files), packed.part(part, ["phantom"])
        assert there.sha256() == here.sha256()
        assert (there.dataset, there.image_id) == (here.dataset, here.image_id)


def test_table1_comes_first_seed_by_seed() -> None:
    experiment = Experiment.model_validate(yaml.safe_load((ROOT / "config/gpu.yaml").read_text()))
    order = useful_order(experiment)
    assert len(order) == 4 * 5 * 5
    assert all(run.train_on == "pooled" for run in order[:20])
    assert [run.seed for run in order[:20]] == sorted([0, 1, 2, 3, 4] * 4)
    assert [run.seed for run in order[20:]] == sorted([0, 1, 2, 3, 4] * 16)


def command(films: Path, work: Path, blocked: list[str] | None = None) -> list[str]:
    """Train one run of the tiny experiment, on a machine where some modules are missing."""
    arguments = ["train", str(films), "unet/pooled/seed0", "--work", str(work)]
    program = f"import sys; sys.modules.update(dict.fromkeys({blocked or []})); import lungseg.jobs.pieces as p; "
    return [sys.executable, "-u", "-c", program + f"sys.exit(p.main({arguments}))"]


def test_a_stopped_training_goes_on_to_the_same_bytes_with_torch_and_its_kin_alone(films: Path, tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    subprocess.run(command(films, whole, ABSENT), cwd=ROOT, check=True, capture_output=True)
    process = subprocess.Popen(command(films, cut), cwd=ROOT, stdout=subprocess.PIPE, text=True)
    with process:
        assert process.stdout and "epoch 1/3" in process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait() in (TOLD, 0)
    run = "unet/pooled/seed0"
    assert (cut / run / "checkpoint.pt").exists() == (process.returncode == TOLD)
    assert process.returncode == TOLD, "the training ended before it could be stopped: make it longer"
    subprocess.run(command(films, cut), cwd=ROOT, check=True, capture_output=True)
    assert not (cut / run / "checkpoint.pt").exists()
    for name in ("weights.safetensors", "predictions.npz"):
        assert (cut / run / name).read_bytes() == (whole / run / name).read_bytes(), name
    card = json.loads((whole / run / CARD).read_text())
    assert card["commit"] == "c0ffee" and card["code"] == pieces.code()


def bundle(folder: Path, name: str, length: int, code: str | None = None, **facts: object) -> None:
    """What a finished run leaves, as large as asked for; its card may tell other facts."""
    (folder / name).mkdir(parents=True)
    for file in FILES:
        (folder / name / file).write_bytes(os.urandom(length))
    experiment = yaml.safe_load((ROOT / "tests/tiny.yaml").read_text())
    choices = read_experiment(experiment)
    card = {
        "run": name,
        "code": code or pieces.code(),
        "variant": choices.variants[name.split("/")[0]].model_dump(mode="json"),
        "training": choices.training.model_dump(mode="json"),
        "size": choices.preprocessing.size,
        **{"films": {}, "commit": None, "arithmetic": "float32", "parameters": 1, "seconds": 1.0},
    } | facts
    (folder / name / CARD).write_text(json.dumps(card))


NAMES = [f"{variant}/pooled/seed{seed}" for seed in (0, 1) for variant in ("unet", "proposed")]


LIMIT = 100_000  # bytes of an archive


def test_what_has_no_room_comes_later_and_what_came_back_is_taken_once(tmp_path: Path) -> None:
    work, out, bundles = tmp_path / "work", tmp_path / "out", tmp_path / "bundles"
    for name, size in zip(NAMES, (30_000, 30_000, 30_000, 10_000), strict=True):
        bundle(work, name, size)
    assert ship(work, NAMES, out, 2, LIMIT) == [NAMES[2]]
    archives = sorted(out.iterdir())
    assert [path.name for path in archives] == ["runs-1.zip", "runs-2.zip"]
    assert all(path.stat().st_size <= LIMIT for path in archives)
    assert sorted(take(out, bundles, LIMIT)) == sorted([NAMES[0], NAMES[1], NAMES[3]])
    assert take(out, bundles, LIMIT) == []
    assert ship(work, [NAMES[2]], out, 2, LIMIT) == [] and [path.name for path in out.iterdir()] == ["runs-1.zip"]
    assert take(out, bundles, LIMIT) == [NAMES[2]]
    for name in NAMES:
        for file in FILES:
            assert (bundles / "runs" / name / file).read_bytes() == (work / name / file).read_bytes()


def test_a_run_larger_than_an_archive_takes_the_room_of_none(tmp_path: Path) -> None:
    work, out, bundles = tmp_path / "work", tmp_path / "out", tmp_path / "bundles"
    for name, size in zip(NAMES[:3], (60_000, 60_000, 10_000), strict=True):
        bundle(work, name, size)
    assert ship(work, NAMES[:3], out, 1, LIMIT) == NAMES[:2]
    assert take(out, bundles, LIMIT) == [NAMES[2]]
    just = max(pieces.packed_bytes(work / name) for name in NAMES[:2])
    assert ship(work, NAMES[:2], out, 2, just) == []
    assert len(list(out.iterdir())) == 2 and all(path.stat().st_size <= just for path in out.iterdir())
    told = r"found .* unpacked, expected an archive .* at most 0\.09\d+ MiB\. .* another --mib, give it here too"
    with pytest.raises(InputError, match=told):
        take(out, bundles, LIMIT)
    assert sorted(take(out, bundles, 2 * LIMIT)) == sorted(NAMES[:2])


def test_what_is_not_brought_is_told_with_the_option_that_helps(
    drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    work, out = tmp_path / "work", tmp_path / "out"
    learned = Planned(unpack(drawn)).films("pooled")
    for name, size in zip(NAMES[:3], (600_000, 480_000, 10_000), strict=True):
        bundle(work, name, size, films=learned)
    common = ["run", str(drawn), "--minutes", "0", "--work", str(work), "--out", str(out)]
    assert main([*common, "--mib", "1", "--archives", "1"]) == 0
    printed = capsys.readouterr().out
    assert "2 more are in" in printed and "1 larger than the 1 MiB of an archive, and not brought" in printed
    assert printed.rstrip().endswith(f"give a larger --mib: {NAMES[0]}") and "later piece" not in printed
    assert main([*common, "--mib", "2", "--archives", "1"]) == 0
    assert f"1 found no room and come with a later piece: {NAMES[1]}" in capsys.readouterr().out
    assert main(common) == 0
    assert "3 more are in" in capsys.readouterr().out


@pytest.mark.parametrize("given", ["0", "-1", "1.5", "many"])
def test_an_archive_of_no_size_is_refused(given: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["take", "out", "bundles", "--mib", given])
    assert f"{given!r} is no whole number from 1 on" in capsys.readouterr().err


@pytest.mark.parametrize(
    "member", ["../../evil.csv", "runs/unet/pooled/seed0/evil.py", "runs/a/b/seed0/../history.csv"]
)
def test_archives_with_anything_else_are_refused(tmp_path: Path, member: str) -> None:
    with ZipFile(tmp_path / "runs-1.zip", "w") as archive:
        archive.writestr(member, "x")
    with pytest.raises(InputError, match=r"runs-1\.zip: found a member"):
        take(tmp_path, tmp_path / "bundles", LIMIT)
    (tmp_path / "runs-1.zip").write_bytes(b"PK cut short")
    with pytest.raises(InputError, match=r"runs-1\.zip: found .* expected an archive that `run` wrote"):
        take(tmp_path, tmp_path / "bundles", LIMIT)
    with ZipFile(tmp_path / "runs-1.zip", "w") as archive:
        archive.writestr("runs/unet/pooled/seed0/history.csv", "x")
    with pytest.raises(InputError, match=r"runs-1\.zip: found unet/pooled/seed0 without weights.json"):
        take(tmp_path, tmp_path / "bundles", LIMIT)
    assert not list(tmp_path.rglob("history.csv"))
    with pytest.raises(InputError, match="nowhere: found no such file, expected the folder that `run` wrote to"):
        take(tmp_path / "nowhere", tmp_path / "bundles", LIMIT)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Packed films of the tiny experiment that nobody prepared: six shades."""
    path = tmp_path_factory.mktemp("drawn") / "films.npz"
    arrays = {
        "experiment": np.array(read_experiment(TINY).model_dump_json()),
        "commit": np.array(""),
        "phantom/image_id": np.array([f"f{n}" for n in range(6)]),
        "phantom/part": np.array(["train", "train", "train", "validation", "test", "test"]),
        "phantom/images": differences(np.arange(6, dtype=np.uint8)[:, None, None] * np.ones((6, 32, 32), np.uint8)),
        "phantom/masks": np.packbits(np.zeros((6, 32, 32), np.uint8), axis=-1),
    }
    np.savez(path, **arrays)  # type: ignore[arg-type]
    return path


def test_runs_of_older_code_are_trained_again_here_and_refused_from_elsewhere(drawn: Path, tmp_path: Path) -> None:
    runs = Planned(unpack(drawn))
    films = runs.films("pooled")
    bundle(tmp_path / "runs", NAMES[0], 10, films=films)
    assert main(["left", str(drawn), str(tmp_path)]) == 1  # the Makefile asks
    assert complete(tmp_path / "runs" / NAMES[0]) and brought(tmp_path, runs) == [NAMES[0]]
    bundle(tmp_path / "runs", NAMES[1], 10, code="older", films=films)
    assert not complete(tmp_path / "runs" / NAMES[1])
    with pytest.raises(InputError, match=r"proposed/pooled/seed0/weights.json, code: found older"):
        brought(tmp_path, runs)
    card = tmp_path / "runs" / NAMES[1] / CARD
    card.write_text(json.dumps({key: value for key, value in json.loads(card.read_text()).items() if key != "code"}))
    with pytest.raises(InputError, match=r"weights.json: found 'code', expected the card of a run"):
        complete(tmp_path / "runs" / NAMES[1])


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"training": Training(epochs=2).model_dump(mode="json")}, "weights.json, training: found epochs=2"),
        ({"size": 64}, "weights.json, size: found 64, expected 32"),
        ({"films": {"train": "a", "validation": "b"}}, "the card of unet/pooled/seed0, films: found .*'a'"),
        ({"run": "unet/pooled/seed1"}, "weights.json, run: found unet/pooled/seed1, expected unet/pooled/seed0"),
    ],
)
def test_a_run_of_other_choices_or_films_is_not_done(
    drawn: Path, tmp_path: Path, other: dict[str, object], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = Planned(unpack(drawn))
    work, out, bundles = tmp_path / "work", tmp_path / "out", tmp_path / "bundles"
    bundle(work, NAMES[0], 10, **{"films": runs.films("pooled")} | other)
    bundle(work, NAMES[1], 10, films=runs.films("pooled"))
    started: list[str] = []
    monkeypatch.setattr(Piece, "_start", lambda _, name: started.append(name) or subprocess.Popen(["true"]))
    assert run_piece(drawn, 1, work, out, bundles, 4) == 0
    assert sorted(started) == sorted(set(NAMES) - {NAMES[1]})
    assert take(out, bundles) == [NAMES[1]]
    shutil.copytree(work / NAMES[0], bundles / "runs" / NAMES[0])
    with pytest.raises(InputError, match=message):
        run_piece(drawn, 1, work, out, bundles, 4)
    shutil.rmtree(bundles / "runs" / NAMES[0])
    bundle(bundles / "runs", NAMES[0], 10, films=runs.films("pooled"))
    ship(work, [NAMES[0]], out)
    with pytest.raises(InputError, match=r"runs-1.zip: found unet/pooled/seed0 of other choices or films than the"):
        take(out, bundles)


def test_an_unknown_run_is_told_with_those_there_are(
    drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", str(drawn), "nix/pooled/seed0", "--work", str(tmp_path)]) == 2
    told = f"lungseg: the run: found nix/pooled/seed0, expected one of {', '.join(NAMES)}. "
    assert told in capsys.readouterr().err


def test_paths_count_from_where_the_command_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    given: list[list[str]] = []
    monkeypatch.setattr(subprocess, "Popen", lambda command, **_: given.append(command))
    Piece(Path("f.npz"), Path("work"), frozenset(), 1)._start(NAMES[0])
    assert given[0][3:] == ["train", f"{tmp_path}/f.npz", NAMES[0], "--work", f"{tmp_path}/work"]


def test_a_run_that_fails_does_not_stop_the_others(
    drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(piece: Piece, name: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", f"import sys; sys.exit({1 if 'proposed' in name else 0})"])

    monkeypatch.setattr(Piece, "_start", start)
    piece = Piece(drawn, tmp_path, frozenset([NAMES[0]]), 2)
    assert piece.run(Planned(unpack(drawn)), 60) == [NAMES[1], NAMES[3]]
    assert piece.run(Planned(unpack(drawn)), 0) == []


def test_bad_arguments_are_one_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pack", str(tmp_path / "f.npz"), "--configfile", str(tmp_path / "none.yaml")]) == 2
    assert main(["run", str(tmp_path / "none.npz"), "--minutes", "1", "--out", str(tmp_path)]) == 2
    printed = capsys.readouterr().err
    assert printed.count("lungseg: ") == 2 and "none.yaml: found no such file" in printed


def test_three_pieces_and_a_lost_machine_give_the_scores_of_one_undisturbed_run(project: Path, tmp_path: Path) -> None:
    clone = copy_project(tmp_path / "clone")
    snakemake(clone, "--until", "split")
    prepare = [sys.executable, "-m", "lungseg.jobs.pieces"]
    where = {"cwd": clone, "env": os.environ | {"PYTHONPATH": str(clone)}, "check": True, "capture_output": True}
    subprocess.run([*prepare, "pack", "films.npz", "--configfile", "tests/tiny.yaml"], **where)
    for piece in range(3):
        if piece == 2:
            shutil.rmtree(clone / "work", ignore_errors=True)
        runs = ["--minutes", "0.1" if piece < 2 else "5", "--work", "work", "--out", "out", "--bundles", "results/tiny"]
        subprocess.run([*prepare, "run", "films.npz", *runs, "--side-by-side", "1"], **where)
        subprocess.run([*prepare, "take", "out", "results/tiny"], **where)
    subprocess.run([*prepare, "left", "films.npz", "results/tiny"], **where)
    scores = "tiny/results/scores.parquet"  # of which all tables are made: tests/learning/test_bundles.py
    snakemake(clone, "--config", "bundles=results/tiny", "--", scores)
    assert (clone / scores).read_bytes() == (project / scores).read_bytes()


@pytest.mark.parametrize(
    ("memory", "cores", "fit"), [(99999, 16, 4), (99999, 2, 2), (9000, 16, 1), (500, 16, 1), (None, 16, 4)]
)
def test_no_more_side_by_side_than_cores_and_memory_hold(
    monkeypatch: pytest.MonkeyPatch, memory: int | None, cores: int, fit: int
) -> None:
    experiment = Experiment.model_validate(yaml.safe_load((ROOT / "config/cpu.yaml").read_text()))
    monkeypatch.setattr(pieces, "machine_mb", lambda: memory)
    monkeypatch.setattr(pieces.os, "sched_getaffinity", lambda _: range(cores))
    assert pieces.fitting(experiment) == fit


def test_a_stopped_training_has_time_for_its_checkpoint(tmp_path: Path) -> None:
    words = "import signal, time\nsignal.signal(signal.SIGTERM, lambda *_: None)\nopen('ready', 'w')\n"
    words += "signal.pause()\ntime.sleep(0.5)\nopen('written', 'w')"
    running = subprocess.Popen([sys.executable, "-c", words], cwd=tmp_path)
    while not (tmp_path / "ready").exists():
        time.sleep(0.02)
    pieces._stop([running])
    assert running.returncode == 0 and (tmp_path / "written").exists()
