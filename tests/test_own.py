"""A data set of one's own, from folders to Table 1 in ten lines of configuration."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from lungseg.config import read_experiment, without_places
from lungseg.data.phantom import draw
from lungseg.errors import InputError
from lungseg.statistics.score_blocks import blocks
from tests.conftest import encoded
from tests.statistics.test_estimation import scores
from tests.workflow import copy_project, run

TEN_LINES = """\
name: mine
datasets: [mine, ward]
split: {method: random}
own:
  mine: {images: films, masks: masks, match: "{id}_mask.png", patients: patients.csv}
  ward: {images: ward, masks: ward, match: "{id}_mask.png", test_only: true}
preprocessing: {size: 32}
seeds: [0]
variants: {unet: {width: 4}}
training: {epochs: 1, precision: float32}
"""
QUICK = ["leakage={distance: 8}", "statistics={resamples: 100}", "device=cpu"]


def made_up(project: Path) -> None:
    """Films of 13 patients with two films each, and a ward's five, their masks beside them."""
    for folder, masks, names in (
        ("films", "masks", [f"p{number // 2:02d}.{number % 2}" for number in range(26)]),
        ("ward", "ward", [f"w{number}" for number in range(5)]),
    ):
        for place in (folder, masks):
            (project / place).mkdir(exist_ok=True)
        for number, name in enumerate(names):
            drawn = draw(name, np.random.default_rng([len(names), number]), abnormal=False)
            (project / folder / f"{name}.png").write_bytes(encoded(drawn.image))
            (project / masks / f"{name}_mask.png").write_bytes(encoded(drawn.mask.astype(np.uint8) * 255))
    rows = [f"{path.stem},{path.stem[:3]}" for path in sorted((project / "films").iterdir())]
    (project / "patients.csv").write_text("\n".join(["image_id,patients", *rows, ""]))
    (project / "mine.yaml").write_text(TEN_LINES)


def commanded(project: Path, target: str, *options: str, check: bool = True) -> str:
    """Run Snakemake on the experiment."""
    command = ["snakemake", "--cores", "2", *options, "--configfile", "mine.yaml", "--config", *QUICK, "--", target]
    return run(project, *command, check=check)


def test_from_folders_to_table1(tmp_path: Path) -> None:
    project = copy_project(tmp_path)
    made_up(project)
    commanded(project, "mine/results/table1.csv")
    results = project / "mine/results"
    parts = pd.read_csv(results / "splits/mine.csv").assign(patient=lambda rows: rows["image_id"].astype(str).str[:3])
    assert set(parts["part"]) == {"train", "validation", "test"}
    assert len(parts.drop_duplicates(["patient", "part"])) == 13
    assert set(pd.read_csv(results / "splits/ward.csv")["part"]) == {"test"}
    tested = (parts["part"] == "test").sum()
    sizes = pd.read_csv(results / "estimates.csv").query("metric == 'dice'").set_index("test_on")["images"]
    assert sizes.to_dict() == {"mine": tested, "ward": 5, "pooled": tested}
    table = pd.read_csv(results / "table1.csv").query("variant == 'unet' and metric == 'dice'")
    own = pd.read_csv(results / "scores.csv").query("test_on == 'mine'")
    assert table["mean"].item() == pytest.approx(own["dice"].mean(), abs=1e-9)

    (project / "ward/w0.png").write_bytes((project / "ward/w1.png").read_bytes())
    planned = commanded(project, "mine/results/table1.csv", "--dry-run", "--quiet", "rules")
    counts = dict(line.split() for line in planned.splitlines() if re.fullmatch(r"\w+ +\d+", line))
    assert (counts["download"], counts["preprocess"], "train" in counts) == ("1", "1", False)
    (project / "ward/w9_mask.png").write_bytes(b"")
    told = commanded(project, "mine/results/table1.csv", check=False)
    assert "own.ward.masks (ward): found 1 masks without a film: w9_mask.png" in told
    assert "Traceback" not in told
    (project / "ward/w9_mask.png").unlink()
    (project / "ward").rename(project / "mine/data/ward")
    (project / "mine.yaml").write_text(TEN_LINES.replace(": ward,", ": mine/data/ward,"))
    told = commanded(project, "mine/results/table1.csv", check=False)
    assert "own.ward.images: found mine/data/ward, where this experiment writes data" in told
    assert "Traceback" not in told


OWN = {"images": "films", "masks": "masks"}
BASE = {"name": "x", "datasets": ["jsrt", "mine"], "own": {"mine": OWN}}


