"""The simulation that vouches for the intervals: its truth is the truth, its methods are SciPy's, its rows agree."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bench.coverage import cases, page, row, study
from bench.limits import TABLES, Case, trimmed
from bench.scenes import POOL, SCENES, SCORES, Drawn, Observed, _rest, observed
from lungseg.files import file_hash
from lungseg.scores.metrics import COUNTS
from lungseg.statistics.intervals import interval
from lungseg.statistics.seeds import own_variance
from lungseg.statistics.simulated import FALSE_EQUIVALENCE

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", list(SCENES))
def test_the_known_truth_is_the_mean_of_many_draws(name: str) -> None:
    scene, rng = SCENES[name], np.random.default_rng(0)
    films = scene.films(400, 500, rng)
    drawn = scene.dice(films, rng.normal(size=(2, 500)), rng)
    error = drawn.mean(axis=(0, 1)).std() / np.sqrt(500)
    assert drawn.mean() == pytest.approx(scene.truth(), abs=5 * error)


def seen() -> Observed:
    """Two data sets of twenty films; one film of the second makes the tail of the difference."""
    rng = np.random.default_rng(0)
    films = {name: rng.normal(0.95, 0.02, 40) for name in [*POOL, "other"]}
    films["other"][33] = 0.5
    rest = {name: rng.normal(0, 0.004, 40) for name in films}
    return Observed(["a"] * 20 + ["b"] * 20, films, rest, 0.001)


def test_observed_films_are_drawn_again_within_their_data_set_and_with_their_truth() -> None:
    scene = seen()
    drawn = scene.draw(3, 2000, np.random.default_rng(1))
    assert [group.shape for group in drawn.groups] == [(3, 40, 2000)] * 5 and drawn.strata == scene.strata
    for group, truth in zip(drawn.groups, drawn.truths, strict=True):
        means = group.mean(axis=(0, 1))
        assert means.mean() == pytest.approx(truth, abs=5 * means.std() / np.sqrt(2000))
    still = replace(scene, rest={name: np.zeros(40) for name in scene.films}, seed=0.0)
    both = still.draw(2, 50, np.random.default_rng(1)).groups
    pairs = set(zip(both[0][0].ravel().tolist(), both[4][1].ravel().tolist(), strict=True))
    assert pairs <= set(zip(scene.films["unet"].tolist(), scene.films["other"].tolist(), strict=True))
    assert set(both[0][0, :20].ravel()) <= set(scene.films["unet"][:20])


def test_what_was_observed_is_read_from_the_scores(tmp_path: Path) -> None:
    rng, rows = np.random.default_rng(0), []
    for variant in POOL:
        for seed in (0, 1):
            run = {"kind": "network", "variant": variant, "train_on": "pooled", "seed": seed, "test_on": "jsrt"}
            run |= {"size": "network", "postprocessing": "none", "iou": 0.9} | dict.fromkeys(COUNTS, 1)
            rows += [run | {"image_id": f"f{i}", "dice": rng.random()} for i in range(5)]
    pd.DataFrame(rows).to_parquet(tmp_path / "scores.parquet")
    found = observed(tmp_path / "scores.parquet")["jsrt"]
    dice = (
        pd.DataFrame(rows).query("variant == 'proposed'").pivot_table(index="image_id", columns="seed", values="dice")
    )
    assert found.films["proposed"] == pytest.approx(dice.mean(axis=1).to_numpy())
    apart = (dice[0] - dice[1]).to_numpy() / np.sqrt(2)
    assert found.rest["proposed"] == pytest.approx(np.abs(apart - apart.mean()))
    table = pd.DataFrame(rows).groupby(["variant", "seed"])["dice"].mean().groupby("variant").var()
    assert found.seed == pytest.approx(np.sqrt(table.mean()))


def test_the_observed_scenes_are_those_of_the_scores_in_git() -> None:
    """Other scores, other films: the simulation is run again."""
    assert f"sha256 {file_hash(SCORES)[:12]}…" in (ROOT / "bench/results/coverage.md").read_text(encoding="utf-8")


def test_what_seeds_disagree_by_is_known_without_the_means_of_films_and_of_seeds() -> None:
    rng, spread = np.random.default_rng(0), np.repeat([1.0, 2, 4], 4000)
    dice = rng.normal(0, spread, (3, 12_000)) + rng.normal(0, 9, (3, 1)) + rng.normal(0, 9, 12_000)
    found = np.sqrt((_rest(dice) ** 2).reshape(3, 4000).mean(axis=1))
    assert found == pytest.approx([1, 2, 4], rel=0.03)


def test_misses_and_coverage_add_up() -> None:
    limits = np.array([[0.0, 0.0, 2.0, 0.0, 0.0, 0.6], [1.0, 3.0, 3.0, 0.5, 9.0, 0.8]])
    found = row(limits, 0.7)
    assert (found["coverage"], found["missed_below"], found["missed_above"]) == (4 / 6, 1 / 6, 1 / 6)
    assert float(str(found["coverage_low"])) < 4 / 6 < float(str(found["coverage_high"]))
    assert (found["mean_width"], found["median_width"]) == (pytest.approx(14.7 / 6), 1)
    assert (found["narrowest_third"], found["widest_third"]) == (0.5, 1)


def test_the_trimmed_mean_is_scipys_and_its_test_yuens() -> None:
    """With one sample Yuen's statistic is that of two, the other without spread worth naming."""
    films = np.random.default_rng(3).gamma(1, size=31)
    found = trimmed(films[:, None], ["a"] * 31, np.zeros(1))
    assert found.mean[0] == pytest.approx(stats.trim_mean(films, 0.2))
    witness = stats.ttest_ind(films, 0.5 + 1e-7 * np.linspace(-1, 1, 31), trim=0.2, equal_var=False)
    assert (found.mean - 0.5)[0] / found.se[0] == pytest.approx(witness.statistic)
    assert found.df[0] == pytest.approx(witness.df) and found.df[0] == 31 - 2 * 6 - 1


