"""Networks at their best rates, on the page and beside the results: from published scores, one network renamed."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from lungseg.claims.evidence import find, find_pair
from lungseg.report.page import page
from lungseg.report.rates import at_best_rates, rates, rates_table, shown
from lungseg.report.readme import best_rates
from lungseg.report.results import Results
from tests.workflow import MISHRA, ROOT

TRIES = {"unet": [0.90, 0.95, 0.96], "proposed": [None, 0.96, 0.96], "unet_mobilenetv2": [0.97, None, None]}


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """The published results of `laptop`, had one of its networks been the plain U-Net at another rate."""
    folder = tmp_path_factory.mktemp("tuned") / "laptop"
    shutil.copytree(ROOT / "results/laptop", folder, ignore=shutil.ignore_patterns("runs", "cases", "report.html"))
    for path in [*folder.glob("*.csv"), folder / "manifest.json"]:
        path.write_text(path.read_text(encoding="utf-8").replace("unet_mobilenetv2_imagenet", "unet_tuned"))
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["config"]["variants"]["unet_tuned"] = {"width": 32, "training": {"learning_rate": 0.003}}
    manifest["config"]["tune"]["tries"] = TRIES
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return Results(folder)


def _rows(tuned: Results) -> list[dict[str, Any]]:
    return rates(tuned.experiment(), tuned.dice("estimates"), tuned.dice("comparisons"))


def test_rows_are_those_of_the_tables(tuned: Results) -> None:
    unet, mobile, proposed = _rows(tuned)
    assert [row["variant"] for row in (unet, mobile, proposed)] == ["unet", "unet_mobilenetv2", "proposed"]
    assert (unet["tuned"], unet["chosen"], unet["edge"]) == ("unet_tuned", 0.003, "largest")
    assert (mobile["tuned"], mobile["chosen"], mobile["edge"]) == ("", 0.0003, "smallest")  # chosen, and not trained
    assert (proposed["tuned"], proposed["chosen"], proposed["edge"]) == ("proposed", 0.001, "")  # of two alike
    estimates, compared = tuned.dice("estimates"), tuned.dice("comparisons")
    assert unet["tuned_cell"]["mean"] == find(estimates, variant="unet_tuned")["mean"]
    assert unet["less"]["difference"] == find_pair(compared, "unet_tuned", "unet", "dice")["difference"]
    assert unet["less"]["difference"] == pytest.approx(unet["tuned_cell"]["mean"] - unet["cell"]["mean"], abs=1e-9)
    assert mobile["less"] is None and proposed["less"] is None and mobile["tuned_cell"] is None


def test_the_headline_is_told_at_best_rates_where_both_networks_have_them(tuned: Results) -> None:
    rows, compared = _rows(tuned), tuned.dice("comparisons")
    said = at_best_rates(rows, compared, MISHRA, MISHRA.name, "8 epochs")
    pair = find_pair(compared, "proposed", "unet_tuned", "dice")
    assert f"Proposed: both encoders less U-Net {pair['difference']:+.4f} [{pair['low']:+.4f}," in said
    assert said.endswith("best of the three for Proposed: both encoders.")
    common = compared.assign(note="common seed variance: -0.0100 to -0.0001")
    told = at_best_rates(rows, common, MISHRA, MISHRA.name, "8 epochs")
    assert "in Dice. By a seed variance common to the networks: " in told and told.endswith("Proposed: both encoders.")
    assert at_best_rates(rows[:2], compared, MISHRA, MISHRA.name, "8 epochs") == ""
    assert at_best_rates([row | {"tuned": ""} for row in rows], compared, MISHRA, MISHRA.name, "8 epochs") == ""


def test_table_and_page_show_both(tuned: Results, tmp_path: Path) -> None:
    title, said, table = best_rates(tuned, MISHRA)
    assert title == "## Each at its best rate" and said.startswith("Each at the best of three rates")
    assert table == rates_table(_rows(tuned), MISHRA.name)
    lines = table.splitlines()
    assert lines[0].startswith("| Network | try at 0.0003 | try at 0.001 | try at 0.003 | Dice as all")
    assert "| 0.9000 | 0.9500 | **0.9600** |" in lines[2] and lines[3].endswith("| – | – |")
    assert "| diverged | **0.9600** | 0.9600 |" in lines[4] and "| the same | – |" in lines[4]
    text = page(tuned, MISHRA, ROOT / "workflow/report", "", "snakemake", 0.95)
    part = text[text.index('<section id="rates">') :].partition("</section>")[0]
    pair = shown(_rows(tuned))[0]["less"]
    assert f"{pair['difference']:+.4f}" in part and "not trained" in part and "diverged" in part
    assert "0.003 is the largest that was tried, a larger one may be better." in part
    assert '<a href="#rates">Each at its best rate</a>' in text
    without = page(Results(ROOT / "results/laptop"), MISHRA, ROOT / "workflow/report", "", "snakemake", 0.95)
    assert 'id="rates"' not in without and best_rates(Results(ROOT / "results/laptop"), MISHRA) == []
