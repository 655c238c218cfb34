"""Data sets of one's own: what pairs, what is refused and in which words, what is read."""

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lungseg.data.datasets import refuse_unknown
from lungseg.data.reading import BadFilms, Radiograph, Unused
from lungseg.errors import InputError
from lungseg.files import file_hash
from lungseg.films.own_sets import (
    any_dataset,
    catalogue,
    expect_record,
    prints,
    refuse_shared_names,
    write_record,
)
from lungseg.jobs.manifest import archives
from lungseg.own import Own
from tests.conftest import encoded, write_zip
from tests.own_films import dicom, film, saved, tiff


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with films a to e of five kinds, masks of a to d."""
    drawn = [film(number) for number in range(5)]
    grey = [one.image for one in drawn]
    (tmp_path / "films/below").mkdir(parents=True)
    (tmp_path / "masks").mkdir()
    window = {"WindowCenter": 2048, "WindowWidth": 4096, "ImagerPixelSpacing": [0.2, 0.2]}
    (tmp_path / "films/a.png").write_bytes(encoded(grey[0]))
    odd = saved(dicom(grey[1].astype(np.uint16) * 16, NumberOfFrames=100, **window)).replace(b"100 ", b"1.0 ", 1)
    (tmp_path / "films/below/b.dcm").write_bytes(odd)  # pydicom warns of such a number
    (tmp_path / "films/c.tif").write_bytes(tiff(grey[2].astype(np.uint16) * 257))
    (tmp_path / "films/1.2.840").write_bytes(saved(dicom(grey[3].astype(np.uint16) * 16)))
    (tmp_path / "films/e.PNG").write_bytes(encoded(grey[4]))
    (tmp_path / "films/notes.txt").write_text("no film")
    for name, one in zip(["a", "b", "c", "1.2.840"], drawn, strict=False):
        (tmp_path / f"masks/{name}_mask.png").write_bytes(encoded(one.mask.astype(np.uint8) * 255))
    return tmp_path


def own(place: Path, **keys: object) -> Own:
    """What a configuration says of it."""
    return Own(**{"images": f"{place}/films", "masks": f"{place}/masks", "match": "{id}_mask.png"} | keys)


def read(one: Own, **exclude: str) -> dict[str, Radiograph | Unused]:
    """All films by name."""
    return {each.image_id: each for each in any_dataset("mine", one).read(Path(), exclude, 2)}


def table(place: Path, key: str, *rows: str) -> str:
    """The path of a table with a row each."""
    (place / f"{key}.csv").write_text("\n".join([f"image_id,{key}", *rows, ""]))
    return str(place / f"{key}.csv")


def test_films_of_every_kind_are_paired_with_their_masks(place: Path) -> None:
    found = any_dataset("mine", own(place))
    assert (found.films, found.unused) == (("1.2.840", "a", "b", "c"), 1)
    films = read(own(place))
    assert films["e"] == Unused("e", "no mask")
    for name, number in {"a": 0, "b": 1, "c": 2, "1.2.840": 3}.items():
        assert np.array_equal(films[name].mask, film(number).mask)
        assert np.corrcoef(films[name].image.ravel(), film(number).image.ravel())[0, 1] > 0.99
    assert [films[name].spacing_mm for name in ("a", "b", "c")] == [None, 0.2, None]
    assert films["a"].sha256 == file_hash(place / "films/a.png")
    assert read(own(place, spacing_mm=0.5))["b"].spacing_mm == 0.5


def test_archives_are_read_as_folders_are(place: Path) -> None:
    for name in ("films", "masks"):
        content = {f"{name}/{p.relative_to(place)}": p.read_bytes() for p in (place / name).rglob("*") if p.is_file()}
        write_zip(place / f"{name}.zip", content | {"__MACOSX/._a.png": b"", "x/.hidden.png": b""})
    packed = read(own(place, images=f"{place}/films.zip", masks=f"{place}/masks.zip"))
    loose = read(own(place))
    assert list(packed) == list(loose)
    assert all(np.array_equal(packed[n].image, loose[n].image) for n in ("a", "b", "c"))


def test_each_lung_may_have_a_file_and_masks_lie_beside_films(place: Path) -> None:
    masks = {p.name: np.asarray(Image.open(p)).copy() for p in (place / "masks").iterdir()}
    for side, off in {"left": np.s_[:, :90], "right": np.s_[:, 90:]}.items():
        (place / side).mkdir()
        for name, whole in masks.items():
            part = whole.copy()
            part[off] = 0
            (place / side / name).write_bytes(encoded(part))
    both = read(own(place, masks={"left": f"{place}/left", "right": f"{place}/right"}))
    assert np.array_equal(both["a"].mask, film(0).mask)
    (place / "left/a_mask.png").unlink()
    with pytest.raises(BadFilms, match=r"a: .*left: found no mask of a, expected one of each lung"):
        read(own(place, masks={"left": f"{place}/left", "right": f"{place}/right"}))
    shutil.copytree(place / "masks", place / "films/masks")
    assert list(read(own(place, masks=f"{place}/films/masks"))) == ["1.2.840", "a", "b", "c", "e"]
    for name in masks:
        shutil.move(place / "films/masks" / name, place / "films" / name)
    assert list(read(own(place, masks=f"{place}/films"))) == ["1.2.840", "a", "b", "c", "e"]


WAYS: dict[str, Callable[[Path], tuple[str, str]]] = {
    "relative and absolute": lambda p: ("both", f"{p}/both"),
    "a point between": lambda p: (f"{p}/both", f"{p}/films/../both/."),
    "a link": lambda p: (f"{p}/both", f"{p}/link"),
    "the link first": lambda p: (f"{p}/link", f"{p}/both"),
    "below, relative and absolute": lambda p: ("nest", f"{p}/nest/masks"),
    "below, through a link": lambda p: (f"{p}/nest", f"{p}/knot/masks"),
    "below by a link alone": lambda p: (f"{p}/tied", f"{p}/masks"),
    "above": lambda p: (f"{p}/both", f"{p}/above"),
    "an archive, relative and absolute": lambda p: ("both.zip", f"{p}/both.zip"),
    "an archive and a link": lambda p: (f"{p}/both.zip", f"{p}/other.zip"),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_place_is_one_however_it_is_named(place: Path, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "masks/note.png").write_bytes(b"no film, in a folder of masks")
    (place / "above").mkdir()
    for name in ("both", "nest", "tied"):
        shutil.copytree(place / "films", place / name)
    for mask in (place / "masks").glob("*_mask.png"):
        shutil.copy(mask, place / "both")
    shutil.copytree(place / "masks", place / "nest/masks")
    content = {p.relative_to(place).as_posix(): p.read_bytes() for p in (place / "both").rglob("*") if p.is_file()}
    write_zip(place / "both.zip", content)
    links = {"link": "both", "knot": "nest", "tied/masks": "masks", "other.zip": "both.zip", "above/link": "both"}
    for link, target in links.items():
        (place / link).symlink_to(place / target)
    monkeypatch.chdir(place)
    images, masks = WAYS[way](place)
    found = catalogue("mine", own(place, images=images, masks=masks))
    assert (tuple(found.films), found.used) == (("1.2.840", "a", "b", "c", "e"), ("1.2.840", "a", "b", "c"))


def test_masks_lie_on_a_film_as_its_file_stores_it(place: Path) -> None:
    turned = dicom(film(1).image[:, ::-1].astype(np.uint16) * 16, PatientOrientation=["R", "F"])
    (place / "films/below/b.dcm").write_bytes(saved(turned))
    (place / "masks/b_mask.png").write_bytes(encoded(film(1).mask[:, ::-1].astype(np.uint8) * 255))
    assert np.array_equal(read(own(place))["b"].mask, film(1).mask)


def _smaller(place: Path) -> None:
    (place / "masks/a_mask.png").write_bytes(encoded(film(0).mask[:150].astype(np.uint8) * 255))


def _one_lung(place: Path) -> None:
    half = film(0).mask.astype(np.uint8) * 255
    half[:, 90:] = 0
    (place / "masks/a_mask.png").write_bytes(encoded(half))


def _inverted(place: Path) -> None:
    around = np.full((200, 180), 255, np.uint8)
    around[20:180, 20:160] = 0  # dark lungs that cover most of the film
    (place / "masks/a_mask.png").write_bytes(encoded(around))


def _turned(place: Path) -> None:
    exif = Image.Exif()
    exif[274] = 3
    Image.fromarray(film(0).image[::-1, ::-1]).save(place / "films/a.png", exif=exif)


def _lateral(place: Path) -> None:
    (place / "films/below/b.dcm").write_bytes(saved(dicom(film(1).image.astype(np.uint16) * 16, ViewPosition="LL")))


BAD_FILMS: dict[str, tuple[Callable[[Path], object], str]] = {
    "another size": (_smaller, r"a_mask.png: found 150 x 180 pixels, expected 200 x 180 pixels as its film has"),
    "one lung": (_one_lung, "a_mask.png: found lungs on .*of the film left of its middle"),
    "black": (lambda p: (p / "masks/a_mask.png").write_bytes(encoded(np.zeros((200, 180), np.uint8))), "an empty mask"),
    "inverted": (_inverted, r"a_mask.png: found lungs on 100% of the film's border, as in a mask whose lungs are dark"),
    "turned": (
        _turned,
        r"a.png: found a film turned as its EXIF orientation 3 says, expected one that lies as its mask",
    ),
    "torn": (lambda p: (p / "films/a.png").write_bytes((p / "films/a.png").read_bytes()[:900]), "a: .*no picture that"),
    "one shade": (
        lambda p: (p / "films/a.png").write_bytes(encoded(np.full((200, 180), 90, "u1"))),
        r"a: .*a.png: found nearly one shade: greys from 90 to 90 of 255, expected a frontal chest film",
    ),
    "lateral": (_lateral, r"b: .*b.dcm: found .*lateral.*, expected a frontal chest film"),
    "labels": (
        lambda p: (p / "masks/a_mask.png").write_bytes(encoded((np.arange(36000) % 5).reshape(200, 180).astype("u1"))),
        "a_mask.png: found the labels 0, 1, 2, 3, 4",
    ),
}


@pytest.mark.parametrize("kind", BAD_FILMS)
def test_bad_films_are_named_with_the_lines_that_leave_them_out(place: Path, kind: str) -> None:
    spoil, message = BAD_FILMS[kind]
    spoil(place)
    with pytest.raises(BadFilms, match=message) as told:
        read(own(place))
    (name,) = told.value.films
    assert f'exclude:\n  mine:\n    "{name}":' in str(told.value)
    assert read(own(place), **{name: "it is bad"})[name] == Unused(name, "it is bad")


TWO = ["a,{}", "b,{}", "c,{}", "1.2.840,{}"]
MISTAKES: dict[str, tuple[Callable[[Path], dict[str, object]], str]] = {
    "no folder": (lambda p: {"images": f"{p}/no"}, "own.mine.images: found .*/no, which is not there, expected a fold"),
    "no masks": (lambda p: {"masks": f"{p}/no"}, "own.mine.masks: found .*/no, which is not there"),
    "no zip": (lambda p: {"masks": f"{p}/films/notes.txt"}, "notes.txt: found 7 bytes that are no whole zip file"),
    "no film": (
        lambda p: {"images": f"{p}/masks"},
        r"own.mine.images \(.*\): found no film among 0 files that are no masks",
    ),
    "no match": (lambda p: {"match": "m_{id}.gif"}, "own.mine.masks .*: found no m_{id}.gif among 4 files, such as"),
    "mask alone": (
        lambda p: (p / "films/a.png").unlink() or {},
        "own.mine.masks .*: found 1 masks without a film: a_mask.png",
    ),
    "two of a name": (
        lambda p: shutil.copy(p / "films/a.png", p / "films/below/a.png") and {},
        "found 2 files that share a name: a.png, below/a.png",
    ),
    "strange name": (lambda p: (p / "films/<b>.png").write_bytes(b"") or {}, "found <b>.png, expected names of"),
    "no table": (
        lambda p: {"split": f"{p}/no.csv"},
        "own.mine.split .*: found no such file, expected a table with col",
    ),
    "no column": (
        lambda p: {"patients": table(p, "abnormal", *[row.format(1) for row in TWO])},
        "no column patients, expected the columns image_id, patients",
    ),
    "no row": (
        lambda p: {"abnormal": table(p, "abnormal", "a,1", "b,0")},
        "own.mine.abnormal.*found no row of 1.2.840",
    ),
    "two rows": (lambda p: {"abnormal": table(p, "abnormal", "a,1", "a,0")}, "found two rows of a, expected one"),
    "strange row": (
        lambda p: {"abnormal": table(p, "abnormal", "a.png,1")},
        "found 1 rows of no film: a.png, expected",
    ),
    "no part": (
        lambda p: {"split": table(p, "split", *[row.format("val") for row in TWO])},
        "found 'val' for a, expected train or validation or test",
    ),
    "no truth": (
        lambda p: {"abnormal": table(p, "abnormal", *[row.format("yes") for row in TWO])},
        "found 'yes' for a, expected 0 or 1",
    ),
    "no patient": (
        lambda p: {"patients": table(p, "patients", *[row.format("") for row in TWO])},
        "found '' for a, expected a patient's name",
    ),
    "a blank": (
        lambda p: {"patients": table(p, "patients", "a,p1", "b,p1 ", "c,p2", "1.2.840,p3")},
        "found 'p1 ' for b, expected a patient's name, no blank before or after it",
    ),
    "a patient in two parts": (
        lambda p: {
            "patients": table(p, "patients", "a,x", "b,x", "c,y", "1.2.840,z"),
            "split": table(p, "split", "a,train", "b,test", "c,validation", "1.2.840,test"),
        },
        "found b in test and a in train, of patient x, expected all films of a patient in one part",
    ),
}


@pytest.mark.parametrize("kind", MISTAKES)
def test_each_mistake_has_one_message_before_a_film_is_decoded(place: Path, kind: str) -> None:
    spoil, message = MISTAKES[kind]
    with pytest.raises(InputError, match=message):
        catalogue("mine", own(place, **spoil(place)))


def test_a_changed_film_mask_or_table_is_another_identity(place: Path) -> None:
    def now() -> dict[str, str]:
        return {one.archive: one.sha256 for one in prints("mine", own(place, abnormal=str(place / "abnormal.csv")))}

    table(place, "abnormal", *[row.format(0) for row in TWO])
    before = now()
    assert before == now()
    assert set(before) == {"images", "masks", "abnormal"}
    (place / "films/notes.txt").write_text("changed, and still no film")
    assert now() == before
    (place / "films/a.png").write_bytes(encoded(film(7).image))
    assert [key for key, value in now().items() if value != before[key]] == ["images"]
    (place / "masks/a_mask.png").write_bytes(encoded(film(7).mask))
    table(place, "abnormal", *[row.format(1) for row in TWO])
    assert all(value != before[key] for key, value in now().items())


def test_folders_behind_links_count_whatever_they_are_called(place: Path) -> None:
    strange = Path(os.fsdecode(os.fsencode(place) + b"/M\xfcller"))
    try:
        (place / "films/below").rename(strange)
    except OSError:
        pytest.skip("names are UTF-8 here")
    (place / "films" / strange.name).symlink_to(strange)
    assert "b" in catalogue("mine", own(place)).used
    assert [entry.archive for entry in prints("mine", own(place))] == ["images", "masks"]


def test_films_are_those_of_the_record(place: Path) -> None:
    write_record("mine", own(place), place / "raw")
    entries = json.loads((place / "raw/archives.json").read_text())
    assert [(one["archive"], one["official"]) for one in entries] == [("images", None), ("masks", None)]
    expect_record("mine", own(place), place / "raw")
    (place / "raw").rename(place / "mine")
    assert archives([place / "mine"]) == {"mine": entries}
    (place / "mine").rename(place / "raw")
    shutil.copy(place / "films/a.png", place / "films/f.png")
    with pytest.raises(InputError, match=r"own.mine.images: found files with sha256 .* They were changed"):
        expect_record("mine", own(place), place / "raw")


def test_no_film_is_called_as_one_of_another_data_set(place: Path) -> None:
    mine, yours = any_dataset("mine", own(place)), any_dataset("yours", own(place))
    refuse_shared_names({"mine": mine}, ["mine", "jsrt"])
    with pytest.raises(InputError, match=r"own.yours: found a film 1.2.840, as mine has"):
        refuse_shared_names({"mine": mine, "yours": yours}, ["mine", "yours", "jsrt"])
    (place / "films/JPCLN001.png").write_bytes(encoded(film(0).image))
    (place / "masks/JPCLN001_mask.png").write_bytes(encoded(film(0).mask))
    with pytest.raises(InputError, match=r"own.mine: found a film JPCLN001, as jsrt has"):
        refuse_shared_names({"mine": any_dataset("mine", own(place))}, ["mine", "jsrt"])
    with pytest.raises(InputError, match=r"exclude.mine: found e, expected films of mine that are used, such as 1.2"):
        refuse_unknown({"mine": {"e": "why"}}, {"mine": mine})


def test_the_command_knows_them(place: Path, run: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    places = {"images": f"{place}/films", "masks": f"{place}/masks", "match": "{id}_mask.png"}
    places["split"] = table(place, "split", "a,train", "b,train", "c,validation", "1.2.840,test")
    config = {"name": "x", "datasets": ["mine"], "own": {"mine": places}, "exclude": {"mine": {"a": "blurred"}}}
    (place / "x.yaml").write_text(json.dumps(config))
    assert run("data", "check", "mine", "--configfile", place / "x.yaml", "--at", place) == 0
    assert "mine: whole, 3 films, 1 more without a mask, 1 left out by the configuration: a" in capsys.readouterr().out
    _smaller(place)
    (place / "x.yaml").write_text(json.dumps(config | {"exclude": {}}))
    assert run("data", "check", "mine", "--configfile", place / "x.yaml") == 1
    assert "mine: not whole. mine: found 1 of 5 films that cannot be used" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("split", "exclude", "found"),
    [
        (False, {}, "the split of mine: found 3 films for train, no films for validation, 1 films for test"),
        (True, {}, r"own.mine.split \(.*split.csv\): found 3 films for train, 1 films for validation, no films for"),
        (True, {"c": "blurred"}, "own.mine.split .*: found 3 films for train, no films for validation, no films"),
    ],
)
def test_a_part_without_films_is_told_before_a_training(
    place: Path,
    split: bool,
    exclude: dict[str, str],
    found: str,
    run: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
) -> None:
    places = {"images": f"{place}/films", "masks": f"{place}/masks", "match": "{id}_mask.png"}
    if split:
        places["split"] = table(place, "split", "a,train", "b,train", "c,validation", "1.2.840,train")
    config = {"name": "x", "datasets": ["mine"], "own": {"mine": places}, "exclude": {"mine": exclude}}
    (place / "x.yaml").write_text(json.dumps(config))
    assert run("data", "check", "mine", "--configfile", place / "x.yaml") == 1
    assert re.search(f"mine: not whole. .*{found}", capsys.readouterr().err)


def test_what_may_not_be_opened_is_refused_by_its_name(place: Path, closed: Callable[[Path, int], None]) -> None:
    (place / "films/README").write_text("no film")
    closed(place / "films/README", 0)
    with pytest.raises(InputError, match=r"films/README: found a file that cannot be read \(Permission denied\)"):
        any_dataset("mine", own(place))
    closed(place / "masks", 0)
    with pytest.raises(InputError, match=r"masks: found a folder that may not be opened"):
        any_dataset("mine", own(place))
