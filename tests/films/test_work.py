"""`lungseg segment` and `measure`: what is written, how a call ends, and that it can be gone on with."""

import csv
import errno
import fcntl
import inspect
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image

from lungseg.errors import InputError
from lungseg.films import commands, networks, work
from lungseg.films.alone import LOCK, alone
from lungseg.films.drawing import OVERLAY
from lungseg.films.networks import Model, default, of_files
from lungseg.films.reading import find
from lungseg.films.rows import COLUMNS
from lungseg.films.seeing import Choices
from lungseg.films.work import LOG, SEG, Job, segment_all
from lungseg.onnx_runtime import SWITCH
from lungseg.segment import segment
from tests.films.test_dicom import SILENT
from tests.own_films import dicom, film, mixed, saved
from tests.workflow import ROOT

Run = Callable[..., int]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("films")


@pytest.fixture(scope="module")
def expected(folder: Path) -> dict[str, str]:
    return mixed(folder)


def job(model: Model, folder: Path, out: Path, **choices: object) -> Job:
    return Job(find([folder], out), out, model, (), Choices(**choices))


def table(out: Path) -> dict[str, dict[str, str]]:
    with (out / "films.csv").open(encoding="utf-8", newline="") as stream:
        return {row["name"]: row for row in csv.DictReader(stream)}


def labels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        assert image.mode == "L"
        return np.asarray(image)


