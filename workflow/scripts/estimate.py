"""Give every mean its interval, and compare what stands side by side."""

from pathlib import Path

import numpy as np
import pandas as pd

from lungseg.data.patients import seen_elsewhere
from lungseg.files import write_csv
from lungseg.jobs.console import begin
from lungseg.paper import read_paper, read_references
from lungseg.statistics.estimation import make_tables
from lungseg.statistics.sensitivity import sensitivity

begin(snakemake.log[0])
files, choices = snakemake.input, snakemake.params
paper, elsewhere = read_paper(Path(files.paper[0]).parent), read_references(*files.references)
rng = np.random.default_rng(choices.seed)
scores, coverage = pd.read_parquet(files.scores), pd.read_csv(files.coverage)
pool = list(paper.networks) if choices.pool is None else choices.pool
plan = {"pool": pool, "coverage": coverage}
tables = make_tables(scores, paper, elsewhere, choices.train_on, choices.resamples, choices.level, rng, **plan)
for field in tables.__dataclass_fields__:
    write_csv(getattr(tables, field), snakemake.output[field])
films = seen_elsewhere(pd.concat(map(pd.read_csv, files.splits)))
write_csv(sensitivity(scores, films, choices.level, pool), snakemake.output.sensitivity)
