"""The whole: every rule on drawn films, what an edit plans, what a bad configuration says."""

import json
import os
import re
import shutil
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pandas as pd
import pytest
import timm
from safetensors.torch import save_file

from lungseg.scores.metrics import ratios
from tests.workflow import ROOT, planned_rules, run, snakemake


@pytest.fixture
def results(project: Path) -> Path:
    """The folder of its results."""
    return project / "tiny/results"


def test_tables_have_the_columns_that_people_rely_on(results: Path) -> None:
    columns = {
        "images/phantom.csv": "image_id,dataset,height,width,spacing_mm,abnormal,sha256",
        "splits/phantom.csv": "image_id,part",
        "runs/unet/pooled/seed0/history.csv": "epoch,lr,train_loss,validation_loss,validation_dice,"
        "validation_accuracy,images_per_second",
        "scores.csv": "variant,train_on,seed,test_on,image_id,dice,iou,precision,recall,loss,accuracy",
        "estimates.csv": "variant,train_on,test_on,metric,mean,low,high,images,seeds",
        "comparisons.csv": "variant_a,variant_b,train_on,test_on,metric,difference,low,high,p,p_holm",
        "table1.csv": "variant,metric,published,mean,low,high,inside",
        "claims.csv": "claim,source,published,reproduced,low,high,verdict,points,why",
        "cases/pooled/phantom.csv": "case_id,alg_01,alg_02",
        "scoring.csv": "variant,train_on,test_on,metric,mean,low,high,images,seeds,failures,size,postprocessing",
        "subgroups.csv": "variant,train_on,test_on,metric,mean,low,high,images,seeds,failures,abnormal",
        "subgroup_differences.csv": "variant,train_on,test_on,metric,group,against,difference,low,high,p,p_holm,sign",
        "calibration.csv": "variant,train_on,test_on,metric,mean,low,high,images,seeds",
        "reliability.csv": "variant,train_on,test_on,bin_low,bin_high,pixels,predicted,lung,low,high,images,seeds",
        "crossing.csv": "variant,train_on,test_on,metric,domain,mean,low,high,images,seeds,home,gap,gap_low,gap_high",
        "ranks.csv": "train_on,over,metric,variant,mean_rank",
        "stability.csv": "train_on,test_on,metric,variant,mean,rank,first,rank_low,rank_high",
        "power.csv": "variant_a,variant_b,train_on,test_on,metric,detectable,detectable_holm,seeds,images",
        "sample_sizes.csv": "variant_a,variant_b,train_on,test_on,metric,difference,seeds,films",
        "references.csv": "variant,train_on,test_on,metric,mean,low,high",
        "cost.csv": "variant,parameters,trained_parameters,gflops,train_memory_mb,predict_memory_mb,films_per_second,"
        "ms_per_film,weights_mb,hardware",
        "leakage.csv": "dataset_a,image_id_a,part_a,dataset_b,image_id_b,part_b,distance,correlation,near,"
        "likeness,null,candidate,patient,status",
        "sensitivity.csv": "variant,against,train_on,test_on,metric,mean,low,high,images,seeds,left_out,"
        "full_mean,full_low,full_high,change",
        "multiverse.csv": "variant,against,train_on,test_on,metric,size,postprocessing,seen,declared,difference,"
        "low,high,images,seeds",
        "definitions.csv": "films,part,size,cut,smooth,averaging,classes,distance",
        "relations.csv": "relation,printed,definitions,alone,mixtures,mixed",
        "yardstick.csv": "permuted,tables,distance,rank,p,closest,median,farthest",
        "operating_points.csv": "variant,films,part,classes,aim,cut,dice,iou,recall,precision,published_dice",
        "best_epochs.csv": "variant,metric,column,published,value,gap,last,note",
    }
    for file, names in columns.items():
        assert (results / file).read_text().startswith(names), file


