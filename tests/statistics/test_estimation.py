"""All tables from all scores: SciPy and theory as witnesses, and what must not change an answer does not."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from scipy import stats as scipy_stats

from lungseg.errors import InputError
from lungseg.paper import read_references
from lungseg.scores.metrics import COUNTS, RATIOS, ratios
from lungseg.scores.scoring import OVERLAP
from lungseg.statistics.bootstrap import film_weights, percentile_interval, resampled_means
from lungseg.statistics.estimation import POOLED, Resampler, Tables, make_tables
from lungseg.statistics.score_blocks import METRICS, Runs, blocks
from tests.workflow import MISHRA, ROOT

ELSEWHERE = read_references(ROOT / "workflow/papers/mishra/references.csv")
TRAIN_ON = {"pooled": ["montgomery", "jsrt"], "jsrt": ["jsrt"], "montgomery": ["montgomery"]}


def scores(
    variants: int = 2, seeds: int = 2, films: dict[str, int] | None = None, seed: int = 0, constant: bool = False
) -> pd.DataFrame:
    """A table of scores with effects of film and seed; later variants are a little better."""
    rng, rows = np.random.default_rng(seed), []
    for dataset, number in (films or {"montgomery": 12, "jsrt": 30}).items():
        hard = rng.integers(100, 600, number)
        for variant in range(variants):
            for run in range(seeds):
                wrong = hard if not constant else np.full(number, 300)
                fp = wrong // 2 - 20 * variant + (0 if constant else rng.integers(0, 60, number))
                fn = wrong - wrong // 2
                counts = np.stack([4000 - fn, fp, fn, 61536 - fp], axis=1)
                table = pd.DataFrame(counts, columns=COUNTS).join(
                    pd.DataFrame(ratios(counts.astype(float)), columns=RATIOS)
                )
                rows.append(
                    table.assign(
                        kind="network", variant=f"v{variant}", train_on="pooled", seed=run, test_on=dataset, loss=0.1,
                        image_id=[f"{dataset}{i}" for i in range(number)], abnormal=np.arange(number) % 2,
                        size="network", postprocessing="none", empty=0,
                    )
                )  # fmt: skip
    return pd.concat(rows, ignore_index=True)


def inferred(table: pd.DataFrame, resamples: int = 300, seed: int = 0, pool: list[str] | None = None) -> Tables:
    return make_tables(table, MISHRA, ELSEWHERE, TRAIN_ON, resamples, 0.95, np.random.default_rng(seed), pool)


def cell(table: pd.DataFrame, **where: object) -> pd.Series:
    rows = table[np.logical_and.reduce([table[key] == value for key, value in where.items()])]
    assert len(rows) == 1
    return rows.iloc[0]


def test_means_are_means_over_seeds_of_means_over_films() -> None:
    table = scores()
    estimates = inferred(table).estimates
    for test_on, rows in [("jsrt", table[table.test_on == "jsrt"]), ("pooled", table)]:
        rows = rows[rows.variant == "v1"]
        by_hand = rows.groupby("seed")["iou"].mean().mean()
        found = cell(estimates, variant="v1", test_on=test_on, metric="iou")
        assert found["mean"] == pytest.approx(by_hand, abs=1e-12)
        assert found["low"] < by_hand < found["high"]
        sums = rows.groupby("seed")[COUNTS].sum().to_numpy(float)
        pooled = cell(estimates, variant="v1", test_on=test_on, metric="iou_pooled")
        assert pooled["mean"] == pytest.approx(ratios(sums)[:, RATIOS.index("iou")].mean(), abs=1e-12)
    assert cell(estimates, variant="v1", test_on="pooled", metric="dice")["images"] == 42
    assert set(estimates["metric"]) == {*OVERLAP, *POOLED}


def test_one_seed_agrees_with_scipys_bootstrap() -> None:
    table = scores(variants=1, seeds=1, films={"jsrt": 60})
    found = cell(inferred(table, 40_000).estimates, test_on="jsrt", metric="dice")
    witness = scipy_stats.bootstrap(
        (table["dice"].to_numpy(),), np.mean, n_resamples=40_000, method="percentile", rng=np.random.default_rng(1)
    ).confidence_interval
    width = witness.high - witness.low
    limits = [found["bootstrap_low"], found["bootstrap_high"]]
    assert limits == pytest.approx([witness.low, witness.high], abs=0.03 * width)


def test_one_seed_pooled_agrees_with_scipys_bootstrap() -> None:
    table = scores(variants=1, seeds=1, films={"jsrt": 60})
    found = cell(inferred(table, 40_000).estimates, test_on="jsrt", metric="dice_pooled")

    def dice(tp: np.ndarray, fp: np.ndarray, fn: np.ndarray, axis: int) -> np.ndarray:
        return 2 * tp.sum(axis) / (2 * tp + fp + fn).sum(axis)

    columns = [table[name].to_numpy(float) for name in COUNTS[:3]]
    witness = scipy_stats.bootstrap(
        columns, dice, paired=True, vectorized=True, n_resamples=40_000, method="percentile",
        rng=np.random.default_rng(1), batch=1000,
    ).confidence_interval  # fmt: skip
    width = witness.high - witness.low
    assert [found["low"], found["high"]] == pytest.approx([witness.low, witness.high], abs=0.03 * width)


def test_crossed_variance_is_the_one_of_theory() -> None:
    """Additive effects of films and seeds: the bootstrap variance is that of both means added, and of their residue."""
    rng, films, seeds = np.random.default_rng(0), 80, 8
    values = rng.normal(0, 1, (1, films)) + rng.normal(0, 1, (seeds, 1)) + rng.normal(0, 1, (seeds, films))
    metrics = np.zeros((seeds, films, len(METRICS)))
    metrics[..., 0] = values
    runs = Runs("v", metrics, np.ones((seeds, films, 4)), np.zeros((seeds, films), bool))
    weights = film_weights(["jsrt"] * films, 20_000, np.random.default_rng(1))
    draws = resampled_means([runs], weights, 2)[0][:, 0]
    rows, columns = values.mean(axis=1), values.mean(axis=0)
    residue = values - rows[:, None] - columns + values.mean()
    expected = rows.var() / seeds + columns.var() / films + (residue**2).sum() / (seeds * films) ** 2
    assert draws.var() == pytest.approx(expected, rel=0.05)


def test_a_variant_added_changes_no_other_row() -> None:
    """Not a byte of it, wherever it stands: neither seeds' variance, nor correction, nor what is drawn at random."""
    own = scores(variants=3, seeds=3)
    added = scores(variants=1, seeds=3, seed=9).assign(loss=0.2)
    widths = own.assign(dice=own["dice"] + 0.01 * own["seed"])  # so that seeds matter
    before = inferred(widths, pool=["v0", "v1", "v2"])
    for name in ("another", "v0b"):
        parts = [widths, added.assign(variant=name)]
        after = inferred(
            pd.concat(parts if name == "another" else parts[::-1], ignore_index=True), pool=["v0", "v1", "v2"]
        )
        for field, keys in (("estimates", ["variant"]), ("comparisons", ["variant_a", "variant_b"])):
            old, new = getattr(before, field), getattr(after, field)
            kept = new[~(new[keys] == name).any(axis=1)]
            assert len(kept) == len(old) < len(new)
            assert kept.to_csv(index=False) == old.to_csv(index=False)
    assert set(before.estimates["seed_variance"].dropna()) == {"pool"}


