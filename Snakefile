"""Does a U-Net with two encoders beat a U-Net with one or none? Every number, from the archives to Table 1.

    snakemake --cores all                                       the reference experiment, config/config.yaml
    snakemake --cores all --configfile config/quickstart.yaml   the same steps on drawn films, minutes on a laptop

Rules stand in the order of the work. Each calls the script of its name in workflow/scripts; the library is lungseg/.
"""

import os
import re
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.settings.types import DeploymentMethod

sys.path.insert(0, workflow.basedir)

from lungseg.claims.declared import check_declared
from lungseg.learning import devices
from lungseg.learning.bundles import arithmetics, find_bundles, planned, predicted_parts
from lungseg.config import left_out, read_experiment
from lungseg.data.subset import curve_sets
from lungseg.errors import InputError
from lungseg.jobs import at_work, queue, seals
from lungseg.jobs.command import run_command
from lungseg.jobs.console import KILLED, killed, name_user, pass_on_sigterm
from lungseg.jobs.fingerprint import fingerprints
from lungseg.jobs.named_files import (
    check_apart,
    check_files,
    check_places,
    check_runnable,
    fetch_pinned,
    keep_out_of_git,
    lost_inputs,
    offered_hashes,
    own_hashes,
    weights_hashes,
)
from lungseg.jobs.remembered import Hashes
from lungseg.jobs.status import read_runs, watch
from lungseg.learning.duration import training_minutes
from lungseg.learning.tuning import rate_name, tried
from lungseg.learning.memory import KEEP_BLOCKS, machine_mb, side_by_side, step_mb, training_mb
from lungseg.outside import read_settings
from lungseg.paper import paper_folder, read_paper
from lungseg.plan import plan_file

for variable, value in KEEP_BLOCKS.items():
    os.environ.setdefault(variable, value)
os.environ.update(LUNGSEG_ROOT=workflow.basedir)  # whatever another checkout has left there
# Activated inside another environment, conda takes the other's place in PATH, which may be behind that of `.venv`: the
# rules' environment would be built and not used. As the first one, it stands in front.
os.environ.update(CONDA_SHLVL="0")


name_user()  # Snakemake asks for it before the first job


# A file of this repository, seen from the folder in which Snakemake runs.
shipped = lambda path: os.path.relpath(Path(workflow.basedir, path))

if "name" not in config:

    configfile: shipped("config/config.yaml")


try:
    check_runnable([Path(workflow.basedir), Path.cwd()])
    for file in workflow.configfiles if workflow.is_main_process else []:
        read_settings(file)
    EXPERIMENT = read_experiment(config)
    ARCHIVES = Path(EXPERIMENT.archives) if EXPERIMENT.archives else None
    RAW = Path(EXPERIMENT.folder("data"), "raw")
    OWN_SETS = {}
    if EXPERIMENT.own and workflow.is_main_process:
        from lungseg.films.own_sets import any_dataset, refuse_shared_names

        if lost_inputs({}, EXPERIMENT.own):
            check_files(EXPERIMENT.variants, EXPERIMENT.datasets, ARCHIVES, RAW, EXPERIMENT.own)
        OWN_SETS = {name: any_dataset(name, own) for name, own in EXPERIMENT.own.items()}
        refuse_shared_names(OWN_SETS, EXPERIMENT.datasets)
    if EXPERIMENT.exclude and workflow.is_main_process:
        from lungseg.data.datasets import refuse_unknown

        refuse_unknown(EXPERIMENT.exclude, OWN_SETS)
except InputError as error:
    raise WorkflowError(str(error))
config.update(EXPERIMENT.model_dump(mode="json"))
# What makes a file of this experiment again, when ` -- ` and the file are put behind it. No parameter of a rule: another
# way to say the same makes no page anew.
config["command"] = run_command(
    Path(workflow.basedir),
    Path(),
    workflow.config_settings.configfiles,
    workflow.config_settings.config,
    DeploymentMethod.CONDA in workflow.deployment_settings.deployment_method,
)

# What a job's imported modules mean: an edit there plans the job again.
SCRIPTS = sorted(Path(workflow.basedir, "workflow/scripts").glob("*.py"))
CODE = fingerprints(SCRIPTS, Path(".snakemake/lungseg/code.json"))


include: "workflow/rules/common.smk"
include: "workflow/rules/start.smk"


report: "workflow/report/workflow.rst"


onerror:
    if killed(log):
        print(KILLED, file=sys.stderr)


onstart:
    look_for_files()
    begin()
    tell_side_by_side()
    pass_on_sigterm()
    watch(EXPERIMENT, Path())


pathvars:
    data=EXPERIMENT.folder("data"),
    results=EXPERIMENT.folder("results"),
    logs=EXPERIMENT.folder("results/logs"),
    benchmarks=EXPERIMENT.folder("results/benchmarks"),


wildcard_constraints:
    dataset="[a-z][a-z0-9_]*",
    variant="[A-Za-z0-9_-]+",
    train_on="[A-Za-z0-9_-]+",
    seed=r"\d+",
    rate=r"[0-9.e+-]+",


localrules:
    all,
    download,


# Archives lie beside their record and go to no storage: what reads them runs where they are.
if workflow.storage_settings.default_storage_provider:

    localrules:
        preprocess,


include: "workflow/rules/data.smk"
include: "workflow/rules/learning.smk"
include: "workflow/rules/tune.smk"
include: "workflow/rules/scores.smk"
include: "workflow/rules/statistics.smk"
include: "workflow/rules/claims.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/publish.smk"


if config["name"] == "model":

    include: "workflow/rules/model.smk"


rule all:
    default_target: True
    input:
        "<results>/table1.csv",
        "<results>/comparisons.csv",
        "<results>/leakage.csv",
        "<results>/claims.csv",
        "<results>/figures/crossing.png",
        "<results>/cases/algorithms.csv",
        "<results>/metrics.json",
        "<results>/figures/figure5_overlays.png",
        "<results>/runs/tracking.csv",
        "<results>/report.html",