def test_a_number_of_table1_goes_back_to_the_pixels_of_its_films(project: Path, results: Path) -> None:
    """Recompute one cell from logits and masks alone."""
    table = pd.read_csv(results / "images/phantom.csv")
    parts = pd.read_csv(results / "splits/phantom.csv").set_index("image_id")["part"]
    masks = np.load(project / "tiny/data/processed/phantom.npy")[:, 1] > 0
    means = []
    for seed in (0, 1):
        with np.load(results / "predictions/pooled.npz") as stored:
            tested = stored["image_id"][stored["part"] == "test"].tolist()
            found = dict(zip(tested, stored[f"unet/seed{seed}/codes"] >= 64, strict=True))  # the logit is positive
        dice = []
        for row, image_id in enumerate(table["image_id"]):
            if parts[image_id] == "test":
                truth, prediction = masks[row], found.pop(image_id)
                dice.append(2 * (truth & prediction).sum() / (truth.sum() + prediction.sum()))
        assert not found
        means.append(np.mean(dice))
    cell = pd.read_csv(results / "table1.csv").query("variant == 'unet' and metric == 'dice'").iloc[0]
    assert cell["mean"] == pytest.approx(np.mean(means), abs=1e-9)
    assert cell["published"] == 0.957


def test_scores_count_every_pixel_once(results: Path) -> None:
    scores = pd.read_csv(results / "scores.csv")
    counts = scores[["true_positive", "false_positive", "false_negative", "true_negative"]].to_numpy(float)
    assert (counts.sum(axis=1) == 32 * 32).all()
    assert scores["dice"].to_numpy() == pytest.approx(ratios(counts)[:, 0])
    assert len(scores) == 2 * 2 * 19


def test_manifest_says_what_made_the_numbers(results: Path) -> None:
    manifest = json.loads((results / "manifest.json").read_text())
    assert len(manifest["commit"]) == 40
    assert manifest["config"]["name"] == "tiny"
    assert {"torch", "snakemake"} <= set(manifest["packages"])
    assert manifest["seconds"]["train"]["jobs"] == 4


def test_nothing_is_written_outside_the_experiments_folder(project: Path) -> None:
    assert {path.name for path in (project / "tiny").iterdir()} == {"data", "results"}
    assert run(project, "git", "status", "--porcelain") == ""
    ignored = set(run(project, "git", "status", "--porcelain", "--ignored").split()[1::2])
    expected = {"tiny/", ".snakemake/", "mlflow.db", "mlartifacts/"}
    assert {name for name in ignored if "__pycache__" not in name} <= expected


def test_weights_come_with_a_card_of_what_built_them(results: Path) -> None:
    card = json.loads((results / "runs/unet/pooled/seed1/weights.json").read_text())
    assert card["run"] == "unet/pooled/seed1"
    assert card["variant"]["width"] == 4
    assert card["training"]["epochs"] == 1
    assert card["steps"] == "single"
    assert not (results / "runs/unet/pooled/seed1/checkpoint.pt").exists()


def test_every_network_has_a_whole_row_of_costs(results: Path) -> None:
    table = pd.read_csv(results / "cost.csv")
    assert table["variant"].tolist() == ["unet", "proposed"]
    assert table.notna().all(axis=None)
    assert (table.select_dtypes("number") > 0).all(axis=None)
    for variant, parameters in zip(table["variant"], table["parameters"], strict=True):
        cards = [json.loads(path.read_text()) for path in results.glob(f"runs/{variant}/*/*/weights.json")]
        assert {card["parameters"] for card in cards} == {parameters}
        histories = [pd.read_csv(path) for path in results.glob(f"runs/{variant}/*/*/history.csv")]
        speeds = pd.concat(histories)["images_per_second"]
        assert table.set_index("variant").loc[variant, "films_per_second"] == round(speeds.median(), 2)
    assert "What do they cost?" in (results / "report.html").read_text()


def test_figures_and_tables_are_there_in_every_form(results: Path) -> None:
    for stem in (
        "training_curves",
        "figure5_overlays",
        "dice_per_image",
        "crossing",
        "ranks",
        "definitions",
        "calibration",
        "cost",
    ):
        assert (results / f"figures/{stem}.svg").stat().st_size > 1000
        assert (results / f"figures/{stem}.png").read_bytes().startswith(b"\x89PNG")
    assert all((results / f"table1.{kind}").stat().st_size > 500 for kind in ("md", "tex", "html"))
    page = (results / "report.html").read_text()
    assert "What could have been found" in page and "Ranks in Dice, trained on" in page