def test_a_network_beside_the_pool_says_that_it_uses_it_and_ensembles_use_their_own() -> None:
    table = scores(variants=3).replace({"variant": {"v0": "unet", "v1": "proposed", "v2": "mine"}})
    beside = table[table["variant"] == "unet"].assign(kind="reference", variant="ensemble_mean")
    inference = inferred(pd.concat([table, beside], ignore_index=True))
    dice = inference.estimates.query("metric == 'dice' and test_on == 'jsrt'").set_index("variant")["seed_variance"]
    assert dice.to_dict() == {"unet": "pool", "proposed": "pool", "mine": "pool"}
    pairs = inference.ensembles.query("metric == 'dice' and test_on == 'jsrt'").set_index("variant_a")
    assert pairs["seed_variance"].to_dict() == {"proposed": "pool, own", "ensemble_mean": "shared"}
    assert (pairs.loc["ensemble_mean", ["bootstrap_low", "bootstrap_high"]] == 0).all()  # the same seeds are drawn
    alone = inferred(table, pool=[]).estimates
    assert set(alone["seed_variance"].dropna()) == {"own"}


@pytest.mark.parametrize("strata", [["jsrt"] * 7 + ["montgomery"] * 3, list("jjmjjmjmjj")], ids=["in order", "mixed"])
def test_films_are_resampled_within_their_data_set(strata: list[str]) -> None:
    weights, first = film_weights(strata, 500, np.random.default_rng(0)), np.array(strata) == strata[0]
    assert weights[:, first].sum(axis=1) == pytest.approx(0.7)
    assert weights[:, ~first].sum(axis=1) == pytest.approx(0.3)
    assert weights.mean(axis=0) == pytest.approx(0.1, abs=0.02)
    assert weights.std() > 0


