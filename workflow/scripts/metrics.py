"""The headline means, for tools that compare commits."""

from lungseg.jobs.console import begin

begin(snakemake.log[0])

import json

from lungseg.files import replacing
from lungseg.report.tables import headline
from lungseg.tables import read_csv

shown = snakemake.params.table1
means = headline(read_csv(snakemake.input.estimates), shown["train_on"], shown["test_on"])
with replacing(snakemake.output[0]) as path:
    path.write_text(json.dumps(means, indent=2) + "\n", encoding="utf-8")
