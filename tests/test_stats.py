"""Statistics: SciPy and theory as witnesses, and what must not change an answer does not."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats as scipy_stats

from lungseg.errors import InputError
from lungseg.metrics import COUNTS, RATIOS, ratios
from lungseg.stats import METRICS, POOLED, Block, blocks, cell_means, film_weights, infer


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
                counts = np.stack([4000 - fn, fp, fn, 12384 - fp], axis=1)
                table = pd.DataFrame(counts, columns=COUNTS).join(
                    pd.DataFrame(ratios(counts.astype(float)), columns=RATIOS)
                )
                rows.append(
                    table.assign(
                        variant=f"v{variant}", train_on="pooled", seed=run, test_on=dataset, loss=0.1,
                        image_id=[f"{dataset}{i}" for i in range(number)],
                    )
                )  # fmt: skip
    return pd.concat(rows, ignore_index=True)


def cell(table: pd.DataFrame, **where: object) -> pd.Series:
    rows = table[np.logical_and.reduce([table[key] == value for key, value in where.items()])]
    assert len(rows) == 1
    return rows.iloc[0]


def test_means_are_means_over_seeds_of_means_over_films() -> None:
    table = scores()
    estimates = infer(table, 200, 0.95, np.random.default_rng(0)).estimates
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
    assert set(estimates["metric"]) == {*METRICS, *POOLED}


def test_one_seed_agrees_with_scipys_bootstrap() -> None:
    table = scores(variants=1, seeds=1, films={"jsrt": 60})
    found = cell(infer(table, 40_000, 0.95, np.random.default_rng(0)).estimates, test_on="jsrt", metric="dice")
    witness = scipy_stats.bootstrap(
        (table["dice"].to_numpy(),), np.mean, n_resamples=40_000, method="percentile", rng=np.random.default_rng(1)
    ).confidence_interval
    width = witness.high - witness.low
    assert [found["low"], found["high"]] == pytest.approx([witness.low, witness.high], abs=0.03 * width)


def test_one_seed_pooled_agrees_with_scipys_bootstrap() -> None:
    table = scores(variants=1, seeds=1, films={"jsrt": 60})
    found = cell(infer(table, 40_000, 0.95, np.random.default_rng(0)).estimates, test_on="jsrt", metric="dice_pooled")

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
    metrics = np.zeros((1, seeds, films, len(METRICS)))
    metrics[0, :, :, 0] = values
    block = Block("pooled", "jsrt", ["v"], ["jsrt"] * films, metrics, np.ones((1, seeds, films, 4)))
    draws = cell_means(block, 20_000, np.random.default_rng(1))[:, 0, 0]
    rows, columns = values.mean(axis=1), values.mean(axis=0)
    residue = values - rows[:, None] - columns + values.mean()
    expected = rows.var() / seeds + columns.var() / films + (residue**2).sum() / (seeds * films) ** 2
    assert draws.var() == pytest.approx(expected, rel=0.05)


def test_films_are_resampled_within_their_data_set() -> None:
    strata = ["jsrt"] * 7 + ["montgomery"] * 3
    weights = film_weights(strata, 500, np.random.default_rng(0))
    assert weights[:, :7].sum(axis=1) == pytest.approx(0.7)
    assert weights[:, 7:].sum(axis=1) == pytest.approx(0.3)
    assert weights.mean(axis=0) == pytest.approx(0.1, abs=0.02)
    assert weights.std() > 0


def test_same_generator_same_intervals_whatever_the_order_of_rows() -> None:
    table = scores()
    first, again, shuffled = (
        infer(rows, 300, 0.95, np.random.default_rng(3)).estimates
        for rows in (table, table, table.sort_values("image_id", kind="stable").sort_values("variant", kind="stable"))
    )
    pd.testing.assert_frame_equal(first, again)
    key = ["variant", "test_on", "metric"]
    merged = first.merge(shuffled, on=key)
    assert merged["mean_x"].to_numpy() == pytest.approx(merged["mean_y"].to_numpy())


def test_constant_scores_have_intervals_without_width() -> None:
    inference = infer(scores(constant=True), 300, 0.95, np.random.default_rng(0))
    estimates = inference.estimates
    assert estimates["low"].to_numpy() == pytest.approx(estimates["high"].to_numpy(), abs=1e-12)
    same = infer(scores(constant=True).assign(dice=0.9, iou=0.8), 300, 0.95, np.random.default_rng(0)).comparisons
    assert (same["p"] == 1).all()


def test_comparison_is_paired_on_films_and_signed() -> None:
    table = scores(variants=3)
    comparisons = infer(table, 2000, 0.95, np.random.default_rng(0)).comparisons
    found = cell(comparisons, variant_a="v0", variant_b="v2", test_on="pooled", metric="dice")
    means = table.groupby(["variant", "seed"])["dice"].mean().groupby("variant").mean()
    assert found["difference"] == pytest.approx(means["v0"] - means["v2"], abs=1e-12)
    assert found["low"] < found["difference"] < found["high"] < 0
    estimates = infer(table, 2000, 0.95, np.random.default_rng(0)).estimates
    alone = [cell(estimates, variant=v, test_on="pooled", metric="dice") for v in ("v0", "v2")]
    assert found["high"] - found["low"] < np.hypot(*(row["high"] - row["low"] for row in alone))


def test_variants_have_seeds_of_their_own() -> None:
    """Seed 0 of one network has nothing in common with seed 0 of another: equal scores still leave an interval."""
    table = scores(variants=1)
    twins = pd.concat([table, table.assign(variant="twin")], ignore_index=True)
    found = cell(infer(twins, 500, 0.95, np.random.default_rng(0)).comparisons, test_on="pooled", metric="dice")
    assert found["difference"] == 0
    assert found["low"] < 0 < found["high"]


def test_holm_corrects_within_its_family() -> None:
    comparisons = infer(scores(variants=3), 200, 0.95, np.random.default_rng(0)).comparisons
    family = comparisons.query("test_on == 'jsrt' and metric == 'dice'").sort_values("p")
    assert len(family) == 3
    by_hand = np.maximum.accumulate(np.minimum(family["p"].to_numpy() * [3, 2, 1], 1))
    assert family["p_holm"].to_numpy() == pytest.approx(by_hand)
    jsrt = scores(variants=3).query("test_on == 'jsrt'")
    means = [rows.groupby("image_id")["dice"].mean() for _, rows in jsrt.groupby("variant")]
    row = cell(comparisons, variant_a="v0", variant_b="v1", test_on="jsrt", metric="dice")
    assert row["p"] == pytest.approx(scipy_stats.wilcoxon(means[0] - means[1]).pvalue)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda t: pd.concat([t, t.iloc[[5]]]), "two rows for .*'image_id': 'montgomery5'"),
        (lambda t: t.drop(index=5), "no row for .*'image_id': 'montgomery5'"),
        (lambda t: t.assign(dice=t["dice"].where(t.index != 5)), "no number for .*'image_id': 'montgomery5'"),
    ],
)
def test_gaps_in_the_scores_are_told(spoil: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        list(blocks(spoil(scores())))  # type: ignore[operator]
