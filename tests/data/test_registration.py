"""One chest is recognised on another film of it, another chest is not."""

import numpy as np
import pytest
from PIL import Image

from lungseg.data.phantom import draw
from lungseg.data.registration import REACH, SIDE, highest_between, likeness

Films = tuple[np.ndarray, np.ndarray]


def resized(image: np.ndarray, mask: np.ndarray) -> Films:
    film, lungs = (Image.fromarray(pixels).resize((128, 128)) for pixels in (image, mask.astype(np.uint8) * 255))
    return np.asarray(film), np.asarray(lungs) > 127


def turned(image: np.ndarray, mask: np.ndarray, degrees: float, stretch: float, shift: int) -> Films:
    """The same chest after it was turned, stretched and moved, under another exposure."""
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    affine = cos / stretch, -sin / stretch, 64 - 64 * (cos - sin) / stretch - shift, sin, cos, 64 - 64 * (sin + cos)
    exposed = (255 * (image / 255.0) ** 1.3).astype(np.float32)
    moved = [
        np.asarray(
            Image.fromarray(pixels).transform((128, 128), Image.Transform.AFFINE, affine, Image.Resampling.BILINEAR)
        )
        for pixels in (exposed, mask.astype(np.float32))
    ]
    return moved[0].round().astype(np.uint8), moved[1] > 0.5


@pytest.fixture(scope="module")
def chests() -> Films:
    """Six drawn chests."""
    drawn = [draw(f"film{seed}", np.random.default_rng(seed), abnormal=False) for seed in range(6)]
    films, masks = zip(*(resized(one.image, one.mask) for one in drawn), strict=True)
    return np.stack(films), np.stack(masks)


def test_a_film_is_like_itself_and_the_table_is_symmetric(chests: Films) -> None:
    alike = likeness(*chests)
    np.testing.assert_array_equal(alike, alike.T)
    np.testing.assert_array_equal(np.diag(alike), 1)
    doubled = likeness(*(np.concatenate([some, some[:1]]) for some in chests))
    assert doubled[0, 6] == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(doubled[:6, :6], alike, atol=1e-5)  # a film more changes no other pair


@pytest.mark.parametrize(("degrees", "stretch", "shift"), [(0, 1, 5), (3, 1, 0), (-3, 1.1, -4), (0, 1.15, 0)])
def test_the_same_chest_otherwise_placed_is_the_most_alike(
    chests: Films, degrees: float, stretch: float, shift: int
) -> None:
    image, mask = turned(chests[0][2], chests[1][2], degrees, stretch, shift)
    alike = likeness(np.concatenate([chests[0], image[None]]), np.concatenate([chests[1], mask[None]]))
    others = np.delete(alike[6], [2, 6])
    assert alike[6, 2] > 0.8 and alike[6, 2] > others.max() + 0.15


def test_a_quarter_is_sought_up_to_its_reach() -> None:
    """Noise within a box of the lungs that is drawn off its place: found up to REACH, lost beyond it."""
    inner = SIDE - 2 * REACH
    noise = np.random.default_rng(0).integers(0, 255, (3 * inner, 3 * inner)).astype(np.uint8)
    found = {}
    for off in (0, REACH - 2, REACH + 4):
        masks = np.zeros((2, *noise.shape), dtype=bool)
        masks[0, inner : 2 * inner, inner : 2 * inner] = True
        masks[1, inner : 2 * inner, inner + off : 2 * inner + off] = True
        found[off] = likeness(np.stack([noise, noise]), masks)[0, 1]
    assert found[0] > 0.99 and found[REACH - 2] > 0.9 and found[REACH + 4] < 0.3


def test_exposure_does_not_count(chests: Films) -> None:
    darker = (chests[0] * 0.6).astype(np.uint8)
    alike = likeness(np.concatenate([chests[0], darker]), np.concatenate([chests[1]] * 2))
    assert alike[range(6), range(6, 12)].min() > 0.9


def test_a_flat_film_is_like_nothing_and_one_without_lungs_is_no_error(chests: Films) -> None:
    flat, middle = np.full_like(chests[0][:1], 90), np.zeros_like(chests[1][:1])
    middle[:, 40:80, 40:80] = True
    alike = likeness(np.concatenate([chests[0], flat]), np.concatenate([chests[1], middle]))
    assert alike[6, :6] == pytest.approx(np.zeros(6), abs=1e-6)
    whole = likeness(chests[0], np.zeros_like(chests[1]))
    np.testing.assert_array_equal(whole, likeness(chests[0], np.ones_like(chests[1])))


def test_no_film_at_all() -> None:
    nothing = np.zeros((0, 32, 32))
    assert likeness(nothing.astype(np.uint8), nothing > 0).shape == (0, 0)


def test_the_highest_between_data_sets_leaves_out_pairs_within_one() -> None:
    alike = np.array([[1, 0.9, 0.2], [0.9, 1, 0.4], [0.2, 0.4, 1]])
    assert highest_between(alike, np.array(["a", "a", "b"])) == 0.4
    assert np.isnan(highest_between(alike, np.array(["a", "a", "a"])))


@pytest.mark.parametrize("name", ["montgomery"])
def test_films_that_the_readings_give_to_one_patient_are_alike(real_archives, tmp_path, name: str) -> None:  # noqa: ANN001
    """The official readings as witness: 0162, 0166 and 0170 are one patient, whatever other pairs there are."""
    from lungseg.data.datasets import dataset
    from lungseg.data.images import preprocess

    films = [f for f in dataset(name).read(real_archives) if f.image_id < "MCUCXR_0200"][60:]
    listing = preprocess(films, name, len(films), 128, "stretch", tmp_path / "films.npy", tmp_path / "masks.zip")
    pixels = np.load(tmp_path / "films.npy")
    alike = likeness(pixels[:, 0], pixels[:, 1] > 0)
    rows = [listing.images["image_id"].tolist().index(f"MCUCXR_{n}_1") for n in ("0162", "0166", "0170")]
    np.fill_diagonal(alike, 0)
    others = np.delete(alike[rows], rows, axis=1).max()
    assert alike[np.ix_(rows, rows)][np.triu_indices(3, 1)].min() > others + 0.1
