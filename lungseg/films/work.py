"""Many films: read, looked at and written side by side, and gone on with where an earlier call ended."""

import errno
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from lungseg import __version__
from lungseg.data.reading import in_order
from lungseg.errors import InputError
from lungseg.files import file_hash
from lungseg.films.alone import alone
from lungseg.films.drawing import OVERLAY, write_labels, write_overlay
from lungseg.films.former import LOG, TABLE, Former, begin, changed, read_former
from lungseg.films.limits import Limit
from lungseg.films.networks import Model
from lungseg.films.reading import Source, read_bytes, unwarned
from lungseg.films.rows import Row, as_line, write_tables
from lungseg.films.seeing import Choices, Seen, see, since, unreadable
from lungseg.terminal import plain

SEG = ".seg.dcm"
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO})  # trouble of a whole disk


@dataclass(frozen=True)
class Job:
    """All that a call does.

    Args:
        sources: The films.
        out: Folder of results.
        model: What looks at them.
        limits: That are applied.
        choices: The person's.
    """

    sources: Sequence[Source]
    out: Path
    model: Model
    limits: Sequence[Limit]
    choices: Choices

    def head(self) -> dict[str, Any]:
        """What is said of all films together, and must be the same for an earlier call to be gone on with."""
        model = {"name": self.model.name, "version": self.model.version, "sha256": self.model.sha256}
        networks = [network.described for network in self.model.networks]
        model["licence"] = "; ".join(dict.fromkeys(one.licence for one in networks))
        model["trained_on"] = "; ".join(dict.fromkeys(one.trained_on for one in networks))
        choices = asdict(self.choices) | {"frame": [network.described.frame for network in self.model.networks]}
        limits = [asdict(limit) for limit in self.limits]
        return {"lungseg": __version__, "model": model, "choices": choices, "limits": limits}


def segment_all(
    job: Job,
    skip: bool = False,
    overwrite: bool = False,
    threads: int | None = None,
    tell: Callable[[str], object] = str,
) -> Iterator[Row]:
    """Segment films and write what is found of them; the rows come in the order of the films.

    Masks do not depend on how many films are looked at side by side, nor does anything else but `seconds`. The tables
    keep the rows of films that earlier calls did under the same choices, and that this call was not given.

    Args:
        job: What to do.
        skip: Take over what an earlier call of the same model and choices did, film by film.
        overwrite: Forget it.
        threads: Films at a time; None for all cores.
        tell: Gets what a person should know of earlier calls' files, a line at a time.

    Raises:
        InputError: The folder has results, and nobody says what to do with them; or they are of another model; or a
            result would take the place of a film, or of a file that no call made; or another call is at work there.
    """
    job.out.mkdir(parents=True, exist_ok=True)
    with _room(job.out), alone(job.out), unwarned():
        former = read_former(job.out, job.head(), skip, overwrite)
        _spare(job, overwrite)
        log = job.out / LOG
        begun = begin(log, job.head(), overwrite)
        with log.open("a", encoding="utf-8") as stream:
            for done in in_order(lambda source: _done(source, job, former, overwrite), job.sources, threads):
                for line in done.said:
                    tell(f"{done.row.name}: {line}")
                stream.write(as_line(done.row) + "\n")
                stream.flush()
                yield done.row
            for line in _others(job, former, tell):
                stream.write(line + "\n")
        with log.open(encoding="utf-8") as lines:
            lines.seek(begun)
            write_tables(lines, job.head(), job.out, log)
        log.unlink(missing_ok=True)


def _others(job: Job, former: Former, tell: Callable[[str], object]) -> Iterator[str]:
    """Lines of films that this call was not given, and whose files of earlier calls lie there."""
    given = {source.name for source in job.sources}
    for name, row in former.rows.items():
        if name not in given and (row.status != "unreadable" or row.files):
            if lost := [file for file in row.files if not (job.out / file).is_file()]:
                tell(f"{name}: {lost[0]} is gone, and with it the row of an earlier call")
            else:
                yield as_line(row)
    if left := [name for name, files in former.files.items() if files and name not in given | former.rows.keys()]:
        tell(f"{len(left)} films of earlier calls under other choices, such as {left[0]}: files stay, without a row")


def _spare(job: Job, overwrite: bool) -> None:
    """Films are never changed, nor what lies in a folder in which no call has worked."""
    films = {os.path.realpath(source.path) for source in job.sources}
    ours = overwrite or any((job.out / name).is_file() for name in (TABLE, LOG))
    choices = job.choices
    written = {".png": True, OVERLAY: choices.overlay, SEG: choices.dicom_seg}
    names = {f"{source.name}{ending}": is_written for source in job.sources for ending, is_written in written.items()}
    for name, is_written in (names | {"films.csv": True}).items():
        place = job.out / name
        if os.path.realpath(place) in films:
            raise InputError(place, "a film", "another folder for its mask", "Give another --out.")
        if is_written and not ours and os.path.lexists(place):  # which says no of a name that is too long
            remedy = "Give another --out, or --overwrite."
            raise InputError(place, "a file that no call of this command made", "an empty folder", remedy)


