"""Bring the archives of one data set into its folder, or note what the films of one's own are."""

from lungseg.jobs.console import begin

begin(snakemake.log[0])

from pathlib import Path

from lungseg.data.archive import fetch_all
from lungseg.data.datasets import dataset
from lungseg.films.own_sets import write_record
from lungseg.own import Own

archives, name, own = snakemake.config["archives"], snakemake.wildcards.dataset, snakemake.params.own
folder = Path(snakemake.output.record).parent
if own:
    write_record(name, Own(**own), folder)
else:
    fetch_all(dataset(name).archives, folder, Path(archives) if archives else None)
