"""Films as PNG, JPEG, TIFF and GIF files."""

import io
import struct
import zlib

import numpy as np
from PIL import Image, ImageOps
from PIL.ImageFile import ImageFile

from lungseg.data.reading import FORMATS, MOST_SIDE, refuse_large
from lungseg.errors import InputError
from lungseg.films.film import Film
from lungseg.films.grey import Range, as_grey, sample, spread
from lungseg.films.tiff import BEGINNINGS, black_is_zero, in_order, numbers
from lungseg.shapes import UInt8

LOOK = "Look whether it is the file that you mean, and whole."
DEEP = ("I;16", "I;16B", "I;16L", "I", "F")  # modes of more than 8 bits, which Pillow would clip at 255
FEW_BITS = {"L;2": 85, "L;4": 17}  # what Pillow multiplies the shades of PNG files of 2 and 4 bits by
ORIENTATION = 274
OTHERS = (
    "Of grey TIFF files, whole numbers of up to 16 and of 32 bits and floats of 32 bits are read; save others, and "
    "BigTIFF files that begin with MM, as a 16-bit PNG or TIFF."
)
TRANSPARENT = "transparent pixels are taken as black"
TURNED = "turned as its EXIF orientation"  # how the warning begins
LEAST_SHADES = 64  # of a film that fills its bits
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
    content, white_is_zero = black_is_zero(content)
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            refuse_large(image.height, image.width, str(where), LOOK)
            pages = getattr(image, "n_frames", 1)
            if pages > 1 and image.format != "MPO":  # a camera's JPEG, and previews of it
                raise InputError(where, f"{pages} pages", "one film in a file", "Save each page as a file.")
            return _decoded(image, where, white_is_zero if inverted is None else inverted)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise InputError(where, "a picture too large to be a film", f"at most {MOST_SIDE} px a side", LOOK) from error
    except (OSError, SyntaxError, ValueError, TypeError, KeyError, MemoryError, struct.error, zlib.error) as error:
        reason = str(error).partition(" <")[0][:160]
        expected = f"a readable picture ({', '.join(FORMATS)}, DICOM)"
        remedy = f"{LOOK} {OTHERS}" if content[:4] in BEGINNINGS else LOOK
        raise InputError(where, f"no picture that decodes ({reason})", expected, remedy) from error


def _decoded(image: Image.Image, where: object, inverted: bool) -> Film:
    in_order(image)
    warnings, kind = [], str(image.format).lower().replace("mpo", "jpeg")
    clear, wide = _clear_shade(image, where), image.mode not in DEEP and ";16" in _rawmode(image)
    orientation = image.getexif().get(ORIENTATION, 1)
    turned = ImageOps.exif_transpose(image) if orientation in range(2, 9) else image
    if orientation in range(2, 9):
        warnings.append(f"{TURNED} {orientation} says; the mask is of the turned film")
    elif orientation not in (0, 1):  # 0: not known, as some cameras write
        warnings.append(f"read as it lies: its EXIF orientation is {str(orientation)[:20]}, which is none of 1 to 8")
    stored = numbers(image, np.asarray(turned))
    hidden = None if clear is None else (stored == clear).reshape(*stored.shape[:2], -1).all(axis=2)
    if turned.mode in DEEP or stored.dtype == np.int8:
        limits = spread(sample(stored, None if hidden is None else ~hidden).astype(np.float64), where)
        what = "signed numbers" if stored.dtype == np.int8 else "more than 8 bits"
        warnings.append(f"{what}: stretched between {limits.low:g} and {limits.high:g}")
        grey = as_grey(stored, _same, limits, inverted)
    else:
        grey = _grey(turned, where, warnings, inverted)
        grey = _stretched(grey, where, warnings) if wide else grey
    if hidden is not None and hidden.any():
        warnings.append(TRANSPARENT)
        grey = np.where(hidden, 0, grey).astype(np.uint8)  # last: it stays black where the film is turned round
    return Film(grey, kind, warnings=tuple(warnings))


def _clear_shade(image: Image.Image, where: object) -> np.ndarray | None:
    """The one shade or colour that a picture without an alpha channel shows through; None where there is none."""
    shade = image.info.get("transparency")
    if image.mode not in ("1", "L", "RGB", *DEEP) or not isinstance(shade, int | tuple):
        return None
    if image.mode == "RGB" and np.max(shade) > 255:
        found = "16 bits a colour, one of which is transparent"
        raise InputError(where, found, "8 bits, or a film without transparency", "Save it as a 16-bit grey PNG.")
    return np.asarray(shade) * FEW_BITS.get(_rawmode(image), 1)


def _rawmode(image: Image.Image) -> str:
    """What Pillow calls the numbers as they lie in the file."""
    args = image.tile[0].args if isinstance(image, ImageFile) and image.tile else ""
    return args if isinstance(args, str) else str(args[0]) if args else ""


def _stretched(
    grey: UInt8[np.ndarray, "height width"], where: object, warnings: list[str]
) -> UInt8[np.ndarray, "height width"]:
    """A film of 16 bits a colour, of which Pillow reads the upper 8.

    Raises:
        InputError: What it shows lies in the lower ones.
    """
    some = sample(grey)
    if (shades := len(np.unique(some))) < LEAST_SHADES:
        found = f"16 bits a colour, of which the upper 8 are read, and {shades} shades in these"
        raise InputError(where, found, f"{LEAST_SHADES} or more", "Save it as a 16-bit grey PNG.")
    limits = spread(some.astype(np.float64), where)
    warnings.append(f"16 bits a colour: the upper 8 stretched between {limits.low:g} and {limits.high:g}")
    return as_grey(grey, _same, limits, False)


def _same(values: np.ndarray) -> np.ndarray:
    return values


def _grey(image: Image.Image, where: object, warnings: list[str], inverted: bool) -> UInt8[np.ndarray, "height width"]:
    """A picture of up to 8 bits a channel as grey, turned round before what is transparent becomes black."""
    if image.mode in ("P", "PA"):
        image = image.convert("RGBA" if "transparency" in image.info or image.mode == "PA" else "RGB")
    if image.mode in ("LA", "RGBA", "La", "RGBa"):
        whole = image.convert("RGBA")
        if np.asarray(whole.getchannel("A")).min() < 255:
            warnings.append(TRANSPARENT)
        if inverted:
            alpha, whole, inverted = whole.getchannel("A"), ImageOps.invert(whole.convert("RGB")), False
            whole.putalpha(alpha)
        image = Image.alpha_composite(Image.new("RGBA", whole.size, (0, 0, 0, 255)), whole).convert("RGB")
    if image.mode not in ("1", "L", "RGB", "CMYK", "YCbCr"):
        raise InputError(where, f"pixels of mode {image.mode}", "grey or colour", "Save it as an 8- or 16-bit PNG.")
    if image.mode not in ("1", "L"):
        image = image.convert("RGB")
        small = np.asarray(image.resize((64, 64), Image.Resampling.BOX), dtype=np.int16)
        apart = np.abs(small - small.mean(axis=2, keepdims=True)).mean()
        if apart > COLOUR:
            warnings.append("a picture in colour, taken as grey")
    grey = np.asarray(image.convert("L"))
    return as_grey(grey, _same, Range(0, 255), True) if inverted else grey
