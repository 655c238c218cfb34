"""The benchmarks' page says what their tables say; the tables have the agreed columns."""

import io
import re
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from bench import enlarged, official, refusals, sides
from bench.cluster import PAGE as CLUSTER
from bench.cluster import Rule, tables
from bench.faults import KINDS, OUTPUT, drawn, page, read
from bench.judge import OTHER, SILENT, STUCK, SURVIVED, TRACEBACK, Case, Try, nothing, tried, verdict
from bench.scale import MISHRA, scores
from bench.show import QUESTIONS, RULES, _shortened, as_markdown, goal, machines, rules_as_markdown, start_ups, summary
from bench.stand_ins import made_up
from bench.timing import COLUMNS, RESULTS, in_turn, read_table, write
from lungseg.data.phantom import draw
from lungseg.paper import read_references
from lungseg.statistics.estimation import make_tables
from tests.conftest import encoded, write_zip

PAGE = Path(__file__).parents[1] / "bench/README.md"
OTHERS = (
    "coverage",
    "exports",
    "faults",
    "memory",
    "mutants",
    "mutants_argued",
    "official_rules",
    "refusals",
    "scale",
    "sides",
)  # with pages of their own
TABLES = [file for file in sorted(RESULTS.glob("*.csv")) if file.stem not in OTHERS]


@pytest.mark.parametrize("file", TABLES, ids=lambda file: file.stem)
def test_page_shows_the_table(file: Path) -> None:
    table = read_table(file)
    assert list(table.columns) == [*COLUMNS, "hardware", "code"]
    assert as_markdown(table) in PAGE.read_text(encoding="utf-8")
    assert (table["ratio_low"] <= table["ratio"]).all()
    assert (table["ratio"] <= table["ratio_high"]).all()


@pytest.mark.parametrize("file", TABLES, ids=lambda file: file.stem)
def test_a_goal_is_the_least_or_the_most_of_a_ratio_on_every_machine(file: Path) -> None:
    sense = {row.case: goal(row)[0] for row in read_table(file).dropna(subset="goal").itertuples()}
    for row in read_table(file).dropna(subset="goal").itertuples():
        assert goal(row)[0] == sense[row.case], row.case


