"""Diagrams of statistical tables: claimed gains, training sets on test sets, ranks, calibration, ways of counting."""

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
import pandas as pd
import scikit_posthocs
import seaborn as sns
from jaxtyping import Float
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from lungseg.claims.counting import CUTS
from lungseg.claims.definitions import COMPARED
from lungseg.claims.evidence import between
from lungseg.escape import drawn
from lungseg.paper import Paper
from lungseg.report.differences import Gain
from lungseg.report.film_figures import STYLE, WIDTH, saying
from lungseg.report.look import Look

TITLES = {"dice": "Dice", "iou": "IoU", "recall": "Recall", "precision": "Precision"}
# No colours of networks: these are ways of counting.
COUNTED = sns.color_palette("flare", len(CUTS)).as_hex()
BAND = "0.87"
NARROW = 3.6  # inches: a figure that a phone shows whole, with letters that can be read there


@mpl.rc_context(STYLE | {"font.size": 8, "xtick.labelsize": 7.5, "legend.fontsize": 7.5})
def gains(rows: Sequence[Gain], paper: Paper, look: Look, margin: float | None, level: float) -> Figure:
    """What the paper's network gains over each other one: printed, ours with its interval, seed by seed.

    Args:
        rows: As from `lungseg.report.differences.claimed_gains`.
        paper: Whose headline.
        look: Names.
        margin: The difference that does not count, as a grey band; None where none is declared.
        level: Coverage of the intervals.
    """
    if paper.headline is None or not rows:
        return saying("the network of the paper's headline was not compared here", NARROW)
    figure = Figure(figsize=(NARROW, 1.15 + 0.42 * len(rows)), layout="constrained")
    axes, ink = figure.subplots(), "0.15"
    if margin:
        axes.axvspan(-margin, margin, color=BAND, linewidth=0, zorder=0)
    axes.axvline(0, color=ink, linewidth=0.7)
    for place, row in enumerate(rows):
        axes.plot([row.low, row.high], [place, place], color=ink, linewidth=2, solid_capstyle="butt")
        axes.plot(row.difference, place, "|", color=ink, markersize=9, markeredgewidth=1.5)
        axes.plot(row.seeds, [place + 0.2] * len(row.seeds), "o", color="0.4", markersize=2.5)
        if row.printed is not None:
            axes.plot(row.printed, place, "D", color="white", markeredgecolor=ink, markersize=5, markeredgewidth=1)
        beside = axes.get_yaxis_transform()
        patch = {"facecolor": "white", "alpha": 0.75, "linewidth": 0, "pad": 0.6}  # keeps lines out of the letters
        axes.text(0, place - 0.32, f"over {look.drawn(row.against)}", transform=beside, va="center", bbox=patch)
        told = f"{row.difference:+.4f} {between(row.low, row.high, '+.4f')}"
        axes.text(1, place - 0.32, told, transform=beside, va="center", ha="right", bbox=patch)
    axes.set(ylim=(len(rows) - 0.5, -0.6), yticks=[])
    axes.margins(x=0.06)
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:+.2g}" if round(value, 9) else "0")
    axes.grid(visible=False)
    sns.despine(ax=axes, left=True)
    metric = TITLES.get(paper.headline.metric, paper.headline.metric)
    axes.set_title(f"Gain in {metric} of {drawn(paper.headline.variant_in_words)}", fontsize=8, loc="left")
    for x, words, ha in ((0, "← favours the other", "left"), (1, "favours it →", "right")):
        axes.annotate(words, (x, 0), (0, -17), "axes fraction", "offset points", ha=ha, va="top")
    figure.legend(handles=_marks(level, margin, ink), loc="outside lower left", ncols=2)
    return figure


def _marks(level: float, margin: float | None, ink: str) -> list[Artist]:
    """What the marks of `gains` mean."""
    marks: list[Artist] = [
        Line2D(
            [], [], marker="D", markersize=5, color="white", markeredgecolor=ink, ls="", label="printed by the paper"
        ),
        Line2D([], [], color=ink, linewidth=2, label=f"ours, {100 * level:g}% interval"),
        Line2D([], [], color="0.4", marker="o", markersize=2.5, ls="", label="ours, one seed"),
    ]
    return [*marks, Patch(color=BAND, label=f"too little to count: {margin:g}")] if margin else marks


