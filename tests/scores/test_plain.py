"""Scores against the plainest code for them, on masks that are drawn by chance and on those that are special."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from lungseg.data.images import Original
from lungseg.data.squares import Box
from lungseg.learning.stored_predictions import VALUES, Segmentation
from lungseg.scores.metrics import COUNTS, RATIOS, ratios
from lungseg.scores.scoring import DISTANCES, score
from tests.scores.plain import plain_scores

KINDS = ["smooth", "noise", "empty", "full", "one lung", "corners", "border"]


def drawn(kind: str, shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Logits, of those that can be stored: as many of them on either side of 0, so that means of two are often 0."""
    height, width = shape
    if kind in ("smooth", "noise"):
        field = gaussian_filter(rng.normal(size=shape), 2 if kind == "smooth" else 0)
        return VALUES[np.clip(np.round(field / field.std() * 20), -64, 63).astype(int) + 64]
    mask = np.zeros(shape, bool)
    if kind == "full":
        mask[:] = True
    elif kind == "one lung":
        mask[height // 4 : height // 2 + 1, width // 4 : width // 2 + 1] = True
    elif kind == "corners":
        np.fill_diagonal(mask, True)
        mask[: height // 4, : width // 4] = True
    elif kind == "border":
        mask[:, : width // 3], mask[-2:, -2:], mask[0, -1] = True, True, True
    return np.where(mask, VALUES[70], VALUES[57])


def agree(logits: np.ndarray, truth: np.ndarray, original: Original) -> pd.DataFrame:
    """Score beside two others, as a run is, and compare with the plain code; returns the rows."""
    networks = [Segmentation("unet", 1, -logits[None]), Segmentation("unet", 0, logits[None])]
    table = score(networks, [Segmentation("oracle", 0, logits[None])], truth[None], [original])
    expected = pd.DataFrame(plain_scores(logits, truth, original))
    found = table.query("kind == 'network' and seed == 0").reset_index(drop=True)
    for name in ["size", "postprocessing", "empty", *COUNTS]:
        assert found[name].tolist() == expected[name].tolist(), name
    shares = ratios(expected[COUNTS].to_numpy(float))
    np.testing.assert_allclose(found[RATIOS].to_numpy(float), shares, rtol=1e-9, atol=0)
    np.testing.assert_allclose(
        found[DISTANCES].to_numpy(float), expected[DISTANCES].to_numpy(float), rtol=1e-9, atol=1e-9
    )
    beside = table.query("kind == 'reference'")
    pd.testing.assert_frame_equal(
        beside[[*COUNTS, *RATIOS, *DISTANCES]].reset_index(drop=True), found.loc[[0], [*COUNTS, *RATIOS, *DISTANCES]]
    )
    return found


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    kinds=st.tuples(*[st.sampled_from(KINDS)] * 3),
    size=st.sampled_from([8, 20, 32]),
    shape=st.tuples(st.integers(6, 70), st.integers(6, 70)),
    margins=st.tuples(*[st.integers(-20, 20)] * 4),
    spacing=st.sampled_from([None, 0.3, 0.9]),
)
def test_scores_are_those_of_the_plain_code(
    seed: int,
    kinds: tuple[str, str, str],
    size: int,
    shape: tuple[int, int],
    margins: tuple[int, int, int, int],
    spacing: float | None,
) -> None:
    rng = np.random.default_rng(seed)
    logits, square, film = (
        drawn(kind, place, rng) for kind, place in zip(kinds, ((size, size), (size, size), shape), strict=True)
    )
    # Those below 0 lie within the film, whose middle is always in the box.
    above, below, before, behind = np.maximum(margins, 1 - np.repeat(shape, 2) // 2).tolist()
    box = Box(-above, -before, shape[0] + above + below, shape[1] + before + behind)
    agree(logits, square > 0, Original(film > 0, box, spacing))


@pytest.mark.parametrize("kind", KINDS)
def test_distances_in_px_too(kind: str) -> None:
    """Where millimetres are not known, distances are told on fine grids alone."""
    rng = np.random.default_rng(0)
    logits, square, film = (drawn(kind, place, rng) for place in ((256, 256), (256, 256), (330, 280)))
    found = agree(logits, square > 0, Original(film > 0, Box(0, 0, 330, 280), None))
    assert found[["hd95_px", "nsd"]].notna().all(axis=None)


def test_a_mean_of_nothing_is_no_lung() -> None:
    """Between equal logits on either side of 0 lies 0 itself: were it computed otherwise, it might be a little more."""
    logits = np.tile(VALUES[[40, 87]], (16, 8))
    found = agree(logits, logits > 0, Original(np.ones((48, 24), bool), Box(0, 0, 48, 24), 0.5))
    assert found["true_positive"].iloc[2] < 48 * 24 / 2
