"""What shade each stored number of a DICOM file means, and where the film is padded."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import label

from lungseg.films.dicom_decoding import BROKEN
from lungseg.films.dicom_tags import number, tag, text
from lungseg.films.grey import SHARES, Range, Values, sample, spread
from lungseg.shapes import Bool

if TYPE_CHECKING:
    from pydicom import Dataset

WINDOW = ("PhotometricInterpretation", "PixelRepresentation", "BitsStored", "VOILUTFunction", "WindowCenter",
          "WindowWidth")  # fmt: skip
RESCALED = {"RescaleSlope": 1, "RescaleIntercept": 0}  # with what is taken where the other stands alone
TWO, LEAST = "no more than two shades", 64  # of 255 greys that a window must show a film in
FAR = 1e9  # beyond every stored number

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
        if (told := _dull(shown(modality(sample(stored, _used(ds, stored)))), limits)) is None:
            return lambda values: shown(modality(values)), limits, turn
        warnings.append(f"its window shows {told}: not used")
    limits = spread(modality(sample(stored, _used(ds, stored))).astype(np.float64), where)
    warnings.append(f"no window that can be used: stretched between {limits.low:g} and {limits.high:g}")
    return modality, limits, turn


def _dull(seen: Values, limits: Range) -> str | None:
    """What of a film a window that hides most of it shows; None of any other."""
    if not limits.high > limits.low:
        return TWO
    greys = np.round(255 * np.clip((seen - limits.low) / (limits.high - limits.low), 0, 1))
    if not len(np.unique(greys)) > 2:
        return TWO
    low, high = np.percentile(greys, SHARES)
    return f"nearly all of it in {high - low:.0f} of 255 greys" if high - low < LEAST else None


def _modality(ds: "Dataset", warnings: list[str]) -> Callable[[np.ndarray], Values]:
    """Stored numbers to those that windows speak of."""
    from pydicom.pixels.processing import apply_modality_lut

    try:
        if ds.get("ModalityLUTSequence"):
            entries = _table(ds, ds.ModalityLUTSequence[0])
            return entries
        missing = [name for name in RESCALED if tag(ds, name) is None]
        if len(missing) == len(RESCALED):
            return lambda values: values
        for name in missing:
            setattr(ds, name, RESCALED[name])
            warnings.append(f"{name} is missing: {RESCALED[name]} is taken")
        for name in RESCALED:
            float(ds[name].value)  # of several, which one would be meant?
        with np.errstate(all="ignore"):
            if not np.ptp(np.asarray(apply_modality_lut(np.array([0, 1]), ds), dtype=float)) > 0:
                raise ValueError("a slope of zero")
        return lambda values: np.asarray(apply_modality_lut(values, ds), dtype=np.float64)
    except BROKEN:
        warnings.append("its rescale slope and intercept, or table, cannot be used: stored numbers are taken")
        for name in (*RESCALED, "ModalityLUTSequence"):
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
        if tag(ds, "VOILUTFunction") is None:
            ds.pop("VOILUTFunction", None)  # pydicom takes an empty one for an unknown one
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
