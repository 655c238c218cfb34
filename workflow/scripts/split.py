"""Say which film of one data set is for training, validation and testing."""

from lungseg.data.splits import split
from lungseg.files import write_csv
from lungseg.jobs.console import begin
from lungseg.tables import read_csv

begin(snakemake.log[0])
table = read_csv(snakemake.input.table)
write_csv(split(table, snakemake.params.method, snakemake.params.seed), snakemake.output.split)
