"""Table 1: published numbers beside ours, in four forms that say the same."""

import shutil
import subprocess
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd
import pytest

from lungseg.config import read_experiment
from lungseg.errors import InputError
from lungseg.paper import Metric
from lungseg.plan import plan_file, read_plan
from lungseg.report.tables import (
    OUTSIDE,
    TITLES,
    answer,
    before_training,
    beside_table,
    comparison_table,
    conditions,
    corrected,
    coverage_note,
    dataset_table,
    failures,
    headline,
    layout,
    legend,
    small,
    table1,
    tally,
    to_html,
    to_latex,
    to_markdown,
    when_fixed,
)
from tests.workflow import MISHRA, ROOT

BOTH: dict[str, object] = {"encoders": ["mobilenetv2", "inceptionresnetv2"]}
CONFIG: dict[str, object] = {
    "name": "small",
    "datasets": ["jsrt"],
    "train_on": {"pooled": ["jsrt"]},
    "variants": {"unet": {}, "proposed": {"width": 8}},
}
EXPERIMENT = read_experiment(CONFIG)
PLAN = read_plan(plan_file(ROOT / "workflow/papers/mishra", "paper"))
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
    table = table1(estimates(), MISHRA, "pooled", "pooled", PLAN.metrics).set_index(["variant", "metric"])
    assert list(table.loc["unet"].index) == list(MISHRA.metrics)
    assert table.loc[("proposed", "dice"), "published"] == 0.984
    assert table.loc[("unet", "dice"), "inside"] is True
    assert table.loc[("proposed", "dice"), "inside"] is False
    assert pd.isna(table.loc[("mine", "dice"), "published"])
    assert pd.isna(table.loc[("mine", "dice"), "inside"])
    # Which loss the paper prints is not said, so none of ours lies inside or outside of it.
    assert table.loc[("unet", "loss"), "published"] == 0.033 and pd.isna(table.loc[("unet", "loss"), "inside"])
    assert np.isnan(table.loc[("unet", "loss"), "pooled_mean"])


def test_every_metric_that_a_paper_may_print_has_a_title() -> None:
    assert set(TITLES) == set(get_args(Metric))


def test_a_value_without_an_interval_lies_neither_inside_nor_outside() -> None:
    table = table1(estimates().assign(low=np.nan, high=np.nan), MISHRA, "pooled", "pooled", PLAN.metrics)
    assert table["inside"].isna().all()
    shown = layout(table, MISHRA).to_string()
    assert "[no interval]" in shown and "nan" not in shown and OUTSIDE not in shown


def test_published_numbers_contradict_themselves_as_the_paper_prints_them() -> None:
    """The facts that reading the paper found: IoU above recall, Dice above the mean of precision and recall."""
    assert (TABLE1.loc["iou"] > TABLE1.loc["recall"]).all()
    assert (TABLE1.loc["dice"] > (TABLE1.loc["precision"] + TABLE1.loc["recall"]) / 2).all()


def test_every_form_shows_every_number() -> None:
    shown = layout(table1(estimates(), MISHRA, "pooled", "pooled", PLAN.metrics), MISHRA)
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
    table = to_latex(layout(table1(estimates(), MISHRA, "pooled", "pooled", PLAN.metrics), MISHRA), "Table 1.", NOTE)
    head = r"\documentclass{article}\usepackage{booktabs}\begin{document}"
    (tmp_path / "t.tex").write_text(head + table + r"\end{document}")
    command = ["pdflatex", "-halt-on-error", "t.tex"]
    said = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True, errors="replace").stdout
    assert "Overfull" not in said  # no wider than the page


def test_unknown_cell_is_told() -> None:
    with pytest.raises(InputError, match="config key table1: found nlm on jsrt, expected pooled on pooled"):
        table1(estimates(), MISHRA, "nlm", "jsrt", PLAN.metrics)


def test_dataset_table_has_a_column_per_test_set() -> None:
    text = dataset_table(estimates(), MISHRA, "pooled", "dice")
    assert "all (192 films)" in text
    assert "| U-Net | 0.957 [0.955, 0.959] |" in text


@pytest.mark.parametrize("variants", [["unet", "proposed"], ["unet", "proposed", "mine"]])
def test_mark_stands_where_the_published_value_is_outside(variants: list[str]) -> None:
    shown = layout(table1(estimates().query("variant in @variants"), MISHRA, "pooled", "pooled", PLAN.metrics), MISHRA)[
        "Dice"
    ]
    assert shown["U-Net", "mean over films"] == "0.957 [0.955, 0.959]"
    assert shown.iloc[4].endswith("†")