@mpl.rc_context(STYLE)
def crossing(table: pd.DataFrame, look: Look, level: float) -> Figure:
    """Mean Dice with its interval for every training set (rows) and test set (columns), a panel per variant.

    Args:
        table: The table crossing.csv.
        look: Names and colours.
        level: Coverage of the intervals.
    """
    cells = table[table["metric"] == "dice"]
    sets = cells.groupby("variant", sort=False)["train_on"].nunique()
    variants = [str(variant) for variant in sets.index[(sets > 1) | (sets.max() == 1)]]
    rows, columns = list(cells["train_on"].unique()), list(cells["test_on"].unique())
    figure = Figure(figsize=(WIDTH, 0.95 + 0.4 * len(rows)), layout="constrained")
    panels = figure.subplots(1, len(variants), sharey=True, squeeze=False)[0]
    for panel, variant in zip(panels, variants, strict=True):
        own = cells[cells["variant"] == variant].set_index(["train_on", "test_on"])
        own = own.reindex(pd.MultiIndex.from_product([rows, columns]))
        means = own["mean"].to_numpy().reshape(len(rows), len(columns))
        texts = [
            "" if pd.isna(cell["mean"]) else f"{cell['mean']:.3f}\n{between(cell['low'], cell['high'], '.3f')}"
            for cell in own.to_dict("records")
        ]
        sns.heatmap(
            means, annot=np.array(texts).reshape(means.shape), fmt="", vmin=0.7, vmax=1, cmap="cividis", cbar=False,
            xticklabels=[*map(look.tested_on, columns)],
            yticklabels=[*map(look.trained_on, rows)], ax=panel, annot_kws={"size": 5}, linewidths=0.7,
        )  # fmt: skip
        for i, j in zip(*np.nonzero(own["domain"].to_numpy().reshape(means.shape) == "in"), strict=True):
            panel.add_patch(mpl.patches.Rectangle((j, i), 1, 1, fill=False, edgecolor="black", linewidth=1.2))
        panel.grid(visible=False)  # it would show where nothing was trained
        panel.set(title=look.drawn(variant), xlabel="tested on", ylabel="")
        panel.tick_params(axis="y", rotation=0)
    panels[0].set_ylabel("trained on")
    title = f"Mean Dice [{100 * level:g}% interval]; framed: the training set holds films of that data set"
    figure.suptitle(title, fontsize=6.5)
    return figure


@mpl.rc_context(STYLE)
def rank_diagram(table: pd.DataFrame, train_on: str, look: Look) -> Figure:
    """Critical-difference diagrams (Demšar 2006): variants joined by a bar cannot be told apart.

    Where there are too few blocks for a critical difference, nothing is joined.

    Args:
        table: The table ranks.csv.
        train_on: The training set to show.
        look: Names and colours.
    """
    shown = table[(table["train_on"] == train_on) & (table["n"] > 1)]  # one block has an order, and nothing to average
    kinds = list(shown["over"].unique())
    if not kinds:
        return saying("fewer than three networks, or than two films: nothing to rank")
    figure = Figure(figsize=(WIDTH, 1.9 * len(kinds)), layout="constrained")
    for panel, over in zip(np.atleast_1d(figure.subplots(len(kinds), 1)), kinds, strict=True):
        rows = shown[shown["over"] == over]
        ranks = pd.Series(rows["mean_rank"].to_numpy(), index=[look.drawn(v) for v in rows["variant"]])
        reach = rows["critical_difference"].fillna(-1).iloc[0]
        apart = np.abs(ranks.to_numpy()[:, None] - ranks.to_numpy()) > reach
        significance = pd.DataFrame(np.where(apart, 0.0, 1.0), index=ranks.index, columns=ranks.index)
        colours = {look.drawn(v): look.colour(v) for v in rows["variant"]}
        drawn = scikit_posthocs.critical_difference_diagram(ranks, significance, ax=panel, color_palette=colours)
        for bar in np.ravel(drawn["crossbars"]):  # drawn from a set, whose order is another one each time
            bar.set_xdata(np.sort(bar.get_xdata()))
        for label in drawn["labels"]:  # pale letters cannot be read; the line that leads to them has the colour
            label.set_color("black")
        first = rows.iloc[0]
        p = "not computed" if pd.isna(first["p"]) else f"p = {first['p']:.2g}"
        told = "too few for a critical difference" if reach < 0 else f"critical difference {reach:.2f}"
        panel.set_title(
            f"Mean rank of Dice over {first['n']} {over} (1 is best); Friedman {p}, of these trained networks; {told}"
        )
    return figure


