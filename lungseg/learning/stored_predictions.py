"""The stored predictions of runs, one file that is read run by run.

A logit is stored in 7 bits: 64 values on either side of 0, evenly spread on the scale arcsinh(2 logit) up to 16, so
that steps are 0.03 wide where a mask is decided and 1 wide where a network is sure. The sign, and so the mask, is
kept exactly. Of test films every pixel is stored; of every film, how often each value occurs in the lungs and outside:
all that is needed to count it.
"""

import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain
from pathlib import Path
from threading import Lock
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.lib import format as npy
from numpy.lib.npyio import NpzFile

from lungseg.data.opened import AnyPart
from lungseg.errors import InputError, one_line
from lungseg.files import AGAIN, replacing
from lungseg.learning.run_files import CARD, PREDICTIONS, read_card
from lungseg.shapes import Float16, UInt8, UInt32
from lungseg.zips import open_arrays

EDGE, LINEAR, LEVELS = 16.0, 0.5, 64
CODES = 2 * LEVELS
HELD = 4  # films of a run that is read film by film
_RATE = (LEVELS - 0.5) / np.arcsinh(EDGE / LINEAR)
# The logit that each code stands for.
VALUES: Float16[np.ndarray, " code"] = (LINEAR * np.sinh((np.arange(-LEVELS, LEVELS) + 0.5) / _RATE)).astype(np.float16)


def _codes_of_all() -> UInt8[np.ndarray, " bits"]:
    """The code of each half-precision number, by its bits."""
    every = np.arange(2**16, dtype=np.uint16).view(np.float16)
    number = np.clip(np.nan_to_num(every.astype(float), nan=0.0), -EDGE, EDGE)
    steps = np.ceil(np.arcsinh(number / LINEAR) * _RATE) - 1  # 0 itself is no lung
    return (np.clip(steps, -LEVELS, LEVELS - 1) + LEVELS).astype(np.uint8)


_CODE = _codes_of_all()


@runtime_checkable
class Logits(Protocol):
    """Of lung, a film at a time."""

    def __getitem__(self, film: int) -> Float16[np.ndarray, "size size"]:
        """Those of a film by its number."""


@dataclass(frozen=True)
class Segmentation:
    """What one network, or something that stands for one, says of some films.

    Args:
        variant: Its name.
        seed: Of its training.
        logits: Of lung, per pixel of the network's square; the mask is where they are above 0. All of them, shape
            (film, size, size), or a film at a time.
        soft: Whether the logits are probabilities' and not only masks', so that a loss means something.
    """

    variant: str
    seed: int
    logits: Float16[np.ndarray, "film size size"] | Logits
    soft: bool = True


@dataclass(frozen=True)
class Prediction:
    """What one run says, as it is stored.

    Args:
        variant: Its network.
        seed: Of its training.
        codes: Of the test films' logits; `VALUES` decodes them.
        histograms: Of every film: how many pixels have each code, outside the lungs and in them.
        weights: Hash of the weights that say it, as in the run's card; empty where it was not kept.
    """

    variant: str
    seed: int
    codes: UInt8[np.ndarray, "test size size"]
    histograms: UInt32[np.ndarray, "film 2 code"]
    weights: str = ""


@dataclass(frozen=True)
class Films:
    """Which films a file speaks of.

    Args:
        dataset: Of each film.
        image_id: Of each film.
        part: Of each film: train, validation or test.
        sha256: Hash of their names, pixels and masks.
    """

    dataset: list[str]
    image_id: list[str]
    part: list[str]
    sha256: str

    def of(self, part: str = "test") -> list[tuple[str, str]]:
        """Data set and name of each film of one part, in the order of the file."""
        rows = zip(self.dataset, self.image_id, self.part, strict=True)
        return [(dataset, image_id) for dataset, image_id, its_part in rows if its_part == part]


def predicted_films(parts: Mapping[str, AnyPart]) -> Films:
    """The films of some parts of a split, by the parts' names."""
    return Films(
        [dataset for part in parts.values() for dataset in part.dataset],
        [image_id for part in parts.values() for image_id in part.image_id],
        [name for name, part in parts.items() for _ in part.image_id],
        sha256(" ".join(part.sha256() for part in parts.values()).encode()).hexdigest(),
    )


def encode(
    variant: str,
    seed: int,
    answers: Iterable[tuple[Float16[np.ndarray, "film size size"], UInt8[np.ndarray, "film size size"]]],
    test: Sequence[bool],
) -> Prediction:
    """Code the logits of one run, some films at a time.

    Args:
        variant: Its network.
        seed: Of its training.
        answers: Logits of lung and true masks, of some films after the other.
        test: Whether each film is of the test part, whose pixels are kept.

    Raises:
        InputError: A logit is not a number.
    """
    kept: list[UInt8[np.ndarray, "size size"]] = []
    counted: list[np.ndarray] = []
    for logits, masks in answers:
        if np.isnan(logits).any():
            remedy = "Its training diverged: choose a smaller learning rate, or leave the seed out."
            raise InputError(f"{variant}/seed{seed}", "logits that are no numbers", "finite logits", remedy)
        for codes, lungs in zip(_CODE[np.ascontiguousarray(logits).view(np.uint16)], masks > 0, strict=True):
            if test[len(counted)]:
                kept.append(codes)
            counted.append(np.bincount((codes + CODES * lungs).ravel(), minlength=2 * CODES))
    return Prediction(variant, seed, np.array(kept), np.array(counted, dtype=np.uint32).reshape(-1, 2, CODES))


