"""Masks that others drew: what `lungseg measure` and data sets of one's own take for one, and what for none."""

import io

import numpy as np
from PIL import Image

from lungseg.data.reading import FORMATS, LEAST_HALF, MOST_LABELS, decode_grey, lungs_of, no_background
from lungseg.errors import InputError
from lungseg.films.pictures import ORIENTATION
from lungseg.shapes import Bool, UInt8

GREYS = 0.2  # share of a picture's pixels between dark and bright; of a mask's 32 px wide, its edge has a tenth
SHADES = 3  # of a mask without soft edges: the background and two lungs
MASK = "Give masks as `lungseg segment` writes them: 0 for no lung, 1 right and 2 left, or one bright shade."
UPRIGHT = "Save it as its film lies, without EXIF data."
OPAQUE = "Save it without transparency, lungs bright on black."


def read_greys(content: bytes, where: str) -> UInt8[np.ndarray, "height width"]:
    """The shades of a picture that may be a mask.

    Args:
        content: The file's bytes.
        where: Its name, for messages.

    Raises:
        InputError: It does not decode, is turned by its EXIF data, says by its transparency what its colours do not, or
            is a film: too much of it is neither dark nor bright.
    """
    grey = decode_grey(content, where)
    with Image.open(io.BytesIO(content), formats=FORMATS) as image:
        if (orientation := image.getexif().get(ORIENTATION, 1)) in range(2, 9):
            found = f"a mask turned as its EXIF orientation {orientation} says"
            raise InputError(where, found, "one that lies as its film does", UPRIGHT)
        alpha = np.asarray(image.convert("RGBA").getchannel("A")) if image.has_transparency_data else None
    if alpha is not None:
        _refuse_hidden(grey, alpha, where)
    top = int(grey.max())
    between = ((grey > top / 4) & (grey < 3 * top / 4)).mean()
    if between > GREYS and top > MOST_LABELS and len(np.unique(grey)) > SHADES:
        found = f"{between:.0%} of its pixels between dark and bright"
        raise InputError(where, found, "a mask: two shades, and their edge", MASK)
    return grey


def _refuse_hidden(
    grey: UInt8[np.ndarray, "height width"], alpha: UInt8[np.ndarray, "height width"], where: str
) -> None:
    """Refuse a mask that is drawn in its alpha channel, or partly unseen: no reading of it is surely meant."""
    hidden = alpha < 128
    if not hidden.any():
        return
    lung = lungs_of(grey, where)
    if not lung.any():
        found = f"one shade, and {hidden.mean():.0%} of it transparent: a mask in an alpha channel"
        raise InputError(where, found, "lungs that differ in shade", OPAQUE)
    if (lost := (lung & hidden).mean()) > LEAST_HALF:
        found = f"{lost:.0%} of the picture lung by its shade and transparent at once, as in a mask in an alpha channel"
        raise InputError(where, found, "lungs that are seen", OPAQUE)


def lungs_in(grey: UInt8[np.ndarray, "height width"], where: str) -> Bool[np.ndarray, "height width"]:
    """Where the lungs are, one of them or both.

    Args:
        grey: As of `read_greys`.
        where: Its name, for messages.

    Raises:
        InputError: Its labels are more than two, or what is bright is the background.
    """
    return no_background(where, lungs_of(grey, where))
