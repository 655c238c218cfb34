"""From logits to every number of a film: sizes, units, cleaning, references, files."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from lungseg.data.images import Original
from lungseg.data.squares import Box, restore
from lungseg.errors import InputError
from lungseg.learning.stored_predictions import Segmentation
from lungseg.scores import known, scoring
from lungseg.scores.baselines import references
from lungseg.scores.boundary import boundary, outline
from lungseg.scores.cases import algorithms, cases, diverged, primary, together
from lungseg.scores.known import know_film
from lungseg.scores.metrics import COUNTS
from lungseg.scores.postprocessing import two_largest
from lungseg.scores.scoring import DISTANCES, OVERLAP, score, score_film
from tests.workflow import MISHRA

WAYS = [("network", "none"), ("network", "two_largest"), ("native", "none"), ("native", "two_largest")]


def lungs(side: int, grow: float = 0.0) -> np.ndarray:
    """Two ellipses on a square."""
    y, x = (np.mgrid[0:side, 0:side] + 0.5) / side
    return np.minimum(*(((x - c) / (0.15 + grow)) ** 2 + ((y - 0.5) / (0.3 + grow)) ** 2 for c in (0.3, 0.7))) < 1


def logits(mask: np.ndarray) -> np.ndarray:
    return np.where(mask, 2, -2).astype(np.float16)


def whole(mask: np.ndarray, spacing: float | None = None) -> Original:
    return Original(mask, Box(0, 0, *mask.shape), spacing)


def film(prediction: np.ndarray, truth: np.ndarray, original: Original, soft: bool = True) -> pd.DataFrame:
    table = pd.DataFrame(score_film(logits(prediction), know_film(truth, original), soft))
    assert list(zip(table["size"], table["postprocessing"], strict=True)) == WAYS
    return table.set_index(["size", "postprocessing"])


def test_at_the_networks_own_size_both_sizes_agree() -> None:
    truth, prediction = lungs(256), lungs(256, 0.02)
    table = film(prediction, truth, whole(truth))
    numbers = [*(name for name in OVERLAP if name != "loss"), "hd95_px", "assd_px", "nsd", *COUNTS]
    own, native = (table.loc[(size, "none"), numbers].to_numpy(dtype=float) for size in ("network", "native"))
    assert own == pytest.approx(native)
    assert table.loc[("network", "none"), "dice"] == pytest.approx(
        2 * (truth & prediction).sum() / (truth.sum() + prediction.sum())
    )


def test_a_pixel_is_lung_where_its_logit_is_above_zero() -> None:
    truth, found = np.zeros((2, 8, 8), dtype=bool)
    sure = np.full((8, 8), -3, dtype=np.float16)
    truth[2:6, 2:6] = True
    sure[2:6, 2:4], sure[2:6, 4], sure[2:6, 5], sure[0] = 3, 0.25, 0, 0
    found[2:6, 2:5] = True
    (own, *_) = score_film(sure, know_film(truth, whole(truth)), True)
    assert [own[name] for name in COUNTS] == [12, 0, 4, 48] and found.sum() == 12


@pytest.mark.parametrize(("net", "side"), [(128, 256), (128, 1024), (512, 512), (512, 1024)])
def test_pixels_are_those_of_the_256_grid_at_any_size(net: int, side: int) -> None:
    expected = boundary(lungs(256, 0.03), lungs(256), (1, 1), 1)
    table = film(lungs(net, 0.03), lungs(net), whole(lungs(side)))
    for size in ("network", "native") if net > 256 else ("native",):
        assert table.loc[(size, "none"), "hd95_px"] == pytest.approx(expected.hd95, abs=2.1)
        assert table.loc[(size, "none"), "assd_px"] == pytest.approx(expected.assd, abs=1)


def test_millimetres_need_the_films_spacing() -> None:
    """A film of JSRT: 0.175 mm at 2048 px is 1.4 mm on the grid of 256, and NSD the same in either unit."""
    truth, prediction = lungs(256), lungs(256, 0.03)
    in_mm, unknown = film(prediction, truth, whole(lungs(512), 0.175 * 4)), film(prediction, truth, whole(lungs(512)))
    for row in (("network", "none"), ("native", "none")):
        assert in_mm.loc[row, "hd95_mm"] == pytest.approx(1.4 * in_mm.loc[row, "hd95_px"])
        assert in_mm.loc[row, "assd_mm"] == pytest.approx(1.4 * in_mm.loc[row, "assd_px"])
        assert in_mm.loc[row, "nsd"] == unknown.loc[row, "nsd"]
        side = {"network": 256, "native": 512}[row[0]]
        masks = (
            (prediction, truth)
            if side == 256
            else (restore(logits(prediction), Box(0, 0, 512, 512), (512, 512)).whole(), lungs(512))
        )
        assert in_mm.loc[row, "nsd"] == boundary(*masks, (358.4 / side, 358.4 / side), 1.64).nsd
        assert unknown.loc[row, ["hd95_mm", "assd_mm"]].isna().all()


@pytest.mark.parametrize(
    ("size", "side", "spacing", "told"),
    [
        (128, 256, None, {"native"}),  # 2 and 1 px of the grid of 256, tolerance 1.17
        (256, 128, None, {"network"}),
        (64, 64, None, set()),
        (256, 256, 1.4, {"network", "native"}),  # mm, tolerance 1.64: a film of JSRT
        (256, 2048, 4892 / 2048 * 0.0875, {"native"}),  # 1.67 mm on the square: one of Montgomery, whose px would do
    ],
)
def test_a_grid_coarser_than_the_tolerance_tells_no_distances(
    size: int, side: int, spacing: float | None, told: set[str]
) -> None:
    table = film(lungs(size, 0.03), lungs(size), whole(lungs(side), spacing))
    where = {size for size, _ in table.index[table["nsd"].notna()]}
    assert where == told
    empty = table.loc[[row for row in WAYS if row[0] not in told], DISTANCES]
    assert empty.isna().all(axis=None) and table["dice"].notna().all()
    assert (table["hd95_px"].notna() == table["nsd"].notna()).all()


def test_lung_beyond_the_box_is_missed() -> None:
    truth = np.ones((100, 100), bool)
    full = np.ones((32, 32), bool)
    half = know_film(full, Original(truth, Box(0, 0, 50, 100), None))
    table = pd.DataFrame(score_film(logits(full), half, soft=True))
    native = table[table["size"] == "native"].iloc[0]
    assert native["recall"] == 0.5 and native["precision"] == 1 and native["false_negative"] == 5000


def test_black_around_a_padded_film_is_not_scored() -> None:
    truth = lungs(64)[16:48]  # twice as wide as high
    square = np.zeros((64, 64), bool)
    square[16:48] = truth
    table = film(square, square, Original(truth, Box(-16, 0, 64, 64), None))
    assert table.loc[("native", "none"), "dice"] == 1 and table.loc[("native", "none"), COUNTS].sum() == truth.size


def test_cleaning_takes_islands_and_nothing_else() -> None:
    truth = lungs(64)
    spotted = truth.copy()
    spotted[2:5, 2:5] = True
    table = film(spotted, truth, whole(truth))
    assert table.loc[("network", "two_largest"), "dice"] == 1 > table.loc[("network", "none"), "dice"]
    clean = film(truth, truth, whole(truth))
    numbers = [*COUNTS, "dice"]
    assert (clean.loc[("network", "none"), numbers] == clean.loc[("network", "two_largest"), numbers]).all()


def test_an_empty_prediction_is_a_failure_in_every_way() -> None:
    truth = lungs(256)
    table = film(np.zeros((256, 256), bool), truth, whole(truth))
    assert (table["empty"] == 1).all() and (table["dice"] == 0).all() and (table["nsd"] == 0).all()
    assert table["hd95_px"].to_numpy() == pytest.approx(256 * np.sqrt(2))


def test_loss_is_told_once_and_only_of_probabilities() -> None:
    truth = lungs(64)
    table = film(truth, truth, whole(truth))
    assert np.isfinite(table.loc[("network", "none"), "loss"]) and table["loss"].notna().sum() == 1
    assert film(truth, truth, whole(truth), soft=False)["loss"].isna().all()


def test_two_largest_keeps_the_lungs() -> None:
    mask = np.zeros((20, 20), bool)
    mask[1:9, 1:6], mask[1:8, 10:15], mask[15:17, 15:17] = True, True, True
    kept = two_largest(mask)
    assert kept[1:9, 1:6].all() and kept[1:8, 10:15].all() and not kept[15:17, 15:17].any() and kept.sum() == 75
    assert two_largest(kept) is kept
    corners = np.eye(3, dtype=bool)  # touching at corners only: three parts of one pixel, the upper two stay
    assert two_largest(corners).diagonal().tolist() == [True, True, False]
    assert not two_largest(np.zeros((4, 4), bool)).any()


def stack(*masks: np.ndarray) -> np.ndarray:
    return np.stack([logits(mask) for mask in masks])


def runs(seeds: int) -> tuple[list[Segmentation], np.ndarray]:
    """Three single networks on four films, each wrong in its own places."""
    rng, truth = np.random.default_rng(0), np.stack([lungs(32)] * 4)
    made = []
    for variant in ("unet", "unet_mobilenetv2", "unet_inceptionresnetv2"):
        for seed in range(seeds):
            raw = np.where(truth, 1.5, -1.5) + rng.normal(0, 1.2, truth.shape)
            made.append(Segmentation(variant, seed, raw.astype(np.float16)))
    return made, truth


def named(
    made: list[Segmentation], truth: np.ndarray, single: Sequence[str] = MISHRA.single
) -> dict[tuple[str, int], np.ndarray]:
    training = np.zeros((8, 32, 32), np.uint8)
    training[:6, 4:20, 4:20] = 1
    every = references(made, training, truth, single, MISHRA.encoders if single == MISHRA.single else ())
    return {(one.variant, one.seed): np.stack([one.logits[film] for film in range(len(truth))]) for one in every}


def test_the_mean_shape_is_the_share_of_training_masks() -> None:
    made, truth = runs(1)
    shape = named(made, truth)["mean_shape", 0]
    assert shape.shape == truth.shape
    assert 1 / (1 + np.exp(-shape[2, 10, 10].astype(float))) == pytest.approx(0.75, abs=1e-3) and shape[0, 0, 0] < -8


def test_ensembles_are_what_their_names_say() -> None:
    made, truth = runs(2)
    found = named(made, truth)
    members = np.stack([one.logits for one in made if one.seed == 1]).astype(float)
    mean = (1 / (1 + np.exp(-members))).mean(axis=0)
    assert 1 / (1 + np.exp(-found["ensemble_mean", 1].astype(float))) == pytest.approx(mean, abs=2e-3)
    np.testing.assert_array_equal(found["ensemble_vote", 1] > 0, (members > 0).sum(axis=0) >= 2)
    halves = named(made, truth, MISHRA.single[:2])["ensemble_vote", 1] > 0
    np.testing.assert_array_equal(halves, (members[:2] > 0).all(axis=0))  # most of two are both
    two = (1 / (1 + np.exp(-members[1:]))).mean(axis=0)
    assert 1 / (1 + np.exp(-found["ensemble_encoders", 1].astype(float))) == pytest.approx(two, abs=2e-3)
    right = ((members > 0) == truth).any(axis=0)
    np.testing.assert_array_equal((found["oracle", 1] > 0) == truth, right)
    seeds = np.stack([one.logits for one in made if one.variant == "unet"]).astype(float)
    joined = (1 / (1 + np.exp(-seeds))).mean(axis=0)
    assert 1 / (1 + np.exp(-found["seeds2_unet", 0].astype(float))) == pytest.approx(joined, abs=2e-3)


def test_no_choice_among_the_three_beats_the_oracle() -> None:
    made, truth = runs(1)
    found = named(made, truth)
    wrong = {name: ((value > 0) != truth).sum(axis=(1, 2)) for name, value in found.items()}
    assert all((wrong["oracle", 0] <= other).all() for name, other in wrong.items() if name[0] != "mean_shape")


@pytest.mark.parametrize(("seeds", "twos", "threes"), [(1, 0, 0), (2, 1, 0), (3, 3, 1), (5, 10, 10)])
def test_every_choice_of_seeds_is_an_ensemble(seeds: int, twos: int, threes: int) -> None:
    names = list(named(*runs(seeds)))
    assert sum(name == "seeds2_unet" for name, _ in names) == twos
    assert sum(name == "seeds3_unet_mobilenetv2" for name, _ in names) == threes


def test_the_members_of_an_ensemble_are_told() -> None:
    made, truth = runs(3)
    films = [whole(mask) for mask in truth]
    beside = list(references(made, np.ones((2, 32, 32), np.uint8), truth, MISHRA.single, MISHRA.encoders))
    table = score(made[:2], beside, truth, films).query("film == 0 and size == 'network' and postprocessing == 'none'")
    members = table.groupby("variant")["members"].agg(list)
    assert members["seeds2_unet"] == ["0+1", "0+2", "1+2"] and members["seeds3_unet_mobilenetv2"] == ["0+1+2"]
    assert members["ensemble_mean"] == members["oracle"] == ["0", "1", "2"] and members["unet"] == ["0", "1"]


def test_without_all_three_networks_there_is_no_ensemble_of_them() -> None:
    made, truth = runs(2)
    names = {name for name, _ in named([one for one in made if one.variant != "unet"], truth)}
    assert names == {"mean_shape", "seeds2_unet_mobilenetv2", "seeds2_unet_inceptionresnetv2"}


def test_networks_are_scored_in_every_way_and_references_in_one() -> None:
    truths = np.stack([lungs(32), lungs(32, 0.05)])
    network = Segmentation("unet", 3, stack(lungs(32), lungs(32)))
    oracle = Segmentation("oracle", 0, stack(*truths), soft=False)
    table = score([network], [oracle], truths, [whole(lungs(64)), whole(lungs(64, 0.05))])
    assert len(table) == 2 * 4 + 2 and table.groupby("kind").size().to_dict() == {"network": 8, "reference": 2}
    assert table.query("kind == 'reference'")["dice"].tolist() == [1, 1]
    first = table.query("variant == 'unet' and film == 1 and size == 'network' and postprocessing == 'none'").iloc[0]
    assert first["seed"] == 3 and first["dice"] < 1 and first["recall"] < 1 and first["precision"] == 1
    with pytest.raises(ValueError, match="shorter"):
        score([network], [], truths, [whole(lungs(64))])


def test_what_is_known_of_a_film_is_found_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its outline at either size, however many networks there are."""
    calls = []
    monkeypatch.setattr(known, "outline", lambda patch: calls.append(patch.shape) or outline(patch))
    truths = np.stack([lungs(256)] * 2)
    networks = [Segmentation("unet", seed, stack(lungs(256), lungs(256, 0.01))) for seed in range(3)]
    score(networks, [], truths, [whole(lungs(300)), whole(lungs(280))])
    assert calls == [(256, 256), (300, 300), (256, 256), (280, 280)]


