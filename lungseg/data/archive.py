"""Getting an archive, whole and of known origin, from a folder or an address."""

import json
import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePosixPath
from zipfile import is_zipfile

import pooch
from requests.exceptions import RequestException

from lungseg.errors import InputError
from lungseg.files import AGAIN, file_hash, read_json, replacing
from lungseg.outside import TEXT, bounded
from lungseg.zips import FILMS, open_zip

SUMS, RECORD = "SHA256SUMS", "archives.json"
VOUCHED = f"vouched by {SUMS}"
RETRIES = 2  # per address, after the first try
TIMEOUT_SECONDS = 30.0  # without a single byte
CHUNK_BYTES = 2**20


@dataclass(frozen=True)
class Archive:
    """A file as its publisher offers it.

    Args:
        name: Its official name.
        page: Where a person reads about it.
        urls: Its official address, then mirrors; empty where a person has to log in.
        sha256: The official file's hash, where one is known.
        md5: The same, for publishers who give only this one.
        obtain: What a person does to get a file that has no address, as a sentence.
        instead: Another archive with the same content.
        holds: Patterns of the ends of members' paths, each with one group and the least number of names that it must
            find: by these a zip file is known under any name.
    """

    name: str
    page: str
    urls: tuple[str, ...] = ()
    sha256: str | None = None
    md5: str | None = None
    obtain: str | None = None
    instead: "Archive | None" = None
    holds: tuple[tuple[str, int], ...] = ()

    def choices(self) -> Iterator["Archive"]:
        """This archive, then those that serve instead of it."""
        yield self
        if self.instead is not None:
            yield from self.instead.choices()

    def brought(self, folder: Path) -> bool:
        """Whether it lies in the folder of its data set, with the note of where it came from."""
        return (folder / self.name).is_file() and (folder / f"{self.name}.json").is_file()

    def held(self, folder: Path) -> Path | None:
        """The file of a folder that is known to be this archive by what it holds."""
        files = _zips(folder) if self.holds else []
        return next((path for path in files if _holds(path, self.holds)), None)


def _zips(folder: Path) -> list[Path]:
    there = folder.iterdir() if folder.is_dir() else ()
    return sorted(path for path in there if path.suffix.lower() == ".zip" and path.is_file())


def _holds(path: Path, patterns: Iterable[tuple[str, int]]) -> bool:
    """Whether a zip file has enough of each kind of member; what is no such file holds nothing."""
    try:
        with open_zip(path, FILMS, AGAIN) as file:
            names = [str(PurePosixPath(name.replace("\\", "/"))) for name in file.namelist()]
    except InputError:
        return False
    ends = ((re.compile(rf"(?:^|/){pattern}$", re.IGNORECASE), least) for pattern, least in patterns)
    return all(len({match[1] for name in names if (match := end.search(name))}) >= least for end, least in ends)


def offered_file(archive: Archive, offered: Path, folder: Path) -> tuple[Archive, Path] | None:
    """Which file of a folder of archives is to be taken for an archive.

    One with an official name comes before one that is known by what it holds; and that is not taken where an archive
    with an official name was brought before.

    Args:
        archive: What is wanted.
        offered: The folder of already downloaded archives.
        folder: Where archives of this data set are brought to.
    """
    named = [choice for choice in archive.choices() if not choice.holds]
    for choice in named:
        if (offered / choice.name).is_file():
            return choice, offered / choice.name
    if any(choice.brought(folder) for choice in named):
        return None
    return next(((choice, path) for choice in archive.choices() if (path := choice.held(offered)) is not None), None)


def unreadable(folder: Path) -> list[str]:
    """What is said of zip files in a folder of archives that cannot be opened: one of them may be what is missed."""
    told = []
    for path in _zips(folder):
        try:
            open_zip(path, FILMS, AGAIN).close()
        except InputError as error:
            told.append(f"{error.where} is there and cannot be opened: {error.found}.")
    return told


@dataclass(frozen=True)
class Obtained:
    """An archive that lies in a folder, and what is known of it; one entry of archives.json.

    Args:
        archive: File name.
        sha256: Of the file as it is.
        bytes: Its length.
        source: `official`, a mirror's address, `vouched by SHA256SUMS`, or `unverified`.
        official: Whether it has the official hash; None where no official hash is known.
    """

    archive: str
    sha256: str
    bytes: int
    source: str
    official: bool | None


def fetch_all(archives: tuple[Archive, ...], folder: Path, offered: Path | None) -> list[Obtained]:
    """Fetch every archive and write `archives.json` beside them; what already lies there whole is kept.

    Raises:
        InputError: One of them cannot be had, or is not what it should be.
    """
    obtained = list(dict.fromkeys(fetch(archive, folder, offered) for archive in archives))  # one may serve as two
    with replacing(folder / RECORD) as path:
        path.write_text(json.dumps([asdict(entry) for entry in obtained], indent=2) + "\n", encoding="utf-8")
    return obtained


