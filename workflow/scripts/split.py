"""Say which film of one data set is for training, validation and testing."""

from lungseg.data.splits import split
from lungseg.files import write_csv
from lungseg.jobs.console import begin
from lungseg.tables import read_csv

begin(snakemake.log[0])
table = read_csv(snakemake.input.table)
choices = snakemake.params
write_csv(split(table, choices.method, choices.seed, choices.exclude), snakemake.output.split)
