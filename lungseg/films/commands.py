"""The commands `lungseg segment` and `lungseg measure`; what they need is imported when they are called."""

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from lungseg.errors import InputError
from lungseg.outside import missing, output
from lungseg.terminal import plain, say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lungseg.films.limits import Limit
    from lungseg.films.measuring import Measured
    from lungseg.films.networks import Model
    from lungseg.films.rows import Row

SOME_NOT, NOTHING_DONE = 1, 2  # exit codes
Framing = Literal["stretch", "pad", "crop"]
# Options of every command that looks at films.
Networks = Annotated[
    list[Path] | None,
    typer.Option("--model", help="A network of `lungseg export`; several are averaged.", show_default=False),
]
Runs = Annotated[list[Path] | None, typer.Option(help="Folder of a run that you trained; several are averaged.")]
Framed = Annotated[
    Framing | None, typer.Option(help="How the films of --from-run were squared, where its files do not say.")
]
Checks = Annotated[Path | None, typer.Option(help="Table of limits in the place of the model's own.")]

SEGMENT_HELP = """\b
What is written, for each film NAME, as large as the film itself:
  NAME.png           0 no lung, 1 right, 2 left lung of the patient
  NAME.overlay.png   with --overlay: the film, outlines over it
  NAME.seg.dcm       with --dicom-seg: a DICOM segmentation
  films.csv, films.json   a row for each film: status, why, area,
                     spacing and its source, probability, warnings

\b
A film is `segmented`; or `doubtful`, with a mask and the reason; or
`refused`, without (lateral, another part, inverted, no lungs, ...); or
`unreadable`. Nothing is sent anywhere; no patient's name, id or date
goes into a name, PNG, CSV or JSON. An overlay shows what is burned
into the pixels. A DICOM segmentation copies patient, ids and dates of
its film, as the standard asks.

\b
Exit code 0: all films have a mask; 1: some were refused or could not be
read; 2: none has a mask, or nothing was done.
"""


