"""Two results: what is the same, what moved within noise, what moved beyond, what cannot be paired."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lungseg.errors import InputError
from lungseg.report import changes
from lungseg.report.changes import BEYOND, OTHER, SAME, UNKNOWN, WITHIN, as_lines, compare_results, whole
from lungseg.report.changes_page import as_page
from lungseg.scores.metrics import COUNTS

Run = Callable[..., int]


def scores(shift: float = 0.0, seeds: int = 3, rng: int = 0, variants: tuple[str, ...] = ("unet",)) -> pd.DataFrame:
    """Dice of 40 films of two data sets; seeds sway by .002, films by .02."""
    films = np.random.default_rng(99).normal(0.9, 0.02, 40)
    noise = np.random.default_rng(rng)
    rows = []
    for variant in variants:
        for seed in range(seeds):
            own = films + shift + noise.normal(0, 0.002) + noise.normal(0, 0.002, 40)
            for i, dice in enumerate(own):
                row = {"variant": variant, "train_on": "pooled", "seed": seed, "image_id": f"film{i}"}
                row |= {"test_on": "jsrt" if i % 2 else "shenzhen", "dice": dice, "iou": dice / (2 - dice)}
                rows.append(row | dict.fromkeys(COUNTS, 1))
    return pd.DataFrame(rows)


def verdicts(a: pd.DataFrame, b: pd.DataFrame) -> set[str]:
    return set(compare_results(a, b).query("metric == 'dice'")["verdict"])


def test_the_same_results_are_the_same_and_a_great_shift_is_beyond_noise() -> None:
    assert verdicts(scores(), scores()) == {SAME}
    moved = compare_results(scores(), scores(0.02, rng=1)).query("metric == 'dice' and test_on == 'pooled'").iloc[0]
    assert moved["verdict"] == BEYOND
    assert moved["difference"] == pytest.approx(0.02, abs=0.004)
    assert moved["difference"] == pytest.approx(moved["b"] - moved["a"])
    assert moved["low"] < 0.02 < moved["high"]
    assert (moved["films"], moved["seeds_a"], moved["seeds_b"]) == (40, 3, 3)


def test_noise_alone_is_within_noise_in_about_19_of_20_cells() -> None:
    tries = [
        compare_results(scores(rng=2 * n + 1), scores(rng=2 * n + 2)).query("metric == 'dice' and test_on == 'pooled'")
        for n in range(60)
    ]
    within = sum((one["verdict"] == WITHIN).all() for one in tries)
    assert 50 <= within <= 60  # 95 % of 60 is 57; fewer than 50 would have a chance of 1 in 10 000


def test_numbers_of_seeds_may_differ_and_cells_of_one_side_are_told() -> None:
    assert verdicts(scores(seeds=2), scores(seeds=4, rng=5)) <= {WITHIN, BEYOND}
    moved = compare_results(scores(variants=("unet",)), scores(variants=("unet", "mine")))
    assert set(moved.loc[moved["variant"] == "mine", "verdict"]) == {"only in B"}
    assert moved.loc[moved["variant"] == "mine", "a"].isna().all()


def test_a_point_at_0_is_within_noise() -> None:
    """All scores alike, of three seeds and of two: no difference, and nothing that varies."""
    constant = [scores(seeds=seeds).assign(dice=0.9) for seeds in (3, 2)]
    assert verdicts(*constant) == {WITHIN}


def test_without_an_interval_nothing_is_beyond_noise() -> None:
    one_film = [table.query("image_id == 'film3'") for table in (scores(), scores(0.02, rng=1))]
    assert verdicts(*one_film) == {UNKNOWN} and verdicts(one_film[0], one_film[0]) == {SAME}
    lines = as_lines(compare_results(*one_film), "dice")
    assert lines[0] == "4 cells noise unknown." and lines[1].endswith("[no interval]")


def test_a_name_of_two_lines_stays_one_line(
    tmp_path: Path, run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    for side in ("a", "b"):
        (tmp_path / side).mkdir()
        scores(variants=("unet\nthe same      all, of all",)).to_csv(tmp_path / side / "scores.csv", index=False)
    assert run("compare", tmp_path / "a", tmp_path / "b") == 0
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 4 and all("unet\\u000athe same" in line for line in printed[1:])


def test_other_films_are_not_paired() -> None:
    moved = compare_results(scores(), scores().query("image_id != 'film3'"))
    assert list(moved["verdict"]) == [OTHER]
    assert moved["films"].iloc[0] == 39


@pytest.mark.parametrize(
    ("a", "b", "common"),
    [
        ({"jsrt": 1, "shenzhen": 0}, {"jsrt": 0, "shenzhen": 1}, 0),
        ({"jsrt": 1, "shenzhen": 0}, {"jsrt": 0, "shenzhen": 0}, 20),
        ({"jsrt": 1, "shenzhen": 0}, None, 20),  # a table without such a column
        ({"jsrt": 1, "shenzhen": 1}, None, 0),  # of one side nothing is pooled
    ],
)
def test_pools_of_other_films_are_not_paired_and_their_sets_are(
    a: dict[str, int], b: dict[str, int] | None, common: int
) -> None:
    for turned in (False, True):
        tables = [scores() if sets is None else scores().assign(apart=scores()["test_on"].map(sets)) for sets in (a, b)]
        moved = compare_results(*(whole(one, "") for one in (reversed(tables) if turned else tables)))
        assert set(moved.loc[moved["test_on"] != "pooled", "verdict"]) == {SAME}
        (row,) = moved[moved["test_on"] == "pooled"].to_dict("records")
        assert (row["verdict"], row["films"]) == (OTHER, common) and pd.isna(row["difference"])
        last = f"other films   unet, pooled on pooled: {common} test films are in both"
        assert last in as_lines(moved, "dice")
    same = [scores().assign(apart=scores()["test_on"].map(a))] * 2
    assert verdicts(*same) == {SAME}


@pytest.mark.parametrize("kind", ["empty", "half", "filled"])
@pytest.mark.parametrize("other", [None, "empty", "half", "filled"])
def test_runs_without_members_are_of_their_own_seed(kind: str, other: str | None) -> None:
    def of(kind: str | None) -> pd.DataFrame:
        table = scores()
        if kind is None:
            return table
        members = table["seed"].astype(str).astype(object)
        gone = {"empty": table["seed"] >= 0, "half": table["seed"] == 1, "filled": table["seed"] < 0}[kind]
        return table.assign(members=members.mask(gone, np.nan))

    for a, b in ((kind, other), (other, kind)):
        moved = compare_results(whole(of(a), ""), whole(of(b), ""))
        assert set(moved["verdict"]) == {SAME} and set(moved["seeds_a"]) == set(moved["seeds_b"]) == {3}


def test_ensembles_of_seeds_are_compared_by_their_members() -> None:
    table = scores(variants=("seeds2_unet",))
    joined = table.assign(members=table["seed"].map({0: "0+1", 1: "0+2", 2: "1+2"}))
    assert verdicts(whole(joined, ""), whole(joined, "")) == {SAME}
    with pytest.raises(InputError, match="found ensembles of the seeds 1, 0"):
        whole(joined.assign(members=joined["members"].replace("0+1", "1")), "")
    with pytest.raises(InputError, match="found ensembles of seeds without their members"):
        whole(joined.assign(members=np.nan), "")


def test_page_names_both_sides_and_every_cell() -> None:
    moved = compare_results(scores(), scores(0.02, rng=1))
    page = as_page(moved, "theirs", "ours")
    assert "theirs" in page and "ours" in page and page.count("<tr") >= len(moved)
    assert "<script" not in page and "http" not in page.replace("http://www.w3.org", "")


def test_command_compares_folders_and_commits(
    tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "results/cpu"
    folder.mkdir(parents=True)
    scores().to_csv(folder / "scores.csv", index=False)
    who = ["-c", "user.name=Test", "-c", "user.email=test@localhost"]
    for arguments in (["init", "-q"], ["add", "-A"], [*who, "commit", "-qm", "first"]):
        subprocess.run(["git", *arguments], check=True)
    scores(0.02, rng=1).to_csv(folder / "scores.csv", index=False)
    for name in ("estimates", "comparisons"):  # columns of another age do not matter
        (folder / f"{name}.csv").write_text("p,sign\n0.1,of another age\n")
    assert run("compare", "HEAD:results/cpu", "results/cpu", "--csv", "moved.csv", "--html", "moved.html") == 0
    printed = capsys.readouterr().out
    assert "beyond noise  unet, pooled on pooled, dice: 0." in printed
    assert len(pd.read_csv("moved.csv")) == 6 and Path("moved.html").stat().st_size > 1000
    assert run("compare", "HEAD:results/none", "results/cpu") == 2
    assert "HEAD:results/none: found no such folder" in capsys.readouterr().err
    for nothing in ("nowhere", "x" * 5000, f"{'x' * 5000}:results/cpu"):
        assert run("compare", nothing, "results/cpu") == 2
        assert "found no such folder, expected a folder of results, or COMMIT:FOLDER" in capsys.readouterr().err
    assert run("compare", "results", "results/cpu") == 2
    assert "results/scores.csv: found no such file" in capsys.readouterr().err
    assert run("compare", "results/cpu", "results/cpu", "--metric", "beauty") == 2


def test_no_table_of_others_is_to_be_deleted(repository: Path, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing here would make it again."""
    file = Path("sub/results/scores.csv")
    whole_table = file.read_text()
    for text in (whole_table.replace(",0.9", ",NA", 1), whole_table + "1,2\n", "", "\0", 'variant,dice\n"a\n', "x,x\n"):
        file.write_text(text)
        subprocess.run(["git", "-c", "user.name=T", "-c", "user.email=t@t", "commit", "-qam", "damaged"], check=True)
        for pair in (("sub/results", "HEAD~1:sub/results"), ("HEAD:sub/results", "sub/results")):
            assert run("compare", *pair) == 2
            told = capsys.readouterr().err
            assert "Delete" not in told and told.endswith("Correct the table, or get it again from where it came.\n")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder under git with results, in which commands are given."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub/results").mkdir(parents=True)
    scores().to_csv(tmp_path / "sub/results/scores.csv", index=False)
    who = ["-c", "user.name=Test", "-c", "user.email=test@localhost"]
    for arguments in (["init", "-q"], ["add", "-A"], [*who, "commit", "-qm", "first"], ["tag", "v1"]):
        subprocess.run(["git", *arguments], check=True)
    return tmp_path


