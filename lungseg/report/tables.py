"""Tables for people: Table 1 with the published numbers beside ours, in Markdown, LaTeX and HTML."""

from collections.abc import Hashable, Sequence
from typing import Any

import pandas as pd
from great_tables import GT

from lungseg.claims.evidence import find_pair, gain, step
from lungseg.config import Experiment
from lungseg.errors import InputError
from lungseg.paper import Paper
from lungseg.statistics.comparisons import MARGIN
from lungseg.statistics.simulated import BEFORE, IN_TABLES

TITLES = {"dice": "Dice", "loss": "Loss", "iou": "IoU", "recall": "Recall", "precision": "Precision"}
OUTSIDE = "†"
VERDICTS = ("supported", "contradicted", "inconclusive", "inconsistent", "impossible", "untested")
SIMULATED = ("montgomery", "shenzhen", "jsrt", "pooled")
LIMITS = ("mean", "low", "high")

# A row of a table.
Cell = dict[Hashable, Any]


def table1(estimates: pd.DataFrame, paper: Paper, train_on: str, test_on: str) -> pd.DataFrame:
    """Put our estimates beside the published numbers.

    Args:
        estimates: The table estimates.csv.
        paper: Whose numbers.
        train_on: The training set to show.
        test_on: The test set to show.

    Returns:
        Columns variant, metric, published (empty where the paper has no number), mean, low, high, inside (published
        value within the interval; empty without one), pooled_mean, pooled_low, pooled_high, in the paper's order.

    Raises:
        InputError: There are no estimates for this training and test set.
    """
    shown = estimates.query("train_on == @train_on and test_on == @test_on").to_dict(orient="records")
    if not shown:
        known = ", ".join(sorted({f"{a} on {b}" for a, b in zip(estimates.train_on, estimates.test_on, strict=True)}))
        raise InputError("config key table1", f"{train_on} on {test_on}", known, "Choose one of these.")
    cells: dict[tuple[str, str], Cell] = {(cell["variant"], cell["metric"]): cell for cell in shown}
    rows = []
    for variant in dict.fromkeys(variant for variant, _ in cells):
        for metric in paper.metrics:
            ours, pooled = cells[variant, metric], cells.get((variant, f"{metric}_pooled"), {})
            published = paper.printed(variant, metric)
            rows.append(
                {"variant": variant, "metric": metric, "published": published}
                | {key: ours[key] for key in LIMITS}
                | {"inside": None if published is None else bool(ours["low"] <= published <= ours["high"])}
                | {f"pooled_{key}": pooled.get(key) for key in LIMITS}
            )
    return pd.DataFrame(rows)


def layout(table: pd.DataFrame, paper: Paper) -> pd.DataFrame:
    """Table 1 as a reader sees it: three lines per network, a column per metric.

    Args:
        table: As from `table1`.
        paper: Whose names and metrics.

    Returns:
        Strings. Index network, line (`published`, `mean over films`, `pooled pixels`); columns the metrics' titles.
    """
    lines = {}
    for variant, rows in table.groupby("variant", sort=False):
        cells: dict[str, Cell] = {row["metric"]: row for row in rows.to_dict(orient="records")}
        shown = [cells[metric] for metric in paper.metrics]
        lines[paper.name(str(variant)), "published"] = [_number(cell["published"]) for cell in shown]
        lines[paper.name(str(variant)), "mean over films"] = [
            _interval(cell) + (OUTSIDE if cell["inside"] is False else "") for cell in shown
        ]
        lines[paper.name(str(variant)), "pooled pixels"] = [_interval(cell, "pooled_") for cell in shown]
    index = pd.MultiIndex.from_tuples(list(lines), names=["Network", ""])
    return pd.DataFrame(list(lines.values()), index=index, columns=[TITLES[metric] for metric in paper.metrics])


def _number(value: float | None) -> str:
    return "–" if value is None or pd.isna(value) else f"{value:.3f}"


def _interval(cell: Cell, prefix: str = "") -> str:
    mean, low, high = (cell[f"{prefix}{key}"] for key in LIMITS)
    return "–" if pd.isna(mean) else f"{mean:.3f} [{low:.3f}, {high:.3f}]"


def legend(level: float) -> str:
    """What the brackets and the mark in a shown table mean."""
    return f"[{level:.0%} interval over seeds and films]. {OUTSIDE} The published value lies outside the interval."


