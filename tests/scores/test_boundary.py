"""Distances between outlines: known answers, and MONAI and SimpleITK as witnesses on real masks."""

import warnings
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
import torch
from scipy.ndimage import binary_erosion, shift

from lungseg.data.datasets import DATASETS
from lungseg.data.phantom import draw
from lungseg.data.squares import Box, cut
from lungseg.scores.boundary import TOLERANCE_MM, TOLERANCE_PX, boundary, resolves
from lungseg.scores.metrics import RATIOS, confusion, ratios

# MONAI and SimpleITK compute distances in 32 bits.
WITHIN = 1e-5


def square(top: int, left: int, side: int, shape: tuple[int, int] = (40, 60)) -> np.ndarray:
    mask = np.zeros(shape, bool)
    mask[top : top + side, left : left + side] = True
    return mask


def pairs(masks: Iterator[np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Masks beside what networks make of them: moved, shrunk, with islands; one is another film's."""
    before = None
    for number, mask in enumerate(masks):
        moved = shift(mask.astype(np.uint8), (2 + number % 3, -3), order=0) > 0
        small = binary_erosion(mask, iterations=3)
        small[5:9, 5:9] = True
        yield moved, mask
        yield small, mask
        if before is not None and before.shape == mask.shape:
            yield before, mask
        before = mask


def real(folder: Path) -> Iterator[np.ndarray]:
    """Half a dozen real masks of each data set, framed in black so that no witness meets the film's border."""
    for name in ("montgomery", "shenzhen", "jsrt"):
        films = (film for film in DATASETS[name].read(folder) if hasattr(film, "mask"))
        for film in islice(films, 6):
            height, width = film.mask.shape
            yield cut(film.mask, Box(-4, -4, height + 8, width + 8))


def phantoms() -> Iterator[np.ndarray]:
    for seed in range(4):
        yield draw(f"film{seed}", np.random.default_rng(seed), abnormal=False).mask


def by_monai(prediction: np.ndarray, truth: np.ndarray, spacing: tuple[float, float], tolerance: float) -> list[float]:
    from monai import metrics

    one, two = (torch.from_numpy(mask)[None, None].float() for mask in (prediction, truth))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        options = {"include_background": True, "spacing": spacing}
        found = (
            metrics.compute_hausdorff_distance(one, two, percentile=95, **options),
            metrics.compute_average_surface_distance(one, two, symmetric=True, **options),
            metrics.compute_surface_dice(one, two, [tolerance], **options),
        )
        return [float(value) for value in found]


def by_simpleitk(
    prediction: np.ndarray, truth: np.ndarray, spacing: tuple[float, float], tolerance: float
) -> list[float]:
    """Contours and distance maps of ITK."""

    def directed(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        images = [SimpleITK.GetImageFromArray(mask.astype(np.uint8)) for mask in (a, b)]
        for image in images:
            image.SetSpacing(spacing[::-1])
        own, other = (SimpleITK.GetArrayFromImage(SimpleITK.LabelContour(image)) > 0 for image in images)
        contour = SimpleITK.GetImageFromArray(other.astype(np.uint8))
        contour.SetSpacing(spacing[::-1])
        away = SimpleITK.SignedMaurerDistanceMap(contour, squaredDistance=False, useImageSpacing=True)
        return np.abs(SimpleITK.GetArrayFromImage(away))[own].astype(float)

    there, back = directed(prediction, truth), directed(truth, prediction)
    both = np.concatenate([there, back])
    return [max(np.percentile(there, 95), np.percentile(back, 95)), both.mean(), (both <= tolerance).mean()]


def agree(masks: Iterator[np.ndarray]) -> int:
    """Compare with both witnesses in pixels and in millimetres of unequal sides; returns how many pairs there were."""
    number = 0
    for prediction, truth in pairs(masks):
        number += 1
        for spacing, tolerance in (((0.5, 0.5), TOLERANCE_PX), ((0.7, 0.9), TOLERANCE_MM)):
            found = boundary(prediction, truth, spacing, tolerance)
            own = [found.hd95, found.assd, found.nsd]
            assert own == pytest.approx(by_monai(prediction, truth, spacing, tolerance), rel=WITHIN, abs=WITHIN)
            assert own == pytest.approx(by_simpleitk(prediction, truth, spacing, tolerance), rel=WITHIN, abs=WITHIN)
    return number


def test_agrees_with_monai_and_simpleitk_on_drawn_films() -> None:
    assert agree(phantoms()) == 11


def test_agrees_with_monai_and_simpleitk_on_real_films(real_archives: Path, tmp_path: Path) -> None:
    folder = tmp_path / "all"
    folder.mkdir()
    for file in real_archives.glob("*.zip"):
        (folder / file.name).symlink_to(file)
    assert agree(real(folder)) == 3 * 18 - 2  # the first film has no neighbour, and the first of JSRT none of its size


def test_overlap_agrees_with_two_libraries_on_real_films(real_archives: Path, tmp_path: Path) -> None:
    import segmentation_models_pytorch as smp
    from monai.metrics import compute_dice, compute_iou

    folder = tmp_path / "all"
    folder.mkdir()
    for file in real_archives.glob("*.zip"):
        (folder / file.name).symlink_to(file)
    for prediction, truth in pairs(real(folder)):
        own = dict(zip(RATIOS, ratios(confusion(truth[None], prediction[None]).to_numpy(float))[0], strict=True))
        one, two = (torch.from_numpy(mask)[None, None] for mask in (prediction, truth))
        stats = smp.metrics.get_stats(one.long(), two.long(), mode="binary")
        named = {
            "dice": "f1_score",
            "iou": "iou_score",
            "precision": "precision",
            "recall": "recall",
            "accuracy": "accuracy",
        }
        for name, other in named.items():
            assert own[name] == pytest.approx(float(getattr(smp.metrics, other)(*stats)), abs=1e-6)
        assert own["dice"] == pytest.approx(float(compute_dice(one.float(), two.float())), abs=1e-6)
        assert own["iou"] == pytest.approx(float(compute_iou(one.float(), two.float())), abs=1e-6)


def test_a_square_moved_sideways() -> None:
    """Sides that slide along themselves stay; the two others are three pixels off, and near corners in between."""
    found = boundary(square(10, 10, 20), square(10, 13, 20), (1, 1), 1)
    assert found.hd95 == 3 and 0 < found.assd < 3 and 0 < found.nsd < 1


def test_squares_within_one_another() -> None:
    found = boundary(square(5, 5, 30), square(10, 10, 20), (1, 1), 4.99)
    assert found.hd95 == pytest.approx(np.hypot(5, 5), abs=1.5) and found.nsd == 0
    assert boundary(square(5, 5, 30), square(10, 10, 20), (1, 1), 8).nsd == 1


def test_the_same_mask_is_no_distance() -> None:
    found = boundary(square(5, 5, 30), square(5, 5, 30), (1, 1), 0)
    assert (found.hd95, found.assd, found.nsd) == (0, 0, 1)


def test_distances_are_symmetric_and_do_not_move_with_the_masks() -> None:
    a, b = square(8, 8, 15), square(10, 13, 12)
    one, other = boundary(a, b, (1, 2), 2), boundary(b, a, (1, 2), 2)
    assert (one.hd95, one.assd, one.nsd) == pytest.approx((other.hd95, other.assd, other.nsd))
    moved = boundary(np.roll(a, (7, 20), (0, 1)), np.roll(b, (7, 20), (0, 1)), (1, 2), 2)
    assert (one.hd95, one.assd, one.nsd) == pytest.approx((moved.hd95, moved.assd, moved.nsd))


def test_distances_grow_with_the_pixels() -> None:
    a, b = square(8, 8, 15), square(10, 13, 12)
    one, large = boundary(a, b, (1, 1), 2.1), boundary(a, b, (1.4, 1.4), 1.4 * 2.1)
    assert large.hd95 == pytest.approx(1.4 * one.hd95) and large.assd == pytest.approx(1.4 * one.assd)
    assert large.nsd == one.nsd


def test_the_unit_is_that_of_each_side() -> None:
    a, b = square(10, 10, 20), square(10, 13, 20)
    assert boundary(a, b, (1, 5), 1).hd95 == 15 and boundary(a.T, b.T, (1, 5), 1).hd95 == 3


def test_a_far_island_counts_in_hd95_only_where_it_is_large() -> None:
    truth = square(2, 2, 20)
    with_speck, with_block = truth.copy(), truth.copy()
    with_speck[38, 58] = True
    with_block[30:40, 50:60] = True
    assert boundary(with_speck, truth, (1, 1), 1).hd95 == 0 < boundary(with_speck, truth, (1, 1), 1).assd
    assert boundary(with_block, truth, (1, 1), 1).hd95 > 25


@pytest.mark.parametrize("empty", [0, 1, 2])
def test_an_empty_mask_is_as_far_away_as_can_be(empty: int) -> None:
    masks = [square(2, 2, 20), square(2, 2, 20)]
    for i in (0, 1) if empty == 2 else (empty,):
        masks[i] = np.zeros((40, 60), bool)
    found = boundary(masks[0], masks[1], (3, 4), 1)
    assert (found.hd95, found.assd, found.nsd) == (np.hypot(120, 240), np.hypot(120, 240), 0)


def test_a_lung_at_the_border_has_its_outline_there() -> None:
    found = boundary(square(0, 0, 20), square(0, 0, 20)[:, ::-1], (1, 1), 1)
    assert found.hd95 == 40


def test_the_tolerance_is_the_second_observers() -> None:
    assert TOLERANCE_MM == 1.64 and pytest.approx(1.64 / 1.4) == TOLERANCE_PX


def test_pixels_as_long_as_the_tolerance_resolve_it_and_longer_ones_do_not() -> None:
    assert resolves((1.0, 1.5), 1.5) and resolves((1.5, 1.0), 1.5)
    assert not resolves((1.0, 1.51), 1.5) and not resolves((1.51, 1.0), 1.5)
