"""Score every run of one training set, and what stands beside them, on every test film."""

from lungseg.jobs.console import begin

begin(snakemake.log[0])

from pathlib import Path

import numpy as np
import pandas as pd

from lungseg.data.images import read_originals
from lungseg.data.opened import open_part
from lungseg.learning.stored_predictions import read_predictions
from lungseg.paper import read_paper
from lungseg.scores.baselines import references
from lungseg.scores.scoring import abnormal, score
from lungseg.tables import write_parquet

files, choices, train_on = snakemake.input, snakemake.params, snakemake.wildcards.train_on
test = open_part("test", files.pixels, files.tables, files.splits)
own = [choices.datasets.index(name) for name in choices.trained_on]
training = open_part("train", *([group[i] for i in own] for group in (files.pixels, files.tables, files.splits)))
stored = read_predictions(files.predictions)
stored.expect(test)
trained, held = stored.trained(choices.runs), snakemake.threads + 2
runs = [stored.of(run["variant"], run["seed"], held) for run in trained]
paper = read_paper(Path(files.paper[0]).parent)
truths = np.stack([*test.masks]) > 0
made = references(runs, training.masks, truths, paper.single, paper.encoders)
beside = list(made) if choices.with_references and runs else []
places = (dict(zip(choices.datasets, group, strict=True)) for group in (files.masks, files.boxes, files.tables))
own_size = read_originals(stored.films.of(), *places)
scores = score(runs, beside, truths, own_size, snakemake.threads)
films = pd.DataFrame({"train_on": train_on, "test_on": test.dataset, "image_id": test.image_id})
films["abnormal"] = abnormal(files.tables, stored.films.of())
write_parquet(scores.join(films, on="film").drop(columns="film"), snakemake.output[0])
