"""Plans: what was decided before an experiment, and a file that says it wrongly."""

from pathlib import Path

import pytest
import yaml

from lungseg.config import read_experiment
from lungseg.errors import InputError
from lungseg.plan import declared_pool, plan_file, read_plan
from tests.workflow import MISHRA, ROOT

FOLDER = ROOT / "workflow/papers/mishra"
PLAN = read_plan(plan_file(FOLDER, "paper"))


@pytest.mark.parametrize("file", sorted(FOLDER.glob("plan-*.yaml")), ids=lambda file: file.stem)
def test_every_plan_speaks_of_its_experiment_and_paper(file: Path) -> None:
    plan, name = read_plan(file), file.stem.removeprefix("plan-")
    configs = [ROOT / f"config/{stem}.yaml" for stem in (name, "config")]
    found = [read_experiment(yaml.safe_load(path.read_text())) for path in configs if path.is_file()]
    experiment = next(one for one in found if one.name == name)
    spoken = {*plan.pool, *(variant for pair in plan.contrasts for variant in pair)}
    assert spoken <= {*MISHRA.networks, *MISHRA.beside} and set(plan.margins) <= set(plan.metrics) <= set(
        MISHRA.metrics
    )
    assert set(plan.test_on) <= {*experiment.datasets, *experiment.train_on, "pooled"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"margins": {"dice": 0}}, r"plan-x.yaml, margins.dice: found 0, expected .*greater than 0"),
        ({"margin": 0.005}, r"plan-x.yaml, margin: found 0.005, .*not permitted"),
        ({"after": None}, r"plan-x.yaml, after: found None"),
        ({"contrasts": [["unet"]]}, r"plan-x.yaml, contrasts.0"),
        ({"conditions": {"published": {"epoch": 60}}}, r"plan-x.yaml, conditions.published.epoch: found 60"),
        ({"films": []}, r"plan-x.yaml, films"),
        ({"films": [True]}, r"plan-x.yaml, films.0: found True, expected a number"),
        ({"margins": {"loss": True}}, r"plan-x.yaml, margins.loss: found True, expected a number"),
        ({"margins": {"dice": 1.5}}, r"margins: found a contradiction, expected the margin of dice is 1.5: it lies"),
        ({"after": ""}, r"plan-x.yaml, after: found ''"),
        ({"contrasts": [["unet", "unet"]]}, "contrasts: .*unet is compared with itself: name another network"),
        ({"contrasts": [["unet", "proposed"]] * 2}, "contrasts: .*unet and proposed are compared twice"),
        ({"contrasts": [["unet", "proposed"], ["proposed", "unet"]]}, "contrasts: .*are compared twice: leave one"),
        ({"pool": ["unet", "proposed", "unet"]}, "pool: .*unet stands twice: leave one out"),
        ({"metrics": ["dice", "dice"]}, "metrics: .*dice stands twice"),
        ({"test_on": ["jsrt", "jsrt"]}, "test_on: .*jsrt stands twice"),
        ({"films": [28, 28]}, "films: .*28 stands twice"),
    ],
)
def test_a_wrong_plan_is_named_with_its_key(tmp_path: Path, change: dict[str, object], message: str) -> None:
    (path := tmp_path / "plan-x.yaml").write_text(yaml.safe_dump(PLAN.model_dump(mode="json") | change))
    with pytest.raises(InputError, match=message):
        read_plan(path)


def test_one_of_each_is_enough(tmp_path: Path) -> None:
    least = {"metrics": ["dice"], "test_on": ["pooled"], "films": [28], "contrasts": [], "margins": {"dice": 0.005}}
    (path := tmp_path / "plan-x.yaml").write_text(yaml.safe_dump(PLAN.model_dump(mode="json") | least))
    assert read_plan(path).films == (28,)
    for name in ("metrics", "test_on"):
        path.write_text(yaml.safe_dump(PLAN.model_dump(mode="json") | least | {name: []}))
        with pytest.raises(InputError, match=f"plan-x.yaml, {name}: "):
            read_plan(path)


def test_what_is_no_yaml_is_told(tmp_path: Path) -> None:
    (path := tmp_path / "plan-x.yaml").write_text("after: [")
    with pytest.raises(InputError, match="expected a YAML file"):
        read_plan(path)


def test_the_pool_is_the_plans_and_nothing_else_beside_it() -> None:
    assert declared_pool(None, None, MISHRA) == list(MISHRA.networks)
    assert declared_pool(["unet"], None, MISHRA) == ["unet"]
    assert declared_pool(None, PLAN, MISHRA) == declared_pool([*reversed(PLAN.pool)], PLAN, MISHRA) == list(PLAN.pool)
    with pytest.raises(InputError, match=r"config key statistics.pool: found unet, expected unet, unet_mobilenetv2"):
        declared_pool(["unet"], PLAN, MISHRA)
