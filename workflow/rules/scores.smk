# Predictions -> numbers of each film.


rule score:
    input:
        paper=local(PRINTED),
        predictions=rules.predict.output[0],
        pixels=ancient(expand("<data>/processed/{dataset}.npy", dataset=DATASETS)),
        masks=ancient(expand("<data>/processed/{dataset}.masks.zip", dataset=DATASETS)),
        boxes=expand("<data>/processed/{dataset}.boxes.csv", dataset=DATASETS),
        tables=expand("<results>/images/{dataset}.csv", dataset=DATASETS),
        splits=expand("<results>/splits/{dataset}.csv", dataset=DATASETS),
    output:
        "<results>/scores/{train_on}.parquet",
    log:
        "<logs>/score/{train_on}.log",
    benchmark:
        "<benchmarks>/score/{train_on}.tsv"
    conda:
        "../../envs/lungseg.yaml"
    threads: 2
    resources:
        mem_mb=growing(4000),
        runtime=growing(240),
    params:
        runs=lookup(dpath="{train_on}", within=RUNS),
        datasets=DATASETS,
        trained_on=lookup(dpath="train_on/{train_on}", within=config),
        with_references=lookup(dpath="{train_on}", within={name: name == MAIN for name in TRAIN_ON}),
        content=content(PRINTED),
        code=CODE["score"],
    script:
        "../scripts/score.py"


rule collect:
    input:
        scores=expand("<results>/scores/{train_on}.parquet", train_on=TRAIN_ON),
        cards=of(ALL_RUNS, "weights.json"),
    output:
        csv="<results>/scores.csv",
        parquet="<results>/scores.parquet",
        diverged="<results>/diverged.csv",
    log:
        "<logs>/collect.log",
    benchmark:
        "<benchmarks>/collect.tsv"
    conda:
        "../../envs/lungseg.yaml"
    params:
        main=MAIN,
        apart=APART,
        bundled=bundled(ALL_RUNS, "weights.json"),
        code=CODE["collect"],
    script:
        "../scripts/collect.py"


rule cases:
    input:
        scores=rules.collect.output.csv,
    output:
        algorithms="<results>/cases/algorithms.csv",
        cases=expand("<results>/cases/{train_on}/{dataset}.csv", train_on=TRAIN_ON, dataset=DATASETS),
    log:
        "<logs>/cases.log",
    conda:
        "../../envs/lungseg.yaml"
    params:
        tables=[[train_on, dataset] for train_on in TRAIN_ON for dataset in DATASETS],
        code=CODE["cases"],
    script:
        "../scripts/cases.py"
