"""Every mean of the shown training set as a tree, for tools that compare commits."""

import json

import pandas as pd

from lungseg.console import begin
from lungseg.files import replacing
from lungseg.tables import tree

begin(snakemake.log[0])
means = tree(pd.read_csv(snakemake.input.estimates), snakemake.params.train_on)
with replacing(snakemake.output[0]) as path:
    path.write_text(json.dumps(means, indent=2) + "\n", encoding="utf-8")
