"""Count the stored predictions of the paper's networks in every way that is in use, and compare with the paper."""

from lungseg.jobs.console import begin

begin(snakemake.log[0])

from pathlib import Path

import numpy as np

from lungseg.claims.counting import count_runs
from lungseg.claims.definitions import DECIMALS, rank, study
from lungseg.claims.mixtures import relations
from lungseg.claims.yardstick import yardstick
from lungseg.data.images import read_originals
from lungseg.files import write_csv
from lungseg.learning.stored_predictions import read_predictions
from lungseg.paper import read_paper
from lungseg.tables import write_parquet

files, choices, made = snakemake.input, snakemake.params, snakemake.output
printed, stored = read_paper(Path(files.paper[0]).parent).table(), read_predictions(files.predictions)
places = [dict(zip(choices.datasets, group, strict=True)) for group in (files.masks, files.boxes, files.tables)]
runs = [(run["variant"], run["seed"]) for run in stored.trained(choices.runs) if run["variant"] in printed]
counted = list(count_runs(stored, runs, read_originals(stored.films.of(), *places), snakemake.threads))
found = study(counted, printed, choices.apart)
write_parquet(found.table(), made.parquet)
write_csv(rank(found).round(DECIMALS), made.ranked)
write_csv(relations(found, printed), made.relations)
write_csv(yardstick(found, choices.tables, np.random.default_rng(choices.seed)), made.yardstick)
