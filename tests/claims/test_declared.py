"""What was declared is read before anything starts: no training ends in a file that nobody could read."""

import shutil
from pathlib import Path

import pytest
import yaml

from lungseg.claims.declared import check_declared
from lungseg.config import Experiment, read_experiment
from lungseg.errors import InputError
from lungseg.plan import plan_file
from tests.workflow import MISHRA, ROOT

PAPER = ROOT / "workflow/papers/mishra"
CONFIGS = [path for path in sorted((ROOT / "config").glob("*.yaml")) if not path.stem.endswith(("_more", "tuned"))]


def experiment(path: Path) -> Experiment:
    return read_experiment(yaml.safe_load(path.read_text()))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_configuration_of_this_repository_has_what_it_needs(path: Path) -> None:
    one = experiment(path)
    plans = [str(file) for file in [plan_file(PAPER, one.name)] if file.is_file()]
    check_declared(plans, [str(PAPER / "claims.yaml")], [str(PAPER / "references.csv")], MISHRA, one)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("plan", "nonsense: [", r"plan-cpu.yaml: found .*, expected a YAML file"),
        ("plan", {"pool": ["unett"]}, r"plan-cpu.yaml, pool: found unett, expected one of .*unet"),
        ("plan", {"contrasts": [["propsed", "unet"]]}, r"plan-cpu.yaml, contrasts: found propsed"),
        ("plan", {"effects": {"one": {"unet": 1, "propsed": -1}}}, r"plan-cpu.yaml, effects: found propsed"),
        ("plan", {"test_on": ["jsrtt"]}, r"plan-cpu.yaml, test_on: found jsrtt, expected one of jsrt"),
        ("plan", {"films": [0, -5]}, r"plan-cpu.yaml, films.0: found 0, .*greater than 0"),
        ("plan", {"metrics": ["accuracy"]}, r"plan-cpu.yaml, metrics: found accuracy, expected one of dice, iou"),
        ("plan", {"margins": {"accuracy": 0.1}}, r"plan-cpu.yaml, margins: found accuracy, expected one of dice, iou"),
        ("claims", "x: 1", r"claims.yaml: found .*expected"),
        ("references", "a;b\n", r"references.csv: found no column"),
        (
            "references",
            "variant,test_on,metric,mean,images,source\nbest,Phantom,dice,.9,20,x\n",
            r"references.csv, line 2, test_on: found 'Phantom', expected one of jsrt, .*phantom, pooled",
        ),
    ],
)
def test_a_file_that_cannot_be_read_is_told_at_once(
    tmp_path: Path, name: str, content: str | dict[str, object], message: str
) -> None:
    files = {"plan": "plan-cpu.yaml", "claims": "claims.yaml", "references": "references.csv"}
    for file in files.values():
        shutil.copy(PAPER / file, tmp_path / file)
    path = tmp_path / files[name]
    changed = content if isinstance(content, str) else yaml.safe_dump(yaml.safe_load(path.read_text()) | content)
    path.write_text(changed)
    with pytest.raises(InputError, match=message):
        check_declared(
            *([str(tmp_path / file)] for file in files.values()), MISHRA, experiment(ROOT / "config/cpu.yaml")
        )


@pytest.mark.parametrize(
    ("conditions", "variants", "message"),
    [
        (
            {"part": {}},
            None,
            r"yaml, claim .*, under: found 'published', expected conditions of the plan: part\.",
        ),
        ({"published": {}}, None, r"claim pretraining-helps, under: found 'part', expected .*: published\."),
        ({}, None, r"under: found 'published', expected conditions of the plan: none\."),
        ({"published": {}, "part": {}}, None, None),
        ({"published": {}}, ["unet", "unet_mobilenetv2", "unet_inceptionresnetv2", "proposed"], None),  # no parts here
    ],
)
def test_conditions_that_a_plan_lacks_are_told_before_anything_is_trained(
    tmp_path: Path, conditions: dict[str, object], variants: list[str] | None, message: str | None
) -> None:
    one = experiment(ROOT / "config/cpu.yaml")
    if variants:
        one = one.model_copy(update={"variants": {name: one.variants[name] for name in variants}})
    written = yaml.safe_load((PAPER / "plan-cpu.yaml").read_text()) | {"conditions": conditions}
    (plan := tmp_path / "plan-cpu.yaml").write_text(yaml.safe_dump(written))
    asked = [str(plan)], [str(PAPER / "claims.yaml")], [], MISHRA, one
    if message is None:
        check_declared(*asked)
    else:
        with pytest.raises(InputError, match=message):
            check_declared(*asked)
    check_declared([], *asked[1:])  # without a plan nothing is judged


def test_a_pool_beside_a_plan_is_told_at_once() -> None:
    config = yaml.safe_load((ROOT / "config/cpu.yaml").read_text()) | {"statistics": {"pool": ["unet"]}}
    with pytest.raises(InputError, match=r"config key statistics.pool: found unet"):
        check_declared([str(PAPER / "plan-cpu.yaml")], [], [], MISHRA, read_experiment(config))
