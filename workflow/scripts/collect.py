"""Put the scores of all training sets into one table: all of them, and the networks' primary ones as CSV."""

from lungseg.files import write_csv
from lungseg.jobs.console import begin
from lungseg.learning.bundles import refuse_mixture
from lungseg.learning.run_files import read_card
from lungseg.scores.cases import COLUMNS, primary, together
from lungseg.tables import read_parquet, write_parquet

begin(snakemake.log[0])
refuse_mixture(map(read_card, snakemake.input.cards))
scores = together([read_parquet(file, COLUMNS) for file in snakemake.input.scores])
write_parquet(scores, snakemake.output.parquet)
write_csv(primary(scores), snakemake.output.csv)
