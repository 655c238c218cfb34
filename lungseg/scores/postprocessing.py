"""What may be done to a mask before it is scored."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from lungseg.shapes import Bool, Int64

LUNGS = 2


def two_largest(mask: Bool[np.ndarray, "height width"]) -> Bool[np.ndarray, "height width"]:
    """Keep the two largest connected parts of a mask, one for each lung; the mask itself where it has no more.

    Pixels are connected by their sides. Of parts with the same size the one that begins further up is kept, then the
    one further left.

    Args:
        mask: Where the network says the lungs are.
    """
    runs = _runs(mask)
    parts = _parts(runs)
    _, first = np.unique(parts, return_index=True)
    if len(first) <= LUNGS:
        return mask
    lengths = runs.stop - runs.start
    largest = np.lexsort((first, -np.bincount(parts, weights=lengths)))[:LUNGS]
    gone = ~np.isin(parts, largest)
    places = runs.start - runs.start // runs.width  # the mask has no column between its rows
    kept = mask.copy(order="C")
    kept.reshape(-1)[_ranges(places[gone], lengths[gone])] = False
    return kept


@dataclass(frozen=True)
class _Runs:
    """The unbroken runs of a mask's rows, told by their places in its pixels with an empty column after each row."""

    start: Int64[np.ndarray, " run"]
    stop: Int64[np.ndarray, " run"]
    width: int  # of a row and the column after it


def _runs(mask: Bool[np.ndarray, "height width"]) -> _Runs:
    width = mask.shape[1] + 1
    flat = np.zeros(mask.shape[0] * width + 1, dtype=bool)
    flat[1:].reshape(-1, width)[:, :-1] = mask
    edges = np.flatnonzero(flat[1:] != flat[:-1])
    return _Runs(edges[::2], edges[1::2], width)


def _parts(runs: _Runs) -> Int64[np.ndarray, " run"]:
    """The number of the connected part that each run is in: those of neighbouring rows that share a column are one."""
    first = np.searchsorted(runs.stop, runs.start + runs.width, side="right")
    below = np.searchsorted(runs.start, runs.stop + runs.width, side="left") - first
    pairs = np.repeat(np.arange(len(first)), below), _ranges(first, below)
    graph = coo_array((np.ones(len(pairs[0]), dtype=bool), pairs), shape=(len(first), len(first)))
    return connected_components(graph, directed=False)[1].astype(np.int64)


def _ranges(first: Int64[np.ndarray, " range"], lengths: Int64[np.ndarray, " range"]) -> Int64[np.ndarray, " number"]:
    """The numbers of several ranges, one after the other."""
    return np.arange(lengths.sum()) + np.repeat(first - (np.cumsum(lengths) - lengths), lengths)
