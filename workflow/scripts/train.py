"""Train one variant on one training set with one seed."""

from pathlib import Path

from lungseg.console import begin, follow
from lungseg.files import write_csv
from lungseg.models import build
from lungseg.parts import read_part
from lungseg.recipe import Training, Variant
from lungseg.training import Checkpoint, Examples, fit, history, identity, recorded, start
from lungseg.weights import describe_run, save_network

begin(snakemake.log[0])
files = (snakemake.input.pixels, snakemake.input.tables, snakemake.input.splits)
train, validation = read_part("train", *files), read_part("validation", *files)
variant, recipe = Variant(**snakemake.params.variant), Training(**snakemake.params.training)
seed, folder = int(snakemake.wildcards.seed), Path(snakemake.output.weights).parent
run = "{variant}/{train_on}/seed{seed}".format(**snakemake.wildcards)

device = start(snakemake.params.device, snakemake.threads)
network = build(variant, seed).to(device)
made_of = identity(snakemake.params.code, variant, recipe, seed, train, validation)
checkpoint = Checkpoint(folder / "checkpoint.pt", made_of, snakemake.config["checkpoint_seconds"])
examples = Examples.of(train, device), Examples.of(validation, device)
epochs = follow(fit(network, *examples, recipe, seed, checkpoint), recipe.epochs, run)
epochs = list(recorded(epochs, folder / "progress.csv"))

write_csv(history(epochs), snakemake.output.history)
facts = {"run": run, "identity": made_of} | describe_run(network, variant, recipe, epochs, train)
save_network(network, Path(snakemake.output.weights), Path(snakemake.output.card), facts)
checkpoint.path.unlink(missing_ok=True)
(folder / "progress.csv").unlink(missing_ok=True)
