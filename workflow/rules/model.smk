# The model in the package: not part of `all`, and of the experiment `model` alone. The rule of the choice stands in
# config/model.yaml.


rule export_model:
    input:
        cards=of(ALL_RUNS, "weights.json"),
        weights=of(ALL_RUNS, "weights.safetensors"),
        manifest="<results>/manifest.json",
    output:
        candidates="<results>/model_candidates.csv",
    log:
        "<logs>/export_model.log",
    conda:
        "../../envs/lungseg.yaml"
    resources:
        mem_mb=growing(4000),
    params:
        folder=shipped("lungseg/models"),
        frame=config["preprocessing"]["frame"],
        trained_on=config["train_on"][MAIN],
        version="1",
        code=CODE["export_model"],
    script:
        "../scripts/export_model.py"


rule model:
    input:
        candidates=rules.export_model.output.candidates,
        pixels=ancient(expand("<data>/processed/{dataset}.npy", dataset=DATASETS)),
        masks=ancient(expand("<data>/processed/{dataset}.masks.zip", dataset=DATASETS)),
        boxes=expand("<data>/processed/{dataset}.boxes.csv", dataset=DATASETS),
        tables=expand("<results>/images/{dataset}.csv", dataset=DATASETS),
        splits=expand("<results>/splits/{dataset}.csv", dataset=DATASETS),
    output:
        page=local("docs/model.md"),
        scores=local("docs/model-scores.csv"),
        figure=local("docs/model-films.png"),
    log:
        "<logs>/model.log",
    conda:
        "../../envs/lungseg.yaml"
    resources:
        mem_mb=growing(4000),
    params:
        folder=shipped("lungseg/models"),
        datasets=DATASETS,
        note=config["note"],
        level=config["statistics"]["level"],
        code=CODE["model"],
    script:
        "../scripts/model.py"
