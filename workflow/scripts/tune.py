"""Which rate suits which network: the tries side by side."""

from lungseg.jobs.console import begin

begin(snakemake.log[0])

from lungseg.config import Tune
from lungseg.files import write_csv
from lungseg.learning.tuning import judged

choices = snakemake.params
pairs = [tuple(pair) for pair in choices.tries]
write_csv(judged(dict(zip(pairs, snakemake.input, strict=True)), Tune(**choices.tune)), snakemake.output[0])
