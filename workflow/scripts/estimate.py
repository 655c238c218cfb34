"""Give every mean its interval, and compare what stands side by side."""

from lungseg.jobs.console import begin

begin(snakemake.log[0])

from pathlib import Path

import numpy as np
import pandas as pd

from lungseg.data.patients import seen_elsewhere
from lungseg.files import write_csv
from lungseg.paper import read_paper, read_references
from lungseg.plan import declared_pool, plan_of
from lungseg.scores.cases import COLUMNS
from lungseg.statistics.elsewhere import elsewhere, sets_asked
from lungseg.statistics.estimation import make_tables
from lungseg.statistics.multiverse import multiverse
from lungseg.statistics.sensitivity import sensitivity
from lungseg.statistics.subgroups import subgroup_differences
from lungseg.tables import read_csv, read_parquet

files, choices = snakemake.input, snakemake.params
paper, printed_elsewhere = read_paper(Path(files.paper[0]).parent), read_references(*files.references)
scores, coverage = read_parquet(files.scores, COLUMNS), read_csv(files.coverage)
pool = declared_pool(choices.pool, plan := plan_of(files.plan), paper)
given = (scores, paper, printed_elsewhere, choices.train_on, choices.resamples, choices.level)
declared = {"contrasts": plan.contrasts, "margins": plan.margins, "crossed": plan.effects} if plan else {}
tables = make_tables(*given, np.random.default_rng(choices.seed), pool=pool, coverage=coverage, **declared)
for field in tables.__dataclass_fields__:
    write_csv(getattr(tables, field), snakemake.output[field])
twins = seen_elsewhere(pd.concat(map(read_csv, files.splits)))
write_csv(sensitivity(scores, twins, choices.level, pool), snakemake.output.sensitivity)
write_csv(multiverse(scores, paper.headline, choices.shown, twins, choices.level, pool), snakemake.output.multiverse)
write_csv(subgroup_differences(scores, choices.level, pool), snakemake.output.subgroup_differences)
sets = sets_asked(scores, choices.train_on, plan.test_on if plan else [])
write_csv(elsewhere(scores, sets, plan.films if plan else [], choices.level, pool), snakemake.output.elsewhere)
