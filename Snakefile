"""Does a U-Net with two encoders beat a U-Net with one or none? Every number, from the archives to Table 1.

    snakemake --cores all                                       the reference experiment, config/config.yaml
    snakemake --cores all --configfile config/quickstart.yaml   the same steps on drawn films, minutes on a laptop

Rules stand in the order of the work. Each calls the script of its name in workflow/scripts; the library is lungseg/.
"""

import os
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

sys.path.insert(0, workflow.basedir)

from lungseg.bundles import arithmetics, find_bundles, planned, predicted_parts
from lungseg.config import read_experiment
from lungseg.errors import InputError
from lungseg.fingerprint import fingerprint
from lungseg.status import watch

# glibc hands every big block back to the kernel and pays page faults for it again; keeping them trains up to twice as fast.
os.environ.setdefault("MALLOC_MMAP_MAX_", "0")
os.environ.setdefault("MALLOC_TRIM_THRESHOLD_", str(2**34))
os.environ.setdefault("LUNGSEG_ROOT", workflow.basedir)

if "name" not in config:

    configfile: "config/config.yaml"


try:
    EXPERIMENT = read_experiment(config)
except InputError as error:
    raise WorkflowError(str(error))
config.update(EXPERIMENT.model_dump(mode="json"))

# What a job's imported modules mean: an edit there plans the job again.
CODE = {script.stem: fingerprint(script) for script in Path(workflow.basedir, "workflow/scripts").glob("*.py")}
DATASETS = config["datasets"]
SEEDS = config["seeds"]
TRAIN_ON = list(config["train_on"])
MAIN = config["table1"]["train_on"]
# Runs of each training set, in the order in which the rules below list their files.
RUNS = {name: [vars(run) for run in planned(EXPERIMENT) if run.train_on == name] for name in TRAIN_ON}
ALL_RUNS = [run for name in TRAIN_ON for run in RUNS[name]]
MAIN_RUNS = RUNS[MAIN]
RUN = "{run[variant]}/{run[train_on]}/seed{run[seed]}"
# Where each run's files lie: with the results, or where a bundle brought them. A run with a bundle is not trained.
try:
    BUNDLES = find_bundles(config["bundles"], EXPERIMENT, CODE["train"])
    config["bundles_arithmetic"] = next(iter(arithmetics(BUNDLES)), None)  # what is trained here must have it too
except InputError as error:
    raise WorkflowError(str(error))
OWN = f"{EXPERIMENT.folder('results')}/runs"
FOLDERS = {run.name: BUNDLES.get(run.name, f"{OWN}/{run.name}") for run in planned(EXPERIMENT)}
TRAINED = [run for run in ALL_RUNS if RUN.format(run=run) not in BUNDLES]


def of(runs, file):
    """A file of each of some runs."""
    return [f"{FOLDERS[RUN.format(run=run)]}/{file}" for run in runs]


