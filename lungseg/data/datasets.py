"""The data sets by name."""

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
