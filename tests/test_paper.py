"""The paper as data: what a folder must say; and an invented paper goes the whole way without a line of code."""

import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from lungseg.claims.verdicts import read_claims
from lungseg.errors import InputError
from lungseg.paper import paper_folder, read_paper, read_references
from lungseg.statistics.score_blocks import METRICS
from tests.workflow import ROOT, copy_project, run

HEADLINE = {
    "variant": "broad",
    "against": "narrow",
    "variant_in_words": "the network with six channels",
    "against_in_words": "that with four",
}
PAPER: dict[str, Any] = {
    "title": "Two Small Networks",
    "authors": "Nobody",
    "question": "A paper that nobody wrote says that six channels are better than four.",
    "metrics": ["dice", "recall"],
    "networks": {"narrow": "Four channels", "broad": "Six channels"},
    "headline": HEADLINE,
}
TABLE = "variant,dice,recall\nnarrow,.91,0.90\nbroad,.93,\n"
CLAIMS = [
    {"claim": "cell", "says": "Four reach .91", "source": "Table 1", "takes": "an interval", "decides": "cell",
     "variant": "narrow", "metric": "dice"},
    {"claim": "gain", "says": "Six gain 2 %", "source": "Abstract", "takes": "a difference", "decides": "gain",
     "variant": "broad", "against": "narrow", "metric": "dice", "published": 0.02},
    {"claim": "empty", "says": "Six recall", "source": "Table 1", "takes": "an interval", "decides": "cell",
     "variant": "broad", "metric": "recall"},
]  # fmt: skip


