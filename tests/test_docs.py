"""Pages say what is: their links lead somewhere, and every command in them is one that its tool takes."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.workflow import ROOT, copy_project, run

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "config/README.md", *sorted((ROOT / "docs").glob("*.md"))]
SHELL = re.compile(r"```sh\n(.*?)```", re.DOTALL)
# What a reader fills in.
WORDS = {"FOLDER": "archives", "NAME": "montgomery", "OUT": "out", "TABLE.csv": "workflow/published/mishra.csv"}


def commands() -> list[tuple[str, str]]:
    """Page and command of every line of a shell block, without its comment."""
    found = []
    for page in PAGES:
        for block in SHELL.findall(page.read_text(encoding="utf-8")):
            for line in block.splitlines():
                text = line.partition("#")[0].strip()
                found += [(page.name, part.strip()) for part in text.split("&&") if part.strip()]
    return found


COMMANDS = commands()


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_links_lead_to_files(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:\s]+)[^)]*\)", page.read_text(encoding="utf-8"))
    assert not [link for link in links if not (page.parent / link).exists()]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project in which commands are tried."""
    folder = copy_project(tmp_path_factory.mktemp("docs"))
    (folder / "mine.yaml").write_text((folder / "tests/tiny.yaml").read_text())
    return folder


def filled(command: str) -> list[str]:
    """The words of a command, with something in the place of what a reader fills in."""
    for word, value in WORDS.items():
        command = re.sub(rf"\b{re.escape(word)}\b", value, command)
    return shlex.split(command)


@pytest.mark.parametrize("command", sorted({command for _, command in COMMANDS if command.startswith("make ")}))
def test_targets_of_make_are_there(copy: Path, command: str) -> None:
    subprocess.run(["make", "--dry-run", *filled(command)[1:]], cwd=copy, check=True, capture_output=True)


@pytest.mark.parametrize("command", sorted({command for _, command in COMMANDS if command.startswith("snakemake ")}))
def test_snakemake_takes_the_command(copy: Path, command: str) -> None:
    words = filled(command)
    if "bundles=results/quickstart" in words:  # no experiment of that name is in git
        words[words.index("bundles=results/quickstart")] = "bundles="
        words = [word for word in words if word not in ("--config", "bundles=")]
    separator = words.index("--") if "--" in words else len(words)
    run(copy, *words[:separator], "--dry-run", "--quiet", "all", *words[separator:])


@pytest.mark.parametrize("command", sorted({command for _, command in COMMANDS if command.startswith("lungseg ")}))
def test_lungseg_knows_command_and_options(command: str) -> None:
    words = filled(command)
    asked = [word for word in words[1:] if re.fullmatch("[a-z]+", word)][: 2 if words[1] == "data" else 1]
    shown = subprocess.run(
        [sys.executable, "-m", "lungseg.cli", *asked, "--help"], cwd=ROOT, capture_output=True, text=True
    )
    assert shown.returncode == 0
    assert all(word in shown.stdout for word in words if word.startswith("--"))


@pytest.mark.parametrize("command", sorted({command for _, command in COMMANDS if "lungseg.jobs.pieces" in command}))
def test_pieces_know_command_and_options(command: str) -> None:
    words = filled(command)[1:]
    shown = subprocess.run([sys.executable, *words[:3], "--help"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert all(word in shown.stdout for word in words if word.startswith("--"))


@pytest.mark.parametrize("command", sorted({command for _, command in COMMANDS if command.startswith("dvc ")}))
def test_dvc_knows_command_and_options(copy: Path, command: str) -> None:
    words = filled(command)
    shown = run(copy, "dvc", *words[1 : 3 if words[1] == "remote" else 2], "--help")
    assert all(word in shown for word in words if word.startswith("--"))


def test_every_command_is_tried_by_one_of_these() -> None:
    known = (
        "make ",
        "dvc ",
        "git add",
        "git commit",
        "snakemake ",
        "lungseg ",
        "python -m lungseg.jobs.pieces",
        "python -m bench.refusals",
        "python -m pytest",
        "git clone",
        "cd ",
        ". ",
        "cp ",
    )
    assert not [command for _, command in COMMANDS if not command.startswith(known)]
    assert len(COMMANDS) > 20


def test_the_audit_of_honest_tables_is_quoted_as_it_was_measured() -> None:
    measured = (ROOT / "bench/results/audit.md").read_text()
    last = re.search(r"^\| any \| any \| 0 of 10,000 \| ([\d,]+ of 10,000) \|$", measured, re.M)
    assert last and last[1] in (ROOT / "docs/audit.md").read_text()
    for others in ("films", "pooled", "classes", "median", "trimmed", "two calls"):
        assert re.search(rf"^\| {others} \| \w+ \| 0 of 10,000 \| 0 of 10,000 \|$", measured, re.M), others


def test_every_file_of_results_is_told() -> None:
    text = (ROOT / "docs/results.md").read_text()
    tables = {path.name for path in (ROOT / "results/cpu").glob("*.*")} - {"README.md"}
    told = (
        set(re.findall(r"`([\w.]+)`", text))
        | {f"table1{kind}" for kind in (".csv", ".md", ".tex", ".html")}
        | {"claims.md"}
    )
    assert tables <= told, tables - told


def test_what_the_paper_leaves_open_is_tested_by_variants_that_there_are() -> None:
    """Every name that docs/fidelity.md gives in its fourth column, and every variant that departs from the paper's."""
    rows = [line.split("|") for line in (ROOT / "docs/fidelity.md").read_text().splitlines() if line.startswith("| ")]
    named = {name for row in rows[1:] for name in re.findall(r"`([a-z][a-z0-9_]+)`", row[4])}
    first, more, tuned = (
        yaml.safe_load((ROOT / f"config/{name}.yaml").read_text()) for name in ("ablations", "ablations_more", "tuned")
    )
    variants = {**first["variants"], **more["variants"], **tuned["variants"]}
    known = {*variants, *first["train_on"], *more.get("train_on", {}), "train_on", "split", "preprocessing", "seeds"}
    assert named <= known
    assert {name for name in variants if name.startswith("proposed_")} <= named
