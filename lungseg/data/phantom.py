"""Drawn chest films whose lungs are known exactly; no patient, no archive.

Addresses: none, the package draws them from a seed.
Files: none.
Layout: none. IDs are PHANTOM_NNN.
Count: 96 films; every third has opacities inside a lung, which stay lung in the mask.
Pixels: 256 x 256, 8 bit, no size in mm.
Cite: this project.
Licence: that of this project.

A film is the sum of what its tissues absorb: body, spine, heart, abdomen, bones; lungs and windpipe
absorb less. Air outside the body is as dark as lung, so that no threshold finds the lungs. The films are the
quickstart's data and the tests' known answer, and never part of a result about real lungs.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, UInt8
from scipy.ndimage import binary_erosion, gaussian_filter, label

from lungseg.data.reading import NOTHING, Dataset, Radiograph, Unused, readable, sha256

SEED = 20201123
SIDE = 256
IMAGES = 96
IDS = tuple(f"PHANTOM_{number:03d}" for number in range(IMAGES))
Plane = Float[np.ndarray, "side side"]
Mask = Bool[np.ndarray, "side side"]


@dataclass(frozen=True)
class Anatomy:
    """One person's proportions, in shares of the film's side; x to the viewer's right, y down."""

    centre: float
    shoulder: float  # how far above the lungs' tops the shoulders begin
    chest: float  # half width of the body
    apex: float  # y of the lungs' tops
    length: float  # of the lungs
    breadth: float  # of one lung, from the spine to its outer wall
    domes: tuple[float, float]  # how high the diaphragm rises into each lung
    heart: float  # breadth of the heart to the viewer's right
    tilt: float  # sideways lean per unit of y


def read(
    folder: Path, exclude: Mapping[str, str] = NOTHING, threads: int | None = None
) -> Iterator[Radiograph | Unused]:
    """Draw the 96 films.

    Args:
        folder: Not used; other data sets' archives lie there.
        exclude: Films that are left out, with the reason.
        threads: At a time; None for all cores.
    """
    del folder

    def load(image_id: str) -> Radiograph:
        number = IDS.index(image_id)
        return draw(image_id, np.random.default_rng([SEED, number]), abnormal=number % 3 == 2)

    yield from readable("phantom", load, IDS, exclude, threads)


def contact_sheet(columns: int, rows: int) -> UInt8[np.ndarray, "height width 3"]:
    """The first films side by side, the lungs' outlines in orange; every third film has opacities.

    Args:
        columns: Films in a row.
        rows: Rows of films.
    """
    panels = []
    films = (film for film in read(Path()) if isinstance(film, Radiograph))
    for film in islice(films, columns * rows):
        panel = np.repeat(film.image[:, :, None], 3, axis=2)
        panel[film.mask & ~binary_erosion(film.mask)] = (255, 140, 0)
        panels.append(panel)
    return np.vstack([np.hstack(panels[row * columns : (row + 1) * columns]) for row in range(rows)])


def draw(image_id: str, rng: np.random.Generator, abnormal: bool) -> Radiograph:
    """Draw one film.

    Args:
        image_id: Its name.
        rng: What person, position, exposure and noise come from.
        abnormal: Whether to put opacities into the lungs.
    """
    y, x = np.mgrid[0:SIDE, 0:SIDE] / SIDE
    person = _person(rng)
    x = x - person.centre - person.tilt * (y - 0.5)
    lungs = [_lung(x, y, person, side) for side in (0, 1)]
    mask = lungs[0] | lungs[1]
    absorbed = _soft_tissue(x, y, person, rng) + _bones(x, y, person, rng)
    depth = gaussian_filter(mask.astype(float), SIDE * 0.012)
    absorbed -= depth * rng.uniform(0.42, 0.5) * (1 - 0.25 * np.clip((y - person.apex) / person.length, 0, 1))
    absorbed += depth * _vessels(x, y, person, rng)
    if abnormal:
        absorbed += _opacities(x, y, mask, rng.spawn(1)[0])
    image = _expose(absorbed, rng)
    return Radiograph(image_id, image, mask, None, abnormal, sha256(image.tobytes()))


