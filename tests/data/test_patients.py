"""The table of patients is sound, and what it says of the published split is told."""

import pandas as pd
import pytest

from lungseg.data import jsrt, montgomery, shenzhen
from lungseg.data.patients import patient_of, patients, seen_elsewhere
from lungseg.data.splits import published

IDS = {"montgomery": montgomery.IDS, "shenzhen": shenzhen.IDS, "jsrt": jsrt.IDS}


def test_every_film_exists_and_has_one_patient() -> None:
    films = [film for patient in patients() for film in patient.films]
    assert len(films) == len(set(films)) == len(patient_of())
    for patient in patients():
        assert set(patient.films) <= set(IDS[patient.dataset])
        assert len(patient.films) > 1 and patient.status in ("stated", "suspected") and patient.evidence
        assert patient.name == patient.films[0] == patient_of()[patient.films[-1]].name


def test_a_patient_is_seen_elsewhere_only_across_test_and_the_rest() -> None:
    first, second = patients()[0].films[:2]

    def seen(part_a: str, part_b: str) -> list[str]:
        return seen_elsewhere(pd.DataFrame({"image_id": [first, second, "other"], "part": [part_a, part_b, "train"]}))

    assert seen("test", "train") == seen("test", "validation") == [first]
    assert seen("train", "test") == [second]
    assert seen("test", "test") == seen("train", "validation") == seen("train", "train") == []
    assert seen_elsewhere(pd.DataFrame({"image_id": [], "part": []})) == []
    assert seen_elsewhere(pd.DataFrame({"image_id": [first], "part": ["test"]})) == []


@pytest.mark.parametrize("film", ["MCUCXR_0166_1", "MCUCXR_0264_1", "MCUCXR_0316_1"])
def test_the_published_split_tests_on_patients_it_trains_on(film: str) -> None:
    rows = [(i, part) for parts in published().values() for part, ids in parts.items() for i in ids]
    assert film in seen_elsewhere(pd.DataFrame(rows, columns=["image_id", "part"]))