def read_record(folder: Path, archives: tuple[Archive, ...], whole: bool = False) -> list[Obtained]:
    """What archives.json says of the archives of a data set, as far as it can be believed.

    Args:
        folder: With the record.
        archives: Of the data set.
        whole: Whether each archive that lies there is to be read and compared with its hash.

    Raises:
        InputError: The record is damaged or of other archives, or an archive is not the recorded one.
    """
    path, found = folder / RECORD, []
    for entry in read_json(path, list):
        try:
            note = Obtained(**entry)
            archive = next(one for first in archives for one in first.choices() if one.name == note.archive)
        except (TypeError, StopIteration) as error:
            expected = f"entries of {', '.join(one.name for one in archives)}"
            raise InputError(path, f"{entry!r}"[:120], expected, AGAIN) from error
        if whole:
            here = folder / note.archive
            sha256 = file_hash(here) if here.is_file() else "no such file"
            if sha256 != note.sha256:
                remedy = f"Fetch it again: lungseg data fetch {folder.name}"
                raise InputError(here, sha256, f"sha256 {note.sha256} as {path} says", remedy)
        found.append(_judged(note, archive, folder))
    return found


def _judged(note: Obtained, archive: Archive, folder: Path) -> Obtained:
    """A note with what the publisher's hash says; where no hash is known, nothing is official."""
    official = note.official if archive.md5 is not None else None
    if archive.sha256 is not None:
        official = note.sha256 == archive.sha256
    elif archive.md5 is not None and (folder / archive.name).is_file():
        official = file_hash(folder / archive.name, "md5") == archive.md5
    return replace(note, official=official)


def recorded_choice(archive: Archive, folder: Path) -> Archive:
    """Of an archive and those that serve instead of it the one that archives.json names; without it, any there."""
    names = _recorded_names(folder)
    choices = list(archive.choices())
    there = [one for one in choices if one.name in names] or [one for one in choices if (folder / one.name).is_file()]
    return (there or choices)[0]


def _recorded_names(folder: Path) -> set[str]:
    path = folder / RECORD
    entries = read_json(path, list) if path.is_file() else []
    return {str(entry.get("archive")) for entry in entries if isinstance(entry, dict)}


