"""The files that a configuration names: those that are missing, before anything is computed; hashes; where to write."""

import os
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from lungseg.errors import InputError
from lungseg.jobs.remembered import Hashes
from lungseg.own import Own
from lungseg.recipe import EIGHT_BIT, Variant

WORDS = ("random", "imagenet", EIGHT_BIT)


def weights_files(variant: Variant) -> list[Path]:
    """The files that a network's encoders start from."""
    starts = dict.fromkeys(variant.start(encoder) for encoder in variant.encoders)
    return [Path(start) for start in starts if start not in WORDS]


def fetch_pinned(variants: Mapping[str, Variant]) -> None:
    """Fetch what networks start from, before anything is computed.

    Args:
        variants: Networks to train.

    Raises:
        InputError: A file cannot be had.
    """
    names = [name for one in variants.values() for name in one.encoders if one.start(name) == "imagenet"]
    if names:
        from lungseg.networks.starts import source  # seconds of loading

        for name in dict.fromkeys(names):
            source(name, "imagenet")


def lost_inputs(variants: Mapping[str, Variant], own: Mapping[str, Own]) -> list[str]:
    """The missing files that Snakemake would stop at without saying whose they are: modules, and films of one's own.

    Args:
        variants: Networks to train.
        own: Data sets of one's own by name.

    Returns:
        A line for each: the file, the key that names it, what it must be.
    """
    lines = [
        f"  {file}, as variants.{name}.module says: give a file of Python with the function in it."
        for name, variant in variants.items()
        if variant.module_file is not None and not (file := Path(variant.module_file)).is_file()
    ]
    for name, one in own.items():
        places = {"images": one.images, **one.mask_places()}
        lines += [
            f"  {place}, as own.{name}.{key} says: give a folder or a zip archive."
            for key, place in places.items()
            if not Path(place).exists()
        ]
        lines += [
            f"  {table}, as own.{name}.{key} says: give a table with columns image_id and {key}."
            for key, table in one.tables()
            if not Path(table).exists()
        ]
    return lines


def check_files(
    variants: Mapping[str, Variant],
    datasets: Collection[str],
    archives: Path | None,
    raw: Path,
    own: Mapping[str, Own] | None = None,
) -> None:
    """Look for every file that is going to be read.

    Args:
        variants: Networks to train.
        datasets: Data sets whose archives are to be brought.
        archives: The folder of already downloaded archives.
        raw: The folder that has, or gets, one folder for each data set.
        own: Data sets of one's own by name, which have no archives.

    Raises:
        InputError: Some are missing; it names all of them.
    """
    instead, own = f"give a safetensors file of one encoder, or one of {', '.join(WORDS)}", own or {}
    lines = lost_inputs(variants, own)
    lines += [
        f"  {file}, as variants.{name}.weights says: {instead}."
        for name, variant in variants.items()
        for file in weights_files(variant)
        if not file.is_file()
    ]
    for dataset in (name for name in datasets if name not in own):
        lines += _missing_archives(dataset, archives, raw / dataset)
    if lines:
        count = f"{len(lines)} missing file{'s' if len(lines) > 1 else ''}"
        remedy = f"Paths count from {Path.cwd()}. Nothing was computed yet:\n" + "\n".join(lines)
        raise InputError("the configuration", count, "every file that it names", remedy)


def keep_out_of_git(folder: Path, root: Path) -> None:
    """Let git ignore all that an experiment makes, films and weights among it; what `publish` chooses lies elsewhere.

    Args:
        folder: The experiment's; its last part is its name.
        root: The repository's folder, whose .gitignore names the experiments of config/.
    """
    known, hidden = root / ".gitignore", folder / ".gitignore"
    if hidden.exists() or (known.is_file() and f"/{folder.name}/" in known.read_text(encoding="utf-8").splitlines()):
        return
    folder.mkdir(parents=True, exist_ok=True)
    hidden.write_text("*\n", encoding="utf-8")


