"""Probabilities against shares of lung: by hand, by scikit-learn, and by resampling films."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from sklearn.calibration import calibration_curve

from lungseg.learning.stored_predictions import CODES, VALUES
from lungseg.statistics.calibration import BINS, ERRORS, RELIABILITY, binned, calibrate

P = expit(VALUES.astype(float))


def films(number: int = 30, seed: int = 0, temperature: float = 1.0, pixels: int = 1024) -> np.ndarray:
    """Histograms of films whose probabilities hold where the temperature is 1, in films that differ."""
    rng = np.random.default_rng(seed)
    codes = np.clip(rng.normal(CODES / 2, 30, (number, pixels)) + rng.normal(0, 8, (number, 1)), 0, CODES - 1)
    codes = codes.astype(int)
    lung = rng.random(codes.shape) < expit(VALUES[codes].astype(float) / temperature)
    counted = [np.bincount(one + CODES * there, minlength=2 * CODES) for one, there in zip(codes, lung, strict=True)]
    return np.array(counted, dtype=np.uint32).reshape(number, 2, CODES)


def one_film(outside: dict[int, int], inside: dict[int, int]) -> np.ndarray:
    histogram = np.zeros((1, 2, CODES), dtype=np.uint32)
    for row, cells in enumerate((outside, inside)):
        histogram[0, row, list(cells)] = list(cells.values())
    return histogram


def tables(histograms: list[np.ndarray], datasets: list[str] | None = None) -> tuple[pd.DataFrame, pd.DataFrame]:
    groups = {"unet": np.stack([binned(one) for one in histograms])}
    found = calibrate(groups, datasets or ["jsrt"] * len(histograms[0]), "pooled", 0.95)
    return found.errors, found.reliability


def value(errors: pd.DataFrame, metric: str, column: str = "mean", test_on: str = "pooled") -> float:
    return float(errors.query("metric == @metric and test_on == @test_on")[column].iloc[0])


def test_errors_by_hand() -> None:
    """A sure code that is right in 3 of 4 pixels, and a code of one half that is right in half of them."""
    sure, half = CODES - 1, CODES // 2
    histogram = np.concatenate([one_film({sure: 1, half: 2}, {sure: 3, half: 2}), one_film({sure: 0}, {sure: 8})])
    errors, _ = tables([histogram])
    gaps = [P[sure] * 4 - 3, P[half] * 4 - 2]  # of 8 pixels
    assert value(errors, "ece") == pytest.approx((sum(map(abs, gaps)) / 8 + (1 - P[sure])) / 2)
    together = abs(gaps[0] / 8 + P[sure] - 1) + abs(gaps[1]) / 8
    assert value(errors, "ece_pooled") == pytest.approx(together / 2)


def test_reliability_is_that_of_scikit_learn() -> None:
    histogram = films(temperature=2)
    pixels = histogram.sum(axis=0).astype(int)
    lung, p = (np.repeat(one, pixels.ravel()) for one in (np.repeat([0, 1], CODES), np.tile(P, 2)))
    share, predicted = calibration_curve(lung, p, n_bins=BINS, strategy="uniform")
    errors, reliability = tables([histogram])
    own = reliability.query("test_on == 'pooled'")
    assert own["lung"].to_numpy() == pytest.approx(share) and own["predicted"].to_numpy() == pytest.approx(predicted)
    assert own["pixels"].sum() == pytest.approx(1) and (own["low"] <= own["lung"]).all()
    assert value(errors, "ece_pooled") == pytest.approx((own["pixels"] * np.abs(share - predicted)).sum())


def test_networks_that_are_too_sure_have_the_larger_error() -> None:
    found = [value(tables([films(100, temperature=one)])[0], "ece_pooled") for one in (1, 1.5, 3)]
    assert found[0] < 0.005 < found[1] < found[2]


def test_intervals_are_as_wide_as_resampled_films_say() -> None:
    histogram, rng = films(80, temperature=3), np.random.default_rng(1)
    own = tables([histogram])
    drawn = [tables([histogram[rng.integers(80, size=80)]]) for _ in range(100)]
    for table, column in ((0, "mean"), (1, "lung")):
        expected = np.std([one[table].query("test_on == 'pooled'")[column] for one in drawn], axis=0)
        here = own[table].query("test_on == 'pooled'")
        assert ((here["high"] - here["low"]) / 2 / 1.99).to_numpy() == pytest.approx(expected, rel=0.3)


@pytest.mark.parametrize(("temperature", "least", "most"), [(1.0, 0.0, 0.7), (1.5, 0.9, 1.0)])
def test_intervals_hold_but_near_perfect_calibration(temperature: float, least: float, most: float) -> None:
    """There noise, which has no sign, counts as error."""
    truth = value(tables([films(5000, 999, temperature)])[0], "ece_pooled")
    found = [tables([films(50, seed, temperature)])[0] for seed in range(60)]
    held = np.mean([value(one, "ece_pooled", "low") <= truth <= value(one, "ece_pooled", "high") for one in found])
    assert least <= held <= most
    means = [value(one, "ece_pooled") for one in found]
    assert (np.mean(means) > 2 * truth) == (temperature == 1) and max(means) - truth < 0.015


def test_seeds_that_differ_widen_the_interval() -> None:
    alike, apart = ([films(40, seed, one) for seed, one in ((1, 2), (2, two))] for two in (2.0, 4.0))
    widths = [value(errors, "ece", "high") - value(errors, "ece", "low") for errors, _ in map(tables, (alike, apart))]
    assert widths[1] > 2 * widths[0]
    errors, reliability = tables(apart)
    singles = [value(tables([one])[0], "ece_pooled") for one in apart]
    assert value(errors, "ece_pooled") == pytest.approx(np.mean(singles))
    assert set(errors["seeds"]) == {2} and set(reliability["images"]) == {40}


def test_each_data_set_stands_apart_and_a_bin_without_a_pixel_says_nothing() -> None:
    histogram = np.concatenate([one_film({0: 9}, {CODES - 1: 3}), one_film({0: 5}, {CODES - 1: 7}), films(3)])
    errors, reliability = tables([histogram], ["jsrt", "jsrt", *["montgomery"] * 3])
    assert list(errors["test_on"].unique()) == ["jsrt", "montgomery", "pooled"]
    own = reliability.query("test_on == 'jsrt'").set_index("bin_low")
    assert own["pixels"].iloc[[0, 9]].tolist() == pytest.approx([14 / 24, 10 / 24]) and own["lung"].count() == 2
    assert own["lung"].iloc[[0, 9]].tolist() == [0, 1] and own["seed_variance"].count() == 2
    assert own.index.tolist() == pytest.approx([0, *own["bin_high"].iloc[:-1]])
    assert own["bin_high"].tolist() == pytest.approx(np.linspace(0.1, 1, 10))
    assert (own["pixels"].iloc[1:9] == 0).all()


def test_without_networks_there_are_tables_without_rows() -> None:
    found = calibrate({}, [], "pooled", 0.95)
    assert found.errors.empty and list(found.errors) == ERRORS and list(found.reliability) == RELIABILITY


def test_a_set_that_is_apart_is_not_pooled() -> None:
    group = {"unet": np.stack([binned(films(temperature=2))])}
    datasets = ["jsrt" if n % 2 else "mine" for n in range(group["unet"].shape[1])]
    errors = calibrate(group, datasets, "pooled", 0.95, apart=["mine"]).errors
    assert value(errors, "ece") == value(errors, "ece", test_on="jsrt") != value(errors, "ece", test_on="mine")
