"""The pixels of a DICOM file: decoded, and what shade each stored number means."""

import io
import struct
import subprocess
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import label

from lungseg.errors import InputError
from lungseg.films.dicom_tags import number, tag, text
from lungseg.films.grey import Range, Values, sample, spread
from lungseg.shapes import Bool

if TYPE_CHECKING:
    from pydicom import Dataset
    from pydicom.uid import UID

NO_PICTURE = "Give films alone."
CODECS = "pip install 'lungseg[dicom]' brings JPEG-LS and JPEG 2000, 'lungseg[gdcm]' JPEG Lossless"
SECONDS = 60  # for a decoder in a process of its own
WINDOW = ("PhotometricInterpretation", "PixelRepresentation", "BitsStored", "VOILUTFunction", "WindowCenter",
          "WindowWidth")  # fmt: skip
FAR = 1e9  # beyond every stored number
BROKEN = (ValueError, TypeError, AttributeError, KeyError, IndexError, RuntimeError, OSError, MemoryError, struct.error,
          NotImplementedError, EOFError)  # fmt: skip


def decode(ds: "Dataset", content: bytes, where: object, warnings: list[str]) -> np.ndarray:
    """The stored numbers of a film, shape (height, width).

    Args:
        ds: The tags.
        content: The file's bytes.
        where: Its name.
        warnings: Get what was decided.

    Raises:
        InputError: Several frames, colours by a palette, no decoder, or damaged bytes.
    """
    frames = number(ds, "NumberOfFrames", 1)
    if frames > 1:
        raise InputError(where, f"{frames} frames", "one film in a file", "Save the frame that you mean as a file.")
    kind = text(ds, "PhotometricInterpretation")
    if kind not in ("MONOCHROME1", "MONOCHROME2", "RGB") and not kind.startswith("YBR"):
        found = f"PhotometricInterpretation {kind[:20] or 'missing'}"
        raise InputError(where, found, "MONOCHROME1, MONOCHROME2 or RGB", NO_PICTURE)
    pixels = _pixels(ds, content, where, warnings)
    if pixels.ndim == 3 and pixels.shape[2] == 3:
        warnings.append("a picture in colour, taken as grey")
        return np.asarray(pixels @ np.array([0.299, 0.587, 0.114]))
    if pixels.ndim != 2 or 0 in pixels.shape:
        raise InputError(where, f"pixels of shape {pixels.shape}", "one plane", NO_PICTURE)
    return pixels


def _pixels(ds: "Dataset", content: bytes, where: object, warnings: list[str]) -> np.ndarray:
    """The stored numbers, moved from the bits in which HighBit says that they lie."""
    if (syntax := getattr(getattr(ds, "file_meta", None), "TransferSyntaxUID", None)) is None:
        ds.file_meta.TransferSyntaxUID = syntax = _syntax_of(ds, where)
    bits, allocated = number(ds, "BitsStored", 16), number(ds, "BitsAllocated", 16)
    high, told = number(ds, "HighBit", bits - 1), f"HighBit {tag(ds, 'HighBit')} with BitsStored {bits}"
    coded = syntax.is_compressed and not (syntax.is_deflated or syntax.name.startswith("RLE"))
    if high == bits - 1 or coded:  # a codec knows its own precision
        return _decoded(ds, content, where)
    if not bits <= high + 1 <= allocated:
        warnings.append(f"{told} of {allocated}, which cannot be: the low bits are taken")
        return _decoded(ds, content, where)
    ds.BitsStored = allocated
    raw = _decoded(ds, content, where)
    ds.BitsStored = bits
    low = raw << (allocated - bits) >> (allocated - bits)
    if np.array_equal(low, raw) and (raw & (2 ** (high + 1 - bits) - 1)).any():
        warnings.append(f"{told}, and numbers of the low {bits} bits: taken as they are")
        return low
    return raw << (allocated - 1 - high) >> (allocated - bits)


def _syntax_of(ds: "Dataset", where: object) -> "UID":
    """The transfer syntax of a file that does not name it: as its tags could be read."""
    from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

    if ds["PixelData"].is_undefined_length:
        found = "compressed pixels without a TransferSyntaxUID"
        raise InputError(where, found, "the tag that names their decoder", "Export the film again, with its file meta.")
    implicit, little = ds.original_encoding
    return ExplicitVRBigEndian if little is False else ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian


def _decoded(ds: "Dataset", content: bytes, where: object) -> np.ndarray:
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.pixels.utils import pixel_array

    syntax = ds.file_meta.TransferSyntaxUID
    try:
        if not syntax.is_compressed or syntax.is_deflated:
            _refuse_short(ds, where)
            return pixel_array(ds)
        able = get_decoder(syntax).available_plugins
        error: Exception | None = None
        for plugin in able:
            if plugin != "gdcm":  # it may end the process
                try:
                    return pixel_array(ds, decoding_plugin=plugin)
                except BROKEN as failed:
                    error = failed
        if "gdcm" in able:
            return apart(content, "gdcm")
        if error is not None:
            raise error
    except (*BROKEN, subprocess.TimeoutExpired) as broken:
        told = f"pixels that do not decode ({type(broken).__name__})"  # its words may quote the file
        raise InputError(where, told, "a whole film", f"Bring the file again; {CODECS}.") from broken
    raise InputError(where, f"pixels compressed as {syntax.name}", "a syntax with a decoder here", f"{CODECS}.")


def _refuse_short(ds: "Dataset", where: object) -> None:
    """Refuse a film whose bytes end before its last row."""
    wanted = int(ds.Rows) * int(ds.Columns) * number(ds, "SamplesPerPixel", 1) * number(ds, "BitsAllocated", 16) // 8
    if (found := len(ds.PixelData)) < wanted and "422" not in str(ds.PhotometricInterpretation):
        raise InputError(where, f"{found} bytes of pixels", f"{wanted}, of a whole film", "Bring the file again.")


def apart(content: bytes, plugin: str) -> np.ndarray:
    """Decode in a process of its own, so that a decoder that aborts loses one film.

    Args:
        content: The file's bytes.
        plugin: One of pydicom's.

    Raises:
        ValueError: It ended without a picture.
    """
    command = [sys.executable, "-m", "lungseg.films.dicom_pixels", plugin]
    ended = subprocess.run(command, input=content, capture_output=True, timeout=SECONDS)
    if ended.returncode:
        raise ValueError(f"the decoder {plugin} ended with {ended.returncode}")
    return np.load(io.BytesIO(ended.stdout), allow_pickle=False)


Shades = tuple[Callable[[np.ndarray], Values], Range, bool]


def shades(ds: "Dataset", stored: np.ndarray, inverted: bool | None, where: object, warnings: list[str]) -> Shades:
    """What every stored number means on a screen: by modality LUT, then by VOI LUT or window, else by percentiles.

    Args:
        ds: The tags.
        stored: The film.
        inverted: Whether low values are bright; None leaves it to PhotometricInterpretation.
        where: The file, for messages.
        warnings: Get one line for each thing that could not be used, or contradicts another.

    Returns:
        The mapping, the values of it that are black and white, and whether low ones are bright.

    Raises:
        InputError: All pixels are one shade.
    """
    modality = _modality(ds, warnings)
    turn = _inverted(ds, inverted, warnings)
    window = _window(ds, warnings)
    if window is not None:
        shown, limits = window
        seen = shown(modality(sample(stored)))
        if limits.high > limits.low:
            greys = np.round(255 * np.clip((seen - limits.low) / (limits.high - limits.low), 0, 1))
            if np.ptp(greys) > 0.02 * 255 and len(np.unique(greys)) > 2:
                return lambda values: shown(modality(values)), limits, turn
        warnings.append("its window shows no more than two shades: not used")
    limits = spread(modality(sample(stored, _used(ds, stored))).astype(np.float64), where)
    warnings.append(f"no window that can be used: stretched between {limits.low:g} and {limits.high:g}")
    return modality, limits, turn


def _modality(ds: "Dataset", warnings: list[str]) -> Callable[[np.ndarray], Values]:
    """Stored numbers to those that windows speak of."""
    from pydicom.pixels.processing import apply_modality_lut

    try:
        if ds.get("ModalityLUTSequence"):
            entries = _table(ds, ds.ModalityLUTSequence[0])
            return entries
        if ds.get("RescaleSlope") is None and ds.get("RescaleIntercept") is None:
            return lambda values: values
        with np.errstate(all="ignore"):
            if not np.ptp(np.asarray(apply_modality_lut(np.array([0, 1]), ds), dtype=float)) > 0:
                raise ValueError("a slope of zero")
        return lambda values: np.asarray(apply_modality_lut(values, ds), dtype=np.float64)
    except BROKEN:
        warnings.append("its rescale slope and intercept, or table, cannot be used: stored numbers are taken")
        for name in ("RescaleSlope", "RescaleIntercept", "ModalityLUTSequence"):
            ds.pop(name, None)  # windows would ask for them
        return lambda values: values


def _table(ds: "Dataset", item: "Dataset") -> Callable[[np.ndarray], Values]:
    """A look-up table: below its first entry and beyond its last, these two."""
    count, first = int(item.LUTDescriptor[0]) or 2**16, int(item.LUTDescriptor[1])
    data = item.LUTData
    if isinstance(data, bytes):
        little = getattr(ds, "original_encoding", (None, True))[1] is not False
        data = np.frombuffer(data, dtype=("<u2" if little else ">u2") if len(data) >= 2 * count else "u1")
    entries = np.asarray(data, dtype=np.float64)[:count]
    if not len(entries):
        raise ValueError("no entries")
    return lambda values: entries[np.clip(np.round(values).astype(np.int64) - first, 0, len(entries) - 1)]