@pytest.mark.parametrize("resamples", [1, 2, 40, 1001])
@pytest.mark.parametrize("level", [0.5, 0.95, 1.0])
def test_limits_of_resamples_are_numpys_quantiles(resamples: int, level: float) -> None:
    draws = np.random.default_rng(0).normal(size=(resamples, 3, 2))
    draws[resamples // 2, 1, 0] = np.nan
    expected = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2], axis=0)
    assert np.isnan(expected[:, 1, 0]).all()
    np.testing.assert_allclose(percentile_interval(draws, level), expected, rtol=1e-12)
    np.testing.assert_allclose(percentile_interval(draws[:, 0, 0], level), expected[:, 0, 0], rtol=1e-12)


def test_same_generator_same_tables_and_the_order_of_rows_does_not_matter() -> None:
    table = scores()
    first, again, shuffled = (
        inferred(rows).estimates
        for rows in (table, table, table.sort_values("image_id", kind="stable").sort_values("variant", kind="stable"))
    )
    pd.testing.assert_frame_equal(first, again)
    merged = first.merge(shuffled, on=["variant", "test_on", "metric"])
    for column in ("mean", "low", "high"):
        plain = ~merged["metric"].str.contains("pooled")  # those are resampled
        own, other = (merged.loc[plain | (column == "mean"), f"{column}_{side}"].to_numpy() for side in "xy")
        assert own == pytest.approx(other)


def test_constant_scores_have_intervals_without_width() -> None:
    estimates = inferred(scores(constant=True)).estimates
    assert estimates["low"].to_numpy() == pytest.approx(estimates["high"].to_numpy(), abs=1e-12)
    same = inferred(scores(constant=True).assign(dice=0.9, iou=0.8)).comparisons
    assert (same.query("metric == 'dice'")[["p", "p_permutation"]] == 1).all(axis=None)
    assert (same.query("metric == 'dice'")["verdict"] == "undecided").all()  # no margin is declared


def test_a_metric_that_means_nothing_is_left_out_and_a_hole_in_one_is_refused() -> None:
    table = scores()
    table["hd95_mm"] = np.where(table["test_on"] == "jsrt", 3.0 + table["fp"] if "fp" in table else 3.0, np.nan)
    estimates = inferred(table).estimates
    assert set(estimates.query("metric == 'hd95_mm'")["test_on"]) == {"jsrt"}
    table.loc[table.index[-1], "hd95_mm"] = np.nan
    with pytest.raises(InputError, match="no number for"):
        inferred(table)


def with_distances(table: pd.DataFrame) -> pd.DataFrame:
    """NSD and distances as a function of what is wrong, on a grid of 256 px."""
    wrong = table["false_positive"] + table["false_negative"]
    return table.assign(nsd=1 - wrong / 1000, hd95_px=wrong / 100, assd_px=wrong / 300)


