"""Say which film of one data set is for training, validation and testing."""

import pandas as pd

from lungseg.data.splits import split
from lungseg.files import write_csv
from lungseg.jobs.console import begin

begin(snakemake.log[0])
table = pd.read_csv(snakemake.input.table)
write_csv(split(table, snakemake.params.method, snakemake.params.seed), snakemake.output.split)
