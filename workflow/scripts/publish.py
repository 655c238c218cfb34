"""Copy an experiment's small results to results/, where git keeps them, and fill the README with them."""

import shutil
from pathlib import Path

import pandas as pd

from lungseg.console import begin
from lungseg.files import replacing
from lungseg.readme import fill
from lungseg.tables import answer, comparison_table, dataset_table

begin(snakemake.log[0])
for source, target in zip(snakemake.input, snakemake.output, strict=True):
    with replacing(target) as path:
        shutil.copyfile(source, path)

shown = snakemake.params.table1
estimates, comparisons = (pd.read_csv(snakemake.input[key]) for key in ("estimates", "comparisons"))
parts = [
    answer(comparisons, shown["train_on"], shown["test_on"]),
    Path(snakemake.input.md).read_text(encoding="utf-8"),
    "Mean Dice per film, by test set:",
    dataset_table(estimates, shown["train_on"], "dice"),
    "Are the differences there?",
    comparison_table(comparisons, shown["train_on"], shown["test_on"], "dice"),
    f"![Film, truth and errors of every network, typical and worst films]({snakemake.output.overlays})",
]
readme = Path(snakemake.params.readme)
filled = fill(readme.read_text(encoding="utf-8"), snakemake.config["name"], "\n\n".join(parts))
with replacing(readme) as path:
    path.write_text(filled, encoding="utf-8")