def test_a_test_set_with_a_film_that_has_no_distances_has_none() -> None:
    full = with_distances(scores())
    lacking = full.copy()
    lacking.loc[lacking["image_id"] == "jsrt3", ["nsd", "hd95_px", "assd_px"]] = np.nan
    for table, expected in ((full, {"montgomery", "jsrt", "pooled"}), (lacking, {"montgomery"})):
        found = inferred(table)
        for rows in (found.estimates, found.comparisons, found.scoring):
            assert set(rows.query("metric == 'nsd'")["test_on"]) == expected
            assert set(rows.query("metric == 'dice'")["test_on"]) == {"montgomery", "jsrt", "pooled"}
        assert set(found.crossing.query("metric == 'nsd'")["test_on"]) == expected - {"pooled"}
        assert found.comparisons[["difference", "low", "high", "p", "verdict"]].notna().all(axis=None)


def test_distances_of_too_coarse_a_grid_are_passed_over_in_older_tables() -> None:
    """Their pixels are counted: 128 px instead of 256. The film's own size keeps its distances."""
    table = with_distances(scores()).assign(true_negative=lambda t: t["true_negative"] - 256**2 + 128**2)
    both = inferred(pd.concat([table, table.assign(size="native")], ignore_index=True))
    assert not {"nsd", "hd95_px", "assd_px"} & {*both.estimates["metric"], *both.comparisons["metric"]}
    assert set(both.scoring.query("metric == 'nsd'")["size"]) == {"native"}


def test_failures_are_counted() -> None:
    table = scores()
    table.loc[[3, 7], "empty"] = 1
    estimates = inferred(table).estimates
    found = cell(estimates, variant="v0", test_on="montgomery", metric="dice")
    assert found["failures"] == 2 and cell(estimates, variant="v1", test_on="pooled", metric="dice")["failures"] == 0


def test_limits_of_fractions_stay_within_0_and_1() -> None:
    table = scores(films={"jsrt": 4}).assign(dice=lambda t: np.where(t["image_id"] == "jsrt0", 0.2, 0.999))
    found = cell(inferred(table).estimates, variant="v0", test_on="jsrt", metric="dice")
    assert 0 <= found["low"] < found["mean"] < found["high"] <= 1


def test_ways_of_scoring_and_subgroups_are_cells_of_their_own() -> None:
    table = scores()
    native = table.assign(size="native", dice=table["dice"] - 0.1)
    inference = inferred(pd.concat([table, native], ignore_index=True))
    ways = inference.scoring.query("variant == 'v0' and test_on == 'jsrt' and metric == 'dice'").set_index("size")[
        "mean"
    ]
    assert ways["native"] == pytest.approx(ways["network"] - 0.1)
    assert cell(inference.estimates, variant="v0", test_on="jsrt", metric="dice")["mean"] == ways["network"]
    group = cell(inference.subgroups, variant="v0", test_on="jsrt", metric="dice", abnormal=1)
    by_hand = table.query("variant == 'v0' and test_on == 'jsrt' and abnormal == 1").groupby("seed")["dice"].mean()
    assert group["mean"] == pytest.approx(by_hand.mean()) and group["images"] == 15


def test_references_stand_apart_and_ensembles_are_compared_as_declared() -> None:
    table = scores(variants=2).replace({"variant": {"v0": "unet", "v1": "proposed"}})
    beside = table[(table["variant"] == "unet")].assign(kind="reference", variant="ensemble_mean")
    single = beside[beside["seed"] == 0].assign(variant="mean_shape", loss=np.nan)
    inference = inferred(pd.concat([table, beside, single], ignore_index=True))
    assert set(inference.estimates["variant"]) == {"unet", "proposed"}
    own = inference.references[inference.references["source"].isna()]
    assert set(own["variant"]) == {"ensemble_mean", "mean_shape"}
    printed = inference.references[inference.references["source"].notna()]
    assert set(printed["variant"]) == {"second_observer", "best_published"} and printed["low"].isna().all()
    assert cell(inference.references, variant="mean_shape", test_on="jsrt", metric="dice")["seeds"] == 1
    assert "loss" not in set(inference.references.query("variant == 'mean_shape'")["metric"])
    pairs = set(map(tuple, inference.ensembles[["variant_a", "variant_b"]].to_numpy()))
    assert pairs == {("proposed", "ensemble_mean"), ("ensemble_mean", "unet")}


