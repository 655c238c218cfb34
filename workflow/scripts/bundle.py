"""Put what travels of each run where git keeps it: history, card and predictions."""

from lungseg.jobs.console import begin

begin(snakemake.log[0])

import json
import shutil

from lungseg.files import replacing
from lungseg.learning.bundles import passed_on
from lungseg.learning.run_files import read_card
from lungseg.learning.stored_predictions import read_predictions, run_key, write_predictions

files, made, choices = snakemake.input, snakemake.output, snakemake.params
for source, target in zip(files.histories, made.histories, strict=True):
    with replacing(target) as path:
        shutil.copyfile(source, path)
for source, target in zip(files.cards, made.cards, strict=True):
    with replacing(target) as path:
        path.write_text(json.dumps(passed_on(read_card(source)), indent=2) + "\n", encoding="utf-8")
stored = dict(zip(choices.train_on, map(read_predictions, files.predictions), strict=True))
for run, target in zip(choices.runs, made.predictions, strict=True):
    of_set = stored[run["train_on"]]
    lost = [run_key(run["variant"], run["seed"])] if run not in of_set.trained([run]) else []
    own = [of_set.prediction(run["variant"], run["seed"]) for run in of_set.trained([run])]
    write_predictions(target, own, of_set.films, lost)
