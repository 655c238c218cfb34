"""What a data set and a radiograph are, and how one is read out of an archive without unpacking it."""

import hashlib
import io
import json
import os
import re
import struct
import warnings
import zlib
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Protocol, TypeVar, runtime_checkable
from zipfile import BadZipFile, ZipFile

import numpy as np
from jaxtyping import Bool, UInt8
from PIL import Image, ImageFilter

from lungseg.data.archive import Archive
from lungseg.errors import InputError
from lungseg.outside import missing
from lungseg.terminal import plain
from lungseg.zips import FILMS, open_zip

A = TypeVar("A")
B = TypeVar("B")

AGAIN = "Delete the file and fetch it again; if it comes from your folder of archives, replace it there too."
FEW = 30  # missing files that are told film by film; more mean that the archive is another one
MOST_REASON = 200  # characters that are proposed as the reason why a film is left out
NOTHING: Mapping[str, str] = MappingProxyType({})
MOST_THREADS = 8  # each holds a film and its mask, up to 20 megapixels
# Decoders are many and some call other programs: these are what the archives hold.
FORMATS = ("PNG", "GIF", "TIFF", "JPEG")
LUNGS = 2
MOST_LABELS = 15  # the greatest value that is a label and no grey
DARKER = (0.125, 0.55)  # shares of the brightest value between which a second label would be lost in soft edges
MOST_EDGE = 0.5  # share of a darker shade's pixels that lie at what is brighter
LEAST_ASIDE = 0.75  # share of a lung's pixels that are nearer to its own centre than to the other's
SAMPLE = 512  # rows and columns that centres are reckoned from
LEAST_HALF, MOST_LUNG = 0.01, 0.75  # shares of a film
MOST_BORDER = 0.5  # share of a film's outermost pixels
MOST_SIDE = 6144  # px; the largest published film has 4892
# Pillow measures a picture when it opens it; what it only warns of is refused here too, in every thread.
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)


@dataclass(frozen=True)
class Radiograph:
    """A frontal chest film with its lungs outlined.

    Args:
        image_id: Its name in its data set.
        image: Grey 0-255, air dark and bone bright.
        mask: Where the lungs are.
        spacing_mm: Side of a pixel on the detector; None where it is not published.
        abnormal: Whether its readers saw disease.
        sha256: Of the image file's bytes in the archive.
    """

    image_id: str
    image: UInt8[np.ndarray, "height width"]
    mask: Bool[np.ndarray, "height width"]
    spacing_mm: float | None
    abnormal: bool
    sha256: str


@dataclass(frozen=True)
class Unused:
    """A film that cannot be used, and why."""

    image_id: str
    reason: str


@runtime_checkable
class Read(Protocol):
    """Yields a data set's films in the order of their names; those in `exclude` are not read, and come as unused."""

    def __call__(  # noqa: D102
        self, folder: Path, exclude: Mapping[str, str] = ..., threads: int | None = ...
    ) -> Iterator[Radiograph | Unused]: ...


class BadFilms(InputError):
    """Films that cannot be used, all at once, with the lines that leave them out.

    Args:
        dataset: Their data set.
        films: What is wrong with each.
        total: Films of the data set.
    """

    def __init__(self, dataset: str, films: Mapping[str, InputError], total: int) -> None:
        self.dataset, self.films, self.total = dataset, dict(films), total
        lines = [f"  {name}: {one.where}: found {one.found}, expected {one.expected}" for name, one in films.items()]
        reasons = {name: f"found {one.found}, expected {one.expected}" for name, one in films.items()}
        # YAML would take a name such as 001, 1e5 or null for something else.
        pasted = [f"    {quoted(name)}: {quoted(reason)}" for name, reason in reasons.items()]
        remedy = ["They are:", *map(one_line, lines), *dict.fromkeys(one.remedy for one in films.values())]
        if 2 * len(films) <= total:
            remedy += ["Or leave them out: put these lines into the configuration file, and say why in your own words."]
            remedy += ["exclude:", f"  {dataset}:", *pasted]
        found = f"{len(films)} of {total} films that cannot be used"
        super().__init__(dataset, found, "a film and its lungs under each name", "\n".join(remedy))


def quoted(reason: str) -> str:
    """A reason as YAML reads it, not longer than a configuration takes."""
    return json.dumps(one_line(reason)[:MOST_REASON], ensure_ascii=False)


def one_line(text: str) -> str:
    """A text that cannot pose as another line of a message."""
    return plain(text, kept="")


