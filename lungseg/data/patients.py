"""Films that show one patient, so that no patient need be both trained on and tested on.

None of the three data sets is published with patients' ids. The table beside this module holds what is known: its
`status` is `stated` where an official reading names the patient's other film, `suspected` where the films alone say so.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pandas as pd

TABLE = Path(__file__).with_name("patients_films.json")


@dataclass(frozen=True)
class Patient:
    """One person, on two films or more of one data set.

    Args:
        dataset: The data set.
        films: Image ids; the first one names the patient.
        status: `stated` or `suspected`.
        evidence: What says so.
    """

    dataset: str
    films: tuple[str, ...]
    status: str
    evidence: str

    @property
    def name(self) -> str:
        """The first film's id."""
        return self.films[0]


@cache
def patients() -> tuple[Patient, ...]:
    """Everybody who is known or suspected to be on more than one film."""
    rows = json.loads(TABLE.read_text(encoding="utf-8"))["patients"]
    return tuple(Patient(row["dataset"], tuple(row["films"]), row["status"], row["evidence"]) for row in rows)


def patient_of() -> dict[str, Patient]:
    """Image id -> its patient, for the films in the table."""
    return {film: patient for patient in patients() for film in patient.films}


def seen_elsewhere(parts: pd.DataFrame) -> list[str]:
    """Test films whose patient is also on a film for training or validation.

    Args:
        parts: Columns image_id, part.

    Returns:
        Image ids, sorted.
    """
    part = dict(zip(parts["image_id"], parts["part"], strict=True))
    return sorted(
        film
        for patient in patients()
        if {part.get(film) for film in patient.films} & {"train", "validation"}
        for film in patient.films
        if part.get(film) == "test"
    )
