"""Give every mean its interval, and compare what stands side by side."""

import numpy as np
import pandas as pd

from lungseg.console import begin
from lungseg.files import write_csv
from lungseg.stats import infer

begin(snakemake.log[0])
choices = snakemake.params
rng = np.random.default_rng(choices.seed)
scores, coverage = pd.read_parquet(snakemake.input.scores), pd.read_csv(snakemake.input.coverage)
plan = {"pool": choices.pool, "coverage": coverage}
inference = infer(scores, choices.train_on, choices.resamples, choices.level, rng, **plan)
for field in inference.__dataclass_fields__:
    write_csv(getattr(inference, field), snakemake.output[field])
