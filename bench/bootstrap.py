"""The bootstrap of a whole table: one matrix product a network against scipy.stats.bootstrap.

    python -m bench.bootstrap      under a minute; writes bench/results/bootstrap.csv

25 cells (5 networks x 5 training sets) with all metrics on 192 films, 10,000 resamples. With one seed the crossed
bootstrap is the plain one over films, and SciPy's, vectorised over all columns, is the alternative; with five seeds
SciPy has no crossed one, and the goal is half a second.
"""

import resource

import numpy as np
from scipy.stats import bootstrap

from bench.dag import row
from bench.timing import in_turn, seconds, write
from lungseg.statistics.bootstrap import film_weights, percentile_interval, resampled_means
from lungseg.statistics.score_blocks import METRICS, Runs

CELLS, FILMS, RESAMPLES, TURNS = 25, 192, 10_000, 7
GOAL_SCIPY, GOAL_SECONDS = 8, 0.5


def cells(seeds: int, number: int = CELLS) -> list[Runs]:
    """Scores of drawn runs."""
    rng = np.random.default_rng(0)
    shape = (seeds, FILMS)
    return [
        Runs(f"v{i}", 1 - rng.gamma(2, 0.02, (*shape, len(METRICS))), rng.integers(1, 5000, (*shape, 4)).astype(float),
             np.zeros(shape, bool))
        for i in range(number)
    ]  # fmt: skip


def ours(runs: list[Runs], seed: int = 1) -> np.ndarray:
    """Percentile limits of every metric of every cell."""
    rng = np.random.default_rng(seed)
    weights = film_weights(["film"] * FILMS, RESAMPLES, rng)
    drawn = resampled_means(runs, weights, seed)
    limits = [percentile_interval(one[:, : len(METRICS)], 0.95) for one in drawn]
    return np.stack(limits)


def theirs(runs: list[Runs]) -> np.ndarray:
    """The same of one seed by SciPy, all columns at once."""
    columns = np.concatenate([one.metrics[0] for one in runs], axis=1)
    found = bootstrap(
        (columns,), np.mean, axis=0, n_resamples=RESAMPLES, method="percentile", vectorized=True, batch=500,
        rng=np.random.default_rng(2),
    ).confidence_interval  # fmt: skip
    return np.stack([found.low, found.high]).reshape(2, len(runs), -1).transpose(1, 0, 2)


def main() -> list[dict[str, object]]:
    """One seed against SciPy, five seeds against half a second."""
    one, five = cells(1), cells(5)
    own, other = ours(one), theirs(one)
    width = (other[:, 1] - other[:, 0]).mean()
    assert np.abs(own - other).max() < 0.08 * width, np.abs(own - other).max() / width  # Monte Carlo error of a limit
    rows = [
        in_turn("images only, against SciPy", [(lambda: ours(one), lambda: theirs(one))] * TURNS, "s", 1, GOAL_SCIPY)
    ]
    times = [seconds(lambda: ours(five)) for _ in range(TURNS)]
    rows.append(row("crossed, 5 seeds, against the goal", times, GOAL_SECONDS, "s", 1))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    many = cells(5, CELLS * 20)
    held = sum(one.metrics.nbytes + one.counts.nbytes for one in many) / 2**20
    ours(many)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 2**10
    print(f"{len(many)} cells: memory grows by {grown:.0f} MiB, of which {held:.0f} are the scores themselves")
    return rows


if __name__ == "__main__":
    write("bootstrap", main())
