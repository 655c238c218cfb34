"""How films of a data set of one's own are split: as its tables say, or at random."""

import pandas as pd

from lungseg.data.splits import own_split
from lungseg.films.own_sets import catalogue
from lungseg.own import Own


def split_films(name: str, own: Own, films: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Split films of a data set of one's own as its tables say: columns image_id, part.

    Args:
        name: Of the data set.
        own: What the configuration says of it.
        films: Columns of `lungseg.data.splits.own_split`.
        seed: Where no table says how.

    Raises:
        InputError: As `own_sets.catalogue` and `own_split`.
    """
    tables = catalogue(name, own).tables
    return own_split(films, tables.get("split"), tables.get("patients", {}), own.test_only, seed)
