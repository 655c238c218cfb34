"""Bring the films of one data set to one size."""

from lungseg.jobs.console import begin

begin(snakemake.log[0])

from pathlib import Path

from lungseg.data.archive import read_record
from lungseg.data.images import preprocess
from lungseg.files import write_csv
from lungseg.films.own_sets import any_dataset, expect_record
from lungseg.own import Own

own = Own(**snakemake.params.own) if snakemake.params.own else None
chosen, exclude = any_dataset(snakemake.wildcards.dataset, own), snakemake.params.exclude
folder = Path(snakemake.input.record).parent
if own:
    expect_record(chosen.name, own, folder)
else:
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
