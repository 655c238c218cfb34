"""Draw the rules and what they wait for, and put the drawing into the README."""

import subprocess
import sys
from pathlib import Path

from lungseg.files import replacing
from lungseg.jobs.console import begin
from lungseg.report.readme import fill, mermaid

begin(snakemake.log[0])
command = [sys.executable, "-m", "snakemake", "--nolock", "--configfile", snakemake.input.config, "--rulegraph", "dot"]
graph = mermaid(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
readme = Path(snakemake.params.readme)
filled = fill(readme.read_text(encoding="utf-8"), "rulegraph", f"```mermaid\n{graph}```")
for target, text in ((snakemake.output[0], graph), (readme, filled)):
    with replacing(target) as path:
        path.write_text(text, encoding="utf-8")
