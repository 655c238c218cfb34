"""Pictures of every kind mean the same greys, and what is none is told."""

import io

import numpy as np
import pytest
from PIL import Image

from lungseg.errors import InputError
from lungseg.films.pictures import read_picture
from tests.own_films import film, tiff

GREY = film().image


def encoded(image: Image.Image, kind: str = "png", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format=kind, **options)
    return buffer.getvalue()


def near(found: np.ndarray, expected: np.ndarray = GREY, apart: float = 2.0) -> bool:
    return found.shape == expected.shape and np.abs(found.astype(int) - expected).mean() < apart


def test_eight_bits_stay_as_they_are() -> None:
    for kind in ("png", "tiff", "gif"):
        read = read_picture(encoded(Image.fromarray(GREY), kind), "film")
        assert np.array_equal(read.grey, GREY) and read.kind == kind and read.warnings == ()


def test_sixteen_bits_are_stretched_and_not_clipped() -> None:
    """Pillow's own conversion would make all of it white."""
    for scale, offset in ((16, 0), (200, 5000)):
        stored = GREY.astype(np.uint16) * scale + offset
        for content in (encoded(Image.fromarray(stored)), tiff(stored)):
            read = read_picture(content, "film")
            low, high = np.percentile(GREY, (0.5, 99.5))
            wanted = np.clip((GREY - low) / (high - low), 0, 1) * 255
            assert near(read.grey, wanted, 1.0) and "more than 8 bits" in read.warnings[0]


def test_white_is_zero_is_turned_round_once_at_each_depth() -> None:
    deep = read_picture(tiff((65535 - GREY.astype(np.uint16) * 257).astype(np.uint16), 0), "film")
    assert np.corrcoef(deep.grey.ravel(), GREY.ravel())[0, 1] > 0.99
    flat = read_picture(tiff(GREY, 0), "film")  # Pillow turns what it writes, and what it reads
    assert near(flat.grey) or near(255 - flat.grey)


def test_a_palette_is_looked_up() -> None:
    image = Image.fromarray(255 - GREY)
    image.putpalette([255 - value // 3 for value in range(3 * 256)])
    assert near(read_picture(encoded(image), "film").grey, GREY, 0.5)


def test_what_is_transparent_is_black() -> None:
    alpha = np.full(GREY.shape, 255, dtype=np.uint8)
    alpha[:50] = 0
    image = Image.merge("LA", [Image.fromarray(GREY), Image.fromarray(alpha)])
    read = read_picture(encoded(image), "film")
    assert not read.grey[:50].any() and near(read.grey[50:], GREY[50:]) and "transparent" in read.warnings[0]
    opaque = read_picture(encoded(Image.fromarray(GREY).convert("RGBA")), "film")
    assert near(opaque.grey) and opaque.warnings == ()


def test_colour_is_told_and_grey_in_colour_is_not() -> None:
    assert read_picture(encoded(Image.fromarray(GREY).convert("RGB")), "film").warnings == ()
    colour = np.stack([GREY, 255 - GREY, GREY // 2], axis=-1)
    assert read_picture(encoded(Image.fromarray(colour)), "film").warnings == ("a picture in colour, taken as grey",)
    cmyk = read_picture(encoded(Image.fromarray(GREY).convert("CMYK"), "jpeg", quality=95), "film")
    assert near(cmyk.grey, apart=4)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_turns_the_film(orientation: int) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # the transposition of Pillow that a camera held so undoes
    image = Image.fromarray(GREY)
    stored = image if orientation == 1 else image.transpose(Image.Transpose(back[orientation]))
    read = read_picture(encoded(stored, "jpeg", quality=95, exif=exif), "film")
    assert near(read.grey, apart=3) and bool(read.warnings) == (orientation != 1)


def test_asked_for_low_values_are_bright() -> None:
    assert np.array_equal(read_picture(encoded(Image.fromarray(GREY)), "film", inverted=True).grey, 255 - GREY)
    assert np.array_equal(read_picture(encoded(Image.fromarray(GREY)), "film", inverted=False).grey, GREY)


def _pages() -> bytes:
    return encoded(Image.fromarray(GREY), "tiff", save_all=True, append_images=[Image.fromarray(GREY)])


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"Dear colleague", "no picture that decodes"),
        (encoded(Image.fromarray(GREY))[:3000], "no picture that decodes"),
        (encoded(Image.fromarray(GREY), "jpeg")[:900], "no picture that decodes"),
        (tiff(GREY)[:-9000], "no picture that decodes"),
        (_pages(), "2 pages"),
        (encoded(Image.new("1", (6200, 10))), "10 x 6200 px"),
        (encoded(Image.fromarray(np.full((80, 80), 999, dtype=np.uint16))), "one shade alone"),
        (encoded(Image.fromarray(np.full((80, 80), np.nan, dtype=np.float32)), "tiff"), "one shade alone"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "no picture that decodes"),
    ],
)
def test_what_is_no_film_is_told(content: bytes, found: str) -> None:
    with pytest.raises(InputError, match=f"film: found .*{found}"):
        read_picture(content, "film")
