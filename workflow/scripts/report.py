"""Write the page that answers the question; each number on it opens to the films behind it."""

from lungseg.jobs.console import begin

begin(snakemake.log[0])

from pathlib import Path

import pandas as pd

from lungseg.claims.verdicts import read_claims
from lungseg.data.opened import open_part
from lungseg.files import replacing
from lungseg.paper import read_paper
from lungseg.report.outlines import of_runs
from lungseg.report.page import page
from lungseg.report.results import Results
from lungseg.report.trail import pack, trail
from lungseg.tables import read_csv

files, choices = snakemake.input, snakemake.params
main = choices.table1["train_on"]
test = open_part("test", files.pixels, files.images, files.splits)
images = pd.concat(read_csv(file) for file in files.images)
outlines = of_runs(dict(zip(choices.runs, files.predictions, strict=True)), choices.runs, main)
packed = pack(trail(read_csv(files.scores), images, test, outlines))
paper = read_paper(Path(files.paper[0]).parent)
template, results = Path(files.template[0]).parent, Results(Path(files.manifest).parent)
said = [claim for file in files.claims for claim in read_claims(file, paper)]
with replacing(snakemake.output[0]) as path:
    path.write_text(
        page(results, paper, template, packed, snakemake.config["command"], choices.level, said), encoding="utf-8"
    )
