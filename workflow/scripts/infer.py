"""Give every mean its interval, and compare every pair of variants."""

import numpy as np
import pandas as pd

from lungseg.console import begin
from lungseg.files import write_csv
from lungseg.stats import infer

begin(snakemake.log[0])
choices = snakemake.params
rng = np.random.default_rng(choices.seed)
inference = infer(pd.read_csv(snakemake.input.scores), choices.resamples, choices.level, rng)
write_csv(inference.estimates, snakemake.output.estimates)
write_csv(inference.comparisons, snakemake.output.comparisons)
