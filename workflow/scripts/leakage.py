"""Look for films that are in two parts of the split under different names."""

import sys

import numpy as np
import pandas as pd

from lungseg.data.leakage import near_duplicates, refuse_leaks
from lungseg.files import write_csv
from lungseg.jobs.console import begin

begin(snakemake.log[0])
files = snakemake.input
tables = [pd.read_csv(table).merge(pd.read_csv(split)) for table, split in zip(files.tables, files.splits, strict=True)]
images = np.concatenate([np.load(array, mmap_mode="r")[:, 0] for array in files.pixels])
pairs = near_duplicates(pd.concat(tables, ignore_index=True), images, snakemake.params.distance)
print(pairs.to_string(), file=sys.stderr)  # in the log, as a table of a run that fails is taken away
refuse_leaks(pairs, snakemake.params.allowed)
write_csv(pairs, snakemake.output[0])
