"""Bad films are named all at once, and a configuration leaves them out by name, with a reason that is shown."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml

from lungseg.config import left_out, read_experiment
from lungseg.data import jsrt, montgomery, shenzhen
from lungseg.data.datasets import DATASETS, Radiograph, Unused, refuse_unknown
from lungseg.data.images import preprocess
from lungseg.data.reading import FEW, BadFilms
from lungseg.data.splits import gaal2020, split
from lungseg.errors import InputError
from tests.conftest import SIDE, Members, encoded
from tests.data.test_datasets import FILM, MASK
from tests.data.test_splits import _table

Packed = Callable[[dict[str, Members]], Path]
REAL = ("montgomery", "shenzhen", "jsrt")
BAD = {
    "montgomery": ["MCUCXR_0001_0", "MCUCXR_0002_0", "MCUCXR_0003_0", "MCUCXR_0399_1"],
    "shenzhen": ["CHNCXR_0001_0", "CHNCXR_0002_0", "CHNCXR_0003_0", "CHNCXR_0662_1"],
    "jsrt": ["JPCLN001", "JPCLN002", "JPCLN003", "JPCNN093"],
}


def spoiled(name: str, archives: dict[str, Members]) -> dict[str, Members]:
    """Four bad films: one missing, a mask of another size, an empty mask, and the last one that does not decode."""
    (film_archive, film), (mask_archive, mask) = FILM[name], MASK[name]
    known = next(image_id for image_id in BAD[name] if image_id in film)
    first, second, third, last = BAD[name]

    def of(member: str, image_id: str) -> str:
        wanted = member.replace(known, image_id)
        fold = f"fold{2 - int(image_id[-3:]) % 2}" if name == "jsrt" else ""
        return re.sub("fold[12]", fold, wanted)

    kind = Path(mask).suffix[1:]
    del archives[film_archive][of(film, first)]
    archives[mask_archive][of(mask, second)] = encoded(np.full((SIDE, SIDE + 1), 255, np.uint8), kind)
    archives[mask_archive][of(mask, third)] = encoded(np.zeros((SIDE, SIDE), np.uint8), kind)
    archives[film_archive][of(film, last)] = b"no picture"
    return archives


@pytest.mark.parametrize("name", REAL)
def test_all_bad_films_are_named_at_once_with_lines_that_leave_them_out(
    members: dict[str, dict[str, Members]], packed: Packed, name: str
) -> None:
    folder, chosen = packed(spoiled(name, members[name])), DATASETS[name]
    films = chosen.read(folder)
    with pytest.raises(BadFilms) as caught:
        list(films)
    assert list(caught.value.films) == BAD[name]
    message = str(caught.value)
    assert f"{name}: found 4 of " in message and "Fetch it again" not in message
    for sign in ("no file of", "8 x 9 pixels", "empty mask", BAD[name][3]):
        assert sign in message
    pasted = yaml.safe_load(message[message.index("\nexclude:") :])
    assert list(pasted["exclude"][name]) == BAD[name]
    refuse_unknown(pasted["exclude"])
    config = {"name": "x", "datasets": [name], "train_on": {"pooled": [name]}, "variants": {"unet": {"width": 4}}}
    exclude = read_experiment(config | pasted).exclude[name]  # type: ignore[index]
    kept = list(chosen.read(folder, exclude))
    unused = [film for film in kept if isinstance(film, Unused) and film.image_id in exclude]
    assert {film.image_id: film.reason for film in unused} == exclude
    assert sum(isinstance(film, Radiograph) for film in kept) == chosen.images - 4


@pytest.mark.parametrize("name", REAL)
def test_preprocess_names_what_does_not_decode_together_with_what_vanishes(
    members: dict[str, dict[str, Members]], packed: Packed, tmp_path: Path, name: str
) -> None:
    archives = spoiled(name, members[name])
    lone = np.zeros((SIDE * 64, SIDE * 64), np.uint8)
    lone[0, 0] = 255  # one pixel in 512 squared
    archive, member = MASK["shenzhen"]
    if name == "shenzhen":
        image = FILM["shenzhen"][1].replace("0002_0", "0004_0")
        archives[archive][member.replace("0002_0", "0004_0")] = encoded(lone)
        archives[FILM["shenzhen"][0]][image] = encoded(lone + 9)
    chosen = DATASETS[name]
    with pytest.raises(BadFilms) as caught:
        preprocess(chosen.read(packed(archives)), name, chosen.images, 32, "stretch", tmp_path / "a", tmp_path / "b")
    assert set(caught.value.films) == {*BAD[name], *(["CHNCXR_0004_0"] if name == "shenzhen" else [])}
    assert not (tmp_path / "a").exists() and not (tmp_path / "b").exists()


def test_where_most_films_are_bad_nobody_is_told_to_leave_them_out() -> None:
    films = {f"F{n}": InputError("a.zip", "nothing", "something", "Fetch it again.") for n in range(6)}
    assert "exclude:" in str(BadFilms("jsrt", films, 12)) and "exclude:" not in str(BadFilms("jsrt", films, 11))


def test_a_name_from_an_archive_cannot_write_lines_of_the_message() -> None:
    bad = InputError("a.zip, x\nexclude:\n  jsrt: {}", 'a "quote" \x1b[2J', "x", "Help.")
    names = ["F1", "001", "1e5", "null", "12."]  # and YAML reads each as it is
    message = str(BadFilms("jsrt", dict.fromkeys(names, bad), 10))
    assert message.count("exclude:\n") == 1 and "\x1b" not in message
    pasted = yaml.safe_load(message[message.index("\nexclude:") :])["exclude"]["jsrt"]
    assert list(pasted) == names and pasted["F1"].startswith('found a "quote"')


@pytest.mark.parametrize("name", REAL)
def test_many_missing_files_are_another_archive(
    members: dict[str, dict[str, Members]], packed: Packed, name: str
) -> None:
    archive, _ = FILM[name]
    films = [member for member in members[name][archive] if Path(member).parent == Path(FILM[name][1]).parent]
    for member in films[-FEW - 1 :]:
        del members[name][archive][member]
    with pytest.raises(InputError, match=rf"without .* and {FEW - 2} more"):
        list(DATASETS[name].read(packed(members[name])))


def test_two_files_of_a_film_that_is_left_out_do_not_matter(
    members: dict[str, dict[str, Members]], packed: Packed
) -> None:
    archive, member = FILM["jsrt"]
    members["jsrt"][archive][f"copy/{Path(member).name}"] = b""
    folder = packed(members["jsrt"])
    with pytest.raises(InputError, match="two files for JPCLN002"):
        list(jsrt.read(folder))
    assert sum(isinstance(film, Radiograph) for film in jsrt.read(folder, {"JPCLN002": "twice"})) == 246


def test_an_archive_of_another_system_is_read(members: dict[str, dict[str, Members]], packed: Packed) -> None:
    """Some packers write the other stroke, some add a hidden file beside each."""
    archives = {
        archive: {name.replace("/", "\\"): content for name, content in content.items()}
        | {f"{Path(name).parent}/._{Path(name).name}": b"x" for name in content}
        for archive, content in members["shenzhen"].items()
    }
    assert sum(isinstance(film, Radiograph) for film in shenzhen.read(packed(archives))) == 566


@pytest.mark.parametrize(
    ("exclude", "told"),
    [
        (
            {"jsrt": {"JPCLN999": "x", "JPCLN001": "y"}},
            "exclude.jsrt: found JPCLN999, expected films of jsrt",
        ),
        ({"shenzhen": {shenzhen.IDS[24]: "x"}}, "that are used"),  # it has no mask and is not used anyway
        ({"mimic": {"a": "b"}}, "data set: found 'mimic'"),
    ],
)
def test_an_unknown_film_or_data_set_is_refused(exclude: dict[str, dict[str, str]], told: str) -> None:
    with pytest.raises(InputError, match=told):
        refuse_unknown(exclude)


def test_the_published_split_leaves_every_other_film_in_its_part() -> None:
    table = _table("jsrt")
    whole = gaal2020(table).set_index("image_id")["part"]
    fewer = split(table[table["image_id"] != "JPCLN016"], "gaal2020", 0, ["JPCLN016"]).set_index("image_id")["part"]
    assert fewer.equals(whole.drop("JPCLN016"))
    with pytest.raises(InputError, match="JPCLN016"):
        gaal2020(table, ["JPCLN016"])  # it is there and should not be


def test_what_is_left_out_is_counted_and_told_with_its_reason() -> None:
    assert left_out({}) == left_out({"jsrt": {}}) == ""
    told = left_out({"jsrt": {"JPCLN016": "one lung", "JPCLN017": "dark"}, "montgomery": {montgomery.IDS[0]: "cut"}})
    assert told == (
        "Left out by the configuration: 2 films of jsrt (JPCLN016: one lung; JPCLN017: dark), "
        "1 film of montgomery (MCUCXR_0001_0: cut)."
    )
