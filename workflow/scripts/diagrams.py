"""Draw the matrix of training and test sets, the ranks, and the ways of counting."""

from pathlib import Path

import pandas as pd

from lungseg.console import begin
from lungseg.diagrams import crossing, rank_diagram, ways_of_counting
from lungseg.figures import save
from lungseg.published import NAMES

begin(snakemake.log[0])
files, train_on = snakemake.input, snakemake.params.train_on
stems = [Path(snakemake.output[key]).with_suffix("") for key in ("crossing_svg", "ranks_svg", "definitions_svg")]
save(crossing(pd.read_csv(files.crossing), NAMES), stems[0])
save(rank_diagram(pd.read_csv(files.ranks), train_on, NAMES), stems[1])
save(ways_of_counting(pd.read_parquet(files.definitions), NAMES), stems[2])
