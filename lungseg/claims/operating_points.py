"""What are Dice and IoU where the cut is moved until recall, or precision, is the printed one?

No way of averaging moves recall far: what a network calls lung does. So the cut is swept over all probabilities that
are stored, one cut for all seeds of a network, and set where recall or precision comes closest to the printed value,
or both together. What Dice and IoU are there is compared with what is printed beside it.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.special import expit

from lungseg.claims.counting import count_found
from lungseg.claims.definitions import COMPARED, Definition, measure
from lungseg.learning.stored_predictions import CODES, LINEAR, VALUES
from lungseg.shapes import Float, UInt32

COLUMNS = [
    "variant", "films", "part", "classes", "aim", "cut", *COMPARED, *(f"published_{name}" for name in COMPARED),
    "seeds",
]  # fmt: skip
AIMS = {"recall": ["recall"], "precision": ["precision"], "recall and precision": ["recall", "precision"]}
# Recall and precision are those of the lung in all of them.
CLASSES = ["lung", "lung; Dice and IoU of both", "lung; Dice and IoU weighted"]
_PLACES = np.arcsinh(VALUES.astype(float) / LINEAR)
# The probabilities between neighbouring stored ones.
SWEPT: Float[np.ndarray, " cut"] = expit(LINEAR * np.sinh((_PLACES[1:] + _PLACES[:-1]) / 2))
Histograms = UInt32[np.ndarray, "seed film 2 code"]


def operating_points(
    histograms: Mapping[str, Histograms],
    datasets: Sequence[str],
    part: str,
    printed: pd.DataFrame,
    apart: Collection[str] = (),
) -> pd.DataFrame:
    """Where the printed recall and precision are met, and what else is true there.

    Args:
        histograms: Variant to what its seeds say of the same films, counted.
        datasets: Data set of each film.
        part: Of the split, which the films are from.
        printed: The paper's table: index metric, columns variant; NaN where it prints nothing.
        apart: Data sets that the paper's table is not about.

    Returns:
        Columns of `COLUMNS`, a row per network, set of films, key of `CLASSES` and aim that the paper prints: cut is
        the probability above which a pixel is lung; recall and precision are of the lung, Dice and IoU of the
        classes, each a mean over seeds of the mean over films. The nearest cut is taken, however far it may be.
    """
    rows: list[dict[str, object]] = []
    for variant, own in histograms.items():
        column = printed[variant].reindex(COMPARED)
        for films in ["pooled", *(name for name in dict.fromkeys(datasets) if name not in apart)]:
            here = np.array([films in ("pooled", name) and name not in apart for name in datasets])
            where = {"variant": variant, "films": films, "part": part, "seeds": len(own)}
            rows += [where | row for row in _met(_swept(own[:, here], films, part), column)]
    return pd.DataFrame(rows, columns=COLUMNS)


def _swept(own: Histograms, films: str, part: str) -> dict[str, Float[np.ndarray, "cut 4"]]:
    """Dice, IoU, recall and precision at every cut, for each key of `CLASSES`."""
    found = (np.arange(CODES)[:, None] > np.arange(CODES - 1)).astype(float)
    counts = np.stack([np.moveaxis(count_found(seed, found), 1, 0) for seed in own], axis=1)
    swept = {}
    for classes in CLASSES:
        definition = Definition(films, part, "network", "0.5", 0, "image", classes)
        swept[classes] = measure(counts, definition).mean(axis=1)[:, : len(COMPARED)]
    return swept


def _met(swept: Mapping[str, Float[np.ndarray, "cut 4"]], printed: "pd.Series[float]") -> Iterator[dict[str, object]]:
    published = {f"published_{name}": printed[name] for name in COMPARED}
    for classes, values in swept.items():
        for aim, names in AIMS.items():
            if printed[names].isna().any():
                continue
            at = [COMPARED.index(name) for name in names]
            best = int(np.abs(values[:, at] - printed[names].to_numpy()).sum(axis=1).argmin())
            reached = dict(zip(COMPARED, values[best], strict=True))
            yield {"classes": classes, "aim": aim, "cut": float(SWEPT[best])} | reached | published
