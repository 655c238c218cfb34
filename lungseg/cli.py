"""The command `lungseg`, for people without Snakemake."""

from lungseg.terminal import interruptible, never_fail, plain, say

interruptible()

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lungseg.claims import arithmetic
from lungseg.claims.arithmetic import Averaging, Loss
from lungseg.claims.audited_lines import as_lines, counted
from lungseg.claims.printed_table import read_combined, read_table
from lungseg.claims.relation import MEANS
from lungseg.claims.rules import RELATIONS, SPREADS, rules
from lungseg.errors import InputError
from lungseg.files import file_hash, replacing, write_csv
from lungseg.films import commands as films
from lungseg.jobs.console import describe
from lungseg.names import KNOWN
from lungseg.outside import missing, output
from lungseg.serve.commands import serve

if TYPE_CHECKING:
    from lungseg.data.datasets import Dataset
    from lungseg.networks.hub import Pinned
    from lungseg.own import Own

BAD_INPUT, NOT_JUDGED = 2, 3  # exit codes
OF_CLASSES = (
    "Column mIoU is taken for a mean over lung and background, which no rule relates to numbers of the lung. Name it "
    "iou if it is of the lung alone; give --averaging classes if all columns are such means."
)

app = typer.Typer(help="Lung-field segmentation on chest radiographs.", no_args_is_help=True, add_completion=False)
data = typer.Typer(help="List, fetch and check the data sets.", no_args_is_help=True)
app.add_typer(data, name="data")
weights = typer.Typer(help="Fetch and check pretrained weights, for machines without a network.", no_args_is_help=True)
app.add_typer(weights, name="weights")

AUDIT_HELP = """\b
A table of your own is a CSV file; keep the decimals as printed, leave out what is not printed:

\b
    method,dice,iou,recall,precision
    U-Net,0.957,0.937,0.875,0.976
    Ours,0.984 ± 0.012,0.966,,

Columns: method, and some of dice (DSC), f1, iou (Jaccard),
precision (PPV), recall (sensitivity), specificity, accuracy, auc, loss,
n (number of films). Percentages too, as 95.7, 95.7% or under `Dice (%)`.
A printed value stands for all that round to it.

A finding is `impossible` where its rule survives every usual way of
averaging that its columns share, else `inconsistent`: its sentence says
what it takes for granted. The rules, and what they survive: means over
(f)ilms, (p)ooled pixels, means over (c)lasses, (m)edians.

\b
""" + "\n".join(
    f"    {''.join(way[0] if way in holds else '.' for way in ('films', 'pooled', 'classes', 'median'))}  {name}"
    for name, holds in {
        **{rule.name: rule.holds for rule in RELATIONS},
        "SD <= sqrt(m (1-m) n/(n-1)), of each column": SPREADS[0].holds,
        "a row of --combined between its parts": MEANS,
    }.items()
)

Names = Annotated[list[str], typer.Argument(metavar="DATASET...", help=f"Of {', '.join(KNOWN)}.")]
Raw = Path("data/raw")
Encoders = Annotated[
    list[str] | None, typer.Argument(metavar="[ENCODER]...", help="As in `encoders`; none given: the reference's two.")
]
Place = Annotated[
    Path | None, typer.Option(help="The folder; else that of the variable LUNGSEG_WEIGHTS, else a cache of yours.")
]
CONFIG = Path("config/config.yaml")
More = Annotated[
    list[Path] | None,
    typer.Argument(metavar="FILE", help="More configuration files, as snakemake takes them after --configfile."),
]


