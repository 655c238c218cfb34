"""Every table of bench/results in bench/README.md, a summary of them, and the machine measured last as a figure.

python -m bench.show      a few seconds
"""

from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd

from bench.timing import COLUMNS, RESULTS, read_table
from lungseg.report.film_figures import STYLE
from lungseg.report.readme import fill

README = Path(__file__).parent / "README.md"
# The tables in the order of the page, each as a question that somebody asks.
QUESTIONS = {
    "training": "Is training faster than a tutorial's loop and than Lightning?",
    "optimisations": "Which of our own layers pays off?",
    "kernels": "What limits a step of the plain U-Net?",
    "precision": "Is bfloat16 as accurate as float32?",
    "gpu": "How fast is a GPU?",
    "preprocessing": "Does preprocessing cost more than decoding the files?",
    "scoring": "Is scoring faster than MONAI?",
    "official": "What does all but training cost at official sizes?",
    "bootstrap": "Is the crossed bootstrap faster than a loop over resamples?",
    "dag": "What does the workflow cost beside its work?",
    "inference": "Is prediction as fast as onnxruntime?",
    "segment": "Do masks of one's own films take longer than decoding them?",
    "page": "Does the report open at once?",
}
STARTS = "start-up of "
RULES = RESULTS / "official_rules.csv"
MET, MISSED, NO_GOAL = "#0072B2", "#D55E00", "#777777"


def number(value: object) -> str:
    """Three digits, or a dash."""
    return "–" if pd.isna(value) else f"{value:.3g}" if abs(float(str(value))) < 1000 else f"{value:,.0f}"


def goal(row: Any) -> str:  # noqa: ANN401
    """A goal and its sense: what a ratio must reach, or must not pass."""
    if pd.isna(row.goal):
        return "–"
    at_least = row.met == (row.ratio >= row.goal)
    return f"{'≥' if at_least else '≤'} {number(row.goal)}"


def machines(table: pd.DataFrame) -> list[pd.DataFrame]:
    """The rows of each machine, the one measured last first."""
    return [rows for _, rows in table.groupby("hardware", sort=False)]


def summary(tables: dict[str, pd.DataFrame]) -> str:
    """A row for each question: goals met where it was measured last, and the case that is furthest from its goal."""
    lines = ["| question | goals met | furthest from its goal | measured on |", "|---|---|---|---|"]
    for name, question in QUESTIONS.items():
        if name not in tables:
            lines.append(f"| {question} | – | not measured | – |")
            continue
        last = machines(tables[name])[0]
        goals = last[last["goal"].notna()]
        told, met = "–", "no goals"
        if len(goals):
            met = f"{int(goals['met'].sum())} of {len(goals)}"
            worst = min(goals.itertuples(), key=_reserve)
            told = f"{worst.case}: {number(worst.ratio)}, goal {goal(worst)}"
        link = f"[{question}](#{name})"
        lines.append(f"| {link} | {met} | {told} | {last['hardware'].iloc[0]} |")
    return "\n".join(lines)


def _reserve(row: Any) -> float:  # noqa: ANN401
    """How far a ratio is on the right side of its goal; 1 is at the goal."""
    return row.ratio / row.goal if goal(row).startswith("≥") else row.goal / row.ratio


def as_markdown(table: pd.DataFrame) -> str:
    """The table of one benchmark, to be unfolded: the machine measured last, then those before."""
    parts = []
    for rows in machines(table):
        title = f"<summary>On {rows['hardware'].iloc[0]}, code of {', '.join(rows['code'].unique())}</summary>"
        parts.append(f"<details>{title}\n\n{_rows(_shortened(rows))}\n\n</details>")
    return "\n\n".join(parts)


def _shortened(rows: pd.DataFrame) -> pd.DataFrame:
    """Of the scripts' start-ups the slowest alone."""
    starts = rows["case"].str.startswith(STARTS)
    if not starts.any():
        return rows
    slowest = rows.loc[[rows.loc[starts, "ours"].idxmax()]]
    named = slowest["case"].str.replace(STARTS, f"slowest start-up of {int(starts.sum())} scripts: ")
    return pd.concat([rows[~starts], slowest.assign(case=named)])


def start_ups(table: pd.DataFrame) -> str:
    """What importing takes of each script, on the machine measured last."""
    last = machines(table)[0]
    rows = last[last["case"].str.startswith(STARTS)].sort_values("ours", ascending=False)
    lines = ["| script | s |", "|---|---:|"]
    lines += [f"| {_script(row.case)} | {number(row.ours)} |" for row in rows.itertuples()]
    return "\n".join(lines)


def _script(case: str) -> str:
    return case.removeprefix(STARTS).removesuffix(", against Python alone")


