"""Compare predicted probabilities with the share of lung among the pixels that have them."""

from lungseg.jobs.console import begin

begin(snakemake.log[0])

from pathlib import Path

import numpy as np
import pandas as pd

from lungseg.files import write_csv
from lungseg.learning.stored_predictions import read_predictions
from lungseg.paper import read_paper
from lungseg.plan import declared_pool, plan_of
from lungseg.statistics.calibration import binned, calibrate

files, choices, tables = snakemake.input, snakemake.params, []
pool = declared_pool(choices.pool, plan_of(files.plan), read_paper(Path(files.paper[0]).parent))
for (train_on, runs), file in zip(choices.runs.items(), files.predictions, strict=True):
    stored, groups = read_predictions(file), {}
    for run in stored.trained(runs):
        found = stored.histograms(run["variant"], run["seed"], "test")
        groups.setdefault(run["variant"], []).append(binned(found))
    stacked = {variant: np.stack(seeds) for variant, seeds in groups.items()}
    films = [dataset for dataset, _ in stored.films.of()]
    tables.append(calibrate(stacked, films, train_on, choices.level, pool, choices.apart))
write_csv(pd.concat([one.errors for one in tables]), snakemake.output.errors)
write_csv(pd.concat([one.reliability for one in tables]), snakemake.output.reliability)