def _person(rng: np.random.Generator) -> Anatomy:
    return Anatomy(
        centre=rng.uniform(0.47, 0.53),
        shoulder=rng.uniform(0.06, 0.09),
        chest=rng.uniform(0.4, 0.46),
        apex=rng.uniform(0.1, 0.16),
        length=rng.uniform(0.66, 0.78),
        breadth=rng.uniform(0.29, 0.345),
        domes=(rng.uniform(0.09, 0.17), rng.uniform(0.06, 0.13)),
        heart=rng.uniform(0.11, 0.17),
        tilt=rng.uniform(-0.05, 0.05),
    )


def _lung(x: Plane, y: Plane, person: Anatomy, side: int) -> Mask:
    """The lung on one side (0 the viewer's left), between its walls, the heart and the diaphragm's dome."""
    across = x if side else -x
    t = (y - person.apex) / person.length
    down = np.clip(t, 0, 1)
    tip = 0.42 * person.breadth
    outer = tip + (person.breadth - tip) * np.sin(np.pi / 2 * np.clip(down / 0.75, 0, 1)) ** 0.62
    inner = tip + (0.055 - tip) * np.clip(down / 0.3, 0, 1) ** 0.5
    bulge = person.heart if side else 0.4 * person.heart
    inner = inner + bulge * np.exp(-(((down - 0.86) / 0.24) ** 2))
    span = (across - 0.42 * person.breadth) / (0.58 * person.breadth)
    dome = 1 - person.domes[side] / person.length * (1 - np.where(span > 0, 1, 0.4) * span**2)
    lung = (t > 0) & (t < dome) & (across > inner) & (across < outer)
    parts, _ = label(lung)
    return np.equal(parts, np.bincount(parts[lung]).argmax())


def _edge(distance: Plane, softness: float) -> Plane:
    """From 0 outside to 1 inside across a border; distance is positive inside."""
    return np.clip(0.5 + distance / (4 * softness), 0, 1)


def _soft_tissue(x: Plane, y: Plane, person: Anatomy, rng: np.random.Generator) -> Plane:
    """Body, abdomen, mediastinum, heart and the windpipe's air."""
    slope = np.clip((y - person.apex + person.shoulder) / 0.15, 0, None)
    half = 0.11 + (person.chest - 0.05) * (1 - np.exp(-(slope**1.2))) - 0.06 * _edge(y - 0.4, 0.05)
    body = _edge(half - np.abs(x), 0.012)
    thickness = np.sqrt(np.clip(1 - (np.abs(x) / (half + 0.05)) ** 2, 0, 1))
    tissue = body * (0.3 + 0.25 * thickness)
    bottom = person.apex + person.length - np.where(x > 0, person.domes[1], person.domes[0])
    tissue += 0.12 * body * _edge(y - bottom, 0.05)
    column = 0.065 + 0.02 * np.sin(np.pi * np.clip((y - person.apex) / person.length, 0, 1))
    tissue += rng.uniform(0.07, 0.12) * body * _edge(column - np.abs(x), 0.012)
    heart_y = person.apex + 0.86 * person.length
    radius = ((x - 0.3 * person.heart) / (0.85 * person.heart + 0.05)) ** 2 + ((y - heart_y) / 0.18) ** 2
    tissue += rng.uniform(0.07, 0.12) * body * _edge(1 - radius, 0.12)
    windpipe = _edge(0.02 - np.abs(x), 0.005) * _edge(person.apex + 0.18 - y, 0.02)
    tissue -= 0.13 * body * windpipe
    bubble = ((x - 0.16) / 0.06) ** 2 + ((y - bottom - 0.12) / 0.03) ** 2
    return tissue - rng.uniform(0, 0.25) * body * _edge(1 - bubble, 0.2)


