# What the rules share: which runs there are and where their files lie, and what is shown and published.

DATASETS = config["datasets"]
# Data sets that `pooled` as a test set leaves out: those that train_on.pooled does.
APART = [name for name in DATASETS if name not in EXPERIMENT.pooled]
SEEDS = config["seeds"]
TRAIN_ON = list(config["train_on"])
MAIN = config["table1"]["train_on"]
# Runs of each training set, in the order in which the rules below list their files.
RUNS = {name: [vars(run) for run in planned(EXPERIMENT) if run.train_on == name] for name in TRAIN_ON}
ALL_RUNS = [run for name in TRAIN_ON for run in RUNS[name]]
MAIN_RUNS = RUNS[MAIN]
# What stands with the numbers wherever they stand: what is reduced, random, missing or left out.
NOTE = f"{config['note']} {left_out(config['exclude'])}".strip()
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


def literal(value):
    """A parameter that a person wrote: braces in it are no wildcards."""
    return lambda wildcards: value


def of(runs, file):
    """A file of each of some runs; bundles lie beside the workflow, also where a storage holds the rest."""
    named = [(RUN.format(run=run), f"{FOLDERS[RUN.format(run=run)]}/{file}") for run in runs]
    return [local(path) if name in BUNDLES else path for name, path in named]


# What `predict` needs of the runs of each training set.
PREDICTED = {
    name: {
        "weights": of([run for run in runs if run in TRAINED], "weights.safetensors"),
        "bundles": of([run for run in runs if run not in TRAINED], "predictions.npz"),
        "cards": of(runs, "weights.json"),
        "parts": predicted_parts(EXPERIMENT, name),
        "runs": [run | {"bundle": run not in TRAINED} for run in runs],
    }
    for name, runs in RUNS.items()
}
# What the paper prints.
try:
    PAPER = str(paper_folder(config["paper"], Path(shipped("workflow/papers"))))
    WHAT_IT_SAYS = read_paper(PAPER)
except InputError as error:
    raise WorkflowError(str(error))
PRINTED = [f"{PAPER}/paper.yaml", f"{PAPER}/table1.csv"]
# What was decided before this experiment was trained; without it there are intervals and no verdicts.
PLAN = [path for path in [str(plan_file(PAPER, config["name"]))] if Path(path).is_file()]
CLAIMS, REFERENCES = (
    [path for path in [f"{PAPER}/{name}"] if Path(path).is_file()] for name in ("claims.yaml", "references.csv")
)
if workflow.is_main_process:
    try:
        check_declared(PLAN, CLAIMS, REFERENCES, WHAT_IT_SAYS, EXPERIMENT)
    except InputError as error:
        raise WorkflowError(str(error))
