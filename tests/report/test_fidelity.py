"""The page of open choices, filled from comparisons."""

from pathlib import Path

import pandas as pd

from lungseg.report.fidelity import BEGIN, END, NOT_RUN, fill_worth, filled
from lungseg.report.results import Results
from tests.workflow import MISHRA

ROOT = Path(__file__).parents[2]

PAGE = """# Open

| open | chosen | else | tested by | worth |
|---|---|---|---|---|
| Skip | none | on | `proposed_skip`, `unet_mobilenetv2_skip` | not run yet |
| Twice | two | one | `twice` | not run yet |
| Loss | both | dice | `proposed_dice` | `proposed_dice` less `proposed` +0.1 [0, 0.2] |
| Data | three | each | key `train_on` | [limits.md](limits.md) |
| Steps | epochs | steps | nothing | no variant |
"""


def row(a: str, b: str, difference: float) -> dict[str, object]:
    limits = {"low": difference - 0.01, "high": difference + 0.02, "sign": "undecided", "verdict": "undecided"}
    return {"variant_a": a, "variant_b": b, "metric": "dice", "difference": difference} | limits


TABLE = pd.DataFrame(
    [
        row("proposed", "proposed_skip", 0.003),
        row("unet_mobilenetv2_skip", "unet_mobilenetv2", 0.002),
        row("unet", "unet_mobilenetv2_skip", 0.9),
        row("twice", "proposed", -0.001),
    ]
)


def test_each_variant_is_compared_with_the_one_it_is_named_after() -> None:
    lines = fill_worth(PAGE, TABLE, "proposed").splitlines()
    assert lines[4].endswith(
        "| `proposed_skip` less `proposed` -0.0030 [-0.0230, +0.0070]; "
        "`unet_mobilenetv2_skip` less `unet_mobilenetv2` +0.0020 [-0.0080, +0.0220] |"
    )
    assert lines[5].endswith("| `twice` less `proposed` -0.0010 [-0.0110, +0.0190] |")


def test_a_network_that_is_named_after_it_is_what_a_variant_is_compared_with() -> None:
    page = PAGE.replace("`twice` |", "`twice` against `unet_mobilenetv2` |")
    table = pd.concat([TABLE, pd.DataFrame([row("unet_mobilenetv2", "twice", 0.004)])])
    assert "| `twice` less `unet_mobilenetv2` -0.0040 [-0.0240, +0.0060] |" in fill_worth(page, table, "proposed")


def test_the_conditions_of_what_was_found_stand_on_the_page() -> None:
    results = Results(ROOT / "results/ablations")
    page = (ROOT / "docs/fidelity.md").read_text(encoding="utf-8")
    told = page.split(BEGIN)[1].split(END)[0]
    assert "600 steps and 3 seeds" in told and "tested on `pooled`" in told
    assert filled(page, results, MISHRA) == page
    assert filled(page.replace(told, "\n"), results, MISHRA) == page


def test_what_was_not_trained_is_not_run_also_where_an_earlier_run_had_it() -> None:
    lines = fill_worth(PAGE, TABLE[1:2], "proposed").splitlines()
    assert lines[4].endswith(f"[-0.0080, +0.0220]; `proposed_skip` {NOT_RUN} |")
    assert lines[5].endswith(f"| {NOT_RUN} |") and lines[6].endswith(f"| `proposed_dice` | {NOT_RUN} |")


def test_what_diverged_was_run_and_prose_is_no_cell() -> None:
    page = PAGE.replace("# Open", "Less of it, or less often.")
    lines = fill_worth(page, TABLE[1:3], "proposed", ["proposed", "proposed_skip", "twice"]).splitlines()
    assert lines[0] == "Less of it, or less often."
    assert "`every training" not in lines[4] and "every training of `proposed_skip` diverged; `unet_mob" in lines[4]
    assert lines[5].endswith("| every training of `twice` diverged |") and lines[6].endswith(f"| {NOT_RUN} |")
    noted = TABLE.assign(note="nominal 95%, simulated 84% at this shape")
    assert fill_worth(PAGE, noted, "proposed").splitlines()[5].endswith("+0.0190]‡ |")
    again = fill_worth("\n".join(lines), TABLE[1:2], "proposed")  # of an experiment without them
    assert "diverged" not in again


def test_all_else_stays_and_filling_twice_changes_nothing() -> None:
    once = fill_worth(PAGE, TABLE, "proposed")
    assert once.splitlines()[:4] + once.splitlines()[7:] == PAGE.splitlines()[:4] + PAGE.splitlines()[7:]
    assert fill_worth(once, TABLE, "proposed") == once