def _bones(x: Plane, y: Plane, person: Anatomy, rng: np.random.Generator) -> Plane:
    """Vertebrae, ribs falling from the spine to the side, their front ends rising again, and collar bones."""
    spine = _edge(0.036 - np.abs(x), 0.006) * (0.05 + 0.03 * np.sin(2 * np.pi * y / rng.uniform(0.05, 0.06)))
    bones = spine.copy()
    across = np.abs(x) / person.breadth
    wall = _edge(1.06 - across, 0.02)
    strength, gap = rng.uniform(0.07, 0.11), person.length / rng.uniform(8.5, 9.5)
    fall, arch = across**2, 0.02 * np.sin(np.pi * np.clip(across, 0, 1))
    behind, before = (
        strength * wall * _edge(across - 0.15, 0.03),
        0.55 * strength * wall * _edge(across - 0.45, 0.08),
    )
    for rib in range(10):
        top = person.apex + 0.01 + gap * rib
        bones += behind * _band(y - top - (0.03 + 0.012 * rib) * fall + arch, 0.011)
        if rib < 7:
            bones += before * _band(y - top - 0.17 + 0.11 * across, 0.014)
    slope = rng.uniform(0.15, 0.3)
    collar = person.apex + rng.uniform(0.1, 0.14) - slope * np.abs(x) - 0.015 * np.sin(2 * np.pi * np.abs(x) / 0.36)
    reach = _edge(np.abs(x) - 0.035, 0.008) * _edge(person.chest - 0.12 - np.abs(x), 0.02)
    bones += rng.uniform(0.09, 0.13) * _band(y - collar, 0.014) * reach
    return bones


def _band(distance: Plane, half: float) -> Plane:
    """A long bone seen from the side: brighter at its borders than in its marrow."""
    distance = np.abs(distance)
    return _edge(half - distance, 0.0025) * (0.6 + 0.4 * (distance / half) ** 2)


def _vessels(x: Plane, y: Plane, person: Anatomy, rng: np.random.Generator) -> Plane:
    """Vessels: streaks that are densest at the lungs' roots and thin out towards the walls."""
    root = np.hypot(np.abs(x) - 0.07, y - person.apex - 0.45 * person.length)
    streaks = gaussian_filter(rng.standard_normal(x.shape), 2.2)
    streaks = np.clip(streaks / streaks.std(), 0, 3)
    return np.exp(-root / 0.12) * (0.12 + 0.07 * streaks) + 0.012 * streaks


def _opacities(x: Plane, y: Plane, mask: Mask, rng: np.random.Generator) -> Plane:
    """One to three clouds or nodules inside the lungs."""
    places = np.argwhere(mask)
    shade = np.zeros_like(x)
    for row, column in places[rng.integers(len(places), size=rng.integers(1, 4))]:
        distance = np.hypot(x - x[row, column], y - y[row, column])
        shade += rng.uniform(0.08, 0.22) * np.exp(-((distance / rng.uniform(0.02, 0.09)) ** 2))
    return shade * gaussian_filter(mask.astype(float), 2)


def _expose(absorbed: Plane, rng: np.random.Generator) -> UInt8[np.ndarray, "side side"]:
    """The film: blurred by the focus, one exposure and contrast for all of it, grain, 8 bit."""
    sharp = gaussian_filter(absorbed, rng.uniform(0.5, 0.9))
    heel = np.linspace(-1, 1, SIDE) * rng.uniform(-0.02, 0.02)
    level = 0.03 + sharp + heel[:, None] + rng.normal(0, rng.uniform(0.006, 0.015), absorbed.shape)
    level = np.clip(level * rng.uniform(0.95, 1.2), 0, None)
    grey = np.tanh(1.25 * level) ** rng.uniform(0.9, 1.3)
    return np.round(255 * grey).astype(np.uint8)


DATASET = Dataset(
    name="phantom",
    title="drawn films: 64 without opacities, 32 with",
    archives=(),
    films=IDS,
    unused=0,
    citation="this project",
    licence="that of this project",
    pages=(),
    read=read,
)
