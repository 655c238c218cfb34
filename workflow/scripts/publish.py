"""Copy an experiment's small results to results/, where git keeps them, and fill the README with them."""

import shutil
from pathlib import Path

import pandas as pd

from lungseg.files import replacing
from lungseg.jobs.console import begin
from lungseg.paper import read_paper
from lungseg.report.readme import fill
from lungseg.report.tables import answer, comparison_table, coverage_note, dataset_table, tally

begin(snakemake.log[0])
for source, target in zip(snakemake.input.files, snakemake.output.files, strict=True):
    with replacing(target) as path:
        shutil.copyfile(source, path)

shown, folder = snakemake.params.table1, Path(snakemake.output.files[0]).parent
estimates, comparisons, claims, coverage = (
    pd.read_csv(snakemake.input[key]) for key in ("estimates", "comparisons", "claims", "coverage")
)
paper = read_paper(Path(snakemake.input.paper[0]).parent)
parts = [
    answer(comparisons, paper, shown["train_on"], shown["test_on"]),
    f"Of the paper's claims, {tally(claims)}: [each with its reason]({folder}/claims.md).",
    Path(snakemake.input.table1).read_text(encoding="utf-8"),
    "Mean Dice per film, by test set:",
    dataset_table(estimates, paper, shown["train_on"], "dice"),
    coverage_note(coverage, snakemake.params.seeds),
    "Are the differences there?",
    comparison_table(comparisons, paper, shown["train_on"], shown["test_on"], "dice"),
    f"![Film, truth and errors of every network, typical and worst films]({folder}/figures/figure5_overlays.png)",
]
readme, name = Path(snakemake.params.readme), snakemake.config["name"]
text = readme.read_text(encoding="utf-8")
filled = fill(text, name, "\n\n".join(parts)) if f"<!-- {name} -->" in text else text  # it shows some experiments
with replacing(readme) as path:
    path.write_text(filled, encoding="utf-8")