# What `predict` needs of the runs of each training set.
PREDICTED = {
    name: {
        "weights": of([run for run in runs if run in TRAINED], "weights.safetensors"),
        "bundles": of([run for run in runs if run not in TRAINED], "predictions.npz"),
        "cards": of(runs, "weights.json"),
        "parts": predicted_parts(EXPERIMENT, name),
        "runs": [run | {"folder": folder, "bundle": run not in TRAINED} for run, folder in zip(runs, of(runs, ""))],
    }
    for name, runs in RUNS.items()
}
# Published tables whose arithmetic is checked.
PUBLISHED_TABLES = [path for path in sorted(Path("workflow/published").glob("*.csv")) if path.stem != "sources"]
# Where git keeps the small results of an experiment other than the reference.
PUBLISHED = f"results/{config['name']}"
# The runs whose bundles are to be put there; those that came from there lie there already.
SENT = [run for run in ALL_RUNS if not Path(FOLDERS[RUN.format(run=run)]).is_relative_to(PUBLISHED)]
# The small results, by their path below an experiment's results.
FIGURES = [
    *["figure1_inceptionresnetv2", "figure2_proposed", "figure3_learning_rate", "figure4_accuracy_and_loss"],
    *["figure5_overlays", "training_curves", "dice_per_image"],
]
DIAGRAMS = ["crossing", "ranks", "definitions"]
KINDS = ["svg", "pdf", "png", "txt"]
SMALL = [
    *["scores.csv", "scores.parquet", "estimates.csv", "comparisons.csv", "scoring.csv", "subgroups.csv"],
    *[
        "references.csv",
        "ensembles.csv",
        "crossing.csv",
        "ranks.csv",
        "leakage.csv",
        "definitions.csv",
        "relations.csv",
    ],
    *["claims.csv", "claims.md", "audited_tables.csv", "metrics.json", "manifest.json"],
    *expand("table1.{kind}", kind=["csv", "md", "tex", "html"]),
    *expand("figures/{figure}.{kind}", figure=[*FIGURES, *DIAGRAMS], kind=["png", "txt"]),
    *expand("figures/{figure}.{kind}", figure=[*FIGURES[:4], *FIGURES[5:], *DIAGRAMS], kind=["svg", "pdf"]),
    "report.html",
    *expand(["images/{dataset}.csv", "images/{dataset}.unused.csv", "splits/{dataset}.csv"], dataset=DATASETS),
    *expand(["cases/{train_on}/{dataset}.csv"], train_on=TRAIN_ON, dataset=DATASETS),
    "cases/algorithms.csv",
]
# The tables that the report shows.
SHOWN = ["table1", "estimates", "comparisons", "claims", "audited_tables", "crossing", "references"]
SHOWN += ["subgroups", "relations", "leakage"]
# What makes a file of this experiment again, when the file is put behind it.
COMMAND = "snakemake --cores all" + "".join(
    f" --configfile {os.path.relpath(file)}" for file in workflow.configfiles[-1:]
)
COMMAND += f" --config archives={config['archives']}" if config["archives"] != "archives" else ""


report: "workflow/report/workflow.rst"


def shown(file, category):
    """This output in Snakemake's own report, with the caption of its name."""
    name = Path(file).stem
    caption = f"workflow/report/captions/{name}.rst"
    return report(file, caption=caption, category=category, labels={"what": name.replace("_", " ")})


onstart:
    watch(EXPERIMENT, Path())


pathvars:
    data=EXPERIMENT.folder("data"),
    results=EXPERIMENT.folder("results"),
    logs=EXPERIMENT.folder("results/logs"),
    benchmarks=EXPERIMENT.folder("results/benchmarks"),


wildcard_constraints:
    dataset="[a-z]+",
    variant="[A-Za-z0-9_-]+",
    train_on="[A-Za-z0-9_-]+",
    seed=r"\d+",


localrules:
    all,
    download,


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


rule download:
    output:
        record="<data>/raw/{dataset}/archives.json",
    log:
        "<logs>/download/{dataset}.log",
    benchmark:
        "<benchmarks>/download/{dataset}.tsv"
    conda:
        "envs/lungseg.yaml"
    params:
        archives=config["archives"],
        code=CODE["download"],
    script:
        "workflow/scripts/download.py"


rule preprocess:
    input:
        record=rules.download.output.record,
    output:
        pixels="<data>/processed/{dataset}.npy",
        masks="<data>/processed/{dataset}.masks.zip",
        boxes="<data>/processed/{dataset}.boxes.csv",
        table="<results>/images/{dataset}.csv",
        unused="<results>/images/{dataset}.unused.csv",
    log:
        "<logs>/preprocess/{dataset}.log",
    benchmark:
        "<benchmarks>/preprocess/{dataset}.tsv"
    conda:
        "envs/lungseg.yaml"
    threads: 2
    params:
        size=config["preprocessing"]["size"],
        frame=config["preprocessing"]["frame"],
        code=CODE["preprocess"],
    script:
        "workflow/scripts/preprocess.py"


rule split:
    input:
        table=rules.preprocess.output.table,
    output:
        split="<results>/splits/{dataset}.csv",
    log:
        "<logs>/split/{dataset}.log",
    benchmark:
        "<benchmarks>/split/{dataset}.tsv"
    conda:
        "envs/lungseg.yaml"
    params:
        method=config["split"]["method"],
        seed=config["split"]["seed"],
        code=CODE["split"],
    script:
        "workflow/scripts/split.py"


