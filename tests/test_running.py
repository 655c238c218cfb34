"""How a run starts, stops and goes on, wherever a person starts it."""

import json
import re
import shlex
import shutil
from html import unescape
from pathlib import Path

from tests.workflow import copy_project, run

NOTE = 'it\'s "50 %" of $HOME; `films` of é'


def test_the_command_in_the_report_makes_the_run_again(project: Path, tmp_path: Path) -> None:
    """Started elsewhere, with two configuration files, an override, and odd characters in all of them."""
    clone, elsewhere = copy_project(tmp_path / "clone"), tmp_path / "it's $else where"
    for name in ("tiny", ".snakemake"):  # what another run trained, so that nothing is trained here
        shutil.copytree(project / name, elsewhere / name)
    other = clone / "my first é config.yaml"
    other.write_text("statistics: {resamples: 150}\n")
    files = [clone / "tests/tiny.yaml", other]
    choices = ["--configfile", *map(str, files), "--config", f"note={NOTE}"]
    run(elsewhere, "snakemake", "--cores", "2", "--snakefile", str(clone / "Snakefile"), *choices, root=clone)
    results = elsewhere / "tiny/results"
    config = json.loads((results / "manifest.json").read_text())["config"]
    assert (config["note"], config["statistics"]["resamples"]) == (NOTE, 150)
    (command,) = re.findall(r"<dt>Command</dt><dd><code>(.*?)</code>", (results / "report.html").read_text())
    said = shlex.split(unescape(command))
    assert "Nothing to be done" in run(clone, *said, "--dry-run")
    assert "Nothing to be done" in run(clone, *said, "--dry-run", "--", "tiny/results/table1.csv")
    assert "Nothing to be done" not in run(clone, *said[:-1], "note=another", "--dry-run")
    assert {path.name for path in elsewhere.iterdir()} == {"tiny", ".snakemake"}
