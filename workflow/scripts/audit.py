"""Judge every claim of the paper, and check the arithmetic of published tables."""

import json
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from lungseg.claims.arithmetic import audit
from lungseg.claims.evidence import Evidence
from lungseg.claims.printed_table import as_printed, read_table
from lungseg.claims.verdicts import judge, read_claims
from lungseg.files import replacing, write_csv
from lungseg.jobs.console import begin
from lungseg.paper import TABLE1
from lungseg.report.tables import claims_table

begin(snakemake.log[0])
files, shown = snakemake.input, snakemake.params.table1
where = "train_on == @shown['train_on'] and test_on == @shown['test_on']"
runs = [run | json.loads(Path(file).read_text()) for run, file in zip(snakemake.params.runs, files.cards, strict=True)]
tables = [pd.read_csv(file).assign(**run) for run, file in zip(snakemake.params.runs, files.histories, strict=True)]
histories = pd.concat(tables)
facts = [(Path(run["run"]).parts[0], run["parameters"], run["variant"]["width"]) for run in runs]
costs = pd.DataFrame(facts, columns=["variant", "parameters", "width"])
costs = costs.groupby("variant").first().join(histories.groupby("variant")["images_per_second"].mean())
findings = tuple(audit(as_printed({name: row.to_dict() for name, row in TABLE1.items()}, decimals=3)))
estimates, comparisons = (pd.read_csv(files[key]).query(where) for key in ("estimates", "comparisons"))
claims = judge(read_claims(files.claims), Evidence(estimates, comparisons, findings, costs, histories))
write_csv(claims, snakemake.output.claims)
with replacing(snakemake.output.text) as path:
    path.write_text(claims_table(claims, snakemake.params.note), encoding="utf-8")
found = [{"table": Path(file).name} | asdict(one) for file in files.published for one in audit(read_table(file))]
write_csv(pd.DataFrame(found, columns=["table", "row", "rule", "message", "slack"]), snakemake.output.tables)
