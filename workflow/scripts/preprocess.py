"""Bring the films of one data set to one size."""

from pathlib import Path

from lungseg.data.archive import read_record
from lungseg.data.datasets import dataset
from lungseg.data.images import preprocess
from lungseg.files import write_csv
from lungseg.jobs.console import begin

begin(snakemake.log[0])
chosen, exclude = dataset(snakemake.wildcards.dataset), snakemake.params.exclude
folder = Path(snakemake.input.record).parent
read_record(folder, chosen.archives, whole=True)
listing = preprocess(
    chosen.read(folder, exclude, snakemake.threads),
    dataset=chosen.name,
    count=chosen.images - len(exclude),
    size=snakemake.params.size,
    frame=snakemake.params.frame,
    pixels=snakemake.output.pixels,
    masks=snakemake.output.masks,
    threads=snakemake.threads,
)
write_csv(listing.images, snakemake.output.table)
write_csv(listing.unused, snakemake.output.unused)
write_csv(listing.boxes, snakemake.output.boxes)
