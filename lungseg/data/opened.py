"""The films of one part of a split, left in their files: all of a large square would not fit in memory together."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from lungseg.data.films import BOTH, Stored, open_films
from lungseg.data.films import _parts as parts_of
from lungseg.errors import InputError
from lungseg.shapes import UInt8

Pictures = UInt8[np.ndarray, "film height width"]


@runtime_checkable
class Squares(Protocol):
    """Pictures, one after the other or some of them: an array of shape (film, height, width), or a `Channel`."""

    def __len__(self) -> int:
        """Number of films."""

    def __iter__(self) -> Iterator[Any]:
        """One film after the other."""

    def __getitem__(self, chosen: Any) -> np.ndarray:  # noqa: ANN401 - what an array takes
        """A film by its number; several by a slice or by their numbers."""


class Channel:
    """The films, or the masks, of a part: some are read, and checked, when they are asked for."""

    def __init__(self, films: Sequence[tuple[Stored, int]], channel: int) -> None:
        """Of which films, each by its data set's array and its number there, and which channel of them."""
        self._films, self._channel = films, channel

    def __len__(self) -> int:
        """Number of films."""
        return len(self._films)

    def __iter__(self) -> Iterator[UInt8[np.ndarray, "height width"]]:
        """One film after the other."""
        return (self[number] for number in range(len(self)))

    def __getitem__(self, chosen: Any) -> UInt8[np.ndarray, "*chosen height width"]:  # noqa: ANN401 - see `Squares`
        """A film by its number; several by a slice or by their numbers.

        Raises:
            InputError: A film has other pixels than its table says.
        """
        numbers = np.arange(len(self))[chosen]
        stored = [self._films[number] for number in np.atleast_1d(numbers)]
        read = np.stack([one.read([number])[0, self._channel] for one, number in stored])
        return read.reshape(*numbers.shape, *read.shape[1:])


@runtime_checkable
class AnyPart(Protocol):
    """Films with their masks and names, in memory or not: a `Part`, or an `OpenPart`."""

    @property
    def dataset(self) -> list[str]:
        """Where each film comes from."""

    @property
    def image_id(self) -> list[str]:
        """Its name there."""

    @property
    def images(self) -> Squares:
        """Grey 0-255."""

    @property
    def masks(self) -> Squares:
        """0 or 1."""

    def sha256(self) -> str:
        """Hash of all names, pixels and masks."""


@dataclass(frozen=True)
class OpenPart:
    """As `lungseg.data.films.Part`, with pixels and masks in their files."""

    dataset: list[str]
    image_id: list[str]
    images: Channel
    masks: Channel

    def sha256(self) -> str:
        """Hash of all names, pixels and masks: that of the `Part`."""
        digest = sha256(" ".join(self.image_id).encode())
        for channel in (self.images, self.masks):
            for film in channel:
                digest.update(film.tobytes())
        return digest.hexdigest()


def open_part(
    part: str, pixels: Sequence[str | Path], tables: Sequence[str | Path], splits: Sequence[str | Path]
) -> OpenPart:
    """Open the films of one part of one or more data sets; see `lungseg.data.films.read_part`.

    Raises:
        InputError: An array, its table and its split disagree, or a data set has no film in the part.
    """
    films: list[tuple[Stored, int]] = []
    for array, table, split in zip(pixels, tables, splits, strict=True):
        stored = open_films(array, table)
        part_of = parts_of(split, [row["image_id"] for row in stored.rows], table)
        own = [(stored, number) for number, row in enumerate(stored.rows) if part_of[row["image_id"]] == part]
        if not own:
            raise InputError(split, f"no film for {part}", "at least one", "Choose another split.")
        films += own
    if len(sizes := {stored.pixels.shape[-1] for stored, _ in films}) > 1:
        raise InputError(pixels[0], f"films of {' and '.join(map(str, sorted(sizes)))} px", "one size", BOTH)
    names, ids = ([stored.rows[number][key] for stored, number in films] for key in ("dataset", "image_id"))
    return OpenPart(names, ids, Channel(films, 0), Channel(films, 1))


def batches(parts: Sequence[AnyPart], size: int) -> Iterator[tuple[Pictures, Pictures]]:
    """Films and masks of several parts in turn, so many at a time; a batch may hold the end of one part and the next.

    Args:
        parts: The films.
        size: Of a batch; the last one may be smaller.
    """
    places = [(part, number) for part, films in enumerate(parts) for number in range(len(films.image_id))]
    for start in range(0, len(places), size):
        images, masks = [], []
        for part, own in groupby(places[start : start + size], key=itemgetter(0)):
            numbers = [number for _, number in own]
            within = slice(numbers[0], numbers[-1] + 1)
            images.append(parts[part].images[within])
            masks.append(parts[part].masks[within])
        yield np.concatenate(images), np.concatenate(masks)
