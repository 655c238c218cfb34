"""Films as DICOM files: what their tags say of spacing and grey, and what is done where tags disagree."""

import io
import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np

from lungseg.data.reading import refuse_large
from lungseg.errors import InputError
from lungseg.films.dicom_decoding import AGAIN, NO_PICTURE, decode, refuse_layout
from lungseg.films.dicom_pixels import padding, shades
from lungseg.films.dicom_tags import tag, text
from lungseg.films.dicom_view import findings, turn, view
from lungseg.films.film import LONGEST, SHORTEST, Film, Spacing, is_side
from lungseg.films.grey import as_grey

if TYPE_CHECKING:
    from pydicom import Dataset

LOOK = "Look whether it is the file that you mean, and whole."
LARGEST = 2**28  # bytes of a file that was deflated
DEFLATED = "1.2.840.10008.1.2.1.99"


def is_dicom(content: bytes) -> bool:
    """Whether a file begins as a DICOM file does."""
    return content[128:132] == b"DICM"


def read_dicom(content: bytes, where: object, inverted: bool | None = None) -> Film:
    """Read a DICOM file of one film.

    Greys are those of the file's own window or table, MONOCHROME1 turned round once, after it; where it has none that
    can be used, they are stretched between percentiles of what is no padding. What its tags say against a frontal chest
    film becomes a finding. Nothing that names the patient leaves this function.

    Args:
        content: The file's bytes.
        where: Its name, for messages.
        inverted: Whether low stored values are bright; None leaves it to the file.

    Raises:
        InputError: It is no DICOM file of one grey picture, cut short, too large, or compressed in a way that nothing
            installed here decodes.
    """
    try:
        return _read(content, where, inverted)
    except InputError:
        raise
    except Exception as error:  # whatever damaged bytes make pydicom or NumPy raise; their words quote the file
        found = f"a DICOM file that is damaged ({type(error).__name__})"
        raise InputError(where, found, "a whole one", LOOK) from error


def _read(content: bytes, where: object, inverted: bool | None) -> Film:
    ds = _opened(content, where)
    warnings: list[str] = []
    stored = decode(ds, content, where, warnings)
    grey = as_grey(stored, *shades(ds, stored, inverted, where, warnings))
    if (padded := padding(ds, stored)) is not None:
        grey[padded] = 0  # whatever the window, and whether or not it is turned round
    grey = _shuttered(grey, ds, warnings)
    spacing = read_spacing(ds, warnings)
    return Film(grey, "dicom", view(ds), turn(ds, warnings), spacing, tuple(findings(ds)), tuple(warnings))


def _opened(content: bytes, where: object) -> "Dataset":
    """The tags; without the file's beginning only where it is a picture all the same."""
    import pydicom

    _refuse_bomb(content, where)
    ds = pydicom.dcmread(io.BytesIO(content), force=not is_dicom(content))
    whole = "SOPClassUID" in ds and "Rows" in ds
    if not is_dicom(content) and not whole:
        raise InputError(where, "no DICOM file", "a DICOM file, by its name", LOOK)
    if not len(ds):  # pydicom forgets what stood before the end
        raise InputError(where, "a DICOM file that ends before its picture does", "a whole one", AGAIN)
    if not whole or "Columns" not in ds or "PixelData" not in ds:
        found = f"a DICOM file without a picture ({text(ds, 'Modality') or 'no modality'})"
        raise InputError(where, found, "a film", NO_PICTURE)
    refuse_layout(ds, where)
    refuse_large(ds.Rows, ds.Columns, str(where), LOOK)
    return ds


def _refuse_bomb(content: bytes, where: object) -> None:
    """Refuse a deflated file that would fill the memory, before it is unpacked."""
    if not is_dicom(content) or DEFLATED.encode() not in content[:1024] or len(content) < 144:
        return
    start = 144 + int(struct.unpack("<L", content[140:144])[0])
    try:
        size = len(zlib.decompressobj(-zlib.MAX_WBITS).decompress(content[start:], LARGEST + 1))
    except zlib.error:
        return  # pydicom tells
    if size > LARGEST:
        raise InputError(where, f"more than {LARGEST} bytes deflated", f"at most {LARGEST}", NO_PICTURE)


def _pair(ds: "Dataset", name: str) -> tuple[float, float] | None:
    """A tag's two lengths, if they are such."""
    value = tag(ds, name)
    try:
        rows, columns = (float(one) for one in value)
    except (TypeError, ValueError):
        return None
    return (rows, columns) if is_side(rows) and is_side(columns) else None


def read_spacing(ds: "Dataset", warnings: list[str]) -> Spacing | None:
    """Sides of a pixel, with what they are sides of.

    A calibrated PixelSpacing is the patient's. ImagerPixelSpacing is the detector's, on which lungs come out magnified;
    a PixelSpacing without calibration is so too.

    Args:
        ds: The tags.
        warnings: Get what was left out.
    """
    known = {name: _pair(ds, name) for name in ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")}
    for name, pair in known.items():
        if pair is None and tag(ds, name) is not None:
            warnings.append(f"{name} is no pair of lengths from {SHORTEST:g} to {LONGEST:g} mm: not used")
    own, detector = known["PixelSpacing"], known["ImagerPixelSpacing"]
    calibration = text(ds, "PixelSpacingCalibrationType")
    if own and calibration in ("GEOMETRY", "FIDUCIAL"):
        return Spacing(*own, f"PixelSpacing, calibrated by {calibration.lower()}")
    if own and detector and max(abs(a / b - 1) for a, b in zip(own, detector, strict=True)) > 0.01:
        warnings.append("PixelSpacing without calibration differs from ImagerPixelSpacing: the latter is used")
    if detector:
        return Spacing(*detector, "ImagerPixelSpacing, at the detector")
    if own:
        return Spacing(*own, "PixelSpacing, not said to be calibrated")
    if scanned := known["NominalScannedPixelSpacing"]:
        return Spacing(*scanned, "NominalScannedPixelSpacing, of the scanned sheet")
    return None


def _shuttered(grey: np.ndarray, ds: "Dataset", warnings: list[str]) -> np.ndarray:
    """The picture with what lies outside of its shutter black."""
    shapes = tag(ds, "ShutterShape")
    if not shapes:
        return grey
    shapes = [shapes] if isinstance(shapes, str) else list(shapes)
    y, x = np.ogrid[1 : grey.shape[0] + 1, 1 : grey.shape[1] + 1]
    seen = np.ones(grey.shape, dtype=bool)
    try:
        if "RECTANGULAR" in shapes:
            sides = (ds.ShutterUpperHorizontalEdge, ds.ShutterLowerHorizontalEdge)
            seen &= (y >= int(sides[0])) & (y <= int(sides[1]))
            seen &= (x >= int(ds.ShutterLeftVerticalEdge)) & (x <= int(ds.ShutterRightVerticalEdge))
        if "CIRCULAR" in shapes:
            row, column = (int(one) for one in ds.CenterOfCircularShutter)
            seen &= (y - row) ** 2 + (x - column) ** 2 <= int(ds.RadiusOfCircularShutter) ** 2
    except (AttributeError, TypeError, ValueError):
        warnings.append("a shutter without its edges: not used")
        return grey
    if "POLYGONAL" in shapes:
        warnings.append("a polygonal shutter is not used")
    if seen.mean() < 0.05:
        warnings.append("a shutter that hides the film: not used")
        return grey
    return np.where(seen, grey, 0).astype(np.uint8)
