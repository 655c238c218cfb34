"""Networks that see different parts of a film answer on one grid."""

from types import SimpleNamespace

import numpy as np
import pytest

from lungseg.data.squares import choose_box
from lungseg.films.looking import _on_one_grid, _squares


def model(*frames: tuple[int, str]) -> SimpleNamespace:
    """A model as far as its networks' squares go."""
    described = [SimpleNamespace(size=size, frame=frame) for size, frame in frames]
    return SimpleNamespace(networks=[SimpleNamespace(described=one) for one in described])


@pytest.mark.parametrize("shape", [(120, 200), (200, 120), (160, 160)])
@pytest.mark.parametrize("frames", [("stretch", "pad"), ("pad", "stretch"), ("stretch", "stretch")])
def test_a_place_of_the_film_is_the_same_place_on_the_grid(shape: tuple[int, int], frames: tuple[str, str]) -> None:
    """Each network finds a slope from left to right and one from top to bottom, as bright as the film is there."""
    down, across = np.meshgrid(*(np.linspace(40, 200, side) for side in shape), indexing="ij")
    for film in (down, across, 0.3 * down + 0.7 * across):
        upright = film.astype(np.uint8)
        two = model((64, frames[0]), (96, frames[1]))
        squares = _squares(upright, two)
        each = [squares[one.described.size, one.described.frame].astype(np.float32) for one in two.networks]
        first, second = _on_one_grid(each, two, upright, choose_box(upright, frames[0]))
        assert first.shape == second.shape == (64, 64)
        inside = (first > 45) & (second > 45)  # a padded edge is dark
        assert inside[8:-8, 8:-8].mean() > 0.5
        # But for the line along a padded edge.
        assert np.quantile(np.abs(first - second)[8:-8, 8:-8][inside[8:-8, 8:-8]], 0.9) < 3
