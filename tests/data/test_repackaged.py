"""The archive that holds Montgomery and Shenzhen together is read as theirs are, and told from them."""

import json
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from lungseg.data import montgomery, shenzhen
from lungseg.data.archive import RECORD, fetch_all, offered_file
from lungseg.data.datasets import dataset
from lungseg.data.reading import BadFilms, Radiograph
from lungseg.data.repackaged import NAME
from lungseg.errors import InputError
from lungseg.jobs.named_files import check_files, offered_hashes
from lungseg.jobs.remembered import Hashes
from tests.conftest import LEFT, RIGHT, Members, encoded, write_zip

SETS = ["montgomery", "shenzhen"]


def together(members: dict[str, dict[str, Members]], suffix: str = "", root: str = "") -> Members:
    """Both data sets in one archive; `suffix` stands after Montgomery's masks, as it does after Shenzhen's."""
    place, both = f"{root}Lung Segmentation", encoded(LEFT | RIGHT)
    county, china = members["montgomery"][montgomery.ARCHIVE.name], members["shenzhen"][shenzhen.IMAGES.name]
    films = {name: content for one in (county, china) for name, content in one.items() if "/CXR_png/" in name}
    packed = {f"{place}/CXR_png/{Path(name).name}": content for name, content in films.items()}
    packed |= {f"{place}/masks/{image_id}{suffix}.png": both for image_id in montgomery.IDS}
    return packed | {f"{place}/masks/{image_id}_mask.png": both for image_id in shenzhen.WITH_MASK}


def read(name: str, offered: Path, folder: Path) -> list[Radiograph]:
    """The films of a data set, its archives brought from a folder."""
    chosen = dataset(name)
    fetch_all(chosen.archives, folder / name, offered)
    return [film for film in chosen.read(folder / name) if isinstance(film, Radiograph)]


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("form", ["once", "twice", "below data alone", "masks named alike", "with files of a Mac"])
def test_it_is_read_as_the_official_archives_are(
    name: str, form: str, members: dict[str, dict[str, Members]], tmp_path: Path
) -> None:
    content = together(members, "_mask" if form == "masks named alike" else "")
    below = together(members, root="data/")
    if form == "with files of a Mac":
        content |= {f"__MACOSX/{member}": b"no picture" for member in content}
    content = {"twice": content | below, "below data alone": below}.get(form, content)
    write_zip(tmp_path / "offered/archive (3).zip", content)
    official = read(name, write_zip_of(name, members, tmp_path / "official"), tmp_path / "one")
    found = read(name, tmp_path / "offered", tmp_path / "other")
    assert len(found) == dataset(name).images
    for ours, theirs in zip(found, official, strict=True):
        assert (ours.image_id, ours.abnormal, ours.sha256) == (theirs.image_id, theirs.abnormal, theirs.sha256)
        assert np.array_equal(ours.image, theirs.image) and np.array_equal(ours.mask, theirs.mask)
    record = json.loads((tmp_path / "other" / name / RECORD).read_text())
    assert [(one["archive"], one["source"], one["official"]) for one in record] == [(NAME, "unverified", None)]


def write_zip_of(name: str, members: dict[str, dict[str, Members]], folder: Path) -> Path:
    """The archives of a data set under their official names; a file that vouches for them, as the bytes are others."""
    paths = [write_zip(folder / archive, content) for archive, content in members[name].items()]
    lines = [f"{sha256(path.read_bytes()).hexdigest()}  {path.name}" for path in paths]
    (folder / "SHA256SUMS").write_text("\n".join(lines) + "\n")
    return folder


