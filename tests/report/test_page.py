"""What the page says before any number."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from lungseg.config import read_experiment
from lungseg.report.page import band, page, sentences
from lungseg.report.results import Results
from tests.workflow import MISHRA, ROOT

CONFIG: dict[str, Any] = {"note": "A note.", "datasets": ["jsrt"], "variants": {"unet": {"encoders": []}}}
ARCHIVES = {"jsrt": [{"official": True}]}


@pytest.mark.parametrize(
    ("trained", "here", "told"),
    [
        (None, [], True),
        (None, ["H100"], False),
        ([{"gpu": None}], ["H100"], True),  # bundles of a CPU, drawn on a machine with a GPU
        ([{"gpu": None}, {"gpu": "H100"}], [], False),
    ],
)
def test_where_the_runs_were_trained_counts_not_where_the_page_is_made(
    trained: list[dict[str, str | None]] | None, here: list[str], told: bool
) -> None:
    manifest = {"config": CONFIG, "archives": ARCHIVES, "hardware": {"gpus": here}}
    lines = band(manifest | ({} if trained is None else {"trained": trained}), MISHRA)
    assert ("Trained without a GPU." in lines) == told
    assert lines[0] == "A note."


def test_starts_and_archives_are_told() -> None:
    variants = {
        "unet_mobilenetv2": {"encoders": ["mobilenetv2"], "weights": "imagenet-8bit"},
        "proposed": {
            "encoders": ["mobilenetv2", "inceptionresnetv2"],
            "weights": {"mobilenetv2": "imagenet-8bit", "inceptionresnetv2": "random"},
        },
    }
    archives = {"jsrt": [{"official": False}, {"official": None}]}
    manifest = {"config": CONFIG | {"variants": variants}, "archives": archives, "hardware": {"gpus": ["H100"]}}
    assert band(manifest, MISHRA)[1:] == [
        "1 of the archives is not the official bytes.",
        "Of 1 archives no official hash is known to compare with.",
        "Encoders with random weights: Proposed: both encoders.",
    ]
    two = manifest | {"archives": {"jsrt": [{"official": False}], "shenzhen": [{"official": False}]}}
    assert "2 of the archives are not the official bytes." in band(two, MISHRA)


@pytest.mark.parametrize("films", ["jsrt", "phantom"])
def test_the_answer_counts_what_can_be_compared_and_drawn_films_compare_with_nothing(films: str) -> None:
    config = {"name": "x", "datasets": [films], "train_on": {"pooled": [films]}, "variants": {"unet": {}}}
    cells = pd.DataFrame({"published": [0.9, 0.8, 0.7, None], "inside": [True, False, None, None]})
    cells = cells.assign(variant=["unet", "unet", "mine", "mine"], metric=["dice", "iou", "dice", "iou"])
    foreseen = pd.DataFrame({"variant": "unet", "metric": ["dice", "iou"] * 2, "their_films": [28, 28, 192, 192]})
    foreseen = foreseen.assign(their_low=[0.94, 0.86, 0.6, 0.6], their_high=[0.97, 0.9, 1.0, 1.0])
    comparisons = pd.DataFrame(columns=["variant_a", "variant_b", "train_on", "test_on", "metric", "verdict"])
    audited = pd.DataFrame({"row": ["a", "a"], "rule": ["r <= s"] * 2, "verdict": ["impossible", "inconsistent"]})
    gain, compared, own = sentences(cells, comparisons, audited, foreseen, MISHRA, read_experiment(config), None)
    assert "has not both" in gain
    if films == "phantom":
        assert compared == "Its films are drawn, and say nothing about the printed values."
    else:
        assert compared == (
            "1 of the 2 printed values that this run can compare lie where such networks, trained once, are expected "
            "to score on 28 other films of this kind (95% prediction intervals, each by itself)."
        )
        one_run = foreseen.assign(their_low=float("nan"), their_high=float("nan"))
        for nothing in (one_run, foreseen[:0]):  # the latter without a plan
            told = sentences(cells, comparisons, audited, nothing, MISHRA, read_experiment(config), None)[1]
            assert told == "No printed value is compared with what other films would give: this run does not tell it."
    finer = MISHRA.model_copy(update={"cells": {"unet": {"dice": "0.900", "iou": "0.8"}}})  # not 0.95 any more
    told = sentences(cells, comparisons, audited, foreseen, finer, read_experiment(config), None)[1]
    assert films == "phantom" or told.startswith("0 of the 2 ")
    assert "2 contradictions in 1 of its 4 rows: r ≤ s (2). 1 of them" in own
    nothing = sentences(cells, comparisons, audited[:0], foreseen, MISHRA, read_experiment(config), None)[2]
    assert nothing == "Arithmetic finds no contradiction in the printed table, which may be wrong even so."


def test_a_page_without_intervals_plan_or_second_training_is_made_and_says_so(tmp_path: Path) -> None:
    """As of one test film, of an experiment that declared nothing, and of one seed."""
    skipped = shutil.ignore_patterns("runs", "*.png", "*.pdf", "*.parquet")
    results = Results(shutil.copytree(ROOT / "results/laptop", tmp_path / "results", ignore=skipped))
    manifest = json.loads((results.folder / "manifest.json").read_text())
    (results.folder / "manifest.json").write_text(json.dumps(manifest | {"plan": None}))
    for file in results.folder.glob("*.csv"):
        table = pd.read_csv(file)
        changes = {
            name: None for name in ("low", "high", "pooled_low", "pooled_high", "inside", "p_holm") if name in table
        }
        changes |= {"seeds": 1} if "seeds" in table else {}
        changes |= {"note": "one run", "seed_variance": "none"} if file.name == "comparisons.csv" else {}
        table.assign(**changes)[: 0 if file.name == "elsewhere.csv" else None].to_csv(file, index=False)
    text = page(results, MISHRA, ROOT / "workflow/report", "", "snakemake", 0.95)
    shown = re.sub("<[^>]+>", "", text.split("<main>")[1].split("</main>")[0])
    assert "[no interval]" in shown and "nan" not in re.findall(r"[a-z]+", shown)
    assert "interval over films, of one seed" in shown and "over seeds and films" not in shown
    assert "One training alone: the interval is over films" in shown and "Of such intervals" not in shown
    assert "With one seed that shows nothing of how much seeds vary" in shown


def test_what_the_configuration_leaves_out_is_told_with_its_reason() -> None:
    config = CONFIG | {"exclude": {"jsrt": {"JPCLN016": "one <b>lung</b>"}}}
    lines = band({"config": config, "archives": ARCHIVES, "hardware": {"gpus": ["H100"]}}, MISHRA)
    assert lines == ["A note.", "Left out by the configuration: 1 film of jsrt (JPCLN016: one <b>lung</b>)."]
