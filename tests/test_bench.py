"""The benchmarks' page says what their tables say; the tables have the agreed columns."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench.show import as_markdown
from bench.timing import COLUMNS, RESULTS, in_turn

PAGE = Path(__file__).parents[1] / "bench/README.md"
TABLES = [file for file in sorted(RESULTS.glob("*.csv")) if file.stem not in ("coverage", "scale")]


@pytest.mark.parametrize("file", TABLES, ids=lambda file: file.stem)
def test_page_shows_the_table(file: Path) -> None:
    table = pd.read_csv(file)
    assert list(table.columns) == [*COLUMNS, "hardware"]
    assert as_markdown(table) in PAGE.read_text(encoding="utf-8")
    assert (table["ratio_low"] <= table["ratio"]).all()
    assert (table["ratio"] <= table["ratio_high"]).all()


def test_ratio_is_the_others_time_over_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(np.cumsum([0.0, 1, 0, 3, 0, 2, 0, 8, 0, 1, 0, 3]))  # ours 1, 2, 1; the other 3, 8, 3
    monkeypatch.setattr("bench.timing.time.perf_counter", lambda: next(clock))
    pair = (lambda: None, lambda: None)
    row = in_turn("case", [pair] * 3, "ms", 1000, 3)
    assert (row["ours"], row["other"], row["ratio"]) == (1000, 3000, 3)
    assert (row["ratio_low"], row["ratio_high"], row["met"]) == (3, 3.5, True)