def test_official_archives_come_first_and_it_serves_for_those_that_are_missing(
    members: dict[str, dict[str, Members]], tmp_path: Path
) -> None:
    folder = write_zip_of("shenzhen", members, tmp_path / "offered")
    write_zip(folder / "lungs.zip", together(members))
    obtained = fetch_all(dataset("shenzhen").archives, tmp_path / "whole", folder)
    assert [one.archive for one in obtained] == [shenzhen.IMAGES.name, shenzhen.MASKS.name]
    (folder / shenzhen.MASKS.name).unlink()
    obtained = fetch_all(dataset("shenzhen").archives, tmp_path / "mixed", folder)
    assert [one.archive for one in obtained] == [shenzhen.IMAGES.name, NAME]
    films = [film for film in dataset("shenzhen").read(tmp_path / "mixed") if isinstance(film, Radiograph)]
    assert len(films) == 566


def test_it_counts_as_there_and_its_bytes_are_part_of_what_is_planned(
    members: dict[str, dict[str, Members]], tmp_path: Path
) -> None:
    folder = tmp_path / "offered"
    with pytest.raises(InputError, match=r"shcxr-lung-mask.zip, of shenzhen"):
        check_files({}, SETS, folder, tmp_path / "raw")
    path = write_zip(folder / "whatever.zip", together(members))
    (folder / "notes.zip").write_text("no zip file")
    check_files({}, SETS, folder, tmp_path / "raw")
    hashes = Hashes(tmp_path / "hashes.json")
    before = offered_hashes("shenzhen", folder, tmp_path / "raw", hashes)
    assert before.keys() == {NAME} and before == {NAME: hashes[path]}


@pytest.mark.parametrize("name", SETS)
def test_what_holds_a_few_of_its_films_or_no_masks_is_another_file(
    name: str, members: dict[str, dict[str, Members]], tmp_path: Path
) -> None:
    content = together(members)
    write_zip(tmp_path / "a_sample.zip", dict(list(content.items())[:3]))
    write_zip(tmp_path / "films.zip", {name: film for name, film in content.items() if "masks" not in name})
    archive = dataset(name).archives[0]
    assert offered_file(archive, tmp_path, tmp_path / "raw") is None
    wanted = write_zip(tmp_path / "LUNGS.ZIP", {f"./x/{name}": film for name, film in content.items()})
    found = offered_file(archive, tmp_path, tmp_path / "raw")
    assert found is not None and found[1] == wanted
    assert len(read(name, tmp_path, tmp_path / "raw")) == dataset(name).images


def test_official_archives_that_were_brought_before_are_kept(
    members: dict[str, dict[str, Members]], tmp_path: Path
) -> None:
    archives, official = dataset("shenzhen").archives, write_zip_of("shenzhen", members, tmp_path / "a")
    before = fetch_all(archives, tmp_path / "raw", official)
    (tmp_path / "b").mkdir()
    write_zip(tmp_path / "b/lungs.zip", together(members))
    assert fetch_all(archives, tmp_path / "raw", tmp_path / "b") == before


def test_a_file_that_cannot_be_opened_is_named_where_one_is_missed(tmp_path: Path) -> None:
    whole = write_zip(tmp_path / "whole.zip", {"a": b"a"}).read_bytes()
    (tmp_path / "cut.zip").write_bytes(whole[:-5])
    later = bytearray(whole)
    later[later.index(b"PK\x01\x02") + 6] = 99  # made by a packer of the future
    (tmp_path / "later.zip").write_bytes(later)
    with pytest.raises(InputError, match=r"cut.zip is there and cannot be opened: .*later.zip is there"):
        check_files({}, ["jsrt"], tmp_path, tmp_path / "raw")


@pytest.mark.parametrize("name", SETS)
def test_a_film_without_a_mask_and_a_lost_one_are_named(
    name: str, members: dict[str, dict[str, Members]], tmp_path: Path
) -> None:
    content = together(members)
    first = {"montgomery": montgomery.IDS[0], "shenzhen": shenzhen.IDS[0]}[name]
    del content[f"Lung Segmentation/masks/{first}{'_mask' if name == 'shenzhen' else ''}.png"]
    write_zip(tmp_path / "offered/a.zip", content)
    with pytest.raises(BadFilms, match=rf"{NAME}: found no file of {first} among its masks"):
        read(name, tmp_path / "offered", tmp_path / "raw")
