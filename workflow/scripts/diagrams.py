"""Draw claimed gains, costs, the matrix of training and test sets, ranks, calibration, and the ways of counting."""

from lungseg.jobs.console import begin

begin(snakemake.log[0])

from pathlib import Path

from lungseg.paper import read_paper
from lungseg.plan import plan_of
from lungseg.report.cost_figure import costs
from lungseg.report.differences import claimed_gains
from lungseg.report.film_figures import save
from lungseg.report.look import Look
from lungseg.report.summary_figures import crossing, gains, rank_diagram, reliability, ways_of_counting
from lungseg.tables import read_csv, read_parquet

files, choices = snakemake.input, snakemake.params
paper = read_paper(Path(files.paper[0]).parent)
look = Look.of(paper, **choices.look)
plan = plan_of(files.plan)
margin = plan.margins.get(paper.headline.metric) if plan and paper.headline else None
tables, shown = (read_csv(files.comparisons), read_csv(files.scores)), (choices.train_on, choices.test_on)
drawn = {
    "gains": gains(claimed_gains(*tables, paper, *shown), paper, look, margin, choices.level),
    "cost": costs(read_csv(files.cost), read_csv(files.estimates), *shown, look, choices.level),
    "crossing": crossing(read_csv(files.crossing), look, choices.level),
    "ranks": rank_diagram(read_csv(files.ranks), choices.train_on, look),
    "calibration": reliability(read_csv(files.reliability), read_csv(files.calibration), choices.train_on, look),
    "definitions": ways_of_counting(read_parquet(files.definitions), paper, look),
}
captions = {Path(file).stem: f"{Path(file).read_text(encoding='utf-8')}\n{choices.note}" for file in files.captions}
for stem, figure in drawn.items():
    save(figure, Path(snakemake.output[0]).with_name(stem), captions[stem])
