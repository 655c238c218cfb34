"""What the experiment could have found of the difference that the paper's headline is about, for the page."""

from typing import Any

import pandas as pd

from lungseg.claims.evidence import find
from lungseg.paper import Paper


def reach(power: pd.DataFrame, sizes: pd.DataFrame, paper: Paper) -> dict[str, Any] | None:
    """The smallest difference that would have been found, and the films that others take.

    Args:
        power: Rows of power.csv of one training set, test set and metric.
        sizes: Rows of sample_sizes.csv of the same.
        paper: Its headline names the two networks.

    Returns:
        The columns of power.csv (`detectable_holm` None where it is empty), `differences`, and `rows`: each has
        `seeds` and `films`, a number for each difference, None where no number is enough. None where the paper has no
        headline or the experiment not both networks, or where nothing varies, so that any difference would be found,
        or so much that none would.
    """
    if paper.headline is None:
        return None
    one, other = paper.headline.variant, paper.headline.against
    for a, b in ((one, other), (other, one)):
        if (row := find(power, variant_a=a, variant_b=b)) and row["detectable"] > 0:
            own = sizes[(sizes["variant_a"] == a) & (sizes["variant_b"] == b)]
            wide = own.pivot_table(index="seeds", columns="difference", values="films", dropna=False)
            rows = [
                {"seeds": seeds, "films": [None if pd.isna(count) else int(count) for count in films]}
                for seeds, films in zip(wide.index, wide.to_numpy(dtype=float), strict=True)
            ]
            hardest = None if pd.isna(row["detectable_holm"]) else row["detectable_holm"]
            return dict(row) | {"detectable_holm": hardest, "differences": list(wide.columns), "rows": rows}
    return None