def pair(low: float, high: float, sign: str, verdict: str | None = None) -> dict[str, object]:
    """A row of comparisons.csv: U-Net against the proposed network."""
    where = {"variant_a": "unet", "variant_b": "proposed", "train_on": "pooled", "test_on": "pooled", "metric": "dice"}
    return where | {"difference": (low + high) / 2, "low": low, "high": high, "sign": sign, "verdict": verdict or sign}


def test_the_short_table_has_a_network_in_each_row_beside_what_the_headline_compares_with() -> None:
    pairs = pd.DataFrame([pair(-0.02, 0.005, "undecided")])
    lines = beside_table(estimates(), pairs, MISHRA, "pooled", "pooled").splitlines()
    assert lines[0] == "| Network | printed | here | less U-Net | which is better |" and len(lines) == 5
    assert lines[2] == "| U-Net | 0.957 | 0.957 [0.955, 0.959] |  |  |"
    assert lines[3].startswith("| Proposed: both encoders | 0.984 | 0.9")
    assert lines[3].endswith(" | +0.0075 [-0.0050, +0.0200] | undecided |")
    assert lines[4].startswith("| mine | – | ") and lines[4].endswith(" |  |  |")


def test_comparison_table_shows_gains_of_the_later_network() -> None:
    rows = [pair(-0.02, 0.005, "undecided"), pair(-0.02, 0.005, "undecided") | {"variant_b": "mine"}]
    text = comparison_table(pd.DataFrame(rows), MISHRA, "pooled", "pooled", "dice")
    assert "against U-Net | +0.027 | +0.0075 [-0.0050, +0.0200] | undecided |" in text
    assert len(text.splitlines()) == 3
    within = comparison_table(
        pd.DataFrame([pair(-0.004, -0.001, "b better", "equivalent")]), MISHRA, "pooled", "pooled", "dice"
    )
    assert "| better, by less than the margin |" in within


def test_answer_without_an_interval_compares_nothing() -> None:
    text = answer(pd.DataFrame([pair(np.nan, np.nan, "undecided") | {"difference": -0.01}]), MISHRA, EXPERIMENT, PLAN)
    assert "+0.0100 [no interval]." in text and "is not compared" in text
    assert "lies" not in text and "nan" not in text


def test_answer_names_what_its_interval_is_over_and_how_such_intervals_do() -> None:
    row = pair(-0.03, -0.01, "b better") | {"p_holm": 0.0496, "note": "nominal 95%, simulated 84% at this shape"}
    said = "(95% interval over seeds and films; p 0.0496 after Holm's correction; of such intervals: nominal 95%, "
    assert said in answer(pd.DataFrame([row]), MISHRA, EXPERIMENT, PLAN)
    row["note"] = "common seed variance: -0.0400 to +0.0100"
    said = "p 0.0496 after Holm's correction; by a seed variance common to the networks -0.0100 to +0.0400)"
    assert said in answer(pd.DataFrame([row]), MISHRA, EXPERIMENT, PLAN)
    alone = pair(-0.03, -0.01, "undecided") | {"p_holm": np.nan, "note": "one run"}
    text = answer(pd.DataFrame([alone]), MISHRA, EXPERIMENT, PLAN)
    assert "(95% interval over films, of one seed)" in text and "+0.027, is not compared" in text and "lies" not in text


@pytest.mark.parametrize(
    ("p", "level", "text"),
    [
        (0.3, 0.95, "0.30"),
        (0.0432, 0.95, "0.043"),
        (0.0496, 0.95, "0.0496"),
        (0.0504, 0.95, "0.050"),
        (0.0012, 0.95, "0.001"),
        (0.0001, 0.95, "below 0.001"),
        (0.0998, 0.9, "0.0998"),
        (0.05, 0.95, "0.050"),
        (0.1, 0.95, "0.10"),
    ],
)
def test_a_p_is_shown_on_its_side_of_the_level(p: float, level: float, text: str) -> None:
    assert small(p, level) == text


def lost(**number: int) -> pd.DataFrame:
    rows = [(variant, "pooled", seed, 3, 60) for variant, count in number.items() for seed in range(count)]
    return pd.DataFrame(rows, columns=["variant", "train_on", "seed", "epoch", "epochs"])


@pytest.mark.parametrize(
    ("diverged", "there", "said"),
    [
        (lost(proposed=5), False, "Every training of the network with both encoders diverged: there is nothing"),
        (
            lost(proposed=5, unet=5),
            False,
            "Every training of the network with both encoders and of the plain U-Net div",
        ),
        (lost(mine=5), False, "This experiment has not both"),
        (
            lost(proposed=2),
            True,
            "Of 5 trainings of the network with both encoders 2 diverged: this is about the others.",
        ),
        (
            lost(proposed=2).assign(train_on="nlm"),
            True,
            "+0.0200 [+0.0100, +0.0300] (95% interval over seeds and films). The",
        ),
        (lost(), True, "+0.0200 [+0.0100, +0.0300] (95% interval over seeds and films). The"),
    ],
)
def test_answer_tells_of_trainings_that_diverged(diverged: pd.DataFrame, there: bool, said: str) -> None:
    table = pd.DataFrame([pair(-0.03, -0.01, "b better")])
    assert said in answer(table if there else table[:0], MISHRA, EXPERIMENT, PLAN, diverged=diverged)


