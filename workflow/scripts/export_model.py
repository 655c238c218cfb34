"""Choose the runs that the model in the package is made of, and write its files."""

from lungseg.jobs.console import begin

begin(snakemake.log[0])

from pathlib import Path

from lungseg.files import read_json, write_csv
from lungseg.learning.choosing import candidates
from lungseg.learning.packaged import package

cards, choices = snakemake.input.cards, snakemake.params
table = candidates(list(map(read_json, cards)))
chosen = table[table["chosen"]].iloc[0]
runs = [card for card in map(Path, cards) if card.parents[2].name == chosen["variant"]]
runs = [card.parent for card in runs if card.parent.name.removeprefix("seed") in chosen["seeds"].split()]
package(runs, Path(choices.folder), choices.frame, choices.version, choices.trained_on)
write_csv(table, snakemake.output.candidates)
