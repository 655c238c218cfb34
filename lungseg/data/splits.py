"""Which film is for training, validation and testing."""

import json
from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from lungseg.data.films import PARTS
from lungseg.data.patients import patient_of
from lungseg.errors import InputError
from lungseg.own import Own

FRACTIONS = (0.7, 0.1, 0.2)
PUBLISHED = Path(__file__).with_name("splits_gaal2020.json")


@cache
def published() -> dict[str, dict[str, list[str]]]:
    """Data set -> part -> image ids, as used by Gaal et al. 2020 (arXiv 2003.10304) and idiap's mednet."""
    datasets: dict[str, dict[str, list[str]]] = json.loads(PUBLISHED.read_text(encoding="utf-8"))["datasets"]
    return datasets


def gaal2020(table: pd.DataFrame, left_out: Collection[str] = ()) -> pd.DataFrame:
    """The published split.

    Args:
        table: Columns image_id, dataset.
        left_out: Published films that the table does not have.

    Returns:
        Columns image_id, part (train, validation, test); rows as in the table.

    Raises:
        InputError: There is no published split of the data set, or its films are not those of the table.
    """
    parts: dict[str, str] = {}
    for dataset in table["dataset"].unique().tolist():
        if dataset not in published():
            remedy = "Set `split: {method: random}` in the configuration."
            raise InputError("split gaal2020", f"data set {dataset}", f"one of {', '.join(published())}", remedy)
        ids = {image_id: part for part, names in published()[dataset].items() for image_id in names}
        found = set(table.loc[table["dataset"] == dataset, "image_id"])
        if differing := sorted(found ^ (set(ids) - set(left_out))):
            only = ", ".join(differing[:3])
            said = f"{len(found)} films of {dataset}; {only} only in the table or only in the split"
            remedy = "Fetch and preprocess the data set again, or set `split: {method: random}`."
            raise InputError("split gaal2020", said, f"the {len(ids)} published ones", remedy)
        parts |= ids
    return pd.DataFrame({"image_id": table["image_id"], "part": table["image_id"].map(parts)})


def random_split(
    table: pd.DataFrame, rng: np.random.Generator, fractions: tuple[float, float, float] = FRACTIONS
) -> pd.DataFrame:
    """A random split with the same fractions in every data set, normal and abnormal.

    Args:
        table: Columns image_id, dataset, abnormal. The order of its rows does not matter.
        rng: Where the order comes from.
        fractions: Of train, validation and test; their sum is 1.

    Returns:
        Columns image_id, part; rows as in the table.
    """
    return grouped_split(table, {}, rng, fractions)


def grouped_split(
    table: pd.DataFrame,
    group_of: Mapping[str, str],
    rng: np.random.Generator,
    fractions: tuple[float, float, float] = FRACTIONS,
) -> pd.DataFrame:
    """A random split, as `random_split`, that leaves groups whole.

    A group counts with the data set and abnormality of its first film by name, and goes where the middle of its films
    falls: each part of a stratum has its share of films, up to half a group.

    Args:
        table: Columns image_id, dataset, abnormal. The order of its rows does not matter.
        group_of: Image id to the name of its group; a film that is not there is a group of its own.
        rng: Where the order comes from.
        fractions: Of train, validation and test; their sum is 1.

    Returns:
        Columns image_id, part; rows as in the table.
    """
    films = table.sort_values("image_id")
    films = films.assign(group=[group_of.get(image_id, image_id) for image_id in films["image_id"]])
    groups = films.groupby("group").agg(
        first=("image_id", "first"),
        size=("image_id", "size"),
        dataset=("dataset", "first"),
        abnormal=("abnormal", "first"),
    )
    parts: dict[str, str] = {}
    for _, stratum in groups.sort_values("first").groupby(["dataset", "abnormal"]):
        drawn = stratum.iloc[rng.permutation(len(stratum))]
        ends = drawn["size"].cumsum()
        borders = np.round(np.cumsum(fractions)[:-1] * ends.iloc[-1])
        places = np.searchsorted(borders, ends - drawn["size"] / 2, side="right")
        parts |= {str(group): PARTS[place] for group, place in zip(drawn.index, places, strict=True)}
    part_of = films.set_index("image_id")["group"].map(parts)
    return pd.DataFrame({"image_id": table["image_id"], "part": table["image_id"].map(part_of)})


def split(table: pd.DataFrame, method: str, seed: int, left_out: Collection[str] = ()) -> pd.DataFrame:
    """Split by the name of the method.

    Args:
        table: Columns image_id, dataset, abnormal.
        method: `gaal2020`, `random` or `grouped` (the patients of `lungseg.data.patients`).
        seed: Of the random and the grouped split.
        left_out: Films that the configuration leaves out.

    Raises:
        InputError: As `gaal2020`, or for an unknown method.
    """
    if method == "gaal2020":
        return gaal2020(table, left_out)
    if method == "random":
        return random_split(table, np.random.default_rng(seed))
    if method == "grouped":
        return grouped_split(table, {film: p.name for film, p in patient_of().items()}, np.random.default_rng(seed))
    raise InputError("split.method", repr(method), "gaal2020, random or grouped", "Correct it in the configuration.")


def own_split(
    table: pd.DataFrame, parts: Mapping[str, str] | None, patients: Mapping[str, str], test_only: bool, seed: int
) -> pd.DataFrame:
    """The split of a data set of one's own: a table's; all for testing; or a random one that leaves patients whole.

    Args:
        table: Columns image_id, dataset, abnormal.
        parts: Image id to its part; None where no table says.
        patients: Image id to its patient; empty where no table says.
        test_only: Whether all films are for testing.
        seed: Of the random split.

    Returns:
        Columns image_id, part; rows as in the table.
    """
    if test_only:
        parts = dict.fromkeys(table["image_id"], "test")
    if parts is None:
        return grouped_split(table, patients, np.random.default_rng(seed))
    return pd.DataFrame({"image_id": table["image_id"], "part": table["image_id"].map(parts)})


def each_part(parts: pd.DataFrame, name: str, own: Own | None = None) -> pd.DataFrame:
    """The split itself, where every part that will be asked for has a film: trainings would end without.

    Args:
        parts: Columns image_id, part.
        name: Of the data set.
        own: What the configuration says of it; None of the package's.

    Raises:
        InputError: A part is empty. A set that is `test_only` needs test films alone.
    """
    counts = {part: int((parts["part"] == part).sum()) for part in PARTS}
    needed = PARTS[-1:] if own and own.test_only else PARTS
    if all(counts[part] for part in needed):
        return parts
    where = f"config key own.{name}.split ({own.split})" if own and own.split else f"the split of {name}"
    found = ", ".join(f"{count or 'no'} films for {part}" for part, count in counts.items())
    remedy = "Leave fewer films out, or choose another `split`."
    if own:
        remedy = "Give each part a film: by the table, or by more films. A set to test on alone is `test_only: true`."
    raise InputError(where, found, f"at least one for {', '.join(needed)}, of each data set", remedy)
