"""Fit the limits by which films are refused or doubted, and count what they find of films that were not used for it.

    python -m bench.refusals ARCHIVES CHECKS.csv --model NET.onnx...

Sound films are those of the three data sets: validation parts for the fit, test parts for the count. Counter-examples
are pictures that installed packages ship, with their tags left aside, and drawn ones: sound films inverted, turned, cut
off. Of each kind every second one is for the fit, the others are counted. It writes CHECKS.csv, which belongs beside
the model, bench/results/refusals.csv, and the sentence of docs/segment.md.
"""

import argparse
import itertools
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from lungseg.data.archive import fetch_all
from lungseg.data.datasets import DATASETS
from lungseg.data.reading import Radiograph, in_order
from lungseg.data.splits import published
from lungseg.errors import InputError
from lungseg.files import write_csv
from lungseg.films.film import Film, Turn
from lungseg.films.limits import COLUMNS, Limit, as_rows, findings, fit, verdict
from lungseg.films.looking import Looked, look
from lungseg.films.networks import Model, of_files
from lungseg.films.reading import read_film, unwarned
from lungseg.report.readme import fill

PAGE, RESULTS = Path(__file__).parents[1] / "docs/segment.md", Path(__file__).parent / "results"
REAL = ("montgomery", "shenzhen", "jsrt")
EACH = 6  # films that every drawn kind is made of
PACKAGES = ("pydicom", "data_store", "matplotlib", "sklearn", "mlflow", "dvc", "seaborn", "networkx")
LEAST, MOST_OF_A_FOLDER = 64, 12  # px; pictures
MOST_SOUND, LEAST_BAD = 0.02, 0.9  # goals: shares of sound films refused, and of others refused or doubtful
UNTESTED = "lateral chest films, children, abdomen and shoulder films, chest films with one lung removed"


@dataclass(frozen=True)
class Picture:
    """A film or something else.

    Args:
        kind: `montgomery validation`, `inverted`, `CT`, …
        source: Where it comes from.
        grey: 0-255.
        sound: Whether it is a frontal chest film.
        drawn: Whether it was made from a sound film, or of nothing.
    """

    kind: str
    source: str
    grey: np.ndarray
    sound: bool
    drawn: bool = False


def sound(archives: Path, part: str) -> Iterator[Picture]:
    """The films of a part of the published split."""
    for name in REAL:
        with tempfile.TemporaryDirectory() as folder:
            list(fetch_all(DATASETS[name].archives, Path(folder) / name, archives))
            wanted = set(published()[name][part])
            for film in DATASETS[name].read(Path(folder) / name):
                if isinstance(film, Radiograph) and film.image_id in wanted:
                    yield Picture(f"{name} {part}", film.image_id, film.image, sound=True)


