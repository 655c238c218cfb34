# Scores -> estimates, comparisons, ranks.


rule estimate:
    input:
        paper=local(PRINTED),
        plan=local(PLAN),
        references=local(REFERENCES),
        scores=rules.collect.output.parquet,
        splits=expand("<results>/splits/{dataset}.csv", dataset=DATASETS),
        coverage=local(COVERAGE),
    output:
        estimates="<results>/estimates.csv",
        comparisons=shown("<results>/comparisons.csv", "Tables"),
        scoring="<results>/scoring.csv",
        subgroups="<results>/subgroups.csv",
        subgroup_differences="<results>/subgroup_differences.csv",
        references="<results>/references.csv",
        ensembles="<results>/ensembles.csv",
        crossing="<results>/crossing.csv",
        ranks="<results>/ranks.csv",
        stability="<results>/stability.csv",
        power="<results>/power.csv",
        sample_sizes="<results>/sample_sizes.csv",
        sensitivity="<results>/sensitivity.csv",
        multiverse="<results>/multiverse.csv",
        elsewhere="<results>/elsewhere.csv",
        effects="<results>/effects.csv",
    log:
        "<logs>/estimate.log",
    benchmark:
        "<benchmarks>/estimate.tsv"
    conda:
        "../../envs/lungseg.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        train_on=config["train_on"],
        shown=(config["table1"]["train_on"], config["table1"]["test_on"]),
        resamples=config["statistics"]["resamples"],
        level=config["statistics"]["level"],
        seed=config["statistics"]["seed"],
        pool=config["statistics"]["pool"],
        content=content(PRINTED, PLAN, REFERENCES, [COVERAGE]),
        code=CODE["estimate"],
    script:
        "../scripts/estimate.py"


# Is a probability of .8 right in eight pixels of ten?
rule calibrate:
    input:
        paper=local(PRINTED),
        plan=local(PLAN),
        predictions=expand("<results>/predictions/{train_on}.npz", train_on=TRAIN_ON),
    output:
        errors="<results>/calibration.csv",
        reliability="<results>/reliability.csv",
    log:
        "<logs>/calibrate.log",
    benchmark:
        "<benchmarks>/calibrate.tsv"
    conda:
        "../../envs/lungseg.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        runs=RUNS,
        apart=APART,
        level=config["statistics"]["level"],
        pool=config["statistics"]["pool"],
        content=content(PRINTED, PLAN),
        code=CODE["calibrate"],
    script:
        "../scripts/calibrate.py"