def failures(estimates: pd.DataFrame, train_on: str, test_on: str) -> str:
    """How many predictions of the shown cells had no lung at all.

    Args:
        estimates: The table estimates.csv.
        train_on: The training set shown.
        test_on: The test set shown.
    """
    cells = estimates.query("train_on == @train_on and test_on == @test_on and metric == 'dice'")
    number, total = int(cells["failures"].sum()), int((cells["images"] * cells["seeds"]).sum())
    return f"{number} of {total} predictions found no lung" + (", and count as 0." if number else ".")


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
    """A table for a paper, as wide as a page of LaTeX's article; needs the package booktabs.

    Each network has a line of its own above its numbers, and each interval one below its mean.
    """
    columns = len(shown.columns) + 1
    lines = [r"\begin{table}", r"\centering\footnotesize\setlength{\tabcolsep}{4pt}"]
    lines += [rf"\caption{{{_escape(f'{caption} {note}'.removeprefix('Table 1, '))}}}", r"\label{tab:table1}"]
    lines += [rf"\begin{{tabular}}{{@{{}}l{'l' * (columns - 1)}@{{}}}}", r"\toprule", _row(["", *shown.columns])]
    for network, rows in shown.groupby(level=0, sort=False):
        lines += [r"\midrule", rf"\multicolumn{{{columns}}}{{@{{}}l}}{{\textbf{{{_escape(str(network))}}}}} \\"]
        for line, cells in rows.droplevel(0).iterrows():
            lines.append(_row([str(line), *cells.str.replace(r" \[.*\]", "", regex=True)]))
            intervals = cells.str.extract(r"(\[.*\])", expand=False)
            if intervals.notna().any():
                lines.append(_row(["", *("{" + intervals.fillna("") + "}")]))
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", r"\end{table}", ""])


def _row(cells: Sequence[str]) -> str:
    return " & ".join(map(_escape, cells)) + r" \\"


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


def dataset_table(estimates: pd.DataFrame, paper: Paper, train_on: str, metric: str) -> str:
    """Markdown: one metric with interval, a row per network and a column per test set.

    Args:
        estimates: The table estimates.csv.
        paper: Whose names.
        train_on: The training set to show.
        metric: Which metric.
    """
    shown = estimates.query("train_on == @train_on and metric == @metric").to_dict(orient="records")
    cells: dict[tuple[str, str], Cell] = {(cell["variant"], cell["test_on"]): cell for cell in shown}
    sizes = {cell["test_on"]: cell["images"] for cell in shown}
    titles = [f"{'all' if test == 'pooled' else test} ({size} films)" for test, size in sizes.items()]
    rows = ["| " + " | ".join(["Network", *titles]) + " |", "|" + " --- |" * (len(sizes) + 1)]
    for variant in dict.fromkeys(variant for variant, _ in cells):
        rows.append(
            "| " + " | ".join([paper.name(variant), *(_interval(cells[variant, test]) for test in sizes)]) + " |"
        )
    return "\n".join(rows) + "\n"


def comparison_table(comparisons: pd.DataFrame, paper: Paper, train_on: str, test_on: str, metric: str) -> str:
    """Markdown: the differences that the paper claims between its networks, published and ours.

    Args:
        comparisons: The table comparisons.csv.
        paper: That claims them.
        train_on: The training set to show.
        test_on: The test set to show.
        metric: `dice` or `iou`.
    """
    cells = comparisons.query("train_on == @train_on and test_on == @test_on and metric == @metric")
    title = f"{TITLES[metric]} difference"
    rows = [f"| {title} | published | ours | p, Holm |", "| --- | --- | --- | --- |"]
    for pair in cells.to_dict(orient="records"):
        a, b = str(pair["variant_a"]), str(pair["variant_b"])
        published = paper.gain(b, a, metric)
        if published is None:
            continue
        ours = f"{-pair['difference']:+.4f} [{-pair['high']:+.4f}, {-pair['low']:+.4f}]"
        p = "–" if pd.isna(pair["p_holm"]) else f"{pair['p_holm']:.2g}"
        rows.append(f"| {paper.name(b)} against {paper.name(a)} | {published:+.3f} | {ours} | {p} |")
    return "\n".join(rows) + "\n"


def beside_table(estimates: pd.DataFrame, comparisons: pd.DataFrame, paper: Paper, train_on: str, test_on: str) -> str:
    """Markdown: each network's printed and measured Dice, and its difference to what the headline compares with.

    Args:
        estimates: The table estimates.csv.
        comparisons: The table comparisons.csv.
        paper: Whose networks come first, in the order of print.
        train_on: The training set to show.
        test_on: The test set to show.
    """
    here = "train_on == @train_on and test_on == @test_on and metric == 'dice'"
    shown, pairs = estimates.query(here), comparisons.query(here)
    base = paper.headline.against if paper.headline else str(shown["variant"].iloc[0])
    rows = [f"| Network | printed | here | less {paper.name(base)} | verdict |", "| --- | --- | --- | --- | --- |"]
    for cell in shown.to_dict(orient="records"):
        variant = str(cell["variant"])
        printed, pair = paper.printed(variant, "dice"), find_pair(pairs, variant, base, "dice")
        compared = [gain(pair), step(pair)] if pair else ["", ""]
        row = [paper.name(variant), _number(printed), _interval(cell), *compared]
        rows.append("| " + " | ".join(row) + " |")
    return "\n".join(rows)


