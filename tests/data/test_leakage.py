"""Copies across the parts of a split are found, patients are reported, other films are neither."""

import io
from collections.abc import Callable

import imagehash
import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageEnhance

from lungseg.data.leakage import COLUMNS, distances, hashes, look_alikes, refuse_leaks, tell
from lungseg.data.patients import patients
from lungseg.data.phantom import draw
from lungseg.errors import InputError

WITHIN = 16  # drawn films are smoother than real ones and closer to each other
PARTS = ["train", "train", "validation", "test", "test"]


@pytest.fixture(scope="module")
def films() -> np.ndarray:
    """Five different drawn films of 128 px."""
    return np.stack(
        [
            np.asarray(
                Image.fromarray(draw(f"film{seed}", np.random.default_rng(seed), abnormal=False).image).resize(
                    (128, 128)
                )
            )
            for seed in range(5)
        ]
    )


def listing(parts: list[str]) -> pd.DataFrame:
    return pd.DataFrame({"dataset": "phantom", "image_id": [f"film{i}" for i in range(len(parts))], "part": parts})


def near_duplicates(films: pd.DataFrame, images: np.ndarray, within: int) -> pd.DataFrame:
    """As for films whose lungs are everywhere."""
    return look_alikes(films, images, np.ones(images.shape, dtype=bool), within)


def jpeg(film: np.ndarray) -> np.ndarray:
    buffer = io.BytesIO()
    Image.fromarray(film).save(buffer, "jpeg", quality=60)
    return np.asarray(Image.open(buffer))


def test_hamming_distances_are_those_of_imagehash(films: np.ndarray) -> None:
    own = [imagehash.phash(Image.fromarray(film), hash_size=16) for film in films]
    expected = [[a - b for b in own] for a in own]
    np.testing.assert_array_equal(distances(hashes(films)), expected)


def test_different_films_are_far_apart_and_still_shown(films: np.ndarray) -> None:
    pairs = near_duplicates(listing(PARTS), films, within=WITHIN)
    assert list(pairs) == COLUMNS and (pairs["near"] == 0).all() and (pairs["distance"] > WITHIN).all()
    assert {tuple(sorted(p)) for p in pairs[["part_a", "part_b"]].to_numpy()} == {
        ("train", "validation"), ("test", "train"), ("test", "validation"),
    }  # fmt: skip
    assert pairs["distance"].is_monotonic_increasing
    refuse_leaks(pairs, allowed=0)


def test_a_copy_in_another_part_is_found_and_refused(films: np.ndarray) -> None:
    films = films.copy()
    films[3] = films[0]
    pairs = near_duplicates(listing(PARTS), films, within=0)
    first = pairs.iloc[0]
    assert (first["image_id_a"], first["image_id_b"], first["distance"], first["near"]) == ("film0", "film3", 0, 1)
    assert first["correlation"] == pytest.approx(1)
    with pytest.raises(InputError, match=r"found 1 near-duplicates across parts: film0 \(train\) and film3 \(test\)"):
        refuse_leaks(pairs, allowed=0)
    refuse_leaks(pairs, allowed=1)


def test_every_copy_is_listed_not_only_the_closest(films: np.ndarray) -> None:
    films = films.copy()
    films[3] = films[4] = films[0]
    pairs = near_duplicates(listing(PARTS), films, within=0)
    assert pairs["near"].sum() == 2 and set(pairs[pairs["near"] == 1]["image_id_b"]) == {"film3", "film4"}


@pytest.mark.parametrize(
    "change",
    [
        jpeg,
        lambda film: np.asarray(ImageEnhance.Brightness(Image.fromarray(film)).enhance(1.2)),
        lambda film: np.asarray(Image.fromarray(film).resize((64, 64)).resize((128, 128))),
    ],
    ids=["jpeg", "brighter", "smaller"],
)
def test_a_film_encoded_anew_is_found(films: np.ndarray, change: Callable[[np.ndarray], np.ndarray]) -> None:
    films = films.copy()
    films[4] = change(films[1])
    pairs = near_duplicates(listing(PARTS), films, within=WITHIN)
    assert pairs[pairs["near"] == 1][["image_id_a", "image_id_b"]].to_numpy().tolist() == [["film1", "film4"]]


def test_copies_within_one_part_are_no_leak(films: np.ndarray) -> None:
    films = films.copy()
    films[1], films[4] = films[0], films[3]
    assert (near_duplicates(listing(PARTS), films, within=WITHIN)["near"] == 0).all()


def test_the_threshold_belongs_to_the_near(films: np.ndarray) -> None:
    far = int(near_duplicates(listing(PARTS), films, within=0)["distance"].min())
    assert near_duplicates(listing(PARTS), films, within=far)["near"].sum() == 1
    assert near_duplicates(listing(PARTS), films, within=far - 1)["near"].sum() == 0


def test_one_part_or_no_film_is_an_empty_table(films: np.ndarray) -> None:
    assert near_duplicates(listing(["test"] * 5), films, within=256).empty
    assert list(near_duplicates(listing([]), films[:0], within=WITHIN)) == COLUMNS


def test_a_patient_in_two_parts_is_reported_and_stops_nothing(films: np.ndarray) -> None:
    first, second = patients()[0].films[:2]
    listed = listing(PARTS).assign(image_id=["film0", second, "film2", first, "film4"])
    pairs = near_duplicates(listed, films, within=WITHIN)
    (row,) = pairs[pairs["patient"].notna()].to_dict("records")
    assert (row["image_id_a"], row["image_id_b"], row["patient"]) == (second, first, first)
    assert row["status"] == patients()[0].status and row["near"] == 0 and 0 <= row["likeness"] <= 1
    refuse_leaks(pairs, allowed=0)
    assert "1 pairs of one patient in different parts of 1 known" in tell(pairs)
    together = near_duplicates(listed.assign(part="train"), films, within=WITHIN)
    assert together["patient"].tolist() == [first]
    assert "0 pairs of one patient in different parts of 1 known" in tell(together)


def test_candidates_are_those_above_what_two_data_sets_reach(films: np.ndarray) -> None:
    again = np.concatenate([films, np.roll(films[:1], 3, axis=2)])  # the same chest on a film 3 px aside
    listed = listing([*PARTS, "train"]).assign(dataset=["a", "a", "b", "b", "a", "a"])
    pairs = near_duplicates(listed, again, within=0)
    found = pairs[pairs["candidate"] == 1]
    assert ("film0", "film5") in set(zip(found["image_id_a"], found["image_id_b"], strict=True))
    assert (found["likeness"] > found["null"]).all() and len(set(pairs["null"])) == 1
    assert (found["dataset_a"] == found["dataset_b"]).all()
    assert found["patient"].isna().all() and (found["near"] == 0).all()
    refuse_leaks(pairs, allowed=0)
    alone = near_duplicates(listing([*PARTS, "train"]), again, within=0)
    assert (alone["candidate"] == 0).all() and alone["null"].isna().all()


def test_copies_come_first(films: np.ndarray) -> None:
    films = films.copy()
    films[3] = films[0]
    pairs = near_duplicates(listing(PARTS), films, within=0)
    assert pairs["near"].tolist()[0] == 1 and (pairs["near"].tolist()[1:] == [0] * (len(pairs) - 1))
    assert tell(pairs).startswith("1 copies in different parts; ")
