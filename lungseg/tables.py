"""Tables for people: Table 1 with the published numbers beside ours, in Markdown, LaTeX and HTML."""

import pandas as pd
from great_tables import GT

from lungseg.errors import InputError
from lungseg.published import METRICS, TABLE1, name

TITLES = {"dice": "Dice", "loss": "Loss", "iou": "IoU", "recall": "Recall", "precision": "Precision"}
OUTSIDE = "†"


def table1(estimates: pd.DataFrame, train_on: str, test_on: str) -> pd.DataFrame:
    """Put our estimates beside the published numbers.

    Args:
        estimates: The table estimates.csv.
        train_on: The training set to show.
        test_on: The test set to show.

    Returns:
        Columns variant, metric, published (empty where the paper has no number), mean, low, high, inside (published
        value within the interval; empty without one), pooled_mean, pooled_low, pooled_high, in the paper's order.

    Raises:
        InputError: There are no estimates for this training and test set.
    """
    cells = estimates.query("train_on == @train_on and test_on == @test_on").set_index(["variant", "metric"])
    if cells.empty:
        known = ", ".join(sorted({f"{a} on {b}" for a, b in zip(estimates.train_on, estimates.test_on, strict=True)}))
        raise InputError("config key table1", f"{train_on} on {test_on}", known, "Choose one of these.")
    rows = []
    for variant in cells.index.get_level_values("variant").unique():
        for metric in METRICS:
            ours, pooled = cells.loc[(variant, metric)], _cell(cells, variant, f"{metric}_pooled")
            published = float(TABLE1[variant][metric]) if variant in TABLE1 else None
            rows.append(
                {"variant": variant, "metric": metric, "published": published}
                | {key: ours[key] for key in ("mean", "low", "high")}
                | {"inside": None if published is None else bool(ours["low"] <= published <= ours["high"])}
                | {f"pooled_{key}": pooled[key] if pooled is not None else None for key in ("mean", "low", "high")}
            )
    return pd.DataFrame(rows)


def _cell(cells: pd.DataFrame, variant: str, metric: str) -> pd.Series | None:
    return cells.loc[(variant, metric)] if (variant, metric) in cells.index else None


def layout(table: pd.DataFrame) -> pd.DataFrame:
    """Table 1 as a reader sees it: three lines per network, a column per metric.

    Args:
        table: As from `table1`.

    Returns:
        Strings. Index network, line (`published`, `mean over films`, `pooled pixels`); columns the metrics' titles.
    """
    lines = {}
    for variant, rows in table.groupby("variant", sort=False):
        cells = rows.set_index("metric")
        lines[name(str(variant)), "published"] = [_number(cells["published"][m]) for m in METRICS]
        lines[name(str(variant)), "mean over films"] = [
            _interval(cells.loc[m], "") + (OUTSIDE if cells["inside"][m] is False else "") for m in METRICS
        ]
        lines[name(str(variant)), "pooled pixels"] = [_interval(cells.loc[m], "pooled_") for m in METRICS]
    index = pd.MultiIndex.from_tuples(list(lines), names=["Network", ""])
    return pd.DataFrame(list(lines.values()), index=index, columns=[TITLES[metric] for metric in METRICS])


def _number(value: float | None) -> str:
    return "–" if value is None or pd.isna(value) else f"{value:.3f}"


def _interval(cell: pd.Series, prefix: str) -> str:
    mean, low, high = (cell[f"{prefix}{key}"] for key in ("mean", "low", "high"))
    return "–" if pd.isna(mean) else f"{mean:.3f} [{low:.3f}, {high:.3f}]"


def legend(level: float) -> str:
    """What the brackets and the mark in a shown table mean."""
    return f"[{level:.0%} interval over seeds and films]. {OUTSIDE} The published value lies outside the interval."


def to_markdown(shown: pd.DataFrame, caption: str, note: str) -> str:
    """A table for GitHub, its caption above and the note below."""
    header = ["Network", "", *shown.columns]
    rows = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    last = None
    for (network, line), cells in zip(shown.index, shown.to_numpy(), strict=True):
        rows.append("| " + " | ".join([f"**{network}**" if network != last else "", line, *cells]) + " |")
        last = network
    return "\n\n".join([caption, "\n".join(rows), note]) + "\n"


def to_latex(shown: pd.DataFrame, caption: str, note: str) -> str:
    """A table for a paper; needs the packages booktabs and multirow."""
    plain = shown.rename(columns=_escape, index=_escape).map(_escape)
    plain.index.names = ["Network", ""]
    return plain.style.to_latex(
        hrules=True,
        clines="skip-last;data",
        caption=_escape(f"{caption} {note}"),
        label="tab:table1",
        position_float="centering",
        column_format="ll" + "l" * len(shown.columns),
    )


def _escape(text: str) -> str:
    for character, command in {
        "&": r"\&",
        "%": r"\%",
        "_": r"\_",
        "#": r"\#",
        OUTSIDE: r"\textsuperscript{\dag}",
    }.items():
        text = text.replace(character, command)
    return text.replace("–", "--")


def to_html(shown: pd.DataFrame, caption: str, note: str) -> str:
    """A table for a web page, styles included."""
    flat = shown.reset_index(names=["network", "line"])
    table = GT(flat, rowname_col="line", groupname_col="network", id="table1")
    return table.tab_header(title=caption).tab_source_note(note).as_raw_html()


def dataset_table(estimates: pd.DataFrame, train_on: str, metric: str) -> str:
    """Markdown: one metric with interval, a row per network and a column per test set.

    Args:
        estimates: The table estimates.csv.
        train_on: The training set to show.
        metric: Which metric.
    """
    cells = estimates.query("train_on == @train_on and metric == @metric").set_index(["variant", "test_on"])
    tests = list(cells.index.get_level_values("test_on").unique())
    sizes = {test: int(cells.xs(test, level="test_on")["images"].iloc[0]) for test in tests}
    titles = [f"{'all' if test == 'pooled' else test} ({sizes[test]} films)" for test in tests]
    rows = ["| " + " | ".join(["Network", *titles]) + " |", "|" + " --- |" * (len(tests) + 1)]
    for variant in cells.index.get_level_values("variant").unique():
        rows.append("| " + " | ".join([name(variant), *(_interval(cells.loc[(variant, t)], "") for t in tests)]) + " |")
    return "\n".join(rows) + "\n"


def comparison_table(comparisons: pd.DataFrame, train_on: str, test_on: str, metric: str) -> str:
    """Markdown: the differences that the paper claims between its networks, published and ours.

    Args:
        comparisons: The table comparisons.csv.
        train_on: The training set to show.
        test_on: The test set to show.
        metric: `dice` or `iou`.
    """
    cells = comparisons.query("train_on == @train_on and test_on == @test_on and metric == @metric")
    title = f"{TITLES[metric]} difference"
    rows = [f"| {title} | published | ours | p, Holm |", "| --- | --- | --- | --- |"]
    for pair in cells[cells["variant_a"].isin(TABLE1) & cells["variant_b"].isin(TABLE1)].itertuples():
        published = TABLE1.loc[metric, pair.variant_b] - TABLE1.loc[metric, pair.variant_a]
        ours = f"{-pair.difference:+.4f} [{-pair.high:+.4f}, {-pair.low:+.4f}]"
        networks = f"{name(pair.variant_b)} against {name(pair.variant_a)}"
        rows.append(f"| {networks} | {published:+.3f} | {ours} | {pair.p_holm:.2g} |")
    return "\n".join(rows) + "\n"
