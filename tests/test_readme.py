"""The README says what is: its picture of the DAG, its links, its commands; and a rule fills its numbers."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

from lungseg.data.datasets import DATASETS
from lungseg.errors import InputError
from lungseg.report.readme import fill, mermaid, readme_block, result_block, result_page
from lungseg.report.results import Results
from tests.workflow import MISHRA

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def test_fill_replaces_what_stands_between_the_comments_and_nothing_else() -> None:
    text = "before\n<!-- cpu -->\nold\n<!-- /cpu -->\nafter <!-- other -->\n"
    filled = fill(text, "cpu", "new \\1 number\n")
    assert filled == "before\n<!-- cpu -->\nnew \\1 number\n<!-- /cpu -->\nafter <!-- other -->\n"
    assert fill(filled, "cpu", "new \\1 number") == filled
    noted = text.replace("<!-- cpu -->", "<!-- cpu: written by a rule -->")
    assert fill(noted, "cpu", "new") == noted.replace("old", "new")


@pytest.mark.parametrize("text", ["no place", "<!-- cpu -->\n<!-- /cpu -->\n" * 2])
def test_fill_refuses_a_text_without_one_place(text: str) -> None:
    with pytest.raises(InputError, match=r"README.md: found \d places for cpu, expected one"):
        fill(text, "cpu", "new")


def test_graph_leaves_out_the_goal_and_what_a_longer_way_implies() -> None:
    names = ("all", "a", "b", "c", "d")
    edges = [(1, 2), (2, 3), (1, 3), (3, 4), (1, 4), (4, 0), (2, 0)]
    dot = "".join(f'{i}[label = "{name}", color]\n' for i, name in enumerate(names))
    dot += "".join(f"{a} -> {b}\n" for a, b in edges)
    assert mermaid(dot) == "flowchart LR\n    a --> b\n    b --> c\n    c --> d\n"


def test_graph_is_that_of_the_snakefile() -> None:
    command = ["snakemake", "--nolock", "--configfile", "config/quickstart.yaml", "--rulegraph", "dot"]
    command[0] = str(Path(sys.executable).with_name("snakemake"))
    dot = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert (ROOT / "docs/rulegraph.mmd").read_text() == mermaid(dot), "snakemake docs/rulegraph.mmd"


def test_numbers_are_those_of_the_published_results() -> None:
    shown = re.findall(r"<!-- (\w+): written by [^\n]* -->\n(.*?)<!-- /\1 -->", README, re.DOTALL)
    assert [name for name, _ in shown] == ["cpu", "ablations"]
    for name, block in shown:
        results = Results(ROOT / "results" / name)
        there = (results.folder / "manifest.json").is_file()  # else its trainings have not ended
        assert block.strip() == (readme_block(results, MISHRA, f"results/{name}").strip() if there else "")
    coverage = pd.read_csv(ROOT / "bench/results/coverage.csv")
    for file in sorted(ROOT.glob("results/*/manifest.json")):
        results = Results(file.parent)
        assert (results.folder / "README.md").read_text() == result_page(results, MISHRA, coverage, "../..")


def test_it_says_where_results_are_of_other_training_code_than_todays() -> None:
    today = yaml.safe_load((ROOT / "workflow/training.yaml").read_text())["code"]
    older = []
    for file in sorted(ROOT.glob("results/*/manifest.json")):
        manifest = json.loads(file.read_text())
        assert manifest["commit"]
        named = {one["code"] for one in manifest.get("trained", [])}
        assert named or manifest["remade"], f"{file} does not name its training code"
        older += [file.parent.name] if named != {today} else []
    assert ("by earlier code" in README) == bool(older)
    assert ("All were\ntrained by earlier code" in README) == (older == ["ablations", "cpu", "laptop"])


def test_audit_prints_what_is_shown() -> None:
    shown = re.search(r"```text\n(.*?)```", README, re.DOTALL)
    command = [sys.executable, "-m", "lungseg.cli", "audit", "workflow/published/mishra.csv"]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.splitlines()
    assert shown and set(shown[1].splitlines()) <= set(printed)
    findings = [line for line in printed if ": impossible: " in line or ": inconsistent: " in line]
    assert len(findings) == 9 and "nine findings" in README


def test_readme_is_short() -> None:
    outside = re.sub(r"<!-- (\w+): .*?<!-- /\1 -->", "", README, flags=re.DOTALL)
    assert len(outside.splitlines()) <= 130


def test_the_block_shows_the_claimed_gains_where_they_are_drawn(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "results/cpu", tmp_path / "cpu", ignore=shutil.ignore_patterns("runs", "figures"))
    results = Results(tmp_path / "cpu")
    assert "<img" not in result_block(results, MISHRA, "results/cpu")
    (results.folder / "figures").mkdir()
    (results.folder / "figures/gains.svg").touch()
    answer, ways, picture, *_ = result_block(results, MISHRA, "results/cpu").split("\n\n")
    assert answer.startswith("**At 128 px") and ways.startswith("The same predictions analysed in 7 other ways")
    assert picture.startswith('<img src="results/cpu/figures/gains.svg"')
    coverage = pd.read_csv(ROOT / "bench/results/coverage.csv")
    assert '<img src="./figures/gains.svg"' in result_page(results, MISHRA, coverage, "../..")


def test_links_lead_to_files() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", README) + re.findall(r'<img src="([^"]+)"', README)
    assert links
    assert not [link for link in links if not (ROOT / link).exists()]


def test_archives_are_named_as_the_package_expects_them() -> None:
    named = set(re.findall(r"`([\w-]+\.zip)`", README))
    for dataset in DATASETS.values():
        for archive in dataset.archives:
            assert {choice.name for choice in archive.choices() if not choice.holds} <= named, dataset.name
    assert "`Lung Segmentation/CXR_png`" in README  # what is known by it may have any name


def test_commands_of_make_are_there() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"(?:^|`)make ([a-z-]+)", README, re.MULTILINE)) <= targets
