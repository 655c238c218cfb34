"""Each data set is read whole and in its published form, or one message says what is wrong."""

import io
import itertools
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lungseg.data import jsrt, montgomery, shenzhen
from lungseg.data.archive import fetch_all
from lungseg.data.datasets import DATASETS, Radiograph, Unused, dataset
from lungseg.data.reading import decode_grey, in_order, lungs_of
from lungseg.errors import InputError
from lungseg.files import file_hash
from tests.conftest import LEFT, RIGHT, SIDE, Members, encoded, write_zip

Packed = Callable[[dict[str, Members]], Path]
REAL = ("montgomery", "shenzhen", "jsrt")
FILM = {
    "montgomery": (montgomery.ARCHIVE.name, "MontgomerySet/CXR_png/MCUCXR_0002_0.png"),
    "shenzhen": (shenzhen.IMAGES.name, "ChinaSet_AllFiles/CXR_png/CHNCXR_0002_0.png"),
    "jsrt": (jsrt.IMAGES.name, "All247images/JPCLN002.IMG"),
}
MASK = {
    "montgomery": (montgomery.ARCHIVE.name, "MontgomerySet/ManualMask/leftMask/MCUCXR_0002_0.png"),
    "shenzhen": (shenzhen.MASKS.name, "mask/mask/CHNCXR_0002_0_mask.png"),
    "jsrt": (jsrt.SCR.name, "scratch/fold2/masks/right lung/JPCLN002.gif"),
}


CUT = encoded(np.random.default_rng(0).integers(0, 256, (SIDE, SIDE), dtype=np.uint8))[:90]


def _read(name: str, folder: Path) -> list[Radiograph | Unused]:
    return list(DATASETS[name].read(folder))


@pytest.mark.parametrize(
    ("name", "images", "unused"), [("montgomery", 138, 0), ("shenzhen", 566, 96), ("jsrt", 247, 0)]
)
def test_counts_are_the_published_ones(
    members: dict[str, dict[str, Members]], packed: Packed, name: str, images: int, unused: int
) -> None:
    films = _read(name, packed(members[name]))
    ids = [film.image_id for film in films]
    assert ids == sorted(ids) and len(set(ids)) == len(ids) == images + unused
    assert sum(isinstance(film, Unused) for film in films) == unused
    assert (DATASETS[name].images, DATASETS[name].unused) == (images, unused)
    for film in films:
        if isinstance(film, Radiograph):
            assert film.image.dtype == np.uint8 and film.mask.dtype == bool
            np.testing.assert_array_equal(film.mask, (LEFT | RIGHT) > 0)


@pytest.mark.parametrize(("name", "abnormal"), [("montgomery", 58), ("shenzhen", 287), ("jsrt", 154)])
def test_labels_follow_from_names(
    members: dict[str, dict[str, Members]], packed: Packed, name: str, abnormal: int
) -> None:
    films = [film for film in _read(name, packed(members[name])) if isinstance(film, Radiograph)]
    assert sum(film.abnormal for film in films) == abnormal
    for film in films:
        assert film.abnormal == (film.image_id.endswith("_1") or film.image_id.startswith("JPCLN"))


@pytest.mark.parametrize("name", REAL)
@pytest.mark.parametrize("part", [FILM, MASK], ids=["film", "mask"])
def test_a_missing_file_is_named(
    members: dict[str, dict[str, Members]], packed: Packed, name: str, part: dict[str, tuple[str, str]]
) -> None:
    archive, member = part[name]
    del members[name][archive][member]
    with pytest.raises(InputError) as caught:
        _read(name, packed(members[name]))
    assert archive in str(caught.value) and Path(member).stem.removesuffix("_mask") in str(caught.value)


@pytest.mark.parametrize("name", REAL)
def test_many_missing_files_are_counted(members: dict[str, dict[str, Members]], packed: Packed, name: str) -> None:
    archive, _ = FILM[name]
    kept = dict(itertools.islice(members[name][archive].items(), 100))
    members[name][archive] = kept
    with pytest.raises(InputError, match=r"found 100 films, without \w+, \w+, \w+ and \d+ more, expected all"):
        _read(name, packed(members[name]))


@pytest.mark.parametrize("name", REAL)
def test_a_film_that_nobody_knows_is_named(members: dict[str, dict[str, Members]], packed: Packed, name: str) -> None:
    archive, member = FILM[name]
    stranger = member.replace("002_0", "999_0").replace("LN002", "LN999")
    members[name][archive][stranger] = members[name][archive][member]
    with pytest.raises(InputError, match=rf"{Path(stranger).stem} among them"):
        _read(name, packed(members[name]))