def test_references_cost_no_more_than_the_way_they_are_scored_in(monkeypatch: pytest.MonkeyPatch) -> None:
    for step in ("restore", "two_largest"):
        monkeypatch.delattr(scoring, step)
    oracle = Segmentation("oracle", 0, stack(lungs(32)), soft=False)
    assert score([], [oracle], lungs(32)[None], [whole(lungs(64))])["dice"].tolist() == [1]


def test_a_table_does_not_depend_on_how_many_films_are_scored_at_a_time() -> None:
    truths = np.stack([lungs(32, 0.01 * number) for number in range(8)])
    networks = [Segmentation("unet", seed, stack(*np.roll(truths, seed, axis=0))) for seed in (0, 1)]
    one, four = (score(networks, [], truths, [whole(truth) for truth in truths], threads) for threads in (1, 4))
    pd.testing.assert_frame_equal(one, four)
    assert one["film"].is_monotonic_increasing and len(set(one["dice"])) > 8


@pytest.fixture
def all_scores() -> pd.DataFrame:
    truths = np.stack([lungs(32), lungs(32, 0.05)])
    networks = [Segmentation(v, s, stack(lungs(32, 0.01 * s), lungs(32))) for v in ("unet", "proposed") for s in (0, 1)]
    table = score(networks, [Segmentation("oracle", 0, stack(*truths), soft=False)], truths, [whole(t) for t in truths])
    films = pd.DataFrame({"train_on": "pooled", "test_on": "jsrt", "image_id": ["x", "y"], "abnormal": [0, 1]})
    return together([table.join(films, on="film").drop(columns="film")])