@dataclass(frozen=True)
class Dataset:
    """A data set: where it comes from, what it holds, how it is read.

    Args:
        name: One lower-case word.
        title: What it is, for people.
        archives: The files it comes in.
        films: Names of those that are used.
        unused: How many are not.
        citation: What to cite.
        licence: What one may do with it.
        pages: Where to read about it.
        read: Yields its films out of the folder with its archives.
    """

    name: str
    title: str
    archives: tuple[Archive, ...]
    films: tuple[str, ...]
    unused: int
    citation: str
    licence: str
    pages: tuple[str, ...]
    read: Read

    @property
    def images(self) -> int:
        """How many films are used."""
        return len(self.films)


@dataclass(frozen=True)
class OpenArchive:
    """A zip file whose members are read into memory, never unpacked."""

    path: Path
    zip: ZipFile
    left_out: Collection[str] = ()

    def find(self, pattern: str) -> dict[str, str]:
        """Image id -> member, for the members whose path ends as the pattern says; its first group is the id.

        Raises:
            InputError: Two members have the same id, which is not left out.
        """
        found: dict[str, str] = {}
        for member in self.zip.namelist():
            path = PurePosixPath(member.replace("\\", "/"))  # some packers write the other stroke
            match = re.search(rf"{pattern}$", str(path), re.IGNORECASE)
            if match is None or "__MACOSX" in path.parts or path.name.startswith("._"):
                continue
            if match[1] in found and match[1] not in self.left_out:
                raise InputError(self.path, f"two files for {match[1]}: {found[match[1]]}, {member}", "one", AGAIN)
            found[match[1]] = member
        return found

    def read(self, member: str) -> bytes:
        """A member's bytes.

        Raises:
            InputError: They are damaged.
        """
        try:
            return self.zip.read(member)
        except (BadZipFile, EOFError, zlib.error, NotImplementedError, RuntimeError, OSError) as error:
            found = f"damaged bytes ({error})"
            raise InputError(self.where(member), found, "a file with its checksum", AGAIN) from error

    def read_mask(self, member: str) -> Bool[np.ndarray, "height width"]:
        """A member decoded as a mask, by `lungs_of`."""
        return lungs_of(decode_grey(self.read(member), self.where(member)), self.where(member))

    def where(self, member: str) -> str:
        """How messages name a member."""
        return f"{self.path}, {member}"


def decode_grey(content: bytes, where: str) -> UInt8[np.ndarray, "height width"]:
    """Decode an image file as grey.

    Args:
        content: The file's bytes.
        where: Archive and member, for the message.

    Raises:
        InputError: It is no image of one of `FORMATS`, too large, or has more than 8 bits.
    """
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            refuse_large(image.height, image.width, where)
            if image.mode not in ("1", "L", "LA", "P", "RGB", "RGBA"):
                raise InputError(where, f"pixels of mode {image.mode}", "8 bits per channel", AGAIN)
            return np.asarray(image.convert("L"))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise InputError(where, "a picture too large to be a film", f"at most {MOST_SIDE} px a side", AGAIN) from error
    except (OSError, SyntaxError, ValueError, MemoryError, struct.error, zlib.error) as error:
        reason = str(error).partition(" <")[0]
        expected = f"a readable image ({', '.join(FORMATS)})"
        raise InputError(where, f"no image that decodes ({reason})", expected, AGAIN) from error


