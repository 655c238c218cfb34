"""Put the scores of all training sets into one table: all of them, and the networks' primary ones as CSV."""

import pandas as pd

from lungseg.files import replacing, write_csv
from lungseg.jobs.console import begin
from lungseg.learning.bundles import refuse_mixture
from lungseg.learning.run_files import read_card
from lungseg.scores.cases import primary, together

begin(snakemake.log[0])
refuse_mixture(map(read_card, snakemake.input.cards))
scores = together([pd.read_parquet(file) for file in snakemake.input.scores])
with replacing(snakemake.output.parquet) as path:
    scores.to_parquet(path, index=False)
write_csv(primary(scores), snakemake.output.csv)