def tested(parts: Mapping[str, AnyPart]) -> list[bool]:
    """Whether each film of some parts in turn is of the test part."""
    return [name == "test" for name, part in parts.items() for _ in part.image_id]


def write_predictions(
    path: str | Path, predictions: Iterable[Prediction], films: Films, diverged: Sequence[str] = ()
) -> None:
    """Write a NumPy archive, the same bytes for the same content, run by run: none is held longer than it takes.

    It holds `dataset`, `image_id` and `part` of each film, `sha256` of all, and of each run its
    `{variant}/seed{seed}/codes`, `…/histograms` and, where it is known, `…/weights`.

    Args:
        path: The file.
        predictions: One per run; all of the same films. Each is asked for when those before it are written.
        films: Those films.
        diverged: `{variant}/seed{seed}` of runs that say nothing, because their training diverged.
    """
    arrays = chain(_told(films, diverged), chain.from_iterable(map(_said, predictions)))
    with replacing(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as store:
        for name, array in arrays:  # as `numpy.savez_compressed`, which wants all arrays at once
            with store.open(f"{name}.npy", "w", force_zip64=True) as stream:
                npy.write_array(stream, array)


def _told(films: Films, diverged: Sequence[str]) -> Iterator[tuple[str, np.ndarray]]:
    yield from ((name, np.array(value)) for name, value in vars(films).items())
    if diverged:
        yield "diverged", np.array(diverged)


def _said(one: Prediction) -> Iterator[tuple[str, np.ndarray]]:
    yield f"{run_key(one.variant, one.seed)}/codes", one.codes
    yield f"{run_key(one.variant, one.seed)}/histograms", one.histograms
    if one.weights:
        yield f"{run_key(one.variant, one.seed)}/weights", np.array(one.weights)


def run_key(variant: str, seed: int) -> str:
    """The name of a run within a training set."""
    return f"{variant}/seed{seed}"


class Streamed:
    """What a run says of the test films, read film by film: of many runs at once, no more than a few films are held.

    Films are asked for nearly in their order, by several threads: the last ones are kept for those that come late. An
    earlier one is read anew from the first on.
    """

    def __init__(self, predictions: "Predictions", variant: str, seed: int, held: int) -> None:
        """The file, which run in it, and how many films are kept."""
        self._from, self._run, self._keep = predictions, (variant, seed), held
        self._lock, self._coming, self._next = Lock(), predictions.codes(variant, seed), 0
        self._held: dict[int, UInt8[np.ndarray, "size size"]] = {}
        self._lost: tuple[object, str, str, str] | None = None

    def __getitem__(self, film: int) -> Float16[np.ndarray, "size size"]:
        """Logits of a film by its number.

        Raises:
            IndexError: There is no such film.
            InputError: The file is damaged; whichever film is asked for next, it is told again.
        """
        with self._lock:
            if not 0 <= film < self._from.films.part.count("test"):
                raise IndexError(film)
            if self._lost is not None:
                raise InputError(*self._lost)
            if film < self._next and film not in self._held:
                self._coming, self._next = self._from.codes(*self._run), 0
                self._held.clear()
            try:
                while self._next <= film:
                    self._held[self._next] = next(self._coming)
                    self._held.pop(self._next - self._keep, None)
                    self._next += 1
            except InputError as error:
                self._lost = error.where, error.found, error.expected, error.remedy
                raise
            return VALUES[self._held[film]]


@dataclass(frozen=True)
class Predictions:
    """An open file of predictions; a run's are read when they are asked for.

    Args:
        films: All films it speaks of.
        stored: The file.
        path: Where it lies.
        diverged: `{variant}/seed{seed}` of the runs that say nothing.
    """

    films: Films
    stored: NpzFile
    path: Path
    diverged: tuple[str, ...] = ()

    def trained(self, runs: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """Those of some runs, each with its variant and seed, whose training did not diverge."""
        return [run for run in runs if run_key(run["variant"], run["seed"]) not in self.diverged]

    def expect(self, test: AnyPart) -> None:
        """Refuse to speak of other test films.

        Raises:
            InputError: The films of the file are not these, or of another size.
        """
        here = list(zip(test.dataset, test.image_id, strict=True))
        if self.films.of() != here:
            apart = sorted(set(self.films.of()) ^ set(here)) or here[:1]
            raise InputError(self.path, f"other test films, such as {apart[0][1]}", "those of the split", AGAIN)

    def prediction(self, variant: str, seed: int) -> Prediction:
        """What one run says, as stored.

        Raises:
            InputError: The file holds no such run, or it is damaged.
        """
        key, codes = self._known(variant, seed), np.array(list(self.codes(variant, seed)))
        with _readable(self.path):
            histograms = self._histograms(key)
            if (histograms.sum(axis=(1, 2)) != codes[0].size).any():
                raise ValueError(f"histograms of {key} do not count its films")
            weights = str(self.stored[f"{key}/weights"]) if f"{key}/weights" in self.stored else ""
        return Prediction(variant, seed, codes, histograms, weights)

    def _known(self, variant: str, seed: int) -> str:
        key = run_key(variant, seed)
        if f"{key}/codes" not in self.stored:
            known = ", ".join(name.removesuffix("/codes") for name in self.stored if name.endswith("/codes"))
            raise InputError("predictions", f"no run {key}", f"one of {known}", "Delete the file and run again.")
        return key

    def codes(self, variant: str, seed: int) -> Iterator[UInt8[np.ndarray, "size size"]]:
        """What one run says of one test film after the other, as stored, in the order of the file.

        Raises:
            InputError: The file holds no such run, or it is damaged.
        """
        key, test = self._known(variant, seed), self.films.part.count("test")
        with _readable(self.path), zipfile.ZipFile(self.path) as file, file.open(f"{key}/codes.npy") as stream:
            npy.read_magic(stream)
            shape, fortran_order, dtype = npy.read_array_header_1_0(stream)
            if dtype != np.uint8 or len(shape) != 3 or shape[0] != test or fortran_order:
                raise ValueError(f"codes of {key} are {dtype} of shape {shape}, of {test} test films")
            for _ in range(test):
                film = np.frombuffer(stream.read(shape[1] * shape[2]), dtype=np.uint8).reshape(shape[1:])
                if (film >= CODES).any():
                    raise ValueError(f"codes of {key} that stand for no logit")
                yield film

    def of(self, variant: str, seed: int, held: int = HELD) -> Segmentation:
        """What one run says of the test films, in the order of the file, read film by film.

        Args:
            variant: Its network.
            seed: Its seed.
            held: Films that are kept at a time; with several threads, two more than these.

        Raises:
            InputError: The file holds no such run.
        """
        self._known(variant, seed)
        return Segmentation(variant, seed, Streamed(self, variant, seed, held))

    def histograms(self, variant: str, seed: int, part: str) -> UInt32[np.ndarray, "film 2 code"]:
        """What one run says of the films of one part, counted; in the order of the file.

        Raises:
            InputError: The file holds no such run, or it is damaged.
        """
        key = self._known(variant, seed)
        with _readable(self.path):
            return self._histograms(key)[np.array(self.films.part) == part]

    def _histograms(self, key: str) -> UInt32[np.ndarray, "film 2 code"]:
        histograms, films = self.stored[f"{key}/histograms"], len(self.films.part)
        if histograms.shape != (films, 2, CODES) or len(set(histograms.sum(axis=(1, 2)).tolist())) != 1:
            raise ValueError(f"histograms of {key} do not count {films} films")
        return np.asarray(histograms)


def read_predictions(path: str | Path) -> Predictions:
    """Open a file that `write_predictions` wrote.

    Raises:
        InputError: It is another file, or cut short.
    """
    with _readable(path):
        try:
            stored = open_arrays(path, AGAIN)
        except InputError as error:
            raise InputError(error.where, error.found, "stored predictions", error.remedy) from error
        dataset, image_id, part = (stored[name].tolist() for name in ("dataset", "image_id", "part"))
        if not len(dataset) == len(image_id) == len(part):
            raise ValueError("names of films that do not fit together")
        diverged = stored["diverged"].tolist() if "diverged" in stored else ()
        return Predictions(Films(dataset, image_id, part, str(stored["sha256"])), stored, Path(path), tuple(diverged))


@contextmanager
def _readable(path: str | Path) -> Iterator[None]:
    """Tell in one message what is wrong with a file of predictions."""
    try:
        yield
    except (ValueError, KeyError, EOFError, zlib.error, zipfile.BadZipFile, NotImplementedError) as error:
        found = one_line(f"{type(error).__name__}: {error}")
        raise InputError(path, found, "stored predictions", "Delete the file and run again.") from error


def read_bundle(folder: Path, variant: str, seed: int, films: Films) -> Prediction:
    """What a run that was trained elsewhere says of these films.

    Args:
        folder: With its predictions and card.
        variant: Its network.
        seed: Its seed.
        films: Those films.

    Raises:
        InputError: It speaks of other films, of other bytes of them, or other weights say it.
    """
    path = folder / PREDICTIONS
    stored, weights = read_predictions(path), read_card(folder / CARD).get("weights_sha256")
    if stored.films != films:
        found = f"{len(stored.films.image_id)} films with sha256 {stored.films.sha256}"
        expected = f"{len(films.image_id)} with {films.sha256}, as prepared here"
        remedy = "Same archives, size, frame, split, exclude and table1.train_on are needed; else train it here."
        raise InputError(path, found, expected, remedy)
    prediction = stored.prediction(variant, seed)
    if prediction.weights not in ("", weights):
        remedy = "The bundle's files are of different runs: bring it whole again."
        expected = f"what those with sha256 {weights} say, as in its card"
        raise InputError(path, f"what weights with sha256 {prediction.weights} say", expected, remedy)
    return prediction