def test_finished_experiment_plans_nothing_and_an_edit_plans_what_it_touches(project: Path) -> None:
    assert planned_rules(project) == set()
    edits = {
        "lungseg/statistics/estimation.py": {"estimate", "table1", "audit", "metrics", "manifest"},
        "lungseg/scores/boundary.py": {"score", "collect", "estimate"},
        "lungseg/claims/verdicts.py": {"audit"},
        "lungseg/learning/training.py": {
            "train",
            "predict",
            "score",
            "collect",
            "estimate",
            "table1",
            "figures",
            "track",
        },
    }
    for file, expected in edits.items():
        path = project / file
        text = path.read_text()
        path.write_text(text + "\n# A comment changes nothing.\n")
        assert planned_rules(project) == set(), file
        path.write_text(text + "\nADDED = 1\n")
        planned = planned_rules(project)
        assert expected <= planned, file
        assert ("train" in planned) == ("train" in expected)
        path.write_text(text)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("training={learning_rate: -1}", "config key training.learning_rate: found '-1', expected greater than 0"),
        (
            "variants={unet: {module: lost.py:net}}",
            "lost.py, as variants.unet.module says: give a file of Python",
        ),
        (
            "variants={odd: {encoders: [resnet35]}}",
            "config key variants.odd.encoders: found 'resnet35', expected a na",
        ),
    ],
)
def test_bad_configuration_ends_in_one_message(project: Path, change: str, message: str) -> None:
    printed = snakemake(project, "--dry-run", "--config", change, check=False)
    assert message in printed
    assert "Traceback" not in printed


def test_learning_curves_are_drawn_where_films_limits_a_set_and_nowhere_else(project: Path) -> None:
    asked = ["--dry-run", "--quiet", "all", "--", "tiny/results/figures/learning_curves.png"]
    assert "MissingRuleException" in snakemake(project, *asked, check=False)
    assert not (project / "tiny/results/figures/learning_curves.png").exists()
    snakemake(project, "--config", "films={pooled: 8}", *asked)


def test_films_are_left_out_by_name_and_told(project: Path, results: Path) -> None:
    films = pd.read_csv(results / "splits/phantom.csv")
    gone = films.loc[films["part"] == "train", "image_id"].iloc[0]
    exclude = f"exclude={{phantom: {{{gone}: 'two {{lungs}} in <one>'}}}}"
    targets = [f"fewer/results/{kind}/phantom.csv" for kind in ("images", "splits")]
    snakemake(project, "--config", "name=fewer", exclude, "--", *targets)
    unused = pd.read_csv(project / "fewer/results/images/phantom.unused.csv")
    assert unused.to_numpy().tolist() == [[gone, "two {lungs} in <one>"]]
    for target in targets:
        assert sorted(pd.read_csv(project / target)["image_id"]) == sorted(set(films["image_id"]) - {gone})
    assert {"preprocess", "split", "train", "table1", "report"} <= planned_rules(project, "--config", exclude)
    assert planned_rules(project, "--config", "exclude={}") == set()
    printed = snakemake(project, "--dry-run", "--config", "exclude={phantom: {PHANTOM_999: why}}", check=False)
    assert "config key exclude.phantom: found PHANTOM_999, expected films of phantom that are used" in printed
    assert "Traceback" not in printed


def test_all_missing_files_are_told_before_the_first_job(project: Path) -> None:
    config = ["name=offline", "datasets=[jsrt, shenzhen]", "train_on={pooled: [jsrt]}", "archives=nowhere"]
    lost = "variants={lost: {encoders: [mobilenetv2], weights: lost.safetensors}}"
    printed = snakemake(project, "--config", *config, lost, check=False)
    found = [line for line in printed.splitlines() if line.startswith(("  nowhere/", "  lost."))]
    assert [line.split(",")[0].strip() for line in found] == [
        "lost.safetensors",
        "nowhere/All247images.zip",
        "nowhere/shcxr-lung-mask.zip",
    ]
    assert "found 3 missing files" in printed
    assert "Register at" in printed
    assert "Traceback" not in printed
    assert not (project / "offline").exists()
    printed = snakemake(project, "--dry-run", "--config", "name=offline", lost, check=False)
    assert "  lost.safetensors, as variants.lost.weights says: give a safetensors file" in printed