def _rows(table: pd.DataFrame) -> str:
    lines = ["| case | ours | other | unit | ratio | goal | met |", "|---|---:|---:|---|---|---:|---|"]
    for row in table.itertuples():
        ratio = f"{number(row.ratio)} [{number(row.ratio_low)}, {number(row.ratio_high)}]"
        met = "–" if pd.isna(row.goal) else "yes" if row.met else "**no**"
        cells = [row.case, number(row.ours), number(row.other), row.unit, ratio, goal(row), met]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def draw(name: str, table: pd.DataFrame) -> plt.Figure:
    """Ratios with their spread, and the goals that are ratios too."""
    figure, axes = plt.subplots(figsize=(10, 0.8 + 0.28 * len(table)), layout="constrained")
    for y, row in enumerate(table.itertuples()):
        colour = NO_GOAL if pd.isna(row.goal) else MET if row.met else MISSED
        marker = "o" if row.met or pd.isna(row.goal) else "X"
        axes.plot([row.ratio_low, row.ratio_high], [y, y], color=colour, linewidth=3, alpha=0.4)
        axes.plot(row.ratio, y, marker, color=colour)
        if not pd.isna(row.goal):
            axes.plot(row.goal, y, "|", color="black", markersize=13, markeredgewidth=1.5)
        axes.annotate(number(row.ratio), (row.ratio_high, y), (6, 0), textcoords="offset points", va="center")
    axes.set_yticks(range(len(table)), table["case"])
    axes.invert_yaxis()
    axes.margins(x=0.15)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    low, high = axes.get_xlim()
    axes.xaxis.set_minor_formatter("{x:g}" if high < 10 * low else "")
    axes.grid(axis="y", visible=False)
    axes.set_xlabel("ratio, its spread, and the goal (black bar); circle: met, cross: missed, grey: no goal")
    axes.set_title(f"{name}, on {table['hardware'].iloc[0]}", loc="left")
    return figure


def rules_as_markdown(rules: pd.DataFrame) -> str:
    """The table of `bench.official`: each rule's seconds and memory, and with which power each grows."""
    titles = {
        "rule": "rule", "jobs": "jobs", "wall_s": "wall s", "core_s": "core s", "peak_mib": "peak MiB",
        "core_s_with_films": "s ~ films^", "core_s_with_pixels": "s ~ pixels^", "core_s_with_runs": "s ~ runs^",
        "peak_with_films": "MiB ~ films^", "peak_with_pixels": "MiB ~ pixels^", "peak_with_runs": "MiB ~ runs^",
        **{name: f"own MiB at {name.split('_')[2]}, {name.split('_')[3]} runs" for name in _at_large_size(rules)},
    }  # fmt: skip
    lines = [f"| {' | '.join(titles.values())} |", f"|---|{'---:|' * (len(titles) - 1)}"]
    for row in rules.sort_values("core_s", ascending=False).to_dict("records"):
        cells = [_power(row[name]) if "_with_" in name else number(row[name]) for name in list(titles)[1:]]
        lines.append(f"| {' | '.join([row['rule'], *cells])} |")
    return f"On {rules['hardware'].iloc[0]}, code of {rules['code'].iloc[0]}:\n\n" + "\n".join(lines)


def _power(value: float) -> str:
    return "–" if pd.isna(value) else f"{value + 0:.1f}".replace("-0.0", "0.0")


def _at_large_size(rules: pd.DataFrame) -> list[str]:
    return [name for name in rules.columns if name.startswith("peak_mib_")]


def draw_rules(rules: pd.DataFrame) -> plt.Figure:
    """Core seconds of each rule at official size, and its peak of memory with few and with many runs."""
    shown = rules.sort_values("core_s")
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 0.8 + 0.28 * len(rules)), layout="constrained", sharey=True)
    left.barh(shown["rule"], shown["core_s"], color=MET)
    left.set_xlabel("core seconds, 20 runs on 951 films of official size")
    right.plot(shown["peak_mib"], shown["rule"], "o", color=MET, label="20 runs, 256 px, official size")
    for name, colour in zip(_at_large_size(rules), (NO_GOAL, MISSED), strict=True):
        if shown[name].notna().any():
            label = f"{name.split('_')[3]} runs of two networks, 1024 px, reduced films: own memory"
            right.plot(shown[name], shown["rule"], "o", color=colour, label=label)
    right.axvline(2048, color="black", linewidth=1)
    right.set_xlabel("peak of memory in MiB; the line is the goal")
    right.legend(loc="upper left", bbox_to_anchor=(0.3, 0.3))
    return figure


def main() -> None:
    """All tables that have the benchmarks' columns."""
    text, tables = README.read_text(encoding="utf-8"), {}
    for file in sorted(RESULTS.glob("*.csv")):
        table = read_table(file)
        if not set(COLUMNS) <= set(table.columns):
            continue
        with mpl.rc_context(STYLE):
            figure = draw(file.stem, machines(table)[0])
        figure.savefig(file.with_suffix(".png"), dpi=130)
        plt.close(figure)
        text = fill(text, file.stem, as_markdown(table))
        tables[file.stem] = table
        if file.stem == "dag":
            text = fill(text, "start_ups", start_ups(table))
    if RULES.is_file():
        rules = read_table(RULES)
        with mpl.rc_context(STYLE):
            draw_rules(rules).savefig(RULES.with_suffix(".png"), dpi=130)
        text = fill(text, RULES.stem, rules_as_markdown(rules))
    text = fill(text, "summary", summary(tables))
    README.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
