"""The data sets by name."""

from collections.abc import Mapping
from types import MappingProxyType

from lungseg.data import jsrt, montgomery, phantom, shenzhen
from lungseg.data.reading import Dataset, Radiograph, Unused
from lungseg.errors import InputError

__all__ = ["DATASETS", "Dataset", "Radiograph", "Unused", "dataset"]

DATASETS: dict[str, Dataset] = {module.DATASET.name: module.DATASET for module in (montgomery, shenzhen, jsrt, phantom)}


def dataset(name: str) -> Dataset:
    """A data set by its name.

    Raises:
        InputError: There is none of this name.
    """
    if name not in DATASETS:
        raise InputError("data set", repr(name), "one of " + ", ".join(DATASETS), "Choose one of them.")
    return DATASETS[name]


def refuse_unknown(exclude: Mapping[str, Mapping[str, str]], own: Mapping[str, Dataset] = MappingProxyType({})) -> None:
    """Every film that is to be left out is one that would be used.

    Args:
        exclude: Data set to film to reason.
        own: Data sets that a configuration defines, by name.

    Raises:
        InputError: A data set has no such film, or uses it not.
    """
    for name, films in exclude.items():
        known = (own[name] if name in own else dataset(name)).films
        if strange := sorted(set(films) - set(known)):
            expected = f"films of {name} that are used, such as {known[0]}"
            remedy = "Correct the name; `lungseg data check` tells the names of bad films."
            raise InputError(f"config key exclude.{name}", ", ".join(strange), expected, remedy)
