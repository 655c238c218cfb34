# Not part of `all`: which learning rate suits each network, by a quarter of the training at each of three.

TUNE = EXPERIMENT.tune
RATES = {rate_name(rate): rate for rate in TUNE.rates}
TRIES = [(name, rate) for name in EXPERIMENT.to_tune() for rate in RATES]


rule try_rate:
    input:
        pixels=ancient(expand("<data>/processed/{dataset}.npy", dataset=config["train_on"][MAIN])),
        tables=expand("<results>/images/{dataset}.csv", dataset=config["train_on"][MAIN]),
        splits=expand("<results>/splits/{dataset}.csv", dataset=config["train_on"][MAIN]),
        module=lookup(dpath="{variant}", within=MODULES),
    output:
        weights="<results>/tune/{variant}/rate{rate}/seed{seed}/weights.safetensors",
        card="<results>/tune/{variant}/rate{rate}/seed{seed}/weights.json",
        history="<results>/tune/{variant}/rate{rate}/seed{seed}/history.csv",
    log:
        "<logs>/tune/{variant}.rate{rate}.seed{seed}.log",
    benchmark:
        "<benchmarks>/tune/{variant}.rate{rate}.seed{seed}.tsv"
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
        training=lambda wildcards: tried(RECIPES[wildcards.variant], RATES[wildcards.rate]).chosen(),
        films=FILMS[MAIN],
        device=config["device"],
        code=CODE["train"],
    script:
        "../scripts/train.py"


rule tune:
    input:
        [f"<results>/tune/{name}/rate{rate}/seed{TUNE.seed}/history.csv" for name, rate in TRIES],
    output:
        "<results>/tune/rates.csv",
    log:
        "<logs>/tune.log",
    conda:
        "../../envs/lungseg.yaml"
    params:
        tries=[[name, RATES[rate]] for name, rate in TRIES],
        tune=TUNE.model_dump(mode="json"),
        code=CODE["tune"],
    script:
        "../scripts/tune.py"
