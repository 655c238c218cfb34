# Films -> trained networks -> their predictions.


# The arrays are `ancient`: the small tables beside them hold a hash of every film in them, and so tell of a change.
# One job is one run: it can be killed and goes on from its checkpoint.
rule train:
    input:
        pixels=ancient(
            collect("<data>/processed/{dataset}.npy", dataset=lookup(dpath="train_on/{train_on}", within=config))
        ),
        tables=collect("<results>/images/{dataset}.csv", dataset=lookup(dpath="train_on/{train_on}", within=config)),
        splits=collect("<results>/splits/{dataset}.csv", dataset=lookup(dpath="train_on/{train_on}", within=config)),
        module=lookup(dpath="{variant}", within=MODULES),
    output:
        weights="<results>/runs/{variant}/{train_on}/seed{seed}/weights.safetensors",
        card="<results>/runs/{variant}/{train_on}/seed{seed}/weights.json",
        history="<results>/runs/{variant}/{train_on}/seed{seed}/history.csv",
    log:
        "<logs>/train/{variant}.{train_on}.seed{seed}.log",
    benchmark:
        "<benchmarks>/train/{variant}.{train_on}.seed{seed}.tsv"
    conda:
        "../../envs/lungseg.yaml"
    threads: THREADS
    resources:
        gpu=1 if ON_GPU else 0,
        mem_mb=of_network(NEEDS),
        runtime=of_network(MINUTES),
    params:
        variant=lookup(dpath="{variant}", within=CHOSEN),
        starts=lookup(dpath="{variant}", within=STARTS),
        training=lambda wildcards: RECIPES[wildcards.variant].chosen(),
        films=lambda wildcards: FILMS[wildcards.train_on],
        device=config["device"],
        code=CODE["train"],
    script:
        "../scripts/train.py"


# One job holds all runs of a training set, so that loading torch does not cost more than the predictions. It goes before
# `cost`, which one core does beside what follows.
rule predict:
    input:
        weights=lookup(dpath="{train_on}/weights", within=PREDICTED),
        bundles=lookup(dpath="{train_on}/bundles", within=PREDICTED),
        cards=lookup(dpath="{train_on}/cards", within=PREDICTED),
        pixels=ancient(expand("<data>/processed/{dataset}.npy", dataset=DATASETS)),
        tables=expand("<results>/images/{dataset}.csv", dataset=DATASETS),
        splits=expand("<results>/splits/{dataset}.csv", dataset=DATASETS),
    output:
        "<results>/predictions/{train_on}.npz",
    log:
        "<logs>/predict/{train_on}.log",
    benchmark:
        "<benchmarks>/predict/{train_on}.tsv"
    priority: 1
    conda:
        "../../envs/lungseg.yaml"
    threads: THREADS
    resources:
        gpu=1 if ON_GPU else 0,
        mem_mb=growing(max(NEEDS.values())),
        runtime=growing(120 if ON_GPU else 600),
    params:
        runs=lookup(dpath="{train_on}/runs", within=PREDICTED),
        parts=lookup(dpath="{train_on}/parts", within=PREDICTED),
        datasets=DATASETS,
        test_only=[name in EXPERIMENT.own and EXPERIMENT.own[name].test_only for name in DATASETS],
        trained_on=lookup(dpath="train_on/{train_on}", within=config),
        films=lambda wildcards: FILMS[wildcards.train_on],
        device=config["device"],
        bundled=lambda wildcards: bundled(RUNS[wildcards.train_on], "predictions.npz", "weights.json"),
        code=CODE["predict"],
    script:
        "../scripts/predict.py"


# What each network costs. No weights are needed: a random start costs the same, and runs from bundles have no others.
rule cost:
    input:
        cards=of(ALL_RUNS, "weights.json"),
        histories=of(ALL_RUNS, "history.csv"),
        modules=TRAINED_MODULES,
    output:
        shown("<results>/cost.csv", "Tables"),
    log:
        "<logs>/cost.log",
    benchmark:
        "<benchmarks>/cost.tsv"
    conda:
        "../../envs/lungseg.yaml"
    threads: 1
    resources:
        gpu=1 if ON_GPU else 0,
        mem_mb=growing(max(NEEDS.values())),
        runtime=growing(60),
    params:
        runs=ALL_RUNS,
        foretold={name: step_mb(one, RECIPES[name], SIZE) for name, one in EXPERIMENT.variants.items()},
        device=config["device"],
        content=content(*TRAINED_MODULES),
        bundled=bundled(ALL_RUNS, "weights.json", "history.csv"),
        code=CODE["cost"],
    script:
        "../scripts/cost.py"
