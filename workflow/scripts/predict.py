"""Let every run of one training set segment the test films of every data set, and others where they are asked for."""

from pathlib import Path

import numpy as np
from tqdm import tqdm

from lungseg.console import begin
from lungseg.parts import read_part
from lungseg.prediction import predict
from lungseg.predictions import Segmentation, write_predictions
from lungseg.training import start
from lungseg.weights import load_network, read_card

begin(snakemake.log[0])
files, choices = snakemake.input, snakemake.params
parts = {part: read_part(part, files.pixels, files.tables, files.splits) for part in choices.parts}
films = np.concatenate([part.images for part in parts.values()])
device = start(choices.device, snakemake.threads)
segmentations = []
runs = list(zip(choices.runs, files.weights, files.cards, strict=True))
for run, weights, card in tqdm(runs, desc=f"predict {snakemake.wildcards.train_on}", unit="run"):
    recipe = read_card(card)["training"]
    network = load_network(Path(weights), Path(card)).to(device)
    logits = predict(network, films, recipe["batch_size"], recipe["precision"])
    segmentations.append(Segmentation(run["variant"], run["seed"], logits))
datasets = [dataset for part in parts.values() for dataset in part.dataset]
image_ids = [image_id for part in parts.values() for image_id in part.image_id]
names = [name for name, part in parts.items() for _ in part.image_id]
write_predictions(snakemake.output[0], segmentations, datasets, image_ids, names)
