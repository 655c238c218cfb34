"""Count and measure what each network costs: parameters, operations, memory, time."""

from lungseg.jobs.console import begin

begin(snakemake.log[0])

from pathlib import Path

import pandas as pd
from tqdm import tqdm

from lungseg.files import write_csv
from lungseg.learning.costs import cost
from lungseg.learning.training import start
from lungseg.tables import read_csv

files, choices = snakemake.input, snakemake.params
# A configuration that asks for a GPU has its tables made without one too, from bundles.
device = start("auto" if choices.device == "cuda" else choices.device, snakemake.threads)
runs = pd.DataFrame(choices.runs).assign(card=list(files.cards), history=list(files.histories))
rows = []
for variant, own in tqdm(runs.groupby("variant", sort=False), desc="cost", unit="network"):
    speeds = pd.concat([read_csv(file)["images_per_second"] for file in own["history"]])
    rows.append(cost(variant, [*map(Path, own["card"])], speeds.tolist(), device, choices.foretold[variant]))
whole = {"parameters": "Int64", "trained_parameters": "Int64"}  # also beside an empty cell
write_csv(pd.DataFrame(rows).astype(whole), snakemake.output[0])
