"""Write down what made the results."""

from lungseg.jobs.console import begin

begin(snakemake.log[0])

import json
import os
import platform
import time
from pathlib import Path

from lungseg.config import without_places
from lungseg.files import replacing
from lungseg.jobs.manifest import archives, environment, first_training, loaded, packages, planned, seconds, trained
from lungseg.learning.run_files import read_card
from lungseg.machine import commit, hardware

folder, benchmarks = Path(snakemake.input.benchmarks[0]).parents[1], {}  # DIR/download/phantom.tsv
for file in map(Path, snakemake.input.benchmarks):
    benchmarks.setdefault(file.relative_to(folder).with_suffix("").parts[0], []).append(file)
cards, root = list(map(read_card, snakemake.input.cards)), Path(os.environ["LUNGSEG_ROOT"])
manifest = commit(root) | {
    "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    "config": without_places(snakemake.params.config),
    "archives": archives([Path(file).parent for file in snakemake.input.records]),
    "python": platform.python_version(),
    "environment": environment(),
    "packages": packages(),
    "hardware": hardware(),
    "plan": next((planned(Path(file), root) for file in snakemake.input.plan), None),
    "first_training": first_training(snakemake.input.histories),
    **{"trained": trained(cards), "loaded": loaded(cards)},
    "seconds": seconds(benchmarks),
}
with replacing(snakemake.output[0]) as path:
    path.write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
