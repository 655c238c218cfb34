"""Move the cut until recall and precision are the printed ones, and choose each column's best epoch."""

from lungseg.jobs.console import begin

begin(snakemake.log[0])

from pathlib import Path

import numpy as np
import pandas as pd

from lungseg.claims.best_epochs import best_epochs
from lungseg.claims.operating_points import operating_points
from lungseg.files import write_csv
from lungseg.learning.stored_predictions import read_predictions
from lungseg.paper import read_paper
from lungseg.tables import read_csv

files, runs, found = snakemake.input, snakemake.params.runs, {}
printed, stored = read_paper(Path(files.paper[0]).parent).table(), read_predictions(files.predictions)
for run in stored.trained(runs):
    if run["variant"] in printed:
        found.setdefault(run["variant"], []).append(stored.histograms(run["variant"], run["seed"], "test"))
stacked = {variant: np.stack(seeds) for variant, seeds in found.items()}
points = operating_points(
    stacked, [dataset for dataset, _ in stored.films.of()], "test", printed, snakemake.params.apart
)
write_csv(points, snakemake.output.points)
curves = [read_csv(file).assign(**run) for run, file in zip(runs, files.histories, strict=True)]
write_csv(best_epochs(pd.concat(curves), printed), snakemake.output.epochs)
