"""The pixels of a DICOM file, decoded: by what is installed, and only what its tags and its stream agree on."""

import io
import struct
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np

from lungseg.errors import InputError
from lungseg.films.dicom_tags import number, tag, text

if TYPE_CHECKING:
    from pydicom import Dataset
    from pydicom.uid import UID

NO_PICTURE = "Give films alone."
EXPORT, AGAIN = "Export the film again.", "Bring the file again."
CODECS = "pip install 'lungseg[dicom]' brings JPEG-LS and JPEG 2000, 'lungseg[gdcm]' JPEG Lossless"
SECONDS = 60  # for a decoder in a process of its own
LAYOUT = ("SamplesPerPixel", "Rows", "Columns", "BitsAllocated", "BitsStored", "PixelRepresentation")
JPEG, JPEG_2000 = b"\xff\xd8", b"\xff\x4f\xff\x51"  # how their streams begin
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}  # markers that a JPEG's size follows
OVERLAYS = range(0x6000, 0x6020, 2)  # groups of tags; an overlay may lie in the bits that pixels leave free
BROKEN = (ValueError, TypeError, AttributeError, KeyError, IndexError, RuntimeError, OSError, MemoryError, struct.error,
          NotImplementedError, EOFError, ArithmeticError)  # fmt: skip


def refuse_layout(ds: "Dataset", where: object) -> None:
    """Refuse a film whose tags do not say how its pixels lie.

    Args:
        ds: The tags.
        where: Its name.

    Raises:
        InputError: One of `LAYOUT` is no whole number, or none that can be.
    """
    for name in LAYOUT:
        if not isinstance(tag(ds, name), int):
            raise InputError(where, f"a DICOM file without a number in {name}", "a whole film", EXPORT)
    if not (ds.Rows > 0 and ds.Columns > 0):
        raise InputError(where, f"{ds.Rows} x {ds.Columns} px", "a film", EXPORT)
    if not 0 < ds.BitsStored <= ds.BitsAllocated:
        raise InputError(where, f"BitsStored {ds.BitsStored} of {ds.BitsAllocated}", "bits that can be", EXPORT)


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
    if not syntax.is_transfer_syntax:
        raise InputError(where, "a transfer syntax that DICOM does not have", "one that it has", EXPORT)
    bits, allocated = int(ds.BitsStored), int(ds.BitsAllocated)
    high, told = number(ds, "HighBit", bits - 1), f"HighBit {tag(ds, 'HighBit')} with BitsStored {bits}"
    if _is_coded(syntax):  # a codec knows its own precision
        return _decoded(ds, content, where)
    if not bits <= high + 1 <= allocated:
        warnings.append(f"{told} of {allocated}, which cannot be: the low bits are taken")
        high = bits - 1
    if high == bits - 1 and (bits == allocated or ds.SamplesPerPixel > 1):
        return _decoded(ds, content, where)
    ds.BitsStored = allocated
    raw = _decoded(ds, content, where)
    ds.BitsStored = bits
    low = raw << (allocated - bits) >> (allocated - bits)
    whole = np.array_equal(low, raw)
    if high == bits - 1:
        if not whole and not any((group, 0x0102) in ds for group in OVERLAYS):
            warnings.append(f"numbers beyond the {bits} bits of BitsStored: cut to these")
        return low
    if whole and (raw & (2 ** (high + 1 - bits) - 1)).any():
        warnings.append(f"{told}, and numbers of the low {bits} bits: taken as they are")
        return low
    return raw << (allocated - 1 - high) >> (allocated - bits)


def _is_coded(syntax: "UID") -> bool:
    """Whether pixels are compressed by a codec that has a size and a precision of its own."""
    return syntax.is_compressed and not (syntax.is_deflated or syntax.name.startswith("RLE"))


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
    packed = syntax.is_compressed and not syntax.is_deflated
    try:
        if not packed:
            _refuse_short(ds, where)
            return pixel_array(ds)
        if _is_coded(syntax):
            _refuse_other_size(ds, where)
        try:
            able = get_decoder(syntax).available_plugins
        except NotImplementedError:  # of a film in motion
            able = ()
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
        remedy = f"Bring the file again; {CODECS}." if packed else AGAIN
        raise InputError(where, told, "a whole film", remedy) from broken
    raise InputError(where, f"pixels compressed as {syntax.name}", "a syntax with a decoder here", f"{CODECS}.")


def _refuse_other_size(ds: "Dataset", where: object) -> None:
    """Refuse a film whose stream is of another size than its tags say: it would fill the memory, or lie askew."""
    from pydicom.encaps import get_frame

    size = coded_size(get_frame(ds.PixelData, 0, number_of_frames=1))
    if size not in (None, said := (int(ds.Rows), int(ds.Columns))):
        found = f"{size[0]} x {size[1]} px in a film that is {said[0]} x {said[1]} px by its tags"
        raise InputError(where, found, "one size", EXPORT)


def coded_size(stream: bytes) -> tuple[int, int] | None:
    """Height and width that a compressed picture gives itself; None where it does not say.

    Args:
        stream: Of JPEG, JPEG-LS or JPEG 2000.
    """
    try:
        if not stream.startswith(JPEG):
            if (start := stream.find(JPEG_2000)) < 0:
                return None
            right, bottom, left, top = struct.unpack_from(">4L", stream, start + 8)
            return bottom - top, right - left
        place = 2
        while stream[place] == 0xFF:
            (length,) = struct.unpack_from(">H", stream, place + 2)
            if stream[place + 1] in FRAMES:
                height, width = struct.unpack_from(">HH", stream, place + 5)
                return height, width
            place += 1 if stream[place + 1] == 0xFF else 2 + length
    except (IndexError, struct.error):
        pass
    return None


def _refuse_short(ds: "Dataset", where: object) -> None:
    """Refuse a film whose bytes end before its last row."""
    wanted = int(ds.Rows) * int(ds.Columns) * int(ds.SamplesPerPixel) * int(ds.BitsAllocated) // 8
    if (found := len(ds.PixelData)) < wanted and "422" not in str(ds.PhotometricInterpretation):
        raise InputError(where, f"{found} bytes of pixels", f"{wanted}, of a whole film", AGAIN)


def apart(content: bytes, plugin: str) -> np.ndarray:
    """Decode in a process of its own, so that a decoder that aborts loses one film.

    Args:
        content: The file's bytes.
        plugin: One of pydicom's.

    Raises:
        ValueError: It ended without a picture.
    """
    command = [sys.executable, "-m", "lungseg.films.dicom_decoding", plugin]
    ended = subprocess.run(command, input=content, capture_output=True, timeout=SECONDS)
    if ended.returncode:
        raise ValueError(f"the decoder {plugin} ended with {ended.returncode}")
    return np.load(io.BytesIO(ended.stdout), allow_pickle=False)


def main() -> None:
    """A DICOM file on stdin, its pixels as a NumPy file on stdout, by the named decoder."""
    import pydicom
    from pydicom.pixels.utils import pixel_array

    ds = pydicom.dcmread(io.BytesIO(sys.stdin.buffer.read()), force=True)
    np.save(sys.stdout.buffer, pixel_array(ds, decoding_plugin=sys.argv[1]))


if __name__ == "__main__":
    main()
