"""What the page's script gets is what scores.csv says, packed small and the same each time."""

import base64
import gzip
import json

import numpy as np
import pandas as pd
import pytest

from lungseg.data.films import Part
from lungseg.report.trail import KEPT, SCORES, pack, trail
from lungseg.scores.metrics import COUNTS, RATIOS, ratios

SIDE = 8


@pytest.fixture
def test() -> Part:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (3, SIDE, SIDE), dtype=np.uint8)
    masks = np.zeros((3, SIDE, SIDE), dtype=np.uint8)
    masks[:, 2:6, 2:6] = 1
    return Part(["jsrt", "jsrt", "shenzhen"], ["a", "b", "a"], images, masks)


@pytest.fixture
def scores() -> pd.DataFrame:
    """Two runs; the second has no scores for shenzhen's film."""
    rows = []
    for seed, (dataset, image_id) in (
        (0, ("shenzhen", "a")),
        (0, ("jsrt", "b")),
        (0, ("jsrt", "a")),
        (1, ("jsrt", "a")),
        (1, ("jsrt", "b")),
    ):
        counts = np.random.default_rng(len(rows)).multinomial(SIDE**2, [0.3, 0.1, 0.1, 0.5])
        row = {"variant": "unet", "train_on": "pooled", "seed": seed, "test_on": dataset, "image_id": image_id}
        row |= dict(zip(COUNTS, counts, strict=True)) | dict(zip(RATIOS, ratios(counts.astype(float)), strict=True))
        rows.append(row | {"loss": 0.123456, "nsd": 0.5, "hd95_px": 3.0, "hd95_mm": np.nan, "assd_px": 1.25})
    return pd.DataFrame(rows)


@pytest.fixture
def images() -> pd.DataFrame:
    keys = [("shenzhen", "a"), ("jsrt", "a"), ("jsrt", "b")]
    table = pd.DataFrame(keys, columns=["dataset", "image_id"])
    return table.assign(
        abnormal=[1, 0, 0], height=30, width=40, spacing_mm=[np.nan, 0.175, 0.175], sha256=["x", "y", "z"]
    )


def test_every_film_stands_beside_its_own_scores(scores: pd.DataFrame, images: pd.DataFrame, test: Part) -> None:
    drawn = {("unet", "pooled", 0): {("jsrt", "a"): "A", ("jsrt", "b"): "B", ("shenzhen", "a"): "C"}}
    found = trail(scores, images, test, drawn)
    assert [(film["dataset"], film["image_id"], film["sha256"]) for film in found["films"]] == [
        ("jsrt", "a", "y"), ("jsrt", "b", "z"), ("shenzhen", "a", "x"),
    ]  # fmt: skip
    assert [film["spacing_mm"] for film in found["films"]] == [0.175, 0.175, None]
    first, second = found["runs"]
    by_film = scores.set_index(["seed", "test_on", "image_id"])
    for name in KEPT:
        assert first[name] == [by_film.loc[(0, *key), name] for key in zip(test.dataset, test.image_id, strict=True)]
        assert second[name] == [*(by_film.loc[(1, "jsrt", film), name] for film in "ab"), None]
    assert first["loss"] == [0.1235] * 3 and first["hd95_px"] == [3] * 3 and first["hd95_mm"] == [None] * 3
    assert first["outlines"] == ["A", "B", "C"] and second["outlines"] is None


def test_counts_and_pixels_give_back_every_ratio(scores: pd.DataFrame, images: pd.DataFrame, test: Part) -> None:
    found = trail(scores, images, test, {})
    counts = np.array([found["runs"][0][name] for name in KEPT], dtype=float).T
    whole = np.c_[counts, found["pixels"] - counts.sum(axis=1)]
    own = scores[scores["seed"] == 0].set_index(["test_on", "image_id"])
    expected = own.loc[list(zip(test.dataset, test.image_id, strict=True)), RATIOS]
    np.testing.assert_allclose(ratios(whole), expected, rtol=1e-12)


def test_a_film_without_a_row_of_its_own_is_an_error(scores: pd.DataFrame, images: pd.DataFrame, test: Part) -> None:
    with pytest.raises(pd.errors.MergeError):
        trail(scores, pd.concat([images, images]), test, {})


def test_packing_is_lossless_and_the_same_twice(scores: pd.DataFrame, images: pd.DataFrame, test: Part) -> None:
    content = trail(scores, images, test, {})
    packed = pack(content)
    assert json.loads(gzip.decompress(base64.b64decode(packed))) == content
    assert content["scores"] == SCORES
    assert pack(trail(scores, images, test, {})) == packed
