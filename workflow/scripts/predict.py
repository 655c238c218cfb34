"""Let every run of one training set segment the test films of every data set."""

from pathlib import Path

import numpy as np
from tqdm import tqdm

from lungseg.console import begin
from lungseg.files import replacing
from lungseg.parts import read_part
from lungseg.prediction import predict
from lungseg.training import start
from lungseg.weights import load_network, read_card

begin(snakemake.log[0])
test = read_part("test", snakemake.input.pixels, snakemake.input.tables, snakemake.input.splits)
device = start(snakemake.params.device, snakemake.threads)
runs = list(zip(snakemake.input.weights, snakemake.input.cards, snakemake.output, strict=True))
for weights, card, output in tqdm(runs, desc=f"predict {snakemake.wildcards.train_on}", unit="run"):
    recipe = read_card(card)["training"]
    network = load_network(Path(weights), Path(card)).to(device)
    logits = predict(network, test.images, recipe["batch_size"], recipe["precision"])
    with replacing(output) as path, path.open("wb") as stream:
        np.savez(stream, logits=logits, test_on=np.array(test.dataset), image_id=np.array(test.image_id))
