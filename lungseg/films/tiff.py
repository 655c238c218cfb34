"""What a TIFF file says of its numbers: bright ones, signs, the order of their bytes. Pillow hears half of it."""

import struct

import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import MM, OPEN_INFO, TiffImageFile

PHOTOMETRIC, BITS, SAMPLE_FORMAT = 262, 258, 339
WHITE_IS_ZERO, BLACK_IS_ZERO = 0, 1
UNSIGNED, SIGNED = 1, 2
BEGINNINGS = {b"II*\0": "<", b"MM\0*": ">", b"II+\0": "<", b"MM\0+": ">"}  # the latter two of more than 4 GB
WIDTHS = {1: "B", 3: "H", 4: "L"}  # of the types that a photometric interpretation comes in

# Unsigned numbers of 32 bits whose first byte is the highest: Pillow can read them, and has no entry for them.
OPEN_INFO.setdefault((MM, BLACK_IS_ZERO, (UNSIGNED,), 1, (32,), ()), ("I", "I;32B"))


def black_is_zero(content: bytes) -> tuple[bytes, bool]:
    """A TIFF file that says that black is zero, and whether it had said that white is.

    Pillow turns some depths round by itself, leaves one, and reads no others; by this all come as they are stored.

    Args:
        content: The bytes of a file of any kind; others, and damaged ones, come back as they are.
    """
    order = BEGINNINGS.get(content[:4])
    if order is None:
        return content, False
    big = b"+" in content[:4]
    try:
        (start,) = struct.unpack_from(order + ("Q" if big else "L"), content, 8 if big else 4)
        (count,) = struct.unpack_from(order + ("Q" if big else "H"), content, start)
        first, step = start + (8 if big else 2), 20 if big else 12
        for entry in range(first, first + count * step, step):
            key, kind = struct.unpack_from(order + "HH", content, entry)
            if key == PHOTOMETRIC and kind in WIDTHS:
                width, place = order + WIDTHS[kind], entry + (12 if big else 8)
                if struct.unpack_from(width, content, place)[0] != WHITE_IS_ZERO:
                    return content, False
                value = struct.pack(width, BLACK_IS_ZERO)
                return content[:place] + value + content[place + len(value) :], True
    except struct.error:
        pass
    return content, False


def in_order(image: Image.Image) -> None:
    """Have compressed numbers read in the order of bytes in which they come.

    libtiff unpacks them into that of this machine, whatever the file's is. Pillow 13 takes signed ones and floats to be
    in the file's still, and would read noise.

    Args:
        image: As Pillow opened it, before its pixels are read.
    """
    if isinstance(image, TiffImageFile) and image.mode in ("I", "F"):
        image.tile = [
            tile._replace(args=(tile.args[0].replace("B", "N"), *tile.args[1:]))  # as of I;16BS, I;32B, F;32BF
            if tile.codec_name == "libtiff" and isinstance(tile.args, tuple)
            else tile
            for tile in image.tile
        ]


def numbers(image: Image.Image, stored: np.ndarray) -> np.ndarray:
    """A picture's numbers with the sign that its file gives them.

    Args:
        image: As Pillow opened it.
        stored: Its pixels, turned or not.
    """
    if image.format != "TIFF":
        return stored
    (bits, *_), (kind, *_) = (image.tag_v2.get(key, (1,)) for key in (BITS, SAMPLE_FORMAT))  # type: ignore[attr-defined]
    if image.mode == "L" and (bits, kind) == (8, SIGNED):
        return np.ascontiguousarray(stored).view(np.int8)
    if image.mode == "I" and (bits, kind) == (32, UNSIGNED):
        return np.ascontiguousarray(stored).view(np.uint32)
    return stored
