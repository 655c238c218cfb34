"""Ways of counting: known answers, and what no way can do."""

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lungseg.claims.definitions import COUNTED, CUTS, Definition, count, count_films, measure, rank, relations, study
from lungseg.scores.metrics import confusion, ratios
from tests.workflow import MISHRA

TABLE1 = MISHRA.table()
USUAL = {"films": "pooled", "part": "test", "size": "network", "cut": "0.5", "smooth": 0, "classes": "lung"}


def definition(**changes: object) -> Definition:
    return Definition(**{**USUAL, "averaging": "image", **changes})  # type: ignore[arg-type]


def example(films: int = 20, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.random((films, 16, 16)) < 0.3
    return (np.where(truth, 2, -2) + rng.normal(0, 2, truth.shape)).astype(np.float16), truth


def counted(cut: str, films: int = 20) -> np.ndarray:
    return np.array([count(*film)[cut] for film in zip(*example(films), strict=True)])


def test_the_usual_definition_is_the_one_of_the_scores() -> None:
    logits, truth = example()
    expected = ratios(confusion(truth, logits > 0).to_numpy(float))
    found = measure(counted("0.5"), definition())
    assert found[[0, 1, 3, 2]] == pytest.approx(expected.mean(axis=0)[:4]) and found[4] == pytest.approx(1 - found[0])
    pooled = ratios(confusion(truth, logits > 0).to_numpy(float).sum(axis=0))
    assert measure(counted("0.5"), definition(averaging="pooled"))[:2] == pytest.approx(pooled[:2])


def test_soft_dice_is_that_of_torch() -> None:
    logits, truth = example()
    p = torch.sigmoid(torch.from_numpy(logits).double()).numpy()
    dice = (2 * (p * truth).sum((1, 2)) + 1) / (p.sum((1, 2)) + truth.sum((1, 2)) + 1)
    assert measure(counted("soft"), definition(cut="soft", smooth=1))[0] == pytest.approx(dice.mean(), rel=1e-5)


def test_smoothing_is_added_above_and_below_in_dice_and_iou_alone() -> None:
    counts = np.array([[50.0, 10, 20, 176]])
    dice, iou, recall, precision, loss = measure(counts, definition(smooth=100))
    assert (dice, iou) == pytest.approx(((100 + 100) / (130 + 100), (50 + 100) / (80 + 100)))
    assert (recall, precision, loss) == pytest.approx((50 / 70, 50 / 60, 1 - dice))


def test_background_is_counted_as_a_class_of_its_own() -> None:
    logits, truth = example()
    both = [
        ratios(confusion(one, two).to_numpy(float)).mean(axis=0)
        for one, two in ((truth, logits > 0), (~truth, logits <= 0))
    ]
    found = measure(counted("0.5"), definition(classes="lung and background"))
    assert found[:2] == pytest.approx(np.mean(both, axis=0)[:2])


def test_batches_of_sixteen_are_pooled_first() -> None:
    counts = counted("0.5")
    two = [ratios(part.sum(axis=0)) for part in (counts[:16], counts[16:])]
    assert measure(counts, definition(averaging="batch"))[0] == pytest.approx(np.mean([dice[0] for dice in two]))


def test_counts_are_all_pixels_at_any_cut_and_fall_with_it() -> None:
    for cut in CUTS:
        assert counted(cut).sum(axis=1) == pytest.approx(256)
    found = [counted(cut)[:, :2].sum() for cut in ("0.3", "0.5", "0.7")]
    assert found[0] > found[1] > found[2]


@given(
    seed=st.integers(0, 50), cut=st.sampled_from(list(CUTS)), averaging=st.sampled_from(["image", "batch", "pooled"]),
    classes=st.sampled_from(["lung", "lung and background"]),
)  # fmt: skip
def test_without_smoothing_no_way_puts_iou_above_recall(seed: int, cut: str, averaging: str, classes: str) -> None:
    counts = np.array([count(*film)[cut] for film in zip(*example(20, seed), strict=True)])
    _, iou, recall, precision, _ = measure(counts, definition(cut=cut, averaging=averaging, classes=classes))
    assert iou <= min(recall, precision) + 1e-12


def table() -> pd.DataFrame:
    """Counts of four networks; the later ones err less."""
    rows = []
    for number, variant in enumerate(TABLE1):
        for seed in (0, 1):
            rng, (_, truth) = np.random.default_rng([number, seed]), example(20)
            logits = (np.where(truth, 2, -2) + rng.normal(0, 1.6 - 0.2 * number, truth.shape)).astype(np.float16)
            films = [("jsrt", "test")] * 12 + [("montgomery", "test")] * 8
            rows += count_films(
                str(variant), seed, films, [count(*f) for f in zip(logits, truth, strict=True)], "network"
            )
    return pd.DataFrame(rows)


def test_a_study_has_every_definition_of_every_set_of_films() -> None:
    values = study(table(), TABLE1)
    assert len(values) == 3 * 4 * 3 * 3 * 2 * 4 * 5  # films, cuts, smooth, averaging, classes, networks, metrics
    one = values.query(
        "films == 'jsrt' and cut == '0.5' and smooth == 0 and averaging == 'image' and classes == 'lung'"
        " and variant == 'unet' and metric == 'dice'"
    ).iloc[0]
    own = table().query("variant == 'unet' and dataset == 'jsrt' and cut == '0.5'")
    dice = (
        own.assign(dice=2 * own["tp"] / (2 * own["tp"] + own["fp"] + own["fn"])).groupby("seed")["dice"].mean().mean()
    )
    assert one["value"] == pytest.approx(dice) and one["published"] == 0.957
    assert one["gap"] == pytest.approx(dice - 0.957)


def test_the_closest_definition_comes_first() -> None:
    ranked = rank(study(table(), TABLE1))
    assert len(ranked) == 3 * 4 * 3 * 3 * 2 and ranked["distance"].is_monotonic_increasing
    parts = ranked[["distance_dice", "distance_iou", "distance_recall", "distance_precision"]].mean(axis=1)
    assert parts.to_numpy() == pytest.approx(ranked["distance"].to_numpy())
    assert (ranked.query("smooth == 0")["iou_above_recall"] == 0).all()


def test_two_ways_side_by_side_can_do_what_one_cannot() -> None:
    told = relations(study(table(), TABLE1), TABLE1).set_index("relation")
    assert told["printed"].to_dict() == {
        "iou_above_recall": 4, "dice_above_mean_of_precision_and_recall": 4, "dice_over_2_minus_dice_above_iou": 1,
    }  # fmt: skip
    assert told["mixed"]["iou_above_recall"] > 0 and told["definitions"]["iou_above_recall"] == 216
    assert (told["mixed"] <= told["mixtures"]).all() and (told["alone"] <= told["definitions"]).all()
    for example in told["example"]:
        first, _, second = example.partition(": ")[2].partition("; against ")
        assert first != second
    assert told["example"]["iou_above_recall"].count("cut ") == 2 and 0 < told["distance"]["iou_above_recall"] < 1


def test_networks_that_were_not_run_are_left_out_and_their_order_does_not_matter() -> None:
    some = table().query("variant in ('proposed', 'unet')")
    told = relations(study(some, TABLE1), TABLE1).set_index("relation")
    turned = relations(study(some.sort_values("variant", kind="stable"), TABLE1), TABLE1).set_index("relation")
    assert told["printed"]["iou_above_recall"] == 4 and told["definitions"]["iou_above_recall"] == 216
    for name in ("alone", "mixed", "distance"):
        assert told[name].to_dict() == pytest.approx(turned[name].to_dict())


def test_without_any_of_the_papers_networks_there_is_nothing_to_tell() -> None:
    values = study(pd.DataFrame(columns=COUNTED), TABLE1)
    assert values.empty and rank(values).empty and list(rank(values))[:2] == ["films", "part"]
    assert relations(values, TABLE1).empty
