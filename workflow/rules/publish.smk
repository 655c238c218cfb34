# Not part of `all`: whoever wants an experiment's results and runs in git, or the graph of the rules, asks for it.


rule bundle:
    input:
        histories=of(SENT, "history.csv"),
        cards=of(SENT, "weights.json"),
        predictions=expand("<results>/predictions/{train_on}.npz", train_on=TRAIN_ON),
    output:
        histories=local(expand(f"{PUBLISHED}/runs/{RUN}/history.csv", run=SENT)),
        cards=local(expand(f"{PUBLISHED}/runs/{RUN}/weights.json", run=SENT)),
        predictions=local(expand(f"{PUBLISHED}/runs/{RUN}/predictions.npz", run=SENT)),
    log:
        "<logs>/bundle.log",
    conda:
        "../../envs/lungseg.yaml"
    params:
        runs=SENT,
        train_on=TRAIN_ON,
        bundled=bundled(SENT, "history.csv", "weights.json"),
        code=CODE["bundle"],
    script:
        "../scripts/bundle.py"


rule publish:
    input:
        paper=local(PRINTED),
        files=expand("<results>/{file}", file=SMALL),
        coverage=local(COVERAGE),
        bundles=rules.bundle.output,
    output:
        files=local(expand(f"{PUBLISHED}/{{file}}", file=SMALL)),
        page=local(f"{PUBLISHED}/README.md"),
    log:
        "<logs>/publish.log",
    conda:
        "../../envs/lungseg.yaml"
    params:
        readme=shipped("README.md"),
        open_choices=shipped("docs/fidelity.md"),
        content=content(PRINTED, [COVERAGE]),
        code=CODE["publish"],
    script:
        "../scripts/publish.py"


rule rulegraph:
    input:
        snakefiles=local([shipped("Snakefile"), *sorted(map(str, Path(shipped("workflow/rules")).glob("*.smk")))]),
        config=local(shipped("config/quickstart.yaml")),
    output:
        local("docs/rulegraph.mmd"),
    log:
        "<logs>/rulegraph.log",
    conda:
        "../../envs/lungseg.yaml"
    params:
        code=CODE["rulegraph"],
    script:
        "../scripts/rulegraph.py"