def with_ensembles(seeds: int, size: int = 2) -> pd.DataFrame:
    """Networks, each pair (or triple) of the seeds of one of them, and what joins them seed by seed."""
    table = scores(variants=2, seeds=seeds).replace({"variant": {"v0": "unet", "v1": "proposed"}})
    table = table.assign(members=table["seed"].astype(str))
    own = table[table["variant"] == "unet"].assign(kind="reference")
    parts = [table, own.assign(variant="ensemble_mean")]
    for number, joined in enumerate(combinations(range(seeds), size)):
        first = own[own["seed"] == joined[0]].copy()
        first[OVERLAP] = np.mean([own.loc[own["seed"] == seed, OVERLAP] for seed in joined], axis=0)
        name = {"seed": number, "members": "+".join(map(str, joined)), "variant": f"seeds{size}_unet"}
        parts.append(first.assign(**name))
    return pd.concat(parts, ignore_index=True)


def test_pairs_of_seeds_that_simply_add_up_are_as_sure_as_their_seeds() -> None:
    table = with_ensembles(5)
    found = inferred(table, pool=[])
    own = found.references.query("variant == 'seeds2_unet' and metric == 'dice'")
    network = found.estimates.query("variant == 'unet' and metric == 'dice'")
    assert (own["seeds"] == 5).all()
    assert own[["mean", "low", "high"]].to_numpy() == pytest.approx(network[["mean", "low", "high"]].to_numpy())
    turned = inferred(table.sample(frac=1, random_state=0), pool=[]).references
    again = turned.query("variant == 'seeds2_unet' and metric == 'dice'").set_index("test_on")
    assert again["low"].to_dict() == pytest.approx(own.set_index("test_on")["low"].to_dict())


@pytest.mark.parametrize(("seeds", "size", "one_run"), [(3, 3, True), (4, 3, False)])
@pytest.mark.parametrize("coverage", [None, pd.read_csv(ROOT / "bench/results/coverage.csv")], ids=["", "noted"])
def test_an_ensemble_of_all_seeds_is_one_run_and_decides_nothing(
    seeds: int, size: int, one_run: bool, coverage: pd.DataFrame | None
) -> None:
    table, rng = with_ensembles(seeds, size), np.random.default_rng(0)
    table.loc[table["variant"] == "ensemble_mean", "dice"] += 0.03
    plan = {"margins": {"dice": 0.005}, "coverage": coverage}
    found = make_tables(table, MISHRA, ELSEWHERE, TRAIN_ON, 300, 0.95, rng, **plan).ensembles
    rows = found[(found["variant_a"] == "ensemble_mean") & (found["variant_b"] == f"seeds{size}_unet")]
    dice = rows[rows["metric"] == "dice"]
    assert len(dice) == 3 and (rows["seeds_b"] == (1 if one_run else seeds)).all()
    assert (rows["note"] == "one run").all() if one_run else not (rows["note"] == "one run").any()
    said = {"sign": "undecided", "relevance": "undecided", "verdict": "undecided"}
    if not one_run:
        said = {"sign": "a better", "relevance": "beyond", "verdict": "a better"}
    assert (dice[list(said)] == list(said.values())).all(axis=None)
    assert dice[["p", "p_holm", "p_equivalence"]].isna().all(axis=None) == one_run
    assert (found.loc[found["variant_a"] == "proposed", "note"] != "one run").all()


def test_ensembles_of_seeds_in_older_tables_are_one_run_or_refused() -> None:
    one, several = (with_ensembles(seeds).drop(columns="members") for seeds in (2, 3))
    kept = inferred(one).references.query("variant == 'seeds2_unet'")
    assert (kept["seeds"] == 1).all()
    with pytest.raises(InputError, match="ensembles of seeds without their members"):
        inferred(several)


