"""What each part is worth, on the page and in the README: rows by hand, from published scores and a made-up plan."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from lungseg.files import write_csv
from lungseg.plan import Plan
from lungseg.report.parts import in_words, parts, parts_block, worth
from lungseg.report.readme import readme_block, result_block
from lungseg.report.results import Results
from lungseg.statistics.effects import COLUMNS as EFFECT_COLUMNS
from lungseg.statistics.effects import effects
from lungseg.tables import read_parquet
from tests.workflow import MISHRA, ROOT

MAIN = {"proposed": 0.5, "unet_inceptionresnetv2": -0.5, "unet_mobilenetv2": 0.5, "unet": -0.5}
EFFECTS = {"two encoders": MAIN, "of a network that is not there": {"proposed": 1, "none": -1}}


@pytest.fixture(scope="module")
def taken_apart(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """The published results of `laptop`, had its plan declared effects."""
    folder = tmp_path_factory.mktemp("apart")
    for name in ("comparisons.csv", "power.csv"):
        shutil.copy(ROOT / "results/laptop" / name, folder)
    manifest = json.loads((ROOT / "results/laptop/manifest.json").read_text())
    manifest["plan"]["plan"]["effects"] = EFFECTS
    (folder / "manifest.json").write_text(json.dumps(manifest))
    scores = read_parquet(ROOT / "results/laptop/scores.parquet")
    write_csv(effects(scores, EFFECTS, 0.95, manifest["plan"]["plan"]["pool"], {"dice": 0.005}), folder / "effects.csv")
    return Results(folder)


def test_effects_come_first_then_the_declared_pairs_as_declared(taken_apart: Results) -> None:
    plan = taken_apart.plan()
    rows = parts(taken_apart, plan, MISHRA.name)
    assert [row["effect"] for row in rows] == ["two encoders"] + [""] * len(plan.contrasts)
    assert [(row["a"], row["b"]) for row in rows[1:]] == list(plan.contrasts)
    means = (
        pd.read_csv(ROOT / "results/laptop/estimates.csv")
        .query("train_on == 'pooled' and test_on == 'pooled' and metric == 'dice'")
        .set_index("variant")["mean"]
    )
    assert rows[0]["difference"] == pytest.approx(sum(MAIN[name] * means[name] for name in MAIN), abs=1e-9)
    for row in rows[1:]:
        assert row["difference"] == pytest.approx(means[row["a"]] - means[row["b"]], abs=1e-9)
        assert row["low"] < row["difference"] < row["high"] and row["detectable"] > 0
        assert row["sign"] == ("gain" if row["low"] > 0 else "loss" if row["high"] < 0 else "undecided")


def test_block_tells_the_headline_at_best_rates_where_rates_were_tried(taken_apart: Results, tmp_path: Path) -> None:
    for name in ("comparisons.csv", "power.csv", "effects.csv"):
        shutil.copy(taken_apart.folder / name, tmp_path)
    shutil.copy(ROOT / "results/laptop/estimates.csv", tmp_path)
    manifest = taken_apart.manifest()
    manifest["config"]["tune"]["tries"] = {name: [0.8, 0.9, 0.7] for name in ("unet", "proposed")}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    said = parts_block(Results(tmp_path), MISHRA, "results/x").split("\n\n")
    assert said[2].startswith("Each at the best of three rates") and "less U-Net" in said[2]
    assert "best of three" not in parts_block(taken_apart, MISHRA, "results/x")


def test_block_of_an_experiment_that_takes_apart_is_about_parts(taken_apart: Results) -> None:
    block = readme_block(taken_apart, MISHRA, "results/x")
    assert block == parts_block(taken_apart, MISHRA, "results/x")
    assert "two encoders" in block and "not there" not in block and "of repetitions" in block
    assert block.count("\n| ") == 2 + 1 + len(taken_apart.plan().contrasts)
    laptop = Results(ROOT / "results/laptop")
    assert readme_block(laptop, MISHRA, "results/laptop") == result_block(laptop, MISHRA, "results/laptop")


def test_without_declared_effects_there_are_no_parts(taken_apart: Results) -> None:
    plan = taken_apart.plan()
    bare = Plan.model_validate(plan.model_dump() | {"effects": {}})
    assert parts(taken_apart, bare, MISHRA.name) == parts(taken_apart, None, MISHRA.name) == []
    elsewhere = plan.model_dump() | {"effects": {"x": EFFECTS["of a network that is not there"]}}
    only_pairs = Results(taken_apart.folder.parent)
    assert parts(only_pairs, Plan.model_validate(elsewhere), MISHRA.name) == []


@pytest.mark.parametrize(
    ("sign", "relevance", "told"),
    [
        ("gain", "beyond", "a gain of more than 0.005"),
        ("loss", "within", "a loss of less than 0.005"),
        ("undecided", "undecided", "sign and size undecided"),
        ("undecided", "within", "sign undecided, within 0.005 either way"),
        ("loss", "undecided", "a loss, size undecided"),
        ("gain", "", "a gain"),
    ],
)
def test_sign_and_size_are_told_apart(sign: str, relevance: str, told: str) -> None:
    assert worth({"sign": sign, "relevance": relevance, "margin": 0.005}) == told


def test_words_name_the_conditions(taken_apart: Results) -> None:
    from lungseg.config import read_experiment

    experiment = read_experiment(taken_apart.manifest()["config"])
    said = in_words(parts(taken_apart, taken_apart.plan(), MISHRA.name), experiment, 0.005)
    assert said.startswith("At 64 px, 8 epochs and 2 seeds") and "less than 0.005 does not count" in said
    assert "with 95% intervals over seeds and films" in said
    (first, *_) = parts(taken_apart, taken_apart.plan(), MISHRA.name)
    assert "would have been found in 80 % of repetitions" in in_words([first, first], experiment, 0.005)
    lost = first | {"detectable": None}  # whatever its size, it would not have been found
    assert "would have been found" not in in_words([first, lost], experiment, 0.005)
    others = [row | {"of": ("unet",)} for row in parts(taken_apart, taken_apart.plan(), MISHRA.name)]
    alone = experiment.model_copy(update={"variants": {"unet": experiment.variants["unet"]}, "seeds": (0,)})
    said = in_words(others, alone, 0.005)  # another paper has no network called proposed
    assert said.startswith("At 64 px, 8 epochs and 1 seed, worth in Dice, with 95% intervals over films, of one seed")


def test_block_marks_short_intervals_and_tells_of_trainings_that_diverged(taken_apart: Results, tmp_path: Path) -> None:
    folder = shutil.copytree(taken_apart.folder, tmp_path / "apart")
    assert "]‡ |" in (block := parts_block(Results(folder), MISHRA, "x")) and "‡ By simulation" in block
    (folder / "diverged.csv").write_text("variant,train_on,seed,epoch,epochs\nunet,pooled,7,3,8\n")
    assert "1 training: unet, pooled, seed 7 (epoch 3 of 8)." in parts_block(Results(folder), MISHRA, "x")
    (folder / "effects.csv").write_text(",".join(EFFECT_COLUMNS) + "\n")  # of networks that all diverged
    shutil.copy(ROOT / "results/laptop/estimates.csv", folder)
    shutil.copy(ROOT / "results/laptop/claims.csv", folder)
    assert readme_block(Results(folder), MISHRA, "x") == result_block(Results(folder), MISHRA, "x")
