"""Draw the matrix of training and test sets, the ranks, and the ways of counting."""

from pathlib import Path

from lungseg.jobs.console import begin
from lungseg.paper import read_paper
from lungseg.report.film_figures import save
from lungseg.report.summary_figures import crossing, rank_diagram, ways_of_counting
from lungseg.tables import read_csv, read_parquet

begin(snakemake.log[0])
files, choices = snakemake.input, snakemake.params
paper = read_paper(Path(files.paper[0]).parent)
drawn = {
    "crossing": crossing(read_csv(files.crossing), paper.names),
    "ranks": rank_diagram(read_csv(files.ranks), choices.train_on, paper.names),
    "definitions": ways_of_counting(read_parquet(files.definitions), paper),
}
captions = {Path(file).stem: f"{Path(file).read_text(encoding='utf-8')}\n{choices.note}" for file in files.captions}
for stem, figure in drawn.items():
    save(figure, Path(snakemake.output[0]).with_name(stem), captions[stem])
