"""Films a second from a zip file to the training array, against decoding alone on all cores.

    python -m bench.preprocessing [FOLDER]      a minute; writes bench/results/preprocessing.csv

Drawn films are enlarged to the official size of Montgomery's (4020 x 4892, with noise), each with two masks, as there;
FOLDER, where it is given, holds the archives of real films, and Shenzhen's are read. Decoding alone takes the same
bytes out of the same file through the same pool of threads and keeps nothing.
"""

import io
import resource
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from zipfile import ZipFile

import numpy as np
from PIL import Image

from bench.films import write_films
from bench.timing import in_turn, seconds, write
from lungseg.data.datasets import dataset
from lungseg.data.images import Film, preprocess, resize
from lungseg.data.images import _png as pack
from lungseg.data.reading import (
    Radiograph,
    Unused,
    decode_grey,
    in_order,
    lungs_of,
    open_archive,
    outlined,
    sha256,
)

DRAWN, FILMS, MORE, TURNS, PAIRS, GOAL = 4, 16, 64, 5, 9, 1 / 1.15


def archive(folder: Path) -> Path:
    """A zip file of official-size films; each is drawn once and used again."""
    write_films(folder, DRAWN, (4020, 4892), noise=2)
    path = folder / "films.zip"
    with ZipFile(path, "w") as store:
        for file in sorted(folder.glob("*.png")):
            store.write(file, file.name)
    return path


def radiographs(path: Path, number: int) -> Iterator[Radiograph]:
    """The films as the reader of Montgomery gives them; both lungs' masks are the same file here."""
    with open_archive(path) as opened:

        def load(i: int) -> Radiograph:
            content, mask = opened.read(f"{i % DRAWN:03}.film.png"), f"{i % DRAWN:03}.mask.png"
            image = decode_grey(content, "film")
            left, right = (outlined("mask", image, opened.read_mask(mask)) for _ in range(2))
            return Radiograph(f"film{i}", image, left | right, None, False, sha256(content))

        yield from in_order(load, range(number))


def decode(path: Path, members: list[str]) -> None:
    """Decode members of a zip file and nothing else."""
    with ZipFile(path) as store:
        for _ in in_order(lambda name: np.asarray(Image.open(io.BytesIO(store.read(name)))).size, members):
            pass


def ours(films: Callable[[], Iterator[Radiograph | Unused]], number: int, folder: Path) -> None:
    """All of the rule but its tables."""
    preprocess(films(), "bench", number, 256, "stretch", folder / "bench.npy", folder / "bench.zip")


def official(folder: Path) -> list[dict[str, object]]:
    """Drawn films of the official size, and how much memory more of them take."""
    path = archive(folder)
    members = [f"{i % DRAWN:03}.{kind}.png" for i in range(FILMS) for kind in ("film", "mask", "mask")]
    pair = (lambda: ours(lambda: radiographs(path, FILMS), FILMS, folder), lambda: decode(path, members))
    row = in_turn("official size, against decoding alone", [pair] * TURNS, "ms a film", 1000 / FILMS, GOAL)
    few = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    ours(lambda: radiographs(path, MORE), MORE, folder)
    many = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    memory = {"case": f"peak of memory, {FILMS} films against {MORE}", "ours": many, "other": few, "unit": "MiB"}
    grown = {"ratio": few / many, "ratio_low": few / many, "ratio_high": few / many, "goal": 0.95}
    return [row, *pieces(path), memory | grown | {"met": few / many >= 0.95}]


def pieces(path: Path) -> list[dict[str, object]]:
    """What a film of official size takes beside decoding, each piece on one core as a share of decoding."""
    with open_archive(path) as opened:
        film, mask = (opened.read(f"000.{kind}.png") for kind in ("film", "mask"))
    image, grey, three = decode_grey(film, "film"), decode_grey(mask, "mask"), (film, mask, mask)
    lungs = lungs_of(grey, "mask")
    works: dict[str, Callable[[], object]] = {
        "resampling film and mask": lambda: resize(Film(image, lungs), 256),
        "packing the mask": lambda: pack(lungs),
        "which grey is lung, in both masks": lambda: [lungs_of(grey, "mask") for _ in range(2)],
        "the film's hash": lambda: sha256(film),
    }
    rows = []
    for name, work in works.items():
        times = [(seconds(work), seconds(lambda: [decode_grey(one, "") for one in three])) for _ in range(PAIRS)]
        ours, other = np.median(times, axis=0) * 1000
        low, share, high = np.quantile([one / all_of_it for one, all_of_it in times], [0.25, 0.5, 0.75])
        row = {"case": f"official size, {name}: share of decoding on one core", "ours": ours, "other": other}
        row |= {"unit": "ms a film", "ratio": share, "ratio_low": low, "ratio_high": high, "goal": None, "met": None}
        rows.append(row)
    return rows


def reduced(archives: Path, folder: Path) -> dict[str, object]:
    """Shenzhen's reduced archives."""
    chosen = dataset("shenzhen")
    found = [(file, name) for file in sorted(archives.glob("*.zip")) if file.name in {a.name for a in chosen.archives}
             for name in ZipFile(file).namelist() if name.endswith(".png")]  # fmt: skip

    def alone() -> None:
        for file in dict(found):
            decode(file, [name for other, name in found if other == file])

    pair = (lambda: ours(lambda: chosen.read(archives), chosen.images, folder), alone)
    per = 1000 / chosen.images
    return in_turn("Shenzhen, reduced archives, against decoding alone", [pair] * TURNS, "ms a film", per, GOAL)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        rows = official(Path(place))
        if len(sys.argv) > 1:
            rows.append(reduced(Path(sys.argv[1]), Path(place)))
    write("preprocessing", rows)