def lungs_of(grey: UInt8[np.ndarray, "height width"], where: str) -> Bool[np.ndarray, "height width"]:
    """A picture as a mask: lung is what is brighter than half of its brightest pixel, as in a mask with soft edges.

    Values up to `MOST_LABELS` are labels and no greys: 0 is background, one or two others are the lungs. So they are
    with greater values too (0, 127, 255), wherever the lungs lie, where the darker shade is a lung beside the brighter
    one and not its edge (`_other_lung`), or half of the brightest would leave a side of the film without lung.

    Args:
        grey: The picture.
        where: Archive and member, for the message.

    Raises:
        InputError: It has more labels than a background and two lungs, or soft edges between two labels: how dark a
            pixel of an edge is would not say whose it is.
    """
    values = np.flatnonzero(Image.fromarray(grey).histogram())  # np.unique would sort every pixel
    top, few = int(values[-1]), len(values) <= 1 + LUNGS
    if top <= MOST_LABELS:
        if not few:
            found = f"the labels {', '.join(map(str, values))}"
            raise InputError(where, found, "0 for the background and one or two labels, the lungs'", AGAIN)
        return np.greater(grey, 0)
    upper = np.greater(grey, top // 2)
    if len(values) <= 2:  # black and white
        return upper
    if few:
        labels = np.greater(grey, values[0])
        beside = _other_lung(labels & ~upper, upper) or min(_halves(upper)) == 0 < min(_halves(labels))
        return labels if beside else upper
    bright = np.greater(grey, int(DARKER[1] * top))
    darker = np.greater(grey, int(DARKER[0] * top)) & ~bright
    if _share(darker & ~upper) >= LEAST_HALF and _other_lung(darker, bright):
        found = f"{darker.mean():.0%} of its pixels at about {np.median(grey[darker]):.0f} beside {bright.mean():.0%}"
        expected = "0 and one or two other values, without soft edges between two labels"
        raise InputError(where, f"{found} that are brighter, and other greys", expected, AGAIN)
    return upper


def _other_lung(darker: Bool[np.ndarray, "height width"], brighter: Bool[np.ndarray, "height width"]) -> bool:
    """Whether a darker shade is a lung of its own: large enough, not the edge of what is brighter, and beside it.

    An edge lies within two pixels of what is brighter, or all around it; so does a heart between two lungs.
    """
    if _share(darker) < LEAST_HALF:
        return False
    near = np.asarray(Image.fromarray(brighter.astype(np.uint8)).filter(ImageFilter.MaxFilter(5))) > 0
    if near[darker].mean() > MOST_EDGE:
        return False
    if _share(brighter) < LEAST_HALF:
        return True
    step = max(1, max(darker.shape) // SAMPLE)
    places = [np.argwhere(one[::step, ::step]) for one in (darker, brighter)]
    if not all(map(len, places)):
        return False
    ours, theirs = (one.mean(axis=0) for one in places)
    for place, own, other in ((places[0], ours, theirs), (places[1], theirs, ours)):
        nearer = np.square(place - own).sum(axis=1) < np.square(place - other).sum(axis=1)
        if nearer.mean() < LEAST_ASIDE:
            return False
    return True


def _halves(mask: Bool[np.ndarray, "height width"]) -> tuple[float, float]:
    """Share of the film that is lung left and right of its middle."""
    middle = mask.shape[1] // 2
    left = np.count_nonzero(mask[:, :middle])
    return left / mask.size, (np.count_nonzero(mask) - left) / mask.size


def _share(mask: Bool[np.ndarray, "height width"]) -> float:
    """Of a film's pixels; counting takes less time than a mean."""
    return np.count_nonzero(mask) / mask.size


def refuse_large(height: int, width: int, where: str, remedy: str = AGAIN) -> None:
    """Refuse a picture that is larger than films are, before it is decoded.

    Args:
        height: In px.
        width: In px.
        where: Archive and member, for the message.
        remedy: What helps.

    Raises:
        InputError: A side is longer than `MOST_SIDE`.
    """
    if max(height, width) > MOST_SIDE:
        raise InputError(where, f"{height} x {width} px", f"at most {MOST_SIDE} px a side", remedy)


@contextmanager
def open_archive(path: Path, left_out: Collection[str] = ()) -> Iterator[OpenArchive]:
    """Open a zip file for reading.

    Args:
        path: The file.
        left_out: Ids of films that are not read, and about which nothing is asked.

    Raises:
        InputError: It is absent, cut short, no zip file, or a member is none that a data set has (`lungseg.zips`).
    """
    if not path.is_file():
        raise InputError(path, missing(path), "an archive", f"Get it: lungseg data fetch {path.parent.name}")
    with open_zip(path, FILMS, AGAIN) as file:
        yield OpenArchive(path, file, left_out)


def expect_ids(archive: OpenArchive, what: str, found: Iterable[str], expected: Iterable[str]) -> None:
    """Check that an archive holds the files that it is published with, but for a few.

    A few that are missing are each told as a film that cannot be used (`needed`), and can be left out.

    Raises:
        InputError: Names the first of many that are missing, or of those that nobody knows.
    """
    found, expected = set(found), set(expected)
    missing = sorted(expected - found - set(archive.left_out))
    if len(missing) > FEW:
        said = f"{len(found & expected)} {what}, without {first_of(missing)}"
        raise InputError(archive.path, said, f"all {len(expected)}", AGAIN)
    if extra := sorted(found - expected):
        said = f"{len(found)} {what}, {first_of(extra)} among them"
        raise InputError(archive.path, said, f"the {len(expected)} that are published", AGAIN)


def needed(archive: OpenArchive, what: str, found: Mapping[str, str], image_id: str) -> str:
    """The member of a film.

    Raises:
        InputError: The archive has none.
    """
    if image_id not in found:
        raise InputError(archive.path, f"no file of {image_id} among its {what}", "one for each film", AGAIN)
    return found[image_id]


def first_of(ids: list[str]) -> str:
    """Three of some names at most, and how many more there are."""
    return ", ".join(ids[:3]) + (f" and {len(ids) - 3} more" if len(ids) > 3 else "")


def outlined(
    where: str,
    image: UInt8[np.ndarray, "height width"],
    mask: Bool[np.ndarray, "rows columns"],
) -> Bool[np.ndarray, "height width"]:
    """The mask, once it is known to belong to the image.

    Args:
        where: Archive and member of the mask.
        image: The film.
        mask: Its lungs.

    Raises:
        InputError: The mask is empty or of another size.
    """
    if mask.shape != image.shape:
        found, expected = (f"{shape[0]} x {shape[1]} pixels" for shape in (mask.shape, image.shape))
        raise InputError(where, found, f"{expected} as its film has", AGAIN)
    if not mask.any():
        raise InputError(where, "an empty mask", "an outline of the lungs", AGAIN)
    return mask


def pair(where: str, mask: Bool[np.ndarray, "height width"]) -> Bool[np.ndarray, "height width"]:
    """The mask, once it can be a pair of lungs: some on either half of the film, not the whole film, nor its border.

    Those of Montgomery, Shenzhen and JSRT cover 8 to 46 % of their films, the lesser half 3.6 % or more.

    Args:
        where: Archive and member of the mask.
        mask: Both lungs.

    Raises:
        InputError: It cannot.
    """
    halves = _halves(mask)
    if min(halves) < LEAST_HALF or sum(halves) > MOST_LUNG:
        found = f"lungs on {halves[0]:.1%} of the film left of its middle and {halves[1]:.1%} right of it"
        raise InputError(where, found, f"at least {LEAST_HALF:.0%} on each side, at most {MOST_LUNG:.0%} in all", AGAIN)
    return no_background(where, mask)


def no_background(where: str, mask: Bool[np.ndarray, "height width"]) -> Bool[np.ndarray, "height width"]:
    """The mask, once it can be lungs, one or both: not nearly the whole film, nor its border.

    Args:
        where: Archive and member of the mask.
        mask: A lung, or both.

    Raises:
        InputError: It cannot.
    """
    if (share := _share(mask)) > MOST_LUNG:
        raise InputError(where, f"lungs on {share:.0%} of the film", f"at most {MOST_LUNG:.0%}", AGAIN)
    border = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
    if border.mean() > MOST_BORDER:
        found = f"lungs on {border.mean():.0%} of the film's border, as in a mask whose lungs are dark"
        raise InputError(where, found, f"at most {MOST_BORDER:.0%}", AGAIN)
    return mask


def sha256(content: bytes) -> str:
    """Hash of a file's bytes as hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def readable(
    dataset: str,
    load: Callable[[str], Radiograph | Unused],
    ids: Sequence[str],
    exclude: Mapping[str, str],
    threads: int | None = None,
) -> Iterator[Radiograph | Unused]:
    """Read films on several cores, in the order of their names, and tell of the bad ones when all have been looked at.

    Args:
        dataset: Their data set.
        load: Reads a film by its id; InputError if it cannot be used.
        ids: Of all films.
        exclude: Films that are not looked at, with the reason.
        threads: As in `in_order`.

    Raises:
        BadFilms: At the end, if some cannot be used.
    """

    def look(image_id: str) -> Radiograph | Unused | InputError:
        try:
            return Unused(image_id, exclude[image_id]) if image_id in exclude else load(image_id)
        except InputError as error:
            return error

    bad: dict[str, InputError] = {}
    for image_id, film in zip(ids, in_order(look, ids, threads), strict=True):
        if isinstance(film, InputError):
            bad[image_id] = film
        else:
            yield film
    if bad:
        raise BadFilms(dataset, bad, len(ids))


def in_order(function: Callable[[A], B], items: Iterable[A], threads: int | None = None) -> Iterator[B]:
    """Apply a function on several cores; results keep the items' order and only a few wait in memory.

    Args:
        function: What to do with each.
        items: Taken as they are needed.
        threads: At a time; None for all cores that this process may use, up to `MOST_THREADS`.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = min(cores, MOST_THREADS) if threads is None else threads
    waiting: deque[Future[B]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) > threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
