"""Whether the films that lie prepared and split are those that a configuration asks for."""

from pathlib import Path

from lungseg.config import Experiment
from lungseg.data.films import open_films
from lungseg.errors import InputError
from lungseg.files import read_rows
from lungseg.outside import missing

REMEDY = "Prepare them anew: snakemake --cores all --until split, with the same --configfile."


def check_prepared(experiment: Experiment, root: Path) -> None:
    """Compare size, frame, films left out and split of each data set with the configuration.

    Args:
        experiment: The configuration.
        root: The folder in which Snakemake has prepared and split them.

    Raises:
        InputError: They were prepared or split by another one.
    """
    data, results = (root / experiment.folder(name) for name in ("data", "results"))
    for dataset in experiment.datasets:
        array, table = data / f"processed/{dataset}.npy", results / f"images/{dataset}.csv"
        boxes, parts = data / f"processed/{dataset}.boxes.csv", results / f"splits/{dataset}.csv"
        for file in (array, table, boxes, parts):
            if not file.is_file():
                raise InputError(file, missing(file), "prepared and split films", REMEDY)
        chosen = experiment.preprocessing
        if (size := open_films(array, table).pixels.shape[-1]) != chosen.size:
            expected = f"{chosen.size} px, as preprocessing.size says"
            raise InputError(array, f"films of {size} px", expected, REMEDY)
        for row in read_rows(boxes, ["image_id", "frame"], REMEDY):
            if row["frame"] != chosen.frame:
                expected = f"{chosen.frame}, as preprocessing.frame says"
                raise InputError(f"{boxes}, {row['image_id']}", f"the frame {row['frame']}", expected, REMEDY)
        _check_split(experiment, dataset, table, parts)


def _check_split(experiment: Experiment, dataset: str, table: Path, parts: Path) -> None:
    # pandas and its kin, which a machine that only trains need not have
    from lungseg.data.splits import split
    from lungseg.films.own_sets import any_dataset
    from lungseg.films.own_splits import split_films
    from lungseg.tables import read_csv

    films, exclude, own = read_csv(table), experiment.exclude.get(dataset, {}), experiment.own.get(dataset)
    asked = set(any_dataset(dataset, own).films) - set(exclude)
    if differing := sorted(set(films["image_id"]) ^ asked):
        expected = f"the {len(asked)} films of {dataset} that the configuration does not exclude"
        raise InputError(table, f"{len(films)} films; {differing[0]} in one alone", expected, REMEDY)
    if own:
        said = split_films(dataset, own, films, experiment.split.seed)
    else:
        said = split(films, experiment.split.method, experiment.split.seed, exclude)
    part_of = {row["image_id"]: row["part"] for row in read_rows(parts, ["image_id", "part"])}
    for film, part in zip(said["image_id"], said["part"], strict=True):
        if (found := part_of.get(film)) != part:
            expected = f"{part}, as split.method, split.seed and the films say"
            raise InputError(f"{parts}, {film}", f"the part {found}", expected, REMEDY)
