"""The diagrams show what their tables say."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from lungseg.report.differences import Gain
from lungseg.report.look import PALETTE, Look
from lungseg.report.summary_figures import COUNTED, crossing, gains, rank_diagram, reliability, ways_of_counting
from tests.workflow import MISHRA

TABLE1 = MISHRA.table()
LOOK = Look.of(MISHRA, ["unet", "mine"], ["jsrt", "shenzhen"], {"jsrt": ["jsrt"]})


def matrix() -> pd.DataFrame:
    rows = [
        {"variant": variant, "train_on": a, "test_on": b, "metric": "dice", "domain": "in" if a == b else "out"}
        | {"mean": 0.9 + 0.01 * i, "low": 0.89, "high": 0.95}
        for variant, sets in (("unet", ("jsrt", "shenzhen")), ("mine", ("jsrt",)))
        for i, (a, b) in enumerate((a, b) for a in sets for b in ("jsrt", "shenzhen"))
    ]
    return pd.DataFrame(rows)


def test_crossing_shows_variants_with_more_than_one_training_set() -> None:
    figure = crossing(matrix(), LOOK, 0.975)
    assert [panel.get_title() for panel in figure.axes] == ["U-Net"]
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts[0] == "0.900\n[0.890, 0.950]" and len(texts) == 4
    assert figure.get_suptitle().startswith("Mean Dice [97.5% interval]")
    assert len(figure.axes[0].patches) == 2  # framed: in the domain
    alone = crossing(matrix().query("train_on == 'jsrt'"), LOOK, 0.975)
    assert len(alone.axes) == 2


def test_ranks_join_what_cannot_be_told_apart() -> None:
    table = pd.DataFrame(
        {"train_on": "pooled", "over": "films", "metric": "dice", "variant": ["unet", "a", "b"],
         "mean_rank": [1.1, 1.3, 2.6], "variants": 3, "n": 40, "statistic": 9.0, "p": 0.01, "critical_difference": 0.5}
    )  # fmt: skip
    figure = rank_diagram(table, "pooled", LOOK)
    assert "over 40 films" in figure.axes[0].get_title() and "p = 0.01" in figure.axes[0].get_title()
    labels = " ".join(text.get_text() for text in figure.axes[0].texts)
    assert "U-Net" in labels and "2.6" in labels
    bars = [line for line in figure.axes[0].lines if line.get_color() in ("k", "black")]
    spans = [tuple(np.round(line.get_xdata(), 2)) for line in bars]
    assert any({1.1, 1.3} == set(span) for span in spans) and not any({1.3, 2.6} == set(span) for span in spans)


def test_three_test_sets_have_no_critical_difference_and_no_bars() -> None:
    table = pd.DataFrame(
        {"train_on": "pooled", "over": "test sets", "metric": "dice", "variant": ["unet", "a", "b"],
         "mean_rank": [1, 2, 3], "variants": 3, "n": 3, "statistic": 6.0, "p": 0.028, "critical_difference": np.nan}
    )  # fmt: skip
    panel = rank_diagram(table, "pooled", LOOK).axes[0]
    assert "too few for a critical difference" in panel.get_title() and "p = 0.028" in panel.get_title()
    flat = [line for line in panel.lines if line.get_color() == "k" and len(set(np.round(line.get_xdata(), 3))) > 1]
    assert not flat
    one = table.assign(n=1)  # one test set: its order is that of the table
    assert "nothing to rank" in rank_diagram(one, "pooled", LOOK).texts[0].get_text()


def test_bars_are_drawn_from_left_to_right() -> None:
    table = pd.DataFrame(
        {"train_on": "pooled", "over": "films", "metric": "dice", "variant": list("abcdef"),
         "mean_rank": [3, 1, 5, 2, 4, 6], "variants": 6, "n": 40, "statistic": 9.0, "p": 0.01, "critical_difference": 9}
    )  # fmt: skip
    bars = [line.get_xdata() for line in rank_diagram(table, "pooled", LOOK).axes[0].lines if line.get_color() == "k"]
    assert [list(bar) for bar in bars] == [[1, 2, 3, 4, 5, 6]]


def test_reliability_has_a_curve_and_an_error_for_each_network_on_each_test_set() -> None:
    where = [(variant, test_on) for variant in ("unet", "mine") for test_on in ("jsrt", "pooled")]
    frame = pd.DataFrame(where, columns=["variant", "test_on"]).assign(train_on="pooled")
    bins = frame.merge(pd.DataFrame({"predicted": [0.1, 0.9, np.nan], "lung": [0.2, 0.8, np.nan]}), how="cross")
    bins = bins.assign(low=bins["lung"] - 0.05, high=bins["lung"] + 0.1)
    errors = frame.assign(metric="ece_pooled", mean=0.03, low=0.01, high=0.04)
    others = [errors.assign(train_on="jsrt", mean=0.5), errors.assign(metric="ece", mean=0.5)]  # not what is shown
    figure = reliability(bins, pd.concat([*others, errors]), "pooled", LOOK)
    assert [panel.get_title() for panel in figure.axes] == ["JSRT", "both", "", ""]
    curves = [line for line in figure.axes[0].lines if len(line.get_xdata()) == 2][1:]  # the first is the diagonal
    assert [line.get_ydata().tolist() for line in curves] == [[0.2, 0.8]] * 2
    ends = figure.axes[2].containers[0].lines[2][0].get_segments()[0]
    assert ends[:, 0] == pytest.approx([0.01, 0.04])
    assert [label.get_text() for label in figure.axes[2].get_yticklabels()] == ["U-Net", "mine"]
    alone = replace(LOOK, sets={"jsrt": "JSRT"}, every="JSRT")  # one data set: the pool is the same films
    figure = reliability(bins, errors, "pooled", alone)
    assert [panel.get_title() for panel in figure.axes] == ["JSRT", ""]


def test_what_cannot_be_drawn_is_told() -> None:
    none = pd.DataFrame(columns=["variant", "train_on", "test_on", "lung", "metric"])
    assert "nothing to calibrate" in reliability(none, none, "pooled", LOOK).texts[0].get_text()
    empty = pd.DataFrame(columns=["train_on", "over", "metric", "variant", "mean_rank", "n"])
    assert "nothing to rank" in rank_diagram(empty, "pooled", LOOK).texts[0].get_text()
    nothing = pd.DataFrame(columns=["variant", "metric", "cut", "value"])
    assert "nothing to count" in ways_of_counting(nothing, MISHRA, LOOK).texts[0].get_text()


def test_ways_of_counting_have_a_dot_each_and_the_printed_value() -> None:
    rows = [
        {"variant": variant, "metric": metric, "cut": cut, "value": 0.9 + 0.01 * number}
        for variant in TABLE1 for metric in TABLE1.index for cut in ("soft", "0.3", "0.5", "0.7") for number in range(3)
    ]  # fmt: skip
    figure = ways_of_counting(pd.DataFrame(rows), MISHRA, LOOK)
    assert [panel.get_title() for panel in figure.axes] == ["Dice", "IoU", "Recall", "Precision"]
    assert sum(len(dots.get_offsets()) for dots in figure.axes[0].collections) == 4 * 4 * 3
    assert [line.get_xdata()[0] for line in figure.axes[2].lines] == pytest.approx(TABLE1.loc["recall"].to_list())
    assert [list(line.get_ydata()) for line in figure.axes[2].lines] == [[at - 0.38, at + 0.38] for at in range(4)]


def test_ways_of_counting_have_no_colour_of_a_network() -> None:
    assert not set(COUNTED) & set(PALETTE)


GAINS = [
    Gain("unet", -0.002, -0.004, 0.001, 0.027, (-0.001, -0.003)),
    Gain("unet_mobilenetv2", 0.008, 0.006, 0.01, None, ()),
]


def test_gains_show_interval_seeds_printed_value_and_margin() -> None:
    axes = gains(GAINS, MISHRA, LOOK, 0.005, 0.95).axes[0]
    drawn = [[*map(float, line.get_xdata())] for line in axes.lines]
    assert [-0.004, 0.001] in drawn and [-0.001, -0.003] in drawn and [0.027] in drawn and [0.006, 0.01] in drawn
    assert sum(line.get_marker() == "D" for line in axes.lines) == 1  # the second has no printed value
    (band,) = axes.patches
    assert band.get_extents().transformed(axes.transData.inverted()).intervalx == pytest.approx([-0.005, 0.005])
    texts = [text.get_text() for text in axes.texts]
    assert "over U-Net" in texts and "-0.0020 [-0.0040, +0.0010]" in texts
    assert "← favours the other" in texts and "favours it →" in texts
    low, high = axes.get_xlim()
    assert low < -0.005 and high > 0.027
    assert len([tick for tick in axes.get_xticks() if low <= tick <= high]) >= 3


def test_gains_without_a_margin_or_without_a_pair() -> None:
    assert not gains(GAINS, MISHRA, LOOK, None, 0.95).axes[0].patches
    assert "not compared here" in gains([], MISHRA, LOOK, 0.005, 0.95).texts[0].get_text()
