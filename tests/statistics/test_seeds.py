"""How much seeds matter: pooled over declared networks, SciPy's Bartlett as witness."""

import numpy as np
import pytest
from scipy import stats

from lungseg.statistics.seeds import own_variance, pooled_variances


def group(means: list[float], films: int = 10) -> np.ndarray:
    """Scores whose seeds have these means; films differ by as much again."""
    return np.array(means)[:, None, None] + np.linspace(-1, 1, films)[None, :, None]


def test_own_variance_is_that_of_the_seeds_means() -> None:
    found = own_variance(group([0.1, 0.4, 0.2]))
    assert found.variance[0] == pytest.approx(np.var([0.1, 0.4, 0.2], ddof=1)) and found.df[0] == 2
    assert found.source() == ["own"]


def test_one_seed_alone_is_unknown_and_a_pool_knows() -> None:
    one, two, three = group([0.3]), group([0.1, 0.2]), group([0.5, 0.3])
    assert own_variance(one).source() == ["none"] and own_variance(one).variance[0] == 0
    found = pooled_variances([one, two, three], [0, 1, 2])
    assert [f.source() for f in found] == [["pool"]] * 3
    assert [f.variance[0] for f in found] == pytest.approx([(0.005 + 0.02) / 2] * 3)
    assert [f.df[0] for f in found] == [2, 2, 2]


def test_networks_count_by_their_degrees_of_freedom() -> None:
    many, few = group([0.1, 0.3, 0.2, 0.25]), group([0.1, 0.2])
    pool = pooled_variances([many, few], [0, 1])[0]
    by_hand = (3 * np.var([0.1, 0.3, 0.2, 0.25], ddof=1) + np.var([0.1, 0.2], ddof=1)) / 4
    assert pool.variance[0] == pytest.approx(by_hand) and pool.df[0] == 4


def test_who_stands_beside_the_pool_takes_it_and_adds_nothing() -> None:
    inside = [group([0.1, 0.2]), group([0.5, 0.3])]
    alone = pooled_variances(inside, [0, 1])
    beside = pooled_variances([*inside, group([0.0, 0.9])], [0, 1])
    assert [f.variance[0] for f in beside[:2]] == [f.variance[0] for f in alone]
    assert beside[2].source() == ["pool"] and beside[2].variance[0] == alone[0].variance[0]


@pytest.mark.parametrize("members", [[], [0], [0, 2]])
def test_without_two_networks_that_show_it_there_is_no_pool(members: list[int]) -> None:
    found = pooled_variances([group([0.1, 0.2]), group([0.5, 0.3]), group([0.4])], members)
    assert [f.source() for f in found] == [["own"], ["own"], ["none"]]


def test_bartlett_decides_as_scipy_does_and_an_unlike_outsider_keeps_its_own() -> None:
    rng, decisions = np.random.default_rng(0), set()
    for _ in range(60):
        means = [rng.normal(0, scale, 4).tolist() for scale in (1, 1, 4)]
        differ = bool(stats.bartlett(*means).pvalue < 0.05)
        found = pooled_variances([group(one) for one in means], [0, 1, 2])
        assert {f.source()[0] for f in found} == ({"own"} if differ else {"pool"})
        outsider = pooled_variances([group(one) for one in means], [0, 1])[2]
        inside = bool(stats.bartlett(*means[:2]).pvalue < 0.05)
        assert outsider.source() == (["own"] if differ or inside else ["pool"])
        decisions.add(differ)
    assert decisions == {True, False}


def test_the_pools_variance_is_to_be_had_where_the_test_parts_it() -> None:
    alike, apart = group([0.1, 0.2, 0.3]), group([0.2, 0.2000001, 0.2])
    assert [f.source() for f in pooled_variances([alike, apart], [0, 1])] == [["own"]] * 2
    found = pooled_variances([alike, apart], [0, 1], parted=False)
    assert [f.source() for f in found] == [["pool"]] * 2
    assert [f.variance[0] for f in found] == pytest.approx([0.005] * 2)


def test_bartlett_is_not_asked_of_two_seeds() -> None:
    assert stats.bartlett([0.1, 0.9], [0.1, 0.102]).pvalue < 0.05
    found = pooled_variances([group([0.1, 0.9]), group([0.1, 0.102])], [0, 1])
    assert [f.source() for f in found] == [["pool"], ["pool"]]


@pytest.mark.parametrize("inside", [True, False])
def test_two_seeds_that_vary_beyond_doubt_more_than_a_pool_keep_their_own(inside: bool) -> None:
    """As of a network that learned with one seed and not with the other, beside some whose seeds agree."""
    alike = [group([0.378, 0.378]), group([0.0, 0.0])]
    wild = group([0.6, 0.0])
    found = pooled_variances([*alike, wild], [0, 1, 2] if inside else [0, 1])
    assert [f.source() for f in found] == [["pool"], ["pool"], ["own"]]
    assert found[2].variance[0] == pytest.approx(0.18) and found[2].df[0] == 1
    assert found[0].variance[0] == pytest.approx(0.06 if inside else 0)
    near = [group([0.378, 0.379]), group([0.1, 0.102]), group([0.2, 0.201])]
    p = stats.f.sf(0.18 / np.mean([np.var(one, ddof=1) for one in ([0.378, 0.379], [0.1, 0.102], [0.2, 0.201])]), 1, 3)
    assert pooled_variances([*near, wild], [0, 1, 2])[3].source() == (["own"] if p < 0.001 else ["pool"]) == ["own"]


def test_one_wild_network_among_many_alike_keeps_its_own() -> None:
    """Where many agree, Bartlett's test of them all sees no difference."""
    alike = [group([0.1, 0.2, 0.3])] * 9
    wild = group([-0.15, 0.2, 0.55])
    assert stats.bartlett(*[[0.1, 0.2, 0.3]] * 9, [-0.15, 0.2, 0.55]).pvalue > 0.05
    assert stats.f.sf(3.5**2, 2, 18) < 0.001
    assert [f.source()[0] for f in pooled_variances([*alike, wild], range(10))] == ["pool"] * 9 + ["own"]


@pytest.mark.parametrize("networks", [4, 8])
def test_alike_networks_of_two_seeds_hardly_ever_leave_the_pool(networks: int) -> None:
    means = np.random.default_rng(1).normal(size=(networks, 2, 1, 4000))
    found = pooled_variances(list(means), range(networks))
    assert np.mean([1 - one.pooled for one in found]) < 0.003


@pytest.mark.parametrize("networks", [4, 10])
def test_alike_networks_share_a_pool_in_nineteen_of_twenty_experiments(networks: int) -> None:
    """With three seeds; a test that parts them more often makes intervals wide or narrow by luck."""
    means = np.random.default_rng(0).normal(size=(networks, 3, 1, 4000))
    found = pooled_variances(list(means), range(networks))
    apart = 1 - found[0].pooled.mean()
    assert 0.03 < apart < 0.06


def test_seeds_that_all_agree_have_no_variance() -> None:
    found = pooled_variances([group([0.1] * 3), group([0.1] * 3)], [0, 1])
    assert [f.variance[0] for f in found] == pytest.approx([0, 0])
