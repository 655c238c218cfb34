"""Friedman's test and the critical difference: SciPy, Demšar's table and scikit-posthocs as witnesses."""

import numpy as np
import pandas as pd
import pytest
import scikit_posthocs
from scipy import stats

from lungseg.statistics.ranks import COLUMNS, critical_difference, exact_p, mean_ranks, ranks
from lungseg.statistics.score_blocks import METRICS, Block, Runs

# Demšar (2006), table 5 (a): two-tailed Nemenyi test, alpha 0.05, two to ten classifiers.
Q = [1.960, 2.343, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164]


def blocks(values: np.ndarray) -> list[Block]:
    """Test sets a, b, … of a film each… with the given Dice of shape (test set, film, variant)."""
    made = []
    for name, films in zip("abcdefgh", values, strict=False):
        runs = [
            Runs(
                f"v{i}",
                np.repeat(dice[None, :, None], len(METRICS), 2),
                np.ones((1, len(dice), 4)),
                np.zeros((1, len(dice)), bool),
            )
            for i, dice in enumerate(films.T)
        ]
        made.append(Block("pooled", name, [name] * len(films), runs, list(map(str, range(len(films))))))
    return made


@pytest.mark.parametrize(("variants", "q"), list(enumerate(Q, start=2)))
def test_the_critical_difference_is_demsars(variants: int, q: float) -> None:
    assert critical_difference(variants, 10, 0.95) == pytest.approx(
        q * np.sqrt(variants * (variants + 1) / 60), abs=1e-3
    )


def test_friedman_is_scipys_over_films_and_counted_over_test_sets() -> None:
    values = np.random.default_rng(0).normal(0.95, 0.02, (3, 12, 4)) + np.array([0, 0.01, 0.02, 0.005])
    table = ranks(blocks(values), "dice", 0.95)
    assert list(table) == COLUMNS
    for over, rows in (("films", values.reshape(36, 4)), ("test sets", values.mean(axis=1))):
        witness = stats.friedmanchisquare(*rows.T)
        found = table[table["over"] == over]
        expected = witness.pvalue if over == "films" else exact_p(rows)
        assert found["p"].iloc[0] == pytest.approx(expected) and set(found["n"]) == {len(rows)}
        assert found["statistic"].iloc[0] == pytest.approx(witness.statistic)
        assert found["mean_rank"].to_numpy() == pytest.approx(mean_ranks(rows)) and found["mean_rank"].sum() == 10
        assert found["critical_difference"].isna().all() == (over == "test sets")


# Friedman (1937), tables V and VI: variants, blocks, statistic, the chance of as much or more.
TABLES = [
    (3, 3, 6.0, 0.028),
    (3, 3, 4.667, 0.194),
    (3, 4, 8.0, 0.0046),
    (3, 4, 6.5, 0.042),
    (3, 9, 6.222, 0.048),
    (4, 2, 6.0, 0.042),
    (4, 3, 9.0, 0.0017),
    (4, 3, 7.4, 0.033),
    (4, 4, 7.8, 0.036),
]


@pytest.mark.parametrize(("variants", "n", "statistic", "p"), TABLES)
def test_counted_chances_are_those_of_friedmans_tables(variants: int, n: int, statistic: float, p: float) -> None:
    rng = np.random.default_rng(0)
    for _ in range(20_000):
        values = rng.permuted(np.tile(np.arange(float(variants)), (n, 1)), axis=1)
        if stats.friedmanchisquare(*values.T).statistic == pytest.approx(statistic, abs=1e-3):
            break
    else:
        pytest.fail("no ranks with this statistic")
    assert exact_p(values) == pytest.approx(p, abs=0.06 * p)


@pytest.mark.parametrize("ties", [False, True])
def test_counted_chances_are_those_of_permutations_and_shared_ranks_stay(ties: bool) -> None:
    values = np.random.default_rng(4).normal(size=(4, 4)) + np.arange(4)
    values = values.round(0) if ties else values
    own = stats.friedmanchisquare(*values.T).statistic
    rng, draws = np.random.default_rng(5), 4000
    drawn = [stats.friedmanchisquare(*rng.permuted(values, axis=1).T).statistic for _ in range(draws)]
    share = np.mean(np.array(drawn) >= own - 1e-9)
    assert (np.unique(stats.rankdata(values, axis=1)) % 1 > 0).any() == ties
    assert exact_p(values) == pytest.approx(share, abs=4 * np.sqrt(share / draws))


def test_nothing_differs_is_certain_and_too_many_networks_are_not_counted() -> None:
    assert exact_p(np.ones((3, 4))) == 1
    assert np.isnan(exact_p(np.random.default_rng(0).normal(size=(3, 8))))
    assert 0 < exact_p(np.random.default_rng(0).normal(size=(3, 7))) < 1


def test_the_best_has_rank_one_and_ties_share() -> None:
    assert mean_ranks(np.array([[0.9, 0.8, 0.7], [0.9, 0.9, 0.1]])).tolist() == [1.25, 1.75, 3.0]


def test_nemenyi_of_scikit_posthocs_draws_the_same_line() -> None:
    rng = np.random.default_rng(3)
    values = rng.normal(0, 1, (60, 4)) + np.array([0, 0.35, 0.7, 0.4])
    witness = scikit_posthocs.posthoc_nemenyi_friedman(pd.DataFrame(values)).to_numpy()
    own = mean_ranks(values)
    apart = np.abs(own[:, None] - own[None]) > critical_difference(4, 60, 0.95)
    np.testing.assert_array_equal(apart, witness < 0.05)
    assert apart.any() and not apart[np.triu_indices(4, 1)].all()


def test_two_variants_or_one_test_set_are_not_ranked_over_test_sets() -> None:
    values = np.random.default_rng(1).normal(0.95, 0.02, (1, 12, 3))
    alone = ranks(blocks(values), "dice", 0.95)
    assert alone[alone["over"] == "test sets"]["p"].isna().all() and alone[alone["over"] == "films"]["p"].notna().all()
    assert ranks(blocks(values[..., :2]), "dice", 0.95).empty
