"""Count the stored predictions of the paper's networks in every way that is in use, and compare with the paper."""

from pathlib import Path

import pandas as pd
from tqdm import tqdm

from lungseg.claims.definitions import COUNTED, count, count_films, count_histogram, rank, relations, study
from lungseg.data.images import read_originals
from lungseg.data.squares import restore_logits
from lungseg.files import write_csv
from lungseg.jobs.console import begin
from lungseg.learning.stored_predictions import read_predictions
from lungseg.paper import read_paper
from lungseg.tables import write_parquet

begin(snakemake.log[0])
files, choices, rows = snakemake.input, snakemake.params, []
printed = read_paper(Path(files.paper[0]).parent).table()
stored = read_predictions(files.predictions)
places = [dict(zip(choices.datasets, group, strict=True)) for group in (files.masks, files.boxes, files.tables)]
runs = [run for run in choices.runs if run["variant"] in printed]
originals = list(read_originals(stored.films.of("test"), *places))
for run in tqdm(runs, desc="count", unit="run"):
    variant, seed = run["variant"], run["seed"]
    for part in ("train", "validation", "test"):
        of_part = [(dataset, part) for dataset, _ in stored.films.of(part)]
        counted = [count_histogram(film) for film in stored.histograms(variant, seed, part)]
        rows += count_films(variant, seed, of_part, counted, "network")
    native = zip(stored.of(variant, seed).logits, originals, strict=True)  # of test films alone
    large = [count(restore_logits(one, film.box, film.mask.shape), film.mask) for one, film in native]
    rows += count_films(variant, seed, of_part, large, "native")
values = study(pd.DataFrame(rows, columns=COUNTED), printed)
write_parquet(values, snakemake.output.parquet)
write_csv(rank(values), snakemake.output.ranked)
write_csv(relations(values, printed), snakemake.output.relations)