def test_scores_csv_holds_networks_in_the_primary_way(all_scores: pd.DataFrame) -> None:
    table = primary(all_scores)
    names = "variant,train_on,seed,test_on,image_id,dice,iou,precision,recall,loss,accuracy"
    assert ",".join(table).startswith(names) and set(DISTANCES) <= set(table)
    assert len(table) == 2 * 2 * 2 and set(table["variant"]) == {"unet", "proposed"}
    assert table["loss"].notna().all()


def test_cases_are_means_over_seeds_in_the_form_of_claim_checkers(all_scores: pd.DataFrame) -> None:
    table = primary(all_scores)
    wide = cases(table, "pooled", "jsrt")
    assert ",".join(wide) == "case_id,alg_01,alg_02" and wide["case_id"].tolist() == ["x", "y"]
    assert algorithms(table).to_numpy().tolist() == [["alg_01", "unet"], ["alg_02", "proposed"]]
    by_hand = table.query("variant == 'proposed' and image_id == 'x'")["dice"].mean()
    assert wide["alg_02"][0] == pytest.approx(by_hand)


def test_runs_that_diverged_are_counted_unless_none_is_left() -> None:
    lost = {"run": "unet/pooled/seed1", "diverged": 4, "training": {"epochs": 20}}
    kept = {"run": "unet/pooled/seed0", "training": {"epochs": 20}}
    elsewhere = kept | {"run": "unet/jsrt/seed0"}
    assert diverged([kept, elsewhere], "pooled").empty
    assert diverged([kept, lost], "pooled").to_dict("records") == [
        {"variant": "unet", "train_on": "pooled", "seed": 1, "epoch": 4, "epochs": 20}
    ]
    with pytest.raises(InputError, match=r"unet seed 1 in epoch 4.*learning_rate"):
        diverged([lost, elsewhere], "pooled")