# Runs first where it can: a split that leaks should fail before anything is trained.
rule leakage:
    input:
        pixels=ancient(expand(rules.preprocess.output.pixels, dataset=DATASETS)),
        tables=expand(rules.preprocess.output.table, dataset=DATASETS),
        splits=expand(rules.split.output.split, dataset=DATASETS),
    output:
        "<results>/leakage.csv",
    log:
        "<logs>/leakage.log",
    benchmark:
        "<benchmarks>/leakage.tsv"
    priority: 100
    conda:
        "envs/lungseg.yaml"
    params:
        distance=config["leakage"]["distance"],
        allowed=config["leakage"]["allowed"],
        code=CODE["leakage"],
    script:
        "workflow/scripts/leakage.py"


# The arrays are `ancient`: the small tables beside them hold a hash of every film in them, and so tell of a change.
# One job is one run: it can be killed and goes on from its checkpoint.
rule train:
    input:
        pixels=ancient(
            collect(rules.preprocess.output.pixels, dataset=lookup(dpath="train_on/{train_on}", within=config))
        ),
        tables=collect(rules.preprocess.output.table, dataset=lookup(dpath="train_on/{train_on}", within=config)),
        splits=collect(rules.split.output.split, dataset=lookup(dpath="train_on/{train_on}", within=config)),
    output:
        weights="<results>/runs/{variant}/{train_on}/seed{seed}/weights.safetensors",
        card="<results>/runs/{variant}/{train_on}/seed{seed}/weights.json",
        history="<results>/runs/{variant}/{train_on}/seed{seed}/history.csv",
    log:
        "<logs>/train/{variant}.{train_on}.seed{seed}.log",
    benchmark:
        "<benchmarks>/train/{variant}.{train_on}.seed{seed}.tsv"
    conda:
        "envs/lungseg.yaml"
    # Two trainings with one thread each pass as many films as one with two, and never wait for each other.
    threads: 1 if config["device"] == "cpu" else 4
    resources:
        gpu=0 if config["device"] == "cpu" else 1,
    params:
        variant=lookup(dpath="variants/{variant}", within=config),
        training=config["training"],
        device=config["device"],
        code=CODE["train"],
    script:
        "workflow/scripts/train.py"


# One job holds all runs of a training set, so that loading torch does not cost more than the predictions.
rule predict:
    input:
        weights=lookup(dpath="{train_on}/weights", within=PREDICTED),
        bundles=lookup(dpath="{train_on}/bundles", within=PREDICTED),
        cards=lookup(dpath="{train_on}/cards", within=PREDICTED),
        pixels=ancient(expand(rules.preprocess.output.pixels, dataset=DATASETS)),
        tables=expand(rules.preprocess.output.table, dataset=DATASETS),
        splits=expand(rules.split.output.split, dataset=DATASETS),
    output:
        "<results>/predictions/{train_on}.npz",
    log:
        "<logs>/predict/{train_on}.log",
    benchmark:
        "<benchmarks>/predict/{train_on}.tsv"
    conda:
        "envs/lungseg.yaml"
    threads: 2
    resources:
        gpu=0 if config["device"] == "cpu" else 1,
    params:
        runs=lookup(dpath="{train_on}/runs", within=PREDICTED),
        parts=lookup(dpath="{train_on}/parts", within=PREDICTED),
        datasets=DATASETS,
        trained_on=lookup(dpath="train_on/{train_on}", within=config),
        device=config["device"],
        code=CODE["predict"],
    script:
        "workflow/scripts/predict.py"


