# What the paper prints, judged by our tables and by arithmetic.


# What might the printed numbers be? Stored predictions of the paper's networks, counted in every way in use.
# It goes first of those that follow from predictions: it wants two cores, which are not free again soon.
rule definitions:
    input:
        paper=local(PRINTED),
        predictions=expand("<results>/predictions/{train_on}.npz", train_on=MAIN)[0],
        pixels=ancient(expand("<data>/processed/{dataset}.npy", dataset=DATASETS)),
        masks=ancient(expand("<data>/processed/{dataset}.masks.zip", dataset=DATASETS)),
        boxes=expand("<data>/processed/{dataset}.boxes.csv", dataset=DATASETS),
        tables=expand("<results>/images/{dataset}.csv", dataset=DATASETS),
        splits=expand("<results>/splits/{dataset}.csv", dataset=DATASETS),
    output:
        parquet="<results>/definitions.parquet",
        ranked="<results>/definitions.csv",
        relations="<results>/relations.csv",
        yardstick="<results>/yardstick.csv",
    log:
        "<logs>/definitions.log",
    benchmark:
        "<benchmarks>/definitions.tsv"
    priority: 1
    conda:
        "../../envs/lungseg.yaml"
    threads: 2
    resources:
        mem_mb=growing(4000),
        runtime=growing(120),
    params:
        runs=RUNS[MAIN],
        datasets=DATASETS,
        apart=APART,
        tables=200,  # permuted ones, for the yardstick
        seed=config["statistics"]["seed"],
        content=content(PRINTED),
        code=CODE["definitions"],
    script:
        "../scripts/definitions.py"


# And if another cut or another epoch was printed?
rule sweep:
    input:
        paper=local(PRINTED),
        predictions=expand("<results>/predictions/{train_on}.npz", train_on=MAIN)[0],
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
        apart=APART,
        content=content(PRINTED),
        bundled=bundled(MAIN_RUNS, "history.csv"),
        code=CODE["sweep"],
    script:
        "../scripts/sweep.py"


rule audit:
    input:
        paper=local(PRINTED),
        claims=local(CLAIMS),
        plan=local(PLAN),
        published=local(PUBLISHED_TABLES),
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
        content=content(PRINTED, CLAIMS, PLAN, PUBLISHED_TABLES),
        bundled=bundled(MAIN_RUNS, "history.csv", "weights.json"),
        code=CODE["audit"],
    script:
        "../scripts/audit.py"