@mpl.rc_context(STYLE)
def reliability(bins: pd.DataFrame, errors: pd.DataFrame, train_on: str, look: Look) -> Figure:
    """Above: share of lung against predicted probability on each test set; below: the calibration error of all pixels.

    Args:
        bins: The table reliability.csv.
        errors: The table calibration.csv.
        train_on: The training set to show.
        look: Names and colours.
    """
    shown = bins[(bins["train_on"] == train_on) & bins["lung"].notna()]
    if shown.empty:
        return saying("no network was run: nothing to calibrate")
    error = errors[(errors["train_on"] == train_on) & (errors["metric"] == "ece_pooled")]
    sets = list({look.tested_on(one): one for one in shown["test_on"].unique()}.values())  # one data set: also the pool
    variants = list(shown["variant"].unique())
    colours = [look.colour(variant) for variant in variants]
    figure = Figure(figsize=(WIDTH, 2.5 + 0.17 * len(variants)), layout="constrained")
    rows = figure.subplots(2, len(sets), squeeze=False, sharey="row", height_ratios=[1.7, 0.2 + 0.17 * len(variants)])
    for above, below, test_on in zip(*rows, sets, strict=True):
        above.plot([0, 1], [0, 1], color="grey", linewidth=0.7, linestyle=":")
        for height, (variant, colour) in enumerate(zip(variants, colours, strict=True)):
            own = shown[(shown["test_on"] == test_on) & (shown["variant"] == variant)]
            curve = {"color": colour, "linewidth": 0.9, "elinewidth": 0.6, "marker": ".", "markersize": 3}
            above.errorbar(own["predicted"], own["lung"], _arms(own, "lung"), **curve)
            own = error[(error["test_on"] == test_on) & (error["variant"] == variant)]
            below.errorbar(own["mean"], [height], xerr=_arms(own, "mean"), **curve)
        above.set(
            title=look.tested_on(test_on), xlabel="predicted probability", xlim=(0, 1), ylim=(0, 1), aspect="equal"
        )
        below.set(xlabel="calibration error", ylim=(len(variants) - 0.5, -0.5), xlim=(0, error["high"].max() * 1.05))
        below.grid(visible=False, axis="y")
    rows[0, 0].set_ylabel("share of lung")
    rows[1, 0].set_yticks(range(len(variants)), [look.drawn(variant) for variant in variants])
    for label, colour in zip(rows[1, 0].get_yticklabels(), colours, strict=True):
        label.set_color(colour)
    return figure


def _arms(table: pd.DataFrame, middle: str) -> Float[np.ndarray, "2 row"]:
    """How far the limits lie below and above."""
    return np.abs(table[["low", "high"]].to_numpy().T - table[middle].to_numpy())


@mpl.rc_context(STYLE)
def ways_of_counting(values: pd.DataFrame, paper: Paper, look: Look) -> Figure:
    """What each definition makes of the same predictions, beside what the paper prints.

    Args:
        values: The table definitions.parquet.
        paper: Whose table.
        look: Names.
    """
    shown = values[values["metric"].isin(COMPARED)].dropna(subset="value")
    variants = [variant for variant in paper.networks if variant in set(shown["variant"])]
    if not variants:
        return saying("none of the paper's networks was run: nothing to count")
    colours = dict(zip(CUTS, COUNTED, strict=True))
    figure = Figure(figsize=(WIDTH, 0.9 + 0.5 * len(variants)), layout="constrained")
    panels = figure.subplots(1, len(COMPARED), sharey=True)
    rng = np.random.default_rng(0)  # only spreads the points
    for panel, metric in zip(panels, COMPARED, strict=True):
        for height, variant in enumerate(variants):
            own = shown[(shown["metric"] == metric) & (shown["variant"] == variant)]
            for band, (cut, colour) in enumerate(colours.items()):
                dots = own.loc[own["cut"] == cut, "value"].round(4).unique()  # many definitions agree in a column
                spread = height + 0.17 * (band - (len(colours) - 1) / 2) + rng.uniform(-0.06, 0.06, len(dots))
                panel.scatter(dots, spread, s=2, color=colour, alpha=0.5, linewidth=0, rasterized=True)
            if (printed := paper.printed(variant, metric)) is not None:
                panel.plot([printed, printed], [height - 0.38, height + 0.38], color="black", linewidth=1.3)
        panel.set(title=TITLES[metric], ylim=(len(variants) - 0.5, -0.5))
        panel.grid(visible=False, axis="y")
    panels[0].set_yticks(range(len(variants)), [look.drawn(variant) for variant in variants])
    handles = [
        Line2D([], [], color=colour, marker="o", ls="", label=f"counted: {cut}") for cut, colour in colours.items()
    ]
    handles.append(Line2D([], [], color="black", linewidth=1.3, label="printed in the paper"))
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    return figure
