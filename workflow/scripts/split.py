"""Say which film of one data set is for training, validation and testing."""

import pandas as pd

from lungseg.data.splits import split
from lungseg.files import write_csv
from lungseg.jobs.console import begin

begin(snakemake.log[0])
table = pd.read_csv(snakemake.input.table)
choices = snakemake.params
write_csv(split(table, choices.method, choices.seed, choices.exclude), snakemake.output.split)
