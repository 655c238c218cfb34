"""Ours and the alternative in turn, in one run, on the same data: ratios with their spread."""

import platform
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from lungseg.machine import commit

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "bench/results"
UNITS = {"avx512_bf16": "AVX512-BF16", "amx_bf16": "AMX-BF16"}
COLUMNS = ["case", "ours", "other", "unit", "ratio", "ratio_low", "ratio_high", "goal", "met"]


def seconds(work: Callable[[], object]) -> float:
    """How long a piece of work takes."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def in_turn(
    case: str, pieces: Sequence[tuple[Callable[[], object], Callable[[], object]]], unit: str, per: float, goal: float
) -> dict[str, object]:
    """Time pairs of ours and the other, one after the other, after one pair that is not counted.

    Args:
        case: Name of the row.
        pieces: Pairs of the same work; each gives one ratio.
        unit: Of the columns ours and other.
        per: Seconds of a piece times this are in that unit.
        goal: How many times as fast ours shall be.

    Returns:
        A row of `COLUMNS`; ratio is the median of the other's time over ours, with the quartiles around it.
    """
    for work in pieces[0]:
        work()
    times = np.array([[seconds(ours), seconds(other)] for ours, other in pieces])
    low, ratio, high = np.quantile(times[:, 1] / times[:, 0], [0.25, 0.5, 0.75])
    ours, other = np.median(times, axis=0) * per
    row = {
        "case": case,
        "ours": ours,
        "other": other,
        "unit": unit,
        "ratio": ratio,
        "ratio_low": low,
        "ratio_high": high,
    }
    return row | {"goal": goal, "met": bool(ratio >= goal)}


def read_table(file: Path) -> pd.DataFrame:
    """A table of benchmarks; a commit of digits alone, or of digits around an e, stays text."""
    return pd.read_csv(file, dtype={"code": str})


def write(name: str, rows: Sequence[dict[str, object]], hardware: str | None = None) -> None:
    """Write rows to results/{name}.csv above those of other machines, in the place of this machine's, and print them.

    Args:
        name: Of the benchmark.
        rows: With `COLUMNS`.
        hardware: What they were measured on; the processor where it is not said. `MEASURED` is added too.
    """
    table = pd.DataFrame(rows)[COLUMNS].assign(hardware=hardware or processor(), code=MEASURED)
    file = RESULTS / f"{name}.csv"
    print(table.to_string(index=False, float_format="%.4g"))
    print(f"bench.{name} took {(time.perf_counter() - STARTED) / 60:.1f} minutes", flush=True)
    RESULTS.mkdir(exist_ok=True)
    kept = [read_table(file).query("hardware not in @table.hardware")] if file.exists() else []
    pd.concat([table, *kept]).to_csv(file, index=False, float_format="%.4g")


def code() -> str:
    """The commit that is measured; with a + where files beside the results differ from it, `no commit` outside git."""
    facts = commit(ROOT)
    if facts["commit"] is None:
        return "no commit"
    changed = [path for path in facts["changed"] if not path.startswith(("bench/results/", "bench/README.md"))]
    return str(facts["commit"])[:7] + "+" * bool(changed)


def processor() -> str:
    """The processor's name as its kernel tells it, and whether it has bfloat16 arithmetic."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    units = [unit for flag, unit in UNITS.items() if any(flag in line.split() for line in lines)]
    unit = ", ".join(units) or "without AVX512-BF16 or AMX"
    return f"{len(names)} x {names[0]} ({unit})" if names else platform.processor()


STARTED, MEASURED = time.perf_counter(), code()  # as a benchmark begins