def test_an_own_set_is_in_table1_only_where_it_is_asked_for() -> None:
    assert read_experiment(BASE).pooled == ("jsrt",)
    assert read_experiment(BASE).train_on == {"jsrt": ("jsrt",), "pooled": ("jsrt",)}
    alone = BASE | {"datasets": ["mine"]}
    assert read_experiment(alone).train_on == {"pooled": ("mine",)}
    both = BASE | {"train_on": {"pooled": ["jsrt", "mine"]}}
    assert read_experiment(both).pooled == ("jsrt", "mine")
    without = BASE | {"train_on": {"all": ["jsrt", "mine"]}, "table1": {"train_on": "all"}}
    assert read_experiment(without).pooled == ("jsrt",)
    assert "own" not in read_experiment({"name": "x"}).model_dump()
    assert read_experiment(read_experiment(BASE).model_dump(mode="json")) == read_experiment(BASE)


def test_an_own_set_changes_no_number_of_the_others() -> None:
    before = scores()
    more = before[before["test_on"] == before["test_on"].iloc[0]].assign(test_on="mine", dice=0.5)
    joined = pd.concat([before.assign(apart=0), more.assign(apart=1)], ignore_index=True)
    cut = {(one.train_on, one.test_on): one for one in blocks(joined)}
    for one in blocks(before):
        other = cut.pop((one.train_on, one.test_on))
        assert (one.films, one.strata) == (other.films, other.strata)
        assert all(np.array_equal(a.metrics, b.metrics, True) for a, b in zip(one.runs, other.runs, strict=True))
    assert {test_on for _, test_on in cut} == {"mine"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"own": {"Mine": OWN}, "datasets": ["jsrt", "Mine"]},
            "config key own.Mine.*expected small letters, digits and _, a let",
        ),
        ({"own": {"pooled": OWN}, "datasets": ["pooled"]}, "own defines .'pooled'., a name that has a meaning"),
        ({"own": {"jsrt": OWN}, "datasets": ["jsrt"]}, "own defines .'jsrt'., a name that has a meaning"),
        ({"datasets": ["jsrt"]}, "own defines .'mine'., which `datasets` does not list"),
        ({"own": {}}, "config key datasets.1: found 'mine', expected 'montgomery', .* or a name under `own`"),
        ({"own": {"mine": {"images": "films"}}}, "config key own.mine.masks: found nothing"),
        (
            {"own": {"mine": OWN | {"mask": "x"}}},
            "config key own.mine.mask: found an unknown key .* one of images, masks",
        ),
        (
            {"own": {"mine": OWN | {"masks": {"left": "a"}}}},
            "own.mine.masks: found .*expected a folder or zip archive, or {",
        ),
        (
            {"own": {"mine": OWN | {"match": "mask.png"}}},
            "own.mine.match: found 'mask.png', expected a file's name with {id}",
        ),
        ({"own": {"mine": OWN | {"match": "a/{id}.png"}}}, "own.mine.match: found 'a/{id}.png'"),
        ({"own": {"mine": OWN | {"spacing_mm": 0.000143}}}, "own.mine.spacing_mm: found 0.000143"),
        ({"own": {"mine": OWN | {"test_only": True, "split": "s.csv"}}}, "leave `split` out, or `test_only`"),
        (
            {"own": {"mine": OWN | {"test_only": True}}, "train_on": {"pooled": ["jsrt", "mine"]}},
            "train_on.pooled names .'mine'., which is `test_only`",
        ),
        (
            {"datasets": ["mine"], "own": {"mine": OWN | {"test_only": True}}},
            "every data set is `test_only`, and networks need one to learn from",
        ),
        ({"train_on": {"mine": ["jsrt"], "pooled": ["jsrt"]}}, "train_on.mine is named as a data set"),
        ({"datasets": ["phantom", "mine"]}, "phantom is drawn, never mixed"),
    ],
)
def test_what_cannot_be_meant_is_told(change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_experiment(BASE | change)


def test_no_folder_of_this_machine_is_published() -> None:
    own = {"images": "/home/me/films", "masks": {"left": "~/left", "right": "../right"}, "match": "{id}.png"}
    shown = without_places({"own": {"mine": own}})["own"]["mine"]
    assert shown["images"] == "FOLDER/films"
    assert shown["masks"] == {"left": "FOLDER/left", "right": "FOLDER/right"}
    assert read_experiment(BASE | {"own": {"mine": shown}})


def test_the_readme_s_example_is_a_configuration() -> None:
    text = (Path(__file__).parents[1] / "config/README.md").read_text()
    example = text.partition("## Add a data set of your own")[2].partition("```yaml")[2].partition("```")[0]
    assert read_experiment(yaml.safe_load(example)).pooled == ("montgomery", "shenzhen", "jsrt")
