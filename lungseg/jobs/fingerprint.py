"""Which code a job depends on, so that an edit runs again what it touches and nothing else.

Snakemake sees a changed script but not a changed module that the script imports. Every rule therefore carries
the fingerprint of its script's modules as a parameter.
"""

import ast
import hashlib
import json
import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

from lungseg.files import replacing

PACKAGE = Path(__file__).parents[1]
# What these modules do is to talk, and to find a place for a training: nothing in a result depends on them.
SILENT = frozenset(
    {
        "errors",
        "terminal",
        "jobs.at_work",
        "jobs.console",
        "jobs.queue",
        "jobs.seals",
        "learning.devices",
        "learning.memory",
    }
)


@cache  # scripts share most of their modules
def imports(source: str) -> frozenset[str]:
    """Names below `lungseg` that a source text imports, as dotted paths."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "lungseg":
            module = (node.module or "").removeprefix("lungseg").removeprefix(".")
            found |= {module} if module else set()
            found |= {f"{module}.{alias.name}".removeprefix(".") for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {a.name.removeprefix("lungseg.") for a in node.names if a.name.startswith("lungseg.")}
    return frozenset(found)


def _file(module: str) -> Path | None:
    """The file of a dotted name, or None where the name is not a module."""
    path = PACKAGE.joinpath(*module.split("."))
    return path.with_suffix(".py") if path.with_suffix(".py").exists() else None


def modules(script: Path, imported: Callable[[str], Collection[str]] = imports) -> dict[str, Path]:
    """The modules of this package that a script imports, directly or through another.

    Args:
        script: A Python file.
        imported: `imports`, or what remembers its answers.

    Returns:
        Dotted module name below `lungseg` -> file, sorted by name.
    """
    found: dict[str, Path] = {}
    waiting = set(imported(script.read_text(encoding="utf-8")))
    while waiting:
        name = waiting.pop()
        file = _file(name)
        if file is None or name in found or name in SILENT:
            continue
        found[name] = file
        waiting |= set(imported(file.read_text(encoding="utf-8")))
    return dict(sorted(found.items()))


@cache
def _meaning(source: str) -> str:
    """A source text without comments, layout and docstrings."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return ast.dump(tree)


def fingerprint(script: str | Path) -> str:
    """Hash of what the modules behind a script mean; comments, layout and docstrings do not count.

    A data file that stands beside a module and starts with its name (`splits_gaal2020.json`) counts with it.

    Args:
        script: A Python file.

    Returns:
        16 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for name, file in modules(Path(script)).items():
        digest.update(f"{name}\n{_meaning(file.read_text(encoding='utf-8'))}\n".encode())
        for data in _beside(file):
            digest.update(data.read_bytes())
    return digest.hexdigest()[:16]


def _beside(file: Path) -> Iterator[Path]:
    """The data files of a module."""
    return (data for data in sorted(file.parent.glob(f"{file.stem}_*")) if data.suffix != ".py")


def fingerprints(scripts: Iterable[Path], memory: Path) -> dict[str, str]:
    """The fingerprints of scripts by their names, computed anew only where a file behind one has other bytes.

    Args:
        scripts: Python files.
        memory: The file that remembers; one that cannot be read, or that other code wrote, is written anew.
    """
    by = _hash(f"{sys.version} {Path(__file__).read_text(encoding='utf-8')}".encode())
    imported, codes = _recall(memory, by)
    before = len(imported), len(codes)

    def remembered(source: str) -> list[str]:
        if (key := _hash(source.encode())) not in imported:
            imported[key] = sorted(imports(source))
        return imported[key]

    found = {}
    for script in scripts:
        behind = hashlib.sha256()
        for name, file in modules(script, remembered).items():
            for each in (file, *_beside(file)):
                behind.update(f"{name} {each.name} {_hash(each.read_bytes())}\n".encode())
        if (key := behind.hexdigest()) not in codes:
            codes[key] = fingerprint(script)
        found[script.stem] = codes[key]
    if before != (len(imported), len(codes)):
        with suppress(OSError), replacing(memory) as part:  # a folder that cannot be written: computed again
            part.write_text(json.dumps({"by": by, "imports": imported, "codes": codes}), encoding="utf-8")
    return found


@cache  # scripts share most of their files
def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _recall(memory: Path, by: str) -> tuple[dict[str, list[str]], dict[str, str]]:
    """Hash of a source to its imports, and hash of all files behind a script to its fingerprint."""
    try:
        known = json.loads(memory.read_text(encoding="utf-8"))
        if known["by"] == by:
            imported = {str(key): [str(name) for name in names] for key, names in known["imports"].items()}
            return imported, {str(key): str(code) for key, code in known["codes"].items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        pass
    return {}, {}


def training(root: Path) -> str:
    """The text of workflow/training.yaml, on which the stages of dvc.yaml depend.

    Args:
        root: The repository's folder.
    """
    code = fingerprint(root / "workflow/scripts/train.py")
    return f"# What the training code means; written by `make fingerprint`.\ncode: {code}\n"
