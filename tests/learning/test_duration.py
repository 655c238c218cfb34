"""The time that a training may take, held against every training whose history is in git."""

from pathlib import Path
from statistics import median

import pandas as pd
import pytest

from lungseg.config import read_configfiles
from lungseg.learning.duration import training_minutes
from lungseg.recipe import Training, Variant
from tests.workflow import ROOT


def experiment_runs() -> list[tuple[str, Path]]:
    return [(file.parts[-6], file) for file in sorted(ROOT.glob("results/*/runs/*/*/*/history.csv"))]


@pytest.mark.parametrize("name", sorted({name for name, _ in experiment_runs()}))
def test_no_training_in_git_took_longer_than_foretold_and_none_ten_times_less(name: str) -> None:
    """The median seed of each: some ran beside other work."""
    added = [ROOT / "config/tuned.yaml"] if name == "ablations" else []
    experiment = read_configfiles(ROOT / f"config/{name}.yaml", *added)
    took: dict[tuple[str, str], list[float]] = {}
    for file in (file for other, file in experiment_runs() if other == name):
        variant, train_on, _ = file.parts[-4:-1]
        took.setdefault((variant, train_on), []).append(pd.read_csv(file)["seconds"].sum() / 60)
    shares = []
    for (variant, train_on), minutes in took.items():
        recipe = experiment.trained_as(variant)
        foretold = training_minutes(experiment.variants[variant], recipe, experiment.preprocessing.size)
        assert median(minutes) < foretold, variant
        shares += [median(minutes) / foretold] if train_on == "pooled" else []
    assert max(shares) > 0.1


def test_more_epochs_pixels_and_layers_take_longer_and_a_gpu_less() -> None:
    small, large = Variant(width=16), Variant(width=64)
    base = training_minutes(small, Training(epochs=10), 128)
    assert base < training_minutes(small, Training(epochs=20), 128) < training_minutes(small, Training(epochs=20), 256)
    assert base < training_minutes(large, Training(epochs=10), 128)
    few, many = (training_minutes(small, Training(steps=number), 128) for number in (1000, 2000))
    assert base < few < many and many - 15 == pytest.approx(2 * (few - 15), abs=2)
    assert training_minutes(large, Training(epochs=60), 256, on_gpu=True) < training_minutes(large, Training(), 256)