def segment(
    films: Annotated[
        list[Path] | None, typer.Argument(metavar="FILMS...", help="Films, and folders of films.", show_default=False)
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for masks and tables.")] = Path("masks"),
    listed: Annotated[Path | None, typer.Option("--list", help="A text file with a path in each line.")] = None,
    model: Networks = None,
    from_run: Runs = None,
    frame: Framed = None,
    checks: Checks = None,
    invert: Annotated[
        bool | None, typer.Option("--invert/--no-invert", help="Low values are bright, or not, whatever files say.")
    ] = None,
    spacing_mm: Annotated[float | None, typer.Option(help="Side of a pixel, for areas; for all films.")] = None,
    refused_too: Annotated[bool, typer.Option("--refused-too", help="Write masks of refused films, too.")] = False,
    overlay: Annotated[bool, typer.Option("--overlay", help="Draw outlines over the films.")] = False,
    dicom_seg: Annotated[bool, typer.Option("--dicom-seg", help="DICOM segmentations of DICOM films.")] = False,
    skip_existing: Annotated[bool, typer.Option("--skip-existing", help="Go on with an earlier call.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Make an earlier call's results anew.")] = False,
    jobs: Annotated[int | None, typer.Option(min=1, help="Films at a time; all cores where not given.")] = None,
) -> None:
    """Masks of the lungs on your own chest films: PNG, JPEG, TIFF, DICOM; where a film is no frontal chest film, why.

    Films are never changed, and nothing is downloaded or sent.
    """
    from tqdm import tqdm

    from lungseg.films.reading import find
    from lungseg.films.seeing import Choices
    from lungseg.films.work import Job, segment_all

    _expect_side(spacing_mm)
    if dicom_seg:
        _need("highdicom", "--dicom-seg", "pip install 'lungseg[seg]'")
    if skip_existing and overwrite:
        raise InputError("--skip-existing and --overwrite", "both", "one of them", "The latter makes all anew.")
    sources = find(films or [], out, listed)
    chosen = chosen_model(model, from_run, frame)
    limits = chosen_limits(checks, chosen)
    choices = Choices(invert, spacing_mm, refused_too, overlay, dicom_seg)
    found: Counter[str] = Counter()

    def tell(line: str) -> None:
        tqdm.write(plain(line, kept=""), file=sys.stderr)

    with tqdm(total=len(sources), unit="film", disable=None) as progress:
        job = Job(sources, out, chosen, limits, choices)
        for row in segment_all(job, skip_existing, overwrite, jobs, tell):
            found[row.status] += 1
            found["masks"] += bool(row.mask)
            for line in _told(row):
                tell(line)
            progress.update()
    counts = ", ".join(f"{found[status]} {status}" for status in ("segmented", "doubtful", "refused", "unreadable"))
    say(f"{len(sources)} films: {counts}; {out / 'films.csv'}")
    if not found["masks"]:
        raise typer.Exit(NOTHING_DONE)
    raise typer.Exit(SOME_NOT if found["refused"] + found["unreadable"] else 0)


def _told(row: "Row") -> list[str]:
    """What a person should know of a film at once."""
    lines = [f"{row.name}: {row.status}: {reason}" for reason in row.why]
    return lines + [f"{row.name}: {warning}" for warning in row.warnings]


def _expect_side(spacing_mm: float | None) -> None:
    from lungseg.films.film import LENGTH, is_side

    if spacing_mm is not None and not is_side(spacing_mm):
        raise InputError("--spacing-mm", str(spacing_mm), LENGTH, "Leave it out where it is not known.")


def _need(module: str, option: str, remedy: str) -> None:
    from importlib.util import find_spec

    if find_spec(module) is None:
        raise InputError(option, f"no module {module}", "it to be installed", remedy)


def chosen_model(model: list[Path] | None, from_run: list[Path] | None, frame: Framing | None) -> "Model":
    """The model that the options of a command name.

    Raises:
        InputError: They contradict each other, or there is no such model.
    """
    from lungseg.films.networks import default, of_files, of_runs

    if model and from_run:
        raise InputError("--model and --from-run", "both", "one of them", "Export the runs, or leave --model out.")
    if frame is not None and not from_run:
        raise InputError("--frame", frame, "it beside --from-run", "Leave it out: a file of --model says it itself.")
    if model:
        return of_files(model)
    return of_runs(from_run, frame) if from_run else default()


def chosen_limits(checks: Path | None, model: "Model") -> "tuple[Limit, ...]":
    """The limits that films are held against: a table's that is given, or the model's own; told where there are none.

    Raises:
        InputError: The table that is given is not there, or is none.
    """
    from lungseg.films.limits import NAME, read_limits

    if checks is not None and not checks.is_file():
        raise InputError(checks, missing(checks), "a table of limits", "Correct the path.")
    table = checks or (model.folder / NAME if model.folder else None)
    limits = read_limits(table) if table else ()
    if not limits:
        print(plain(f"lungseg: no limits were fitted for {model.name}: a film is refused by its file alone"),
              file=sys.stderr)  # fmt: skip
    return limits


def measure(
    masks: Annotated[list[Path], typer.Argument(metavar="MASKS...", help="Masks, and folders of masks.")],
    out: Annotated[Path | None, typer.Option(help="CSV file to write; else it is printed.")] = None,
    spacing_mm: Annotated[
        float | None, typer.Option(help="Side of a pixel, where no films.json beside the masks has it.")
    ] = None,
) -> None:
    """Numbers of masks that were saved: areas, heights and widths of the lungs, without looking at the films again.

    Exit code 0: all were measured; 1: some could not be read; 2: none could.
    """
    from lungseg.files import replacing
    from lungseg.films.film import Spacing
    from lungseg.films.folders import refuse_closed
    from lungseg.films.measuring import as_csv, find_masks, read_labels
    from lungseg.films.measuring import measure as numbers
    from lungseg.films.reading import readable_name
    from lungseg.films.rows import TABLES

    _expect_side(spacing_mm)
    given = Spacing(spacing_mm, spacing_mm, "given by --spacing-mm") if spacing_mm else None
    unopened: list[Path] = []
    try:
        found = find_masks(masks, unopened)
    finally:
        for folder in unopened:
            try:
                refuse_closed(folder)
            except InputError as error:
                print(plain(f"lungseg: {error}", kept=""), file=sys.stderr)
    if out is not None:
        output(out, *(saved.path for saved in found if saved.path.is_file()))
        if out.name in TABLES and all((out.parent / name).is_file() for name in TABLES):
            raise InputError(out, "a table of `lungseg segment`", "another file to write", "Name another.")
    bad = 0

    def measured() -> "Iterator[Measured]":
        nonlocal bad
        for saved in found:
            try:
                labels = read_labels(saved.path, saved.ours)
                yield numbers(labels, readable_name(saved.name), saved.spacing or given)
            except (InputError, OSError) as error:
                bad += 1
                print(plain(f"lungseg: {error}", kept=""), file=sys.stderr)

    if out is None:
        for line in as_csv(measured()):
            if sys.stdout.isatty():
                say(line)
            else:
                print(line)
    else:
        with replacing(out) as part, part.open("w", encoding="utf-8", newline="") as stream:
            stream.writelines(f"{line}\n" for line in as_csv(measured()))
            if bad == len(found):
                raise typer.Exit(NOTHING_DONE)  # and no table
    if bad or unopened:
        raise typer.Exit(NOTHING_DONE if bad == len(found) else SOME_NOT)
