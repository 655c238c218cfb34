"""Fewer films to learn from, for a curve over their number."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from lungseg.data.films import Part
from lungseg.errors import InputError


def subset(part: Part, number: int | None, seed: int) -> Part:
    """Some films of a part: each data set's share of them, and a smaller number's films are among a larger one's.

    Every data set's films get an order of their own from the seed, and stand in it at even distances between 0 and 1;
    the films that stand lowest are taken.

    Args:
        part: All films.
        number: How many to keep; None keeps all.
        seed: Of the orders.

    Raises:
        InputError: There are not so many.
    """
    if number is None:
        return part
    if number > len(part.dataset):
        remedy = "Give fewer, or leave the training set out of `films` and all are taken."
        raise InputError(
            "config key films", f"{number}", f"at most the {len(part.dataset)} films to learn from", remedy
        )
    names, place = np.array(part.dataset), np.empty(len(part.dataset))
    for name in dict.fromkeys(part.dataset):
        own = np.flatnonzero(names == name)
        rng = np.random.default_rng([seed, *name.encode()])
        place[rng.permutation(own)] = (np.arange(len(own)) + 0.5) / len(own)
    kept = np.sort(np.argsort(place, kind="stable")[:number])
    return replace(
        part,
        dataset=[part.dataset[film] for film in kept],
        image_id=[part.image_id[film] for film in kept],
        images=part.images[kept],
        masks=part.masks[kept],
    )


def curve_sets(train_on: Mapping[str, Sequence[str]], films: Mapping[str, int], shown: str) -> list[str]:
    """The training sets with the same data sets as one of them; none where all of these are whole.

    Args:
        train_on: Training set to its data sets.
        films: Training sets that learn from so many films alone.
        shown: The training set of Table 1.
    """
    alike = [name for name, datasets in train_on.items() if set(datasets) == set(train_on[shown])]
    return alike if set(alike) & set(films) else []
