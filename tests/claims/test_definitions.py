"""Ways of counting: known answers, libraries as witnesses, and what no way can do."""

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import jaccard_score, log_loss, precision_recall_fscore_support

from lungseg.claims.counting import CUTS, Counted, count, count_histograms
from lungseg.claims.definitions import ALIKE, AVERAGING, CLASSES, COMPARED, METRICS, Definition, measure, rank, study
from lungseg.claims.mixtures import relations
from lungseg.learning.stored_predictions import CODES, VALUES
from lungseg.scores.metrics import confusion, loss, ratios
from tests.workflow import MISHRA

TABLE1 = MISHRA.table()
USUAL = {"films": "pooled", "part": "test", "size": "network", "cut": "0.5", "smooth": 0, "classes": "lung"}
BY_HAND = np.array([[50.0, 10, 20, 176, 0]])


def definition(**changes: object) -> Definition:
    return Definition(**{**USUAL, "averaging": "image", **changes})  # type: ignore[arg-type]


def example(films: int = 20, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.random((films, 16, 16)) < 0.3
    return (np.where(truth, 2, -2) + rng.normal(0, 2, truth.shape)).astype(np.float16), truth


def counted(cut: str, films: int = 20) -> np.ndarray:
    return np.array([count(*film)[list(CUTS).index(cut)] for film in zip(*example(films), strict=True)])


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
    added = 256 / 256**2  # films have 16 x 16 pixels
    dice = (2 * (p * truth).sum((1, 2)) + added) / (p.sum((1, 2)) + truth.sum((1, 2)) + added)
    assert measure(counted("soft"), definition(cut="soft", smooth=1))[0] == pytest.approx(dice.mean(), rel=1e-5)


def test_soft_losses_are_those_of_training_and_of_scikit_learn() -> None:
    logits, truth = example()
    p = torch.sigmoid(torch.from_numpy(logits).double()).numpy()
    # Of a film of 16 x 16 pixels 256 is 1, which training adds.
    found = dict(zip(METRICS, measure(counted("soft"), definition(cut="soft", smooth=256)), strict=True))
    entropy = np.mean([log_loss(one.ravel(), of.ravel()) for one, of in zip(truth, p, strict=True)])
    assert found["loss_bce"] == pytest.approx(entropy, rel=1e-5)
    assert found["loss_bce_dice"] == pytest.approx(loss(logits, truth).mean(), rel=1e-5)
    assert found["loss_iou"] == pytest.approx(1 - found["iou"])
    hard = dict(zip(METRICS, measure(counted("0.5"), definition()), strict=True))
    assert np.isnan(hard["loss_bce"]) and np.isnan(hard["loss_bce_dice"]) and hard["loss_iou"] == 1 - hard["iou"]


def test_a_smooth_is_as_much_of_a_film_as_of_one_of_256_pixels() -> None:
    dice, iou, recall, precision, loss, *_ = measure(BY_HAND, definition(smooth=100))
    added = 100 * 256 / 256**2
    assert (dice, iou) == pytest.approx(((100 + added) / (130 + added), (50 + added) / (80 + added)))
    assert (recall, precision, loss) == pytest.approx((50 / 70, 50 / 60, 1 - dice))
    larger = measure(BY_HAND * 256, definition(smooth=100))  # a film of 256 x 256
    assert larger[:2] == pytest.approx([(100 * 256 + 100) / (130 * 256 + 100), (50 * 256 + 100) / (80 * 256 + 100)])
    assert larger == pytest.approx(measure(BY_HAND, definition(smooth=100)), nan_ok=True)
    two = measure(np.repeat(BY_HAND, 2, axis=0), definition(smooth=100, averaging="batch of 2"))
    assert two[0] == pytest.approx((200 + added) / (260 + added))  # once for a batch


@pytest.mark.parametrize(("classes", "average"), [("lung and background", "macro"), ("weighted", "weighted")])
def test_classes_are_averaged_as_by_scikit_learn(classes: str, average: str) -> None:
    logits, truth = example()
    expected = []
    for one, found in zip(truth.reshape(20, -1), (logits > 0).reshape(20, -1), strict=True):
        precision, recall, dice, _ = precision_recall_fscore_support(one, found, average=average)
        expected.append([dice, jaccard_score(one, found, average=average), recall, precision])
    assert measure(counted("0.5"), definition(classes=classes))[:4] == pytest.approx(np.mean(expected, axis=0))


def test_columns_are_counted_apart_by_hand() -> None:
    lung = {"dice": 100 / 130, "iou": 50 / 80, "recall": 50 / 70, "precision": 50 / 60}
    back = {"dice": 352 / 382, "iou": 176 / 206}
    share, accuracy = 70 / 256, 226 / 256
    both = {name: (lung[name] + back[name]) / 2 for name in back}
    weighted = {name: share * lung[name] + (1 - share) * back[name] for name in back}
    expected = {
        "lung": {}, "lung; IoU of both": {"iou": both["iou"]}, "lung; Dice and IoU of both": both,
        "lung; Dice and IoU weighted": weighted, "lung; accuracy as Dice": {"dice": accuracy},
        "lung; accuracy as Dice; IoU of both": {"dice": accuracy, "iou": both["iou"]},
    }  # fmt: skip
    for classes, instead in expected.items():
        found = dict(zip(COMPARED, measure(BY_HAND, definition(classes=classes)), strict=False))
        assert found == pytest.approx(lung | instead), classes
    assert set(CLASSES) - set(expected) == {"lung and background", "weighted"}


@pytest.mark.parametrize("size", [2, 4, 8, 16, 32])
def test_batches_are_pooled_first(size: int) -> None:
    counts = counted("0.5", 36)
    parts = [ratios(counts[at : at + size, :4].sum(axis=0))[0] for at in range(0, 36, size)]
    assert measure(counts, definition(averaging=f"batch of {size}"))[0] == pytest.approx(np.mean(parts))
    assert AVERAGING["image"] == 1 and len(AVERAGING) == 7


def test_counts_are_all_pixels_at_any_cut_and_fall_with_it() -> None:
    for cut in CUTS:
        assert counted(cut)[:, :4].sum(axis=1) == pytest.approx(256)
    found = [counted(cut)[:, :2].sum() for cut in ("0.3", "0.5", "0.7")]
    assert found[0] > found[1] > found[2]


def test_histograms_are_counted_like_films() -> None:
    rng = np.random.default_rng(0)
    codes, truth = rng.integers(0, CODES, (3, 16, 16)), rng.random((3, 16, 16)) < 0.3
    histograms = np.array(
        [np.bincount((one + CODES * t).ravel(), minlength=2 * CODES) for one, t in zip(codes, truth, strict=True)]
    )
    found = count_histograms(histograms.reshape(3, 2, CODES).astype(np.uint32))
    assert found == pytest.approx(
        np.array([count(VALUES[one], t) for one, t in zip(codes, truth, strict=True)]), rel=1e-4
    )


@pytest.mark.parametrize("shape", [(700, 500), (3, 200_000), (0, 10)])
def test_a_large_film_counts_as_its_rows_do(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    logits, truth = rng.normal(0, 6, shape).astype(np.float32), rng.random(shape) > 0.6
    found, rows = count(logits, truth), [count(logits[i : i + 1], truth[i : i + 1]) for i in range(len(truth))]
    np.testing.assert_allclose(found, np.sum(rows, axis=0) if rows else 0, rtol=1e-9)
    usual = found[list(CUTS).index("0.5"), :4]
    inside = logits > 0
    cells = inside & truth, inside & ~truth, ~inside & truth, ~inside & ~truth
    assert usual.tolist() == [cell.sum() for cell in cells]


def test_pixels_beyond_the_square_have_a_finite_loss() -> None:
    """There the logit is minus infinity; Keras clips probabilities at 1e-7, whose logit is -16.1."""
    found = count(np.array([[-np.inf, 9.0]]), np.array([[True, True]]))
    assert found[0, 4] == pytest.approx(16 + np.log1p(np.exp(-9)), rel=1e-5)


@given(
    seed=st.integers(0, 50), cut=st.sampled_from(list(CUTS)), averaging=st.sampled_from(list(AVERAGING)),
    classes=st.sampled_from(["lung", "lung and background"]),
)  # fmt: skip
def test_without_smoothing_no_way_puts_iou_above_recall(seed: int, cut: str, averaging: str, classes: str) -> None:
    counts = np.array([count(*film)[list(CUTS).index(cut)] for film in zip(*example(20, seed), strict=True)])
    _, iou, recall, precision, *_ = measure(counts, definition(cut=cut, averaging=averaging, classes=classes))
    assert iou <= min(recall, precision) + 1e-12


def runs(variants: tuple[str, ...] = tuple(TABLE1)) -> list[Counted]:
    """Counts of networks; the later ones of the paper's table err less."""
    found = []
    for variant in variants:
        for seed in (0, 1):
            number = list(TABLE1).index(variant)
            rng, (_, truth) = np.random.default_rng([number, seed]), example(20)
            logits = (np.where(truth, 2, -2) + rng.normal(0, 1.6 - 0.2 * number, truth.shape)).astype(np.float16)
            counts = np.array([count(*film) for film in zip(logits, truth, strict=True)])
            datasets = ["jsrt"] * 12 + ["montgomery"] * 8
            found += [Counted(variant, seed, "test", size, datasets, counts) for size in ("network", "native")]
    return found


# Sets of films, cuts, smooths, classes; averaging on the network's square and at a film's own size.
NUMBER = 3 * 4 * 3 * 8 * (7 + 2)


def test_a_study_has_every_definition_of_every_set_of_films() -> None:
    values = study(runs(), TABLE1).table()
    assert len(values) == NUMBER * 4 * 8  # networks, metrics
    assert not values.duplicated([*USUAL, "averaging", "variant", "metric"]).any()
    one = values.query(
        "films == 'jsrt' and cut == '0.5' and smooth == 0 and averaging == 'image' and classes == 'lung'"
        " and variant == 'unet' and metric == 'dice' and size == 'network'"
    ).iloc[0]
    own = [run.counts[:12, 2, :4] for run in runs(("unet",)) if run.size == "network"]
    dice = np.mean([ratios(counts)[:, 0].mean() for counts in own])
    assert one["value"] == pytest.approx(dice) and one["published"] == 0.957
    assert one["gap"] == pytest.approx(dice - 0.957)
    losses = values[values["metric"].astype(str).str.startswith("loss") & (values["variant"] == "unet")]
    assert set(losses["published"]) == {0.033}


def test_the_closest_definition_comes_first() -> None:
    ranked = rank(study(runs(), TABLE1))
    assert len(ranked) == NUMBER and ranked["distance"].is_monotonic_increasing
    parts = ranked[["distance_dice", "distance_iou", "distance_recall", "distance_precision"]].mean(axis=1)
    assert parts.to_numpy() == pytest.approx(ranked["distance"].to_numpy())
    assert (ranked.query("smooth == 0 and classes == 'lung'")["iou_above_recall"] == 0).all()
    assert ranked.loc[ranked["cut"] != "soft", "distance_loss_bce"].isna().all()


def test_a_column_that_the_paper_lacks_has_no_distance() -> None:
    ranked = rank(study(runs(), TABLE1.drop(index=["loss", "iou"])))
    assert ranked[["distance_loss", "distance_iou"]].isna().all(axis=None)
    parts = ranked[["distance_dice", "distance_recall", "distance_precision"]].mean(axis=1)
    assert parts.to_numpy() == pytest.approx(ranked["distance"].to_numpy())


def test_two_ways_side_by_side_can_do_what_one_cannot() -> None:
    told = relations(study(runs(), TABLE1), TABLE1).set_index("relation")
    assert told["printed"].to_dict() == {
        "iou_above_recall": 4, "dice_above_mean_of_precision_and_recall": 4, "dice_over_2_minus_dice_above_iou": 1,
    }  # fmt: skip
    assert (told["definitions"] == NUMBER * 3 / 8).all() and (told["apart_definitions"] == NUMBER * 5 / 8).all()
    assert told["mixed"]["iou_above_recall"] > 0 and (told["mixed"] <= told["mixtures"]).all()
    each = NUMBER // 8  # of the definitions of one set of films a third
    assert (told["mixtures"] == 3 * each * (each - 1)).all()
    for example in told["example"]:
        first, _, second = example.partition(": ")[2].partition("; against ")
        assert first != second
    assert told["example"]["iou_above_recall"].count("cut ") == 2 and 0 < told["distance"]["iou_above_recall"] < 1


def test_the_closest_mixture_is_as_far_from_the_printed_values_as_its_two_sides_are() -> None:
    found = study(runs(), TABLE1)
    told = relations(found, TABLE1).set_index("relation").loc["iou_above_recall"]
    iou, recall = (found.measured[:, :, COMPARED.index(metric)] for metric in ("iou", "recall"))
    off = [np.abs(side - TABLE1.loc[metric, found.variants].to_numpy()).mean(axis=1)
           for metric, side in (("iou", iou), ("recall", recall))]  # fmt: skip
    alike = np.flatnonzero(found.definitions["classes"].isin(ALIKE))
    groups = found.definitions.iloc[alike].groupby(["films", "part"], observed=True).indices.values()
    apart = [
        (off[0][i] + off[1][j]) / 2
        for at in groups for i in alike[at] for j in alike[at] if i != j and (iou[i] > recall[j]).all()
    ]  # fmt: skip
    assert told["mixed"] == len(apart) and told["distance"] == pytest.approx(min(apart))


def test_columns_counted_apart_put_iou_above_recall() -> None:
    """Two calls of a library do what no single one can."""
    counts = np.array([[70.0, 2, 20, 164, 0]])
    _, iou, recall, *_ = measure(counts, definition(classes="lung; Dice and IoU of both"))
    assert iou > recall
    found = study([Counted("unet", 0, "test", "native", ["jsrt"], np.repeat(counts[None], 4, axis=1))], TABLE1)
    told = relations(found, TABLE1).set_index("relation").loc["iou_above_recall"]
    assert told["alone"] == 0 and told["apart"] > 0


def test_networks_that_were_not_run_are_left_out_and_their_order_does_not_matter() -> None:
    told, turned = (
        relations(study(runs(some), TABLE1), TABLE1).set_index("relation")
        for some in (("proposed", "unet"), ("unet", "proposed"))
    )
    assert told["printed"]["iou_above_recall"] == 4
    for name in ("alone", "mixed", "distance", "apart"):
        assert told[name].to_dict() == pytest.approx(turned[name].to_dict())


def test_without_any_of_the_papers_networks_there_is_nothing_to_tell() -> None:
    nothing = study([], TABLE1)
    assert nothing.table().empty and rank(nothing).empty and list(rank(nothing))[:2] == ["films", "part"]
    assert relations(nothing, TABLE1).empty
    assert isinstance(rank(nothing), pd.DataFrame)


def test_a_set_that_the_paper_is_not_about_is_in_no_definition() -> None:
    whole, less = study(runs(), TABLE1), study(runs(), TABLE1, ["jsrt"])
    assert set(less.definitions["films"]) == set(whole.definitions["films"]) - {"jsrt"}
    assert not np.array_equal(less.measured[less.definitions["films"] == "pooled"],
                              whole.measured[whole.definitions["films"] == "pooled"])  # fmt: skip