@app.command(epilog=AUDIT_HELP)
def audit(
    table: Annotated[Path, typer.Argument(metavar="TABLE.csv", help="The table as it is printed.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as a JSON list.")] = False,
    averaging: Annotated[
        Averaging,
        typer.Option(
            help="How the table's numbers are averaged, where you know. `unstated`: what holds for means over films "
            "and for pooled pixels alike. `median`: trimmed means too. `any`: each column in its own way."
        ),
    ] = "unstated",
    loss: Annotated[Loss, typer.Option(help="What the table says its loss is: 1 - Dice, or 1 - IoU.")] = "none",
    percent: Annotated[bool, typer.Option("--percent", help="All columns but the loss are percentages.")] = False,
    combined: Annotated[
        list[str] | None,
        typer.Option(metavar="ROW=PART,PART", help="ROW joins the films of the rows PART. May be repeated."),
    ] = None,
) -> None:
    """Which cells of a published segmentation table cannot stand together? By arithmetic, without any data.

    Exit code 0: no finding; 1: findings; 2: the table cannot be read; 3: no rule is about what it prints.
    """
    rows = read_table(table, percent, averaging == "classes")
    parts = read_combined(combined or (), rows)
    findings = list(arithmetic.audit(rows, averaging, loss, parts))
    judged = arithmetic.judged(rows, averaging, loss, parts)
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings], indent=1))
    else:
        for line in as_lines(rows, findings, averaging):
            say(line)
        applied = [rule for rule in rules(averaging, loss) if any(map(rule.judges, rows.values()))]
        say(f"{table}: {len(rows)} rows, {len(applied)} rules, {counted(findings)}")
    if any("miou" in row for row in rows.values()):
        print(OF_CLASSES, file=sys.stderr)
    if unjudged := [name for name in rows if name not in judged]:
        told = f"Not judged, as no rule is about what is printed and declared: {', '.join(unjudged)}"
        print(plain(told, kept=""), file=sys.stderr)
    raise typer.Exit((1 if findings else 0) if judged else NOT_JUDGED)


@app.command()
def compare(
    a: Annotated[str, typer.Argument(metavar="RESULTS_A", help="A folder of results, or COMMIT:FOLDER.")],
    b: Annotated[str, typer.Argument(metavar="RESULTS_B", help="The other one.")],
    metric: Annotated[str, typer.Option(help="Whose cells to print; the files hold all.")] = "dice",
    csv: Annotated[Path | None, typer.Option(help="Table to write.")] = None,
    html: Annotated[Path | None, typer.Option(help="Page to write.")] = None,
) -> None:
    """Which cells moved between two results of one experiment, and is it more than seeds and films explain?"""
    from lungseg.report.changes import SCORES, as_lines, compare_results, opened, whole
    from lungseg.statistics.comparisons import COMPARED

    if html:
        from lungseg.report.changes_page import as_page
    if metric not in COMPARED:
        raise InputError("--metric", metric, f"one of {', '.join(COMPARED)}", "Choose one of these.")
    for file in filter(None, (csv, html)):
        output(file, *(Path(folder, name) for folder in (a, b) for name in (SCORES, "manifest.json")))
    with opened(a) as one, opened(b) as two:
        tables = whole(one.table("scores"), f"{a}/{SCORES}"), whole(two.table("scores"), f"{b}/{SCORES}")
        moved = compare_results(*tables)
    for line in as_lines(moved, metric):
        say(line)
    if csv:
        write_csv(moved, csv)
    if html:
        with replacing(html) as part:
            part.write_text(as_page(moved, a, b), encoding="utf-8")


@app.command()
def status(
    configfile: Annotated[list[Path], typer.Option(help="Of the experiment.")] = [CONFIG],  # noqa: B006 - typer copies
    more: More = None,
    root: Annotated[Path, typer.Option(help="The folder in which Snakemake runs.")] = Path(),
) -> None:
    """How many trainings are done, how long the rest will take, and where each running one stands."""
    from lungseg.config import read_configfiles
    from lungseg.jobs.status import describe as describe_runs
    from lungseg.jobs.status import read_runs

    experiment = read_configfiles(*configfile, *(more or ()))
    if not root.is_dir():
        raise InputError("--root", f"{root}, {missing(root)}", "the folder in which Snakemake runs", "Correct it.")
    for line in describe_runs(read_runs(experiment, root)):
        say(line)