def tally(claims: pd.DataFrame) -> str:
    """How many claims have each verdict."""
    counts = claims["verdict"].value_counts()
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS if verdict in counts)


def coverage_note(coverage: pd.DataFrame, estimates: pd.DataFrame, seeds: int, root: str = ".") -> str:
    """How honest the printed intervals of means are, by simulation.

    Args:
        coverage: The table bench/results/coverage.csv.
        estimates: The table estimates.csv; without a column seed_variance its intervals are made as they once were.
        seeds: Of the experiment; where none was simulated with as many, the nearest number.
        root: The way to the repository's root, for the link.
    """
    method = IN_TABLES if "seed_variance" in estimates else BEFORE
    means = coverage[(coverage["quantity"] == "mean") & coverage["method"].str.endswith(f"({method})")]
    nearest = min(means["seeds"].unique(), key=lambda simulated: abs(simulated - seeds))
    rows = means[(means["seeds"] == nearest) & means["scene"].isin(SIMULATED)].to_dict("records")
    said = ", ".join(f"{row['coverage']:.1%} on {row['films']} films ({row['scene']})" for row in rows)
    return (
        f"In a [simulation]({root}/bench/results/coverage.md) with {nearest} seeds, nominal 95 % intervals covered the "
        f"true value in {said}."
    )


def claims_table(claims: pd.DataFrame, note: str) -> str:
    """Markdown: every claim with its verdict and reason.

    Args:
        claims: The table claims.csv.
        note: What is reduced, random or missing in the experiment behind it.
    """
    rows = ["| claim | where | verdict | why |", "| --- | --- | --- | --- |"]
    rows += [f"| {c['says']} | {c['source']} | **{c['verdict']}** | {c['why']} |" for c in claims.to_dict("records")]
    return "\n\n".join([f"{len(claims)} claims: {tally(claims)}.", "\n".join(rows), note]).strip() + "\n"


def answer(comparisons: pd.DataFrame, paper: Paper, experiment: Experiment) -> str:
    """One sentence: does the paper's network beat what it is compared with, as the paper says, and how was it trained?

    Args:
        comparisons: The table comparisons.csv.
        paper: Its headline names the two.
        experiment: Says under which conditions, and which training and test set to show.
    """
    if paper.headline is None:
        return "The paper names no difference that its table is about.\n"
    asked, train_on, test_on = paper.headline, experiment.table1.train_on, experiment.table1.test_on
    one, other, metric = asked.variant_in_words, asked.against_in_words, asked.metric
    shown = comparisons[(comparisons["train_on"] == train_on) & (comparisons["test_on"] == test_on)]
    pair = find_pair(shown, asked.variant, asked.against, metric)
    if pair is None:
        return f"This experiment has not both {other} and {one}.\n"
    verdict = {
        "equivalent": f"and {other} are equivalent, within {MARGIN} {TITLES[metric]}",
        "a better": f"beats {other} in {TITLES[metric]}",
        "b better": f"is worse than {other} in {TITLES[metric]}",
        "undecided": f"cannot be told from {other} in {TITLES[metric]}",
    }[pair["verdict"]]
    if pair["verdict"] == "equivalent" and not pair["low"] <= 0 <= pair["high"]:
        side = "better" if pair["difference"] > 0 else "worse"
        verdict = f"is {side} than {other}, by less than the {MARGIN} {TITLES[metric]} that count"
    told = f"**{conditions(experiment, asked.variant)}, {one} {verdict}: {gain(pair)}."
    published = paper.gain(asked.variant, asked.against, metric)
    if published is None:
        return f"{told} The paper prints no gain.**\n"
    contained = "lies inside" if pair["low"] <= published <= pair["high"] else "lies outside"
    return f"{told} The published gain, {published:+.3f}, {contained} that interval.**\n"


def conditions(experiment: Experiment, variant: str) -> str:
    """How a variant was trained, as the beginning of a sentence."""
    seeds = f"{len(experiment.seeds)} seed{'s' if len(experiment.seeds) > 1 else ''}"
    size, epochs = experiment.preprocessing.size, experiment.training.epochs
    text = f"At {size} px, {epochs} epoch{'s' if epochs > 1 else ''} and {seeds}"
    text += ", on drawn films" if "phantom" in experiment.datasets else ""
    network = experiment.variants[variant]
    starts = [network.start(encoder) for encoder in network.encoders]
    if starts and set(starts) == {"random"}:
        return f"{text}, with encoders that start from random weights"
    return f"{text}, with one encoder that starts from random weights" if "random" in starts else text


def headline(estimates: pd.DataFrame, train_on: str, test_on: str) -> dict[str, dict[str, float]]:
    """The means that two versions are compared by: metric -> variant -> mean over films, Dice and IoU alone."""
    shown = estimates.query("train_on == @train_on and test_on == @test_on").to_dict(orient="records")
    return {
        metric: {cell["variant"]: round(cell["mean"], 6) for cell in shown if cell["metric"] == metric}
        for metric in ("dice", "iou")
    }
