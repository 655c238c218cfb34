"""Is the report of the whole reference experiment light enough? Its size, and the time until its numbers can be opened.

    python -m bench.page      three minutes; writes bench/results/page.csv

5 networks x 5 training sets x 5 seeds on 951 drawn films of 256 px: as many runs and films as any experiment here has,
with scores that have nothing in common and outlines that sway about the true ones. Everything else of the page is that
of the real run in results/cpu. Chromium opens it from disk; it is open when a number opens to its seeds.
"""

import shutil
import sys
import tempfile
import time
from itertools import product
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd
from playwright.sync_api import sync_playwright
from scipy.ndimage import gaussian_filter
from tqdm import tqdm

from bench.timing import write
from lungseg.data.films import Part
from lungseg.data.images import Film, resize
from lungseg.data.phantom import draw
from lungseg.paper import read_paper
from lungseg.report.outlines import MOST, outline
from lungseg.report.page import page
from lungseg.report.results import Results
from lungseg.report.trail import FILM, KEPT, SCORES, pack, trail

ROOT = Path(__file__).parents[1]
VARIANTS, SETS, SEEDS, FILMS, SIDE, OPENED = 5, 5, 5, 951, 256, 5
GOAL_MB, GOAL_SECONDS = 15, 2


def films() -> Part:
    """Drawn films; each drawn one is used many times, with noise of its own."""
    rng = np.random.default_rng(0)
    drawn = [resize(Film(one.image, one.mask), SIDE) for one in (draw(f"{i}", rng, i % 2 == 0) for i in range(24))]
    chosen = [drawn[i % len(drawn)] for i in range(FILMS)]
    images = [np.clip(film.image + rng.normal(0, 3, film.image.shape), 0, 255).astype(np.uint8) for film in chosen]
    names = [f"film{i:04}" for i in range(FILMS)]
    return Part(["shenzhen"] * FILMS, names, np.stack(images), np.stack([film.mask for film in chosen]))


def swaying(masks: np.ndarray) -> list[str]:
    """Outlines of networks: the truth, moved here and there by a few pixels."""
    rng = np.random.default_rng(1)
    paths = []
    for mask in tqdm(masks, desc="outlines", unit="film"):
        field = gaussian_filter(mask.astype(float), 1.5) - 0.5
        paths.append(outline(field + 3 * gaussian_filter(rng.normal(size=mask.shape), 4)))
    return paths


def whole(folder: Path) -> Path:
    """The report of such an experiment."""
    rng, test = np.random.default_rng(2), films()
    keys, paths = list(zip(test.dataset, test.image_id, strict=True)), swaying(test.masks)
    runs = list(product([f"v{i}" for i in range(VARIANTS)], [f"set{i}" for i in range(SETS)], range(SEEDS)))
    truth = np.c_[test.masks.sum(axis=(1, 2)), np.zeros((FILMS, 2))]
    tables = []
    for variant, train_on, seed in runs:
        table = pd.DataFrame(rng.uniform(0, 1, (FILMS, len(SCORES))), columns=SCORES)
        table[KEPT] = truth + rng.normal(0, 400, (FILMS, 1)) * [1, 0, -1] + rng.exponential(400, (FILMS, 3))
        table[KEPT] = table[KEPT].abs().round()
        facts = {"variant": variant, "train_on": train_on, "seed": seed, "test_on": test.dataset}
        tables.append(table.assign(**facts, image_id=test.image_id))
    drawn = [run for run in runs if run[1] == "set0" and run[2] == 0]  # more would be more than MOST
    assert len(drawn) * FILMS <= MOST < SEEDS * len(drawn) * FILMS
    turned = {run: dict(zip(keys, paths[i:] + paths[:i], strict=True)) for i, run in enumerate(drawn)}
    facts = {name: pd.Series(range(FILMS)).map(lambda i: f"{i:064x}") for name in FILM} | {"image_id": test.image_id}
    images = pd.DataFrame(facts | {"dataset": test.dataset, "abnormal": 0, "height": 3000, "width": 2919})
    packed = pack(trail(pd.concat(tables), images.assign(spacing_mm=0.14), test, turned))
    target = folder / "report.html"
    text = page(
        Results(ROOT / "results/cpu"),
        read_paper(ROOT / "workflow/papers/mishra"),
        ROOT / "workflow/report",
        packed,
        "snakemake",
        0.95,
    )
    target.write_text(text, encoding="utf-8")
    return target


def opening(report: Path) -> list[float]:
    """Seconds until the numbers of a page can be opened, each time in a new tab."""
    found = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for _ in range(OPENED + 1):
            tab = browser.new_page()
            begin = time.perf_counter()
            tab.goto(report.as_uri())
            tab.wait_for_selector("html[data-ready]")
            found.append(time.perf_counter() - begin)
            tab.close()
        browser.close()
    return found[1:]


def main() -> list[dict[str, object]]:
    """Size and time, against their goals."""
    with tempfile.TemporaryDirectory() as place:
        report = whole(Path(place))
        megabytes, seconds = report.stat().st_size / 1e6, sorted(opening(report))
    rows = [("size of the page", [megabytes], GOAL_MB, "MB"), ("until its numbers open", seconds, GOAL_SECONDS, "s")]
    return [
        {"case": f"{case}, 125 runs on 951 films (other: the goal)", "ours": median(found), "other": goal, "unit": unit,
         "ratio": median(found) / goal, "ratio_low": min(found) / goal, "ratio_high": max(found) / goal,
         "goal": 1, "met": median(found) <= goal}
        for case, found, goal, unit in rows
    ]  # fmt: skip


if __name__ == "__main__":
    if shutil.which("chromium") is None:
        sys.exit(print("bench.page: no Chromium here (apt-get install chromium), so nothing is opened"))
    write("page", main())
