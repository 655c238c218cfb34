"""Let every run of one training set segment the test films of every data set, and others where they are asked for."""

from lungseg.jobs.console import begin

begin(snakemake.log[0])

from pathlib import Path

from tqdm import tqdm

from lungseg.data.opened import open_part
from lungseg.data.subset import subset
from lungseg.learning.bundles import check_films
from lungseg.learning.run_files import NEEDED, diverged, read_card
from lungseg.learning.stored_predictions import predicted_films, read_bundle, run_key, write_predictions

files, choices = snakemake.input, snakemake.params
groups = (files.pixels, files.tables, files.splits)
own = [[group[choices.datasets.index(name)] for name in choices.trained_on] for group in groups]
train, validation = (open_part(part, *own) for part in ("train", "validation"))
learned = {"train": subset(train, *choices.films).sha256(), "validation": validation.sha256()}
check_films(cards := [read_card(file, NEEDED) for file in files.cards], learned)
lost = [run_key(run["variant"], run["seed"]) for run, card in zip(choices.runs, cards, strict=True) if diverged(card)]
folders = [Path(file).parent for file in files.cards]
whole = [(run, folder) for run, folder, card in zip(choices.runs, folders, cards, strict=True) if not diverged(card)]
split = [[file for file, whole in zip(group, choices.test_only, strict=True) if not whole] for group in groups]
parts = {part: open_part(part, *(groups if part == "test" else split)) for part in choices.parts}
films = predicted_films(parts)
if any(not run["bundle"] for run, _ in whole):  # else torch is not needed
    from lungseg.learning.inference import predict_run
    from lungseg.learning.training import start

    device = start(choices.device, snakemake.threads)
predictions = (
    read_bundle(folder, *who, films) if run["bundle"] else predict_run(folder, *who, parts, device)
    for run, folder in tqdm(whole, desc=f"predict {snakemake.wildcards.train_on}", unit="run")
    for who in [(run["variant"], run["seed"])]
)
write_predictions(snakemake.output[0], predictions, films, lost)
