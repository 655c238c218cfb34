"""Tags of a DICOM file, one at a time: pydicom reads a value when it is asked for, and raises where it is damaged."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydicom import Dataset


def tag(ds: "Dataset", name: str) -> Any:  # noqa: ANN401 - whatever pydicom makes of it
    """A tag's value; None where it is missing, empty or damaged."""
    try:
        value = ds.get(name)
        return None if value is None or (hasattr(value, "__len__") and len(value) == 0) else value
    except Exception:  # its kinds are many, and their words quote the file
        return None


def text(ds: "Dataset", name: str) -> str:
    """A tag's text in capitals, the first of several; empty where it is missing or no plain word."""
    value = tag(ds, name)
    value = value[0] if isinstance(value, Sequence) and not isinstance(value, str) else value
    said = "" if value is None else str(value).strip().upper()
    return said if re.fullmatch(r"[A-Z0-9_ /-]{1,32}", said) else ""


def number(ds: "Dataset", name: str, otherwise: int) -> int:
    """A tag's whole number, or another where it has none."""
    try:
        return int(tag(ds, name))
    except (TypeError, ValueError):
        return otherwise
