"""Pictures of every kind mean the same greys, and what is none is told."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from lungseg.errors import InputError
from lungseg.films.pictures import read_picture
from lungseg.films.tiff import black_is_zero
from tests.own_films import film, raw_tiff, tiff

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


STRETCHED = np.clip((GREY - np.percentile(GREY, 0.5)) / np.ptp(np.percentile(GREY, (0.5, 99.5))), 0, 1) * 255
NUMBERS = {  # of every kind, growing with the grey, and other numbers with their bytes turned round
    "u1": GREY,
    "i1": (GREY.astype(int) - 128).astype("i1"),
    "u2": GREY.astype("u2") * 250 + 9,
    "i2": (GREY.astype(int) * 200 - 25000).astype("i2"),
    "u4": GREY.astype("u4") * 16000000 + 9,
    "i4": (GREY.astype("i8") * 16000000 - 2**31 + 9).astype("i4"),
    "f4": GREY.astype("f4") / 255 - 0.5,
}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(("order", "big"), [("<", False), (">", False), ("<", True)])
@pytest.mark.parametrize("kind", NUMBERS)
def test_every_kind_of_number_means_its_grey_whichever_is_bright(
    kind: str, order: str, big: bool, packed: bool
) -> None:
    wanted = GREY if kind == "u1" else STRETCHED
    for photometric in (0, 1):
        content = raw_tiff(NUMBERS[kind], photometric, order, big, packed)
        for inverted in (None, False, True):
            turned = photometric == 0 if inverted is None else inverted
            read = read_picture(content, "film", inverted)
            assert np.abs(read.grey - (255 - wanted if turned else wanted)).max() <= 1
    told = {"u1": (), "i1": ("signed numbers: stretched between -1",)}.get(kind, ("more than 8 bits: stretched betw",))
    assert len(read.warnings) == len(told) and all(map(str.startswith, read.warnings, told))


@pytest.mark.parametrize("compression", [None, "group4", "tiff_lzw"])
def test_two_shades_are_turned_round_once_too(compression: str | None) -> None:
    bits = Image.fromarray(GREY > 99)
    for photometric in (0, 1):
        content = encoded(bits, "tiff", compression=compression, tiffinfo={262: photometric})
        with Image.open(io.BytesIO(content)) as shown:
            seen = np.asarray(shown.convert("L"))
        assert np.array_equal(read_picture(content, "film").grey, seen)
        same = read_picture(content, "film", inverted=photometric == 0).grey
        assert np.array_equal(same, seen)
        assert np.array_equal(read_picture(content, "film", inverted=photometric != 0).grey, 255 - seen)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")  # as Pillow takes a big file that begins with MM
def test_a_tiff_file_of_other_numbers_is_told_with_what_helps() -> None:
    for content in (raw_tiff(NUMBERS["u4"], 1, ">", True), raw_tiff(GREY.astype("f8")), raw_tiff(GREY.astype("u8"), 0)):
        with pytest.raises(InputError, match=r"film: found no picture that decodes.*save others, .* as a 16-bit PNG"):
            read_picture(content, "film")


def test_a_torn_or_strange_tiff_file_is_left_as_it_is() -> None:
    whole = raw_tiff(GREY, 0)
    assert black_is_zero(whole)[1] and black_is_zero(black_is_zero(whole)[0]) == (black_is_zero(whole)[0], False)
    assert black_is_zero(raw_tiff(GREY, 0, ">", True)) == (raw_tiff(GREY, 1, ">", True), True)  # Pillow reads none
    typed = whole.replace(struct.pack("<HH", 262, 3), struct.pack("<HH", 262, 5))
    assert typed != whole
    for content in (
        b"",
        b"II*",
        b"II*\0",
        whole[:9],
        whole[:-90],
        encoded(Image.fromarray(GREY)),
        raw_tiff(GREY),
        typed,
    ):
        assert black_is_zero(content) == (content, False)


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


def _few_bits(depth: int, clear: int) -> bytes:
    """A PNG of 1, 2 or 4 bits, its first row of the clear shade and the others of the lightest."""
    row, light = bytes([0, *[clear * 255 // (2**depth - 1)] * depth]), bytes([0, *[255] * depth])
    head = struct.pack(">LLBBBBB", 8, 8, depth, 0, 0, 0, 0)
    return _png({b"IHDR": head, b"tRNS": struct.pack(">H", clear), b"IDAT": zlib.compress(row + 7 * light)})


def _png(parts: dict[bytes, bytes]) -> bytes:
    parts |= {b"IEND": b""}
    chunks = [struct.pack(">L", len(c)) + n + c + struct.pack(">L", zlib.crc32(n + c)) for n, c in parts.items()]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


CLEAR = np.where(np.arange(GREY.shape[0])[:, None] < 50, 200, np.where(GREY == 200, 201, GREY)).astype(np.uint8)
ALPHA = Image.fromarray(np.where(CLEAR == 200, 0, 255).astype(np.uint8))
SEEN = {
    "L": encoded(Image.fromarray(CLEAR), transparency=200),
    "RGB": encoded(Image.fromarray(CLEAR).convert("RGB"), transparency=(200, 200, 200)),
    "LA": encoded(Image.merge("LA", [Image.fromarray(CLEAR), ALPHA])),
    "RGBA": encoded(Image.merge("RGBA", [Image.fromarray(CLEAR)] * 3 + [ALPHA])),
    "P": encoded(Image.fromarray(CLEAR).convert("P"), transparency=200),
    "GIF": encoded(Image.fromarray(CLEAR), "gif", transparency=200),
}


@pytest.mark.parametrize("kind", SEEN)
def test_what_is_transparent_is_black_whichever_way_it_is_said_and_whichever_is_bright(kind: str) -> None:
    for inverted in (None, False, True):
        read = read_picture(SEEN[kind], "film", inverted)
        assert not read.grey[:50].any() and "transparent" in read.warnings[0]
        assert np.array_equal(read.grey[50:], 255 - CLEAR[50:] if inverted else CLEAR[50:])


def test_half_of_a_transparent_shade_is_seen_of_the_inverted_film() -> None:
    half = Image.merge("LA", [Image.fromarray(GREY), Image.new("L", GREY.shape[::-1], 128)])
    assert near(read_picture(encoded(half), "film", inverted=True).grey, (255 - GREY.astype(int)) / 2)


def test_transparent_shades_of_more_and_of_fewer_bits() -> None:
    deep = CLEAR.astype(np.uint16) * 200
    for inverted in (None, True):
        read = read_picture(encoded(Image.fromarray(deep), transparency=200 * 200), "film", inverted)
        assert not read.grey[:50].any() and read.grey[50:].any() and len(read.warnings) == 2
    alone = read_picture(encoded(Image.fromarray(deep[50:])), "film")
    deep[:50] = 65000  # a clear shade does not shift the others
    assert near(read_picture(encoded(Image.fromarray(deep), transparency=65000), "film").grey[50:], alone.grey)
    for depth in (1, 2, 4):
        for inverted in (None, True):
            grey = read_picture(_few_bits(depth, 2 ** (depth - 1) - 1), "film", inverted).grey
            assert not grey[0].any() and (grey[1:] == (0 if inverted else 255)).all()
    exif = Image.Exif()
    exif[274] = 3
    turned = read_picture(encoded(Image.fromarray(CLEAR), transparency=200, exif=exif), "film")
    assert not turned.grey[-50:].any() and np.array_equal(turned.grey[:-50], CLEAR[50:][::-1, ::-1])


def test_a_transparent_colour_of_sixteen_bits_is_refused() -> None:
    content = encoded(Image.fromarray(CLEAR).convert("RGB"), transparency=(2000, 2000, 2000))
    with pytest.raises(InputError, match=r"film: found 16 bits a colour, one of which is tr.*16-bit grey PNG"):
        read_picture(content, "film")


@pytest.mark.parametrize(("colours", "kind"), [(3, 2), (4, 6), (2, 4)])
def test_sixteen_bits_a_colour_are_the_greys_of_sixteen_bits_or_refused(colours: int, kind: int) -> None:
    def stored(factor: int) -> bytes:
        deep = np.repeat(GREY[..., None].astype(">u2") * factor, colours, axis=2)
        deep[..., -1] = deep[..., -1] if colours == 3 else 65535  # opaque
        rows = b"".join(b"\0" + row.tobytes() for row in deep)
        head = struct.pack(">LLBBBBB", *GREY.shape[::-1], 16, kind, 0, 0, 0)
        return _png({b"IHDR": head, b"IDAT": zlib.compress(rows)})

    read = read_picture(stored(257), "film")
    assert np.abs(read.grey - STRETCHED).max() <= 1
    assert [one.startswith("16 bits a colour: the upper 8 stretched") for one in read.warnings] == [True]
    with pytest.raises(InputError, match=r"film: found 16 bits a colour, .* and 16 shades in these.* 16-bit grey PNG"):
        read_picture(stored(16), "film")


def test_of_a_camera_s_jpeg_the_first_picture_is_the_film() -> None:
    image = Image.fromarray(GREY).convert("RGB")
    read = read_picture(encoded(image, "mpo", quality=95, save_all=True, append_images=[image.rotate(9)]), "film")
    assert near(read.grey, apart=3) and read.kind == "jpeg" and read.warnings == ()


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


@pytest.mark.parametrize("orientation", [0, 1, 9, 60000])
def test_an_orientation_that_is_none_is_told_and_turns_nothing(orientation: int) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    read = read_picture(encoded(Image.fromarray(GREY), exif=exif), "film")
    assert np.array_equal(read.grey, GREY)
    assert [f"is {orientation}, which is none of 1 to 8" in told for told in read.warnings] == [True] * (
        orientation > 1
    )


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
