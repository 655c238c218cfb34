"""Draw gains, costs, training sets on test sets, learning curves, ranks, calibration, and ways of counting."""

from lungseg.jobs.console import begin

begin(snakemake.log[0])

from pathlib import Path

from lungseg.paper import read_paper
from lungseg.plan import plan_of
from lungseg.report.cost_figure import costs
from lungseg.report.differences import claimed_gains
from lungseg.report.film_figures import save
from lungseg.report.learning_curves import film_numbers, make_curves
from lungseg.report.learning_figure import learning_curves
from lungseg.report.look import Look
from lungseg.report.summary_figures import crossing, gains, rank_diagram, reliability, ways_of_counting
from lungseg.tables import read_csv, read_parquet

files, choices = snakemake.input, snakemake.params
look = Look.of(paper := read_paper(Path(files.paper[0]).parent), **choices.look)
margins = plan.margins if (plan := plan_of(files.plan)) else {}
margin = margins.get(paper.headline.metric) if paper.headline else None
tables, shown = (read_csv(files.comparisons), read_csv(files.scores)), (choices.train_on, choices.test_on)
numbers = film_numbers(*choices.sets, {Path(file).stem: read_csv(file) for file in files.splits})
curves = make_curves(read_csv(files.estimates), tables[0], numbers, choices.test_on)
drawn = {
    "gains": gains(claimed_gains(*tables, paper, *shown), paper, look, margin, choices.level),
    "cost": costs(read_csv(files.cost), read_csv(files.estimates), *shown, look, choices.level),
    "crossing": crossing(read_csv(files.crossing), look, choices.level),
    "learning_curves": learning_curves(curves, look, margins.get("dice"), choices.level),
    "ranks": rank_diagram(read_csv(files.ranks), choices.train_on, look),
    "calibration": reliability(read_csv(files.reliability), read_csv(files.calibration), choices.train_on, look),
    "definitions": ways_of_counting(read_parquet(files.definitions), paper, look),
}
for file in map(Path, files.captions):
    save(drawn[file.stem], Path(snakemake.output[0]).with_name(file.stem), f"{file.read_text('utf-8')}\n{choices.note}")
