"""Figures: a table or a few films in, a matplotlib figure out. One style and one palette for all of them."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from jaxtyping import Bool, Float, UInt8
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from lungseg.data.films import open_films
from lungseg.files import replacing
from lungseg.learning.stored_predictions import VALUES, read_predictions
from lungseg.report.look import Look
from lungseg.report.outlines import window, windowed
from lungseg.terminal import plain

WIDTH = 7.2  # inches: the width of a journal's page
# The fonts come with matplotlib and the salt is fixed, so that any machine draws the same bytes.
STYLE = {
    **sns.axes_style("whitegrid"),
    "font.family": "DejaVu Sans",
    "font.size": 6.5,
    "axes.titlesize": 6.5,
    "axes.labelsize": 6.5,
    "axes.linewidth": 0.7,
    "axes.titlepad": 4,
    "axes.labelpad": 3,
    "xtick.labelsize": 6,
    "ytick.labelsize": 6,
    "xtick.major.pad": 2,
    "ytick.major.pad": 2,
    "legend.fontsize": 6.5,
    "legend.frameon": False,
    "grid.linewidth": 0.5,
    "svg.hashsalt": "lungseg",
    "pdf.fonttype": 42,
}
# Okabe and Ito's colours with the share that covers the film.
TRUTH = ("#009E73", 0.3)
FOUND, MISSED, EXTRA = ("#9fd8c4", 0.35), ("#D55E00", 0.9), ("#56B4E9", 0.9)
BOX = ["box", "median", "whisker", "cap"]
DICE_TICKS = [0.5, 0.8, 0.9, 0.95, 0.98, 0.99]
CURVES = {
    "Loss": {"train_loss": "-", "validation_loss": "--"},
    "Validation Dice": {"validation_dice": "-"},
    "Validation accuracy": {"validation_accuracy": "-"},
    "Learning rate": {"lr": "-"},
}
BY_RUN = tuple(CURVES)[:3]  # the learning rate is the same in all runs


@dataclass(frozen=True)
class Case:
    """One film with what each variant made of it.

    Args:
        dataset: Where the film comes from.
        image_id: Its name there.
        kind: Why it is shown: `typical` or `worst`.
        image: Grey 0-255.
        truth: The lungs as drawn by the readers.
        predictions: Variant to its mask.
        dice: Variant to its mask's Dice.
    """

    dataset: str
    image_id: str
    kind: str
    image: UInt8[np.ndarray, "height width"]
    truth: Bool[np.ndarray, "height width"]
    predictions: dict[str, Bool[np.ndarray, "height width"]]
    dice: dict[str, float]


@mpl.rc_context(STYLE)
def training_curves(histories: pd.DataFrame, look: Look, shown: Sequence[str] = BY_RUN) -> Figure:
    """Curves by epoch: loss, validation Dice and validation accuracy, or others; the paper's figures 3 and 4 are such.

    Args:
        histories: Columns variant, train_on, seed and those of history.csv; one thin line is drawn per run.
        look: Names and colours.
        shown: Which of `CURVES`.

    Returns:
        A row for each training set, with a panel for each curve.
    """
    sets = list(histories["train_on"].unique())
    colours = {str(variant): look.colour(variant) for variant in histories["variant"].unique()}
    curves = {title: CURVES[title] for title in shown}
    width = WIDTH * min(1, 0.3 + 0.7 * len(curves) / len(BY_RUN))
    figure = Figure(figsize=(width, 0.45 + 1.75 * len(sets)), layout="constrained")
    panels = figure.subplots(len(sets), len(curves), sharex=True, sharey="col", squeeze=False)
    for row, train_on in zip(panels, sets, strict=True):
        runs = histories[histories["train_on"] == train_on].reset_index(drop=True)  # seaborn asks for rows by number
        for panel, lines in zip(row, curves.values(), strict=True):
            for column, style in lines.items():
                _lines(panel, runs, column, style, colours)
            panel.set(xlabel="", ylabel="")
        row[0].set_ylabel(textwrap.fill(f"trained on {look.trained_on(train_on)}", 26))
    for top, bottom, title in zip(panels[0], panels[-1], curves, strict=True):
        top.set_title(title)
        bottom.set_xlabel("Epoch")
        bottom.xaxis.get_major_locator().set_params(integer=True)
    handles = [Line2D([], [], color=colour, label=look.drawn(key)) for key, colour in colours.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=3 if len(curves) > 1 else 2)
    kinds = (("training", "-"), ("validation", "--"))
    for panel, lines in zip(panels[0], curves.values(), strict=True):
        if len(lines) > 1:
            panel.legend(handles=[Line2D([], [], color="0.3", ls=style, label=kind) for kind, style in kinds])
    return figure


def _lines(panel: Axes, runs: pd.DataFrame, column: str, style: str, colours: Mapping[str, str]) -> None:
    sns.lineplot(
        runs,
        x="epoch",
        y=column,
        hue="variant",
        palette=dict(colours),
        units="seed",
        estimator=None,
        linestyle=style,
        linewidth=0.7,
        alpha=0.85,
        legend=False,
        ax=panel,
    )


def choose_cases(scores: pd.DataFrame) -> pd.DataFrame:
    """Choose two films of each data set by a rule, so that nobody picks the pretty ones.

    Args:
        scores: The table scores.csv or a part of it; a film's Dice is its mean over all runs therein.

    Returns:
        Columns dataset, image_id, kind: the film whose Dice is its data set's median (the lower one of two), called
        `typical`, and the film with the lowest, called `worst`.
    """
    means = scores.groupby(["test_on", "image_id"], sort=False)["dice"].mean().reset_index()
    rows = []
    for dataset, films in means.groupby("test_on", sort=False):
        ranked = films.sort_values(["dice", "image_id"])["image_id"].tolist()
        rows += [(dataset, ranked[(len(ranked) - 1) // 2], "typical"), (dataset, ranked[0], "worst")]
    return pd.DataFrame(rows, columns=["dataset", "image_id", "kind"])


def read_cases(
    scores: pd.DataFrame,
    runs: Sequence[Mapping[str, object]],
    predictions: str | Path,
    pixels: Mapping[str, str | Path],
    tables: Mapping[str, str | Path],
) -> list[Case]:
    """Gather what `overlays` shows: the chosen films and the first run of each variant.

    Args:
        scores: The rows of scores.csv of one training set.
        runs: Variant and seed of each run on that training set.
        predictions: The file with all their predictions.
        pixels: Data set to its processed/{dataset}.npy.
        tables: Data set to its images/{dataset}.csv.
    """
    stored = read_predictions(predictions)
    first: dict[str, int] = {}
    for run in stored.trained(runs):
        first.setdefault(str(run["variant"]), int(str(run["seed"])))
    chosen, test = choose_cases(scores), stored.films.of()
    numbers = [test.index((str(one.dataset), str(one.image_id))) for one in chosen.itertuples()]
    masks = {}
    for variant, seed in first.items():  # each read to its end, so that damage is told
        codes = stored.prediction(variant, seed).codes
        masks[variant] = {test[number]: VALUES[codes[number]] > 0 for number in numbers}
    dice = scores.set_index(["variant", "seed", "test_on", "image_id"])["dice"].to_dict()
    cases = []
    for dataset, image_id, kind in chosen.itertuples(index=False):
        films = open_films(pixels[dataset], tables[dataset])
        image, truth = films.read([[row["image_id"] for row in films.rows].index(image_id)])[0]
        found = {variant: masks[variant][dataset, image_id] for variant in first}
        values = {variant: float(dice[variant, seed, dataset, image_id]) for variant, seed in first.items()}
        cases.append(Case(dataset, image_id, kind, image, truth > 0, found, values))
    return cases


@mpl.rc_context(STYLE)
def overlays(cases: Sequence[Case], look: Look) -> Figure:
    """Films with the true lungs and with each variant's errors; the paper's figure 5.

    Args:
        cases: One row each; all with the same variants.
        look: Names.
    """
    variants = list(cases[0].predictions)
    titles = ["Film", "Truth", *(look.drawn(variant) for variant in variants)]
    side = WIDTH / (len(titles) + 0.4)
    figure = Figure(figsize=(WIDTH, 0.65 + (side + 0.15) * len(cases)), layout="constrained")
    panels = figure.subplots(len(cases), len(titles), squeeze=False)
    for row, case in zip(panels, cases, strict=True):
        film = windowed(case.image)
        shown = [film, _tinted(film, {TRUTH: case.truth})]
        shown += [_errors(film, case.truth, case.predictions[variant]) for variant in variants]
        for panel, picture in zip(row, shown, strict=True):
            panel.imshow(picture, cmap="gray", vmin=0, vmax=255)
            panel.set(xticks=[], yticks=[])
            sns.despine(ax=panel, left=True, bottom=True)
        row[1].contour(case.truth, levels=[0.5], colors=TRUTH[0], linewidths=0.7)
        row[0].set_ylabel(f"{look.tested_on(case.dataset)}, {case.kind}")
        told = ", nearly white, greys spread" if window(case.image) else ""
        row[0].set_xlabel(f"{case.image_id}{told}", fontsize=5, color="0.4")
        for panel, variant in zip(row[2:], variants, strict=True):
            panel.set_xlabel(f"Dice {case.dice[variant]:.3f}".replace(" 0.", " ."))
    for panel, title in zip(panels[0], titles, strict=True):
        panel.set_title(textwrap.fill(title, 18))
    parts = {"lung, found": FOUND, "lung, missed": MISSED, "not lung, marked as lung": EXTRA}
    handles = [Patch(facecolor=colour, label=label) for label, (colour, _) in parts.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=3)
    return figure


def _errors(
    image: UInt8[np.ndarray, "h w"], truth: Bool[np.ndarray, "h w"], mask: Bool[np.ndarray, "h w"]
) -> Float[np.ndarray, "h w 3"]:
    return _tinted(image, {FOUND: truth & mask, MISSED: truth & ~mask, EXTRA: mask & ~truth})


def _tinted(
    image: UInt8[np.ndarray, "h w"], tints: Mapping[tuple[str, float], Bool[np.ndarray, "h w"]]
) -> Float[np.ndarray, "h w 3"]:
    picture = np.repeat(image[..., None] / 255, 3, axis=2)
    for (colour, share), where in tints.items():
        picture[where] = (1 - share) * picture[where] + share * np.array(to_rgb(colour))
    return picture


@mpl.rc_context(STYLE)
def dice_per_image(scores: pd.DataFrame, look: Look) -> Figure:
    """Every film's Dice, mean over seeds, as box and points; a panel per data set.

    On the axis equal steps are equal ratios of the error 1 - Dice: good films keep apart, bad ones stay in sight.

    Args:
        scores: The rows of scores.csv of one training set.
        look: Names and colours.
    """
    films = scores.groupby(["variant", "test_on", "image_id"], sort=False)["dice"].mean().reset_index()
    sets = list(films["test_on"].unique())
    colours = {str(variant): look.colour(variant) for variant in films["variant"].unique()}
    figure = Figure(figsize=(WIDTH, 0.6 + 0.36 * len(colours)), layout="constrained")
    panels = figure.subplots(1, len(sets), sharex=True, sharey=True, squeeze=False)[0]
    rng = np.random.default_rng(0)  # only spreads the points
    for panel, test_on in zip(panels, sets, strict=True):
        part = films[films["test_on"] == test_on]
        for height, (variant, colour) in enumerate(colours.items()):
            values = part.loc[part["variant"] == variant, "dice"].to_numpy()
            line = {f"{piece}props": {"color": colour, "linewidth": 0.8} for piece in BOX}
            panel.boxplot(values, positions=[height], orientation="horizontal", widths=0.7, showfliers=False, **line)
            spread = height + rng.uniform(-0.22, 0.22, len(values))
            panel.scatter(values, spread, s=4, color=colour, alpha=0.5, linewidth=0, zorder=3)
        panel.set(
            title=f"{look.tested_on(test_on)} ({part['image_id'].nunique()} films)",
            xlabel="Dice",
            ylim=(len(colours) - 0.5, -0.5),
        )
        panel.grid(visible=False, axis="y")
        panel.set_xscale("function", functions=(_halvings, lambda halvings: 1 - 0.5**halvings))
        panel.set_xticks(DICE_TICKS, [f"{tick:g}".lstrip("0") for tick in DICE_TICKS])
    panels[0].set_yticks(range(len(colours)), [look.drawn(variant) for variant in colours])
    return figure


def _halvings(dice: np.ndarray) -> np.ndarray:
    """How often the error 1 - Dice is halved; never more than ten times, so that Dice 1 has a place."""
    return -np.log2(np.clip(1 - dice, 2**-10, None))


@mpl.rc_context(STYLE)
def saying(text: str, width: float = WIDTH) -> Figure:
    """A figure that has nothing to show, and says so."""
    figure = Figure(figsize=(width, 0.7))
    figure.text(0.5, 0.5, text, ha="center", va="center")
    return figure


@mpl.rc_context(STYLE)
def save(figure: Figure, stem: str | Path, caption: str) -> None:
    """Write `stem`.svg, .pdf and .png (210 dpi) at print size, and the caption as .txt; the same bytes each time.

    Args:
        figure: What to write.
        stem: The files' path without an ending.
        caption: What the figure shows.
    """
    for kind, metadata in (("svg", {"Date": None}), ("pdf", {"CreationDate": None}), ("png", {})):
        with replacing(f"{stem}.{kind}") as path:
            figure.savefig(path, format=kind, dpi=210, metadata=metadata)
    with replacing(f"{stem}.txt") as path:
        path.write_text(f"{plain(caption.strip())}\n", encoding="utf-8")
