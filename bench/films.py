"""Drawn films as files, for the benchmarks that read them."""

from pathlib import Path

import numpy as np
from PIL import Image

from lungseg.data.phantom import draw


def write_films(folder: Path, number: int, size: tuple[int, int], noise: float = 0.0) -> None:
    """Draw films, enlarge them, add noise, and write `{number}.film.png` and `{number}.mask.png`.

    Args:
        folder: Where to.
        number: How many.
        size: Width and height in px.
        noise: Standard deviation in grey levels; without it an enlarged film compresses better than a real one.
    """
    for i in range(number):
        rng = np.random.default_rng(i)
        film = draw(f"film{i}", rng, abnormal=False)
        image = np.asarray(Image.fromarray(film.image).resize(size, Image.Resampling.BICUBIC), dtype=np.float32)
        grainy = image + noise * rng.standard_normal(image.shape, dtype=np.float32)
        Image.fromarray(grainy.round().clip(0, 255).astype(np.uint8)).save(folder / f"{i:03}.film.png")
        mask = Image.fromarray(film.mask.astype(np.uint8) * 255).resize(size, Image.Resampling.NEAREST)
        mask.save(folder / f"{i:03}.mask.png")