@app.command()
def tune(
    configfile: Annotated[list[Path], typer.Option(help="Of the experiment that was tuned.")] = [CONFIG],  # noqa: B006
    more: More = None,
    root: Annotated[Path, typer.Option(help="The folder in which Snakemake runs.")] = Path(),
    to: Annotated[Path, typer.Option(help="Configuration file to write.")] = Path("config/tuned.yaml"),
) -> None:
    """Write the networks at the best of the rates that `snakemake tune` tried, for you to read and commit."""
    from lungseg.config import read_configfiles
    from lungseg.learning.tuning import as_file, at_the_edge, chosen, is_own, read_tries, refuse_other_tries

    files = [*configfile, *(more or ())]
    output(to, *files)
    experiment, given = read_configfiles(*files), " ".join(map(str, files))
    tries = root / experiment.folder("results") / "tune/rates.csv"
    if not tries.is_file():
        remedy = f"Try the rates first: snakemake --cores all --configfile {given} -- tune"
        raise InputError(tries, missing(tries), "the rates that were tried", remedy)
    table = read_tries(tries)
    refuse_other_tries(table, experiment, tries.parent)
    text = as_file(experiment, table)
    with replacing(to) as part:
        part.write_text(text, encoding="utf-8")
    for name, rate in chosen(table).items():
        own = is_own(experiment, name, rate)
        named = f"{name}: learning rate {rate:g}, as it has" if own else f"{name}_tuned: learning rate {rate:g}"
        say(f"{named}{at_the_edge(table, name, rate)}")
    say(f"{to}: give it after {given}, and commit it")


@app.command()
def track(
    results: Annotated[Path | None, typer.Argument(help="A finished experiment's folder, such as cpu/results.")] = None,
    configfile: Annotated[list[Path], typer.Option(help="Of the experiment, where no folder is given.")] = [CONFIG],  # noqa: B006
    root: Annotated[Path, typer.Option(help="The folder in which Snakemake runs.")] = Path(),
) -> None:
    """Bring a finished experiment's trainings into MLflow, each once; after its store was away, deleted or moved."""
    from lungseg.config import read_configfiles
    from lungseg.jobs.mirror_store import public
    from lungseg.jobs.tracking import gather, store
    from lungseg.jobs.tracking import track as bring
    from lungseg.report.results import GIVEN, Results

    experiment = Results(results, GIVEN).experiment() if results else read_configfiles(*configfile)
    own = Results(results or root / experiment.folder("results"), GIVEN)
    trainings, scores = gather(experiment, root), own.table("scores")
    pictures = [path for path in [own.folder / "figures/figure5_overlays.png"] if path.is_file()]
    place = root.resolve()
    brought = bring(store(place), place / "mlartifacts", experiment.name, trainings, scores, pictures)
    write_csv(brought, own.folder / "runs/tracking.csv")
    say(f"{len(brought)} trainings are in {public(store(place))}")


app.command(epilog=films.SEGMENT_HELP)(films.segment)
app.command()(films.measure)
app.command()(serve)


@app.command()
def export(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a trained run, with its weights and card.")],
    out: Annotated[Path, typer.Argument(metavar="OUT.onnx", help="File to write.")],
    float16: Annotated[bool, typer.Option("--float16", help="Store the weights in 16 bits: half the bytes.")] = False,
    frame: Annotated[
        films.Framing | None, typer.Option(help="How its films were squared, where no file beside the run says so.")
    ] = None,
) -> None:
    """Write a trained network as one ONNX file that says what it takes, once it answers as the run does.

    Exit code 0: written; 1: the two disagree, and no file is kept; 2: the run cannot be used.
    """
    from lungseg.learning.export import Disagreement
    from lungseg.learning.export import export as write

    output(out, *(file for file in run.glob("*") if file.suffix != ".onnx"))
    try:
        found = write(run, out, frame, float16)
    except Disagreement as error:
        print(f"lungseg: {error}", file=sys.stderr)
        raise typer.Exit(1) from error
    say(
        f"{out}: {out.stat().st_size / 1e6:.1f} MB. On {found.films} films the greatest difference to the run is "
        f"{found.difference:.2g} of logits that span {found.extent:.3g}; {found.flipped} of {found.pixels} pixels "
        "change sides."
    )


