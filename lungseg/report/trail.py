"""From a number to the films behind it: what the report's script needs, packed into the page."""

import base64
import gzip
import json
from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from lungseg.data.opened import AnyPart
from lungseg.report.outlines import outline, thumbnail, window
from lungseg.report.results import RUNS
from lungseg.scores.metrics import COUNTS

# The page's script makes the ratios of overlap from the counts of pixels, as `lungseg.scores.metrics` does.
SCORES = ["loss", "nsd", "hd95_px", "hd95_mm", "assd_px"]
KEPT = COUNTS[:3]  # the rest of a film's pixels is true_negative
DIGITS = 4
FILM = ["dataset", "image_id", "abnormal", "height", "width", "spacing_mm", "sha256"]


def trail(
    scores: pd.DataFrame,
    images: pd.DataFrame,
    test: AnyPart,
    outlines: Mapping[tuple[str, str, int], Mapping[tuple[str, str], str]],
) -> dict[str, Any]:
    """Every run's scores on every test film, with the film's picture and outlines.

    Args:
        scores: The table scores.csv.
        images: The tables images/{dataset}.csv of all data sets.
        test: The test films.
        outlines: As from `outlines.of_runs`; a run may be missing.

    Returns:
        Ready for JSON: `films` and `runs` as lists, for each run the columns of `SCORES` and `KEPT` with one value per
        film, None where there is none; and `pixels`, how many a film has.
    """
    keys = list(zip(test.dataset, test.image_id, strict=True))
    facts = pd.DataFrame(keys, columns=FILM[:2]).merge(images[FILM], how="left", validate="one_to_one")
    films: list[dict[Hashable, Any]] = []
    for row, image, mask in zip(facts.to_dict("records"), test.images, test.masks, strict=True):
        shown = {"picture": thumbnail(image), "window": window(image), "truth": outline(mask, 0.5)}
        films.append({key: _plain(value) for key, value in row.items()} | shown)
    runs = []
    for (variant, train_on, seed), rows in scores.groupby(RUNS, sort=False):
        own = rows.set_index(["test_on", "image_id"]).reindex(pd.MultiIndex.from_tuples(keys))
        run = {"variant": str(variant), "train_on": str(train_on), "seed": int(str(seed))}
        drawn = outlines.get((str(variant), str(train_on), int(str(seed))))
        columns = {name: [_plain(value) for value in own[name]] for name in [*SCORES, *KEPT]}
        runs.append(run | columns | {"outlines": [drawn[key] for key in keys] if drawn else None})
    return {"films": films, "runs": runs, "scores": SCORES, "pixels": test.masks[0].size}


def _plain(value: str | float | None) -> str | float | None:
    """A cell for JSON: text as it is, a number rounded and without a point where it is whole, NaN as None."""
    if isinstance(value, str):
        return value
    if pd.isna(value):
        return None
    number = round(float(value or 0), DIGITS)
    return int(number) if number.is_integer() else number


def pack(content: Mapping[str, Any]) -> str:
    """JSON, compressed, in base64; the same bytes each time."""
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return base64.b64encode(gzip.compress(text.encode(), compresslevel=9, mtime=0)).decode()
