r"""Every choice of some seeds, joined -> one value per seed, to be treated like the seeds of a network.

Of S seeds each choice of k is joined. Choices share seeds, and treated as independent they say far too little about
what other seeds would give: with five seeds the variance of the mean of all triples would come out a sixth of what it
is. That mean, U, is a U-statistic, and its jackknife leaves out one seed at a time. The pseudo-value of seed j is

.. math:: y_j = S U - (S - 1) U_{-j}

where :math:`U_{-j}` is the mean of the choices without j. Their mean is U, the variance of their mean is the jackknife
variance of U: on average right where members simply add up, and too large rather than too small where they do not. For
k = 1 they are the seeds' own values.

References:
    Arvesen (1969), Jackknifing U-statistics, Ann Math Stat 40(6):2076;
    Efron, Stein (1981), The jackknife estimate of variance, Ann Stat 9(3):586.
"""

from collections.abc import Sequence
from math import comb

import numpy as np
from jaxtyping import Float

from lungseg.errors import InputError


def by_seed(
    values: Float[np.ndarray, "choice *rest"], members: Sequence[frozenset[int]]
) -> Float[np.ndarray, "seed *rest"]:
    """Pseudo-values, in the order of the seeds' numbers.

    Args:
        values: Of each choice.
        members: The seeds of each choice.

    Returns:
        One per seed; where one choice takes all seeds, its own value alone, as one run.

    Raises:
        InputError: Choices are of different sizes, doubled or missing.
    """
    seeds, sizes = sorted(frozenset().union(*members)), {len(one) for one in members}
    number = len(seeds)
    if len(sizes) > 1 or len(members) != len(set(members)) or len(members) != comb(number, max(sizes)):
        found = ", ".join("+".join(map(str, sorted(one))) for one in members)
        raise InputError("scores", f"ensembles of the seeds {found}", "every choice once", "Score again.")
    if sizes == {number}:
        return values
    held = np.array([[seed in one for seed in seeds] for one in members])
    without = np.stack([values[~own].mean(axis=0) for own in held.T])
    return np.asarray(number * values.mean(axis=0) - (number - 1) * without)
