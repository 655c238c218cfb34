"""Tables for people: Table 1 with the published numbers beside ours, in Markdown, LaTeX and HTML."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pandas as pd
from great_tables import GT

from lungseg.claims.evidence import Arm, between, find_pair, gain, side, step
from lungseg.config import Experiment
from lungseg.errors import InputError
from lungseg.escape import latex, markdown
from lungseg.paper import Paper
from lungseg.plan import Plan
from lungseg.statistics.simulated import (
    BEFORE,
    IN_TABLES,
    LEVEL,
    LOWEST,
    OBSERVED,
    ONE_RUN,
    by_common_variance,
    of_such,
    simulated,
)

TITLES = {"dice": "Dice", "loss": "Loss", "iou": "IoU", "recall": "Recall", "precision": "Precision",
          "accuracy": "Accuracy"}  # fmt: skip
OUTSIDE, SHORT = "†", "‡"  # an interval that may be too short, as the note of its row says, is marked
SHORTER = (  # what the second mark means
    "By simulation, intervals of this shape hold the truth, or differences are rightly called within the margin, less "
    "often than they should; or the interval would be longer by a quarter or more if all networks' seeds varied alike"
)
VERDICTS = {
    "supported": "this run shows it, as closely as the plan's margin asks",
    "compatible": "nothing here speaks against it, and too little for it",
    "depends on the films": "some of the test sets that the paper may have meant contradict it, others do not",
    "inconclusive": "this run does not decide it",
    "contradicted": "this run shows otherwise",
    "inconsistent": "its numbers cannot stand together if all are of the lung and averaged alike",
    "impossible": "its numbers cannot stand together, however they are averaged, if both are of the same masks and "
    "averaged alike; or the text gives another number than the cells it speaks of, however these were rounded",
    "untested": "this run does not meet the conditions under which it is claimed, or nothing here can decide it",
}
LIMITS = ("mean", "low", "high")
IMPLIED = "Implied"  # how such a claim begins
POOLING = datetime(
    2026, 11, 28, 2, 38, tzinfo=UTC
)  # from here on Bartlett's test, before it Levene's (docs/statistics.md)

# A row of a table.
Cell = dict[Hashable, Any]


def table1(
    estimates: pd.DataFrame, paper: Paper, train_on: str, test_on: str, metrics: Sequence[str],
    lost: Sequence[str] = (),
) -> pd.DataFrame:  # fmt: skip
    """Put our estimates beside the published numbers.

    Args:
        estimates: The table estimates.csv.
        paper: Whose numbers.
        train_on: The training set to show.
        test_on: The test set to show.
        metrics: Those in which the two can be compared, as the plan says.
        lost: Networks whose runs may all have diverged: they have rows, without numbers of ours.

    Returns:
        Columns variant, metric, published (empty where the paper has no number), mean, low, high, inside (published
        value within the interval; empty where there is none or it cannot be compared), pooled_mean, pooled_low,
        pooled_high, in the paper's order.

    Raises:
        InputError: There are no estimates for this training and test set.
    """
    shown = estimates.query("train_on == @train_on and test_on == @test_on").to_dict(orient="records")
    if not shown:
        known = ", ".join(sorted({f"{a} on {b}" for a, b in zip(estimates.train_on, estimates.test_on, strict=True)}))
        raise InputError("config key table1", f"{train_on} on {test_on}", known, "Choose one of these.")
    cells: dict[tuple[str, str], Cell] = {(cell["variant"], cell["metric"]): cell for cell in shown}
    rows = []
    here = dict.fromkeys(variant for variant, _ in cells)
    for variant in dict.fromkeys([*here, *lost]):
        for metric in paper.metrics:
            ours: Cell = cells[variant, metric] if variant in here else dict.fromkeys(LIMITS)
            pooled = cells.get((variant, f"{metric}_pooled"), {})
            published = paper.printed(variant, metric)
            compared = published if metric in metrics and variant in here else None
            rows.append(
                {"variant": variant, "metric": metric, "published": published}
                | {key: ours[key] for key in LIMITS}
                | {"inside": _inside(compared, ours["low"], ours["high"])}
                | {f"pooled_{key}": pooled.get(key) for key in LIMITS}
            )
    return pd.DataFrame(rows)


def _inside(printed: float | None, low: float, high: float) -> bool | None:
    """Whether a printed value lies in an interval; None where there is no value or no interval."""
    return None if printed is None or pd.isna(low) or pd.isna(high) else bool(low <= printed <= high)


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
    return "–" if pd.isna(mean) else f"{mean:.3f} {between(low, high, '.3f')}"


def _noted(cell: Cell) -> str:
    return _interval(cell) + _mark(cell)


def marked(row: Mapping[Any, Any]) -> str:
    """A difference with its interval, as text, and the sign of one that falls short."""
    return gain(row) + _mark(row)


def _mark(row: Mapping[Any, Any]) -> str:
    """The sign of an interval that falls short, as the note of its row says; tables of older code have no notes."""
    return SHORT if simulated(row.get("note")) or by_common_variance(row.get("note")) else ""


def legend(level: float, seeds: int = 2) -> str:
    """What the brackets and the mark in a shown table mean.

    Args:
        level: Coverage aimed at.
        seeds: Of the experiment.
    """
    return (
        f"[{100 * level:g}% interval over {over(seeds)}]. {OUTSIDE} The published value lies outside the interval, "
        "which speaks of the mean on these films."
    )


def over(seeds: int) -> str:
    """What an interval is over: with one seed nothing is known of others."""
    return "seeds and films" if seeds > 1 else "films, of one seed"


def number_of_seeds(seeds: int) -> str:
    """How many there are."""
    return f"{seeds} seed{'' if seeds == 1 else 's'}"


def lost_runs(diverged: pd.DataFrame) -> list[str]:
    """A sentence that names every run that diverged, or nothing.

    Args:
        diverged: The table diverged.csv.
    """
    if diverged.empty:
        return []
    runs = [f"{row.variant}, {row.train_on}, seed {row.seed} (epoch {row.epoch} of {row.epochs})"
            for row in diverged.itertuples()]  # fmt: skip
    return [
        f"Diverged, and in no mean: {len(runs)} {'training' if len(runs) == 1 else 'trainings'}: {'; '.join(runs)}."
    ]


def absent(diverged: pd.DataFrame, train_on: str) -> list[str]:
    """Networks of a training set that lost a run.

    Args:
        diverged: The table diverged.csv.
        train_on: The training set.
    """
    return list(dict.fromkeys(diverged.loc[diverged["train_on"] == train_on, "variant"]))


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
        rows.append("| " + " | ".join([f"**{markdown(network)}**" if network != last else "", line, *cells]) + " |")
        last = network
    return "\n\n".join([markdown(caption), "\n".join(rows), markdown(note)]) + "\n"


def to_latex(shown: pd.DataFrame, caption: str, note: str) -> str:
    """A table for a paper, as wide as a page of LaTeX's article; needs the package booktabs.

    Each network has a line of its own above its numbers, and each interval one below its mean.
    """
    columns = len(shown.columns) + 1
    lines = [r"\begin{table}", r"\centering\footnotesize\setlength{\tabcolsep}{4pt}"]
    lines += [rf"\caption{{{latex(f'{caption} {note}'.removeprefix('Table 1, '))}}}", r"\label{tab:table1}"]
    lines += [
        rf"\begin{{tabular}}{{@{{}}l{'l' * (columns - 1)}@{{}}}}",
        r"\toprule",
        _row(["", *map(latex, shown.columns)]),
    ]
    for network, rows in shown.groupby(level=0, sort=False):
        lines += [r"\midrule", rf"\multicolumn{{{columns}}}{{@{{}}l}}{{\textbf{{{latex(str(network))}}}}} \\"]
        for line, cells in rows.droplevel(0).iterrows():
            lines.append(_row(map(latex, [str(line), *cells.str.replace(r" \[.*\]", "", regex=True)])))
            intervals = cells.str.extract(r"(\[.*\])", expand=False)
            if intervals.notna().any():
                lines.append(_row(["", *("{" + intervals.fillna("").map(latex) + "}")]))
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", r"\end{table}", ""])


def _row(cells: Iterable[str]) -> str:
    return " & ".join(cells) + r" \\"


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
            "| " + " | ".join([markdown(paper.name(variant)), *(_noted(cells[variant, test]) for test in sizes)]) + " |"
        )
    return "\n".join(rows) + "\n"


def corrected(plan: Plan | None) -> str:
    """What is said below differences: an interval is of its pair alone, a sign is not.

    Args:
        plan: Declares pairs and margins; without one the pairs of the paper's networks are corrected together.
    """
    pairs = "the pairs that the plan declares" if plan else "all pairs of the networks of the paper's table"
    margin = (
        " The margin is a matter of two one-sided tests, whose interval is shorter: the printed one may reach past it."
        if plan
        else ""
    )
    return (
        f"{SHORT} {SHORTER}: the `note` of the row in estimates.csv or comparisons.csv says more. Better and worse "
        f"are corrected (Holm) for {pairs}, on each test set, in each metric; a pair beside them is corrected with "
        "these. Intervals, and what is said of the margin, are not corrected: where an interval leaves 0 out by "
        f"little, the sign may be undecided.{margin}"
    )


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
    rows = [f"| {title} | published | ours | which is better |", "| --- | --- | --- | --- |"]
    for cell in cells.to_dict(orient="records"):
        a, b = str(cell["variant_a"]), str(cell["variant_b"])
        published, pair = paper.gain(b, a, metric), find_pair(cells, b, a, metric)
        if published is None or pair is None:
            continue
        name = f"{markdown(paper.name(b))} against {markdown(paper.name(a))}"
        rows.append(f"| {name} | {published:+.3f} | {marked(pair)} | {step(pair)} |")
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
    rows = [
        f"| Network | printed | here | less {markdown(paper.name(base))} | which is better |",
        "| --- | --- | --- | --- | --- |",
    ]
    for cell in shown.to_dict(orient="records"):
        variant = str(cell["variant"])
        printed, pair = paper.printed(variant, "dice"), find_pair(pairs, variant, base, "dice")
        compared = [marked(pair), step(pair)] if pair else ["", ""]
        row = [markdown(paper.name(variant)), _number(printed), _noted(cell), *compared]
        rows.append("| " + " | ".join(row) + " |")
    return "\n".join(rows)


def tally(claims: pd.DataFrame) -> str:
    """How many claims have each verdict, and where those point that this run cannot decide.

    Cells, rows and orders of Table 1 say one thing in many parts: they are counted apart from the other claims.

    Args:
        claims: Columns says, verdict and decides, and, in tables of today, points.
    """
    parts = claims["decides"].isin(["cell", "row", "order"])
    told = [f"Table 1 in {parts.sum()} parts: {_counted(claims[parts])}"] if parts.any() else []
    if not parts.all() and len(claims):
        rest = claims[~parts]
        implied = (
            f", {number} of them implied and not the paper's words" if (number := int(_implied(rest).sum())) else ""
        )
        told.append(f"{'apart from it ' if parts.any() else ''}{len(rest)} claims{implied}: {_counted(rest)}")
    return "; ".join(told)


def _implied(claims: pd.DataFrame) -> pd.Series:
    """Which claims are no sentences of the paper: they must hold for a choice or a figure of it to mean something."""
    return claims["says"].astype(str).str.startswith(IMPLIED)


def _counted(claims: pd.DataFrame) -> str:
    counts = claims["verdict"].value_counts()
    implied = claims.loc[_implied(claims), "verdict"].value_counts()
    beside = {verdict: f" ({implied[verdict]} implied)" for verdict in implied.index}
    told = ", ".join(f"{counts[one]} {one}{beside.get(one, '')}" for one in VERDICTS if one in counts)
    points: Mapping[str, int] = dict(claims["points"].value_counts()) if "points" in claims else {}
    side = [f"{points[word]} point {word}" for word in ("for", "against") if word in points]
    return f"{told} (of these, {' and '.join(side)} what is claimed)" if side else told


def when_fixed(manifest: Mapping[str, Any]) -> str:
    """When the rules of the verdicts were fixed, and whether that was before the experiment.

    Args:
        manifest: manifest.json; those made before there were plans have neither plan nor first_training.
    """
    plan, began = manifest.get("plan"), manifest.get("first_training")
    if plan is None:
        return "No rules were fixed for this experiment, so it has intervals, and no verdicts but those of arithmetic."
    if plan["committed"] is None or plan["changed"]:
        return f"The rules stand in {plan['file']}, which was under no commit when this was made."
    fixed, first = _fixed(plan), datetime.fromisoformat(began or manifest["finished"])
    known = plan["plan"]["after"]
    told = f"Rules fixed on {_day(fixed)} ({plan['file']}, commit {plan['commit'][:7]})"
    told += "" if known == "none" else f", {known}"
    later = (
        f" The test that says whose seeds' variances are pooled was changed after that, on {_day(POOLING)}, when "
        "results were known (docs/statistics.md)."
        if fixed < POOLING
        else ""
    )
    if fixed > first:
        return f"{told}, and after this run, which {'began' if began else 'ended'} on {_day(first)}.{later}"
    if began is None:
        return f"{told}; when this run's first training began is not recorded.{later}"
    return f"{told}, and before this run, whose first training began on {_day(first)} at {first:%H:%M} UTC.{later}"


def _fixed(plan: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(plan["committed"]).astimezone(UTC)


def before_training(manifest: Mapping[str, Any]) -> bool:
    """Whether it is known that the plan was committed before the first training.

    Args:
        manifest: As in `when_fixed`.
    """
    plan, began = manifest.get("plan"), manifest.get("first_training")
    if plan is None or plan["committed"] is None or plan["changed"] or began is None:
        return False
    return _fixed(plan) <= datetime.fromisoformat(began)


def remade(manifest: Mapping[str, Any]) -> str:
    """What of published results is of other code than their training; empty where all was made together.

    Args:
        manifest: manifest.json; its key `remade` holds commit, date and what was not made again.
    """
    if (again := manifest.get("remade")) is None:
        return ""
    return (
        f"Trained and scored by commit {manifest['commit'][:7]}. Statistics, claims and pages were made again from "
        f"those scores by commit {again['commit'][:7]} on {_day(datetime.fromisoformat(again['date']))}; not remade: "
        f"{', '.join(again['not_remade'])}."
    )


def _day(time: datetime) -> str:
    return f"{time.day} {time:%B %Y}"


def coverage_note(
    coverage: pd.DataFrame, estimates: pd.DataFrame, seeds: int, root: str = ".", level: float = LEVEL
) -> str:
    """How honest the printed intervals of means are, by simulation.

    Args:
        coverage: The table bench/results/coverage.csv.
        estimates: The table estimates.csv; without a column seed_variance its intervals are made as they once were.
        seeds: Of the experiment; where none was simulated with as many, the nearest number.
        root: The way to the repository's root, for the link.
        level: Of the printed intervals.
    """
    if level != LEVEL:
        return f"How often intervals of {100 * level:g} % hold the truth was not simulated, but for {LEVEL:.0%} alone."
    method = IN_TABLES if "seed_variance" in estimates else BEFORE
    made = coverage[coverage["method"].str.endswith(f"({method})")]
    nearest = min(made["seeds"].unique(), key=lambda simulated: abs(simulated - seeds))
    made = made[(made["seeds"] == nearest) & made["quantity"].isin(["mean", "difference"])]
    seen = made[made["scene"].str.contains(OBSERVED)]
    said = []
    for scene, rows in seen.groupby("scene", sort=False):
        means, differences = (rows.loc[rows["quantity"] == kind, "coverage"] for kind in ("mean", "difference"))
        said.append(
            f"on the {rows['films'].iloc[0]} films of {str(scene).partition(',')[0]} {_from_to(means)} of those of "
            f"means and {_from_to(differences)} of those of differences"
        )
    return (
        f"Nominal 95 % intervals with {number_of_seeds(int(nearest))} do not all reach it: in a [simulation]({root}/"
        f"bench/results/coverage.md) on films as networks scored them the truth lay within, {'; '.join(said)}. A row "
        f"of estimates.csv or comparisons.csv whose like held it in fewer than {LOWEST:.0%} says so in its `note`, and "
        f"has the mark {SHORT} above."
    )


def _from_to(shares: pd.Series) -> str:
    low, high = (f"{100 * share:.0f}" for share in (shares.min(), shares.max()))
    return f"{low} %" if low == high else f"{low} to {high} %"


def small(p: float, level: float = LEVEL) -> str:
    """A p for a sentence: two decimals, three below .1, more where it would seem to cross 1 - level.

    Args:
        p: The probability.
        level: Of the intervals beside it.
    """
    if p < 0.001:
        return "below 0.001"
    edge = round(1 - level, 9)
    shown = (f"{p:.{digits}f}" for digits in range(2 if p >= 0.1 else 3, 12))
    return next((text for text in shown if (float(text) < edge) == (p < edge)), f"{p}")


def claims_table(claims: pd.DataFrame, note: str) -> str:
    """Markdown: every claim with its verdict and reason.

    Args:
        claims: The table claims.csv.
        note: What is reduced, random or missing in the experiment behind it.
    """
    rows = ["| claim | where | verdict | why |", "| --- | --- | --- | --- |"]
    for claim in claims.fillna({"points": ""}).to_dict("records"):
        shown = ("says", "source", "why", "verdict", "points")
        says, source, why, word, points = (markdown(claim[key]) for key in shown)
        verdict = f"**{word}**" + (f", points {points}" if points else "")
        rows.append(f"| {says} | {source} | {verdict} | {why} |")
    words = [f"- **{word}**: {meaning}" for word, meaning in VERDICTS.items() if word in set(claims["verdict"])]
    if _implied(claims).any():
        words.append(
            f"- *{IMPLIED}*: no sentence of the paper; it must hold for a choice or a figure to mean something"
        )
    said = tally(claims)
    return (
        "\n\n".join([f"{said[:1].upper()}{said[1:]}.", "\n".join(words), "\n".join(rows), markdown(note)]).strip()
        + "\n"
    )


def answer(
    comparisons: pd.DataFrame,
    paper: Paper,
    experiment: Experiment,
    plan: Plan | None,
    written: Callable[[object], str] = markdown,
    diverged: pd.DataFrame | None = None,
) -> str:
    """Does the paper's network beat what it is compared with, how was it trained, and was that what the paper says?

    Args:
        comparisons: The table comparisons.csv.
        paper: Its headline names the two.
        experiment: Says under which conditions, and which training and test set to show.
        plan: Says what does not count, and under which conditions the paper's networks would have been run.
        written: Escapes what the paper calls its networks, for where the sentence is going.
        diverged: The table diverged.csv; None where older code made none.
    """
    if paper.headline is None:
        return "The paper names no difference that its table is about.\n"
    asked, train_on, test_on = paper.headline, experiment.table1.train_on, experiment.table1.test_on
    one, other, metric = written(asked.variant_in_words), written(asked.against_in_words), asked.metric
    shown = comparisons[(comparisons["train_on"] == train_on) & (comparisons["test_on"] == test_on)]
    pair = find_pair(shown, asked.variant, asked.against, metric)
    lost = _lost(diverged, train_on, {asked.variant: one, asked.against: other})
    if pair is None:
        gone = [f"of {name}" for name, number in lost.items() if number == len(experiment.seeds)]
        why = f"Every training {' and '.join(gone)} diverged: there is nothing to compare." if gone else ""
        return f"{why or f'This experiment has not both {other} and {one}.'}\n"
    verdict = {
        "better": f"beats {other} in {TITLES[metric]}",
        "worse": f"is worse than {other} in {TITLES[metric]}",
        "undecided": f"cannot be told from {other} in {TITLES[metric]}",
    }[side(pair)]
    if pair["verdict"] == "equivalent" and plan and (margin := plan.margins.get(metric)):
        verdict += f", and the difference is less than the margin of {margin:g} that its plan declares"
    told = f"**{conditions(experiment, asked.variant)}, {one} {verdict}: {_with_its_interval(pair, experiment)}."
    for name, number in lost.items():
        told += f" Of {len(experiment.seeds)} trainings of {name} {number} diverged: this is about the others."
    published = paper.gain(asked.variant, asked.against, metric)
    if published is None:
        return f"{told} The paper prints no gain.**\n"
    if "phantom" in experiment.datasets:
        return f"{told} Films that are drawn are not compared with the published gain.**\n"
    if (inside := _inside(published, pair["low"], pair["high"])) is None:
        return f"{told} Without an interval the published gain, {published:+.3f}, is not compared.**\n"
    compared = f"The published gain, {published:+.3f}, lies {'inside' if inside else 'outside'} that interval."
    if pair.get("note") == ONE_RUN:
        compared = (
            f"What another training would give is not known, so the published gain, {published:+.3f}, is not compared."
        )
    apart = _not_the_papers(experiment, plan, [asked.variant, asked.against])
    return " ".join([f"{told} {compared}**", *apart]) + "\n"


def _with_its_interval(pair: Mapping[str, Any], experiment: Experiment) -> str:
    """A difference, what its interval is over, how sure its sign is, and how well such intervals do."""
    if pd.isna(pair["low"]) or pd.isna(pair["high"]):
        return gain(pair)
    level, seeds = experiment.statistics.level, 1 if pair.get("note") == ONE_RUN else len(experiment.seeds)
    said, p = [f"{100 * level:g}% interval over {over(seeds)}"], pair.get("p_holm")
    if p is not None and not pd.isna(p):
        said.append(f"p {small(p, level)} after Holm's correction")
    if note := of_such(pair.get("note")):
        said.append(note)
    if other := by_common_variance(pair.get("note")):
        said.append(f"by a seed variance common to the networks {other}")
    return f"{gain(pair)} ({'; '.join(said)})"


def _lost(diverged: pd.DataFrame | None, train_on: str, words: Mapping[str, str]) -> dict[str, int]:
    """How many trainings of networks diverged, by their names in words; one that lost none is not among them."""
    if diverged is None:
        return {}
    here = diverged[diverged["train_on"] == train_on]["variant"].value_counts()
    return {told: int(here[variant]) for variant, told in words.items() if variant in here}


def _not_the_papers(experiment: Experiment, plan: Plan | None, variants: Sequence[str]) -> list[str]:
    """A sentence that says in what the networks are not the paper's, where they are not."""
    if plan is None or (asked := plan.conditions.get("published")) is None:
        return []
    size, seeds = experiment.preprocessing.size, len(experiment.seeds)
    trained = [(experiment.variants[name], experiment.trained_as(name)) for name in variants]
    here = [Arm(network, recipe.epochs or recipe.length, recipe.schedule, size, seeds) for network, recipe in trained]
    apart = list(dict.fromkeys(each for arm in here for each in arm.departs(asked)))
    return (
        [f"What the plan takes for the paper's networks has not been trained here: these had {'; '.join(apart)}."]
        if apart
        else []
    )


def conditions(experiment: Experiment, *variants: str) -> str:
    """How variants were trained, as the beginning of a sentence."""
    lengths = dict.fromkeys(experiment.trained_as(variant).length for variant in variants)
    text = f"At {experiment.preprocessing.size} px, {' or '.join(lengths)} and {number_of_seeds(len(experiment.seeds))}"
    text += ", on drawn films" if "phantom" in experiment.datasets else ""
    networks = [experiment.variants[variant] for variant in variants]
    starts = [network.start(encoder) for network in networks for encoder in network.encoders]
    if starts and set(starts) == {"random"}:
        return f"{text}, with encoders that start from random weights"
    some = "one encoder that starts" if len(variants) == 1 else "some encoders that start"
    return f"{text}, with {some} from random weights" if "random" in starts else text


def headline(estimates: pd.DataFrame, train_on: str, test_on: str) -> dict[str, dict[str, float]]:
    """The means that two versions are compared by: metric -> variant -> mean over films, Dice and IoU alone."""
    shown = estimates.query("train_on == @train_on and test_on == @test_on").to_dict(orient="records")
    return {
        metric: {cell["variant"]: round(cell["mean"], 6) for cell in shown if cell["metric"] == metric}
        for metric in ("dice", "iou")
    }