def write(folder: Path, paper: object = PAPER, table: str | None = TABLE) -> Path:
    """A paper's folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "paper.yaml").write_text(yaml.safe_dump(paper, sort_keys=False))
    if table is not None:
        (folder / "table1.csv").write_text(table)
    return folder


def test_cells_keep_their_text_and_an_empty_cell_is_none(tmp_path: Path) -> None:
    paper = read_paper(write(tmp_path))
    assert paper.cells == {"narrow": {"dice": ".91", "recall": "0.90"}, "broad": {"dice": ".93"}}
    assert paper.printed("narrow", "recall") == 0.9 and paper.printed("broad", "recall") is None
    assert paper.gain("broad", "narrow", "dice") == pytest.approx(0.02)
    assert paper.gain("broad", "narrow", "recall") is None and paper.gain("broad", "other", "dice") is None
    table = paper.table()
    assert list(table) == ["narrow", "broad"] and list(table.index) == ["dice", "recall"]
    assert table.isna().to_numpy().tolist() == [[False, False], [False, True]]
    assert paper.name("narrow") == "Four channels" and paper.name("else") == "else"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"headline": HEADLINE | {"variant": "wide"}}, "headline names wide, which is no network"),
        ({"headline": HEADLINE | {"metric": "iou"}}, "headline is about iou, which metrics does not list"),
        ({"single": ["narrow", "third"]}, "single names third"),
        ({"single": ["narrow"], "encoders": ["narrow", "broad"]}, "encoders names broad, which single does not list"),
        ({"metrics": ["accuracy"], "headline": HEADLINE | {"metric": "accuracy"}}, "about accuracy, of which networks"),
        ({"beside": {"narrow": "Again"}}, "narrow is named under networks and under beside"),
        ({"metrics": ["dice", "auc"]}, r"metrics.1: found 'auc'"),
        ({"conditions": {"epochs": True}}, "conditions.epochs: found True, expected a number"),
        ({"conditions": {"epochs": 0}}, "conditions.epochs: found 0"),
        ({"year": True}, "year: found True, expected a number"),
        ({"networks": {"narrow": "", "broad": "Six"}}, "networks.narrow: found ''"),
        ({"question": ""}, "question: found ''"),
        ({"conditions": {"epoch": 3}}, r"conditions.epoch: found 3"),
        ({"title": None}, "title: found None"),
        ({"cells": {}}, "cells: found a key of paper.yaml, expected the table in table1.csv"),
    ],
)
def test_a_paper_that_points_at_nothing_is_refused(tmp_path: Path, change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=rf"paper\.yaml.*{message}"):
        read_paper(write(tmp_path, PAPER | change))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (None, r"table1.csv: found no such file, expected columns variant, dice, recall"),
        ("variant,dice\nnarrow,.9\n", "first line: found variant, dice, expected variant, dice, recall"),
        ("", "first line: found nothing"),
        (TABLE.replace("broad", "wide"), "column variant: found narrow, wide, expected each of narrow, broad once"),
        (TABLE + "narrow,.9,.9\n", "column variant: found narrow, broad, narrow"),
        (TABLE.replace(".91", "91.0"), r"table1.csv, narrow, dice: found '91.0', expected a fraction"),
        (
            TABLE.replace(".91", f".{'9' * 5000}"),
            r"dice: found '\.9{39}'…, expected a fraction",
        ),
        (TABLE.replace(".91", f"0.{'0' * 19}"), "narrow, dice: found '0.0*', expected a fraction"),
        (TABLE.replace(".91", "٠.٩"), "narrow, dice: found '٠.٩', expected a fraction"),
        (TABLE.replace(".91", ".91 +- .02"), r"narrow, dice: found '.91 \+- .02'"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(tmp_path: Path, table: str | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_paper(write(tmp_path, PAPER, table))


@pytest.mark.parametrize("text", ["9" * 400, f"0.{'9' * 5000}", "-1"])
def test_a_loss_is_a_number_that_somebody_may_print(tmp_path: Path, text: str) -> None:
    losses = PAPER | {"metrics": ["dice", "loss"]}
    table = "variant,dice,loss\nnarrow,.91,{}\nbroad,.93,\n"
    assert read_paper(write(tmp_path, losses, table.format("12.50"))).printed("narrow", "loss") == 12.5
    with pytest.raises(InputError, match=r"narrow, loss: found .*, expected a number such as") as told:
        read_paper(write(tmp_path, losses, table.format(text)))
    assert len(str(told.value)) < 400


@pytest.mark.parametrize("text", ["[1, 2]", "{", ""])
def test_no_paper_at_all_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "paper.yaml").write_text(text)
    with pytest.raises(InputError, match=r"paper\.yaml(, title)?: found"):
        read_paper(tmp_path)


def test_a_name_or_a_path_finds_the_folder(tmp_path: Path) -> None:
    papers, own = ROOT / "workflow/papers", write(tmp_path / "own")
    assert paper_folder("mishra", papers) == papers / "mishra"
    assert paper_folder(str(own), papers) == own
    with pytest.raises(InputError, match=r"config key paper: found other, .* Choose one of mishra, or give the path"):
        paper_folder("other", papers)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"variant": "wide"}, "no network is called 'wide'; known are narrow, broad"),
        ({"metric": "iou"}, "the table has no column 'iou'; it has dice, recall"),
    ],
)
def test_a_claim_that_points_at_nothing_is_refused(tmp_path: Path, change: dict[str, str], message: str) -> None:
    paper = read_paper(write(tmp_path))
    (tmp_path / "claims.yaml").write_text(yaml.safe_dump([CLAIMS[0] | change]))
    with pytest.raises(InputError, match="claim cell.*" + message):
        read_claims(tmp_path / "claims.yaml", paper)


def test_references_need_their_columns(tmp_path: Path) -> None:
    assert read_references().empty
    (tmp_path / "references.csv").write_text("variant,mean\nbest,.9\n")
    with pytest.raises(InputError, match="no column test_on, metric, images, source"):
        read_references(tmp_path / "references.csv")
    head = "variant,test_on,metric,mean,images,source\n"
    (tmp_path / "references.csv").write_text(f"{head}best,jsrt,assd_mm,1.5,20,somebody\n")
    assert len(read_references(tmp_path / "references.csv")) == 1
    for row, told in {
        "best,jsrt,assd_mm,-1,20,x": "line 2, mean: found -1.*, expected 0 or more",
        "best,jsrt,dice,1.5,20,x": "line 2, mean: found 1.5, expected a number from 0 to 1",
        "best,jsrt,dice,.5,0,x": "line 2, images: found 0, expected 1 or more",
        "best,jsrt,dice,,20,x": "line 2, mean: found '', expected a value",
        "best,,dice,.5,20,x": "line 2, test_on: found ''",
        "best,jsrt,dice,.5,20,": "line 2, source: found ''",
        "best,jsrt,Dice,95,20,x": "line 2, metric: found 'Dice', expected one of accuracy, .*dice",
        "best,jsrt,dice,.5,20.5,x": "line 2, images: found 20.5, expected a whole number",
        "best,jsrt,dice,.5,20,x\nbest,jsrt,dice,.6,20,x": "line 3: found dice of best on jsrt from this source a",
    }.items():
        (tmp_path / "references.csv").write_text(f"{head}{row}\n")
        with pytest.raises(InputError, match=rf"references\.csv, {told}"):
            read_references(tmp_path / "references.csv")
    two = f"{head}best,jsrt,dice,.5,20,x\nbest,jsrt,dice,.6,20,y\n"
    (tmp_path / "references.csv").write_text(two)  # two sources may speak of one network
    assert len(read_references(tmp_path / "references.csv", {"jsrt"})) == 2
    with pytest.raises(InputError, match="line 2, test_on: found 'jsrt', expected one of mine, phantom"):
        read_references(tmp_path / "references.csv", {"phantom", "mine"})


def test_references_may_have_every_metric_that_is_measured(tmp_path: Path) -> None:
    lines = [f"best,jsrt,{metric},.5,20,x" for metric in METRICS]
    (path := tmp_path / "references.csv").write_text("\n".join(["variant,test_on,metric,mean,images,source", *lines]))
    assert list(read_references(path)["metric"]) == METRICS


def test_an_invented_paper_gets_its_table_claims_and_report(tmp_path: Path) -> None:
    project = copy_project(tmp_path / "project")
    write(project / "invented")
    (project / "invented/claims.yaml").write_text(yaml.safe_dump(CLAIMS))
    config = yaml.safe_load((ROOT / "tests/tiny.yaml").read_text())
    config |= {
        "name": "tiny",
        "paper": "invented",
        "seeds": [0],
        "variants": {"narrow": {"width": 4}, "broad": {"width": 6}},
    }
    (project / "own.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    command = ["snakemake", "--cores", "2", "--configfile", "own.yaml"]
    run(project, *command)
    results = project / "tiny/results"
    table = pd.read_csv(results / "table1.csv")
    assert table[["variant", "metric"]].to_numpy().tolist() == [
        [variant, metric] for variant in ("narrow", "broad") for metric in ("dice", "recall")
    ]
    assert table["published"].tolist()[:3] == [0.91, 0.9, 0.93] and pd.isna(table["published"][3])
    claims = pd.read_csv(results / "claims.csv").set_index("claim")
    assert list(claims.index) == ["cell", "gain", "empty"]
    assert claims.loc["empty", "verdict"] == "untested" and claims.loc["cell", "published"] == 0.91
    page = (results / "report.html").read_text()
    assert all(text in page for text in (PAPER["title"], PAPER["question"], "Six channels", "that with four"))
    assert "Mishra" not in page
    assert "Nothing to be done" in run(project, *command, "--dry-run")
    shutil.rmtree(project / "invented")
    printed = run(project, *command, "--dry-run", check=False)
    assert "config key paper: found invented" in printed and "Traceback" not in printed