rule score:
    input:
        predictions=rules.predict.output[0],
        pixels=ancient(expand(rules.preprocess.output.pixels, dataset=DATASETS)),
        masks=ancient(expand(rules.preprocess.output.masks, dataset=DATASETS)),
        boxes=expand(rules.preprocess.output.boxes, dataset=DATASETS),
        tables=expand(rules.preprocess.output.table, dataset=DATASETS),
        splits=expand(rules.split.output.split, dataset=DATASETS),
    output:
        "<results>/scores/{train_on}.parquet",
    log:
        "<logs>/score/{train_on}.log",
    benchmark:
        "<benchmarks>/score/{train_on}.tsv"
    conda:
        "envs/lungseg.yaml"
    params:
        runs=lookup(dpath="{train_on}", within=RUNS),
        datasets=DATASETS,
        trained_on=lookup(dpath="train_on/{train_on}", within=config),
        with_references=lookup(dpath="{train_on}", within={name: name == MAIN for name in TRAIN_ON}),
        code=CODE["score"],
    script:
        "workflow/scripts/score.py"


rule collect:
    input:
        scores=expand(rules.score.output, train_on=TRAIN_ON),
        cards=of(ALL_RUNS, "weights.json"),
    output:
        csv="<results>/scores.csv",
        parquet="<results>/scores.parquet",
    log:
        "<logs>/collect.log",
    benchmark:
        "<benchmarks>/collect.tsv"
    conda:
        "envs/lungseg.yaml"
    params:
        code=CODE["collect"],
    script:
        "workflow/scripts/collect.py"


rule export:
    input:
        scores=rules.collect.output.csv,
    output:
        algorithms="<results>/cases/algorithms.csv",
        cases=expand("<results>/cases/{train_on}/{dataset}.csv", train_on=TRAIN_ON, dataset=DATASETS),
    log:
        "<logs>/export.log",
    conda:
        "envs/lungseg.yaml"
    params:
        tables=[[train_on, dataset] for train_on in TRAIN_ON for dataset in DATASETS],
        code=CODE["export"],
    script:
        "workflow/scripts/export.py"


rule infer:
    input:
        scores=rules.collect.output.parquet,
        coverage="bench/results/coverage.csv",
    output:
        estimates="<results>/estimates.csv",
        comparisons=shown("<results>/comparisons.csv", "Tables"),
        scoring="<results>/scoring.csv",
        subgroups="<results>/subgroups.csv",
        references="<results>/references.csv",
        ensembles="<results>/ensembles.csv",
        crossing="<results>/crossing.csv",
        ranks="<results>/ranks.csv",
    log:
        "<logs>/infer.log",
    benchmark:
        "<benchmarks>/infer.tsv"
    conda:
        "envs/lungseg.yaml"
    params:
        train_on=config["train_on"],
        resamples=config["statistics"]["resamples"],
        level=config["statistics"]["level"],
        seed=config["statistics"]["seed"],
        pool=config["statistics"]["pool"],
        code=CODE["infer"],
    script:
        "workflow/scripts/infer.py"


# What might the printed numbers be? Stored predictions of the paper's networks, counted in every way in use.
rule definitions:
    input:
        predictions=expand(rules.predict.output, train_on=MAIN)[0],
        pixels=ancient(expand(rules.preprocess.output.pixels, dataset=DATASETS)),
        masks=ancient(expand(rules.preprocess.output.masks, dataset=DATASETS)),
        boxes=expand(rules.preprocess.output.boxes, dataset=DATASETS),
        tables=expand(rules.preprocess.output.table, dataset=DATASETS),
        splits=expand(rules.split.output.split, dataset=DATASETS),
    output:
        parquet="<results>/definitions.parquet",
        ranked="<results>/definitions.csv",
        relations="<results>/relations.csv",
    log:
        "<logs>/definitions.log",
    benchmark:
        "<benchmarks>/definitions.tsv"
    conda:
        "envs/lungseg.yaml"
    params:
        runs=RUNS[MAIN],
        datasets=DATASETS,
        code=CODE["definitions"],
    script:
        "workflow/scripts/definitions.py"


rule table1:
    input:
        estimates=rules.infer.output.estimates,
    output:
        csv="<results>/table1.csv",
        md="<results>/table1.md",
        tex="<results>/table1.tex",
        html=shown("<results>/table1.html", "Answer"),
    log:
        "<logs>/table1.log",
    benchmark:
        "<benchmarks>/table1.tsv"
    conda:
        "envs/lungseg.yaml"
    params:
        train_on=config["table1"]["train_on"],
        test_on=config["table1"]["test_on"],
        note=config["note"],
        level=config["statistics"]["level"],
        code=CODE["table1"],
    script:
        "workflow/scripts/table1.py"