BY_LESS = ", and the difference is less than the margin of 0.005 that its plan declares: "


@pytest.mark.parametrize(
    ("row", "said", "published"),
    [
        (pair(-0.03, -0.01, "b better"), "beats the plain U-Net in Dice: +0.0200 [+0.0100, +0.0300]", "lies inside"),
        (
            pair(-0.004, 0.001, "undecided", "equivalent"),
            f"cannot be told from the plain U-Net in Dice{BY_LESS}+0.0015",
            "lies outside",
        ),
        (
            pair(-0.004, -0.001, "b better", "equivalent"),
            f"beats the plain U-Net in Dice{BY_LESS}+0.0025",
            "lies outside",
        ),
        (
            pair(0.001, 0.004, "a better", "equivalent"),
            f"is worse than the plain U-Net in Dice{BY_LESS}-0.0025",
            "lies outside",
        ),
        (pair(-0.02, 0.01, "undecided"), "cannot be told from the plain U-Net in Dice: +0.0050", "lies outside"),
        (pair(0.01, 0.03, "a better"), "is worse than the plain U-Net in Dice: -0.0200", "lies outside"),
    ],
)
def test_answer_follows_the_comparison(row: dict[str, object], said: str, published: str) -> None:
    text = answer(pd.DataFrame([row]), MISHRA, EXPERIMENT, PLAN)
    assert said in text
    assert f"+0.027, {published}" in text
    assert text.endswith(
        "What the plan takes for the paper's networks has not been trained here: these had a U-Net of width 8, not 64."
        "\n"
    )
    drawn = EXPERIMENT.model_copy(update={"datasets": ("phantom",)})
    told = answer(pd.DataFrame([row]), MISHRA, drawn, PLAN)
    assert "on drawn films" in told and told.endswith(
        "Films that are drawn are not compared with the published gain.**\n"
    )
    assert "that interval" in text and "that interval" not in told
    without = answer(pd.DataFrame([row]), MISHRA, EXPERIMENT, None)
    assert "margin" not in without and "The paper's own" not in without


def test_the_papers_own_networks_are_not_called_others() -> None:
    both = {"unet": {}, "proposed": BOTH | {"weights": "imagenet", "meta_learner": True}}
    row = pd.DataFrame([pair(-0.03, -0.01, "b better")])
    assert "The paper's own" not in answer(row, MISHRA, read_experiment(CONFIG | {"variants": both}), PLAN)
    reduced = read_experiment(CONFIG | {"variants": both, "seeds": [0], "training": {"epochs": 2}})
    assert answer(row, MISHRA, reduced, PLAN).endswith("these had 2 epochs, not 60; 1 seed, not 3.\n")
    stepped = read_experiment(CONFIG | {"variants": both, "training": {"steps": 600}})
    assert answer(row, MISHRA, stepped, PLAN).endswith("these had 600 steps, not 60 epochs.\n")


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


def test_conditions_of_several_networks_are_those_of_all() -> None:
    more = {"proposed": BOTH, "own": BOTH | {"weights": "imagenet", "training": {"epochs": 3}}}
    experiment = read_experiment(CONFIG | {"variants": more})
    assert conditions(experiment, "proposed", "own") == (
        "At 256 px, 60 epochs or 3 epochs and 5 seeds, with some encoders that start from random weights"
    )


def test_an_experiment_without_the_pair_says_so() -> None:
    columns = ["variant_a", "variant_b", "train_on", "test_on", "metric", "difference", "low", "high", "verdict"]
    assert "has not both" in answer(pd.DataFrame(columns=columns), MISHRA, EXPERIMENT, PLAN)


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
        for scene in ("jsrt", "montgomery, as observed") for seeds in (2, 5) for quantity in ("mean", "difference")
        for method in ("crossed t (in the tables)", "crossed t")
    ]  # fmt: skip
    rows += [row | {"method": "Hall (before)", "coverage": 0.5} for row in rows if row["method"] == "crossed t"]
    note = coverage_note(pd.DataFrame(rows), pd.DataFrame({"seed_variance": ["pool"]}), seeds=3)
    assert (
        "with 2 seeds" in note
        and "on the 28 films of montgomery 92 % of those of means and 92 % of those of differences." in note
    )
    assert "50 % of those of means" in coverage_note(pd.DataFrame(rows), pd.DataFrame(), seeds=3)
    other = coverage_note(pd.DataFrame(rows), pd.DataFrame(), seeds=3, level=0.9)
    assert other == "How often intervals of 90 % hold the truth was not simulated, but for 95% alone."
    worse = rows[8] | {"coverage": 0.81, "quantity": "mean"}
    assert worse["scene"].endswith("as observed") and worse["seeds"] == 2
    note = coverage_note(pd.DataFrame([*rows, worse]), pd.DataFrame({"seed_variance": ["pool"]}), seeds=3)
    assert "81 to 92 % of those of means and 92 % of those of differences" in note


