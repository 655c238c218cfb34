"""What became of a command that met a fault: did it survive, change a number in silence, or break?

A case puts a fault on a copy of finished work and gives the command that a person would give. Whatever the command says
to do is then done, and the command is given again: at the end there must be the bytes of the work that nobody harmed.
"""

import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

SURVIVED, SILENT, TRACEBACK, OTHER, STUCK = "survived", "silent", "traceback", "other bytes", "stuck"
MESSAGE = re.compile(r"found .*, expected .*\. \S")  # where, what was found, what was expected, what helps
LIMIT = 420.0  # seconds of a command
FINISHED, HALF, SMALL = "finished", "half", "small"  # works: an experiment, one that trains, what quick commands read
WRITTEN = {SMALL, "tiny", ".snakemake", "mlflow.db", "mlartifacts"}
# Files in which a clock, or the names that MLflow draws, decide; of histories and cards only the clock's cells are left
# out.
VARYING = re.compile(
    r"/logs/|/benchmarks/|/manifest\.json$|/report\.html$|/tracking\.csv$|\.part$|/checkpoint\.pt(\.damaged)?$"
)
# Columns that a run measures: by a clock, or as a process's memory.
MEASURED = {
    "history.csv": {"images_per_second", "seconds", "began"},
    "cost.csv": {"films_per_second", "ms_per_film", "train_memory_mb", "predict_memory_mb"},
}


@dataclass(frozen=True)
class Try:
    """A command that has ended.

    Args:
        code: Its exit status; 124 where it had to be stopped.
        printed: All that it printed, and all that stands in its jobs' logs.
        answer: What it printed on standard output.
        files: Path to hash of each file that it left.
    """

    code: int
    printed: str
    answer: str = ""
    files: Mapping[str, str] = field(default_factory=dict)


def nothing(folder: Path) -> None:
    """No fault, or nothing to mend."""


@dataclass(frozen=True)
class Case:
    """A fault and the command that meets it.

    Args:
        kind: Of fault.
        name: Of this one.
        command: What a person types.
        harm: Puts the fault on a copy of the finished work.
        mend: Does what the message says.
        names: Pattern of what the message has to name: a file or a key.
        after: What is typed after mending; the same command where it is left out.
        told: Pattern of the words that go with other bytes, where they are meant; none are by default.
        says: Pattern of a message that helps.
        environment: Variables of the command that meets the fault; what is None is unset.
        like: Brings an answer that rightly differs, in a name, to the form of the untouched one.
        start: Runs the command, where it does not simply run to its end.
        work: Which work is copied.
    """

    kind: str
    name: str
    command: Sequence[str]
    harm: Callable[[Path], None] = nothing
    mend: Callable[[Path], None] = nothing
    names: str = ""
    after: Sequence[str] = ()
    told: str = ""
    says: str = MESSAGE.pattern
    environment: Mapping[str, str | None] = field(default_factory=dict)
    like: Callable[[str], str] = str
    start: Callable[[Sequence[str], Path, Mapping[str, str]], tuple[int, str, str]] | None = None
    work: str = FINISHED


def run(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> tuple[int, str, str]:
    """Run a command to its end, or for as long as a person would wait: exit status, standard output, standard error."""
    process = subprocess.Popen(
        command, cwd=folder, env=dict(environment), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        errors="replace", start_new_session=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        out, err = process.communicate(timeout=LIMIT)
        return process.returncode, out, err
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        return 124, out, err


def environment_of(project: Path, changes: Mapping[str, str | None]) -> dict[str, str]:
    """The environment in which the commands of this Python run on a copy of the project."""
    tools = Path(sys.executable).parent
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("LUNGSEG_", "MLFLOW_"))}
    clean |= {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(project)}
    return {name: value for name, value in (clean | dict(changes)).items() if value is not None}


def snapshot(folder: Path) -> dict[str, str]:
    """The hash of every file whose bytes are those of the work: not a log, not a clock's, not a tool's own."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not VARYING.search(f"/{name}"):
            found[name] = hashlib.sha256(_timeless(path)).hexdigest()
    return found


def _timeless(path: Path) -> bytes:
    """A file's bytes, without what was measured."""
    content = path.read_bytes()
    if path.name in MEASURED:
        lines = [line.split(",") for line in content.decode(errors="replace").splitlines()]
        kept = [place for place, name in enumerate(lines[0] if lines else ()) if name not in MEASURED[path.name]]
        return repr([[line[place] for place in kept if place < len(line)] for line in lines]).encode()
    if path.name == "weights.json":
        return re.sub(rb'"seconds": [\d.]+', b"", content)
    return content


