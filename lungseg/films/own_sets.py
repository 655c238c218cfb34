"""Data sets of one's own: films and masks in folders or zip archives, paired by their names, with tables about them.

Nothing is copied: films are read where they lie. What the files were is remembered as hashes, and compared before they
are read, so that a changed film is made anew and never mixed with what was made of the old one.
"""

import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path, PurePosixPath

import numpy as np

from lungseg.data.archive import RECORD, Archive, Obtained, read_record
from lungseg.data.datasets import dataset
from lungseg.data.films import PARTS
from lungseg.data.reading import (
    AGAIN,
    NOTHING,
    Dataset,
    OpenArchive,
    Radiograph,
    Unused,
    first_of,
    outlined,
    pair,
    readable,
    sha256,
)
from lungseg.errors import InputError
from lungseg.files import file_hash, read_rows, replacing
from lungseg.films.dicom import is_dicom
from lungseg.films.film import Film
from lungseg.films.grey import one_shade
from lungseg.films.masks import lungs_in, read_greys
from lungseg.films.pictures import TURNED
from lungseg.films.reading import DICOM, LARGEST, PICTURES, files_below, read_film, unwarned
from lungseg.outside import TABLE, bounded, missing
from lungseg.own import SIDES, TABLES, Own
from lungseg.shapes import Bool
from lungseg.zips import FILMS, open_zip

MEND = "Mend the file."
PATHS = "Correct the path in the configuration file; it counts from the folder in which the command is given."
WHOLE = "Complete the table, or correct it."
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
VALUES = {"abnormal": ("0", "1"), "split": PARTS}
SOURCE = "of one's own"
SQUARE = 0.01  # sides of a pixel that differ by a smaller share are one
# What archives.json of a data set of one's own may tell of, by the keys of the configuration.
OWN_ARCHIVES = tuple(
    Archive(key, page="") for key in ("images", "masks", *(f"masks.{side}" for side in SIDES), *TABLES)
)
HashOf = Callable[[Path], str]


@dataclass(frozen=True)
class Store:
    """A folder or a zip archive, open for reading.

    Args:
        path: Where it lies.
        names: Of the files in it, from there, sorted; hidden ones are left out.
        zip: None of a folder.
    """

    path: Path
    names: tuple[str, ...]
    zip: OpenArchive | None = None

    def read(self, name: str) -> bytes:
        """A file's bytes.

        Raises:
            InputError: They are damaged, or too many.
        """
        return self.zip.read(name) if self.zip else bounded(self.path / name, LARGEST).read_bytes()

    def begin(self, name: str) -> bytes:
        """What a DICOM file is known by.

        Raises:
            InputError: The file cannot be read.
        """
        try:
            with self.zip.zip.open(name) if self.zip else (self.path / name).open("rb") as stream:
                return stream.read(132)
        except OSError as error:
            found = f"a file that cannot be read ({error.strerror or type(error).__name__})"
            expected, remedy = "one that can be, as it may be a film", "Change its permissions, or move it away."
            raise InputError(self.where(name), found, expected, remedy) from error

    def where(self, name: str) -> str:
        """How messages name a file."""
        return self.zip.where(name) if self.zip else str(self.path / name)


@contextmanager
def _opened(path: str, key: str) -> Iterator[Store]:
    """A folder or zip archive that a key of the configuration names."""
    place = Path(path)
    if place.is_dir():
        names = [file.relative_to(place).as_posix() for file in files_below(place) if file.is_file()]
        yield Store(place, _seen(names))
    elif place.is_file():
        with open_zip(place, FILMS, "Pack it again, or give a folder.") as file:
            names = [name for name in file.namelist() if not name.endswith("/")]
            yield Store(place, _seen(names), OpenArchive(place, file))
    else:
        raise InputError(f"config key {key}", f"{path}, which is not there", "a folder or a zip archive", PATHS)


def _seen(names: list[str]) -> tuple[str, ...]:
    """The names of files that a person sees."""
    parts = {name: PurePosixPath(name.replace("\\", "/")).parts for name in names}
    return tuple(sorted(n for n in names if "__MACOSX" not in parts[n] and not any(p[0] == "." for p in parts[n])))


@dataclass(frozen=True)
class Catalogue:
    """What lies in the places of a data set.

    Args:
        films: Film's name to its file, sorted.
        masks: Key of the configuration (`masks`, or `masks.left` and `masks.right`) to the same for masks.
        tables: Key to film's name to its cell, for each table that is given.
    """

    films: dict[str, str]
    masks: dict[str, dict[str, str]]
    tables: dict[str, dict[str, str]]

    @property
    def used(self) -> tuple[str, ...]:
        """Films with a mask."""
        return tuple(film for film in self.films if any(film in found for found in self.masks.values()))


