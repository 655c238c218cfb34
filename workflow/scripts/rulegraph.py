"""Draw the rules and what they wait for."""

from lungseg.jobs.console import begin

begin(snakemake.log[0])

import subprocess
import sys

from lungseg.files import replacing
from lungseg.report.readme import mermaid

command = [sys.executable, "-m", "snakemake", "--nolock", "--configfile", snakemake.input.config, "--rulegraph", "dot"]
graph = mermaid(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
with replacing(snakemake.output[0]) as path:
    path.write_text(graph, encoding="utf-8")