def _window(ds: "Dataset", warnings: list[str]) -> tuple[Callable[[np.ndarray], Values], Range] | None:
    """The first VOI LUT or window, and the values that it ends at; None where there is none to use."""
    from pydicom.pixels.processing import apply_windowing

    if text(ds, "PresentationIntentType") == "FOR PROCESSING":
        warnings.append("FOR PROCESSING, not for presentation: its window is not used")
        return None
    try:
        if ds.get("VOILUTSequence"):
            table = _table(ds, ds.VOILUTSequence[0])
            ends = table(np.arange(-FAR, FAR, FAR / 2**15)), table(np.arange(-(2**16), 2**17))
            return table, Range(float(min(map(np.min, ends))), float(max(map(np.max, ends))))
        if "WindowCenter" not in ds and "WindowWidth" not in ds:
            return None
        low, high = _windowed(apply_windowing, ds)(np.array([-FAR, FAR]))
        return _windowed(apply_windowing, ds), Range(float(low), float(high))
    except BROKEN as error:
        warnings.append(f"its window or VOI LUT cannot be used ({type(error).__name__})")
        return None


def _windowed(apply: Callable[..., np.ndarray], ds: "Dataset") -> Callable[[np.ndarray], Values]:
    """A window as pydicom applies it, low values dark.

    It spans what the slope makes of the range of stored numbers, which a negative slope turns round, and the picture
    with it: then the window is applied without the slope, to the same ends.
    """
    if (ds.get("RescaleSlope") or 0) < 0:
        from pydicom import Dataset

        whole, ds = ds, Dataset()
        for name in WINDOW:
            if name in whole:
                setattr(ds, name, whole[name].value)

    def shown(values: np.ndarray) -> Values:
        with np.errstate(all="ignore"):  # a sigmoid's ends
            return apply(np.asarray(values, dtype=np.float64), ds)

    return shown


def _inverted(ds: "Dataset", asked: bool | None, warnings: list[str]) -> bool:
    """Whether low values are bright: once, and by PhotometricInterpretation alone.

    DX files say it twice, by PresentationLUTShape too; who obeys both turns the film round twice.
    """
    kind = text(ds, "PhotometricInterpretation")
    shape = text(ds, "PresentationLUTShape")
    if (kind, shape) in (("MONOCHROME2", "INVERSE"), ("MONOCHROME1", "IDENTITY")):
        warnings.append(f"{kind} with PresentationLUTShape {shape}: the former decides; --invert or --no-invert else")
    return kind == "MONOCHROME1" if asked is None else asked


def _used(ds: "Dataset", stored: np.ndarray) -> np.ndarray | None:
    """Where the film is no padding; None where it has none."""
    value = tag(ds, "PixelPaddingValue")
    if not isinstance(value, int) or not np.issubdtype(stored.dtype, np.integer):
        return None
    other = tag(ds, "PixelPaddingRangeLimit")
    low, high = sorted(_as_stored(ds, one) for one in (value, other if isinstance(other, int) else value))
    return (stored < low) | (stored > high)


def _as_stored(ds: "Dataset", value: int) -> int:
    """A value of a tag as the pixels hold it: in the stored bits, with the pixels' sign."""
    bits = number(ds, "BitsStored", 16)
    value %= 2**bits
    return value - 2**bits if number(ds, "PixelRepresentation", 0) == 1 and value >= 2 ** (bits - 1) else value


def padding(ds: "Dataset", stored: np.ndarray) -> Bool[np.ndarray, "height width"] | None:
    """Where the film is padded: pixels of the padding value that hang together with the border; None for nowhere.

    The same value inside of the film is one of its shades, such as of a marker.

    Args:
        ds: The tags.
        stored: The film.
    """
    used = _used(ds, stored)
    if used is None or used.all():
        return None
    parts, _ = label(~used)
    outer = np.unique(np.concatenate([parts[0], parts[-1], parts[:, 0], parts[:, -1]]))
    return np.isin(parts, outer[outer > 0])


def main() -> None:
    """A DICOM file on stdin, its pixels as a NumPy file on stdout, by the named decoder."""
    import pydicom
    from pydicom.pixels.utils import pixel_array

    ds = pydicom.dcmread(io.BytesIO(sys.stdin.buffer.read()), force=True)
    np.save(sys.stdout.buffer, pixel_array(ds, decoding_plugin=sys.argv[1]))


if __name__ == "__main__":
    main()
