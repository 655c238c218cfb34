"""Which files are films, and what their results are called."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from lungseg.errors import InputError
from lungseg.films.reading import files_below, find, read_bytes, read_film
from lungseg.films.rows import Row, as_line
from tests.films.test_pictures import GREY, encoded
from tests.own_films import Image, dicom, raw_tiff, saved


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.png", "b.PNG", "b.dcm", "deep/a.png", "deep/deeper/c.tif", ".hidden/d.png", "notes.txt"):
        path = tmp_path / "films" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(Image.fromarray(GREY)))
    (tmp_path / "films/IM0001").write_bytes(saved(dicom(GREY)))
    (tmp_path / "films/README").write_text("no film")
    return tmp_path / "films"


def test_a_folder_holds_films_by_name_or_by_their_first_bytes(folder: Path) -> None:
    names = {source.path.relative_to(folder).as_posix(): source.name for source in find([folder], folder / "out")}
    assert names == {
        "IM0001": "IM0001",
        "a.png": "a",
        "b.PNG": "b.PNG",  # two of one name keep their suffixes
        "b.dcm": "b.dcm",
        "deep/a.png": "deep/a",
        "deep/deeper/c.tif": "deep/deeper/c",
    }


def test_a_named_file_is_taken_whatever_it_is_called_and_once(folder: Path) -> None:
    found = find([folder / "notes.txt", folder / "notes.txt"], folder / "out")
    assert [source.name for source in found] == ["notes.txt"]


def test_what_lies_in_the_folder_of_results_is_no_film(folder: Path) -> None:
    before = find([folder], folder / "out")
    (folder / "out").mkdir()
    (folder / "out/a.png").write_bytes(b"")
    assert find([folder], folder / "out") == before
    with pytest.raises(InputError, match="which is the folder of films"):
        find([folder], folder)
    (folder / "out/.films.jsonl").write_text(
        '{"choices": {}}\n' + as_line(Row("a", "segmented", files={"a.png": ""})) + "\n"
    )
    assert find([folder], folder / "elsewhere") == before  # nor what an earlier call wrote there
    (folder / "out/b.png").write_bytes(b"")
    (folder / "out/films.json").write_text("my films")
    assert [source.name for source in find([folder], folder / "elsewhere") if source not in before] == ["out/b"]


def test_a_picture_is_one_whatever_it_is_called() -> None:
    for content in (
        encoded(Image.fromarray(GREY)),
        raw_tiff(GREY),
        raw_tiff(GREY, order=">"),
        raw_tiff(GREY, big=True),
    ):
        assert (read_film(content, Path("film.dcm")).grey == GREY).all()


def test_a_list(folder: Path) -> None:
    (folder / "list.txt").write_text(f"# films\n{folder / 'b.dcm'}\n\n{folder / 'deep'}\n")
    found = find([], folder / "out", folder / "list.txt")
    assert [source.name for source in found] == ["b", "a", "deeper/c"]
    (folder / "list.txt").write_text("# none\n")
    with pytest.raises(InputError, match=r"list.txt: found no film"):
        find([], folder / "out", folder / "list.txt")


def test_one_that_is_missing_stops_no_other_and_cannot_be_read(folder: Path) -> None:
    (folder / "list.txt").write_text(f"{folder / 'nowhere.png'}\n{folder / 'b.dcm'}\n")
    lost, found = find([], folder / "out", folder / "list.txt")
    assert (lost.name, found.name) == ("nowhere", "b")
    with pytest.raises(InputError, match=r"nowhere\.png: found no such file"):
        read_bytes(lost.path)


def test_a_film_by_two_ways_is_one(folder: Path) -> None:
    ways = [folder / "a.png", folder / "deep/../a.png", Path(os.path.relpath(folder / "a.png"))]
    assert find(ways, folder / "out") == find(ways[:1], folder / "out")
    (folder / "b.png").symlink_to(folder / "a.png")
    assert len(find([folder / "a.png", folder / "b.png"], folder / "out")) == 2


def test_two_results_of_one_name_are_refused(folder: Path) -> None:
    with pytest.raises(InputError, match=r"the name a.png, as .*films/a.png has.* Give the folder above both"):
        find([folder / "a.png", folder / "deep/a.png"], folder / "out")


def test_names_that_differ_in_capitals_alone_are_refused_with_what_helps(folder: Path) -> None:
    (folder / "A.png").write_bytes(b"")
    if len(list(folder.glob("[aA].png"))) < 2:
        pytest.skip("capitals and small letters are the same in this folder")
    with pytest.raises(InputError, match=r"a.png: found the name a.png, as .*films/A.png has.* Rename one"):
        find([folder], folder / "out")


def test_none_and_missing_are_told(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"zzz\.png: found no such file or folder, expected a film"):
        find([folder / "zzz.png"], folder / "out")
    with pytest.raises(InputError, match=r"zzz\.png: found no such file or folder, and none of the others either"):
        find([folder / "zzz.png", folder / "yyy.png"], folder / "out")
    (tmp_path / "empty").mkdir()
    for given in ([tmp_path / "empty"], []):
        with pytest.raises(InputError, match="found no film, expected at least one"):
            find(given, folder / "out")


def test_a_film_is_what_its_bytes_are(folder: Path) -> None:
    assert read_film(read_bytes(folder / "b.dcm"), folder / "b.dcm").kind == "png"  # a PNG of that name
    assert read_film(read_bytes(folder / "IM0001"), folder / "IM0001").kind == "dicom"
    (folder / "empty.png").write_bytes(b"")
    with pytest.raises(InputError, match="an empty file"):
        read_bytes(folder / "empty.png")


def test_links_to_folders_are_followed_and_each_folder_is_entered_once(folder: Path, tmp_path: Path) -> None:
    before = find([folder], tmp_path / "out")
    (tmp_path / "other").mkdir()
    (tmp_path / "other/x.png").write_bytes(b"")
    (folder / "alias").symlink_to(folder / "deep")
    (folder / "linked").symlink_to(tmp_path / "other")
    (tmp_path / "other/round").symlink_to(folder)
    (folder / "lost.png").symlink_to(tmp_path / "nowhere")
    found = [source.name for source in find([folder], tmp_path / "out")]
    assert found == sorted([*(source.name for source in before), "linked/x", "lost"], key=found.index)
    assert len(found) == len(before) + 2
    (named,) = find([folder / "lost.png"], tmp_path / "out")
    with pytest.raises(InputError, match="a link that leads nowhere"):
        read_bytes(named.path)


def test_results_above_the_films_are_refused_with_what_helps(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"which holds the folder of films .*Name another, such as --out masks"):
        find([folder], tmp_path)


def test_no_mask_is_called_as_an_overlay(folder: Path) -> None:
    (folder / "a.overlay.png").write_bytes(b"")
    names = [source.name for source in find([folder / "a.png", folder / "a.overlay.png"], folder / "out")]
    assert names == ["a", "a.overlay.png"]


def test_a_name_that_is_no_utf8_is_readable(folder: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(folder) + b"/M\xfcller.png"))
    try:
        path.write_bytes(b"")
    except OSError:
        pytest.skip("names are UTF-8 here")
    assert [source.name for source in find([path], folder / "out")] == ["M%FCller"]


def test_names_of_several_points_do_not_meet(tmp_path: Path) -> None:
    for name in ("1.2.3", "1.2.4", "1.2.3.dcm", "a", "a.dcm", "a.dcm.png"):
        (tmp_path / name).write_bytes(saved(dicom(GREY)))
    names = {source.path.name: source.name for source in find([tmp_path], tmp_path / "out")}
    assert names == {name: name for name in ("1.2.3", "1.2.4", "1.2.3.dcm", "a", "a.dcm", "a.dcm.png")}
    alone = [find([tmp_path / name], tmp_path / "out")[0].name for name in ("1.2.3", "1.2.3.dcm", "a.dcm.png")]
    assert alone == ["1.2.3", "1.2.3", "a.dcm"]


def test_links_in_a_circle_are_told_as_links_that_lead_nowhere(folder: Path) -> None:
    before = len(find([folder], folder / "out"))
    for name, to in (("loop.png", "loop.png"), ("one", "two"), ("two", "one")):
        (folder / name).symlink_to(to)
    found = find([folder], folder / "out")
    assert [source.name for source in found if source.name == "loop"] and len(found) == before + 1
    for given in (folder / "loop.png", folder / "one"):
        (source,) = find([given], folder / "out")
        with pytest.raises(InputError, match="a link that leads nowhere"):
            read_bytes(source.path)
    (folder / "round").symlink_to("round")
    assert find([folder / "a.png"], folder / "round")


def test_a_name_too_long_stops_no_other(folder: Path) -> None:
    found = find([folder / ("n" * 300 + ".png"), folder / "a.png"], folder / "out")
    assert [source.name for source in found] == ["n" * 300, "a"]


def test_a_list_of_another_encoding_is_refused(folder: Path) -> None:
    (folder / "list.txt").write_bytes("a.png".encode("utf-16-le"))
    with pytest.raises(InputError, match=r"list\.txt: found zeros between its letters"):
        find([], folder / "out", folder / "list.txt")


@pytest.mark.parametrize("mode", [0o000, 0o444, 0o111])
def test_a_folder_that_may_not_be_opened_is_told(folder: Path, closed: Callable[[Path, int], None], mode: int) -> None:
    before = find([folder], folder / "out")
    closed(folder / "deep", mode)
    found = find([folder], folder / "out")
    assert [source.name for source in found] == [
        *(source.name for source in before if not source.name.startswith("deep")), "deep/"
    ]  # fmt: skip
    with pytest.raises(InputError, match=r"deep: found a folder that may not be opened \(Permission denied\)"):
        read_bytes(found[-1].path)
    assert "deep/" not in [source.name for source in find([folder], folder / "deep")]  # as that is where results go
    (named,) = find([folder / "deep"], folder / "out")
    assert named.name == "deep/"
    with pytest.raises(InputError, match="Change its permissions"):
        files_below(folder)  # as data sets of one's own


def test_a_file_without_an_ending_that_cannot_be_read_is_told(
    folder: Path, closed: Callable[[Path, int], None]
) -> None:
    closed(folder / "README", 0)
    names = [source.name for source in find([folder], folder / "out")]
    assert "README" in names and "IM0001" in names
    with pytest.raises(PermissionError):
        read_bytes(folder / "README")
