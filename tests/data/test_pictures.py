"""Pictures of others: few decoders, few pixels, one message."""

import io
import struct
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from lungseg.data import jsrt
from lungseg.data.reading import FORMATS, MOST_SIDE, decode_grey
from lungseg.errors import InputError


def _encoded(kind: str, side: int = 16) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (side, side), (9, 9, 9)).save(stream, kind)
    return stream.getvalue()


def _png(width: int, height: int) -> bytes:
    """A PNG that says it has this size and holds a few bytes."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">L", len(content)) + name + content + struct.pack(">L", zlib.crc32(name + content))

    head = chunk(b"IHDR", struct.pack(">LLBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", FORMATS)
def test_the_formats_of_the_archives_are_read(kind: str) -> None:
    assert decode_grey(_encoded(kind), "film").shape == (16, 16)


@pytest.mark.parametrize("kind", ["EPS", "BMP", "PPM", "WEBP", "SGI", "TGA", "ICO", "PCX", "DDS", "JPEG2000"])
def test_every_other_decoder_is_shut_whatever_the_name(kind: str) -> None:
    with pytest.raises(InputError, match=r"film\.png: found no image that decodes .*PNG, GIF, TIFF, JPEG"):
        decode_grey(_encoded(kind), "film.png")


@pytest.mark.parametrize(
    "size", [(MOST_SIDE + 1, 1), (1, MOST_SIDE + 1), (13000, 13000), (60000, 60000), (2**31 - 1, 1)]
)
def test_a_bomb_of_pixels_is_refused_before_it_is_decoded_in_any_thread(size: tuple[int, int]) -> None:
    content = _png(*size)

    def refused(number: int) -> str:
        with pytest.raises(InputError) as caught:
            decode_grey(content, f"film{number}")
        return str(caught.value)

    with warnings.catch_warnings(), ThreadPoolExecutor(4) as pool:
        warnings.simplefilter("default")
        warnings.filterwarnings("error", category=Image.DecompressionBombWarning)  # as the module has it
        assert all(f"at most {MOST_SIDE} px a side" in message for message in pool.map(refused, range(8)))


def test_the_largest_published_film_fits() -> None:
    assert decode_grey(_encoded("PNG", 4892), "film").shape == (4892, 4892)


def test_a_raw_film_is_measured_too() -> None:
    with pytest.raises(InputError, match=f"at most {MOST_SIDE} px a side"):
        jsrt.decode(bytes(2 * (MOST_SIDE + 1) ** 2), "film")
    assert jsrt.decode(np.zeros((4, 4), ">u2").tobytes(), "film").shape == (4, 4)