def _catalogue(name: str, own: Own, films: Store, masks: Mapping[str, Store]) -> Catalogue:
    outlines = {key: _masks_in(f"own.{name}.{key}", store, own.match) for key, store in masks.items()}
    names = _no_masks(films, [(masks[key], of.values()) for key, of in outlines.items()])
    found = _films_in(f"own.{name}.images", replace(films, names=names))
    for key, of in outlines.items():
        if alone := sorted(set(of) - set(found)):
            what = f"{len(alone)} masks without a film: {first_of([of[film] for film in alone])}"
            remedy = f"Correct `match`, which is {own.match}, bring the films, or take the masks away."
            raise InputError(f"config key own.{name}.{key} ({masks[key].path})", what, "a film for each mask", remedy)
    made = Catalogue(found, outlines, {})
    tables = {key: _table(f"own.{name}.{key}", key, Path(path), made) for key, path in own.tables()}
    if "split" in tables and "patients" in tables:
        _refuse_parted(f"config key own.{name}.split ({own.split})", tables["split"], tables["patients"])
    return replace(made, tables=tables)


def _no_masks(films: Store, masks: list[tuple[Store, Collection[str]]]) -> tuple[str, ...]:
    """The files among the films that are no masks, nor lie in a folder of masks, however the places are named.

    A file's one place is where its folder or archive really is; a link to a file is a file of its own.
    """
    real = cache(os.path.realpath)

    def place(store: Store, name: str) -> Path:
        path = store.path / name
        return Path(real(path.parent), path.name)

    drawn = {place(store, name) for store, names in masks for name in names}
    root = Path(real(films.path))
    apart = {Path(real(store.path)) for store, _ in masks} - {root, *root.parents}
    found = {name: place(films, name) for name in films.names}
    return tuple(name for name, path in found.items() if path not in drawn and apart.isdisjoint(path.parents))


def _masks_in(key: str, store: Store, match: str) -> dict[str, str]:
    before, after = map(re.escape, match.split("{id}"))
    named = re.compile(f"{before}(.+){after}", re.IGNORECASE)
    found = [(hit[1], name) for name in store.names if (hit := named.fullmatch(_last(name)))]
    if not found:
        what = f"no {match} among {len(store.names)} files"
        example = f", such as {store.names[0]}" if store.names else ""
        remedy = "Correct `match`: {id} stands for the film's name without its ending."
        raise InputError(f"config key {key} ({store.path})", f"{what}{example}", "a mask for each film", remedy)
    return _each_once(key, store, found)


def _films_in(key: str, store: Store) -> dict[str, str]:
    found = []
    for name in store.names:
        path = PurePosixPath(_last(name))
        if path.suffix.lower() in PICTURES | DICOM:
            found.append((path.stem, name))
        elif is_dicom(store.begin(name)):
            found.append((path.name, name))
    if not found:
        what = f"no film among {len(store.names)} files that are no masks"
        expected = "films as PNG, JPEG, TIFF, GIF or DICOM files"
        raise InputError(f"config key {key} ({store.path})", what, expected, PATHS)
    if strange := [name for film, name in found if not NAME.fullmatch(film)]:
        expected = "names of up to 64 letters, digits, points, hyphens and underscores, a letter or digit first"
        raise InputError(f"config key {key} ({store.path})", first_of(strange), expected, "Rename films and masks.")
    return _each_once(key, store, found)


def _each_once(key: str, store: Store, found: list[tuple[str, str]]) -> dict[str, str]:
    count = Counter(film for film, _ in found)
    if doubled := [name for film, name in found if count[film] > 1]:
        what = f"{len(doubled)} files that share a name: {first_of(doubled)}"
        remedy = f"Rename them, or {'unpack it and ' if store.zip else ''}name the folder in it that is meant."
        raise InputError(f"config key {key} ({store.path})", what, "a name of its own for each", remedy)
    return dict(sorted(found))