def fetch(archive: Archive, folder: Path, offered: Path | None = None) -> Obtained:
    """Bring an archive into a folder; nothing but the whole file ever bears its name there.

    Args:
        archive: What to bring.
        folder: Where to; it is made.
        offered: Folder of already downloaded archives, looked at first. A SHA256SUMS file in it vouches for
            its archives; without one the official hash decides.

    Raises:
        InputError: No address answers, an account is needed, a file has another hash than it should have, or the folder
            is a file.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(folder, "a file", "a folder", "Move it away, or choose another folder.")
    folder.mkdir(parents=True, exist_ok=True)
    _sweep(archive, folder)
    if offered is not None and (taken := offered_file(archive, offered, folder)) is not None:
        return _record(_copy(taken[0], folder, taken[1]), folder)
    recorded = recorded_choice(archive, folder)  # of two that are there it is the one that was read so far
    for choice in (recorded, *archive.choices()):
        if (kept := _kept(choice, folder)) is not None:
            return kept
    failures: list[str] = []
    for choice in archive.choices():
        for url in choice.urls:
            if (failure := _download(choice, url, folder)) is None:
                return _record(_downloaded(choice, url, folder), folder)
            failures.append(f"{url} ({failure})")
    raise _unobtainable(archive, offered, failures)


def read_sums(path: Path) -> dict[str, str]:
    """File name, without its folder -> SHA-256 of a file as `sha256sum` writes it.

    Raises:
        InputError: A line is not a hash and a name, a name has two hashes, or the file is no text.
    """
    sums: dict[str, str] = {}
    try:
        lines = bounded(path, TEXT).read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(path, "bytes that are no UTF-8", "hashes and file names", "Write it anew.") from error
    for number, line in enumerate(lines, 1):
        digest, _, name = line.strip().partition(" ")
        if len(digest) != 64 or not name:
            remedy = f"Write it anew: cd {path.parent} && sha256sum *.zip > {SUMS}"
            raise InputError(f"{path} line {number}", repr(line), "a SHA-256 hash, two spaces, a file name", remedy)
        name = PurePosixPath(name.strip().removeprefix("*").replace("\\", "/")).name  # ./NAME and FOLDER/NAME are NAME
        if sums.setdefault(name, digest.lower()) != digest.lower():
            raise InputError(f"{path} line {number}", f"a second hash of {name}", "one", "Remove the wrong one.")
    return sums


def _sweep(archive: Archive, folder: Path) -> None:
    """Remove what a killed job left half-made."""
    for choice in archive.choices():
        for part in folder.glob(f".{choice.name}*.part"):
            shutil.rmtree(part) if part.is_dir() else part.unlink()


def _copy(archive: Archive, folder: Path, path: Path) -> Obtained:
    """Judge an offered file and copy it, unless the same file already lies in the folder."""
    target, sums = folder / archive.name, path.with_name(SUMS)
    found = file_hash(path)
    vouched = read_sums(sums).get(path.name) if sums.is_file() else None
    if vouched not in (None, found):
        expected = f"sha256 {vouched}, as {sums} says"
        remedy = f"It is incomplete or changed: get it again, see {archive.page}"
        raise InputError(path, f"sha256 {found}", expected, remedy)
    official = _is_official(archive, path, found)
    if vouched is None and official is False:
        expected = f"the official {'sha256 ' + archive.sha256 if archive.sha256 else f'md5 {archive.md5}'}"
        remedy = f"Get it again from {archive.page}, or vouch for it with a {SUMS} file beside it."
        raise InputError(path, f"sha256 {found}", expected, remedy)
    if not target.is_file() or file_hash(target) != found:
        with replacing(target) as part, path.open("rb") as source, part.open("wb") as copy:
            shutil.copyfileobj(source, copy, CHUNK_BYTES)
    origin = VOUCHED if vouched else "official" if official else "unverified"
    return Obtained(archive.name, found, path.stat().st_size, origin, official)


def _is_official(archive: Archive, path: Path, sha256: str) -> bool | None:
    """Whether a file is the publisher's, None where the publisher's hash is not known."""
    if archive.sha256 is not None:
        return sha256 == archive.sha256
    return file_hash(path, "md5") == archive.md5 if archive.md5 is not None else None


def _record(obtained: Obtained, folder: Path) -> Obtained:
    """Note beside an archive what is known of it, so that it is kept even when archives.json is gone."""
    with replacing(folder / f"{obtained.archive}.json") as path:
        path.write_text(json.dumps(asdict(obtained), indent=2) + "\n", encoding="utf-8")
    return obtained


def _kept(archive: Archive, folder: Path) -> Obtained | None:
    """What was noted of an archive that lies in the folder unchanged, or None."""
    try:
        note = Obtained(**json.loads((folder / f"{archive.name}.json").read_text(encoding="utf-8")))
        if file_hash(folder / archive.name) != note.sha256:
            return None
        judged = _judged(note, archive, folder)
        foreign = judged.official is False and note.source != VOUCHED  # it says so, and the publisher's hash does not
        return None if foreign or note.source not in (VOUCHED, "official", "unverified", *archive.urls) else judged
    except (FileNotFoundError, ValueError, TypeError):
        return None


def _download(archive: Archive, url: str, folder: Path) -> str | None:
    """Download to a hidden folder, check, then move; returns why it failed, or None."""
    known = f"sha256:{archive.sha256}" if archive.sha256 else f"md5:{archive.md5}" if archive.md5 else None
    partial = folder / f".{archive.name}.part"
    client = pooch.create(
        path=partial,
        base_url="",
        registry={archive.name: known},
        urls={archive.name: url},
        retry_if_failed=RETRIES,
    )
    try:
        client.fetch(archive.name, downloader=_download_zip)
        (partial / archive.name).replace(folder / archive.name)
    except (RequestException, ValueError) as error:
        return _reason(error)
    except OSError as error:  # the disk is full, for example; the system does not say where
        raise OSError(error.errno, error.strerror, str(folder / archive.name)) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return None


def _download_zip(url: str, path: str, client: pooch.Pooch) -> None:
    """Download with a progress bar; a page with a form in the place of an archive is no archive."""
    pooch.HTTPDownloader(progressbar=True, chunk_size=CHUNK_BYTES, timeout=TIMEOUT_SECONDS)(url, path, client)
    if not is_zipfile(path):
        raise ValueError("what it sends is not a whole zip file")


def _reason(error: Exception) -> str:
    """Why a download failed, in a few words."""
    text = str(error)
    for sign, words in {
        "Failed to resolve": "no such host, or no network",
        "refused": "connection refused",
        "unreachable": "network unreachable",
        "imed out": "timed out",
        "IncompleteRead": "broke off midway",
        "roken": "broke off midway",
        "hash of downloaded file": "sent a file with another hash than the official one",
    }.items():
        if sign in text:
            return words
    return text.splitlines()[0].partition(" for url")[0]


def _downloaded(archive: Archive, url: str, folder: Path) -> Obtained:
    path = folder / archive.name
    source = "official" if url == archive.urls[0] else url
    official = True if archive.sha256 or archive.md5 else None
    return Obtained(archive.name, file_hash(path), path.stat().st_size, source, official)


def _unobtainable(archive: Archive, offered: Path | None, failures: list[str]) -> InputError:
    """What to tell when an archive is neither in the folder of archives nor to be had from an address."""
    place = offered if offered is not None else Path("archives")
    names = " or ".join(choice.name for choice in archive.choices())
    tried = f", and no address that sends it: {'; '.join(failures)}" if failures else ""
    by_hand = " Or: ".join(
        choice.obtain or f"Download {choice.name} from {choice.urls[0]} on a machine with a network, see {choice.page}."
        for choice in archive.choices()
    )
    found = f"no such file{tried}"
    remedy = " ".join([f"{by_hand} Then put the file, under that name, into {place}/.", *unreadable(place)])
    return InputError(place / archive.name, found, names, remedy)