# Published tables whose arithmetic is checked.
PUBLISHED_TABLES = [
    str(path) for path in sorted(Path(shipped("workflow/published")).glob("*.csv")) if path.stem != "sources"
]
# Which intervals hold what they promise: the measured coverage.
COVERAGE = shipped("bench/results/coverage.csv")
# Where git keeps the small results of an experiment other than the reference.
PUBLISHED = f"results/{config['name']}"
# The runs whose bundles are to be put there; those that came from there lie there already.
SENT = [run for run in ALL_RUNS if not Path(FOLDERS[RUN.format(run=run)]).is_relative_to(PUBLISHED)]
# The small results, by their path below an experiment's results.
FIGURES = [
    *["figure1_inceptionresnetv2", "figure2_proposed", "figure3_learning_rate", "figure4_accuracy_and_loss"],
    *["figure5_overlays", "training_curves", "dice_per_image"],
]
# Where training sets with the data sets of Table 1's are learned from by fewer films.
CURVES = ["learning_curves"] if curve_sets(EXPERIMENT.train_on, EXPERIMENT.films, MAIN) else []
DIAGRAMS = ["gains", "cost", "crossing", "ranks", "definitions", "calibration", *CURVES]
# What stands under the figures of a rule, and what the page is made of.
CAPTIONS = {
    name: [shipped(f"workflow/report/captions/{figure}.rst") for figure in figures]
    for name, figures in [("figures", FIGURES), ("diagrams", DIAGRAMS)]
}
TEMPLATE = [shipped(f"workflow/report/report.{kind}") for kind in ["html.j2", "css", "js"]]
KINDS = ["svg", "pdf", "png", "txt"]
SMALL = [
    *[
        "scores.csv",
        "scores.parquet",
        "diverged.csv",
        "estimates.csv",
        "comparisons.csv",
        "scoring.csv",
        "subgroups.csv",
    ],
    *[
        "subgroup_differences.csv",
        "sensitivity.csv",
        "multiverse.csv",
        "elsewhere.csv",
        "effects.csv",
        "calibration.csv",
        "reliability.csv",
    ],
    *["stability.csv", "power.csv", "sample_sizes.csv"],
    *[
        "references.csv",
        "ensembles.csv",
        "crossing.csv",
        "ranks.csv",
        "cost.csv",
        "leakage.csv",
        "definitions.csv",
        "relations.csv",
        "yardstick.csv",
        "operating_points.csv",
        "best_epochs.csv",
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
SHOWN += ["diverged", "subgroups", "subgroup_differences", "calibration", "relations", "definitions", "yardstick"]
SHOWN += ["operating_points", "best_epochs", "leakage", "stability", "power", "sample_sizes", "cost", "elsewhere"]
# What gives networks and sets their names and colours.
LOOK = (
    {key: config[key] for key in ("datasets", "train_on", "films")}
    | {"pooled": list(EXPERIMENT.pooled)}
    | {"variants": list(config["variants"])}
)


# On this machine, as many jobs run side by side as its memory and its GPUs hold, where nobody says otherwise
# (`--resources mem_mb=N gpu=N`). A cluster gives each job what it asks for.
LOCAL = workflow.is_main_process and workflow.nodes is None
CARDS = devices.count() if LOCAL and config["device"] != "cpu" else 0
ON_GPU = CARDS > 0 or (config["device"] != "cpu" and not LOCAL)
if LOCAL:
    for resource, amount in {"mem_mb": machine_mb(), "gpu": CARDS}.items():
        if amount is not None and resource not in workflow.global_resources:
            workflow.register_resource(resource, amount)
# Two trainings with one thread each pass as many films as one with two, and never wait for each other.
THREADS = 4 if ON_GPU else 1
SIZE = EXPERIMENT.preprocessing.size
# A parameter without defaults: a key that the code learns later plans no network again that does without it.
CHOSEN = {name: variant.chosen() for name, variant in EXPERIMENT.variants.items()}
# The file of a network of one's own: an edit there trains that network again, and no other.
MODULES = {name: local([one.module_file] if one.module else []) for name, one in EXPERIMENT.variants.items()}
# How many films each training set is learned from (None: all), and the seed that chooses them.
FILMS = {name: [EXPERIMENT.films.get(name), EXPERIMENT.split.seed] for name in TRAIN_ON}
RECIPES = {name: EXPERIMENT.trained_as(name) for name in EXPERIMENT.variants}
TRAINED_VARIANTS = {run["variant"]: EXPERIMENT.variants[run["variant"]] for run in TRAINED}
TRAINED_MODULES = [MODULES[name] for name in TRAINED_VARIANTS]
NEEDS = {name: training_mb(variant, RECIPES[name], SIZE, ON_GPU) for name, variant in EXPERIMENT.variants.items()}


# A cluster gives one amount to all trainings of a job array: what the largest network needs.
MINUTES = {name: training_minutes(one, RECIPES[name], SIZE, ON_GPU) for name, one in EXPERIMENT.variants.items()}
if not LOCAL:
    NEEDS, MINUTES = (dict.fromkeys(each, max(each.values())) for each in (NEEDS, MINUTES))


def growing(amount):
    """So much of a resource, and as much again at each new attempt."""
    return lambda wildcards, attempt: attempt * amount


def of_network(amounts):
    """What a training's network needs of a resource, and as much again at each new attempt."""
    return lambda wildcards, attempt: attempt * amounts[wildcards.variant]


def tell_side_by_side():
    """Say so where memory limits how many trainings run at a time."""
    limits = {name: resource.value for name, resource in workflow.global_resources.items()}
    if not LOCAL or limits.get("mem_mb") is None:
        return
    places = max(1, workflow.cores // THREADS)
    if ON_GPU and limits["gpu"]:
        places = min(places, limits["gpu"])
    if line := side_by_side(limits["mem_mb"], [NEEDS[run["variant"]] for run in TRAINED], places):
        print(line, file=sys.stderr)


def shown(file, category):
    """This output in Snakemake's own report, with the caption of its name."""
    name = Path(file).stem
    caption = f"../report/captions/{name}.rst"
    return report(file, caption=caption, category=category, labels={"what": name.replace("_", " ")})


def with_note(wildcards):
    """The note as a parameter: given as a text, its braces would be taken for wildcards."""
    return NOTE


def own_set(wildcards):
    """Where a data set of one's own lies; None of the others."""
    return config.get("own", {}).get(wildcards.dataset)


def excluded(wildcards):
    """Films of a data set that the configuration leaves out, with the reason."""
    return config["exclude"].get(wildcards.dataset, {})
