"""Every table of bench/results in bench/README.md, and the machine measured last as a figure beside the table.

python -m bench.show      a few seconds
"""

from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd

from bench.timing import COLUMNS, RESULTS
from lungseg.report.film_figures import STYLE
from lungseg.report.readme import fill

README = Path(__file__).parent / "README.md"
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


def as_markdown(table: pd.DataFrame) -> str:
    """The table of one benchmark; machines measured before can be unfolded."""
    last, *before = machines(table)
    parts = [f"{_rows(last)}\n\nOn {last['hardware'].iloc[0]}."]
    for rows in before:
        summary = f"<summary>On {rows['hardware'].iloc[0]}</summary>"
        parts.append(f"<details>{summary}\n\n{_rows(rows)}\n\n</details>")
    return "\n\n".join(parts)


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


def main() -> None:
    """All tables that have the benchmarks' columns."""
    text = README.read_text(encoding="utf-8")
    for file in sorted(RESULTS.glob("*.csv")):
        table = pd.read_csv(file)
        if not set(COLUMNS) <= set(table.columns):
            continue
        with mpl.rc_context(STYLE):
            figure = draw(file.stem, machines(table)[0])
        figure.savefig(file.with_suffix(".png"), dpi=130)
        plt.close(figure)
        text = fill(text, file.stem, as_markdown(table))
    README.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
