"""Seconds that `lungseg segment` takes for a film: against decoding it, against the same by torch, against a peer.

    python -m bench.segment      five minutes; writes bench/results/segment.csv

Drawn films of 2000 x 2000 px with film noise, as 8-bit PNG and as raw DICOM of 12 bits; all cores; masks and tables are
written. The model in the package; against torch a run of its architecture that nobody trained, exported and as it is.
The peer is torchxrayvision's PSPNet with drawn weights, as its own need a download: what a network learned does not
change its time. It finds 14 structures on a square of 512 px, and its lungs are written at that size; ours at the
film's own.
"""

import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import torch
from PIL import Image

from bench.exports import untrained
from bench.timing import in_turn, write
from lungseg.data.phantom import draw
from lungseg.files import read_json
from lungseg.films.networks import MODELS, Model, default, of_files, of_runs
from lungseg.films.reading import find
from lungseg.films.seeing import Choices
from lungseg.films.work import Job, segment_all
from lungseg.learning.export import export
from lungseg.recipe import Variant
from tests.own_films import dicom, saved

FILMS, SIDE, NOISE, TURNS, CORES = 12, 2000, 3, 5, 2
DICOM_MS = 150  # a film, at most
SLOWER = 0.5  # of decoding alone: at most twice as long
PEER, LUNGS, SURE = "pspnet_chestxray_best_model_4.pth", [4, 5], 0.5


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


def peers(folder: Path, out: Path) -> Callable[[], object]:
    """Segment a folder as torchxrayvision's documentation shows, layers on all cores."""
    import torchxrayvision
    from torchxrayvision.baseline_models.chestx_det import PSPNet
    from torchxrayvision.baseline_models.chestx_det.ptsemseg.pspnet import pspnet

    out.mkdir()
    torch.save({f"module.{name}": value for name, value in pspnet(14).state_dict().items()}, out / PEER)
    network = PSPNet(cache_dir=str(out))

    @torch.inference_mode()
    def one(path: Path) -> None:
        torch.set_num_threads(CORES)
        found: Any = network(torch.from_numpy(torchxrayvision.utils.load_image(str(path)))[None])
        lungs = (torch.sigmoid(found[0, LUNGS]) > SURE).any(dim=0).numpy()
        Image.fromarray(lungs).save(out / path.name)

    return lambda: [one(path) for path in sorted(folder.iterdir())]


def main() -> list[dict[str, object]]:
    """Every kind of file against decoding; the network's file against torch; and the peer."""
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        films(place)

        def timed(case: str, ours: Callable[[], object], other: Callable[[], object], goal: float) -> None:
            rows.append(in_turn(case, [(ours, other)] * TURNS, "ms a film", 1000 / FILMS, goal))

        for kind in ("png", "dicom"):
            ours = segmented(place / kind, place / f"out_{kind}", default())
            timed(f"{kind}, against decoding alone", ours, decoded(place / kind), SLOWER)
        rows.append(_against_a_limit(rows[-1]))
        rows[-2] |= {"goal": None, "met": None}  # there is nothing to decode in raw pixels
        variant = Variant(**read_json(next(MODELS.glob("*.json")))["variant"] | {"weights": "random"})
        run, file = untrained(place / "run", variant), place / "network.onnx"
        export(run, file)
        exported, by_torch = (
            segmented(place / "png", place / f"out_{kind}", model)
            for kind, model in (("onnx", of_files([file])), ("torch", of_runs([run], None)))
        )
        timed("png, against the run by torch", exported, by_torch, 1.0)
        ours = segmented(place / "png", place / "out_png", default())
        timed("png, against torchxrayvision 1.5.7", ours, peers(place / "png", place / "peer"), 1.0)
    return rows


def _against_a_limit(row: dict[str, Any]) -> dict[str, object]:
    """The time of raw DICOM files against what a person was thought to wait for one."""
    ratio = DICOM_MS / row["ours"]
    limits = {"ratio": ratio, "ratio_low": ratio, "ratio_high": ratio, "goal": 1.0, "met": ratio >= 1}
    return {**row, "case": f"dicom, against {DICOM_MS} ms", "other": DICOM_MS} | limits


if __name__ == "__main__":
    write("segment", main())
