"""Diagrams of the referee's tables: every training set on every test set, ranks, and ways of counting."""

from collections.abc import Mapping

import matplotlib as mpl
import numpy as np
import pandas as pd
import scikit_posthocs
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lungseg.claims.definitions import COMPARED, CUTS
from lungseg.escape import drawn
from lungseg.paper import Paper
from lungseg.report.film_figures import STYLE, WIDTH, saying

TITLES = {"dice": "Dice", "iou": "IoU", "recall": "Recall", "precision": "Precision"}


def _title(variant: str, names: Mapping[str, str]) -> str:
    return drawn(names.get(variant, variant))


@mpl.rc_context(STYLE)
def crossing(table: pd.DataFrame, names: Mapping[str, str]) -> Figure:
    """Mean Dice with its interval for every training set (rows) and test set (columns), a panel per variant.

    Args:
        table: The table crossing.csv.
        names: Variant to its name for people.
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
            "" if pd.isna(cell["mean"]) else f"{cell['mean']:.3f}\n[{cell['low']:.3f}, {cell['high']:.3f}]"
            for cell in own.to_dict("records")
        ]
        sns.heatmap(
            means, annot=np.array(texts).reshape(means.shape), fmt="", vmin=0.7, vmax=1, cmap="cividis", cbar=False,
            xticklabels=columns, yticklabels=rows, ax=panel, annot_kws={"size": 5}, linewidths=0.7,
        )  # fmt: skip
        for i, j in zip(*np.nonzero(own["domain"].to_numpy().reshape(means.shape) == "in"), strict=True):
            panel.add_patch(mpl.patches.Rectangle((j, i), 1, 1, fill=False, edgecolor="black", linewidth=1.2))
        panel.set(title=_title(variant, names), xlabel="tested on", ylabel="")
        panel.tick_params(axis="y", rotation=0)
    panels[0].set_ylabel("trained on")
    figure.suptitle("Mean Dice [95% interval]; framed: the training set holds films of that data set", fontsize=6.5)
    return figure


@mpl.rc_context(STYLE)
def rank_diagram(table: pd.DataFrame, train_on: str, names: Mapping[str, str]) -> Figure:
    """Critical-difference diagrams (Demšar 2006): variants joined by a bar cannot be told apart.

    Args:
        table: The table ranks.csv.
        train_on: The training set to show.
        names: Variant to its name for people.
    """
    shown = table[table["train_on"] == train_on]
    kinds = list(shown["over"].unique())
    if not kinds:
        return saying("fewer than three networks: nothing to rank")
    figure = Figure(figsize=(WIDTH, 1.9 * len(kinds)), layout="constrained")
    for panel, over in zip(np.atleast_1d(figure.subplots(len(kinds), 1)), kinds, strict=True):
        rows = shown[shown["over"] == over]
        ranks = pd.Series(rows["mean_rank"].to_numpy(), index=[_title(v, names) for v in rows["variant"]])
        apart = np.abs(ranks.to_numpy()[:, None] - ranks.to_numpy()) > rows["critical_difference"].iloc[0]
        significance = pd.DataFrame(np.where(apart, 0.0, 1.0), index=ranks.index, columns=ranks.index)
        colours = dict(zip(ranks.index, sns.color_palette("colorblind", len(ranks)), strict=True))
        drawn = scikit_posthocs.critical_difference_diagram(ranks, significance, ax=panel, color_palette=colours)
        for bar in np.ravel(drawn["crossbars"]):  # drawn from a set, whose order is another one each time
            bar.set_xdata(np.sort(bar.get_xdata()))
        first = rows.iloc[0]
        p = "not computed" if pd.isna(first["p"]) else f"p = {first['p']:.2g}"
        panel.set_title(
            f"Mean rank of Dice over {first['n']} {over} (1 is best); Friedman {p}; "
            f"critical difference {first['critical_difference']:.2f}"
        )
    return figure


@mpl.rc_context(STYLE)
def ways_of_counting(values: pd.DataFrame, paper: Paper) -> Figure:
    """What each definition makes of the same predictions, beside what the paper prints.

    Args:
        values: The table definitions.parquet.
        paper: Whose table, and its names.
    """
    shown = values[values["metric"].isin(COMPARED)]
    variants = [variant for variant in paper.networks if variant in set(shown["variant"])]
    if not variants:
        return saying("none of the paper's networks was run: nothing to count")
    colours = dict(zip(CUTS, sns.color_palette("colorblind", len(CUTS)), strict=True))
    figure = Figure(figsize=(WIDTH, 0.9 + 0.5 * len(variants)), layout="constrained")
    panels = figure.subplots(1, len(COMPARED), sharey=True)
    rng = np.random.default_rng(0)  # only spreads the points
    for panel, metric in zip(panels, COMPARED, strict=True):
        for height, variant in enumerate(variants):
            own = shown[(shown["metric"] == metric) & (shown["variant"] == variant)]
            for cut, colour in colours.items():
                dots = own.loc[own["cut"] == cut, "value"]
                spread = height + rng.uniform(-0.3, 0.3, len(dots))
                panel.scatter(dots, spread, s=2, color=colour, alpha=0.35, linewidth=0, rasterized=True)
            if (printed := paper.printed(variant, metric)) is not None:
                panel.plot([printed, printed], [height - 0.38, height + 0.38], color="black", linewidth=1.3)
        panel.set(title=TITLES[metric], ylim=(len(variants) - 0.5, -0.5))
        panel.grid(visible=False, axis="y")
    panels[0].set_yticks(range(len(variants)), [_title(variant, paper.names) for variant in variants])
    handles = [
        Line2D([], [], color=colour, marker="o", ls="", label=f"counted: {cut}") for cut, colour in colours.items()
    ]
    handles.append(Line2D([], [], color="black", linewidth=1.3, label="printed in the paper"))
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    return figure
