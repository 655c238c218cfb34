"""The command that makes a run again, as a person would type it into a shell."""

import json
import os
import re
import shlex
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from lungseg.config import without_places


def run_command(
    root: Path, directory: Path, configfiles: Sequence[Path], overrides: Mapping[str, Any], conda: bool
) -> str:
    """The command, to be given in the repository's folder; a target may follow after ` -- `.

    Args:
        root: The repository's folder.
        directory: The folder in which Snakemake ran.
        configfiles: As they were given with --configfile; without one it was the reference.
        overrides: As Snakemake read what was given with --config. A page that is passed on names no folder of
            the machine that made it: see `lungseg.config.without_places`.
        conda: Whether the rules ran in their own environment.
    """
    words = ["snakemake", "--cores", "all"]
    words += ["--use-conda"] if conda else []
    if directory.resolve() != root.resolve():
        words += ["--directory", _path(directory, root)]
    if configfiles:
        words += ["--configfile", *(_path(file, root) for file in configfiles)]
    if overrides:
        words += ["--config", *(f"{key}={override(value)}" for key, value in without_places(overrides).items())]
    return shlex.join(words)


def override(value: Any) -> str:  # noqa: ANN401 - whatever a person may give
    """A value as Snakemake reads it back from `--config key=value`: a number, True or False, nothing, or YAML."""
    if value is None or isinstance(value, bool | int | float):
        return "" if value is None else str(value)
    if isinstance(value, str) and _reads_as_itself(value):
        return value
    text = json.dumps(value, ensure_ascii=False)
    text = "".join(sign if sign.isprintable() else f"\\U{ord(sign):08x}" for sign in text)
    return f" {text} " if isinstance(value, str) else text  # Snakemake takes quotes at the ends away


def _reads_as_itself(text: str) -> bool:
    if not re.fullmatch(r"[\w./ -]+", text) or text in ("True", "False"):
        return False
    with suppress(ValueError):
        float(text)  # whatever is an int is a float, too
        return False
    try:
        return bool(yaml.load(text, Loader=yaml.BaseLoader) == text)  # noqa: S506 - it makes texts alone
    except yaml.YAMLError:  # three dots end a document
        return False


def _path(path: Path, start: Path) -> str:
    """From the repository's folder; never to be taken for an option."""
    relative = os.path.relpath(path.resolve(), start.resolve())
    return f"./{relative}" if relative.startswith("-") else relative
