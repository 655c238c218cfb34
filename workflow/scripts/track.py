"""Mirror every training in MLflow: choices, epochs, scores, pictures."""

from lungseg.jobs.console import begin

begin(snakemake.log[0])

from pathlib import Path

from lungseg.files import write_csv
from lungseg.jobs.tracking import Training, mirror, store, track
from lungseg.tables import read_csv

root, files = Path().resolve(), snakemake.input  # beside the results, where `lungseg track` looks too
trainings = [
    Training("{variant}/{train_on}/seed{seed}".format(**run), card, read_csv(history), card.stat().st_mtime)
    for run, card, history in zip(snakemake.params.runs, map(Path, files.cards), files.histories, strict=True)
]
name, scores, pictures = snakemake.config["name"], read_csv(files.scores), [Path(files.overlays)]
given = (store(root), root / "mlartifacts", name, trainings, scores, pictures)
later, runs = f"lungseg track {Path(files.scores).parent}", [one.run for one in trainings]
write_csv(mirror(lambda: track(*given), runs, later), snakemake.output[0])