rule figures:
    input:
        scores=rules.collect.output.csv,
        histories=of(ALL_RUNS, "history.csv"),
        predictions=expand(rules.predict.output, train_on=MAIN),
        pixels=ancient(expand(rules.preprocess.output.pixels, dataset=DATASETS)),
        tables=expand(rules.preprocess.output.table, dataset=DATASETS),
        cards=of(MAIN_RUNS, "weights.json"),
        captions=expand("workflow/report/captions/{figure}.rst", figure=FIGURES),
    output:
        [shown(f"<results>/figures/{figure}.png", "Figures") for figure in FIGURES],
        expand("<results>/figures/{figure}.{kind}", figure=FIGURES, kind=["svg", "pdf", "txt"]),
    log:
        "<logs>/figures.log",
    benchmark:
        "<benchmarks>/figures.tsv"
    conda:
        "envs/lungseg.yaml"
    params:
        runs=ALL_RUNS,
        datasets=DATASETS,
        train_on=MAIN,
        note=config["note"],
        code=CODE["figures"],
    script:
        "workflow/scripts/figures.py"


rule diagrams:
    input:
        crossing=rules.infer.output.crossing,
        ranks=rules.infer.output.ranks,
        definitions=rules.definitions.output.parquet,
        captions=expand("workflow/report/captions/{figure}.rst", figure=DIAGRAMS),
    output:
        [shown(f"<results>/figures/{figure}.png", "Figures") for figure in DIAGRAMS],
        expand("<results>/figures/{figure}.{kind}", figure=DIAGRAMS, kind=["svg", "pdf", "txt"]),
    log:
        "<logs>/diagrams.log",
    benchmark:
        "<benchmarks>/diagrams.tsv"
    conda:
        "envs/lungseg.yaml"
    params:
        train_on=MAIN,
        note=config["note"],
        code=CODE["diagrams"],
    script:
        "workflow/scripts/diagrams.py"


rule audit:
    input:
        claims="workflow/claims.yaml",
        published=[str(path) for path in PUBLISHED_TABLES],
        estimates=rules.infer.output.estimates,
        comparisons=rules.infer.output.comparisons,
        histories=of(MAIN_RUNS, "history.csv"),
        cards=of(MAIN_RUNS, "weights.json"),
    output:
        claims=shown("<results>/claims.csv", "Tables"),
        text="<results>/claims.md",
        tables="<results>/audited_tables.csv",
    log:
        "<logs>/audit.log",
    benchmark:
        "<benchmarks>/audit.tsv"
    conda:
        "envs/lungseg.yaml"
    params:
        runs=MAIN_RUNS,
        table1=config["table1"],
        note=config["note"],
        code=CODE["audit"],
    script:
        "workflow/scripts/audit.py"


rule metrics:
    input:
        estimates=rules.infer.output.estimates,
    output:
        "<results>/metrics.json",
    log:
        "<logs>/metrics.log",
    conda:
        "envs/lungseg.yaml"
    params:
        table1=config["table1"],
        code=CODE["metrics"],
    script:
        "workflow/scripts/metrics.py"


# MLflow mirrors what lies in the files: one job writes, so parallel trainings never meet in its store.
rule track:
    input:
        scores=rules.collect.output.csv,
        histories=of(ALL_RUNS, "history.csv"),
        cards=of(ALL_RUNS, "weights.json"),
        overlays="<results>/figures/figure5_overlays.png",
    output:
        "<results>/runs/tracking.csv",
    log:
        "<logs>/track.log",
    conda:
        "envs/lungseg.yaml"
    params:
        runs=ALL_RUNS,
        code=CODE["track"],
    script:
        "workflow/scripts/track.py"


