"""Masks of others: `measure` and data sets of one's own take the same pictures for masks, and refuse the same."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lungseg.data.reading import BadFilms
from lungseg.errors import InputError
from lungseg.films.measuring import read_labels
from lungseg.films.own_sets import any_dataset
from lungseg.own import Own

MASK = np.zeros((40, 40), np.uint8)
MASK[4:36, 3:17] = MASK[4:36, 23:37] = 255
FILM = np.linspace(0, 255, 1600).reshape(40, 40).astype(np.uint8)
WHITE = np.full_like(MASK, 255)


def png(pixels: np.ndarray | Image.Image, **options: object) -> bytes:
    buffer = io.BytesIO()
    (pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)).save(buffer, "png", **options)
    return buffer.getvalue()


def with_alpha(colour: np.ndarray, alpha: np.ndarray, mode: str = "LA") -> Image.Image:
    bands = [Image.fromarray(colour)] * (len(mode) - 1)
    return Image.merge(mode, [*bands, Image.fromarray(alpha)])


def turned(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[274] = orientation
    return png(MASK, exif=exif)


def measured(place: Path) -> np.ndarray:
    return read_labels(place / "masks/a.png") > 0


def owned(place: Path) -> np.ndarray:
    (place / "films").mkdir(exist_ok=True)
    (place / "films/a.png").write_bytes(png(FILM))
    own = Own(images=str(place / "films"), masks=str(place / "masks"))
    return next(iter(any_dataset("mine", own).read(Path()))).mask


@pytest.fixture
def written(tmp_path: Path) -> Callable[[bytes], Path]:
    def write(content: bytes) -> Path:
        (tmp_path / "masks").mkdir()
        (tmp_path / "masks/a.png").write_bytes(content)
        return tmp_path

    return write


REFUSED = {
    "a film": (png(FILM), "of its pixels between dark and bright, expected a mask", "Give masks as"),
    "turned": (turned(6), "a mask turned as its EXIF orientation 6 says", "Save it as its film lies"),
    "mirrored": (turned(2), "a mask turned as its EXIF orientation 2 says", "without EXIF data"),
    "white with alpha": (
        png(with_alpha(WHITE, MASK)),
        "44% of the picture lung by its shade and trans",
        "without tran",
    ),
    "white RGBA": (png(with_alpha(WHITE, MASK, "RGBA")), "as in a mask in an alpha channel", "Save it without transp"),
    "black with alpha": (png(with_alpha(0 * WHITE, MASK)), "one shade, and 44% of it transparent", "lungs bright on"),
    "unseen lungs": (png(with_alpha(MASK, 255 - MASK)), "56% of the picture lung by its shade and transparent", "Save"),
    "a transparent shade": (png(MASK, transparency=255), "56% of the picture lung by its shade", "Save it without"),
    "dark lungs": (png(255 - MASK), "lungs on 100% of the film's border, as in a mask whose lungs are dark", "."),
    "all white": (png(WHITE), "lungs on 100% of the film, expected at most 75%|lungs on 50.0% of the film left", "."),
    "no background": (png(1 + MASK // 255), "lungs on 100% of the film|lungs on 50.0% of the film left", "."),
    "four labels": (png(np.kron([[0, 1], [2, 3]], np.ones((20, 20))).astype("u1")), "the labels 0, 1, 2, 3", "."),
}


@pytest.mark.parametrize("read", [measured, owned])
@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_mask_is_refused_by_both(
    written: Callable[[bytes], Path], kind: str, read: Callable[[Path], np.ndarray]
) -> None:
    content, found, remedy = REFUSED[kind]
    with pytest.raises((InputError, BadFilms), match=rf"(?s)a\.png: found .*({found}).*{remedy}") as told:
        read(written(content))
    assert "fetch it again" not in str(told.value)


TAKEN = {
    "plain": png(MASK),
    "right and left": png(np.where(np.arange(40) < 20, MASK // 255, MASK // 127)),
    "two shades": png(np.where(np.arange(40) < 20, MASK, MASK // 2)),
    "opaque": png(with_alpha(MASK, WHITE, "RGBA")),
    "transparent background": png(with_alpha(MASK, MASK)),
    "half seen": png(with_alpha(MASK, WHITE // 2 + 1)),
    "a transparent black": png(MASK, transparency=0),
    "upright by its EXIF data": turned(1),
}


@pytest.mark.parametrize("read", [measured, owned])
@pytest.mark.parametrize("kind", TAKEN)
def test_what_is_a_mask_is_taken_by_both(
    written: Callable[[bytes], Path], kind: str, read: Callable[[Path], np.ndarray]
) -> None:
    np.testing.assert_array_equal(read(written(TAKEN[kind])), MASK > 0)


def test_a_single_lung_is_measured_and_so_is_what_segment_wrote(written: Callable[[bytes], Path]) -> None:
    one = np.where(np.arange(40) < 20, MASK, 0).astype(np.uint8)
    place = written(png(one))
    assert measured(place).sum() == 448
    (place / "masks/a.png").write_bytes(png(np.ones_like(MASK)))
    assert (read_labels(place / "masks/a.png", ours=True) == 1).all()


def test_each_remedy_is_told_once(tmp_path: Path) -> None:
    (tmp_path / "masks").mkdir()
    (tmp_path / "films").mkdir()
    for name, content in {"a": turned(6), "b": turned(8), "c": png(with_alpha(WHITE, MASK)), "d": png(MASK)}.items():
        (tmp_path / f"masks/{name}.png").write_bytes(content)
        (tmp_path / f"films/{name}.png").write_bytes(png(FILM))
    own = Own(images=str(tmp_path / "films"), masks=str(tmp_path / "masks"))
    with pytest.raises(BadFilms) as told:
        list(any_dataset("mine", own).read(Path()))
    assert str(told.value).count("Save it as its film lies") == str(told.value).count("Save it without transp") == 1