@pytest.mark.parametrize(
    "where",
    [
        "--remote=.:--exec=touch made;",
        "HEAD:--output=made",
        "--output=made:sub/results",
        "-h:sub/results",
        "--exec-path=.:x",
        "HEAD --output=made:sub/results",
        "HEAD\n--output=made:sub/results",
        "$(touch made):sub/results",
        "HEAD;touch made:sub/results",
        ":sub/results",
        "HEAD:../../../etc",
        "HEAD:/etc",
        "ext::sh -c touch% made",
        "\x1b[2JHEAD:sub/results",
    ],
)
def test_no_word_of_a_reference_is_an_option_or_runs(
    repository: Path, run: Run, capsys: pytest.CaptureFixture[str], where: str
) -> None:
    before = sorted(repository.rglob("*"))
    assert run("compare", "--", where, "sub/results") == 2
    assert run("compare", "--", "sub/results", where) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 2 and "Traceback" not in error and "\x1b" not in error
    assert sorted(repository.rglob("*")) == before


def test_each_of_the_two_guards_holds_alone(
    repository: Path, run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dash is refused before git is asked, and git takes what it is asked for a name."""
    assert run("compare", "--", "--git-dir:sub/results", "sub/results") == 2
    assert "the commit '--git-dir', expected a name that does not begin with a dash" in capsys.readouterr().err
    monkeypatch.setattr(changes, "REF", re.compile(".*"))
    asked: list[list[str]] = []
    monkeypatch.setattr(changes, "_git", lambda *words: asked.append(list(words)))
    assert run("compare", "--", "--git-dir:sub/results", "sub/results") == 2
    assert asked == [["rev-parse", "--verify", "--quiet", "--end-of-options", "--git-dir^{commit}"]]


@pytest.mark.parametrize("commit", ["HEAD", "v1", "HEAD~0", "master@{0}", "HEAD^{commit}"])
def test_names_of_commits_are_those_of_git(
    repository: Path, run: Run, capsys: pytest.CaptureFixture[str], commit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    subprocess.run(["git", "branch", "-qM", "master"], check=True)
    assert run("compare", f"{commit}:sub/results", "sub/results") == 0
    monkeypatch.chdir(repository / "sub")  # a folder is named from where one stands
    assert run("compare", f"{commit}:results", "results") == 0
    assert "cells the same" in capsys.readouterr().out


def test_filters_and_attributes_of_a_repository_run_nothing(repository: Path, run: Run) -> None:
    (repository / ".gitattributes").write_text("*.csv filter=evil diff=evil export-subst\n")
    for key in ("filter.evil.smudge", "diff.evil.textconv", "core.fsmonitor", "tar.tar.command", "core.pager"):
        subprocess.run(["git", "config", key, f"touch {repository}/made; cat"], check=True)
    assert run("compare", "HEAD:sub/results", "sub/results") == 0
    assert not (repository / "made").exists()


def test_a_table_of_others_is_text_wherever_it_is_shown(
    tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ("=cmd|' /C calc'!A0", "\x1b]0;title\x07", "<img src=x onerror=alert(1)>")
    for side, shift in (("a", 0.0), ("b", 0.02)):
        (tmp_path / side).mkdir()
        scores(shift, rng=int(shift * 50), variants=names).to_csv(tmp_path / side / "scores.csv", index=False)
    files = ["--csv", tmp_path / "moved.csv", "--html", tmp_path / "moved.html"]
    assert run("compare", tmp_path / "a", tmp_path / "b", *files) == 0
    assert "\x1b" not in capsys.readouterr().out
    assert {name[0] for name in pd.read_csv(tmp_path / "moved.csv")["variant"]} == {"'", "\x1b", "<"}
    assert "<img" not in (tmp_path / "moved.html").read_text()


def _with(column: str, value: object) -> Callable[[pd.DataFrame], pd.DataFrame]:
    def change(table: pd.DataFrame) -> pd.DataFrame:
        cells = table[column].astype(object)
        cells.iloc[5] = value
        return table.assign(**{column: cells.infer_objects()})

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: pd.concat([table, table[-1:]]), "theirs/scores.csv: found two rows for {'variant': 'unet'"),
        (lambda table: table[:-1], "theirs/scores.csv: found no row for "),
        (_with("dice", np.nan), "theirs/scores.csv: found no number for {'variant': 'unet'"),
        (_with("image_id", np.nan), "theirs/scores.csv, line 7: found an empty cell, expected variant, train_on"),
        (_with("seed", np.nan), "theirs/scores.csv, line 7: found an empty cell"),
        (_with("seed", 1.5), "theirs/scores.csv, seed: found 1.5, expected whole numbers"),
        (_with("seed", -3), "theirs/scores.csv, seed: found -3, expected whole numbers"),
        (_with("seed", 1e30), "theirs/scores.csv, seed: found 1e+30, expected whole numbers"),
        (_with("true_positive", "many"), "theirs/scores.csv, true_positive: found many, expected whole numbers from 0"),
        (_with("true_positive", -1), "theirs/scores.csv, true_positive: found -1, expected whole numbers from 0"),
        (_with("true_negative", 1.5), "theirs/scores.csv, true_negative: found 1.5, expected whole numbers from 0"),
        (_with("false_negative", np.inf), "theirs/scores.csv, false_negative: found inf, expected whole numbers"),
        (_with("dice", "low"), "theirs/scores.csv, dice: found low, expected numbers from 0"),
        (
            lambda table: _with("loss", np.inf)(table.assign(loss=0.5)),
            "theirs/scores.csv, loss: found inf, expected numbers from 0",
        ),
        (
            lambda table: _with("hd95_px", -1)(table.assign(hd95_px=2)),
            "theirs/scores.csv, hd95_px: found -1, expected numbers from 0",
        ),
        (_with("seed", float("inf")), "theirs/scores.csv, seed: found inf, expected whole numbers"),
        (
            lambda table: _with("apart", 1)(table.assign(apart=0)),
            "theirs/scores.csv: found apart 0 and 1 for films of jsrt of pooled, expected the same for all films",
        ),
        (
            lambda table: _with("apart", np.nan)(table.assign(apart=0)),
            "theirs/scores.csv: found apart 0.0 and nan for films of jsrt of pooled, expected the same",
        ),
        (lambda table: table.assign(apart="yes"), "theirs/scores.csv, apart: found yes, expected whole numbers from 0"),
        *[
            (
                lambda table, text=text: _with("members", text)(table.assign(members=table["seed"].astype(str))),
                f"theirs/scores.csv: found members '{text[:40]}' for {{'variant': 'unet'",
            )
            for text in ("zero", "0+", "0.5", "-1", "0 + 1", "٣", "9" * 5000)
        ],
        (
            lambda table: _with("members", "0+1")(table.assign(members=table["seed"].astype(str))),
            "theirs/scores.csv: found several members for {'variant': 'unet'",
        ),
        (lambda table: table.drop(columns="dice"), "theirs/scores.csv: found no column dice, expected the columns"),
        (lambda table: table.drop(columns="seed"), "theirs/scores.csv: found no column seed, expected the columns"),
    ],
)
def test_a_table_that_cannot_be_compared_is_named(change: Callable[[pd.DataFrame], pd.DataFrame], message: str) -> None:
    with pytest.raises(InputError) as caught:
        whole(change(scores()), "theirs/scores.csv")
    assert str(caught.value).startswith(message)
    assert str(caught.value).endswith("Correct the table, or get it again from where it came.")


def test_whole_tables_pass_and_other_films_are_told_without_a_gap() -> None:
    for table in (scores(), scores()[:0], scores(variants=("unet", "mine")).query("variant == 'unet' or seed == 0")):
        assert whole(table, "").equals(table)
    assert whole(scores().query("image_id != 'film3'"), "") is not None
    assert whole(scores().astype({"seed": float}), "").equals(scores())  # as pandas writes a column with a gap
    assert len(whole(scores()[:0].astype(object), "")) == 0
    lines = as_lines(compare_results(scores(), scores().query("image_id != 'film3'")), "dice")
    assert lines == ["1 cell other films.", "other films   unet, pooled: 39 test films are in both"]
