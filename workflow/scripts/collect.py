"""Put the scores of all training sets into one table."""

import pandas as pd

from lungseg.console import begin
from lungseg.files import write_csv

begin(snakemake.log[0])
write_csv(pd.concat([pd.read_csv(file) for file in snakemake.input]), snakemake.output[0])
