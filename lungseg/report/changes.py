"""Two results of one experiment, theirs and ours or of two commits: which cells moved, and is it more than noise?"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from lungseg.claims.evidence import between
from lungseg.errors import InputError
from lungseg.outside import TABLE
from lungseg.report.results import GIVEN, Results
from lungseg.scores.cases import APART
from lungseg.scores.metrics import COUNTS
from lungseg.statistics.comparisons import COMPARED
from lungseg.statistics.intervals import crossed_estimate, possible_interval
from lungseg.statistics.score_blocks import FILM, METRICS, POOLED, RUN, blocks, pooled_films

CELL = ["variant", "train_on", "test_on", "metric"]
COLUMNS = [*CELL, "a", "b", "difference", "low", "high", "seeds_a", "seeds_b", "films", "verdict"]
SAME, WITHIN, BEYOND, UNKNOWN, OTHER = "the same", "within noise", "beyond noise", "noise unknown", "other films"
ONLY = {"a": "only in A", "b": "only in B"}
SCORES = "scores.csv"
KEY, COUNTED = [*RUN, *FILM], ["dice", "iou", *COUNTS]  # columns without which a score is none
# Whole numbers, and what they stay below.
COUNTED_UP = {"seed": 2**32, "empty": 2, APART: 2, **dict.fromkeys(COUNTS, 2**53)}
# Neither an option nor a control character; git itself knows which of the rest is a name.
REF = re.compile(r"[^-\x00-\x20\x7f][^\x00-\x1f\x7f]*")


@contextmanager
def opened(where: str) -> Iterator[Results]:
    """Results in a folder, or of a commit as `COMMIT:FOLDER`.

    Raises:
        InputError: There is neither such a folder nor such a commit with it.
    """
    if _is_folder(where):
        yield Results(Path(where), GIVEN)
        return
    commit, colon, folder = where.partition(":")
    content = _committed(commit, f"{folder}/{SCORES}", where) if colon else None
    if content is None:
        remedy = f"Name the folder that holds {SCORES}, such as results/cpu or HEAD~1:results/cpu."
        raise InputError(where, "no such folder", "a folder of results, or COMMIT:FOLDER", remedy)
    with TemporaryDirectory() as place:
        Path(place, SCORES).write_bytes(content)
        yield Results(Path(place), GIVEN)


def _is_folder(where: str) -> bool:
    """Whether there is one; a text that no folder can be called is none."""
    try:
        return Path(where).is_dir()
    except (OSError, ValueError):
        return False


def _committed(commit: str, file: str, where: str) -> bytes | None:
    """A file as a commit holds it, or None where there is none.

    The name of the commit is resolved to its number first, and the file is named together with that number, so that
    git never takes a word of them for an option; of its bytes no filter or attribute makes anything else.

    Raises:
        InputError: The name can be none of a commit, or the file is too large.
    """
    if not REF.fullmatch(commit):
        remedy = "Name a commit, a branch or a tag, such as HEAD~1:results/cpu."
        found = f"the commit {commit!r}" if commit else "no commit before the colon"
        raise InputError(where, found, "a name that does not begin with a dash", remedy)
    number = _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{commit}^{{commit}}")
    if number is None or not re.fullmatch("[0-9a-f]{40,64}", number.decode().strip()):
        return None
    name = f"{number.decode().strip()}:./{file}"
    size = _git("cat-file", "-s", name)
    if size is not None and int(size) > TABLE:
        raise InputError(where, f"{file} of {int(size)} bytes", f"at most {TABLE}", "Name another folder.")
    return None if size is None else _git("cat-file", "blob", name)


def _git(*arguments: str) -> bytes | None:
    """What git prints, or None where it is missing or fails; it asks no server for what is not here."""
    if shutil.which("git") is None:
        return None
    environment = os.environ | {"GIT_NO_LAZY_FETCH": "1", "GIT_TERMINAL_PROMPT": "0"}
    ended = subprocess.run(["git", *arguments], capture_output=True, env=environment)
    return ended.stdout if ended.returncode == 0 else None


def whole(scores: pd.DataFrame, where: str) -> pd.DataFrame:
    """A table of scores, once it is known to be one: compared side by side, its gaps could not be named.

    Args:
        scores: As it was read.
        where: Its file, for the message.

    Raises:
        InputError: A row does not say what it is of, or is doubled; a run lacks a film or a number.
    """
    remedy = GIVEN
    if missing := sorted({*KEY, *COUNTED} - set(scores)):
        raise InputError(where, f"no column {', '.join(missing)}", f"the columns {', '.join([*KEY, *COUNTED])}", remedy)
    nameless = scores[KEY].isna().any(axis=1)
    if nameless.any():
        line = int(nameless.to_numpy().argmax()) + 2
        raise InputError(f"{where}, line {line}", "an empty cell", f"{', '.join(KEY)} in every row", remedy)
    for name in [name for name in (*METRICS, *COUNTED_UP) if name in scores]:
        number = pd.to_numeric(scores[name], errors="coerce").astype(float)
        fit = np.isfinite(number) & (number >= 0)
        if name in COUNTED_UP:
            fit &= (number < COUNTED_UP[name]) & (number % 1 == 0)
        wrong = ~fit & scores[name].notna()
        if wrong.any():
            expected = f"whole numbers from 0, below {COUNTED_UP[name]}" if name in COUNTED_UP else "numbers from 0"
            raise InputError(f"{where}, {name}", f"{scores[name][wrong].iloc[0]}", expected, remedy)
        if not pd.api.types.is_numeric_dtype(scores[name]):  # as of a table of a header alone
            scores = scores.assign(**{name: number})
    if not pd.api.types.is_integer_dtype(scores["seed"]):
        scores = scores.assign(seed=scores["seed"].astype("int64"))
    try:
        for _, runs in scores.groupby(["variant", "train_on"], sort=False):
            for _ in blocks(runs):
                pass
    except InputError as error:
        raise InputError(where, error.found, error.expected, remedy) from error
    return scores


def compare_results(a: pd.DataFrame, b: pd.DataFrame, level: float = 0.95) -> pd.DataFrame:
    """Every cell of two tables of scores, with the difference b - a and its interval over seeds and films.

    The seeds of both have nothing in common, even where their numbers are the same; the films are the same. The
    interval is that of `lungseg.statistics.intervals`, with each side's own seeds. Scores alone are read, never
    intervals or verdicts, so that results made before and after a change of statistics compare.

    Args:
        a: The table scores.csv of one.
        b: Of the other.
        level: Coverage of the intervals. Of cells that differ by chance alone 1 - level lie beyond.

    Returns:
        Columns of `COLUMNS`. verdict: `the same` (every film's score in every seed), `within noise` (the interval
        holds 0), `beyond noise`, `noise unknown` (no interval, as of one film), `other films` (the test films are not
        the same, so nothing is paired: those of all test sets, or of `pooled` alone), `only in A`, `only in B`.

    Raises:
        InputError: A table has gaps.
    """
    # A table that does not say so has no films apart.
    a, b = (one if APART in one else one.assign(**{APART: 0}) for one in (a, b))
    both = pd.concat([a.assign(side="a"), b.assign(side="b")], ignore_index=True)
    rows: list[dict[str, object]] = []
    for variant, own in both.groupby("variant", sort=False):
        for train_on, scores in own.groupby("train_on", sort=False):
            place = {"variant": variant, "train_on": train_on}
            rows += [place | row for row in _cells(scores.assign(variant=scores["side"]), level)]
    return pd.DataFrame(rows, columns=COLUMNS)


def _cells(scores: pd.DataFrame, level: float) -> Iterator[dict[str, object]]:
    """All cells of one variant and training set; the two sides stand in the variants' place."""
    both = scores["variant"].nunique() == 2
    if both and (common := _common(scores)) is not None:
        yield {"verdict": OTHER, "films": common}
        return
    if both and (pooled := _common(pooled_films(scores))) is not None:
        yield {"test_on": POOLED, "verdict": OTHER, "films": pooled}
        scores = scores.assign(**{APART: 1})  # so that they have no pool
    for block in blocks(scores):
        seeds = {f"seeds_{runs.variant}": len(runs.metrics) for runs in block.runs}
        for metric in COMPARED:
            at = METRICS.index(metric)
            means = {runs.variant: runs.metrics[..., at].mean() for runs in block.runs}
            if any(pd.isna(value) for value in means.values()):
                continue
            row: dict[str, object] = {"test_on": block.test_on, "metric": metric, "films": len(block.strata)}
            row |= means | seeds
            if len(block.runs) < 2:
                yield row | {"verdict": ONLY[block.runs[0].variant]}
                continue
            one, two = (runs.metrics[..., at, None] for runs in sorted(block.runs, key=lambda runs: runs.variant))
            estimate = crossed_estimate([two, one], [1, -1], block.strata)
            low, high = possible_interval(estimate, level, [metric], 1)[:, 0]
            same = one.shape == two.shape and bool((one == two).all())
            known = np.isfinite([low, high]).all()
            verdict = SAME if same else UNKNOWN if not known else WITHIN if low <= 0 <= high else BEYOND
            yield row | {"difference": estimate.mean[0], "low": low, "high": high, "verdict": verdict}