@data.command("list")
def list_() -> None:
    """What each data set holds, where it comes from and what one may do with it."""
    from lungseg.data.datasets import DATASETS

    for chosen in DATASETS.values():
        unused = f" and {chosen.unused} without a mask" if chosen.unused else ""
        print(f"{chosen.name}: {chosen.title}\n  films    {chosen.images}{unused}")
        for archive in chosen.archives:
            ways = [
                choice.obtain or f"{choice.name} is downloaded from {choice.urls[0]}" for choice in archive.choices()
            ]
            print(f"  archive  {archive.name}: {' Or: '.join(ways)}")
        for page in chosen.pages:
            print(f"  page     {page}")
        print(f"  licence  {chosen.licence}\n  cite     {chosen.citation}\n")


@data.command()
def fetch(
    names: Names,
    archives: Annotated[Path, typer.Option(help="Folder of already downloaded archives.")] = Path("archives"),
    to: Annotated[Path, typer.Option(help="Folder that gets one folder per data set.")] = Raw,
) -> None:
    """Bring the archives of data sets into a folder, from a folder of archives or from their addresses."""
    from lungseg.data.archive import fetch_all
    from lungseg.data.datasets import dataset

    for chosen in [dataset(name) for name in names]:
        for obtained in fetch_all(chosen.archives, to / chosen.name, archives):
            official = {
                True: "the official bytes",
                False: "not the official bytes",
                None: "no official hash is known",
            }
            say(f"{to / chosen.name / obtained.archive}: {obtained.source}, {official[obtained.official]}")
        if not chosen.archives:
            print(f"{chosen.name}: nothing to fetch, the package draws it")


@data.command()
def check(
    names: Names,
    at: Annotated[Path, typer.Option(help="Folder that `fetch` wrote to.")] = Raw,
    configfile: Annotated[
        list[Path] | None,
        typer.Option(help="Whose `exclude` names films to leave out, and whose `own` defines data sets."),
    ] = None,
) -> None:
    """Read data sets from end to end: hashes, counts, films and masks. Exit code 1 if one is not whole.

    All films that cannot be used are named at once, with the lines that leave them out of an experiment.
    """
    from lungseg.config import read_configfiles
    from lungseg.data.datasets import dataset, refuse_unknown
    from lungseg.films.own_sets import any_dataset, refuse_shared_names

    experiment = read_configfiles(*configfile) if configfile else None
    own, exclude = (experiment.own, experiment.exclude) if experiment else ({}, {})
    seed = experiment.split.seed if experiment else 0
    defined = {name: any_dataset(name, one) for name, one in own.items()}
    refuse_unknown(exclude, defined)
    refuse_shared_names(defined, experiment.datasets if experiment else ())
    whole = True
    for name, chosen in {name: defined[name] if name in defined else dataset(name) for name in names}.items():
        try:
            say(f"{name}: whole, {_read_all(chosen, at / name, exclude.get(name, {}), own.get(name), seed)}")
        except InputError as error:
            whole = False
            print(f"{name}: not whole. {error}", file=sys.stderr)
    raise typer.Exit(0 if whole else 1)


