# What the paper prints, judged by our tables and by arithmetic.


# What might the printed numbers be? Stored predictions of the paper's networks, counted in every way in use.
rule definitions:
    input:
        paper=PRINTED,
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
        yardstick="<results>/yardstick.csv",
    log:
        "<logs>/definitions.log",
    benchmark:
        "<benchmarks>/definitions.tsv"
    conda:
        "../../envs/lungseg.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(120),
    params:
        runs=RUNS[MAIN],
        datasets=DATASETS,
        tables=200,  # permuted ones, for the yardstick
        seed=config["statistics"]["seed"],
        code=CODE["definitions"],
    script:
        "../scripts/definitions.py"


# And if another cut or another epoch was printed?
rule sweep:
    input:
        paper=PRINTED,
        predictions=expand(rules.predict.output, train_on=MAIN)[0],
        histories=of(MAIN_RUNS, "history.csv"),
    output:
        points="<results>/operating_points.csv",
        epochs="<results>/best_epochs.csv",
    log:
        "<logs>/sweep.log",
    benchmark:
        "<benchmarks>/sweep.tsv"
    conda:
        "../../envs/lungseg.yaml"
    params:
        runs=MAIN_RUNS,
        code=CODE["sweep"],
    script:
        "../scripts/sweep.py"


rule audit:
    input:
        paper=PRINTED,
        claims=CLAIMS,
        plan=PLAN,
        published=[str(path) for path in PUBLISHED_TABLES],
        estimates=rules.estimate.output.estimates,
        comparisons=rules.estimate.output.comparisons,
        elsewhere=rules.estimate.output.elsewhere,
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
        "../../envs/lungseg.yaml"
    params:
        runs=MAIN_RUNS,
        table1=config["table1"],
        drawn="phantom" in DATASETS,
        note=with_note,
        code=CODE["audit"],
    script:
        "../scripts/audit.py"