def _table(where: str, key: str, path: Path, made: Catalogue) -> dict[str, str]:
    """Film to cell."""
    where = f"config key {where} ({path})"
    if not path.is_file():
        raise InputError(where, missing(path), f"a table with columns image_id, {key}", PATHS)
    rows = read_rows(bounded(path, TABLE), ["image_id", key], WHOLE)
    cells = {row["image_id"]: row[key] for row in rows}
    if len(cells) < len(rows):
        doubled = [film for film, count in Counter(row["image_id"] for row in rows).items() if count > 1]
        raise InputError(where, f"two rows of {first_of(doubled)}", "one row for each film", WHOLE)
    if strange := sorted(set(cells) - set(made.films)):
        expected = f"names of films without their ending, such as {next(iter(made.films))}"
        raise InputError(where, f"{len(strange)} rows of no film: {first_of(strange)}", expected, WHOLE)
    if without := [film for film in made.used if film not in cells]:
        raise InputError(where, f"no row of {first_of(without)}", "one row for each film with a mask", WHOLE)
    for film, cell in cells.items():
        if cell not in VALUES.get(key, (cell,)) or not cell or cell != cell.strip():
            expected = " or ".join(VALUES.get(key, ("a patient's name, no blank before or after it",)))
            raise InputError(where, f"{cell!r} for {film}", expected, WHOLE)
    return cells


def _refuse_parted(where: str, parts: Mapping[str, str], patients: Mapping[str, str]) -> None:
    """All films of a patient are in one part."""
    seen: dict[str, str] = {}
    for film, part in parts.items():
        if seen.setdefault(patients.get(film, ""), part) != part and film in patients:
            other = next(one for one in parts if patients.get(one) == patients[film] and parts[one] != part)
            what = f"{film} in {part} and {other} in {parts[other]}, of patient {patients[film]}"
            raise InputError(where, what, "all films of a patient in one part", WHOLE)


def _last(name: str) -> str:
    return PurePosixPath(name.replace("\\", "/")).name  # some packers write the other stroke


@contextmanager
def _open_all(name: str, own: Own) -> Iterator[tuple[Store, dict[str, Store]]]:
    with ExitStack() as stack:
        films = stack.enter_context(_opened(own.images, f"own.{name}.images"))
        places = own.mask_places().items()
        yield films, {key: stack.enter_context(_opened(path, f"own.{name}.{key}")) for key, path in places}


def catalogue(name: str, own: Own) -> Catalogue:
    """Look what there is, without decoding a film.

    Args:
        name: Of the data set.
        own: Where it lies.

    Raises:
        InputError: A place or table is missing, names do not pair, or a table has not what its key says.
    """
    with _open_all(name, own) as (films, masks):
        return _catalogue(name, own, films, masks)


def any_dataset(name: str, own: Own | None) -> Dataset:
    """A data set by its name: one's own where the configuration says what it is, else the package's.

    Raises:
        InputError: As `catalogue`; or there is none of this name.
    """
    if own is None:
        return dataset(name)
    made, chosen = catalogue(name, own), own

    def read(
        folder: Path, exclude: Mapping[str, str] = NOTHING, threads: int | None = None
    ) -> Iterator[Radiograph | Unused]:
        del folder  # films lie where the configuration says
        yield from _read(name, chosen, exclude, threads)

    return Dataset(
        name=name,
        title=f"{name}: a data set of one's own",
        archives=OWN_ARCHIVES,
        films=made.used,
        unused=len(made.films) - len(made.used),
        citation="not said",
        licence="not said",
        pages=(),
        read=read,
    )


def _read(name: str, own: Own, exclude: Mapping[str, str], threads: int | None) -> Iterator[Radiograph | Unused]:
    with _open_all(name, own) as (films, masks):
        made = _catalogue(name, own, films, masks)
        abnormal = made.tables.get("abnormal", {})

        def load(image_id: str) -> Radiograph | Unused:
            if not any(image_id in found for found in made.masks.values()):
                return Unused(image_id, "no mask")
            member = made.films[image_id]
            content = films.read(member)
            film = _film(content, films.where(member))
            mask = _mask(image_id, film, made, masks)
            image, mask = (np.ascontiguousarray(film.turn.upright(one)) for one in (film.grey, mask))
            known = own.spacing_mm or _spacing(film)
            return Radiograph(image_id, image, mask, known, abnormal.get(image_id) == "1", sha256(content))

        def mended(image_id: str) -> Radiograph | Unused:
            try:
                return load(image_id)
            except InputError as error:
                remedy = MEND if error.remedy == AGAIN else error.remedy
                raise InputError(error.where, error.found, error.expected, remedy) from error

        with unwarned():
            yield from readable(name, mended, list(made.films), exclude, threads)


