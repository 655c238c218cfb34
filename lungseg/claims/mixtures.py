"""Can the printed relations come from counting? Under one definition, or with two side by side."""

from typing import Any

import numpy as np
import pandas as pd

from lungseg.claims.definitions import ALIKE, COMPARED, FIELDS, Definition, Study
from lungseg.claims.relations import RELATIONS, Relation
from lungseg.shapes import Float

COLUMNS = [
    "relation", "printed", "definitions", "alone", "mixtures", "mixed", "example", "distance", "apart_definitions",
    "apart",
]  # fmt: skip
Sides = dict[str, Float[np.ndarray, "definition variant"]]


def relations(found: Study, printed: pd.DataFrame) -> pd.DataFrame:
    """Which definitions produce what the paper prints and one set of masks cannot have.

    Two definitions, of those that count all columns alike, are mixed on the same films: the first counts what stands on
    the larger side of the relation, the second the other side.

    Args:
        found: As from `definitions.study`.
        printed: The paper's table; a relation that it does not print is left out.

    Returns:
        Columns relation, printed (in how many of the paper's rows it holds), definitions (that count all columns
        alike), alone (how many of them produce it in every one of those rows that was run), mixtures (pairs of
        different ones), mixed (how many produce it), example and distance: the pair that comes closest to the printed
        values in words, and its mean |gap|; apart_definitions (that count columns apart, by themselves) and apart (how
        many of them produce it).
    """
    rows = []
    for name, relation in RELATIONS.items():
        if not {*relation.left, *relation.right} <= set(printed.index):
            continue
        held = relation.holds(printed.T, printed.T)
        wanted = list(held[held].index)
        own = [i for i, variant in enumerate(found.variants) if variant in wanted]
        if not own:
            continue
        sides = {metric: found.measured[:, own, i] for i, metric in enumerate(COMPARED)}
        published = {metric: found.published[own, i] for i, metric in enumerate(COMPARED)}
        rows.append(
            {"relation": name, "printed": len(wanted)} | _counted(found.definitions, sides, relation, published)
        )
    return pd.DataFrame(rows, columns=COLUMNS)


def _counted(
    definitions: pd.DataFrame, sides: Sides, relation: Relation, published: dict[str, Float[np.ndarray, " variant"]]
) -> dict[str, Any]:
    """What is counted of a relation, over all sets of films."""
    held = relation.holds(sides, sides).all(axis=1)
    alike = definitions["classes"].isin(ALIKE).to_numpy()
    row: dict[str, Any] = {"definitions": int(alike.sum()), "alone": int(held[alike].sum()), "mixtures": 0, "mixed": 0}
    row |= {"example": "", "distance": np.inf}
    for at in definitions[alike].groupby(["films", "part"], sort=False, observed=True).indices.values():
        here = np.flatnonzero(alike)[at]
        row = _best(
            row, definitions.iloc[here], {name: side[here] for name, side in sides.items()}, relation, published
        )
    return row | {"apart_definitions": int((~alike).sum()), "apart": int(held[~alike].sum())}


def _best(
    row: dict[str, Any],
    definitions: pd.DataFrame,
    sides: Sides,
    relation: Relation,
    published: dict[str, Float[np.ndarray, " variant"]],
) -> dict[str, Any]:
    """Add the pairs of definitions of one set of films."""
    first, second = ({name: side[at] for name, side in sides.items()} for at in (np.s_[:, None], np.s_[None]))
    different = ~np.eye(len(definitions), dtype=bool)
    held = relation.holds(first, second).all(axis=2) & different
    gaps = {name: np.abs(side - published[name]).mean(axis=1) for name, side in sides.items()}
    left, right = (np.mean([gaps[name] for name in names], axis=0) for names in (relation.left, relation.right))
    distance = np.where(held, (left[:, None] + right[None]) / 2, np.inf)
    row = row | {"mixtures": row["mixtures"] + int(different.sum()), "mixed": row["mixed"] + int(held.sum())}
    if len(definitions) and distance.min() < row["distance"]:
        one, two = np.unravel_index(distance.argmin(), distance.shape)
        pair = [Definition(*definitions[FIELDS].iloc[int(at)]) for at in (one, two)]
        row |= {"distance": float(distance.min()), "example": _said(*pair)}
    return row


def _said(one: Definition, two: Definition) -> str:
    return f"{one.films} films of {one.part}: {in_words(one)}; against {in_words(two)}"


def in_words(one: Definition) -> str:
    """How a definition counts, without its films."""
    over = {"image": "mean over films", "pooled": "all pixels pooled"}.get(
        one.averaging, f"mean over each {one.averaging}"
    )
    return f"cut {one.cut}, smooth {one.smooth}, {over}, {one.classes}, {one.size} size"
