"""Bring the films of one data set to one size."""

from pathlib import Path

from lungseg.data.datasets import dataset
from lungseg.data.images import preprocess
from lungseg.files import write_csv
from lungseg.jobs.console import begin

begin(snakemake.log[0])
chosen, exclude = dataset(snakemake.wildcards.dataset), snakemake.params.exclude
listing = preprocess(
    chosen.read(Path(snakemake.input.record).parent, exclude),
    dataset=chosen.name,
    count=chosen.images - len(exclude),
    size=snakemake.params.size,
    frame=snakemake.params.frame,
    pixels=snakemake.output.pixels,
    masks=snakemake.output.masks,
)
write_csv(listing.images, snakemake.output.table)
write_csv(listing.unused, snakemake.output.unused)
write_csv(listing.boxes, snakemake.output.boxes)
