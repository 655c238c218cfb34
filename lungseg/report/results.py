"""The folder with the results of an experiment, as those who read all of it see it: report and comparison."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from lungseg.config import Experiment, read_experiment
from lungseg.errors import InputError
from lungseg.files import AGAIN, read_json
from lungseg.outside import missing
from lungseg.plan import Plan
from lungseg.tables import read_csv

RUNS = ["variant", "train_on", "seed"]
GIVEN = "Correct the table, or get it again from where it came."  # of results that no rule of this experiment makes


@dataclass(frozen=True)
class Results:
    """Finished results; each file is read when it is asked for.

    Args:
        folder: `results`, `NAME/results`, or `results/NAME` in git.
        remedy: What helps where a file of it cannot be read: where a rule reads it, to delete it.
    """

    folder: Path
    remedy: str = AGAIN

    def table(self, name: str) -> pd.DataFrame:
        """{name}.csv.

        Raises:
            InputError: There is no such file.
        """
        path = self.folder / f"{name}.csv"
        if not path.is_file():
            raise InputError(path, missing(path), "a finished experiment's table", "Run snakemake to its end first.")
        return read_csv(path, remedy=self.remedy)

    def has(self, name: str) -> bool:
        """Whether there is a {name}.csv."""
        return (self.folder / f"{name}.csv").is_file()

    def dice(self, name: str) -> pd.DataFrame:
        """Rows of {name}.csv about Dice on the sets of Table 1; none where older code did not make the table."""
        if not self.has(name):
            return pd.DataFrame({"variant_a": [], "variant_b": []})
        table, shown = self.table(name), self.manifest()["config"]["table1"]
        here = (table["train_on"] == shown["train_on"]) & (table["test_on"] == shown["test_on"])
        return table[here & (table["metric"] == "dice")]

    def diverged(self) -> pd.DataFrame:
        """diverged.csv; without a row where older code did not make it."""
        return self.table("diverged") if self.has("diverged") else pd.DataFrame({"variant": [], "train_on": []})

    def manifest(self) -> dict[str, Any]:
        """What made the results.

        Raises:
            InputError: There is no manifest.
        """
        path = self.folder / "manifest.json"
        if not path.is_file():
            raise InputError(path, missing(path), "a finished experiment", "Run snakemake to its end first.")
        content: dict[str, Any] = read_json(path, remedy=self.remedy)
        return content

    def experiment(self) -> Experiment:
        """The experiment whose results they are, as its manifest keeps it.

        Raises:
            InputError: The manifest holds none.
        """
        config = self.manifest().get("config")
        if not isinstance(config, dict):
            where = f"{self.folder / 'manifest.json'}, config"
            raise InputError(where, repr(config), "an experiment's choices", "Run snakemake to its end first.")
        return read_experiment(config)

    def plan(self) -> Plan | None:
        """What was decided before the experiment, as its manifest keeps it; None where nothing was."""
        plan = self.manifest().get("plan")
        return None if plan is None else Plan.model_validate(plan["plan"])
