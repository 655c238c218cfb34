"""Look for films and patients that are in two parts of the split under different names."""

from lungseg.jobs.console import begin

begin(snakemake.log[0])

import sys

import pandas as pd

from lungseg.data.films import open_films
from lungseg.data.leakage import look_alikes, refuse_leaks, tell
from lungseg.data.opened import Channel
from lungseg.files import write_csv
from lungseg.tables import read_csv

files = snakemake.input
tables = [read_csv(table).merge(read_csv(split)) for table, split in zip(files.tables, files.splits, strict=True)]
stored = [open_films(*pair) for pair in zip(files.pixels, files.tables, strict=True)]
films = [(one, number) for one in stored for number in range(len(one.rows))]
pairs = look_alikes(
    pd.concat(tables, ignore_index=True), Channel(films, 0), Channel(films, 1), snakemake.params.distance
)
print(
    pairs.to_string(), tell(pairs), sep="\n", file=sys.stderr
)  # in the log, as the table of a failed run is taken away
refuse_leaks(pairs, snakemake.params.allowed)
write_csv(pairs, snakemake.output[0])