def test_what_the_tables_had_is_scipys_t_interval_for_one_seed() -> None:
    films = np.random.default_rng(4).gamma(1, size=(1, 31, 1))
    case = Case([films], ["a"] * 31, [own_variance(films)], 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        assert case.estimate(pooled=True).df[0] < 30
    two = np.repeat(films, 2, axis=0)  # seeds that agree add nothing
    found = Case([two], ["a"] * 31, [own_variance(two)], 1.0).before()
    assert found.df[0] == pytest.approx(30)
    assert found.se[0] == pytest.approx(stats.sem(films.ravel()))


def test_a_small_study_has_every_method_and_says_how_often_within_the_margin_is_false() -> None:
    rows = study(Drawn({"jsrt": 50}), [(0,), (0, 1)], 2, 300, np.random.default_rng(1))
    found = {(r["quantity"], r["method"]): r for r in rows}
    assert len(found) == len(rows) == (4 + 3) + (3 + 2) + 3
    assert found["mean", TABLES]["coverage"] > found["mean", "crossed bootstrap, percentile"]["coverage"]
    assert (
        found["mean", "crossed t, Hall capped, own seeds"]["width_95"]
        < (found["mean", "crossed t, Hall, own seeds (before)"]["width_95"])
    )
    false = [r["coverage"] for key, r in found.items() if key[0] == FALSE_EQUIVALENCE]
    assert len(false) == 3 and max(map(float, map(str, false))) < 0.12
    table = pd.DataFrame(rows).assign(scene="jsrt", films=50)
    text = page(table)
    assert "| jsrt | 2 | mean | now |" in text and "| jsrt | 2 | difference | before |" in text


def test_a_pool_changes_widths_and_not_values() -> None:
    experiments = Drawn({"jsrt": 50}).draw(3, 40, np.random.default_rng(0))
    case = next(cases(experiments, [(0, 1)]))
    own, pooled = case.estimate(pooled=False), case.estimate(pooled=True)
    np.testing.assert_array_equal(own.mean, pooled.mean)
    widths = [np.diff(interval(one, 0.95), axis=0).std() for one in (own, pooled)]
    assert widths[1] < widths[0]
