"""Write every film's Dice in the form that claim-checking tools read."""

from lungseg.jobs.console import begin

begin(snakemake.log[0])

from lungseg.files import write_csv
from lungseg.scores.cases import algorithms, cases
from lungseg.tables import read_csv

scores = read_csv(snakemake.input.scores)
write_csv(algorithms(scores), snakemake.output.algorithms)
for (train_on, test_on), file in zip(snakemake.params.tables, snakemake.output.cases, strict=True):
    write_csv(cases(scores, train_on, test_on), file)
