"""Seconds that `lungseg segment` takes for a film, against decoding its file alone and against the run by torch.

    python -m bench.segment NET.onnx RUN     two minutes; writes bench/results/segment.csv

Drawn films of 2000 x 2000 px with film noise, as 8-bit PNG and as raw DICOM of 12 bits; all cores; masks and tables are
written. RUN is the folder that NET.onnx was exported from.
"""

import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pydicom
from PIL import Image

from bench.timing import in_turn, write
from lungseg.data.phantom import draw
from lungseg.films.networks import Model, of_files, of_runs
from lungseg.films.reading import find
from lungseg.films.seeing import Choices
from lungseg.films.work import Job, segment_all
from tests.own_films import dicom, saved

FILMS, SIDE, NOISE, TURNS, CORES = 12, 2000, 3, 5, 2
SLOWER = 0.5  # of decoding alone: at most twice as long


def films(folder: Path) -> None:
    """Write png/ and dicom/ below a folder."""
    for kind in ("png", "dicom"):
        (folder / kind).mkdir()
    for number in range(FILMS):
        rng = np.random.default_rng(number)
        drawn = Image.fromarray(draw("film", rng, abnormal=False).image).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        grey = np.clip(np.asarray(drawn) + rng.normal(0, NOISE, (SIDE, SIDE)), 0, 255)
        Image.fromarray(grey.astype(np.uint8)).save(folder / f"png/{number}.png")
        ds = dicom((grey * 16).astype(np.uint16), WindowCenter=2048, WindowWidth=4096)
        (folder / f"dicom/{number}.dcm").write_bytes(saved(ds))


def segmented(folder: Path, out: Path, model: Model) -> Callable[[], object]:
    """Segment a folder, anew each time."""
    job = Job(find([folder], out), out, model, (), Choices())
    return lambda: list(segment_all(job, overwrite=True))


def decoded(folder: Path) -> Callable[[], object]:
    """Decode a folder by the library that `lungseg` decodes it by, on as many cores."""

    def one(path: Path) -> object:
        if path.suffix == ".dcm":
            return pydicom.dcmread(path).pixel_array.shape
        return np.asarray(Image.open(path, formats=["PNG"])).shape

    def work() -> object:
        with ThreadPoolExecutor(CORES) as pool:
            return list(pool.map(one, sorted(folder.iterdir())))

    return work


def main(network: Path, run: Path) -> list[dict[str, object]]:
    """Every kind of file against decoding, and the exported network against the run."""
    exported, trained = of_files([network]), of_runs([run], None)
    rows = []
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        films(place)
        for kind in ("png", "dicom"):
            ours = segmented(place / kind, place / f"out_{kind}", exported)
            pair = (ours, decoded(place / kind))
            rows.append(in_turn(f"{kind}, against decoding alone", [pair] * TURNS, "ms a film", 1000 / FILMS, SLOWER))
        ours = segmented(place / "png", place / "out_png", exported)
        other = segmented(place / "png", place / "out_run", trained)
        rows.append(in_turn("png, against the run by torch", [(ours, other)] * TURNS, "ms a film", 1000 / FILMS, 1.0))
    return rows


if __name__ == "__main__":
    write("segment", main(*map(Path, sys.argv[1:3])))