rule manifest:
    input:
        records=expand(rules.download.output.record, dataset=DATASETS),
        cards=of(ALL_RUNS, "weights.json"),
        benchmarks=[
            expand(["<benchmarks>/download/{dataset}.tsv", "<benchmarks>/preprocess/{dataset}.tsv"], dataset=DATASETS),
            expand("<benchmarks>/split/{dataset}.tsv", dataset=DATASETS),
            expand("<benchmarks>/train/{run[variant]}.{run[train_on]}.seed{run[seed]}.tsv", run=TRAINED),
            expand(["<benchmarks>/predict/{train_on}.tsv", "<benchmarks>/score/{train_on}.tsv"], train_on=TRAIN_ON),
            expand(
                "<benchmarks>/{rule}.tsv",
                rule=["leakage", "collect", "infer", "definitions", "table1", "audit", "figures", "diagrams"],
            ),
        ],
    output:
        "<results>/manifest.json",
    log:
        "<logs>/manifest.log",
    conda:
        "envs/lungseg.yaml"
    params:
        config=EXPERIMENT.model_dump(mode="json"),
        code=CODE["manifest"],
    script:
        "workflow/scripts/manifest.py"


# One file that opens without a network: the answer, and from each number the way to its films.
rule report:
    input:
        template=expand("workflow/report/report.{kind}", kind=["html.j2", "css", "js"]),
        manifest=rules.manifest.output[0],
        scores=rules.collect.output.csv,
        predictions=expand(rules.predict.output, train_on=TRAIN_ON),
        pixels=ancient(expand(rules.preprocess.output.pixels, dataset=DATASETS)),
        images=expand(rules.preprocess.output.table, dataset=DATASETS),
        unused=expand(rules.preprocess.output.unused, dataset=DATASETS),
        splits=expand(rules.split.output.split, dataset=DATASETS),
        tables=expand("<results>/{table}.csv", table=SHOWN),
        figures=expand(
            "<results>/figures/{figure}.{kind}",
            figure=["training_curves", "ranks", "definitions"],
            kind=["svg", "png"],
        ),
    output:
        shown("<results>/report.html", "Answer"),
    log:
        "<logs>/report.log",
    conda:
        "envs/lungseg.yaml"
    params:
        runs=RUNS,
        table1=config["table1"],
        level=config["statistics"]["level"],
        command=COMMAND,
        code=CODE["report"],
    script:
        "workflow/scripts/report.py"


# The rules below are not part of `all`: whoever wants an experiment's numbers in git and in the README, or the graph of
# the rules there, asks for them.
rule bundle:
    input:
        histories=of(SENT, "history.csv"),
        cards=of(SENT, "weights.json"),
        predictions=expand(rules.predict.output, train_on=TRAIN_ON),
    output:
        histories=expand(f"{PUBLISHED}/runs/{RUN}/history.csv", run=SENT),
        cards=expand(f"{PUBLISHED}/runs/{RUN}/weights.json", run=SENT),
        predictions=expand(f"{PUBLISHED}/runs/{RUN}/predictions.npz", run=SENT),
    log:
        "<logs>/bundle.log",
    conda:
        "envs/lungseg.yaml"
    params:
        runs=SENT,
        train_on=TRAIN_ON,
        code=CODE["bundle"],
    script:
        "workflow/scripts/bundle.py"


rule publish:
    input:
        files=expand("<results>/{file}", file=SMALL),
        estimates=rules.infer.output.estimates,
        comparisons=rules.infer.output.comparisons,
        claims=rules.audit.output.claims,
        table1=rules.table1.output.md,
        coverage="bench/results/coverage.csv",
        bundles=rules.bundle.output,
    output:
        files=expand(f"{PUBLISHED}/{{file}}", file=SMALL),
    log:
        "<logs>/publish.log",
    conda:
        "envs/lungseg.yaml"
    params:
        table1=config["table1"],
        seeds=len(SEEDS),
        readme="README.md",
        code=CODE["publish"],
    script:
        "workflow/scripts/publish.py"


rule rulegraph:
    input:
        snakefile="Snakefile",
        config="config/quickstart.yaml",
    output:
        "docs/rulegraph.mmd",
    log:
        "<logs>/rulegraph.log",
    conda:
        "envs/lungseg.yaml"
    params:
        readme="README.md",
        code=CODE["rulegraph"],
    script:
        "workflow/scripts/rulegraph.py"
