# Archives -> films on the network's square, masks, parts of the split.


rule download:
    output:
        record="<data>/raw/{dataset}/archives.json",
    log:
        "<logs>/download/{dataset}.log",
    benchmark:
        "<benchmarks>/download/{dataset}.tsv"
    conda:
        "../../envs/lungseg.yaml"
    params:
        offered=lookup(dpath="{dataset}", within=OFFERED),
        own=own_set,
        code=CODE["download"],
    script:
        "../scripts/download.py"


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
        "../../envs/lungseg.yaml"
    threads: 2
    resources:
        mem_mb=growing(2000),
        runtime=growing(120),
    params:
        size=config["preprocessing"]["size"],
        frame=config["preprocessing"]["frame"],
        exclude=excluded,
        own=own_set,
        code=CODE["preprocess"],
    script:
        "../scripts/preprocess.py"


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
        "../../envs/lungseg.yaml"
    params:
        method=config["split"]["method"],
        seed=config["split"]["seed"],
        exclude=excluded,
        own=own_set,
        tables=lambda wildcards: OFFERED[wildcards.dataset] if own_set(wildcards) else {},
        code=CODE["split"],
    script:
        "../scripts/split.py"


# Runs first where it can: a split that leaks should fail before anything is trained.
rule leakage:
    input:
        pixels=ancient(expand("<data>/processed/{dataset}.npy", dataset=DATASETS)),
        tables=expand("<results>/images/{dataset}.csv", dataset=DATASETS),
        splits=expand("<results>/splits/{dataset}.csv", dataset=DATASETS),
    output:
        "<results>/leakage.csv",
    log:
        "<logs>/leakage.log",
    benchmark:
        "<benchmarks>/leakage.tsv"
    priority: 100
    conda:
        "../../envs/lungseg.yaml"
    params:
        distance=config["leakage"]["distance"],
        allowed=config["leakage"]["allowed"],
        code=CODE["leakage"],
    script:
        "../scripts/leakage.py"
