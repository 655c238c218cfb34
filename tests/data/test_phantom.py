"""Drawn films are films: known lungs that no threshold finds."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import label

from lungseg.data.datasets import DATASETS, Radiograph
from lungseg.data.phantom import IMAGES, SEED, SIDE, contact_sheet, draw


@pytest.fixture(scope="module")
def films() -> list[Radiograph]:
    return [film for film in DATASETS["phantom"].read(Path()) if isinstance(film, Radiograph)]


def test_there_are_as_many_as_promised_and_a_third_is_abnormal(films: list[Radiograph]) -> None:
    assert len(films) == IMAGES == DATASETS["phantom"].images
    assert sum(film.abnormal for film in films) == IMAGES // 3
    assert len({film.image_id for film in films}) == len({film.sha256 for film in films}) == IMAGES
    assert [film.image_id for film in films] == sorted(film.image_id for film in films)
    assert all(film.image.shape == film.mask.shape == (SIDE, SIDE) for film in films)
    assert all(film.image.dtype == np.uint8 and film.spacing_mm is None for film in films)


def test_the_first_two_are_drawn_as_ever(films: list[Radiograph]) -> None:
    """Mean grey of each eighth by eighth: results of drawn films are compared between versions and machines."""
    known = [
        [[4, 4, 29, 154, 158, 30, 4, 4], [7, 84, 105, 150, 146, 110, 80, 6], [57, 143, 71, 140, 129, 77, 147, 43],
         [70, 121, 82, 155, 139, 80, 132, 46], [70, 109, 86, 175, 172, 82, 123, 37],
         [89, 126, 144, 203, 196, 125, 135, 40], [103, 176, 187, 209, 201, 181, 168, 41],
         [110, 180, 185, 202, 192, 183, 174, 38]],
        [[5, 5, 21, 137, 164, 44, 5, 5], [6, 73, 118, 133, 163, 96, 105, 14], [50, 145, 66, 107, 142, 52, 137, 88],
         [62, 131, 60, 118, 150, 64, 108, 99], [59, 116, 62, 126, 173, 66, 94, 94],
         [67, 115, 69, 153, 198, 107, 93, 100], [79, 145, 158, 197, 207, 168, 133, 113],
         [84, 172, 180, 192, 202, 179, 175, 119]],
    ]  # fmt: skip
    means = [film.image.reshape(8, SIDE // 8, 8, SIDE // 8).mean(axis=(1, 3)) for film in films[:2]]
    np.testing.assert_allclose(means, known, atol=1)
    assert [int(film.mask.sum()) for film in films[:2]] == pytest.approx([14005, 15968], abs=5)


def test_each_has_two_lungs_on_their_sides(films: list[Radiograph]) -> None:
    for film in films:
        parts, count = label(film.mask)
        assert count == 2, film.image_id
        assert 0.15 < film.mask.mean() < 0.35
        centres = sorted(np.nonzero(parts == part)[1].mean() for part in (1, 2))
        assert centres[0] < SIDE / 2 < centres[1]


def test_lungs_are_darker_than_what_lies_between_and_below(films: list[Radiograph]) -> None:
    for film in films:
        lung = film.image[film.mask].mean()
        left = np.maximum.accumulate(film.mask, axis=1)
        right = np.maximum.accumulate(film.mask[:, ::-1], axis=1)[:, ::-1]
        assert film.image[left & right & ~film.mask].mean() > lung + 20
        assert film.image[-20:, SIDE // 3 : -SIDE // 3].mean() > lung + 20


def test_air_outside_the_body_is_as_dark_as_lung(films: list[Radiograph]) -> None:
    for film in films:
        assert np.concatenate([film.image[:20, :20], film.image[:20, -20:]]).mean() < film.image[film.mask].mean()


def _dice(prediction: np.ndarray, truth: np.ndarray) -> np.ndarray:
    both = (prediction & truth).sum(axis=(1, 2))
    return 2 * both / (prediction.sum(axis=(1, 2)) + truth.sum(axis=(1, 2)))


def test_no_threshold_finds_the_lungs(films: list[Radiograph]) -> None:
    """Not even the best threshold of each film, chosen by its own mask."""
    images, masks = (np.stack([getattr(film, part) for film in films]) for part in ("image", "mask"))
    scores = np.stack([_dice(side, masks) for t in range(5, 255, 5) for side in (images < t, images >= t)])
    assert scores.max(axis=0).mean() < 0.75


def test_exposure_differs(films: list[Radiograph]) -> None:
    assert np.std([film.image[film.mask].mean() for film in films]) > 5


def test_opacities_brighten_the_lung_and_stay_in_the_mask() -> None:
    for number in range(5):
        normal, abnormal = (
            draw("film", np.random.default_rng([SEED, number]), abnormal=sick) for sick in (False, True)
        )
        np.testing.assert_array_equal(normal.mask, abnormal.mask)
        brighter = abnormal.image.astype(int) - normal.image
        assert brighter.min() >= 0 and brighter.max() > 10
        assert brighter[normal.mask].sum() > 0.9 * brighter.sum()


def test_one_seed_is_one_film(films: list[Radiograph]) -> None:
    again: Iterator[Radiograph] = (f for f in DATASETS["phantom"].read(Path()) if isinstance(f, Radiograph))
    assert next(again).sha256 == films[0].sha256


def test_the_contact_sheet_shows_outlines() -> None:
    sheet = contact_sheet(columns=2, rows=1)
    assert sheet.shape == (SIDE, 2 * SIDE, 3)
    assert (sheet == (255, 140, 0)).all(axis=2).sum() > 500
