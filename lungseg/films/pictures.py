"""Films as PNG, JPEG, TIFF and GIF files."""

import io
import struct
import zlib

import numpy as np
from PIL import Image, ImageOps

from lungseg.data.reading import FORMATS, MOST_SIDE, refuse_large
from lungseg.errors import InputError
from lungseg.films.film import Film
from lungseg.films.grey import Range, as_grey, sample, spread
from lungseg.shapes import UInt8

LOOK = "Look whether it is the file that you mean, and whole."
DEEP = ("I;16", "I;16B", "I;16L", "I", "F")  # modes of more than 8 bits, which Pillow would clip at 255
WHITE_IS_ZERO, PHOTOMETRIC, ORIENTATION = 0, 262, 274
TURNED = "turned as its EXIF orientation"  # how the warning begins
COLOUR = 12  # greatest mean difference of two channels of a film that was only stored in colour


def read_picture(content: bytes, where: object, inverted: bool | None = None) -> Film:
    """Read a picture.

    8-bit greys are taken as they are, as those of the films that networks learn from. Greys of more bits are stretched
    between their percentiles. Transparent pixels are black.

    Args:
        content: The file's bytes.
        where: Its name, for messages.
        inverted: Whether low values are bright; None leaves it to the file.

    Raises:
        InputError: It is no picture of one of the formats, damaged, too large, or has several pages.
    """
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            refuse_large(image.height, image.width, str(where))
            pages = getattr(image, "n_frames", 1)
            if pages > 1:
                raise InputError(where, f"{pages} pages", "one film in a file", "Save each page as a file.")
            return _decoded(image, where, inverted)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise InputError(where, "a picture too large to be a film", f"at most {MOST_SIDE} px a side", LOOK) from error
    except (OSError, SyntaxError, ValueError, TypeError, KeyError, MemoryError, struct.error, zlib.error) as error:
        reason = str(error).partition(" <")[0][:160]
        expected = f"a readable picture ({', '.join(FORMATS)}, DICOM)"
        raise InputError(where, f"no picture that decodes ({reason})", expected, LOOK) from error


def _decoded(image: Image.Image, where: object, inverted: bool | None) -> Film:
    warnings, kind = [], str(image.format).lower().replace("mpo", "jpeg")
    white_is_zero = kind == "tiff" and image.tag_v2.get(PHOTOMETRIC) == WHITE_IS_ZERO  # type: ignore[attr-defined]
    orientation = image.getexif().get(ORIENTATION, 1)
    turned = ImageOps.exif_transpose(image) if orientation in range(2, 9) else image
    if orientation in range(2, 9):
        warnings.append(f"{TURNED} {orientation} says; the mask is of the turned film")
    if turned.mode in DEEP:
        stored = np.asarray(turned)
        limits = spread(sample(stored).astype(np.float64), where)
        warnings.append(f"more than 8 bits: stretched between {limits.low:g} and {limits.high:g}")
        turn = white_is_zero if inverted is None else inverted  # Pillow turns 8 bits round, and leaves 16
        return Film(as_grey(stored, _same, limits, turn), kind, warnings=tuple(warnings))
    grey = _grey(turned, where, warnings)
    return Film(as_grey(grey, _same, Range(0, 255), True) if inverted else grey, kind, warnings=tuple(warnings))


def _same(values: np.ndarray) -> np.ndarray:
    return values


def _grey(image: Image.Image, where: object, warnings: list[str]) -> UInt8[np.ndarray, "height width"]:
    """A picture of up to 8 bits a channel as grey."""
    if image.mode in ("P", "PA"):
        image = image.convert("RGBA" if "transparency" in image.info or image.mode == "PA" else "RGB")
    if image.mode in ("LA", "RGBA", "La", "RGBa"):
        whole = image.convert("RGBA")
        if np.asarray(whole.getchannel("A")).min() < 255:
            warnings.append("transparent pixels are taken as black")
        image = Image.alpha_composite(Image.new("RGBA", whole.size, (0, 0, 0, 255)), whole).convert("RGB")
    if image.mode not in ("1", "L", "RGB", "CMYK", "YCbCr"):
        raise InputError(where, f"pixels of mode {image.mode}", "grey or colour", "Save it as an 8- or 16-bit PNG.")
    if image.mode not in ("1", "L"):
        image = image.convert("RGB")
        small = np.asarray(image.resize((64, 64), Image.Resampling.BOX), dtype=np.int16)
        apart = np.abs(small - small.mean(axis=2, keepdims=True)).mean()
        if apart > COLOUR:
            warnings.append("a picture in colour, taken as grey")
    return np.asarray(image.convert("L"))
