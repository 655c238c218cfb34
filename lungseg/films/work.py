"""Many films: read, looked at and written side by side, and gone on with where an earlier call ended."""

import errno
import json
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from lungseg import __version__
from lungseg.data.reading import in_order
from lungseg.errors import InputError
from lungseg.films.drawing import OVERLAY, write_labels, write_overlay
from lungseg.films.limits import Limit
from lungseg.films.networks import Model
from lungseg.films.reading import Source, read_bytes
from lungseg.films.rows import Row, as_line, read_line, write_tables
from lungseg.films.seeing import Choices, Seen, see, since, unreadable

LOG = ".films.jsonl"  # a line for each film as it is done; gone when the tables are written
TABLE = "films.json"
SEG = ".seg.dcm"
ANEW = "--skip-existing goes on with what is there, --overwrite makes it anew; or name another folder."


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
        limits = [asdict(limit) for limit in self.limits]
        return {"lungseg": __version__, "model": model, "choices": asdict(self.choices), "limits": limits}


def segment_all(job: Job, skip: bool = False, overwrite: bool = False, threads: int | None = None) -> Iterator[Row]:
    """Segment films and write what is found of them; the rows come in the order of the films.

    Masks do not depend on how many films are looked at side by side, nor does anything else but `seconds`.

    Args:
        job: What to do.
        skip: Take over what an earlier call of the same model and choices did, film by film.
        overwrite: Forget it.
        threads: Films at a time; None for all cores.

    Raises:
        InputError: The folder has results, and nobody says what to do with them; or they are of another model; or a
            result would take the place of a film, or of a file that no call made.
    """
    earlier = _earlier(job, skip, overwrite)
    _spare(job, overwrite)
    job.out.mkdir(parents=True, exist_ok=True)
    log = job.out / LOG
    begun = _begin(log, job.head(), skip)
    with warnings.catch_warnings():
        for module in ("pydicom", "highdicom"):  # what they find odd may be of the patient
            warnings.filterwarnings("ignore", module=module)
        with log.open("a", encoding="utf-8") as stream:
            for row in in_order(lambda source: _done(source, job, earlier.get(source.name)), job.sources, threads):
                stream.write(as_line(row) + "\n")
                stream.flush()
                yield row
    with log.open(encoding="utf-8") as lines:
        lines.seek(begun)
        write_tables(lines, job.head(), job.out, log)
    log.unlink()


def _spare(job: Job, overwrite: bool) -> None:
    """Films are never changed, nor what lies in a folder in which no call has worked."""
    films = {source.path.resolve() for source in job.sources}
    ours = overwrite or any((job.out / name).is_file() for name in (TABLE, LOG))
    names = (f"{source.name}{ending}" for source in job.sources for ending in (".png", OVERLAY, SEG))
    for place in (job.out / name for name in (*names, "films.csv")):
        if place.resolve() in films:
            raise InputError(place, "a film", "another folder for its mask", "Give another --out.")
        if place.exists() and not ours:
            remedy = "Give another --out, or --overwrite."
            raise InputError(place, "a file that no call of this command made", "an empty folder", remedy)


def _begin(log: Path, head: Mapping[str, Any], skip: bool) -> int:
    """Make the log ready for the rows of this call; where an earlier one's stand in it, they stay until the end.

    Returns:
        Where this call's rows begin, in bytes.
    """
    if log.is_symlink():
        raise InputError(log, "a link", "a file of an earlier call, or none", "Remove it.")
    if skip and log.is_file():
        content = log.read_bytes()
        content = content[: content.rfind(b"\n") + 1]  # a killed call's last line may be cut short
        log.write_bytes(content)
        return len(content)
    first = (json.dumps(head, ensure_ascii=False) + "\n").encode()
    log.write_bytes(first)
    return len(first)


def _earlier(job: Job, skip: bool, overwrite: bool) -> Mapping[str, Row]:
    """Name to row of what an earlier call did; also of one that was killed."""
    files = [path for path in (job.out / TABLE, job.out / LOG) if path.is_file()]
    if not files or overwrite:
        return {}
    if not skip:
        raise InputError(job.out, "results of an earlier call", "an empty folder", ANEW)
    rows: dict[str, Row] = {}
    own = json.loads(json.dumps(job.head()))
    for path in files:
        head, lines = _read(path)
        if different := [key for key in own if head.get(key) != own[key]]:
            raise InputError(path, f"results of another {different[0]}", "those of the same", ANEW)
        rows |= {row.name: row for row in lines}
    return rows


def _read(path: Path) -> tuple[dict[str, Any], list[Row]]:
    """Head and rows of a table or a log; the last line of a log may be cut short."""
    remedy = "Give --overwrite, and all is made anew."
    text = path.read_text(encoding="utf-8", errors="replace")
    try:
        if path.name == TABLE:
            content = json.loads(text)
            return {key: content[key] for key in content if key != "films"}, [
                read_line(json.dumps(film), path) for film in content["films"]
            ]
        first, *lines = [line for line in text.split("\n")[:-1] if line]
        return json.loads(first), [read_line(line, path) for line in lines]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(path, "no results, or cut short", "those of an earlier call", remedy) from error


def _done(source: Source, job: Job, earlier: Row | None) -> Row:
    """A film's row, from an earlier call where its file and its mask are still the same."""
    started = time.perf_counter()
    try:
        content = read_bytes(source.path)
        if earlier is not None and earlier.sha256 == sha256(content).hexdigest() and _kept(earlier, job):
            return earlier
        row = _written(see(source, content, job.model, job.limits, job.choices), content, source, job)
    except (InputError, OSError) as problem:
        error: InputError | OSError = problem
        if isinstance(problem, OSError) and problem.errno == errno.ENAMETOOLONG:
            found = f"a name of {len(source.path.name)} characters"
            error = InputError(source.path, found, "a shorter one, as its results have longer ones", "Rename it.")
        row = replace(unreadable(source, error), model=job.model.name, version=job.model.version)
    return replace(row, seconds=since(started))


def _kept(row: Row, job: Job) -> bool:
    """Whether a film need not be looked at again."""
    return row.status != "unreadable" and (not row.mask or (job.out / row.mask).is_file())


def _written(seen: Seen, content: bytes, source: Source, job: Job) -> Row:
    """Write what was found of a film, as the person chose."""
    if seen.film is None or seen.labels is None:
        return seen.row
    write_labels(seen.labels, job.out / seen.row.mask)
    if job.choices.overlay:
        write_overlay(seen.film.grey, seen.labels, job.out / f"{source.name}{OVERLAY}")
    if job.choices.dicom_seg and seen.film.kind == "dicom":
        warned = seen.row.warnings + _seg(content, source, seen.labels, job)
        return replace(seen.row, warnings=warned)
    return seen.row


def _seg(content: bytes, source: Source, labels: np.ndarray, job: Job) -> tuple[str, ...]:
    """Write a DICOM segmentation; a warning where there can be none."""
    from lungseg.films.dicom_seg import write_seg

    try:
        write_seg(content, source.path, labels, job.out / f"{source.name}{SEG}", job.model)
    except InputError as error:
        return (f"no DICOM segmentation: {error.found}",)
    return ()
