"""Give every mean its interval, and compare what stands side by side."""

import numpy as np
import pandas as pd

from lungseg.files import write_csv
from lungseg.jobs.console import begin
from lungseg.statistics.estimation import infer

begin(snakemake.log[0])
choices = snakemake.params
rng = np.random.default_rng(choices.seed)
inference = infer(pd.read_parquet(snakemake.input.scores), choices.train_on, choices.resamples, choices.level, rng)
for field in inference.__dataclass_fields__:
    write_csv(getattr(inference, field), snakemake.output[field])
