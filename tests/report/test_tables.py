"""Table 1: published numbers beside ours, in four forms that say the same."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lungseg.config import read_experiment
from lungseg.errors import InputError
from lungseg.report.tables import (
    answer,
    comparison_table,
    conditions,
    coverage_note,
    dataset_table,
    failures,
    headline,
    layout,
    legend,
    table1,
    tally,
    to_html,
    to_latex,
    to_markdown,
)
from tests.workflow import MISHRA

BOTH: dict[str, object] = {"encoders": ["mobilenetv2", "inceptionresnetv2"]}
CONFIG: dict[str, object] = {
    "name": "small",
    "datasets": ["jsrt"],
    "train_on": {"pooled": ["jsrt"]},
    "variants": {"unet": {}, "proposed": {"width": 8}},
}
EXPERIMENT = read_experiment(CONFIG)
TABLE1 = MISHRA.table()
NOTE = legend(0.95) + " Drawn films, 64 px, 100 % random_initialisation."


def estimates() -> pd.DataFrame:
    """Estimates around the published values: U-Net's Dice inside its interval, the proposed network's outside."""
    rows = []
    for variant in ("unet", "proposed", "mine"):
        for metric in (*MISHRA.metrics, *(f"{m}_pooled" for m in list(MISHRA.metrics) if m != "loss")):
            mean = 0.95 + 0.001 * len(rows)
            if variant == "unet" and metric == "dice":
                mean = 0.957
            rows.append((variant, "pooled", "pooled", metric, mean, mean - 0.002, mean + 0.002, 192, 2))
    names = ["variant", "train_on", "test_on", "metric", "mean", "low", "high", "images", "seeds"]
    return pd.DataFrame(rows, columns=names)


def test_rows_are_the_papers_with_ours_beside_them() -> None:
    table = table1(estimates(), MISHRA, "pooled", "pooled").set_index(["variant", "metric"])
    assert list(table.loc["unet"].index) == list(MISHRA.metrics)
    assert table.loc[("proposed", "dice"), "published"] == 0.984
    assert table.loc[("unet", "dice"), "inside"] is True
    assert table.loc[("proposed", "dice"), "inside"] is False
    assert pd.isna(table.loc[("mine", "dice"), "published"])
    assert pd.isna(table.loc[("mine", "dice"), "inside"])
    assert np.isnan(table.loc[("unet", "loss"), "pooled_mean"])


def test_published_numbers_contradict_themselves_as_the_paper_prints_them() -> None:
    """The facts that reading the paper found: IoU above recall, Dice above the mean of precision and recall."""
    assert (TABLE1.loc["iou"] > TABLE1.loc["recall"]).all()
    assert (TABLE1.loc["dice"] > (TABLE1.loc["precision"] + TABLE1.loc["recall"]) / 2).all()


def test_every_form_shows_every_number() -> None:
    shown = layout(table1(estimates(), MISHRA, "pooled", "pooled"), MISHRA)
    texts = [render(shown, "Table 1.", NOTE) for render in (to_markdown, to_latex, to_html)]
    for text in texts:
        assert all(f"{value:.3f}" in text for value in TABLE1["proposed"])
        assert "0.957 [0.955, 0.959]" in text or ("& 0.957 &" in text and "& {[0.955, 0.959]} &" in text)
        assert "95" in text
        assert "Drawn films" in text
    assert "0.957 [0.955, 0.959]†" not in texts[0]
    assert texts[0].count("†") > 1
    assert "random\\_initialisation" in texts[1]
    assert to_html(shown, "Table 1.", NOTE) == texts[2]


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no LaTeX here")
def test_latex_compiles(tmp_path: Path) -> None:
    table = to_latex(layout(table1(estimates(), MISHRA, "pooled", "pooled"), MISHRA), "Table 1.", NOTE)
    head = r"\documentclass{article}\usepackage{booktabs}\begin{document}"
    (tmp_path / "t.tex").write_text(head + table + r"\end{document}")
    command = ["pdflatex", "-halt-on-error", "t.tex"]
    said = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True, errors="replace").stdout
    assert "Overfull" not in said  # no wider than the page


def test_unknown_cell_is_told() -> None:
    with pytest.raises(InputError, match="config key table1: found nlm on jsrt, expected pooled on pooled"):
        table1(estimates(), MISHRA, "nlm", "jsrt")


def test_dataset_table_has_a_column_per_test_set() -> None:
    text = dataset_table(estimates(), MISHRA, "pooled", "dice")
    assert "all (192 films)" in text
    assert "| U-Net | 0.957 [0.955, 0.959] |" in text


@pytest.mark.parametrize("variants", [["unet", "proposed"], ["unet", "proposed", "mine"]])
def test_mark_stands_where_the_published_value_is_outside(variants: list[str]) -> None:
    shown = layout(table1(estimates().query("variant in @variants"), MISHRA, "pooled", "pooled"), MISHRA)["Dice"]
    assert shown["U-Net", "mean over films"] == "0.957 [0.955, 0.959]"
    assert shown.iloc[4].endswith("†")


def test_comparison_table_shows_gains_of_the_later_network() -> None:
    columns = ["variant_a", "variant_b", "train_on", "test_on", "metric", "difference", "low", "high", "p", "p_holm"]
    rows = [
        ("unet", "proposed", "pooled", "pooled", "dice", -0.01, -0.02, 0.005, 0.03, 0.06),
        ("unet", "mine", "pooled", "pooled", "dice", -0.01, -0.02, 0.005, 0.03, 0.06),
    ]
    text = comparison_table(pd.DataFrame(rows, columns=columns), MISHRA, "pooled", "pooled", "dice")
    assert "against U-Net | +0.027 | +0.0100 [-0.0050, +0.0200] | 0.06 |" in text
    assert len(text.splitlines()) == 3


@pytest.mark.parametrize(
    ("low", "high", "compared", "said", "published"),
    [
        (-0.03, -0.01, "b better", "beats the plain U-Net in Dice: +0.0200 [+0.0100, +0.0300]", "lies inside"),
        (-0.004, 0.001, "equivalent", "and the plain U-Net are equivalent, within 0.005 Dice: +0.0015", "lies outside"),
        (
            -0.004,
            -0.001,
            "equivalent",
            "is better than the plain U-Net, by less than the 0.005 Dice that count: +0",
            "lies",
        ),
        (
            0.001,
            0.004,
            "equivalent",
            "is worse than the plain U-Net, by less than the 0.005 Dice that count: -0",
            "lies",
        ),
        (-0.02, 0.01, "undecided", "cannot be told from the plain U-Net in Dice: +0.0050", "lies outside"),
        (0.01, 0.03, "a better", "is worse than the plain U-Net in Dice: -0.0200 [-0.0300, -0.0100]", "lies outside"),
    ],
)
def test_answer_follows_the_comparison(low: float, high: float, compared: str, said: str, published: str) -> None:
    row = {"variant_a": "unet", "variant_b": "proposed", "train_on": "pooled", "test_on": "pooled", "metric": "dice"}
    row |= {"difference": (low + high) / 2, "low": low, "high": high, "verdict": compared}  # type: ignore[dict-item]
    text = answer(pd.DataFrame([row]), MISHRA, EXPERIMENT)
    assert said in text
    assert f"+0.027, {published}" in text


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, "At 256 px, 60 epochs and 5 seeds"),
        ({"datasets": ["phantom"], "train_on": {"pooled": ["phantom"]}}, "and 5 seeds, on drawn films"),
        ({"seeds": [3], "training": {"epochs": 1}}, "At 256 px, 1 epoch and 1 seed"),
        ({"variants": {"proposed": BOTH}}, "5 seeds, with encoders that start from random weights"),
        (
            {"variants": {"proposed": BOTH | {"weights": {"mobilenetv2": "imagenet", "inceptionresnetv2": "random"}}}},
            "5 seeds, with one encoder that starts from random weights",
        ),
        ({"variants": {"proposed": BOTH | {"weights": "imagenet"}}}, "At 256 px, 60 epochs and 5 seeds"),
    ],
)
def test_conditions_stand_in_the_sentence(change: dict[str, object], said: str) -> None:
    text = conditions(read_experiment(CONFIG | change), "proposed")
    assert text.endswith(said)


def test_an_experiment_without_the_pair_says_so() -> None:
    columns = ["variant_a", "variant_b", "train_on", "test_on", "metric", "difference", "low", "high", "verdict"]
    assert "has not both" in answer(pd.DataFrame(columns=columns), MISHRA, EXPERIMENT)


def test_headline_holds_dice_and_iou_of_one_cell() -> None:
    means = headline(estimates(), "pooled", "pooled")
    assert means["dice"]["unet"] == 0.957
    assert list(means) == ["dice", "iou"]
    assert list(means["iou"]) == ["unet", "proposed", "mine"]


def test_failures_are_counted_over_the_shown_cells() -> None:
    rows = [
        {"variant": v, "train_on": "pooled", "test_on": t, "metric": m, "failures": n, "images": 10, "seeds": 2}
        for v in ("unet", "proposed") for t, n in (("pooled", 3), ("jsrt", 1)) for m in ("dice", "iou")
    ]  # fmt: skip
    assert failures(pd.DataFrame(rows), "pooled", "pooled") == "6 of 40 predictions found no lung, and count as 0."
    assert failures(pd.DataFrame(rows).assign(failures=0), "pooled", "jsrt") == "0 of 40 predictions found no lung."


def test_coverage_is_told_for_the_nearest_number_of_seeds() -> None:
    rows = [
        {"scene": scene, "seeds": seeds, "films": 28, "quantity": quantity, "method": method}
        | {"coverage": 0.9 + seeds / 100}
        for scene in ("montgomery", "unsteady seeds") for seeds in (2, 5) for quantity in ("mean", "difference")
        for method in ("crossed t (in the tables)", "crossed t")
    ]  # fmt: skip
    rows += [row | {"method": "Hall (before)", "coverage": 0.5} for row in rows if row["method"] == "crossed t"]
    note = coverage_note(pd.DataFrame(rows), pd.DataFrame({"seed_variance": ["pool"]}), seeds=3)
    assert "with 2 seeds" in note and note.endswith("in 92.0% on 28 films (montgomery).")
    assert coverage_note(pd.DataFrame(rows), pd.DataFrame(), seeds=3).endswith("in 50.0% on 28 films (montgomery).")


def test_verdicts_are_tallied_in_their_order() -> None:
    verdicts = pd.DataFrame({"verdict": ["untested", "contradicted", "supported", "contradicted"]})
    assert tally(verdicts) == "1 supported, 2 contradicted, 1 untested"
