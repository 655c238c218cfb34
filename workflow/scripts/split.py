"""Say which film of one data set is for training, validation and testing."""

from lungseg.jobs.console import begin

begin(snakemake.log[0])

from lungseg.data.splits import each_part, split
from lungseg.files import write_csv
from lungseg.films.own_splits import split_films
from lungseg.own import Own
from lungseg.tables import read_csv

table = read_csv(snakemake.input.table)
choices, name = snakemake.params, snakemake.wildcards.dataset
own = Own(**choices.own) if choices.own else None
if own:
    parts = split_films(name, own, table, choices.seed)
else:
    parts = split(table, choices.method, choices.seed, choices.exclude)
write_csv(each_part(parts, name, own), snakemake.output.split)