def _common(scores: pd.DataFrame) -> int | None:
    """How many films both sides have where they do not have the same ones; None where they do."""
    a, b = (set(scores.loc[scores["variant"] == side, FILM].itertuples(index=False, name=None)) for side in "ab")
    return None if a == b else len(a & b)


def as_lines(moved: pd.DataFrame, metric: str) -> list[str]:
    """How many cells have each verdict, and those of one metric, the greatest difference first.

    Args:
        moved: As from `compare_results`.
        metric: Which cells to list.
    """
    counts = moved["verdict"].value_counts()
    lines = [", ".join(f"{count} cell{'s' * (count != 1)} {verdict}" for verdict, count in counts.items()) + "."]
    listed = moved[moved["metric"].isin([metric]) | moved["metric"].isna()]
    order = listed["difference"].abs().sort_values(ascending=False, kind="stable", na_position="first").index
    row: Any
    for row in listed.loc[order].itertuples():
        if row.verdict == OTHER:
            where = f"{row.variant}, {row.train_on}" + ("" if pd.isna(row.test_on) else f" on {row.test_on}")
            films = "1 test film is" if row.films == 1 else f"{row.films} test films are"
            lines.append(f"{row.verdict:13} {where}: {films} in both")
            continue
        cell = f"{row.variant}, {row.train_on} on {row.test_on}, {row.metric}"
        if pd.isna(row.difference):
            lines.append(f"{row.verdict:13} {cell}")
            continue
        change = f"{row.a:.4f} to {row.b:.4f}: {row.difference:+.4f} {between(row.low, row.high, '+.4f')}"
        lines.append(f"{row.verdict:13} {cell}: {change}")
    return lines
