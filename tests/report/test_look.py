"""One colour per network in every figure, and sets of films in words."""

import re
from collections.abc import Callable

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from lungseg.report.film_figures import dice_per_image, training_curves
from lungseg.report.look import ENCODERS, PALETTE, Look
from lungseg.report.summary_figures import rank_diagram
from tests.workflow import MISHRA

VARIANTS = ["mine", "proposed", "unet", "unet_mobilenetv2"]
LOOK = Look.of(MISHRA, VARIANTS, ["montgomery", "jsrt"], {"m": ["montgomery"], "all": ["jsrt", "montgomery"]})


def curves() -> Figure:
    epochs = pd.DataFrame({"epoch": [1, 2], "train_loss": 0.5, "validation_loss": 0.5, "validation_dice": 0.9})
    runs = [epochs.assign(variant=variant, train_on="all", seed=0, validation_accuracy=0.9) for variant in VARIANTS]
    return training_curves(pd.concat(runs), LOOK)


def of_curves() -> dict[str, str]:
    legend = curves().legends[0]
    drawn = zip(legend.get_texts(), legend.get_lines(), strict=True)
    return {text.get_text(): to_hex(line.get_color()) for text, line in drawn}


def of_films() -> dict[str, str]:
    rows = [
        {"variant": v, "test_on": "jsrt", "image_id": f"{i}", "dice": 0.9 + i / 100} for v in VARIANTS for i in (1, 2)
    ]
    axes = dice_per_image(pd.DataFrame(rows), LOOK).axes[0]
    names = [label.get_text() for label in axes.get_yticklabels()]
    return {name: to_hex(dots.get_facecolor()[0][:3]) for name, dots in zip(names, axes.collections, strict=True)}


def of_ranks() -> dict[str, str]:
    table = pd.DataFrame({"variant": VARIANTS[::-1], "mean_rank": [1.1, 2.1, 3.1, 3.7]})
    table = table.assign(train_on="all", over="films", n=9, p=0.01, critical_difference=0.1)
    axes = rank_diagram(table, "all", LOOK).axes[0]
    elbows = {float(line.get_xdata()[1]): to_hex(line.get_color()) for line in axes.lines if len(line.get_xdata()) == 3}
    return {
        LOOK.name(variant): elbows[rank] for variant, rank in zip(table["variant"], table["mean_rank"], strict=True)
    }


@pytest.mark.parametrize("colours", [of_curves, of_films, of_ranks])
def test_a_network_has_its_colour_in_every_figure_whatever_their_order(colours: Callable[[], dict[str, str]]) -> None:
    assert colours() == {LOOK.name(variant): LOOK.colour(variant) for variant in VARIANTS}


def test_labels_of_ranks_are_ink() -> None:
    table = pd.DataFrame({"variant": VARIANTS, "mean_rank": [1.1, 2.1, 3.1, 3.7]})
    table = table.assign(train_on="all", over="films", n=9, p=0.01, critical_difference=0.1)
    assert {text.get_color() for text in rank_diagram(table, "all", LOOK).axes[0].texts} == {"black"}


def test_a_paper_s_network_has_the_same_colour_in_every_experiment() -> None:
    alone = Look.of(MISHRA, ["proposed"], ["jsrt"], {})
    assert alone.colour("proposed") == LOOK.colour("proposed")
    assert len({LOOK.colour(variant) for variant in VARIANTS}) == len(VARIANTS)
    many = Look.of(MISHRA, [f"v{i}" for i in range(20)], ["jsrt"], {})
    assert {many.colour(f"v{i}") for i in range(20)} <= set(PALETTE)
    assert re.fullmatch("#[0-9a-f]{6}", LOOK.colour("unknown"))
    assert ENCODERS["unet"] == LOOK.colour("unet") and ENCODERS["mobilenetv2"] == LOOK.colour("unet_mobilenetv2")


def test_sets_are_named_in_words() -> None:
    assert [LOOK.trained_on(name) for name in ("m", "all", "other")] == ["Montgomery", "both", "other"]
    assert [LOOK.tested_on(name) for name in ("pooled", "jsrt")] == ["both", "JSRT"]
    three = Look.of(MISHRA, [], ["montgomery", "shenzhen", "jsrt"], {"nlm": ["montgomery", "shenzhen"]})
    assert three.trained_on("nlm") == "Montgomery + Shenzhen" and three.tested_on("pooled") == "all three"
    own = Look.of(MISHRA, [], ["montgomery", "jsrt", "mine"], {}, ["montgomery", "jsrt"])
    assert (own.tested_on("pooled"), own.tested_on("mine")) == ("Montgomery + JSRT", "mine")
    assert Look.of(MISHRA, [], ["phantom"], {"pooled": ["phantom"]}).tested_on("pooled") == "drawn films"


def test_a_training_set_on_fewer_films_has_a_name_of_its_own() -> None:
    sets = {"pooled": ["montgomery", "jsrt"], "few": ["montgomery", "jsrt"], "one": ["jsrt"], "jsrt": ["jsrt"]}
    look = Look.of(MISHRA, [], ["montgomery", "jsrt"], sets, None, {"few": 32, "one": 1, "jsrt": 8})
    names = [look.trained_on(name) for name in ("pooled", "few", "one", "jsrt", "montgomery")]
    assert names == ["both", "both, 32 films", "JSRT, 1 film", "JSRT, 8 films", "Montgomery"]
    assert [look.tested_on(name) for name in ("pooled", "jsrt")] == ["both", "JSRT"]  # tests are on all films


def test_the_colours_are_those_of_the_palette_that_they_are_named_after() -> None:
    import seaborn as sns

    assert list(PALETTE) == sns.color_palette("colorblind").as_hex()
    assert np.all([mpl.colors.is_color_like(colour) for colour in PALETTE])