@pytest.mark.parametrize("name", REAL)
@pytest.mark.parametrize("part", [FILM, MASK], ids=["film", "mask"])
@pytest.mark.parametrize("content", [b"", b"no picture", CUT], ids=["empty", "text", "cut"])
def test_a_file_that_does_not_decode_is_named(
    members: dict[str, dict[str, Members]],
    packed: Packed,
    name: str,
    part: dict[str, tuple[str, str]],
    content: bytes,
) -> None:
    archive, member = part[name]
    members[name][archive][member] = content
    with pytest.raises(InputError) as caught:
        _read(name, packed(members[name]))
    assert archive in str(caught.value) and member in str(caught.value) and "Delete" in str(caught.value)


@pytest.mark.parametrize("name", REAL)
@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (np.zeros((SIDE, SIDE), np.uint8), "empty mask"),
        (np.full((SIDE, SIDE + 1), 255, np.uint8), "8 x 9 pixels"),
    ],
    ids=["empty", "size"],
)
def test_a_mask_that_does_not_fit_is_named(
    members: dict[str, dict[str, Members]], packed: Packed, name: str, mask: np.ndarray, message: str
) -> None:
    archive, member = MASK[name]
    members[name][archive][member] = encoded(mask, Path(member).suffix[1:])
    with pytest.raises(InputError, match=message) as caught:
        _read(name, packed(members[name]))
    assert archive in str(caught.value) and member in str(caught.value)


def test_more_than_8_bits_are_refused(members: dict[str, dict[str, Members]], packed: Packed) -> None:
    archive, member = FILM["montgomery"]
    members["montgomery"][archive][member] = encoded(np.full((SIDE, SIDE), 1000, np.uint16))
    with pytest.raises(InputError, match="mode I;16"):
        _read("montgomery", packed(members["montgomery"]))


def test_grey_written_as_rgb_is_grey(members: dict[str, dict[str, Members]], packed: Packed) -> None:
    archive, member = FILM["shenzhen"]
    grey = np.arange(SIDE * SIDE, dtype=np.uint8).reshape(SIDE, SIDE)
    members["shenzhen"][archive][member] = encoded(np.repeat(grey[:, :, None], 3, axis=2))
    film = next(f for f in DATASETS["shenzhen"].read(packed(members["shenzhen"])) if f.image_id == "CHNCXR_0002_0")
    assert isinstance(film, Radiograph)
    np.testing.assert_array_equal(film.image, grey)


@pytest.mark.parametrize("white", [1, 100, 255])
def test_a_mask_counts_from_half_of_its_brightest_pixel(
    members: dict[str, dict[str, Members]], packed: Packed, white: int
) -> None:
    archive, member = MASK["shenzhen"]
    soft = np.zeros((SIDE, SIDE), np.uint8)
    soft[2:4] = white
    soft[4] = white // 2
    members["shenzhen"][archive][member] = encoded(soft)
    film = next(f for f in DATASETS["shenzhen"].read(packed(members["shenzhen"])) if f.image_id == "CHNCXR_0002_0")
    assert isinstance(film, Radiograph)
    np.testing.assert_array_equal(np.flatnonzero(film.mask.any(axis=1)), [2, 3])


def lungs(left: int, right: int) -> np.ndarray:
    """Two lungs with a value each."""
    grey = np.zeros((SIDE, SIDE), np.uint8)
    grey[2:6, 1:3], grey[2:6, 5:7] = left, right
    return grey


@pytest.mark.parametrize("labels", [(1, 2), (2, 1), (3, 7), (127, 255), (128, 255), (255, 100), (1, 1), (200, 200)])
def test_labels_of_the_two_lungs_are_lung(labels: tuple[int, int]) -> None:
    np.testing.assert_array_equal(lungs_of(lungs(*labels), "mask"), lungs(*labels) > 0)


def test_soft_edges_are_cut_at_half_and_labels_of_more_than_lungs_are_refused() -> None:
    soft = lungs(255, 255)
    soft[1], soft[6] = 60, 140
    np.testing.assert_array_equal(lungs_of(soft, "mask"), soft > 127)
    soft[2] = 1  # as dark as a label
    np.testing.assert_array_equal(lungs_of(soft, "mask"), soft > 127)
    lobes = lungs(1, 2)
    lobes[0] = 3
    with pytest.raises(InputError, match="mask: found the labels 0, 1, 2, 3, expected 0 for the background"):
        lungs_of(lobes, "mask")


