"""Bring the archives of one data set into its folder."""

from pathlib import Path

from lungseg.data.archive import fetch_all
from lungseg.data.datasets import dataset
from lungseg.jobs.console import begin

begin(snakemake.log[0])
archives = snakemake.config["archives"]
folder = Path(snakemake.output.record).parent
fetch_all(dataset(snakemake.wildcards.dataset).archives, folder, Path(archives) if archives else None)
