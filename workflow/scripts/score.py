"""Score every run of one training set on every test film."""

import numpy as np
import pandas as pd

from lungseg.console import begin
from lungseg.files import write_csv
from lungseg.metrics import score
from lungseg.parts import read_part

begin(snakemake.log[0])
test = read_part("test", snakemake.input.pixels, snakemake.input.tables, snakemake.input.splits)
tables = []
for run, file in zip(snakemake.params.runs, snakemake.input.predictions, strict=True):
    stored = np.load(file)
    if list(stored["image_id"]) != test.image_id:
        raise RuntimeError(f"{file} holds other films than the test part")
    identity = {"variant": run["variant"], "train_on": snakemake.wildcards.train_on, "seed": run["seed"]}
    films = pd.DataFrame(identity | {"test_on": test.dataset, "image_id": test.image_id})
    tables.append(pd.concat([films, score(stored["logits"], test.masks > 0)], axis=1))
write_csv(pd.concat(tables), snakemake.output[0])
