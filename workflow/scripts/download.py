"""Bring the archives of one data set into its folder."""

from pathlib import Path

from lungseg.console import begin
from lungseg.datasets import dataset
from lungseg.datasets.archive import fetch_all

begin(snakemake.log[0])
archives = snakemake.params.archives
folder = Path(snakemake.output.record).parent
fetch_all(dataset(snakemake.wildcards.dataset).archives, folder, Path(archives) if archives else None)
