"""Learning curves hold the training sets that differ in their number of films alone, and show what the tables say."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.container import ErrorbarContainer

from lungseg.config import read_experiment
from lungseg.data.subset import curve_sets
from lungseg.report.learning_curves import (
    Curves,
    curve_rows,
    curves_of,
    film_numbers,
    length_in_words,
    make_curves,
)
from lungseg.report.learning_figure import learning_curves, side_by_side
from lungseg.report.look import Look
from lungseg.report.page import page
from lungseg.report.results import Results
from tests.workflow import MISHRA, ROOT

# `other` has the data sets in another order; `nlm` has fewer of them; of 5 + 3 films 4 + 2 are learned from.
TRAIN_ON = {"pooled": ["montgomery", "jsrt"], "other": ["jsrt", "montgomery"], "nlm": ["montgomery"], "four": ["jsrt"]}
TRAIN_ON["four"] = ["montgomery", "jsrt"]
FILMS = {"four": 4, "nlm": 3, "other": 2}
SPLITS = {
    "montgomery": pd.DataFrame({"part": ["train"] * 4 + ["test"]}),
    "jsrt": pd.DataFrame({"part": ["train", "validation", "train"]}),
}
NUMBERS = {"other": 2, "four": 4, "pooled": 6}
LOOK = Look.of(MISHRA, ["unet", "proposed", "alone"], ["montgomery", "jsrt"], TRAIN_ON, None, FILMS)
KEYS = {"test_on": "pooled", "metric": "dice"}


def estimate(variant: str, train_on: str, mean: float, **more: object) -> dict[str, object]:
    return {
        "variant": variant,
        "train_on": train_on,
        **KEYS,
        "mean": mean,
        "low": mean - 0.02,
        "high": mean + 0.01,
    } | more


ESTIMATES = pd.DataFrame(
    [
        estimate("unet", "pooled", 0.95),
        estimate("proposed", "pooled", 0.96),
        estimate("alone", "pooled", 0.97),
        estimate("unet", "pooled", 0.1, metric="iou"),
        estimate("unet", "pooled", 0.2, test_on="jsrt"),
        estimate("proposed", "four", 0.93),
        estimate("unet", "four", 0.9),
        estimate("alone", "nlm", 0.3),
        estimate("unet", "nlm", 0.3),
        estimate("proposed", "other", 0.8),
        estimate("unet", "other", 0.7),
    ]
)


def pair(a: str, b: str, train_on: str, difference: float, **more: object) -> dict[str, object]:
    ends = {"difference": difference, "low": difference - 0.02, "high": difference + 0.03, "verdict": "a better"}
    return {"variant_a": a, "variant_b": b, "train_on": train_on, **KEYS} | ends | more


COMPARISONS = pd.DataFrame(
    [
        pair("proposed", "unet", "four", -0.5, metric="iou"),
        pair("proposed", "unet", "four", -0.6, test_on="jsrt"),
        pair("unet", "proposed", "pooled", -0.01),
        pair("unet", "alone", "pooled", -0.02),
        pair("proposed", "unet", "four", 0.03),
        pair("unet", "alone", "nlm", 0.4),
    ]
)


def made(estimates: pd.DataFrame = ESTIMATES, comparisons: pd.DataFrame = COMPARISONS) -> Curves:
    return make_curves(estimates, comparisons, NUMBERS, "pooled")


def test_sets_are_those_with_the_data_sets_of_table1_if_one_is_limited() -> None:
    assert curve_sets(TRAIN_ON, FILMS, "pooled") == ["pooled", "other", "four"]
    assert curve_sets(TRAIN_ON, {"nlm": 3}, "pooled") == []
    assert curve_sets(TRAIN_ON, {}, "pooled") == []
    assert curve_sets(TRAIN_ON, {"nlm": 3}, "nlm") == ["nlm"]


def test_numbers_are_those_of_films_and_of_the_split_from_few_to_many() -> None:
    assert list(film_numbers(TRAIN_ON, FILMS, "pooled", SPLITS).items()) == list(NUMBERS.items())
    assert film_numbers(TRAIN_ON, {"pooled": 5}, "pooled", SPLITS) == {"pooled": 5, "other": 6, "four": 6}
    assert film_numbers(TRAIN_ON, {}, "pooled", {}) == {}  # no split is read where there is no curve


def test_points_are_by_variant_and_number_and_one_alone_is_none() -> None:
    curves = made()
    assert curves.variants == ["unet", "proposed"]
    assert curves.points.columns.tolist() == ["variant", "films", "train_on", "mean", "low", "high"]
    assert curves.points[["variant", "films", "train_on", "mean"]].to_numpy().tolist() == [
        ["unet", 2, "other", 0.7],
        ["unet", 4, "four", 0.9],
        ["unet", 6, "pooled", 0.95],
        ["proposed", 2, "other", 0.8],
        ["proposed", 4, "four", 0.93],
        ["proposed", 6, "pooled", 0.96],
    ]
    assert curves.points["low"].tolist() == pytest.approx([0.68, 0.88, 0.93, 0.78, 0.91, 0.94])


def test_a_mean_that_is_none_is_no_point_and_equal_numbers_are_no_curve() -> None:
    lost = ESTIMATES.assign(mean=ESTIMATES["mean"].mask(ESTIMATES["train_on"] != "pooled"))
    assert made(lost).points.empty and made(lost).differences.empty
    alike = {"other": 4, "four": 4}
    assert make_curves(ESTIMATES, COMPARISONS, alike, "pooled").points.empty


def test_differences_are_to_the_first_turned_round_where_the_table_has_them_so() -> None:
    found = made().differences
    assert found[["variant", "against", "films", "train_on"]].to_numpy().tolist() == [
        ["proposed", "unet", 4, "four"],
        ["proposed", "unet", 6, "pooled"],
    ]
    assert found[["difference", "low", "high"]].to_numpy() == pytest.approx(
        np.array([[0.03, 0.01, 0.06], [0.01, -0.02, 0.03]])
    )


def test_no_set_is_no_curve() -> None:
    curves = make_curves(ESTIMATES, COMPARISONS, {}, "pooled")
    assert curves.variants == [] and curves.differences.empty and curve_rows(curves) == []
    assert "no learning curve" in learning_curves(curves, LOOK, 0.005, 0.95).texts[0].get_text()


def drawn(axes: Axes) -> list[ErrorbarContainer]:
    FigureCanvasAgg(axes.figure).draw()
    return [one for one in axes.containers if isinstance(one, ErrorbarContainer)]


def ends(line: ErrorbarContainer) -> np.ndarray:
    return np.array([segment[:, 1] for segment in line.lines[2][0].get_segments()])


def test_the_figure_has_the_points_and_intervals_of_the_tables() -> None:
    curves = made()
    left, right = learning_curves(curves, LOOK, 0.005, 0.9).axes
    assert left.get_ylabel() == "Mean Dice [90% interval]" and left.get_xscale() == right.get_xscale() == "log"
    factors = side_by_side([2, 4, 6], 2)
    for line, variant, factor in zip(drawn(left), ["unet", "proposed"], factors, strict=True):
        own = curves.points.query("variant == @variant")
        assert line.lines[0].get_ydata() == pytest.approx(own["mean"])
        assert line.lines[0].get_xdata() == pytest.approx(own["films"] * factor)
        assert ends(line) == pytest.approx(own[["low", "high"]].to_numpy())
        assert to_hex(line.lines[0].get_color()) == LOOK.colour(variant)
    (line,) = drawn(right)
    assert line.lines[0].get_ydata() == pytest.approx([0.03, 0.01])
    assert line.lines[0].get_xdata() == pytest.approx(np.array([4, 6]) * factors[1])
    assert ends(line) == pytest.approx(np.array([[0.01, 0.06], [-0.02, 0.03]]))
    assert to_hex(line.lines[0].get_color()) == LOOK.colour("proposed")
    assert right.get_ylabel() == "Dice less that of U-Net"


def test_ticks_are_the_numbers_and_the_band_is_the_margin() -> None:
    figure = learning_curves(made(), LOOK, 0.005, 0.95)
    left, right = figure.axes
    for panel in figure.axes:
        drawn(panel)
        assert panel.get_xticks().tolist() == [2, 4, 6] and panel.get_xticks(minor=True).tolist() == []
        assert [label.get_text() for label in panel.get_xticklabels()] == ["2", "4", "6"]
        low, high = panel.get_xlim()
        assert low < 2 * side_by_side([2, 4, 6], 2)[0] and high > 6 * side_by_side([2, 4, 6], 2)[1]
    (band,) = right.patches
    assert band.get_extents().transformed(right.transData.inverted()).intervaly == pytest.approx([-0.005, 0.005])
    assert not left.patches
    assert any(np.all(np.asarray(line.get_ydata()) == 0) for line in right.lines)
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == ["U-Net", "Proposed: both encoders", "too little to count: 0.005"]
    plain = learning_curves(made(), LOOK, None, 0.95)
    assert not plain.axes[1].patches and len(plain.legends[0].get_texts()) == 2


def test_without_a_pair_the_right_panel_says_so_and_without_an_interval_a_point_stands_alone() -> None:
    figure = learning_curves(made(comparisons=COMPARISONS[:0]), LOOK, 0.005, 0.95)
    assert figure.axes[1].texts[0].get_text() == "nothing to compare" and len(figure.legends[0].get_texts()) == 2
    few = learning_curves(made(ESTIMATES.assign(low=np.nan, high=np.nan)), LOOK, None, 0.95)
    line = drawn(few.axes[0])[0]
    assert line.lines[0].get_ydata() == pytest.approx([0.7, 0.9, 0.95]) and not any(
        map(len, line.lines[2][0].get_segments())
    )


@pytest.mark.parametrize(("numbers", "networks"), [([16, 64], 2), ([32, 64, 256, 279], 4), ([8, 9, 500], 30)])
def test_points_of_one_number_stand_apart_and_nearer_than_those_of_the_next(numbers: list[int], networks: int) -> None:
    places = np.log10(np.outer(numbers, side_by_side(numbers, networks)))
    assert (np.diff(places, axis=1) > 0).all() and (places[:-1, -1] < places[1:, 0]).all()
    assert places.mean(axis=1) == pytest.approx(np.log10(numbers))  # around their number


def test_the_axis_has_room_for_the_points_of_many_networks() -> None:
    rows = [estimate(f"v{place:02}", name, 0.9) for place in range(30) for name in NUMBERS]
    panel = learning_curves(made(pd.DataFrame(rows)), LOOK, None, 0.95).axes[0]
    (low, high), places = panel.get_xlim(), [place for line in drawn(panel) for place in line.lines[0].get_xdata()]
    assert low < min(places) and max(places) < high


def test_numbers_that_stand_close_are_written_upright() -> None:
    close = make_curves(ESTIMATES, COMPARISONS, {"other": 32, "four": 256, "pooled": 279}, "pooled")
    for curves, rotation in ((close, 90), (made(), 0)):
        assert learning_curves(curves, LOOK, None, 0.95).axes[0].get_xticklabels()[0].get_rotation() == rotation


def test_rows_of_the_page_go_from_few_films_to_many_with_a_cell_for_each_network() -> None:
    rows = curve_rows(made(ESTIMATES.query("not (variant == 'unet' and train_on == 'other')")))
    assert [(row["train_on"], row["films"]) for row in rows] == [("other", 2), ("four", 4), ("pooled", 6)]
    assert [cell and cell["mean"] for row in rows for cell in row["cells"]] == [None, 0.8, 0.9, 0.93, 0.95, 0.96]
    assert rows[1]["cells"][0]["less"] is None
    assert rows[1]["cells"][1]["less"]["difference"] == pytest.approx(0.03)
    assert rows[1]["cells"][1]["less"]["against"] == "unet"


def test_the_length_of_trainings_is_told() -> None:
    base = {"name": "x", "datasets": ["phantom"], "variants": {"unet": {}, "own": {"training": {"epochs": 2}}}}
    steps, epochs = (read_experiment(base | {"training": one}) for one in ({"steps": 9}, {"epochs": 9}))
    assert "as many steps on each set, so that of fewer films each is seen more often" in length_in_words(
        steps, ["unet"]
    )
    assert "as many passes over each set, so that fewer films also mean fewer steps" in length_in_words(
        epochs, ["unet"]
    )
    assert length_in_words(steps, ["unet", "own"]).startswith("Some networks take as many steps")


@pytest.fixture
def results(tmp_path: Path) -> Results:
    """Published results, of which some networks have learned from 32 films too."""
    folder = tmp_path / "results"
    shutil.copytree(ROOT / "results/laptop", folder, ignore=shutil.ignore_patterns("runs", "*.npz", "*.parquet"))
    file = folder / "manifest.json"
    manifest = json.loads(file.read_text())
    manifest["config"] |= {"films": {"few": 32}}
    manifest["config"]["train_on"]["few"] = manifest["config"]["train_on"]["pooled"]
    file.write_text(json.dumps(manifest))
    for name in ("estimates", "comparisons"):
        table = pd.read_csv(folder / f"{name}.csv")
        more = table[table["train_on"] == "pooled"].assign(train_on="few")
        pd.concat([table, more]).to_csv(folder / f"{name}.csv", index=False)
    return Results(folder)


def section(results: Results) -> str:
    text = page(results, MISHRA, ROOT / "workflow/report", "", "snakemake", 0.95)
    found = re.search(r'<section id="learning-curves">.*?</section>', text, re.DOTALL)
    assert (found is not None) == ('<a href="#learning-curves">How many films does it take?</a>' in text)
    return found[0] if found else ""


def test_the_page_has_the_curves_and_its_buttons_open_them(results: Results) -> None:
    text, curves = section(results), curves_of(results)
    parts = pd.concat([results.table(f"splits/{name}") for name in ("montgomery", "shenzhen", "jsrt")])["part"]
    whole = int((parts == "train").sum())
    assert re.findall(r'<th scope="row">(\d+)</th>', text) == ["32", str(whole)]
    buttons = re.findall(r'<button class="cell" data-variant="(\w+)" data-train="(\w+)" data-test="pooled"', text)
    assert buttons == [(variant, name) for name in ("few", "pooled") for variant in curves.variants]
    pairs = re.findall(r'<button class="pairs" data-a="(\w+)" data-b="(\w+)" data-train="(\w+)"', text)
    first, *others = curves.variants
    assert pairs == [(first, other, name) for name in ("few", "pooled") for other in others]
    told = [f"{value:+.4f}" for value in curves.differences.sort_values("films", kind="stable")["difference"]]
    assert re.findall(r'data-metric="dice">([+-][\d.]+) ', text) == told
    assert "as many passes over each set" in text and "<figure>" not in text  # older code drew none


def test_the_page_names_a_limited_set_by_its_films(results: Results) -> None:
    text = page(results, MISHRA, ROOT / "workflow/report", "", "snakemake", 0.95)
    assert '"limited": {"few": "all three, 32 films"}' in text


def test_a_page_without_limited_sets_has_no_curves() -> None:
    assert section(Results(ROOT / "results/laptop")) == ""
