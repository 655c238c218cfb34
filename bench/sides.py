"""Does the default model call the right lung right? Test films of the two data sets that outline each lung by itself.

    python -m bench.sides FOLDER      half a minute; FOLDER holds the archives

Writes bench/results/sides.csv and the sentence of docs/segment.md.

A film is right where, of the two labels, each overlaps more with the lung of its name than with the other lung. What is
refused or doubtful is counted too, and so are its labels.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from tqdm import tqdm

from bench.timing import RESULTS
from lungseg.data import jsrt, montgomery
from lungseg.data.datasets import DATASETS
from lungseg.data.reading import OpenArchive, decode_grey, open_archive
from lungseg.data.splits import published
from lungseg.report.readme import fill
from lungseg.segment import segment

PAGE, TABLE = Path(__file__).parents[1] / "docs/segment.md", RESULTS / "sides.csv"
RIGHT, LEFT = 1, 2
Lungs = dict[str, np.ndarray]


def lungs(image: np.ndarray, outlines: OpenArchive, members: dict[str, str]) -> Lungs:
    """Each lung's mask at the film's size."""
    read = {side: Image.fromarray(outlines.read_mask(member)) for side, member in members.items()}
    size = image.shape[::-1]
    return {side: np.asarray(mask.resize(size, Image.Resampling.NEAREST)) > 0 for side, mask in read.items()}


def of_montgomery(folder: Path) -> Iterator[tuple[np.ndarray, Lungs]]:
    """Test films and their lungs."""
    with open_archive(folder / montgomery.ARCHIVE.name) as archive:
        images = archive.find(rf"CXR_png/{montgomery.NAME}")
        sides = {side: archive.find(rf"{side}Mask/{montgomery.NAME}") for side in ("left", "right")}
        for name in published()["montgomery"]["test"]:
            image = decode_grey(archive.read(images[name]), name)
            yield image, lungs(image, archive, {side: found[name] for side, found in sides.items()})


def of_jsrt(folder: Path) -> Iterator[tuple[np.ndarray, Lungs]]:
    """Test films and their lungs."""
    with open_archive(folder / jsrt.IMAGES.name) as archive, open_archive(folder / jsrt.SCR.name) as outlines:
        images = archive.find(rf"{jsrt.NAME}\.IMG")
        sides = {side: outlines.find(rf"masks/{side} lung/{jsrt.NAME}\.gif") for side in ("left", "right")}
        for name in published()["jsrt"]["test"]:
            image = jsrt.decode(archive.read(images[name]), name)
            yield image, lungs(image, outlines, {side: found[name] for side, found in sides.items()})


def row(dataset: str, films: Iterator[tuple[np.ndarray, Lungs]]) -> dict[str, object]:
    """How many films of a data set have both labels on the lungs of their names."""
    rights, statuses = [], []
    for image, sides in tqdm(films, total=len(published()[dataset]["test"]), desc=dataset, unit="film"):
        found = segment(image)
        shared = {
            (side, label): int(np.count_nonzero(mask & (found.labels == label)))
            for side, mask in sides.items()
            for label in (RIGHT, LEFT)
        }
        rights.append(shared["right", RIGHT] > shared["left", RIGHT] and shared["left", LEFT] > shared["right", LEFT])
        statuses.append(found.status)
    counted = {status: statuses.count(status) for status in ("segmented", "doubtful", "refused")}
    wrong = sum(not right and status == "segmented" for right, status in zip(rights, statuses, strict=True))
    return {"dataset": dataset, "films": len(rights), "right": sum(rights)} | counted | {"wrong_and_segmented": wrong}


def in_words(table: pd.DataFrame) -> str:
    """The sentence of docs/segment.md."""
    told = [
        f"{row.right} of {row.films} ({DATASETS[row.dataset].title.partition(':')[0]})" for row in table.itertuples()
    ]
    wrong = f"; of the others {table['wrong_and_segmented'].sum()} are called `segmented`"
    missed = (table["right"] < table["films"]).any()
    return f"Both labels lie on the lungs of their names on {' and '.join(told)} test films{wrong if missed else ''}."


if __name__ == "__main__":
    place = Path(sys.argv[1])
    table = pd.DataFrame([row("montgomery", of_montgomery(place)), row("jsrt", of_jsrt(place))])
    table.to_csv(TABLE, index=False)
    PAGE.write_text(fill(PAGE.read_text(encoding="utf-8"), "sides", in_words(table)), encoding="utf-8")
    print(table.to_string(index=False))
