"""Train one variant on one training set with one seed."""

from lungseg.jobs.console import begin

begin(snakemake.log[0])

import os
from pathlib import Path

from lungseg.data.films import read_part
from lungseg.data.subset import subset
from lungseg.jobs.console import follow
from lungseg.learning.memory import card_bytes
from lungseg.learning.run import Recipe, train_run
from lungseg.learning.training import start
from lungseg.machine import commit
from lungseg.recipe import Training, Variant

choices, files = snakemake.params, (snakemake.input.pixels, snakemake.input.tables, snakemake.input.splits)
whole, validation = read_part("train", *files), read_part("validation", *files)
train = subset(whole, *choices.films)
recipe = Recipe(
    name="/".join(Path(snakemake.output.weights).parts[-4:-1]),
    variant=Variant(**choices.variant),
    training=Training(**choices.training),
    seed=int(snakemake.wildcards.seed),
    code=choices.code,
    commit=commit(Path(os.environ["LUNGSEG_ROOT"]))["commit"],
    checkpoint_seconds=snakemake.config["checkpoint_seconds"],
    arithmetic=snakemake.config["bundles_arithmetic"],
)
need = card_bytes(recipe.variant, recipe.training, train.images.shape[-1])
device = start(choices.device, snakemake.threads, need)
train_run(recipe, train, validation, device, Path(snakemake.output.weights).parent, follow)
