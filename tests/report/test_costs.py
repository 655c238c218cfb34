"""The front holds what no other network makes needless; the page tells costs where there are some."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lungseg.report.costs import cost_rows, front, with_scores
from lungseg.report.page import page
from lungseg.report.results import Results
from tests.workflow import MISHRA, ROOT


@pytest.mark.parametrize(
    ("cost", "score", "expected"),
    [
        ([1, 2, 3], [0.7, 0.8, 0.9], [True, True, True]),  # each better one costs more
        ([1, 2, 3], [0.9, 0.8, 0.7], [True, False, False]),
        ([1, 2, 3], [0.7, 0.9, 0.8], [True, True, False]),
        ([2, 2], [0.8, 0.9], [False, True]),  # of the same cost
        ([1, 2], [0.8, 0.8], [True, False]),  # as good
        ([1, 1, 2], [0.8, 0.8, 0.7], [True, True, False]),  # alike in both
        ([1, np.nan, 2], [0.8, 0.9, 0.7], [True, False, False]),  # what is not known is not on it, and beats nobody
        ([1, 2], [np.nan, 0.7], [False, True]),
        ([], [], []),
    ],
)
def test_the_front_by_hand(cost: list[float], score: list[float], expected: list[bool]) -> None:
    assert front(np.array(cost, float), np.array(score, float)).tolist() == expected


def test_the_front_is_never_empty_and_whatever_is_off_it_is_beaten_by_one_on_it() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        cost, score = rng.integers(1, 5, (2, 6)).astype(float)
        on = front(cost, score)
        for a in np.flatnonzero(~on):
            assert any(cost[b] <= cost[a] and score[b] >= score[a] for b in np.flatnonzero(on))
        assert on.any()


COSTS = pd.DataFrame(
    {"variant": ["unet", "unet_mobilenetv2", "unet_inceptionresnetv2", "proposed"],
     "parameters": [7762465, 4004369, 62028721, 64864833], "trained_parameters": [7762465, 4004369, 62028721, 1000000],
     "gflops": [1.5, 0.34, np.nan, 2.21], "train_memory_mb": [394.2, 274.0, 1358.8, 1775.2],
     "predict_memory_mb": 50.0, "films_per_second": 60.0, "ms_per_film": 12.0, "weights_mb": 31.1,
     "hardware": "<b>this</b> CPU", "training_hardware": "another CPU",
     "train_memory": ["measured", "measured", "measured", "foretold"], "batch_size": 16, "arithmetic": "float32"}
)  # fmt: skip


@pytest.fixture
def results(tmp_path: Path) -> Results:
    """Published results of older code, which have no costs."""
    folder = tmp_path / "results"
    shutil.copytree(ROOT / "results/laptop", folder, ignore=shutil.ignore_patterns("runs", "*.npz", "*.parquet"))
    for file in [folder / "cost.csv", *folder.glob("figures/cost.*")]:
        file.unlink(missing_ok=True)
    return Results(folder)


def _page(results: Results) -> str:
    return page(results, MISHRA, ROOT / "workflow/report", "", "snakemake", 0.95)


def test_results_of_older_code_have_a_page_without_costs(results: Results) -> None:
    assert cost_rows(results, "pooled", "pooled") == []
    text = _page(results)
    assert 'id="cost"' not in text and "What do they cost?" not in text
    assert 'id="yardsticks"' in text


def test_the_page_tells_each_cost_and_what_it_does_not_decide(results: Results) -> None:
    COSTS.to_csv(results.folder / "cost.csv", index=False)
    text = _page(results)
    section = text.partition('<section id="cost">')[2].partition("</section>")[0]
    assert '<a href="#cost">What do they cost?</a>' in text
    assert section.count('<th scope="row">') == 4
    for number in ("64.86", "1.00 trained", "2.21", "394", "1775", "foretold", "60.0", "12.0"):
        assert number in section
    assert "&lt;b&gt;this&lt;/b&gt; CPU" in section and "another CPU" in section
    assert "claims on parameters and time</a>, and overturns no <em>untested</em>" in section
    assert "a batch of 16." in section
    assert "<svg" not in section  # there is no figure beside it


def test_rows_begin_with_the_best_and_name_their_fronts(results: Results) -> None:
    COSTS.to_csv(results.folder / "cost.csv", index=False)
    shown = json.loads((results.folder / "manifest.json").read_text())["config"]["table1"]
    rows = cost_rows(results, shown["train_on"], shown["test_on"])
    means = [row["mean"] for row in rows]
    assert means == sorted(means, reverse=True) and len(rows) == 4
    assert rows[0]["fronts"][:1] == ["parameters"]  # the best one is on it
    by_name = {row["variant"]: row["fronts"] for row in rows}
    assert by_name["unet_mobilenetv2"] == ["parameters", "operations"]  # the cheapest one too
    assert "operations" not in by_name["unet_inceptionresnetv2"]


def test_a_network_without_a_whole_run_has_costs_and_no_score() -> None:
    estimates = pd.DataFrame({"variant": ["unet"], "train_on": "p", "test_on": "p", "metric": "dice", "mean": 0.9})
    table = with_scores(COSTS, estimates.assign(low=0.8, high=0.95), "p", "p")
    assert table["mean"].notna().tolist() == [True, False, False, False]
    assert table["front_parameters"].tolist() == [True, False, False, False]