def _film(content: bytes, where: str) -> Film:
    film = read_film(content, Path(where))
    if turned := [warning for warning in film.warnings if warning.startswith(TURNED)]:
        remedy = "Save the film and its mask upright, without EXIF data."
        raise InputError(where, f"a film {turned[0].partition(';')[0]}", "one that lies as its mask does", remedy)
    for finding in film.findings:
        if finding.verdict == "refused":
            raise InputError(where, finding.reason, "a frontal chest film", MEND)
    if shade := one_shade(film.grey):
        raise InputError(where, shade, "a frontal chest film", MEND)
    return film


def _mask(image_id: str, film: Film, made: Catalogue, masks: Mapping[str, Store]) -> Bool[np.ndarray, "height width"]:
    """Both lungs, as they lie on the stored film."""
    whole: Bool[np.ndarray, "height width"] = np.zeros(film.grey.shape, dtype=bool)
    where = ""
    for key, store in masks.items():
        if image_id not in made.masks[key]:
            raise InputError(str(store.path), f"no mask of {image_id}", "one of each lung", MEND)
        member = made.masks[key][image_id]
        where = store.where(member)
        whole |= outlined(where, film.grey, lungs_in(read_greys(store.read(member), where), where))
    pair(where, film.turn.upright(whole))
    return whole


def _spacing(film: Film) -> float | None:
    """The side of a pixel as a DICOM file says it, where pixels are squares."""
    spacing = film.spacing
    if film.kind != "dicom" or spacing is None or abs(spacing.rows - spacing.columns) > SQUARE * spacing.rows:
        return None
    return spacing.rows


def prints(name: str, own: Own, hash_of: HashOf = file_hash) -> list[Obtained]:
    """What the files of a data set are, one entry for each key that names files.

    Args:
        name: Of the data set.
        own: Where it lies.
        hash_of: Gives a file's SHA-256.

    Returns:
        Of an archive or a table its own hash, of a folder that of the lines `sha256  name` of the films or masks in it.

    Raises:
        InputError: As `catalogue`.
    """
    with _open_all(name, own) as (films, masks):
        made = _catalogue(name, own, films, masks)
        listed = {"images": (films, made.films)} | {key: (store, made.masks[key]) for key, store in masks.items()}
        entries = [_print(key, store, sorted(found.values()), hash_of) for key, (store, found) in listed.items()]
    for key, path in own.tables():
        entries.append(Obtained(key, hash_of(Path(path)), Path(path).stat().st_size, SOURCE, None))
    return entries


def _print(key: str, store: Store, names: list[str], hash_of: HashOf) -> Obtained:
    if store.zip:
        return Obtained(key, hash_of(store.path), store.path.stat().st_size, SOURCE, None)
    lines = "".join(f"{hash_of(store.path / name)}  {name}\n" for name in names)
    size = sum((store.path / name).stat().st_size for name in names)
    return Obtained(key, hashlib.sha256(lines.encode(errors="surrogateescape")).hexdigest(), size, SOURCE, None)


def write_record(name: str, own: Own, folder: Path) -> None:
    """Write archives.json of a data set of one's own into its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with replacing(folder / RECORD) as path:
        entries = [asdict(entry) for entry in prints(name, own)]
        path.write_text(json.dumps(entries, indent=2) + "\n", encoding="utf-8")


def expect_record(name: str, own: Own, folder: Path) -> None:
    """The files are those that archives.json tells of.

    Raises:
        InputError: One was changed, added or removed since.
    """
    told = {entry.archive: entry.sha256 for entry in read_record(folder, OWN_ARCHIVES)}
    for entry in prints(name, own):
        if told.get(entry.archive) != entry.sha256:
            where, found = f"own.{name}.{entry.archive}", f"files with sha256 {entry.sha256}"
            remedy = "They were changed while they were in use; give the command again."
            raise InputError(where, found, f"{told.get(entry.archive)}, as {folder / RECORD} says", remedy)


def refuse_shared_names(own: Mapping[str, Dataset], datasets: Iterable[str]) -> None:
    """No film of one's own is called as one of another data set: tables tell films apart by their names.

    Args:
        own: Data sets of one's own by name.
        datasets: All that are used.

    Raises:
        InputError: Two data sets have a film of the same name.
    """
    owner: dict[str, str] = {}
    for name in sorted(datasets, key=lambda name: name in own):
        for film in (own[name] if name in own else dataset(name)).films:
            if (other := owner.setdefault(film, name)) != name:
                found = f"a film {film}, as {other} has"
                raise InputError(f"config key own.{name}", found, "names of its own", "Rename its films and masks.")
