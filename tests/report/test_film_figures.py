"""Figures: the films are chosen by the rule, everything is on the page, and the files are the same every time."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image

from lungseg.data.films import Part
from lungseg.learning.stored_predictions import Films, write_predictions
from lungseg.report.film_figures import (
    CURVES,
    MISSED,
    Case,
    choose_cases,
    dice_per_image,
    overlays,
    read_cases,
    save,
    training_curves,
)
from lungseg.report.look import Look
from tests.stored import encoded

NAMES = {"unet": "U-Net", "proposed": "Both encoders"}
LOOK = Look(
    NAMES,
    {"unet": "#000001", "proposed": "#000002", "mine": "#000003"},
    {"montgomery": "Montgomery", "pooled": "both"},
    "both",
)
RUNS = [{"variant": variant, "seed": seed} for variant in ("unet", "proposed", "mine") for seed in (3, 4)]
DICE = {
    "montgomery": {"a": 0.95, "b": 0.90, "c": 0.70, "d": 0.92, "e": 0.98},
    "jsrt": {"a": 0.90, "b": 0.96, "c": 0.97, "f": 0.98},
}
SIDE = 16
TRUTH = np.zeros((SIDE, SIDE), dtype=bool)
TRUTH[4:12, 4:12] = True


def scores() -> pd.DataFrame:
    """Scores whose means over runs are those in DICE, though single runs rank the films otherwise."""
    rows = []
    for n, run in enumerate(RUNS):
        for test_on, films in DICE.items():
            for image_id, dice in films.items():
                sway = 0.04 * (-1) ** n * (image_id == "d")
                rows.append(run | {"train_on": "pooled", "test_on": test_on, "image_id": image_id, "dice": dice + sway})
    return pd.DataFrame(rows)


def histories(sets: tuple[str, ...]) -> pd.DataFrame:
    """Three epochs of every run on each training set."""
    epochs = pd.DataFrame({"epoch": [1, 2, 3], "lr": [1e-3, 5e-4, 0.0], "train_loss": [0.9, 0.5, 0.3]})
    epochs = epochs.assign(validation_loss=[1, 0.6, 0.5], validation_dice=[0.5, 0.8, 0.9], validation_accuracy=0.9)
    return pd.concat([epochs.assign(train_on=train_on, **run) for train_on in sets for run in RUNS])


def cases() -> list[Case]:
    """Two films; the first variant is right, the second misses the lower half and marks a corner."""
    image = np.full((SIDE, SIDE), 100, dtype=np.uint8)
    wrong = TRUTH.copy()
    wrong[8:], wrong[:2, :2] = False, True
    masks, dice = {"unet": TRUTH, "mine": wrong}, {"unet": 1.0, "mine": 0.64}
    return [
        Case("montgomery", f"film{n}", kind, image, TRUTH, masks, dice) for n, kind in ((1, "typical"), (2, "worst"))
    ]


def test_the_median_and_the_worst_film_of_each_data_set_are_chosen() -> None:
    assert choose_cases(scores()).to_numpy().tolist() == [
        ["montgomery", "d", "typical"],
        ["montgomery", "c", "worst"],
        ["jsrt", "b", "typical"],
        ["jsrt", "a", "worst"],
    ]


def test_cases_are_the_first_run_of_each_variant(tmp_path: Path) -> None:
    films = [(test_on, image_id) for test_on in DICE for image_id in DICE[test_on]]
    made = []
    for n, run in enumerate(RUNS):
        logits = np.full((len(films), SIDE, SIDE), -1.0, dtype=np.float16)
        logits[:, n] = 1  # run n marks row n of every film, and one pixel tells the film
        logits[range(len(films)), SIDE - 1, range(len(films))] = 1
        part = Part(
            ["jsrt"] * len(films),
            [image_id for _, image_id in films],
            np.zeros_like(logits, np.uint8),
            np.zeros_like(logits, np.uint8),
        )
        made.append(encoded(str(run["variant"]), int(str(run["seed"])), logits, {"test": part}))
    test_on, image_id = zip(*films, strict=True)
    write_predictions(tmp_path / "p.npz", made, Films([*test_on], [*image_id], ["test"] * len(films), ""))
    for test_on, ids in DICE.items():
        table = pd.DataFrame({"image_id": ["unused", *ids]})
        table.to_csv(tmp_path / f"{test_on}.csv", index=False)
        pixels = np.stack([np.full((2, SIDE, SIDE), n, dtype=np.uint8) for n in range(len(table))])
        pixels[:, 1] = TRUTH
        np.save(tmp_path / f"{test_on}.npy", pixels)
    pixels, tables = ({name: tmp_path / f"{name}.{kind}" for name in DICE} for kind in ("npy", "csv"))
    found = read_cases(scores(), RUNS, tmp_path / "p.npz", pixels, tables)
    assert [case.image_id for case in found] == ["d", "c", "b", "a"]
    for case in found:
        assert (case.image == 1 + list(DICE[case.dataset]).index(case.image_id)).all()
        np.testing.assert_array_equal(case.truth, TRUTH)
        dice = DICE[case.dataset][case.image_id] + 0.04 * (case.image_id == "d")
        assert case.dice == pytest.approx({"unet": dice, "proposed": dice, "mine": dice})
        for row, variant in ((0, "unet"), (2, "proposed"), (4, "mine")):
            mask = case.predictions[variant]
            assert mask[row].all()
            assert mask[SIDE - 1].nonzero()[0].tolist() == [films.index((case.dataset, case.image_id))]
            assert mask.sum() == SIDE + 1


def test_curves_of_a_run_that_diverged_end_where_it_did() -> None:
    """Whatever the rows are called: those of runs laid below each other share their numbers."""
    whole = histories(("pooled",))
    lost = (whole["seed"] == whole["seed"].max()) & (whole["epoch"] > 1)
    numbers = whole.groupby(["variant", "seed"]).cumcount()
    figure = training_curves(whole[~lost].set_index(numbers[~lost]), LOOK)
    assert len(figure.axes[0].lines) == len(training_curves(whole, LOOK).axes[0].lines)


def test_curves_have_a_panel_each_for_each_training_set() -> None:
    figure = training_curves(histories(("pooled", "jsrt")), LOOK, [*CURVES])
    panels = figure.axes
    titles = ["Loss", "Validation Dice", "Validation accuracy", "Learning rate"]
    assert [panel.get_title() for panel in panels] == titles + 4 * [""]
    assert [panel.get_ylabel() for panel in panels[::4]] == ["trained on both", "trained on jsrt"]
    assert [len(panel.lines) for panel in panels[:4]] == [2 * len(RUNS), len(RUNS), len(RUNS), len(RUNS)]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["U-Net", "Both encoders", "mine"]
    dashed = [line.get_linestyle() for line in panels[0].lines].count("--")
    assert dashed == len(RUNS)


def test_the_learning_rate_is_drawn_where_it_is_asked_for() -> None:
    titles = [panel.get_title() for panel in training_curves(histories(("pooled",)), LOOK).axes]
    assert titles == ["Loss", "Validation Dice", "Validation accuracy"]


def test_a_nearly_white_film_is_shown_windowed_and_says_so() -> None:
    (case, _) = cases()
    white = np.linspace(200, 250, SIDE**2).astype(np.uint8).reshape(SIDE, SIDE)
    figure = overlays([replace(case, image=white)], LOOK)
    shown = np.asarray(figure.axes[0].get_images()[0].get_array())
    assert shown.min() == 0 and shown.max() == 255
    assert figure.axes[0].get_xlabel() == "film1, nearly white, greys spread"


def test_curves_can_be_chosen() -> None:
    figure = training_curves(histories(("pooled",)), LOOK, ["Validation accuracy", "Loss"])
    assert [panel.get_title() for panel in figure.axes] == ["Validation accuracy", "Loss"]
    assert figure.axes[0].get_legend() is None and figure.axes[1].get_legend() is not None  # solid and dashed
    one, all_of_them = (
        training_curves(histories(("pooled",)), LOOK, of).get_figwidth() for of in (["Loss"], [*CURVES])
    )
    assert one < 0.6 * all_of_them  # its panel is not stretched


def test_overlays_show_films_in_rows_and_variants_in_columns() -> None:
    figure = overlays(cases(), LOOK)
    panels = np.array(figure.axes).reshape(2, 4)
    assert [panel.get_title() for panel in panels[0]] == ["Film", "Truth", "U-Net", "mine"]
    assert [panel.get_ylabel() for panel in panels[:, 0]] == ["Montgomery, typical", "Montgomery, worst"]
    assert [panel.get_xlabel() for panel in panels[1]] == ["film2", "", "Dice 1.000", "Dice .640"]
    right, wrong = (np.asarray(panel.get_images()[0].get_array()) for panel in panels[0, 2:])
    grey = 100 / 255
    assert right[0, 0] == pytest.approx([grey] * 3)
    assert wrong[10, 6] == pytest.approx((1 - MISSED[1]) * grey + MISSED[1] * np.array(to_rgb(MISSED[0])))
    np.testing.assert_array_equal(right[5, 6], wrong[5, 6])
    assert len(np.unique(wrong.reshape(-1, 3), axis=0)) == 4  # untouched, found, missed, extra
    assert [[bool(panel.collections) for panel in row] for row in panels] == [
        [False, True, False, False]
    ] * 2  # outline


def test_dice_has_a_panel_for_each_data_set_with_every_film() -> None:
    panels = dice_per_image(scores(), LOOK).axes
    assert [panel.get_title() for panel in panels] == ["Montgomery (5 films)", "jsrt (4 films)"]
    assert [label.get_text() for label in panels[0].get_yticklabels()] == ["U-Net", "Both encoders", "mine"]
    points = np.asarray(panels[0].collections[0].get_offsets())
    assert sorted(points[:, 0]) == pytest.approx(sorted(DICE["montgomery"].values()))
    assert (np.abs(points[:, 1]) < 0.5).all()


DRAWN: dict[str, Callable[[], Figure]] = {
    "curves": lambda: training_curves(histories(("pooled",)), LOOK),
    "overlays": lambda: overlays(cases(), LOOK),
    "dice": lambda: dice_per_image(scores(), LOOK),
}


@pytest.mark.parametrize("kind", DRAWN)
def test_files_are_the_same_twice_and_not_empty(kind: str, tmp_path: Path) -> None:
    for folder in ("first", "second"):
        save(DRAWN[kind](), tmp_path / folder / "drawn", "What it shows.\n")
    for ending in ("svg", "pdf", "png"):
        first, second = (tmp_path / folder / f"drawn.{ending}" for folder in ("first", "second"))
        assert first.read_bytes() == second.read_bytes()
    names = sorted(path.name for path in (tmp_path / "first").iterdir())
    assert names == ["drawn.pdf", "drawn.png", "drawn.svg", "drawn.txt"]
    assert (tmp_path / "first" / "drawn.txt").read_text() == "What it shows.\n"
    assert b"/FontFile2" in (tmp_path / "first" / "drawn.pdf").read_bytes()  # TrueType, embedded
    with Image.open(tmp_path / "first" / "drawn.png") as picture:
        assert picture.width == 1512  # 7.2 inches
        assert np.asarray(picture.convert("L")).std() > 5
