"""Put the scores of all training sets into one table: all of them, and the networks' primary ones as CSV."""

from lungseg.jobs.console import begin

begin(snakemake.log[0])

from lungseg.files import write_csv
from lungseg.learning.bundles import refuse_mixture
from lungseg.learning.run_files import NEEDED, read_card
from lungseg.scores.cases import COLUMNS, diverged, primary, together
from lungseg.tables import read_parquet, write_parquet

cards = [read_card(file, NEEDED) for file in snakemake.input.cards]
refuse_mixture(cards)
write_csv(diverged(cards, snakemake.params.main), snakemake.output.diverged)
scores = together([read_parquet(file, COLUMNS) for file in snakemake.input.scores], snakemake.params.apart)
write_parquet(scores, snakemake.output.parquet)
write_csv(primary(scores), snakemake.output.csv)