def test_verdicts_are_tallied_in_their_order_and_the_table_apart() -> None:
    said = ["untested", "contradicted", "supported", "contradicted"]
    claims = pd.DataFrame({"verdict": said, "decides": "gain", "says": "It is better"})
    assert tally(claims) == "4 claims: 1 supported, 2 contradicted, 1 untested"
    implied = claims.assign(says=["Implied: it is seen", "It is better", "Implied: it has settled", "It is best"])
    assert tally(implied) == (
        "4 claims, 2 of them implied and not the paper's words: 1 supported (1 implied), 2 contradicted, "
        "1 untested (1 implied)"
    )
    claims["decides"] = ["cell", "row", "gain", "better"]
    claims["points"] = ["against", "", "", ""]
    assert tally(claims) == (
        "Table 1 in 2 parts: 1 contradicted, 1 untested (of these, 1 point against what is claimed); "
        "apart from it 2 claims: 1 supported, 1 contradicted"
    )
    assert tally(claims[:1]).startswith("Table 1 in 1 parts: 1 untested") and tally(claims[:0]) == ""


def manifest(committed: str | None, began: str | None, **changes: object) -> dict[str, object]:
    plan = {"file": "plan-x.yaml", "commit": "0123456789", "committed": committed, "changed": False}
    words = {"plan": {"after": "after a first look"}}
    return {"plan": plan | words | changes, "first_training": began, "finished": "2026-11-25T10:00:00Z"}


LATER = (
    " The test that says whose seeds' variances are pooled was changed after that, on 28 November 2026, when results "
    "were known (docs/statistics.md)."
)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ({}, "No rules were fixed for this experiment, so it has intervals, and no verdicts but those of arithmetic."),
        (
            manifest("2026-11-26T00:30:00+02:00", "2026-11-26T09:15:00+00:00"),
            "Rules fixed on 25 November 2026 (plan-x.yaml, commit 0123456), after a first look, and before this run, "
            f"whose first training began on 26 November 2026 at 09:15 UTC.{LATER}",
        ),
        (
            manifest("2026-11-28T12:30:00+00:00", "2026-11-28T13:15:00+00:00"),
            "Rules fixed on 28 November 2026 (plan-x.yaml, commit 0123456), after a first look, and before this run, "
            "whose first training began on 28 November 2026 at 13:15 UTC.",
        ),
        (
            manifest("2026-11-26T12:30:00+00:00", "2026-11-26T09:15:00+00:00"),
            "Rules fixed on 26 November 2026 (plan-x.yaml, commit 0123456), after a first look, and after this run, "
            f"which began on 26 November 2026.{LATER}",
        ),
        (
            manifest("2026-11-26T12:30:00+00:00", None),
            "Rules fixed on 26 November 2026 (plan-x.yaml, commit 0123456), after a first look, and after this run, "
            f"which ended on 25 November 2026.{LATER}",
        ),
        (
            manifest("2026-11-24T12:30:00+00:00", None),
            "Rules fixed on 24 November 2026 (plan-x.yaml, commit 0123456), after a first look; when this run's first "
            f"training began is not recorded.{LATER}",
        ),
        (
            manifest(None, "2026-11-26T09:15:00+00:00"),
            "The rules stand in plan-x.yaml, which was under no commit when this was made.",
        ),
        (
            manifest("2026-11-24T12:30:00+00:00", None, changed=True),
            "The rules stand in plan-x.yaml, which was under no commit when this was made.",
        ),
    ],
)
def test_it_is_said_when_the_rules_were_fixed(made: dict[str, object], said: str) -> None:
    assert when_fixed(made) == said
    assert before_training(made) == ("and before this run" in said)


def test_without_a_plan_nothing_is_said_to_be_declared() -> None:
    assert "the pairs that the plan declares" in corrected(PLAN) and "two one-sided tests" in corrected(PLAN)
    assert "plan" not in corrected(None) and "the paper's table" in corrected(None)