def test_crossing_tells_what_is_lost_away_from_home() -> None:
    home = scores(variants=1)
    parts = [
        home.assign(train_on=name, dice=home["dice"] - loss)
        for name, loss in (("pooled", 0.0), ("jsrt", 0.02), ("montgomery", 0.05))
    ]
    crossing = inferred(pd.concat(parts, ignore_index=True)).crossing.query("metric == 'dice'")
    assert set(crossing["test_on"]) == {"montgomery", "jsrt"} and len(crossing) == 6
    away = cell(crossing, train_on="montgomery", test_on="jsrt")
    assert away["domain"] == "out" and away["home"] == "jsrt"
    assert away["gap"] == pytest.approx(-0.03) and away["gap_low"] < away["gap"] < away["gap_high"]
    both = cell(crossing, train_on="pooled", test_on="jsrt")
    assert both["domain"] == "in" and both["gap"] == pytest.approx(0.02)
    assert np.isnan(cell(crossing, train_on="jsrt", test_on="jsrt")["gap"])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda t: pd.concat([t, t.iloc[[5]]]), "two rows for .*'image_id': 'montgomery5'"),
        (lambda t: t.drop(index=5), "no row for .*'image_id': 'montgomery5'"),
        (lambda t: t.assign(dice=t["dice"].where(t.index != 5)), "no number for .*'image_id': 'montgomery5'"),
        (lambda t: t.assign(true_positive=t["true_positive"].where(t.index != 5)), "no number for .*'montgomery5'"),
    ],
)
def test_gaps_in_the_scores_are_told(spoil: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        list(blocks(spoil(scores())))  # type: ignore[operator]


def test_one_network_alone_has_nothing_to_be_compared_with() -> None:
    inference = inferred(scores(variants=1))
    assert inference.comparisons.empty and inference.ensembles.empty and inference.ranks.empty
    assert {"variant_a", "metric", "verdict"} <= set(inference.comparisons)
    assert len(inference.estimates) > 0


def test_variants_may_have_different_numbers_of_seeds() -> None:
    table = scores(variants=2, seeds=3)
    fewer = table[(table["variant"] == "v0") | (table["seed"] == 0)]
    block = next(iter(blocks(fewer)))
    assert [len(runs.metrics) for runs in block.runs] == [3, 1]
    assert block.runs[1].metrics[0, :, 0] == pytest.approx(
        table.query("variant == 'v1' and seed == 0 and test_on == 'montgomery'")
        .sort_values("image_id")["dice"]
        .to_numpy()
    )


def test_seeds_of_two_networks_are_drawn_apart_unless_they_are_the_same_networks() -> None:
    """Seed 3 of one network has nothing to do with seed 3 of another; films are the same of all."""
    table = scores(variants=1, seeds=6)
    table = pd.concat([table, table.assign(variant="twin")])
    (block,) = (one for one in blocks(table) if (one.train_on, one.test_on) == ("pooled", "jsrt"))
    resampler = Resampler(50, 0)
    apart, together = (list(resampler(block, both).means.values()) for both in (False, True))
    assert np.array_equal(*together, equal_nan=True) and not np.array_equal(*apart, equal_nan=True)
    signs = resampler(block).signs
    assert set(np.unique(signs)) == {-1.0, 1.0} and abs(signs.mean()) < 0.1
    usual = list(resampler(block).means.values())
    assert all(np.array_equal(one, other, equal_nan=True) for one, other in zip(usual, apart, strict=True))


def test_no_difference_is_larger_than_its_values_allow() -> None:
    """One of two seeds is lost: the t interval alone would reach beyond -1 and 1."""
    table, fractions = scores(seeds=2), ["dice", "iou", "recall", "precision", "accuracy"]
    table.loc[(table["seed"] == 1) & (table["variant"] == "v0"), fractions] = 0.0
    made = inferred(table)
    for one in (made.comparisons, made.crossing.rename(columns={"gap_low": "low", "gap_high": "high"})):
        shown = one[one["metric"].isin(fractions)]
        limits = shown[["low", "high"]].to_numpy(float)
        assert len(limits) and (np.abs(limits[np.isfinite(limits)]) <= 1).all()
    assert 1 in made.comparisons[["low", "high"]].abs().to_numpy()