def test_a_mixed_folder(
    expected: dict[str, str],
    folder: Path,
    files: list[Path],
    tmp_path: Path,
    run: Run,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "out"
    models = [word for file in files for word in ("--model", file)]
    assert run("segment", folder, "--out", out, *models, "--overlay") == 1
    said = capsys.readouterr()
    assert "21 films: 12 segmented, 0 doubtful, 5 refused, 4 unreadable" in said.out and "Traceback" not in said.err
    rows = table(out)
    for name, row in rows.items():
        wanted = expected[name.removesuffix(".dcm").removesuffix(".png")] if name not in expected else expected[name]
        assert row["status"] == wanted, row
        assert bool(row["mask"]) == (wanted == "segmented") == (out / f"{name}.png").is_file()
        assert bool(row["why"]) == (wanted != "segmented")
        if row["mask"]:
            assert labels(out / row["mask"]).shape == (int(row["height"]), int(row["width"])) == (200, 180)
            assert (out / f"{name}.overlay.png").is_file()
    assert "Look whether it is the file that you mean" in rows["text"]["why"]  # what helps
    assert list(rows["eight"]) == COLUMNS and rows["mono1"]["area_mm2"] and not rows["zero_spacing"]["area_mm2"]
    assert float(rows["mono1"]["area_mm2"]) == pytest.approx(int(rows["mono1"]["area_px"]) / 4, abs=0.1)


def test_one_film_in_every_file_has_one_mask(
    expected: dict[str, str], folder: Path, model: Model, tmp_path: Path
) -> None:
    """Every kind of file holds the same drawn film, and its lungs are known."""
    truth = film().mask
    list(segment_all(job(model, folder, tmp_path)))
    masks = {name: labels(tmp_path / f"{name}.png") for name, status in expected.items() if status == "segmented"}
    for name, mask in masks.items():
        dice = 2 * ((mask > 0) & truth).sum() / ((mask > 0).sum() + truth.sum())
        assert dice > 0.9, (name, dice)
        assert (mask[:, :70] != 2).all() and (mask[:, 110:] != 1).all()
    assert len(masks) == 12


def test_a_mirrored_film_has_a_mask_where_it_lies_and_the_patients_sides(model: Model, tmp_path: Path) -> None:
    grey = film().image.astype(np.uint16) * 16
    tags = {"WindowCenter": 2048, "WindowWidth": 4096}
    (tmp_path / "films").mkdir()
    (tmp_path / "films/plain.dcm").write_bytes(saved(dicom(grey, PatientOrientation=["L", "F"], **tags)))
    turned = {
        "mirrored": (grey[:, ::-1], ["R", "F"]),
        "upside_down": (grey[::-1], ["L", "H"]),
        "on_its_side": (grey.T, ["F", "L"]),
    }
    for name, (pixels, orientation) in turned.items():
        content = saved(dicom(np.ascontiguousarray(pixels), PatientOrientation=orientation, **tags))
        (tmp_path / f"films/{name}.dcm").write_bytes(content)
    list(segment_all(job(model, tmp_path / "films", tmp_path / "out")))
    plain = labels(tmp_path / "out/plain.png")
    assert np.array_equal(labels(tmp_path / "out/mirrored.png"), plain[:, ::-1])
    assert np.array_equal(labels(tmp_path / "out/upside_down.png"), plain[::-1])
    assert np.array_equal(labels(tmp_path / "out/on_its_side.png"), plain.T)


def test_the_same_bytes_for_one_film_at_a_time_and_many(
    expected: dict[str, str], folder: Path, model: Model, tmp_path: Path
) -> None:
    for threads in (1, 5):
        list(segment_all(job(model, folder, tmp_path / str(threads)), threads=threads))
    one, many = tmp_path / "1", tmp_path / "5"
    masks = sorted(path.relative_to(one) for path in one.rglob("*.png"))
    assert len(masks) == 12 and all((one / path).read_bytes() == (many / path).read_bytes() for path in masks)
    rows = [[{**row, "seconds": ""} for row in table(place).values()] for place in (one, many)]
    assert rows[0] == rows[1]
    wholes = [json.loads((place / "films.json").read_text()) for place in (one, many)]
    for whole in wholes:
        for row in whole["films"]:
            del row["seconds"]
    assert wholes[0] == wholes[1] and wholes[0]["model"]["sha256"] == model.sha256


def test_a_killed_call_is_gone_on_with(
    expected: dict[str, str], folder: Path, model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, out = tmp_path / "whole", tmp_path / "out"
    list(segment_all(job(model, folder, whole)))
    for _, taken in zip(range(3), (4, 9, 6), strict=True):  # killed three times, once in the middle of a line
        coming = segment_all(job(model, folder, out), skip=(out / LOG).is_file(), threads=1)
        for _ in range(taken):
            next(coming)
        coming.close()
        with (out / LOG).open("a") as stream:
            stream.write('{"name": "cut sho')
    assert not (out / "films.csv").exists()
    looked: list[str] = []
    own = work.see
    monkeypatch.setattr(work, "see", lambda source, *rest: looked.append(source.name) or own(source, *rest))
    (out / "alpha.png").unlink()  # done, but its mask is lost
    list(segment_all(job(model, folder, out), skip=True))
    assert not (out / LOG).exists() and "alpha" in looked and "colour" not in looked
    rows = [[{**row, "seconds": ""} for row in table(place).values()] for place in (whole, out)]
    assert rows[0] == rows[1]


def test_results_are_neither_lost_nor_mixed(
    expected: dict[str, str],
    folder: Path,
    model: Model,
    files: list[Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    run: Run,
    capsys: pytest.CaptureFixture[str],
) -> None:
    one = folder / "eight.png"
    list(segment_all(job(model, one, tmp_path)))
    with pytest.raises(InputError, match=r"results of an earlier call.*--skip-existing.*--overwrite"):
        next(segment_all(job(model, one, tmp_path)))
    with pytest.raises(InputError, match="results of another model"):
        next(segment_all(job(of_files(files[:1]), one, tmp_path), skip=True))
    with pytest.raises(InputError, match=r"results of other choices \(inverted: null\).*\(inverted: true\)"):
        next(segment_all(job(model, one, tmp_path, inverted=True), skip=True))
    looked: list[str] = []
    own = work.see
    monkeypatch.setattr(work, "see", lambda source, *rest: looked.append(source.name) or own(source, *rest))
    for way, seen in (("skip", []), ("overwrite", ["eight"])):
        assert [row.name for row in segment_all(job(model, one, tmp_path), **{way: True})] == ["eight"]
        assert looked == seen
    assert run("segment", one, "--out", tmp_path, "--skip-existing", "--overwrite") == 2
    assert "found both, expected one of them" in capsys.readouterr().err


def one_film(folder: Path, name: str = "a.dcm", **tags: object) -> Path:
    """A DICOM film that has a mask, an overlay and a segmentation."""
    folder.mkdir(exist_ok=True)
    grey = film().image.astype(np.uint16) * 16
    (folder / name).write_bytes(saved(dicom(grey, WindowCenter=2048, WindowWidth=4096, **tags)))
    return folder


@pytest.mark.parametrize("name", ["a.png", "a.overlay.png", "a.seg.dcm"])
@pytest.mark.parametrize("harm", ["empty", "cut", "another", "gone"])
def test_what_is_not_as_it_was_written_is_made_anew(model: Model, tmp_path: Path, name: str, harm: str) -> None:
    films, out, told = one_film(tmp_path / "films"), tmp_path / "out", []
    work = job(model, films, out, overlay=True, dicom_seg=True)
    (before,) = segment_all(work)
    whole = (out / name).read_bytes()
    assert set(before.files) == {"a.png", "a.overlay.png", "a.seg.dcm"}
    if harm == "gone":
        (out / name).unlink()
    else:
        (out / name).write_bytes({"empty": b"", "cut": whole[:200], "another": whole + b"0"}[harm])
    list(segment_all(work, skip=True, tell=told.append))
    found = "gone" if harm == "gone" else "not as it was written"
    assert told == [f"a: {name} is {found}, and is made anew"]
    if name != "a.seg.dcm":  # which has the time in it
        assert (out / name).read_bytes() == whole
    told.clear()
    list(segment_all(work, skip=True, tell=told.append))
    assert not told and len(pydicom.dcmread(out / "a.seg.dcm").SegmentSequence) == 2


@pytest.mark.parametrize("way", ["skip", "overwrite"])
def test_no_mask_of_a_former_content_stays(model: Model, tmp_path: Path, way: str) -> None:
    films, out = one_film(tmp_path / "films"), tmp_path / "out"
    work = job(model, films, out, overlay=True, dicom_seg=True)
    list(segment_all(work))
    (out / "mine.png").write_text("mine")
    one_film(films, ViewPosition="LL")
    told: list[str] = []
    (row,) = segment_all(work, **{way: True}, tell=told.append)
    assert row.status == "refused" and not row.files
    assert sorted(path.name for path in out.iterdir()) == ["films.csv", "films.json", "mine.png"]
    assert "a: a.png of an earlier call is removed" in told


def test_no_mask_of_former_choices_stays(model: Model, tmp_path: Path) -> None:
    films, out = one_film(tmp_path / "films", ViewPosition="LL"), tmp_path / "out"
    list(segment_all(job(model, films, out, refused_too=True, overlay=True)))
    assert (out / "a.png").is_file()
    list(segment_all(job(model, films, out), overwrite=True))
    assert sorted(path.name for path in out.iterdir()) == ["films.csv", "films.json"]


def test_a_mask_that_somebody_changed_is_not_removed_unless_told(model: Model, tmp_path: Path) -> None:
    films, out, told = one_film(tmp_path / "films"), tmp_path / "out", []
    list(segment_all(job(model, films, out)))
    (out / "a.png").write_text("corrected by hand")
    one_film(films, ViewPosition="LL")
    list(segment_all(job(model, films, out), skip=True, tell=told.append))
    assert (out / "a.png").is_file() and "was changed since: it stays" in told[0]


def test_a_film_that_is_away_keeps_its_mask(model: Model, tmp_path: Path) -> None:
    films, out, told = one_film(tmp_path / "films"), tmp_path / "out", []
    work = job(model, films, out)
    list(segment_all(work))
    content = (films / "a.dcm").read_bytes()
    (films / "a.dcm").unlink()
    (away,) = segment_all(work, skip=True, tell=told.append)
    assert away.status == "unreadable" and (out / "a.png").is_file() and told == ["a: a.png of an earlier call stays"]
    (films / "a.dcm").write_bytes(saved(dicom(film().image, ViewPosition="LL")))
    (back,) = segment_all(work, skip=True)  # and is still known to be the call's own
    assert back.status == "refused" and not (out / "a.png").exists()
    (films / "a.dcm").write_bytes(content)
    assert [row.mask for row in segment_all(work, skip=True)] == ["a.png"]


@pytest.mark.parametrize("way", ["skip", "overwrite"])
def test_rows_of_films_that_a_later_call_is_not_given_stay(
    model: Model, tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    films, out = one_film(tmp_path / "films"), tmp_path / "out"
    one_film(films, "b.dcm")
    one_film(films, "c.dcm", ViewPosition="LL")
    one_film(films, "d.dcm")
    list(segment_all(job(model, films, out)))
    (out / "d.png").unlink()
    told: list[str] = []
    rows = list(segment_all(job(model, films / "a.dcm", out), **{way: True}, tell=told.append))
    assert [row.name for row in rows] == ["a"] and list(table(out)) == ["a", "b", "c"]
    assert told == ["d: d.png is gone, and with it the row of an earlier call"]
    looked: list[str] = []
    own = work.see
    monkeypatch.setattr(work, "see", lambda source, *rest: looked.append(source.name) or own(source, *rest))
    list(segment_all(job(model, films, out), skip=True))
    assert looked == ["d"] and list(table(out)) == ["a", "b", "c", "d"]


def test_rows_of_other_choices_do_not_stay_and_it_is_told(model: Model, tmp_path: Path) -> None:
    films, out, told = one_film(tmp_path / "films"), tmp_path / "out", []
    one_film(films, "b.dcm")
    list(segment_all(job(model, films, out)))
    list(segment_all(job(model, films / "a.dcm", out, inverted=False), overwrite=True, tell=told.append))
    assert list(table(out)) == ["a"] and (out / "b.png").is_file()
    assert told == ["1 films of earlier calls under other choices, such as b: files stay, without a row"]


@pytest.mark.parametrize("first", ["killed", "whole"])
def test_a_killed_call_that_makes_anew_is_gone_on_with(model: Model, tmp_path: Path, first: str) -> None:
    films, out = one_film(tmp_path / "films"), tmp_path / "out"
    one_film(films, "b.dcm", ViewPosition="LL")
    coming = segment_all(job(model, films, out, refused_too=True))
    assert [next(coming).mask, next(coming).mask] == ["a.png", "b.png"]
    coming.close() if first == "killed" else list(coming)
    coming = segment_all(job(model, films, out), overwrite=True, threads=1)
    next(coming)
    coming.close()
    with pytest.raises(InputError, match=r"\.films\.jsonl: found results of other choices \(refused_too: false\)"):
        list(segment_all(job(model, films, out, refused_too=True), skip=True))
    list(segment_all(job(model, films, out), skip=True))
    assert {name: row["status"] for name, row in table(out).items()} == {"a": "segmented", "b": "refused"}
    assert not (out / "b.png").exists()


# Every option of `segment` that is in the head, with a value that no other call here has; and those that change nothing
# of what a film's results are.
CHOSEN = {
    "model": ("--model", "other"), "frame": ("--frame", "pad"), "checks": ("--checks", "checks.csv"),
    "invert": ("--invert",), "spacing_mm": ("--spacing-mm", "0.5"), "refused_too": ("--refused-too",),
    "overlay": ("--overlay",), "dicom_seg": ("--dicom-seg",), "from_run": ("--from-run", "second"),
}  # fmt: skip
SAME = {"films", "out", "listed", "skip_existing", "overwrite", "jobs"}


def test_every_option_is_looked_at_or_listed_as_harmless() -> None:
    assert set(inspect.signature(commands.segment).parameters) == CHOSEN.keys() | SAME


@pytest.mark.parametrize("option", CHOSEN)
def test_results_of_two_options_are_never_mixed(
    option: str, runs: list[Path], files: list[Path], tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    one_film(tmp_path / "films")
    Path("checks.csv").write_text("quantity,side,verdict,limit,sound\ncut,above,refused,0.9,0.001\n")
    for name, of in (("first", runs[0]), ("second", runs[1])):
        shutil.copytree(of, name)
        card = json.loads((of / "weights.json").read_text())
        del card["frame"]  # so that --frame says it
        Path(name, "weights.json").write_text(json.dumps(card))
    words = ["segment", "films", "--out", "out"]
    plain = {"frame": ["--from-run", "first", "--frame", "stretch"]}
    plain["from_run"] = plain["frame"]
    plain["model"] = ["--model", str(files[0])]
    before = plain.get(option, plain["model"])
    after = [str(files[1]) if word == "other" else word for word in CHOSEN[option]]
    kept = {"model": [], "frame": before[:2], "from_run": before[2:]}.get(option, before)
    assert run(*words, *before) == 0
    whole = (tmp_path / "out/films.json").read_bytes()
    capsys.readouterr()
    assert run(*words, *kept, *after, "--skip-existing") == 2
    assert re.search(
        r"out/films.json: found results of (other|another) (choices|model|limits)", capsys.readouterr().err
    )
    assert (tmp_path / "out/films.json").read_bytes() == whole
    assert json.loads(whole)["choices"]["frame"] == ["stretch"]
    assert run(*words, *before, "--skip-existing", "--jobs", "2") == 0


def test_a_name_too_long_is_told_and_the_others_are_done(model: Model, tmp_path: Path) -> None:
    for name in ("a" * 225, "b"):
        Image.fromarray(film().image).save(tmp_path / f"{name}.png")
    long, short = segment_all(job(model, tmp_path, tmp_path / "out"))
    assert (
        long.status == "unreadable"
        and "cannot be written: found a name of 229 characters" in long.why[0]
        and short.status == "segmented"
    )


def test_a_name_too_long_for_a_folder_that_is_there_is_told_alone(model: Model, tmp_path: Path) -> None:
    films, out = one_film(tmp_path / "films"), tmp_path / "out"
    Image.fromarray(film().image).save(films / f"{'n' * 244}.png")
    out.mkdir()
    (out / "a.overlay.png").write_text("mine")  # not in the way of a call without --overlay
    rows = {row.name[:9]: row for row in segment_all(job(model, films, out))}
    assert rows["a"].mask == "a.png" and "a name of 248 characters" in rows["n" * 9].why[0]
    assert (out / "a.overlay.png").read_text() == "mine"
    for choice in ("overlay", "dicom_seg"):
        (tmp_path / choice).mkdir()
        (tmp_path / choice / f"a{OVERLAY if choice == 'overlay' else SEG}").write_text("mine")
        with pytest.raises(InputError, match="a file that no call of this command made"):
            list(segment_all(job(model, films, tmp_path / choice, **{choice: True})))


def test_what_cannot_be_opened_is_told_and_stops_no_other(
    files: list[Path], tmp_path: Path, run: Run, closed: Callable[[Path, int], None], capsys: pytest.CaptureFixture[str]
) -> None:
    films = one_film(tmp_path / "films")
    (films / "loop.png").symlink_to("loop.png")
    (films / "README").write_text("no film")
    one_film(films / "deep")
    closed(films / "README", 0)
    closed(films / "deep", 0)
    assert run("segment", films, "--out", tmp_path / "out", "--model", files[0]) == 1
    said = capsys.readouterr().err
    assert "deep/: unreadable: found a folder that may not be opened (Permission denied)" in said
    assert "loop: unreadable: found a link that leads nowhere" in said
    assert "README: unreadable: found Permission denied, expected a readable file" in said
    assert table(tmp_path / "out")["a"]["mask"] == "a.png"


def test_measure_tells_a_folder_that_it_may_not_open(
    tmp_path: Path, run: Run, closed: Callable[[Path, int], None], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "deep").mkdir()
    for name in ("a.png", "deep/b.png"):
        Image.fromarray(np.eye(20, dtype=np.uint8) * 2).save(tmp_path / name)
    (tmp_path / "loop.png").symlink_to("loop.png")
    closed(tmp_path / "deep", 0)
    assert run("measure", tmp_path, "--out", tmp_path / "m.csv") == 1
    said = capsys.readouterr().err
    assert "deep: found a folder that may not be opened" in said and "loop.png: found a link that leads" in said
    (tmp_path / "loop.png").unlink()
    assert run("measure", tmp_path) == 1
    assert run("measure", tmp_path / "deep") == 2 and "a folder that may not" in capsys.readouterr().err


def test_a_film_that_changed_is_looked_at_again(model: Model, tmp_path: Path) -> None:
    for number in (0, 1):
        Image.fromarray(film(number).image).save(tmp_path / "a.png")
        (row,) = segment_all(job(model, tmp_path / "a.png", tmp_path / "out"), skip=number == 1)
    (tmp_path / "other").mkdir()
    (fresh,) = segment_all(job(model, tmp_path / "a.png", tmp_path / "other"))
    assert row.sha256 == fresh.sha256 and row.areas == fresh.areas


def test_nothing_of_the_patient_is_in_what_is_written(
    expected: dict[str, str], folder: Path, model: Model, tmp_path: Path
) -> None:
    list(segment_all(job(model, folder, tmp_path, overlay=True)))
    for path in tmp_path.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not [word for word in SILENT if word.encode() in content], path


def test_a_dicom_segmentation_is_one(model: Model, tmp_path: Path) -> None:
    import highdicom as hd

    grey = film().image.astype(np.uint16) * 16
    tags = {"WindowCenter": 2048, "WindowWidth": 4096, "PixelSpacing": [0.4, 0.4]}
    (tmp_path / "a.dcm").write_bytes(saved(dicom(grey, **tags)))
    (tmp_path / "bare.dcm").write_bytes(saved(dicom(grey, PatientName=None, PatientID=None, StudyInstanceUID=None)))
    rows = list(segment_all(job(model, tmp_path, tmp_path / "out", dicom_seg=True)))
    assert rows[0].warnings == () and rows[1].mask and "no DICOM segmentation" in " ".join(rows[1].warnings)
    seg = hd.seg.segread(tmp_path / "out/a.seg.dcm")
    assert [one.segment_label for one in map(seg.get_segment_description, (1, 2))] == ["right lung", "left lung"]
    wanted = labels(tmp_path / "out/a.png")
    assert np.array_equal(seg.pixel_array, np.stack([wanted == 1, wanted == 2]))
    assert str(seg.PatientName) == "Doe^Jane"  # as the standard asks, and as --help says
    kind = pydicom.dcmread(tmp_path / "out/a.seg.dcm").SegmentSequence[0].SegmentedPropertyTypeCodeSequence[0]
    assert (kind.CodeValue, kind.CodingSchemeDesignator) == ("39607008", "SCT")


def test_a_run_answers_as_its_file_does(runs: list[Path], files: list[Path], tmp_path: Path, run: Run) -> None:
    Image.fromarray(film(5).image).save(tmp_path / "a.png")
    assert (
        run("segment", tmp_path / "a.png", "--out", tmp_path / "x", "--from-run", runs[0], "--from-run", runs[1]) == 0
    )
    models = [word for file in files for word in ("--model", file)]
    assert run("segment", tmp_path / "a.png", "--out", tmp_path / "y", *models) == 0
    assert (labels(tmp_path / "x/a.png") != labels(tmp_path / "y/a.png")).mean() < 1e-3
    found = [json.loads((tmp_path / name / "films.json").read_text())["films"][0] for name in "xy"]
    assert found[0]["disagreement"] == pytest.approx(found[1]["disagreement"], abs=1e-3)


@pytest.mark.parametrize("command", ["export", "segment"])
@pytest.mark.parametrize("harmed", ["weights", "manifest"])
def test_nobody_is_told_to_delete_a_trained_network(
    runs: list[Path], tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str], command: str, harmed: str
) -> None:
    own = tmp_path / "results/runs/unet/drawn/seed0"
    shutil.copytree(runs[0], own)
    if harmed == "weights":
        (own / "weights.safetensors").write_bytes(b"another")
    else:
        (tmp_path / "results/manifest.json").write_text("{")
    Image.fromarray(film().image).save(tmp_path / "a.png")
    words = {
        "export": ["export", own, tmp_path / "net.onnx"],
        "segment": ["segment", tmp_path / "a.png", "--out", tmp_path / "out", "--from-run", own],
    }
    assert run(*words[command]) == 2
    said = capsys.readouterr().err
    assert "Delete" not in said and "Keep it, and bring the run's own files: from a copy, by `dvc pull`" in said


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nowhere.png"], "no such file or folder"),
        (["a.png", "--model", "a.png"], "no network that opens"),
        (["a.png", "--model", "net", "--from-run", "."], "both"),
        (["a.png", "--model", "net", "--frame", "pad"], "--frame: found pad"),
        (["a.png", "--model", "net", "--spacing-mm", "0"], "--spacing-mm: found 0.0"),
        (["a.png", "--model", "net", "--checks", "none.csv"], "none.csv: found no such file"),
        (["a.png", "--from-run", "."], "no weights.json"),
        ([], "no film"),
    ],
)
def test_bad_words_are_one_message(
    files: list[Path], tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    words: list[str], told: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    Image.fromarray(film().image).save("a.png")
    assert run("segment", *[files[0] if word == "net" else word for word in words]) == 2
    said = capsys.readouterr().err
    assert told in said and said.count("\n") == 1 and not Path("masks").exists()


def test_exit_codes(files: list[Path], tmp_path: Path, run: Run) -> None:
    Image.fromarray(film().image).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(b"no film")
    words = ("--model", files[0], "--out")
    assert run("segment", tmp_path / "a.png", *words, tmp_path / "0") == 0
    assert run("segment", tmp_path / "a.png", tmp_path / "b.png", *words, tmp_path / "1") == 1
    assert run("segment", tmp_path / "b.png", *words, tmp_path / "2") == 2
    assert table(tmp_path / "2")["b"]["status"] == "unreadable"


def test_limits_refuse_and_a_person_may_have_the_mask_all_the_same(
    files: list[Path], tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.fromarray(255 - film().image).save(tmp_path / "a.png")
    checks = tmp_path / "checks.csv"
    checks.write_text("quantity,side,verdict,limit,sound\ncut,above,refused,0.05,0.001\n")
    words = ("segment", tmp_path / "a.png", "--model", files[0], "--checks", checks)
    assert run(*words, "--out", tmp_path / "x") == 2
    assert "lungs cut off" in table(tmp_path / "x")["a"]["why"] and "lungs cut off" in capsys.readouterr().err
    assert run(*words, "--out", tmp_path / "y", "--refused-too") == 1 and (tmp_path / "y/a.png").is_file()
    assert run(*words, "--out", tmp_path / "z", "--invert") == 0


def test_without_a_model_one_message_says_so(
    tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.fromarray(film().image).save(tmp_path / "a.png")
    monkeypatch.setattr(networks.default, "__defaults__", (tmp_path / "models",))
    assert run("segment", tmp_path / "a.png", "--out", tmp_path / "out") == 2
    assert "found no model, expected one in lungseg/models. Give --model" in capsys.readouterr().err


def test_the_model_of_a_package_has_a_card(files: list[Path], tmp_path: Path) -> None:
    for file in files:
        (tmp_path / file.name).write_bytes(file.read_bytes())
    shas = {file.name: of_files([file]).networks[0].sha256 for file in files}
    with pytest.raises(InputError, match=r"seed0.json: found no such file"):
        default(tmp_path)
    for file in files:
        card = {"name": "small", "version": "1", "sha256": shas[file.name], "licence": "MIT"}
        (tmp_path / file.with_suffix(".json").name).write_text(json.dumps(card))
    model = default(tmp_path)
    assert (model.name, model.version, len(model.networks), model.folder) == ("small", "1", 2, tmp_path)
    (tmp_path / "seed1.json").write_text(json.dumps({**card, "version": "2"}))
    with pytest.raises(InputError, match="expected one name and version"):
        default(tmp_path)
    (tmp_path / "seed1.json").write_text(json.dumps({**card, "sha256": "0" * 64}))
    with pytest.raises(
        InputError, match=f"found sha256 {shas['seed1.onnx'][:12]}…, expected {'000000000000'}…, as its card says"
    ):
        default(tmp_path)
    (tmp_path / "seed1.json").write_text("{}")
    with pytest.raises(InputError, match="no name"):
        default(tmp_path)
    (tmp_path / "seed1.json").write_text("{")
    with pytest.raises(InputError, match=r"no JSON.*Install the package again"):
        default(tmp_path)


def test_from_python(model: Model, files: list[Path]) -> None:
    drawn = film()
    found = segment(drawn.image, spacing_mm=(0.5, 0.4), model=files)
    assert found.status == "segmented" and found.labels.shape == drawn.image.shape
    dice = 2 * ((found.labels > 0) & drawn.mask).sum() / ((found.labels > 0).sum() + drawn.mask.sum())
    assert dice > 0.9 and found.area_mm2 == pytest.approx(found.area_px * 0.2, abs=0.1)
    deep = segment(drawn.image.astype(np.uint16) * 16, model=model)
    assert (deep.labels != found.labels).mean() < 0.02 and deep.area_mm2 is None and "stretched" in deep.warnings[0]
    inverse = segment(255 - drawn.image, model=model, inverted=True)
    assert np.array_equal(inverse.labels, found.labels)
    black = segment(np.zeros((99, 99), dtype=np.uint8), model=model)
    assert black.status == "refused" and "one shade" in black.why[0]
    for array in (np.zeros((3, 9, 9)), np.zeros((0, 5)), np.array([["a"]]), np.full((9, 9), np.nan)):
        with pytest.raises(InputError):
            segment(array, model=model)
    for wrong in (
        -1,
        "x",
        (0.1,),
        [0.1, 0.2, 0.3],
        (0.1, None),
        [],
        143,
        0.000143,
        True,
        np.nan,
        np.zeros((2, 2)),
        np.array("x"),
        {"a": 1},
        1j,
    ):
        with pytest.raises(InputError, match=r"a length from 0\.01 to 10 mm, or two: of rows and of columns"):
            segment(drawn.image, spacing_mm=wrong, model=model)
    for two in ([0.5, 0.4], (0.5, 0.4), np.array([0.5, 0.4])):
        assert segment(drawn.image, spacing_mm=two, model=model).area_mm2 == found.area_mm2
    for one in (0.5, 1, np.float32(0.5)):
        area = found.area_px * float(one) ** 2
        assert segment(drawn.image, spacing_mm=one, model=model).area_mm2 == pytest.approx(area, abs=0.1)
    assert segment(drawn.image, model=str(files[0])).area_px > 0  # one file is a model, too
    with pytest.raises(InputError, match="no file"):
        segment(drawn.image, model=[])
    with pytest.raises(InputError, match="numbers of shape"):
        segment([[1, 2], [3]], model=model)


def test_nobody_is_told(files: list[Path], tmp_path: Path) -> None:
    """Events for the maker of onnxruntime would begin with a session's name in the folder of temporary files."""
    Image.fromarray(film().image).save(tmp_path / "a.png")
    (tmp_path / "temporary").mkdir()
    words = ["-m", "lungseg.cli", "segment", "a.png", "--model", str(files[0])]
    own = os.environ | {"TMPDIR": str(tmp_path / "temporary"), "PYTHONPATH": str(ROOT)}
    without = {key: value for key, value in own.items() if key != SWITCH}
    subprocess.run([sys.executable, *words], cwd=tmp_path, env=without, check=True, capture_output=True)
    assert list((tmp_path / "temporary").iterdir()) == []


def test_a_terminal_is_shown_each_row_on_its_own_line(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a", "b"):
        Image.fromarray(np.eye(64, dtype=np.uint8) * 2).save(tmp_path / f"{name}.png")
    shown = []
    for terminal in (True, False):
        monkeypatch.setattr(sys.stdout, "isatty", lambda terminal=terminal: terminal)
        assert run("measure", tmp_path) == 0
        shown.append(capsys.readouterr().out)
    assert shown[0] == shown[1]
    assert [line.partition(",")[0] for line in shown[0].splitlines()] == ["name", "a.png", "b.png"]
    assert run("measure", tmp_path, "--out", tmp_path / "m.csv") == 0
    assert (tmp_path / "m.csv").read_text() == shown[0]


def test_measure(files: list[Path], tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "films").mkdir()
    pixels = film().image.astype(np.uint16) * 16
    tags = {"WindowCenter": 2048, "WindowWidth": 4096, "ImagerPixelSpacing": [0.5, 0.5]}
    (tmp_path / "films/a.dcm").write_bytes(saved(dicom(pixels, **tags)))
    assert run("segment", tmp_path / "films", "--out", tmp_path / "out", "--model", files[0], "--overlay") == 0
    capsys.readouterr()
    assert run("measure", tmp_path / "out") == 0
    (row,) = csv.DictReader(capsys.readouterr().out.splitlines())
    told = table(tmp_path / "out")["a"]
    for name in ("area_px", "right_px", "left_px", "area_mm2", "share", "spacing_source"):
        assert row[name] == told[name]
    assert run("measure", tmp_path / "out", "--out", tmp_path / "out/films.csv") == 2
    assert "films.csv: found a table of `lungseg segment`" in capsys.readouterr().err and table(tmp_path / "out")["a"]
    mask = labels(tmp_path / "out/a.png")
    assert int(row["right_height_px"]) == np.ptp(np.nonzero(mask == 1)[0]) + 1
    assert int(row["width_px"]) == np.ptp(np.nonzero(mask)[1]) + 1
    Image.fromarray((mask > 0).astype(np.uint8) * 255).save(tmp_path / "white.png")  # both lungs in one shade
    assert run("measure", tmp_path / "white.png", "--spacing-mm", "0.5", "--out", tmp_path / "m.csv") == 0
    (white,) = csv.DictReader((tmp_path / "m.csv").read_text().splitlines())
    assert [white[name] for name in ("area_px", "right_px", "left_px", "area_mm2")] == [
        row[name] for name in ("area_px", "right_px", "left_px", "area_mm2")
    ]
    (tmp_path / "empty").mkdir()
    assert run("measure", tmp_path / "empty") == 2 and "no mask" in capsys.readouterr().err


def test_measure_tells_the_same_of_files_and_folders(
    tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "all/out"
    (out / "deep").mkdir(parents=True)
    mask = np.zeros((20, 20), np.uint8)
    mask[5:9, 3:8] = 1  # a single lung: labels only where films.json says so
    for name in ("c.png", "c.overlay.png", "deep/d.png"):
        Image.fromarray(mask).save(out / name)
    sides = {"spacing_rows_mm": 0.5, "spacing_columns_mm": 0.5, "spacing_source": "told"}
    films = [{"mask": name, **sides} for name in ("c.png", "deep/d.png")]
    (out / "films.json").write_text(json.dumps({"films": films}))
    (tmp_path / "films.json").write_text("my films")  # above what is given, it may be of anything
    told = []
    for given in ([out], [tmp_path / "all"], [out / "c.png", out / "c.overlay.png", out / "deep/d.png"]):
        assert run("measure", *given) == 0
        told.append(capsys.readouterr().out)
    assert len(set(told)) == 1 and told[0].count("told") == 2
    names = [[line.partition(",")[0] for line in lines.splitlines()[1:]] for lines in told]
    assert names[0] == ["c.png", "deep/d.png"]  # as in films.csv
    (out / "films.json").unlink()
    for name in ("deep/d.PNG", "d.gif"):
        Image.fromarray(mask).save(out / name)
    assert run("measure", tmp_path / "all") == 0
    lines = capsys.readouterr().out.splitlines()[1:]
    assert [line.partition(",")[0] for line in lines] == [
        f"out/{n}" for n in ("c.png", "d.gif", "deep/d.PNG", "deep/d.png")
    ]
    assert run("measure", out / "deep/d.png", out / "c.png", out / "deep") == 0
    whole = [line.partition(",")[0] for line in capsys.readouterr().out.splitlines()[1:]]
    assert whole == ["d.png", "c.png", "d.PNG"]
    Image.fromarray(mask).save(out / "d.png")
    assert run("measure", out / "deep/d.png", out / "d.png") == 0
    whole = [line.partition(",")[0] for line in capsys.readouterr().out.splitlines()[1:]]
    assert whole == [str(out / "deep/d.png"), str(out / "d.png")]


def test_measure_goes_on_after_a_bad_mask(tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "b.png").symlink_to(tmp_path / "nowhere")
    strange = tmp_path / os.fsdecode(b"M\xfcller.png")
    try:
        Image.fromarray(np.eye(20, dtype=np.uint8) * 2).save(strange)
    except OSError:
        pytest.skip("names are UTF-8 here")
    assert run("measure", tmp_path, "--out", tmp_path / "m.csv") == 1
    assert "b.png: found a link that leads nowhere" in capsys.readouterr().err
    assert (tmp_path / "m.csv").read_text(encoding="utf-8").splitlines()[1].startswith("M%FCller.png,20")
    assert run("measure", tmp_path / "b.png", "--out", tmp_path / "n.csv") == 2 and not (tmp_path / "n.csv").exists()


def test_a_film_is_no_mask_and_a_mask_of_soft_edges_is_one(
    tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    drawn = film(3)
    Image.fromarray(drawn.image).save(tmp_path / "film.png")
    soft = Image.fromarray(drawn.mask.astype(np.uint8) * 255).resize((32, 32), Image.Resampling.BILINEAR)
    soft.save(tmp_path / "soft.png")
    assert len(np.unique(soft)) > 10 and run("measure", tmp_path / "soft.png") == 0
    assert float(capsys.readouterr().out.splitlines()[1].split(",")[-1]) == pytest.approx(drawn.mask.mean(), abs=0.02)
    assert run("measure", tmp_path / "film.png") == 2
    assert "% of its pixels between dark and bright, expected a mask" in (told := capsys.readouterr().err)
    assert "Give masks as `lungseg segment` writes them" in told


def test_measure_prints_no_escape_to_a_terminal(
    tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.fromarray(np.eye(20, dtype=np.uint8) * 2).save(tmp_path / "\x1b[2J.png")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert run("measure", tmp_path) == 0
    assert "\\u001b[2J.png" in (said := capsys.readouterr().out) and "\x1b" not in said


@pytest.mark.parametrize(
    ("content", "told"),
    [("[" * 200_000, "no table of films"), *((side, "a pixel of") for side in ("NaN", "-1", "1e400"))],
)
def test_measure_refuses_a_table_that_cannot_be(
    tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str], content: str, told: str
) -> None:
    Image.fromarray(np.eye(20, dtype=np.uint8) * 2).save(tmp_path / "a.png")
    film = f'"mask": "a.png", "spacing_rows_mm": {content}, "spacing_columns_mm": 1, "spacing_source": ""'
    (tmp_path / "films.json").write_text(content if told.startswith("no") else f'{{"films": [{{{film}}}]}}')
    assert run("measure", tmp_path) == 2 and f"films.json: found {told}" in capsys.readouterr().err


HEAVY = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Block())
sys.argv = ["lungseg", *{words!r}]
from lungseg.cli import main
main()
"""
BENCHMARK = {"torch", "torchvision", "timm", "segmentation_models_pytorch", "snakemake", "dvc", "mlflow", "safetensors",
             "matplotlib", "seaborn", "statsmodels", "scikit_posthocs", "sklearn", "imagehash", "jinja2", "pyarrow",
             "contourpy", "onnx", "onnxscript", "highdicom", "openjpeg", "jpeg_ls", "pylibjpeg", "starlette",
             "uvicorn", "great_tables", "babel"}  # fmt: skip


def test_a_plain_installation_is_enough(files: list[Path], tmp_path: Path) -> None:
    """Nothing that an extra brings is imported by segment, measure, audit and compare."""
    Image.fromarray(film().image).save(tmp_path / "a.png")
    (tmp_path / "b.dcm").write_bytes(saved(dicom(film().image)))
    commands = [
        ["segment", str(tmp_path), "--out", str(tmp_path / "out"), "--model", str(files[0]), "--overlay"],
        ["measure", str(tmp_path / "out")],
        ["audit", "workflow/published/mishra.csv"],
        ["compare", "results/laptop", "results/laptop"],
    ]
    for words, ends in zip(commands, (0, 0, 1, 0), strict=True):
        code = HEAVY.format(names=BENCHMARK, words=words)
        ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
        assert ended.returncode == ends, ended.stderr[-600:]


def test_what_takes_more_than_a_plain_installation_names_the_extra() -> None:
    commands = [["export", "bench", "a.onnx"], ["weights", "fetch"], ["weights", "check"], ["track"],
                ["segment", "docs/serve.png", "--from-run", "."], ["segment", "a.png", "--dicom-seg"],
                ["compare", "results/laptop", "results/laptop", "--html", "a.html"]]  # fmt: skip
    each = f"""
for words in {commands!r}:
    sys.argv[1:] = words
    try:
        main()
    except SystemExit as ended:
        assert ended.code == 2
"""
    code = HEAVY.format(names=BENCHMARK, words=[]).removesuffix("main()\n") + each
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    told = ended.stderr.splitlines()
    assert len(told) == len(commands) and all(
        "found no module" in one and "pip install 'lungseg[" in one for one in told
    )


@pytest.mark.parametrize("way", ["files", "list", "suffixed"])
def test_a_film_is_never_replaced_by_its_mask(model: Model, tmp_path: Path, way: str) -> None:
    mixed(tmp_path / "films")
    films = sorted((tmp_path / "films").glob("*.png"))
    before = {path: path.read_bytes() for path in films}
    (tmp_path / "list.txt").write_text("\n".join(map(str, films)))
    out = {"files": tmp_path / "films", "list": tmp_path / "films", "suffixed": tmp_path / "x/../films"}[way]
    sources = find([], out, tmp_path / "list.txt") if way == "list" else find(films, out)
    for overwrite in (False, True):
        with pytest.raises(InputError, match="found a film, expected another folder for its mask"):
            list(segment_all(Job(sources, out, model, (), Choices()), overwrite=overwrite))
    assert {path: path.read_bytes() for path in films} == before


def test_what_no_call_made_is_left_alone_unless_told(model: Model, tmp_path: Path) -> None:
    mixed(tmp_path / "films")
    one = next(source for source in find([tmp_path / "films"], tmp_path / "out") if source.path.suffix == ".png")
    (tmp_path / "out").mkdir()
    (tmp_path / f"out/{one.name}.png").write_text("mine")
    (tmp_path / "csv").mkdir()
    (tmp_path / "csv/films.csv").write_text("mine")
    with pytest.raises(InputError, match=r"films.csv: found a file that no call of this command made"):
        list(segment_all(Job([one], tmp_path / "csv", model, (), Choices())))
    work = Job([one], tmp_path / "out", model, (), Choices())
    with pytest.raises(InputError, match="found a file that no call of this command made"):
        list(segment_all(work))
    assert (tmp_path / f"out/{one.name}.png").read_text() == "mine"
    list(segment_all(work, overwrite=True))
    list(segment_all(work, skip=True))
    assert not list((tmp_path / "out").glob(".*"))


@pytest.mark.parametrize("what", ["write_labels", "write_overlay", "write_tables"])
def test_a_full_disk_ends_the_call_with_one_message_and_is_gone_on_from(
    model: Model, files: list[Path], tmp_path: Path, what: str, run: Run, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    films, out = one_film(tmp_path / "films"), tmp_path / "out"
    one_film(films, "b.dcm")
    own = getattr(work, what)

    def full(*words: object) -> None:
        if "b" in str(words[-1]) or what == "write_tables":
            raise OSError(errno.ENOSPC, "No space left on device")
        own(*words)

    words = ["segment", films, "--out", out, "--model", files[0], "--overlay", "--jobs", "1"]
    with monkeypatch.context() as patch:
        patch.setattr(work, what, lambda *given: full(*given))
        assert run(*words) == 2
    said = [
        line for line in capsys.readouterr().err.splitlines() if line.startswith("lungseg: ") and "limits" not in line
    ]
    assert len(said) == 1 and f"{out}: found No space left on device, expected room for masks and tables" in said[0]
    assert (out / "b.png").exists() == (what == "write_tables")  # all that is written of a film, or nothing
    assert run(*words, "--skip-existing") == 0 and list(table(out)) == ["a", "b"]


def test_a_log_without_a_whole_line_is_none(model: Model, tmp_path: Path) -> None:
    films, out = one_film(tmp_path / "films"), tmp_path / "out"
    out.mkdir()
    (out / LOG).write_text('{"lungseg": "cut sho')
    list(segment_all(job(model, films, out), skip=True))
    assert list(table(out)) == ["a"]


def test_a_place_that_cannot_be_written_is_told_as_one(
    model: Model, tmp_path: Path, closed: Callable[[Path, int], None]
) -> None:
    films, out = one_film(tmp_path / "films"), tmp_path / "out"
    one_film(films / "deep")
    (out / "deep").mkdir(parents=True)
    closed(out / "deep", 0o555)
    rows = {row.name: row for row in segment_all(job(model, films, out))}
    assert rows["a"].mask and rows["deep/a"].why == (
        "its results cannot be written: found Permission denied at deep/a.png, expected a place that can be written",
    )


def test_two_calls_at_once_do_not_harm_each_other(model: Model, tmp_path: Path) -> None:
    films, out = one_film(tmp_path / "films"), tmp_path / "out"
    one_film(films, "b.dcm")
    first = segment_all(job(model, films, out), threads=1)
    next(first)
    for way in ({}, {"skip": True}, {"overwrite": True}):
        with pytest.raises(InputError, match=r"out: found another call that is at work in it.*Wait until it is done"):
            list(segment_all(job(model, films, out), **way))
    assert [row.name for row in first] == ["b"] and list(table(out)) == ["a", "b"]
    assert not list(out.glob(".*"))


def test_what_a_killed_call_held_is_free(model: Model, tmp_path: Path) -> None:
    films, out = one_film(tmp_path / "films"), tmp_path / "out"
    out.mkdir()
    code = (
        f"import os\nfrom pathlib import Path\nfrom lungseg.films.alone import alone\nwith alone(Path({str(out)!r})):"
    )
    code += "\n    os.kill(os.getpid(), 9)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == -9
    assert (out / LOCK).is_file()
    list(segment_all(job(model, films, out)))
    assert not (out / LOCK).exists()


def test_a_folder_without_locks_is_written_all_the_same(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", none)
    list(segment_all(job(model, one_film(tmp_path / "films"), tmp_path / "out")))
    assert list(table(tmp_path / "out")) == ["a"] and not list((tmp_path / "out").glob(".films*"))


def test_a_link_in_the_place_of_the_lock_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / LOCK).symlink_to(tmp_path / "elsewhere")
    with alone(tmp_path):
        assert not (tmp_path / "elsewhere").exists()


def test_a_lock_that_its_holder_has_just_removed_is_taken_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own, removed = fcntl.flock, []

    def late(*words: int) -> None:
        own(*words)
        if not removed:
            removed.append((tmp_path / LOCK).unlink())

    monkeypatch.setattr(fcntl, "flock", late)
    with alone(tmp_path):
        assert removed and (tmp_path / LOCK).is_file()


def test_a_link_in_the_place_of_the_log_is_not_followed(model: Model, tmp_path: Path) -> None:
    mixed(tmp_path / "films")
    (tmp_path / "out").mkdir()
    (tmp_path / "out/.films.jsonl").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match=r"films\.jsonl: found a link"):
        list(segment_all(job(model, tmp_path / "films", tmp_path / "out")))
    assert not (tmp_path / "elsewhere").exists()
