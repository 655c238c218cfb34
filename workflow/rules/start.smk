# Before the first job: nobody else works here, and every file that the configuration names is there.

# Snakemake's lock outlives it when it is killed; jobs tell in the same folder that they are at work.
AT_WORK = Path(".snakemake/lungseg", config["name"])
os.environ[at_work.FOLDER] = str(AT_WORK.absolute())
if workflow.is_main_process:
    if said := at_work.arrive(AT_WORK, Path(".snakemake/locks"), at_work.own_files(config["name"]), not LOCAL):
        print(said, file=sys.stderr)
# Hashes of the files that the configuration names: another content plans again what is made of it.
HASHES = Hashes(Path(".snakemake/lungseg/hashes.json"))
OFFERED, STARTS = dict.fromkeys(DATASETS, {}), dict.fromkeys(EXPERIMENT.variants, {})
if workflow.is_main_process:
    try:
        if lost_inputs(TRAINED_VARIANTS, {}):
            check_files(TRAINED_VARIANTS, DATASETS, ARCHIVES, RAW, EXPERIMENT.own)
    except InputError as error:
        raise WorkflowError(str(error))
    PUBLIC = [name for name in DATASETS if name not in EXPERIMENT.own]
    OFFERED = {name: offered_hashes(name, ARCHIVES, RAW, HASHES) for name in PUBLIC}
    OFFERED |= own_hashes(EXPERIMENT.own, HASHES)
    STARTS = {name: weights_hashes(variant, HASHES) for name, variant in EXPERIMENT.variants.items()}


def content(*groups):
    """A parameter: hashes of files that no rule makes. Another content, also of an older date, runs the rule again."""
    if not workflow.is_main_process:
        return []
    with HASHES.together():
        files = [Path(file) for group in groups for file in group]
        return [HASHES[file] for file in files if file.is_file()]  # what is missing is told before the first job


def bundled(runs, *files):
    """The same of files of those of some runs that a bundle brought."""
    folders = [BUNDLES[name] for run in runs if (name := RUN.format(run=run)) in BUNDLES]
    return content([f"{folder}/{file}" for folder in folders for file in files])


def look_for_files():
    """Before the first job: whatever is going to be read is there, and there is room to write."""
    if workflow.touch:
        seals.forget(AT_WORK)
        return
    jobs = list(workflow.dag.needrun_jobs())
    trained = {job.wildcards.variant for job in jobs if job.rule.name in ("train", "try_rate")}
    brought = {job.wildcards.dataset for job in jobs if job.rule.name == "download"}
    fetched = [name for name in DATASETS if name in brought]  # jobs come in no order
    variants = {name: variant for name, variant in EXPERIMENT.variants.items() if name in trained}
    places = ["data", "results", "results/logs", "results/benchmarks"]
    try:
        check_places(Path(EXPERIMENT.folder(place)) for place in places)
        check_apart(EXPERIMENT.own, [Path(EXPERIMENT.folder(place)) for place in ("data", "results")])
        check_files(variants, fetched, ARCHIVES, RAW, EXPERIMENT.own)
        check_networks(variants)
        fetch_pinned(variants)
    except InputError as error:
        raise WorkflowError(str(error))


def check_networks(variants):
    """Every network can be built. Libraries are loaded only for parts that are not the usual ones: it takes seconds."""
    strange = {name: variant for name, variant in variants.items() if variant.files() or not variant.usual}
    if strange:
        from lungseg.networks.check import check

        for name, variant in strange.items():
            check(name, variant, SIZE, EXPERIMENT.least_batch(name))


def begin():
    """Before the first job: nobody else works on this experiment, here or in a cluster's queue."""
    name = getattr(getattr(workflow.scheduler, "_executor", None), "run_uuid", None)  # of all its jobs in Slurm
    try:
        queue.refuse_left(AT_WORK)
        at_work.begin(AT_WORK, not LOCAL)
        queue.remember(AT_WORK, name)
        if EXPERIMENT.folder(""):
            keep_out_of_git(Path(config["name"]), Path(workflow.basedir))
    except InputError as error:
        raise WorkflowError(str(error))


# A dry run starts nothing, and tells what a run would be told.
if workflow.is_main_process and workflow.output_settings.dryrun:
    try:
        left = [run.variant for run in read_runs(EXPERIMENT, Path()) if not run.finished]
        variants = {name: EXPERIMENT.variants[name] for name in left}
        check_files(variants, [], ARCHIVES, RAW)
        check_networks(variants)
    except InputError as error:
        raise WorkflowError(str(error))