def test_a_file_with_other_content_plans_again_what_is_made_of_it(project: Path) -> None:
    """Even with the old length and time of change."""
    start = project / "start.safetensors"
    variants = "variants={proposed: {width: 64, encoders: [mobilenetv2], weights: start.safetensors}}"
    choices = ["--config", "name=tiny", variants, "--", "tiny/results/runs/proposed/pooled/seed0/weights.safetensors"]
    weights = timm.create_model("mobilenetv2_100", pretrained=False).state_dict()
    save_file(weights, start)
    snakemake(project, "--touch", *choices)
    assert planned_rules(project, *choices) == set()
    about = start.stat()
    save_file(weights | {"conv_stem.weight": -weights["conv_stem.weight"]}, start)
    assert start.stat().st_size == about.st_size
    os.utime(start, ns=(about.st_atime_ns, about.st_mtime_ns))
    assert planned_rules(project, *choices) == {"train"}
    start.unlink()


def test_a_paper_s_file_of_an_older_date_plans_again_what_reads_it_and_a_touch_plans_nothing(project: Path) -> None:
    paper = project / "workflow/papers/copied"
    shutil.copytree(project / "workflow/papers/mishra", paper)
    choices = ["--config", "paper=copied"]
    snakemake(project, "--touch", *choices)
    for file in paper.iterdir():
        file.touch()
    assert planned_rules(project, *choices) == set()
    references = paper / "references.csv"
    references.write_text(references.read_text().replace("0.9", "0.8"))
    os.utime(references, (0, 0))
    planned = planned_rules(project, *choices)
    assert {"estimate", "table1"} <= planned and not {"score", "definitions", "sweep", "calibrate"} & planned
    shutil.rmtree(paper)


@pytest.mark.parametrize("file", sorted((ROOT / "workflow/rules").glob("*.smk")), ids=lambda file: file.stem)
def test_every_file_that_no_rule_makes_is_known_by_its_content(file: Path) -> None:
    """Snakemake itself looks at dates, and a file that is put in another's place may be older."""
    for rule in re.split(r"^rule ", file.read_text(), flags=re.MULTILINE)[1:]:
        name, inputs = rule.partition(":")[0], rule.partition("    input:")[2].partition("    output:")[0]
        told = re.search(r"content=content\((.*)\)", rule)
        for group in re.findall(r"=local\((.*)\),$", inputs, re.MULTILINE):
            if name != "rulegraph":  # it makes a page of the documentation
                assert told and group in told[1], f"{name} reads {group}"
        of_runs = set(re.findall(r'=of\(.*, "(.*)"\)', inputs)) - {"weights.safetensors"}  # which no bundle has
        bundled = re.search(r"bundled\(([^)]*)\)", rule)
        if name != "export_model":  # it wants weights
            assert of_runs <= set(re.findall(r'"([\w.]+)"', bundled[1] if bundled else "")), name


def test_lint_is_clean(project: Path) -> None:
    assert "good condition" in run(project, "snakemake", "--lint")
    run(project, "snakefmt", "--check", "Snakefile", "workflow/rules")


def test_snakemakes_own_report_has_tables_and_figures_with_captions(project: Path, results: Path) -> None:
    snakemake(project, "--report", "report.zip")
    with ZipFile(project / "report.zip") as packed:
        names = {Path(name).name for name in packed.namelist()}
        (index,) = (name for name in packed.namelist() if name.endswith("report/report.html") or name == "report.html")
        page = packed.read(index).decode()
    wanted = {"table1.html", "claims.csv", "comparisons.csv", "figure5_overlays.png", "training_curves.png"}
    assert wanted <= names
    for file in (project / "workflow/report/captions").glob("*.rst"):
        assert file.read_text().split()[-1] in page, file.name
    for category in ("Answer", "Tables", "Figures"):
        assert f'"{category}"' in page