CHANGES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "inverted": lambda grey: 255 - grey,
    "turned by a quarter": lambda grey: np.ascontiguousarray(np.rot90(grey)),
    "upside down": lambda grey: np.ascontiguousarray(grey[::-1]),
    "one half cut off": lambda grey: np.ascontiguousarray(grey[:, : grey.shape[1] // 2]),
    "upper third cut off": lambda grey: np.ascontiguousarray(grey[grey.shape[0] // 3 :]),
}


def drawn(films: list[Picture]) -> Iterator[Picture]:
    """Counter-examples made of sound films and of nothing."""
    for number, (kind, change) in enumerate(CHANGES.items()):
        for film in films[number :: max(1, len(films) // EACH)][:EACH]:
            yield Picture(kind, f"made from {film.source}", change(film.grey), sound=False, drawn=True)
    rng = np.random.default_rng(0)
    ramp = np.tile(np.linspace(0, 255, 256, dtype=np.uint8), (256, 1))
    for number in range(2):
        noise = rng.integers(0, 256, (256, 256), dtype=np.uint8)
        yield Picture("noise", f"drawn {number}", noise, sound=False, drawn=True)
        yield Picture("ramp", f"drawn {number}", np.rot90(ramp, number).copy(), sound=False, drawn=True)


def shipped() -> Iterator[Picture]:
    """Pictures that installed packages hold, what their tags say left aside; a few of each folder."""
    seen: set[bytes] = set()
    for package in PACKAGES:
        spec = find_spec(package)
        if spec is None or not spec.submodule_search_locations:
            continue
        root, counts = Path(next(iter(spec.submodule_search_locations))), dict[Path, int]()
        for path in sorted(root.rglob("*")):
            if path.suffix.lower() not in (".dcm", ".png", ".jpg", ".jpeg", ".tif") or not path.is_file():
                continue
            try:
                film = read_film(path.read_bytes(), path)
            except InputError:
                continue
            thumb = film.grey[:: max(1, film.grey.shape[0] // 16), :: max(1, film.grey.shape[1] // 16)].tobytes()
            chest = film.kind == "dicom" and not film.findings
            counts[path.parent] = counts.get(path.parent, 0) + 1
            if min(film.grey.shape) < LEAST or thumb in seen or (chest and "RG1" in path.name):
                continue
            if counts[path.parent] > MOST_OF_A_FOLDER and film.kind != "dicom":
                continue
            seen.add(thumb)
            kind = "DICOM of other kinds" if film.kind == "dicom" else "photographs, figures, icons"
            yield Picture(kind, f"{package}: {path.relative_to(root)}", film.grey, sound=False)


def looked(pictures: list[Picture], model: Model) -> list[Looked]:
    """Every picture, seen as a film without tags; refused ones too."""
    found = in_order(lambda one: look(Film(one.grey, "png", turn=Turn()), model, (), True), pictures)
    return list(tqdm(found, total=len(pictures), unit="film"))


def judged(one: Looked, limits: list[Limit]) -> str:
    """What becomes of a film."""
    own = [found for found in one.findings if found.reason != "no lung found"]
    return verdict([*own, *findings(one.quantities, limits)]) or "segmented"


def counted(rows: list[dict[str, object]]) -> pd.DataFrame:
    """Films of each kind and half, and what became of them."""
    names, kinds = ["sound", "drawn", "kind", "half"], ["segmented", "doubtful", "refused"]
    table = pd.DataFrame(rows)
    for kind in kinds:
        table[kind] = (table["verdict"] == kind).astype(int)
    return table.assign(films=1).groupby(names, sort=False)[[*kinds, "films"]].sum().reset_index()


def in_words(table: pd.DataFrame) -> str:
    """The sentence of docs/segment.md: what the films say that the limits were not fitted to."""
    own = table[table["half"] == "counted"]
    sound, bad = own[own["sound"]].sum(numeric_only=True), own[~own["sound"]].sum(numeric_only=True)
    found = bad["refused"] + bad["doubtful"]
    met = [sound["refused"] <= MOST_SOUND * sound["films"], found >= LEAST_BAD * bad["films"]]
    both = {2: "Both goals are met", 1: "One goal is met and one missed", 0: "Both goals are missed"}[sum(met)]
    return (
        f"{both}: {sound['refused']} of {sound['films']} test films are refused and {sound['doubtful']} doubtful; of "
        f"{bad['films']} counter-examples {bad['refused']} are refused and {bad['doubtful']} doubtful."
    )


def main() -> None:
    """Fit, count, write both tables, print what was found of all."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("archives", type=Path)
    words.add_argument("checks", type=Path)
    words.add_argument("--model", type=Path, nargs="+", required=True)
    given = words.parse_args()
    model = of_files(given.model)
    parts = {part: list(sound(given.archives, part)) for part in ("validation", "test")}
    with unwarned():
        bad = list(itertools.chain(drawn(parts["validation"]), shipped()))
    halves = {"fit": parts["validation"] + bad[::2], "counted": parts["test"] + bad[1::2]}
    seen = {half: looked(pictures, model) for half, pictures in halves.items()}
    quantities = [
        [one.quantities for one, picture in zip(seen["fit"], halves["fit"], strict=True) if picture.sound is good]
        for good in (True, False)
    ]
    limits = fit(*quantities)
    write_csv(pd.DataFrame(as_rows(limits), columns=list(COLUMNS)), given.checks)
    rows = []
    for half, pictures in halves.items():
        for picture, one in zip(pictures, seen[half], strict=True):
            row = {"half": half, "verdict": judged(one, limits)}
            rows.append(row | {name: getattr(picture, name) for name in ("sound", "drawn", "kind")})
    table = counted(rows)
    write_csv(table, RESULTS / "refusals.csv")
    print(table.to_string(index=False))
    PAGE.write_text(fill(PAGE.read_text(encoding="utf-8"), "refusals", in_words(table)), encoding="utf-8")
    print(in_words(table))
    drawn_ones = sum(one.drawn for one in bad)
    print(f"{len(bad)} counter-examples, {drawn_ones} drawn. Untested: {UNTESTED}")


if __name__ == "__main__":
    main()