def verdict(case: Case, untouched: Try, tries: Sequence[Try]) -> str:
    """What became of a case.

    Args:
        case: Which.
        untouched: What its command gives where nothing was harmed.
        tries: The command that met the fault; where it failed, the command after mending.
    """
    first, last = tries[0], tries[-1]
    if any("Traceback (most recent call last)" in one.printed for one in tries):
        return TRACEBACK
    if any(one.code == 124 for one in tries):
        return STUCK
    if first.code == untouched.code:
        meant = bool(case.told) and re.search(case.told, first.printed) is not None
        return SURVIVED if meant or _same(case, first, untouched) else SILENT
    if not helps(case, first.printed) or len(tries) == 1 or last.code != untouched.code:
        return STUCK
    return SURVIVED if _same(case, last, untouched) else OTHER


def helps(case: Case, printed: str) -> bool:
    """Whether there is one message, and it names what is to be mended and how."""
    lines = [" ".join(block.split()) for block in printed.splitlines()]
    messages = {line.removeprefix("lungseg: ") for line in lines if MESSAGE.search(line)}
    said = re.search(case.says, printed, re.DOTALL) is not None and re.search(case.names, printed) is not None
    return said and len(messages) <= 1


def message(printed: str) -> str:
    """The line that a person would read, for the table."""
    lines = [line.strip() for line in printed.splitlines()]
    told = [line for line in lines if MESSAGE.search(line) or line.startswith("lungseg: ")]
    return (told or [line for line in lines if "rror" in line] or [""])[0][:240]


def _same(case: Case, one: Try, untouched: Try) -> bool:
    return one.files == untouched.files and case.like(one.answer) == untouched.answer


def attempt(case: Case, folder: Path, project: Path, command: Sequence[str], fault: bool) -> Try:
    """Give a command in a folder and look at what it leaves: of an experiment all files, of a quick command its own.

    Args:
        case: Which.
        folder: The copy in which it runs.
        project: Whose library it uses.
        command: What is typed.
        fault: Whether it is the one that meets the fault.
    """
    start = case.start if fault and case.start is not None else run
    watched = folder if case.work == SMALL else folder / "tiny"
    before = snapshot(folder) if case.work == SMALL else {}
    written = _logs(watched)
    code, out, err = start(command, folder, environment_of(project, case.environment if fault else {}))
    logs = [path for path, state in _logs(watched).items() if written.get(path) != state]
    said = "\n".join([out, err, *(path.read_text(errors="replace") for path in logs)])
    answer = out if command[0] == "lungseg" else ""
    files = {name: digest for name, digest in snapshot(watched).items() if before.get(name) != digest}
    return Try(code, *(text.replace(str(folder), ".") for text in (said, answer)), files)


def _logs(folder: Path) -> dict[Path, tuple[int, int]]:
    """Each log to its time and size: a clock whose ticks are coarser does not tell which ones a command wrote."""
    found = {path: path.stat() for path in folder.rglob("logs/**/*.log") if path.is_file()}
    return {path: (state.st_mtime_ns, state.st_size) for path, state in found.items()}


def copied(original: Path, folder: Path) -> None:
    """Copy a work; what no command writes into, and no fault but by replacing it, is shared."""
    shutil.copytree(original, folder, symlinks=True, copy_function=_shared)


def _shared(source: str, target: str) -> None:
    if set(Path(source).parts) & WRITTEN:
        shutil.copy2(source, target)
    else:
        os.link(source, target)


def tried(case: Case, folder: Path, original: Path, project: Path) -> list[Try]:
    """Put the fault on a copy, give the command, do what it says, give it again.

    Args:
        case: Which.
        folder: Where the copy is made; it is gone afterwards.
        original: The work that nobody harmed.
        project: Whose library is used where the work is no copy of the project.
    """
    copied(original, folder)
    root = folder if (folder / "Snakefile").is_file() else project
    try:
        case.harm(folder)
        tries = [attempt(case, folder, root, case.command, fault=True)]
        if tries[0].code != 0:
            case.mend(folder)
            tries.append(attempt(case, folder, root, case.after or case.command, fault=False))
        return tries
    finally:
        for mounted in ("tiny/results", "tiny"):
            subprocess.run(["umount", "--quiet", "--lazy", folder / mounted], capture_output=True)
        shutil.rmtree(folder, ignore_errors=True)
