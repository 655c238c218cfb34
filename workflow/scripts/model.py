"""Count what the model in the package does on test films, and write its card."""

from lungseg.jobs.console import begin

begin(snakemake.log[0])

from pathlib import Path

import pandas as pd

from lungseg.data.films import read_part
from lungseg.data.images import read_originals
from lungseg.data.patients import seen_elsewhere
from lungseg.files import replacing, write_csv
from lungseg.films.networks import default
from lungseg.report.film_figures import overlays
from lungseg.report.look import Look
from lungseg.report.model_card import Answers, card_page, cases, held_out, own_size, read_cards
from lungseg.scores.scoring import abnormal, score
from lungseg.tables import read_csv

files, choices, made = snakemake.input, snakemake.params, snakemake.output
model, folder = default(Path(choices.folder)), Path(choices.folder)
test = read_part("test", files.pixels, files.tables, files.splits)
places = (dict(zip(choices.datasets, group, strict=True)) for group in (files.masks, files.boxes, files.tables))
names = list(zip(test.dataset, test.image_id, strict=True))
films = pd.DataFrame({"test_on": test.dataset, "image_id": test.image_id, "abnormal": abnormal(files.tables, names)})
answers = Answers(model, test)
scores = own_size(score([answers], [], test.masks > 0, read_originals(names, *places)), films)
table = held_out(scores, seen_elsewhere(pd.concat(map(read_csv, files.splits))), choices.level)
page = card_page(read_cards(folder), read_csv(files.candidates), table, scores, choices.note, choices.level)
with replacing(made.page) as path:
    path.write_text(page, encoding="utf-8")
write_csv(scores, made.scores)
look = Look({answers.variant: "The model"}, {}, dict(zip(choices.datasets, choices.datasets, strict=True)), "")
with replacing(made.figure) as path:
    overlays(cases(scores, answers), look).savefig(path, format="png", dpi=150)
