"""Judge every claim of the paper, and check the arithmetic of published tables."""

from lungseg.jobs.console import begin

begin(snakemake.log[0])

from dataclasses import asdict
from pathlib import Path

import pandas as pd

from lungseg.claims.arithmetic import Finding, audit
from lungseg.claims.evidence import Evidence, arms, parameters, read_runs
from lungseg.claims.printed_table import as_printed, read_table
from lungseg.claims.verdicts import judge, read_claims
from lungseg.files import replacing, write_csv
from lungseg.paper import read_paper
from lungseg.plan import plan_of
from lungseg.report.tables import claims_table
from lungseg.tables import read_csv

files, shown = snakemake.input, snakemake.params.table1
paper = read_paper(folder := Path(files.paper[0]).parent)
where = "train_on == @shown['train_on'] and test_on == @shown['test_on']"
cards, histories = read_runs(snakemake.params.runs, files.cards, files.histories)
findings, counts = tuple(audit(own := as_printed(paper.cells))), parameters(cards)
estimates, comparisons = (read_csv(files[key]).query(where) for key in ("estimates", "comparisons"))
elsewhere = read_csv(files.elsewhere).query("train_on == @shown['train_on']")
said = [claim for file in files.claims for claim in read_claims(file, paper)]
seen = (plan_of(files.plan), estimates, comparisons, elsewhere, findings, arms(cards), counts, histories)
claims = judge(said, Evidence(paper, *seen, drawn=snakemake.params.drawn))
write_csv(claims, snakemake.output.claims)
with replacing(snakemake.output.text) as path:
    path.write_text(claims_table(claims, snakemake.params.note), encoding="utf-8")
printed = {Path(file).name: read_table(file) for file in files.published}
printed.setdefault(f"{folder.name}.csv", {paper.name(row): cells for row, cells in own.items()})
found = [{"table": name} | asdict(one) for name, table in printed.items() for one in audit(table)]
write_csv(pd.DataFrame(found, columns=["table", *Finding.__dataclass_fields__]), snakemake.output.tables)