def check_places(folders: Iterable[Path]) -> None:
    """Look whether files can be put into folders, which need not exist yet; Snakemake itself would end in a traceback.

    Args:
        folders: Where a run writes.

    Raises:
        InputError: One of them, or one above it, is a file or cannot be written.
    """
    for folder in folders:
        place = next(one for one in (folder, *folder.absolute().parents) if os.path.lexists(one))
        if not place.is_dir():
            raise InputError(place, "a file", "a folder", "Move it away and give the command again.")
        if not os.access(place, os.W_OK | os.X_OK):
            remedy = "Change its permissions or its owner, or run in a folder of your own, with --directory."
            raise InputError(place, "a folder that cannot be written", "one that can", remedy)


def check_runnable(folders: Iterable[Path]) -> None:
    """Look whether Snakemake can run in folders: it takes a brace in a path for a wildcard, and so does every job.

    Args:
        folders: The repository's, and the one in which Snakemake runs.

    Raises:
        InputError: One, or one above it, has a brace in its name.
    """
    for folder in folders:
        if set("{}") & set(str(folder.absolute())):
            remedy = "Rename it, or move the project (--directory: the results) to a folder without. Nothing was made."
            raise InputError(folder.absolute(), "a brace, a wildcard for Snakemake", "a path without { and }", remedy)


def check_apart(own: Mapping[str, Own], folders: Iterable[Path]) -> None:
    """Films of one's own lie where no run writes: what it makes would stand among them, or take their place.

    Args:
        own: Data sets of one's own by name.
        folders: Where a run writes.

    Raises:
        InputError: What one names lies in such a folder, or such a folder in it.
    """
    written = [folder.resolve() for folder in folders]
    for name, one in own.items():
        for key, place in {"images": one.images, **one.mask_places(), **dict(one.tables())}.items():
            there = Path(place).resolve()
            for folder in written:
                if there == folder or folder in there.parents or there in folder.parents:
                    found = f"{place}, where this experiment writes {folder.name}"
                    remedy = "Move the films to a folder of their own, or change the experiment's `name`."
                    raise InputError(f"config key own.{name}.{key}", found, "a place that no run writes to", remedy)


def _missing_archives(dataset: str, archives: Path | None, folder: Path) -> Iterable[str]:
    from lungseg.data.archive import offered_file, unreadable
    from lungseg.data.datasets import DATASETS

    for archive in DATASETS[dataset].archives:
        choices = list(archive.choices())
        offered = archives is not None and offered_file(archive, archives, folder) is not None
        kept = any(choice.brought(folder) for choice in choices)
        if not offered and not kept and not any(choice.urls for choice in choices):
            place = archives if archives is not None else Path("archives")
            told = " ".join([f"{archive.obtain} Then put it there.", *unreadable(place)])
            yield f"  {place / archive.name}, of {dataset}: {told}"


def weights_hashes(variant: Variant, hashes: Hashes) -> dict[str, str]:
    """File -> SHA-256 of what a network's encoders start from, and of its module; what is missing is left out."""
    named = [*weights_files(variant), *([Path(variant.module_file)] if variant.module_file else [])]
    return {str(file): hashes[file] for file in named if file.is_file()}


def offered_hashes(dataset: str, archives: Path | None, raw: Path, hashes: Hashes) -> dict[str, str]:
    """Name -> SHA-256 of a data set's archives that lie in the folder of archives, one for each that it needs.

    Args:
        dataset: Its name.
        archives: The folder of already downloaded archives.
        raw: As of `check_files`.
        hashes: Of files.
    """
    if archives is None or not archives.is_dir():
        return {}
    from lungseg.data.archive import offered_file
    from lungseg.data.datasets import DATASETS

    taken = [offered_file(archive, archives, raw / dataset) for archive in DATASETS[dataset].archives]
    return {choice.name: hashes[path] for choice, path in filter(None, taken)}


def own_hashes(own: Mapping[str, Own], hashes: Hashes) -> dict[str, dict[str, str]]:
    """Data set of one's own to key to SHA-256 of what it names: another film, mask or table makes its films anew.

    Raises:
        InputError: As `films.own_sets.catalogue`.
    """
    if not own:
        return {}
    from lungseg.films.own_sets import prints

    with hashes.together():
        return {name: {one.archive: one.sha256 for one in prints(name, each, hashes.of)} for name, each in own.items()}