def wide(left: int, right: int, side: int = 40) -> np.ndarray:
    """Two lungs with a value each, of an eighth of the picture each."""
    grey = np.zeros((side, side), np.uint8)
    grey[side // 4 : -side // 4, side // 8 : 3 * side // 8] = left
    grey[side // 4 : -side // 4, 5 * side // 8 : 7 * side // 8] = right
    return grey


@pytest.mark.parametrize("labels", [(127, 255), (254, 127), (100, 200), (64, 128), (1, 255), (128, 255)])
def test_two_labels_are_two_lungs_wherever_they_lie_and_whatever_a_stray_pixel_is(labels: tuple[int, int]) -> None:
    clean = wide(*labels)
    turned, aside = clean.T.copy(), np.zeros((40, 100), np.uint8)
    aside[:, :40] = clean
    for grey in (clean, turned, aside):
        np.testing.assert_array_equal(lungs_of(grey, "mask"), grey > 0)
        for stray in [(0, 0), (20, 20), (39, 39)]:  # in either half, and between the lungs
            spoilt = grey.copy()
            spoilt[stray] = max(labels)
            np.testing.assert_array_equal(lungs_of(spoilt, "mask"), spoilt > 0)
    corners = wide(127, 127)
    corners[[0, -1], [0, -1]] = 255
    assert lungs_of(corners, "mask").sum() == 402
    small = wide(255, 0)
    small[20, 30] = 127  # too small to be known by itself, but the only lung on its side
    assert lungs_of(small, "mask").sum() == 201
    dark = np.where(wide(127, 255) == 0, 9, wide(127, 255)).astype(np.uint8)
    assert lungs_of(dark, "mask").sum() == 400


def test_a_darker_shade_that_is_no_lung_of_its_own_is_none() -> None:
    heart = wide(255, 255)
    heart[20:32, 17:23] = 127
    assert lungs_of(heart, "mask").sum() == 400
    stain = wide(255, 255, 80)
    stain[70:75, 2:7] = 127  # 0.4 % of the film
    assert lungs_of(stain, "mask").sum() == 1600
    combs = wide(255, 0, 1040)
    combs[1::2, 600:1000] = 127  # between the rows that centres are reckoned from
    assert lungs_of(combs, "mask").any()
    shadow = wide(255, 0)
    shadow[10:30, 15:17] = 127  # an edge on one side alone
    assert lungs_of(shadow, "mask").sum() == 200


@pytest.mark.parametrize("drawn", [(255, 255), (255, 0), (0, 255)])
@pytest.mark.parametrize("side", [24, 90, 300])
@pytest.mark.parametrize("way", [Image.Resampling.BOX, Image.Resampling.BILINEAR, Image.Resampling.LANCZOS])
def test_soft_edges_of_one_shade_are_cut_at_half(drawn: tuple[int, int], side: int, way: Image.Resampling) -> None:
    soft = np.asarray(Image.fromarray(wide(*drawn, 160)).resize((side, side), way))
    lossy = decode_grey(encoded(soft, "jpeg"), "mask")
    for grey in (soft, lossy):
        np.testing.assert_array_equal(lungs_of(grey, "mask"), grey > grey.max() // 2)


def test_soft_edges_of_two_labels_are_refused_where_a_lung_would_be_lost() -> None:
    resized = np.asarray(Image.fromarray(wide(127, 255)).resize((90, 90), Image.Resampling.BILINEAR))
    stray = wide(100, 200)
    stray[0, 0] = 30
    for grey in (resized, stray, decode_grey(encoded(wide(127, 255), "jpeg"), "mask")):
        with pytest.raises(InputError, match=r"mask: found 1.% of its pixels at about 1.*, expected 0 and one"):
            lungs_of(grey, "mask")
    level = wide(128, 255)
    level[0, 0] = 30  # nothing is lost
    assert lungs_of(level, "mask").sum() == 400


@pytest.mark.parametrize(
    "mask", [lungs(1, 0), lungs(0, 1), np.ones((SIDE, SIDE), np.uint8), 1 - lungs(0, 1) * (lungs(1, 1) > 0)]
)
def test_a_mask_that_is_no_pair_of_lungs_is_refused(
    members: dict[str, dict[str, Members]], packed: Packed, mask: np.ndarray
) -> None:
    archive, member = MASK["shenzhen"]
    members["shenzhen"][archive][member] = encoded(255 * mask)
    with pytest.raises(InputError, match=r"CHNCXR_0002_0_mask.png: found lungs on .* of the film left of its middle"):
        _read("shenzhen", packed(members["shenzhen"]))


def test_jsrt_films_whose_bytes_are_turned_round_are_refused() -> None:
    rng = np.random.default_rng(0)
    raw = rng.integers(0, 4096, (SIDE, SIDE))
    assert jsrt.decode(raw.astype(">u2").tobytes(), "film").std() > 50
    with pytest.raises(InputError, match=r"film: found 9.% of the pixels above 4095, .* may be turned round"):
        jsrt.decode(raw.astype("<u2").tobytes(), "film")


def test_masks_are_read_from_the_archive_that_is_recorded(
    members: dict[str, dict[str, Members]], tmp_path: Path
) -> None:
    """Fetched with scr.zip, then with masks.zip in its place: the films are those of masks.zip, and no others."""
    offered, raw = tmp_path / "offered", tmp_path / "raw"
    for name, content in members["jsrt"].items():
        write_zip(offered / name, content)
    fetch_all(DATASETS["jsrt"].archives, raw, offered)
    (offered / jsrt.SCR.name).unlink()
    moved = {
        name: encoded(np.roll(RIGHT if "right" in name else LEFT, 1, axis=0), "gif")
        for name in members["jsrt"][jsrt.SCR.name]
    }
    write_zip(offered / jsrt.SCR_ZENODO.name, moved)
    digest = file_hash(offered / jsrt.SCR_ZENODO.name)
    (offered / "SHA256SUMS").write_text(f"{digest}  ./{jsrt.SCR_ZENODO.name}\n")
    obtained = fetch_all(DATASETS["jsrt"].archives, raw, offered)
    assert [one.archive for one in obtained] == [jsrt.IMAGES.name, jsrt.SCR_ZENODO.name]
    assert obtained[1].source == "vouched by SHA256SUMS"
    film = next(DATASETS["jsrt"].read(raw))
    assert isinstance(film, Radiograph)
    np.testing.assert_array_equal(film.mask, np.roll(LEFT | RIGHT, 1, axis=0) > 0)
    shutil.rmtree(offered)  # what was read so far is what is kept
    assert [one.archive for one in fetch_all(DATASETS["jsrt"].archives, raw, None)] == [one.archive for one in obtained]


def test_films_are_read_with_as_many_threads_as_are_given() -> None:
    busy, most = [], []

    def work(number: int) -> int:
        busy.append(number)
        most.append(len(busy))
        time.sleep(0.002)
        busy.remove(number)
        return number

    assert list(in_order(work, range(30), threads=2)) == list(range(30))
    assert max(most) <= 2


def test_jsrt_turns_lungs_dark_and_takes_the_upper_8_of_12_bits() -> None:
    raw = np.array([[0, 4095], [2048, 5000]], dtype=">u2")
    np.testing.assert_array_equal(jsrt.decode(raw.tobytes(), "film"), [[255, 0], [127, 0]])


@pytest.mark.parametrize("length", [0, 2, 6, 7, 8, 2 * SIDE * SIDE + 1])
def test_jsrt_refuses_what_is_no_square(length: int) -> None:
    if length in (2, 8):
        assert jsrt.decode(bytes(length), "film").shape == ((length // 2) ** 0.5,) * 2
        return
    with pytest.raises(InputError, match=f"found {length} bytes, expected a square"):
        jsrt.decode(bytes(length), "film")


def test_jsrt_masks_come_to_the_films_size(members: dict[str, dict[str, Members]], packed: Packed) -> None:
    archive, _ = FILM["jsrt"]
    content = np.zeros((2 * SIDE, 2 * SIDE), dtype=">u2").tobytes()
    members["jsrt"][archive] = dict.fromkeys(members["jsrt"][archive], content)
    for film in _read("jsrt", packed(members["jsrt"])):
        assert isinstance(film, Radiograph)
        np.testing.assert_array_equal(film.mask, np.kron((LEFT | RIGHT) > 0, np.ones((2, 2), bool)))
        assert film.spacing_mm == pytest.approx(0.175 * 2048 / (2 * SIDE))


@pytest.mark.parametrize("layout", ["{side} lung/{id}.tif", "masks/{side}_lung/{id}.tif", "x/{id}_{side} lung.tiff"])
def test_jsrt_reads_the_other_archive_of_masks(
    members: dict[str, dict[str, Members]], packed: Packed, layout: str
) -> None:
    tif = {"left": encoded(LEFT, "tiff"), "right": encoded(RIGHT, "tiff")}
    archives = members["jsrt"]
    del archives[jsrt.SCR.name]
    archives[jsrt.SCR_ZENODO.name] = {
        layout.format(id=image_id, side=side): content for image_id in jsrt.IDS for side, content in tif.items()
    } | {f"heart/{image_id}.tif": tif["left"] for image_id in jsrt.IDS}
    film = _read("jsrt", packed(archives))[0]
    assert isinstance(film, Radiograph)
    np.testing.assert_array_equal(film.mask, (LEFT | RIGHT) > 0)


def test_montgomery_knows_its_pixel_size_at_full_size_only(
    members: dict[str, dict[str, Members]], packed: Packed
) -> None:
    archive = montgomery.ARCHIVE.name
    first = montgomery.IDS[0]
    large = np.zeros((4892, 10), np.uint8)
    lungs = large + np.isin(np.arange(10), (2, 7)).astype(np.uint8)
    for member in members["montgomery"][archive]:
        if first in member:
            members["montgomery"][archive][member] = encoded(lungs if "Mask" in member else large)
    films = _read("montgomery", packed(members["montgomery"]))
    assert [film.spacing_mm for film in films[:2] if isinstance(film, Radiograph)] == [0.0875, None]


def test_the_hash_is_of_the_image_file(members: dict[str, dict[str, Members]], packed: Packed) -> None:
    import hashlib

    for name, (archive, member) in FILM.items():
        expected = hashlib.sha256(members[name][archive][member]).hexdigest()
        found = {f.image_id: f.sha256 for f in _read(name, packed(members[name])) if isinstance(f, Radiograph)}
        assert found[Path(member).stem] == expected
        assert len(set(found.values())) == len(found)


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"'mimic', expected one of montgomery, shenzhen, jsrt, phantom"):
        dataset("mimic")


def test_results_keep_their_order_and_few_wait() -> None:
    asked: list[int] = []

    def numbers() -> Iterator[int]:
        for number in range(1000):
            asked.append(number)
            yield number

    results = in_order(lambda number: -number, numbers())
    assert next(results) == 0
    assert len(asked) < 50
    assert list(results) == [-n for n in range(1, 1000)]


def test_an_error_in_a_thread_reaches_the_reader() -> None:
    def work(number: int) -> float:
        return 1 / (5 - number)

    with pytest.raises(ZeroDivisionError):
        list(in_order(work, range(1000)))


@pytest.mark.parametrize("name", REAL)
def test_real_films_are_films(real_archives: Path, tmp_path: Path, name: str) -> None:
    """Lungs are dark, lie where lungs lie, and the middle between them is brighter."""
    fetch_all(DATASETS[name].archives, tmp_path, real_archives)
    films = [f for f in itertools.islice(DATASETS[name].read(tmp_path), 12) if isinstance(f, Radiograph)]
    assert len(films) == 12
    for film in films:
        assert 0.1 < film.mask.mean() < 0.6, film.image_id
        columns = np.flatnonzero(film.mask.any(axis=0))
        assert columns[0] < film.mask.shape[1] / 2 < columns[-1]
        between = _between(film.mask)
        assert film.image[film.mask].mean() < film.image[between].mean() - 20, film.image_id


def _between(mask: np.ndarray) -> np.ndarray:
    """What lies between the two lungs: not lung, with lung on both sides in its row."""
    left = np.maximum.accumulate(mask, axis=1)
    right = np.maximum.accumulate(mask[:, ::-1], axis=1)[:, ::-1]
    return left & right & ~mask


def test_real_archives_are_whole(real_archives: Path, tmp_path: Path) -> None:
    chosen = DATASETS["jsrt"]
    obtained = fetch_all(chosen.archives, tmp_path, real_archives)
    assert [entry.source for entry in obtained] == ["vouched by SHA256SUMS"] * 2
    films = list(chosen.read(tmp_path))
    assert len(films) == 247
    with Image.open(io.BytesIO(encoded(LEFT, "gif"))) as gif:
        assert gif.mode in ("L", "P")


def test_phantom_stands_beside_the_real_ones() -> None:
    assert list(DATASETS) == [*REAL, "phantom"]
    assert all(chosen.name == name for name, chosen in DATASETS.items())
