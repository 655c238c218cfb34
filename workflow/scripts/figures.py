"""Draw the training, the chosen films with each variant's errors, and every film's Dice."""

from pathlib import Path

import pandas as pd

from lungseg.console import begin
from lungseg.figures import dice_per_image, overlays, read_cases, save, training_curves
from lungseg.published import NAMES

begin(snakemake.log[0])
files, choices = snakemake.input, snakemake.params
histories = [pd.read_csv(file).assign(**run) for run, file in zip(choices.runs, files.histories, strict=True)]
scores = pd.read_csv(files.scores).query("train_on == @choices.train_on")
runs = [run for run in choices.runs if run["train_on"] == choices.train_on]
pixels = dict(zip(choices.datasets, files.pixels, strict=True))
tables = dict(zip(choices.datasets, files.tables, strict=True))
cases = read_cases(scores, runs, files.predictions[0], pixels, tables)
stems = [Path(snakemake.output[key]).with_suffix("") for key in ("curves_svg", "overlays_svg", "dice_svg")]
save(training_curves(pd.concat(histories), NAMES), stems[0])
save(overlays(cases, NAMES), stems[1])
save(dice_per_image(scores, NAMES), stems[2])