def _read_all(chosen: "Dataset", folder: Path, exclude: Mapping[str, str], own: "Own | None", split_seed: int) -> str:
    """Compare the recorded hashes, decode every film, and split those of one's own."""
    from tqdm import tqdm

    from lungseg.data.archive import RECORD, read_record
    from lungseg.data.reading import Unused

    if not own and (folder / RECORD).is_file():
        read_record(folder, chosen.archives, whole=True)
    progress = tqdm(chosen.read(folder, exclude), desc=chosen.name, total=chosen.images + chosen.unused, unit="film")
    abnormal: dict[str, bool] = {}
    unused = []
    for film in progress:
        if isinstance(film, Unused):
            unused.append(film.image_id)
        else:
            abnormal[film.image_id] = film.abnormal
    if own:
        _split_own(chosen.name, own, abnormal, split_seed)
    told = f"{chosen.images - len(exclude)} films"
    told += f", {chosen.unused} more without a mask" if len(unused) > len(exclude) else ""
    return told + (f", {len(exclude)} left out by the configuration: {', '.join(exclude)}" if exclude else "")


def _split_own(name: str, own: "Own", abnormal: Mapping[str, bool], seed: int) -> None:
    """Split films as the workflow will."""
    import pandas as pd

    from lungseg.data.splits import each_part
    from lungseg.films.own_splits import split_films

    table = pd.DataFrame({"image_id": list(abnormal), "dataset": name, "abnormal": map(int, abnormal.values())})
    each_part(split_films(name, own, table, seed), name, own)


@data.command()
def phantom(png: Annotated[Path, typer.Argument(help="Picture to write.")]) -> None:
    """Draw a contact sheet of phantoms with their lungs' outlines."""
    from PIL import Image

    from lungseg.data.phantom import contact_sheet

    with replacing(png) as part:
        Image.fromarray(contact_sheet(columns=4, rows=2)).reduce(2).save(part, format="png", optimize=True)


@weights.command("fetch")
def fetch_weights(
    encoders: Encoders = None,
    to: Place = None,
    url: Annotated[str | None, typer.Option("--from", help="Folder of the files on a mirror, as an address.")] = None,
) -> None:
    """Bring the pinned files of `weights: imagenet` into a folder; set LUNGSEG_WEIGHTS to it where they are used."""
    from lungseg.networks import hub

    place = hub.folder() if to is None else to
    for row in _pinned(encoders):
        path = hub.obtain(row, place, f"{url.rstrip('/')}/{row.file}" if url else None)
        say(f"{row.model}: {path}, revision {row.revision}, sha256 {file_hash(path)}")


@weights.command("check")
def check_weights(encoders: Encoders = None, at: Place = None) -> None:
    """Which of the pinned files lie in a folder, and are they the pinned ones? Exit code 1 if one is not."""
    from lungseg.networks import hub

    place, whole = hub.folder() if at is None else at, True
    for row in _pinned(encoders):
        try:
            path = hub.file_of(row, place)
        except InputError as error:
            whole = False
            print(f"{row.model}: {error}", file=sys.stderr)
            continue
        whole &= path is not None
        found = f"whole, {path}, sha256 {file_hash(path)}" if path else f"not in {place}"
        say(f"{row.model}: {found}")
    raise typer.Exit(0 if whole else 1)


def _pinned(encoders: list[str] | None) -> "list[Pinned]":
    """The rows of encoders in the table of pinned files."""
    from lungseg.networks import hub
    from lungseg.networks.encoders import timm_model
    from lungseg.recipe import SHORT_NAMES

    return [hub.row_of(timm_model(name)) for name in encoders or SHORT_NAMES]


def _absent(error: Exception) -> Exception:
    """What a plain installation lacks, with the extra that brings it; other errors as they are."""
    module = (error.name or "").partition(".")[0] if isinstance(error, ModuleNotFoundError) else "lungseg"
    if module == "lungseg":  # a defect of the package's own
        return error
    remedy = "pip install 'lungseg[benchmark]' brings it; lungseg export takes 'lungseg[benchmark,export]'."
    return InputError("this installation", f"no module {module}", "what this command needs", remedy)


def main() -> None:
    """Run the command; bad input ends in one message on stderr and exit code 2."""
    never_fail()
    try:
        app()
    except Exception as error:
        message = describe(_absent(error))
        if message is None:
            raise
        print(f"lungseg: {message}", file=sys.stderr)
        sys.exit(BAD_INPUT)


if __name__ == "__main__":
    main()
