"""Draw the paper's figures, the training, and every film's Dice."""

from lungseg.jobs.console import begin

begin(snakemake.log[0])

from pathlib import Path

import pandas as pd

from lungseg.paper import read_paper
from lungseg.report.film_figures import dice_per_image, overlays, read_cases, save, training_curves
from lungseg.report.look import Look
from lungseg.report.network_drawings import read_architectures, sketch
from lungseg.tables import read_csv

files, choices = snakemake.input, snakemake.params
look = Look.of(read_paper(Path(files.paper[0]).parent), **choices.look)
histories = [read_csv(file).assign(**run) for run, file in zip(choices.runs, files.histories, strict=True)]
curves = pd.concat(histories)
scores = read_csv(files.scores).query("train_on == @choices.train_on")
runs = [run for run in choices.runs if run["train_on"] == choices.train_on]
pixels = dict(zip(choices.datasets, files.pixels, strict=True))
tables = dict(zip(choices.datasets, files.tables, strict=True))
networks, main = read_architectures(files.cards), curves.query("train_on == @choices.train_on")
drawn = {
    "figure1_inceptionresnetv2": sketch(networks.get("unet_inceptionresnetv2")),
    "figure2_proposed": sketch(networks.get("proposed")),
    "figure3_learning_rate": training_curves(main, look, ["Learning rate"]),
    "figure4_accuracy_and_loss": training_curves(main, look, ["Validation accuracy", "Loss"]),
    "figure5_overlays": overlays(read_cases(scores, runs, files.predictions[0], pixels, tables), look),
    "training_curves": training_curves(curves, look),
    "dice_per_image": dice_per_image(scores, look),
}
captions = {Path(file).stem: f"{Path(file).read_text(encoding='utf-8')}\n{choices.note}" for file in files.captions}
for stem, figure in drawn.items():
    save(figure, Path(snakemake.output[0]).with_name(stem), captions[stem])
