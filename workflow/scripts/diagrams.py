"""Draw the matrix of training and test sets, the ranks, the calibration, and the ways of counting."""

from pathlib import Path

import pandas as pd

from lungseg.jobs.console import begin
from lungseg.paper import read_paper
from lungseg.report.film_figures import save
from lungseg.report.summary_figures import crossing, rank_diagram, reliability, ways_of_counting

begin(snakemake.log[0])
files, choices = snakemake.input, snakemake.params
paper = read_paper(Path(files.paper[0]).parent)
where = choices.train_on
drawn = {
    "crossing": crossing(pd.read_csv(files.crossing), paper.names),
    "ranks": rank_diagram(pd.read_csv(files.ranks), where, paper.names),
    "calibration": reliability(pd.read_csv(files.reliability), pd.read_csv(files.calibration), where, paper.names),
    "definitions": ways_of_counting(pd.read_parquet(files.definitions), paper),
}
captions = {Path(file).stem: f"{Path(file).read_text(encoding='utf-8')}\n{choices.note}" for file in files.captions}
for stem, figure in drawn.items():
    save(figure, Path(snakemake.output[0]).with_name(stem), captions[stem])