def test_the_commands_have_every_question_and_make_bench_runs_what_is_said() -> None:
    listed = re.search(r"```sh\n(make bench .*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    loop = re.search(r"for name in ([a-z ]+); do python -m bench", (PAGE.parents[1] / "Makefile").read_text())
    assert listed and loop
    made = [*loop[1].split(), "preprocessing"]
    assert re.search(r"# (.*):$", listed[1].splitlines()[0]).group(1).split(", ") == made  # type: ignore[union-attr]
    alone = re.findall(r"^python -m bench\.(\w+)", listed[1], re.M)
    assert set(QUESTIONS) <= {*made, *alone, "gpu"} and not set(made) & set(alone)


def test_ratio_is_the_others_time_over_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(np.cumsum([0.0, 1, 0, 3, 0, 2, 0, 8, 0, 1, 0, 3]))  # ours 1, 2, 1; the other 3, 8, 3
    monkeypatch.setattr("bench.timing.time.perf_counter", lambda: next(clock))
    pair = (lambda: None, lambda: None)
    row = in_turn("case", [pair] * 3, "ms", 1000, 3)
    assert (row["ours"], row["other"], row["ratio"]) == (1000, 3000, 3)
    assert (row["ratio_low"], row["ratio_high"], row["met"]) == (3, 3.5, True)


@pytest.mark.parametrize("code", ["47c0b83", "3809399", "0001234", "12e4567+", "12e4567", "no commit"])
def test_machines_stand_below_each_other_and_each_is_replaced_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    monkeypatch.setattr("bench.timing.RESULTS", tmp_path)
    monkeypatch.setattr("bench.timing.MEASURED", code)

    def row(case: str, ratio: float, goal: float | None) -> dict[str, object]:
        limits = {"ratio": ratio, "ratio_low": ratio, "ratio_high": ratio}
        met = None if goal is None else ratio >= goal
        return {"case": case, "ours": 1, "other": 2, "unit": "s"} | limits | {"goal": goal, "met": met}

    write("speed", [row("a", 1 / 3, 2), row("b", 3, None)], "first machine")
    write("speed", [row("a", 4, 2)], "second machine")
    write("speed", [row("a", 5, 2)], "first machine")
    table = read_table(tmp_path / "speed.csv")
    assert table[["hardware", "case", "ratio"]].to_numpy().tolist() == [
        ["first machine", "a", 5],
        ["second machine", "a", 4],
    ]
    write("speed", [row("a", 1 / 3, 2), row("b", 3, None)], "third machine")
    table = read_table(tmp_path / "speed.csv")
    assert [rows["hardware"].unique().tolist() for rows in machines(table)] == [
        ["third machine"], ["first machine"], ["second machine"],
    ]  # fmt: skip
    assert table["ratio"].tolist() == [0.3333, 3, 5, 4]
    assert table["code"].tolist() == [code] * 4
    page = as_markdown(table)
    assert page.count("<details>") == 3
    assert page.index("<summary>On third") < page.index("<summary>On first") < page.index("<summary>On second")
    assert "| 1 of 1 | a: 5, goal ≥ 2 | first machine |" in summary(
        {"training": table.query("hardware == 'first machine'")}
    )
    assert "| 0 of 1 | a: 0.333, goal ≥ 2 | third machine |" in summary({"training": table})
    assert "| a | 1 | 2 | s | 0.333 [0.333, 0.333] | ≥ 2 | **no** |" in page


def test_page_shows_what_each_rule_takes_at_official_size() -> None:
    rules = read_table(RULES)
    assert rules_as_markdown(rules) in PAGE.read_text(encoding="utf-8")
    small = rules.head(1).assign(core_s_with_runs=-0.01, core_s_with_films=1.04, peak_with_films=np.nan)
    assert "| 1.0 |" in rules_as_markdown(small) and "| 0.0 |" in rules_as_markdown(small)


def test_summary_is_that_of_the_tables() -> None:
    assert set(QUESTIONS) >= {file.stem for file in TABLES}
    assert summary({file.stem: read_table(file) for file in TABLES}) in PAGE.read_text(encoding="utf-8")
    starts = pd.DataFrame({"case": ["start-up of a, alone", "start-up of b, alone", "no-op"], "ours": [1.0, 2.0, 3.0]})
    assert _shortened(starts)["case"].tolist() == ["no-op", "slowest start-up of 2 scripts: b, alone"]


def test_the_page_has_the_start_up_of_every_script() -> None:
    found, scripts = pd.read_csv(RESULTS / "dag.csv"), sorted((PAGE.parents[1] / "workflow/scripts").glob("*.py"))
    told = start_ups(found)
    assert told in PAGE.read_text(encoding="utf-8")
    assert all(f"| {script.stem}" in told for script in scripts)


def test_the_page_of_films_says_which_labels_were_right() -> None:
    found = pd.read_csv(RESULTS / "sides.csv")
    assert sides.in_words(found) in (PAGE.parents[1] / "docs/segment.md").read_text(encoding="utf-8")
    assert sides.in_words(found.assign(right=found["films"] - 1, wrong_and_segmented=1)).endswith(
        "of the others 2 are called `segmented`."
    )


def test_the_page_of_films_says_how_many_were_refused() -> None:
    found = pd.read_csv(RESULTS / "refusals.csv")
    assert refusals.in_words(found) in (PAGE.parents[1] / "docs/segment.md").read_text(encoding="utf-8")
    sound = found["sound"] & (found["half"] == "counted")
    worse = found.assign(refused=found["refused"].mask(sound, found["films"]))
    assert refusals.in_words(worse).startswith("One goal is met and one missed: 192 of 192 test films")
    blind = worse.assign(**{name: worse[name].where(worse["sound"], 0) for name in ("refused", "doubtful")})
    assert refusals.in_words(blind).startswith("Both goals are missed")


def test_the_page_of_the_cluster_says_what_the_measurements_say() -> None:
    assert tables() in CLUSTER.read_text(encoding="utf-8")


def test_the_drawn_scores_of_full_size_are_as_the_statistics_take_them(monkeypatch: pytest.MonkeyPatch) -> None:
    pooled, rng = {"pooled": ["montgomery", "jsrt"]}, np.random.default_rng(0)
    monkeypatch.setattr("bench.scale.FILMS", {"montgomery": 5, "jsrt": 5})
    monkeypatch.setattr("bench.scale.TRAIN_ON", pooled)
    made = make_tables(scores(rng), MISHRA, read_references(), pooled, 50, 0.95, rng)
    assert len(made.estimates) and len(made.comparisons) and len(made.ensembles)


def test_hours_on_some_places_are_those_of_the_longest_jobs_first() -> None:
    rule = Rule("train", [1, 3, 2, 2], "")
    assert [rule.wall(places) for places in (1, 2, 3, 100)] == [8, 4, 3, 3]


GOOD = "echo 1 > made; echo answer"
SAID = "lungseg: table.csv: found a hole, expected a number. Delete it."


@pytest.mark.parametrize(
    ("script", "mends", "outcome"),
    [
        (GOOD, False, SURVIVED),
        (f"test -e mended || {{ echo '{SAID}' >&2; exit 1; }}; {GOOD}", True, SURVIVED),
        (f"test -e mended || {{ echo '{SAID}' >&2; exit 1; }}; {GOOD}", False, STUCK),
        (f"test -e mended || {{ echo '{SAID}' >&2; exit 1; }}; echo 2 > made; echo answer", True, OTHER),
        (f"test -e mended || {{ echo '{SAID}'; echo '{SAID.replace('hole', 'gap')}'; exit 1; }}; {GOOD}", True, STUCK),
        ("test -e mended || { echo no >&2; exit 1; }; " + GOOD, True, STUCK),
        ("echo 2 > made; echo answer", False, SILENT),
        ("echo 1 > made; echo another", False, SILENT),
        ("echo 'Traceback (most recent call last):' >&2; " + GOOD, False, TRACEBACK),
        ("mkdir logs; echo 'Traceback (most recent call last):' > logs/job.log; " + GOOD, False, TRACEBACK),
        (f"test -e mended || {{ echo '{SAID}'; sleep 3; }}; {GOOD}", True, STUCK),
    ],
)
def test_the_judge_of_faults_sees_each_outcome(
    script: str, mends: bool, outcome: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a command that only acts."""
    monkeypatch.setattr("bench.judge.LIMIT", 1.0)
    tools, work, here = (tmp_path / name for name in ("tools", "work", "copy"))
    tools.mkdir()
    work.mkdir()
    (tools / "lungseg").write_text(f"#!/bin/sh\n{script}\n")
    (tools / "lungseg").chmod(0o755)
    path = {"PATH": f"{tools}:/usr/bin:/bin"}
    mend = (lambda folder: (folder / "mended").touch()) if mends else nothing
    monkeypatch.setattr("bench.judge.environment_of", lambda *_: path)
    case = Case("kind", "name", ["lungseg"], mend=mend, names=r"table\.csv", work="small")
    untouched = Try(0, "", "answer\n", {"made": "4355a46b19d348dc2f57c046f8ef63d4538ebb936000f3c9ee954a27460dd865"})
    assert verdict(case, untouched, tried(case, here, work, tmp_path)) == outcome
    assert not here.exists()


def test_faults_are_drawn_from_the_seed() -> None:
    for kind in KINDS:
        cases = drawn(kind)
        names = [case.name for case in cases]
        assert len(names) == len(set(names)) >= 10
        assert names == [case.name for case in drawn(kind)]


def test_the_page_of_faults_is_that_of_its_table() -> None:
    rows = read()
    wanted = [(kind, case.name) for kind in KINDS for case in drawn(kind)]
    assert sorted((row["kind"], row["case"]) for row in rows) == sorted(wanted)
    assert len(wanted) >= 200 and len(KINDS) >= 12
    assert page(rows) == OUTPUT.with_suffix(".md").read_text(encoding="utf-8")


def test_growth_is_the_power_of_what_grew() -> None:
    jobs = pd.DataFrame({
        "rule": ["score", "score", "report"],
        "wall_s": [1.0, 2.0, 5.0], "core_s": [4.0, 4.0, 3.0], "peak_mib": [100.0, 300.0, 200.0],
    })  # fmt: skip
    large = official.by_rule(jobs)
    assert large.loc["score"].tolist() == [2, 3, 8, 300] and large.loc["report"].tolist() == [1, 5, 3, 200]
    small = large.assign(core_s=large["core_s"] / [4, 2], peak_mib=large["peak_mib"] / [1, 2])
    found = official.growth(large, small, 2, "films")
    assert found.loc["report"].tolist() == pytest.approx([2, 0])  # four times the seconds of half the films
    assert found.loc["score"].tolist() == pytest.approx([1, 1])


def of_case(**rows: tuple[float, float]) -> pd.DataFrame:
    """Core seconds and peak of some rules."""
    found = pd.DataFrame.from_dict(rows, orient="index", columns=["core_s", "peak_mib"])
    return found.assign(jobs=1, wall_s=found["core_s"])


def test_what_comes_after_the_trainings_is_counted_for_each_training_set_but_what_is_of_one_alone() -> None:
    first = of_case(preprocess=(600.0, 900.0), score=(24.0, 300.0), definitions=(120.0, 300.0))
    tables = {("official", 8): first, ("official", 20): of_case(score=(60.0, 300.0), definitions=(120.0, 600.0))}
    rules = official.of_rules(tables, {"official": 100.0}).set_index("rule")
    assert rules.loc["preprocess", "core_s"] == 600  # the second run found its films there
    assert rules["core_s_with_runs"][["score", "definitions"]].tolist() == pytest.approx([1, 0])
    assert np.isnan(rules["core_s_with_runs"]["preprocess"])
    assert rules[["core_s_with_films", "core_s_with_pixels", "peak_mib_1024px_6_runs"]].isna().all(axis=None)
    alone, all_five = official.of_the_workflow(rules)
    assert (alone["ours"], all_five["ours"]) == (3, 7) and all_five["met"]
    large = of_case(preprocess=(1.0, 900.0), score=(1.0, 700.0), definitions=(1.0, 500.0))
    tables |= {("large", 2): large, ("large", 6): of_case(score=(1.0, 700.0), definitions=(1.0, 600.0))}
    tables |= {("half", 20): tables["official", 20], ("reduced", 20): of_case(score=(6.0, 300.0))}
    rules = official.of_rules(tables, {"official": 100.0, "reduced": 10.0}).set_index("rule")
    assert rules.loc["score", "core_s_with_pixels"] == pytest.approx(1)
    *_, flat, largest = official.of_the_workflow(rules)
    assert "definitions" in str(flat["case"]) and flat["ratio"] == 1.2 and not flat["met"]
    assert "preprocess" in str(largest["case"]) and largest["met"]


def test_made_up_predictions_are_nearly_right_and_differ() -> None:
    mask = draw("film", np.random.default_rng(0), abnormal=False).mask[:256, :256]
    one, other = (made_up(mask.astype(np.uint8), np.random.default_rng(seed)) > 0 for seed in (0, 1))
    assert 0.9 < 2 * (one & mask).sum() / (one.sum() + mask.sum()) < 1 and (one != other).any()


def test_an_archive_is_enlarged_to_official_sizes(tmp_path: Path) -> None:
    grey = np.random.default_rng(0).integers(0, 256, (8, 8), dtype=np.uint8)
    picture, lung = (encoded(pixels) for pixels in (grey, np.where(np.tri(8), 255, 0).astype(np.uint8)))
    name = "MCUCXR_0001_0.png"
    write_zip(tmp_path / "small/x.zip", {f"CXR_png/{name}": picture, f"ManualMask/leftMask/{name}": lung})
    enlarged._enlarge(tmp_path / "small/x.zip", tmp_path / "x.zip", "montgomery")
    with ZipFile(tmp_path / "x.zip") as store:
        film, mask = (Image.open(io.BytesIO(store.read(member))) for member in store.namelist())
    assert film.size == mask.size == (4020, 4892) and (film.mode, mask.mode) == ("L", "1")
    assert np.asarray(mask).mean() == pytest.approx(np.tri(8).mean(), abs=0.03)
    assert np.asarray(film).std() > 10
