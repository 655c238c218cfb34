"""Is an honest table ever accused, and how many slips of one cell are found?

    python -m bench.audit      writes bench/results/audit.md; ten minutes on two cores

The tables are those of `bench.honest`, their seeds were fixed before the rules were written.
"""

import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.honest import SEEDS, SLIP_SEED, honest, slip
from lungseg.claims.arithmetic import audit
from lungseg.claims.printed_table import as_printed
from lungseg.claims.relation import Averaging

OUTPUT = Path(__file__).parent / "results/audit.md"
TABLES = 10_000
# What a reader of such tables declares. Trimmed means are sorted films, as medians are.
DECLARED: dict[str, Averaging] = {
    "films": "films",
    "pooled": "pooled",
    "classes": "classes",
    "median": "median",
    "trimmed": "median",
}
ALL: dict[str, Averaging] = {**DECLARED, "any": "any"}


@dataclass(frozen=True)
class Slip:
    """One cell of a row is wrong.

    Args:
        averaging: A key of `ALL`.
        columns: What the row prints.
        by: How much too high or too low the cell is.
        rate: How many are to be found; 0 where no goal was set.
    """

    averaging: str
    columns: tuple[str, ...]
    by: float
    rate: float = 0.0


THREE, TWO = ("dice", "precision", "recall"), ("dice", "recall")
GOALS = tuple(Slip(name, columns, by, rate) for columns, by, rate in ((THREE, 0.01, 0.45), (TWO, 0.02, 0.25))
              for name in ("films", "pooled"))  # fmt: skip
OTHERS = tuple(Slip(name, columns, by) for columns, by in ((THREE, 0.01), (TWO, 0.02), (("dice", "iou"), 0.01))
               for name in ALL if (name, columns) not in {(one.averaging, one.columns) for one in GOALS})  # fmt: skip


def accused(averaging: str, tables: int, declared: Averaging | None = None) -> int:
    """Honest tables with a finding.

    Args:
        averaging: A key of `ALL`.
        tables: How many are drawn.
        declared: How they are said to be averaged; as they are where it is None. What is `unstated` is accused where
            a finding is `impossible`: an `inconsistent` one only says that columns are not averaged alike.
    """
    rng, count = np.random.default_rng(SEEDS[averaging]), 0
    for _ in range(tables):
        table = honest(averaging, rng)
        made = audit(as_printed(table.cells), declared or ALL[averaging], combined=table.combined)
        count += any(declared != "unstated" or finding.verdict == "impossible" for finding in made)
    return count


def found(case: Slip, tables: int, declared: Averaging | None = None) -> float:
    """The share of rows with a slip in which a rule is broken."""
    rng, count = np.random.default_rng(SLIP_SEED), 0
    for _ in range(tables):
        row = slip(case.averaging, list(case.columns), case.by, rng)
        count += any(True for _ in audit(as_printed(row), declared or ALL[case.averaging]))
    return count / tables


def main(tables: int) -> str:
    """The page."""
    slips = (*GOALS, *OTHERS)
    with ProcessPoolExecutor() as pool:
        honest_ones = pool.map(accused, ALL, [tables] * len(ALL))
        unstated = pool.map(accused, ALL, [tables] * len(ALL), ["unstated"] * len(ALL))
        rates = list(pool.map(found, slips, [tables] * len(slips)))
    lines = [
        "| tables averaged as | declared | accused | not declared: called impossible |",
        "| --- | --- | ---: | ---: |",
    ]
    lines += [
        f"| {name} | {declared} | {count:,} of {tables:,} | {other:,} of {tables:,} |"
        for (name, declared), count, other in zip(ALL.items(), honest_ones, unstated, strict=True)
    ]
    wrong = ["| columns | one cell off by | averaged as | found | goal |", "| --- | ---: | --- | ---: | ---: |"]
    wrong += [
        f"| {', '.join(one.columns)} | {one.by} | {one.averaging} | {rate:.1%} | "
        f"{f'≥ {one.rate:.0%}' if one.rate else '–'} |"
        for one, rate in zip(slips, rates, strict=True)
    ]
    return "\n\n".join([
        "# The audit of honest tables, and of tables with a slip",
        f"Made by `python -m bench.audit`: {tables:,} random tables a row, of 3 to 199 films each that differ in size, "
        "lung and failure, printed with two to four decimals of a fraction, some as percentages.",
        "\n".join(lines),
        "In the last row each column is averaged in its own way, Dice and IoU too. The audit cannot know that unless "
        "it is declared, and calls `impossible` what two numbers averaged alike cannot be.",
        "How many slips are found:",
        "\n".join(wrong),
    ]) + "\n"  # fmt: skip


if __name__ == "__main__":
    page = main(int(sys.argv[1]) if len(sys.argv) > 1 else TABLES)
    OUTPUT.write_text(page, encoding="utf-8")
    print(page)
