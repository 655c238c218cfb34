# Tables -> figures, pages, MLflow, the manifest.


rule table1:
    input:
        paper=local(PRINTED),
        plan=local(PLAN),
        estimates=rules.estimate.output.estimates,
        diverged=rules.collect.output.diverged,
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
        "../../envs/lungseg.yaml"
    params:
        train_on=config["table1"]["train_on"],
        test_on=config["table1"]["test_on"],
        note=with_note,
        level=config["statistics"]["level"],
        content=content(PRINTED, PLAN),
        code=CODE["table1"],
    script:
        "../scripts/table1.py"


rule figures:
    input:
        paper=local(PRINTED),
        scores=rules.collect.output.csv,
        histories=of(ALL_RUNS, "history.csv"),
        predictions=expand("<results>/predictions/{train_on}.npz", train_on=MAIN),
        pixels=ancient(expand("<data>/processed/{dataset}.npy", dataset=DATASETS)),
        tables=expand("<results>/images/{dataset}.csv", dataset=DATASETS),
        cards=of(MAIN_RUNS, "weights.json"),
        captions=local(CAPTIONS["figures"]),
    output:
        [shown(f"<results>/figures/{figure}.png", "Figures") for figure in FIGURES],
        expand("<results>/figures/{figure}.{kind}", figure=FIGURES, kind=["svg", "pdf", "txt"]),
    log:
        "<logs>/figures.log",
    benchmark:
        "<benchmarks>/figures.tsv"
    conda:
        "../../envs/lungseg.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        runs=ALL_RUNS,
        datasets=DATASETS,
        train_on=MAIN,
        look=LOOK,
        note=with_note,
        content=content(PRINTED, CAPTIONS["figures"]),
        bundled=bundled(ALL_RUNS, "history.csv", "weights.json"),
        code=CODE["figures"],
    script:
        "../scripts/figures.py"


rule diagrams:
    input:
        paper=local(PRINTED),
        plan=local(PLAN),
        scores=rules.collect.output.csv,
        comparisons=rules.estimate.output.comparisons,
        crossing=rules.estimate.output.crossing,
        ranks=rules.estimate.output.ranks,
        definitions=rules.definitions.output.parquet,
        calibration=rules.calibrate.output.errors,
        reliability=rules.calibrate.output.reliability,
        estimates=rules.estimate.output.estimates,
        cost=rules.cost.output[0],
        splits=expand("<results>/splits/{dataset}.csv", dataset=config["train_on"][MAIN] if CURVES else []),
        captions=local(CAPTIONS["diagrams"]),
    output:
        [shown(f"<results>/figures/{figure}.png", "Figures") for figure in DIAGRAMS],
        expand("<results>/figures/{figure}.{kind}", figure=DIAGRAMS, kind=["svg", "pdf", "txt"]),
    log:
        "<logs>/diagrams.log",
    benchmark:
        "<benchmarks>/diagrams.tsv"
    conda:
        "../../envs/lungseg.yaml"
    params:
        train_on=MAIN,
        test_on=config["table1"]["test_on"],
        sets=[config["train_on"], config["films"], MAIN],
        look=LOOK,
        level=config["statistics"]["level"],
        note=with_note,
        content=content(PRINTED, PLAN, CAPTIONS["diagrams"]),
        code=CODE["diagrams"],
    script:
        "../scripts/diagrams.py"


rule metrics:
    input:
        estimates=rules.estimate.output.estimates,
    output:
        "<results>/metrics.json",
    log:
        "<logs>/metrics.log",
    conda:
        "../../envs/lungseg.yaml"
    params:
        table1=config["table1"],
        code=CODE["metrics"],
    script:
        "../scripts/metrics.py"


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
        "../../envs/lungseg.yaml"
    params:
        runs=ALL_RUNS,
        bundled=bundled(ALL_RUNS, "history.csv", "weights.json"),
        code=CODE["track"],
    script:
        "../scripts/track.py"


rule manifest:
    input:
        plan=local(PLAN),
        histories=of(ALL_RUNS, "history.csv"),
        records=expand("<data>/raw/{dataset}/archives.json", dataset=DATASETS),
        cards=of(ALL_RUNS, "weights.json"),
        benchmarks=[
            expand(["<benchmarks>/download/{dataset}.tsv", "<benchmarks>/preprocess/{dataset}.tsv"], dataset=DATASETS),
            expand("<benchmarks>/split/{dataset}.tsv", dataset=DATASETS),
            expand("<benchmarks>/train/{run[variant]}.{run[train_on]}.seed{run[seed]}.tsv", run=TRAINED),
            expand(["<benchmarks>/predict/{train_on}.tsv", "<benchmarks>/score/{train_on}.tsv"], train_on=TRAIN_ON),
            expand(
                "<benchmarks>/{rule}.tsv",
                rule=[
                    "cost",
                    "leakage",
                    "collect",
                    "estimate",
                    "calibrate",
                    "definitions",
                    "sweep",
                    "table1",
                    "audit",
                    "figures",
                    "diagrams",
                ],
            ),
        ],
    output:
        "<results>/manifest.json",
    log:
        "<logs>/manifest.log",
    conda:
        "../../envs/lungseg.yaml"
    params:
        config=literal(EXPERIMENT.model_dump(mode="json")),
        content=content(PLAN),
        bundled=bundled(ALL_RUNS, "history.csv", "weights.json"),
        code=CODE["manifest"],
    script:
        "../scripts/manifest.py"


# One file that opens without a network: the answer, and from each number the way to its films.
rule report:
    input:
        paper=local(PRINTED),
        claims=local(CLAIMS),
        template=local(TEMPLATE),
        manifest=rules.manifest.output[0],
        scores=rules.collect.output.csv,
        predictions=expand("<results>/predictions/{train_on}.npz", train_on=TRAIN_ON),
        pixels=ancient(expand("<data>/processed/{dataset}.npy", dataset=DATASETS)),
        images=expand("<results>/images/{dataset}.csv", dataset=DATASETS),
        unused=expand("<results>/images/{dataset}.unused.csv", dataset=DATASETS),
        splits=expand("<results>/splits/{dataset}.csv", dataset=DATASETS),
        tables=expand("<results>/{table}.csv", table=SHOWN),
        figures=expand(
            "<results>/figures/{figure}.svg",
            figure=["gains", "cost", "training_curves", "ranks", "definitions", "calibration", *CURVES],
        ),
    output:
        shown("<results>/report.html", "Answer"),
    log:
        "<logs>/report.log",
    conda:
        "../../envs/lungseg.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        runs=RUNS,
        table1=config["table1"],
        level=config["statistics"]["level"],
        content=content(PRINTED, CLAIMS, TEMPLATE),
        code=CODE["report"],
    script:
        "../scripts/report.py"
