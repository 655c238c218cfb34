"""Copy an experiment's small results to results/, where git keeps them, and write what README says of them."""

from lungseg.jobs.console import begin

begin(snakemake.log[0])

import shutil
from pathlib import Path

from lungseg.files import replacing
from lungseg.paper import read_paper
from lungseg.report.fidelity import filled
from lungseg.report.readme import fill, readme_block, result_page
from lungseg.report.results import Results
from lungseg.tables import read_csv

files, made = snakemake.input, snakemake.output
for source, target in zip(files.files, made.files, strict=True):
    with replacing(target) as path:
        shutil.copyfile(source, path)

paper, folder = read_paper(Path(files.paper[0]).parent), Path(made.page).parent
results = Results(folder)
with replacing(made.page) as path:
    path.write_text(result_page(results, paper, read_csv(files.coverage), "../.."), encoding="utf-8")
readme, name = Path(snakemake.params.readme), snakemake.config["name"]
text = readme.read_text(encoding="utf-8")
if f"<!-- /{name} -->" in text:  # it shows some experiments
    with replacing(readme) as path:
        path.write_text(fill(text, name, readme_block(results, paper, str(folder))), encoding="utf-8")

choices = Path(snakemake.params.open_choices)
with replacing(choices) as path:
    path.write_text(filled(choices.read_text(encoding="utf-8"), results, paper), encoding="utf-8")