@dataclass(frozen=True)
class Done:
    """A film, done.

    Args:
        row: All that is said of it.
        said: What became of earlier calls' files.
    """

    row: Row
    said: tuple[str, ...] = ()


def _done(source: Source, job: Job, former: Former, overwrite: bool) -> Done:
    """A film's row, from an earlier call where its file and all that was written of it are still the same."""
    started = time.perf_counter()
    known = former.files.get(source.name, {})
    said: tuple[str, ...] = ()
    try:
        content = read_bytes(source.path)
    except (InputError, OSError) as problem:
        row = _unreadable(source, problem, job)
        if isinstance(problem, OSError) or not source.path.is_file():  # what it is now, nobody can say
            said = tuple(f"{name} of an earlier call stays" for name in known if (job.out / name).is_file())
            return Done(replace(row, files=known, seconds=since(started)), said)
    else:
        earlier = None if overwrite else former.rows.get(source.name)
        if earlier is not None and earlier.status != "unreadable" and earlier.sha256 == sha256(content).hexdigest():
            if not (apart := changed(earlier, job.out)):
                return Done(earlier)
            said = tuple(f"{name} is {found}, and is made anew" for name, found in apart.items())
        row = _written(see(source, content, job.model, job.limits, job.choices), content, source, job)
    said += tuple(_remove_left(source, row, job, known, overwrite))
    return Done(replace(row, seconds=since(started)), said)


def _unreadable(source: Source, error: InputError | OSError, job: Job) -> Row:
    if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
        found = f"a name of {len(source.path.name)} characters"
        error = InputError(source.path, found, "a shorter one, as its results have longer ones", "Rename it.")
    return replace(unreadable(source, error), model=job.model.name, version=job.model.version)


def _remove_left(source: Source, row: Row, job: Job, known: Mapping[str, str], overwrite: bool) -> Iterator[str]:
    """Remove what an earlier call wrote of a film and this one did not: it is of other pixels, or of other choices."""
    for name in (f"{source.name}{ending}" for ending in (".png", OVERLAY, SEG)):
        place = job.out / name
        if name in row.files or name not in known or not place.is_file():
            continue
        try:
            if not overwrite and file_hash(place) != known[name]:
                yield f"{name} is of an earlier call and was changed since: it stays, without a row"
                continue
            place.unlink()
            yield f"{name} of an earlier call is removed"
        except OSError as error:
            yield f"{name} of an earlier call cannot be removed ({error.strerror})"


def _written(seen: Seen, content: bytes, source: Source, job: Job) -> Row:
    """Write what was found of a film, as the person chose; all of it, or nothing.

    Raises:
        OSError: There is no room for this film, nor for any other.
    """
    if seen.film is None or seen.labels is None:
        return seen.row
    name, files, warned = seen.row.mask, dict[str, str](), seen.row.warnings
    try:
        write_labels(seen.labels, job.out / name)
        files[name] = file_hash(job.out / name)
        if job.choices.overlay:
            name = f"{source.name}{OVERLAY}"
            write_overlay(seen.film.grey, seen.labels, job.out / name)
            files[name] = file_hash(job.out / name)
        if job.choices.dicom_seg and seen.film.kind == "dicom":
            name = f"{source.name}{SEG}"
            if missed := _seg(content, source, seen.labels, job):
                warned += missed
            else:
                files[name] = file_hash(job.out / name)
    except (InputError, OSError) as problem:
        for written in files:
            (job.out / written).unlink(missing_ok=True)
        if isinstance(problem, OSError) and problem.errno in NO_ROOM:
            raise
        return _unwritten(seen.row, name, problem)
    return replace(seen.row, warnings=warned, files=files)


def _unwritten(row: Row, name: str, error: InputError | OSError) -> Row:
    """The row of a film that was looked at, and whose results have no place."""
    found = error.found if isinstance(error, InputError) else error.strerror or type(error).__name__
    why = f"its results cannot be written: found {found} at {name}, expected a place that can be written"
    if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
        why = (
            f"its results cannot be written: found a name of {len(Path(name).name)} characters, expected a shorter one"
        )
    made = Row(row.name, "unreadable", (plain(why, kept=""),), ("certain",))
    return replace(made, model=row.model, version=row.version, sha256=row.sha256)


@contextmanager
def _room(out: Path) -> Iterator[None]:
    """A disk that is full is told as such."""
    try:
        yield
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        remedy = "Make room, and give the command again, with --skip-existing for --overwrite: what is done stays."
        raise InputError(out, error.strerror or "no room", "room for masks and tables", remedy) from error


def _seg(content: bytes, source: Source, labels: np.ndarray, job: Job) -> tuple[str, ...]:
    """Write a DICOM segmentation; a warning where there can be none."""
    from lungseg.films.dicom_seg import write_seg

    try:
        write_seg(content, source.path, labels, job.out / f"{source.name}{SEG}", job.model)
    except InputError as error:
        return (f"no DICOM segmentation: {error.found}",)
    return ()
