"""Put the paper's Table 1 beside ours, for a program, a README, a paper and a page."""

from lungseg.jobs.console import begin

begin(snakemake.log[0])

from pathlib import Path

from lungseg.files import replacing, write_csv
from lungseg.paper import read_paper
from lungseg.plan import plan_of
from lungseg.report.tables import absent, failures, layout, legend, lost_runs, table1, to_html, to_latex, to_markdown
from lungseg.tables import read_csv

train_on, test_on = snakemake.params.train_on, snakemake.params.test_on
estimates = read_csv(snakemake.input.estimates)
counted = failures(estimates, train_on, test_on)
lost = read_csv(snakemake.input.diverged)
note = " ".join(
    [legend(snakemake.params.level, estimates["seeds"].max()), counted, *lost_runs(lost), snakemake.params.note]
).strip()
paper = read_paper(Path(snakemake.input.paper[0]).parent)
plan = plan_of(snakemake.input.plan)
metrics = plan.metrics if plan else [metric for metric in paper.metrics if metric != "loss"]
table = table1(estimates, paper, train_on, test_on, metrics, absent(lost, train_on))
write_csv(table, snakemake.output.csv)
caption = f"Table 1, published and reproduced; trained on {train_on}, tested on {test_on}."
for render, output in ((to_markdown, "md"), (to_latex, "tex"), (to_html, "html")):
    with replacing(snakemake.output[output]) as path:
        path.write_text(render(layout(table, paper), caption, note), encoding="utf-8")
