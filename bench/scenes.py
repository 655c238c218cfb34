"""Experiments with a known truth: drawn from a formula, or from films and seeds as they were scored."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from lungseg.scores.scoring import PRIMARY, WAY
from lungseg.statistics.score_blocks import METRICS, Block, blocks

SCORES = Path(__file__).parents[1] / "results/cpu/scores.parquet"
POOL = ["unet", "unet_mobilenetv2", "unet_inceptionresnetv2", "proposed"]


@dataclass(frozen=True)
class Experiments:
    """Many experiments with the same truth.

    Args:
        groups: Scores of each network, (seed, film, simulation); as many of the first as `POOL` has make up the pool.
        strata: Data set of each film.
        truths: Mean of each network over all films and seeds.
    """

    groups: list[np.ndarray]
    strata: list[str]
    truths: list[float]


@dataclass(frozen=True)
class Scene:
    """How the error 1 - Dice varies, on the scale of its logarithm.

    Args:
        shape: Of the gamma variable; its skewness is 2 / sqrt(shape).
        film: Standard deviation between films.
        seed: Between seeds.
        rest: Of a seed on a film.
        mu: Mean.
    """

    shape: float
    film: float
    seed: float
    rest: float
    mu: float

    def truth(self) -> float:
        """Mean Dice over all films and seeds."""
        root = np.sqrt(self.shape)
        films = np.exp(self.mu - self.film * root) * (1 - self.film / root) ** -self.shape
        return float(1 - films * np.exp(self.seed**2 / 2 + self.rest**2 / 2))

    def films(self, number: int, simulations: int, rng: np.random.Generator) -> np.ndarray:
        """Effects of films, shape (film, simulation)."""
        drawn = rng.gamma(self.shape, size=(number, simulations))
        return self.film * (drawn - self.shape) / np.sqrt(self.shape)

    def dice(self, films: np.ndarray, seeds: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Scores, shape (seed, film, simulation), from effects of films and standard normal effects of seeds."""
        rest = rng.normal(0, self.rest, (len(seeds), *films.shape))
        return np.asarray(1 - np.exp(self.mu + films + self.seed * seeds[:, None] + rest))


SCENES = {
    "montgomery": Scene(1, 0.35, 0.03, 0.08, -3.8),
    "shenzhen": Scene(4, 0.57, 0.02, 0.07, -3.2),
    "jsrt": Scene(1.5, 0.29, 0.02, 0.08, -3.75),
    "unsteady seeds": Scene(4, 0.57, 0.10, 0.10, -3.2),
}


@dataclass(frozen=True)
class Drawn:
    """Networks that are alike, drawn from a formula.

    Args:
        parts: Scene to number of films.
        unlike: By how much more the first network's seeds vary.
    """

    parts: dict[str, int]
    unlike: float = 1.0

    @property
    def names(self) -> list[str]:
        """Of the networks."""
        return ["a", "b", "c", "d"]

    def scenes(self, network: int) -> list[Scene]:
        """A network's scenes."""
        factor = self.unlike if network == 0 else 1.0
        return [replace(SCENES[name], seed=SCENES[name].seed * factor) for name in self.parts]

    def truth(self, network: int) -> float:
        """Mean Dice of the films' mixture."""
        return float(np.average([scene.truth() for scene in self.scenes(network)], weights=list(self.parts.values())))

    def draw(self, seeds: int, simulations: int, rng: np.random.Generator) -> Experiments:
        """Every network on the same films; its seeds are its own and the same on every data set."""
        films = [SCENES[name].films(number, simulations, rng) for name, number in self.parts.items()]
        groups = []
        for network in range(len(POOL)):
            effects = rng.normal(size=(seeds, simulations))
            scenes = zip(self.scenes(network), films, strict=True)
            groups.append(np.concatenate([scene.dice(own, effects, rng) for scene, own in scenes], axis=1))
        strata = [name for name, number in self.parts.items() for _ in range(number)]
        return Experiments(groups, strata, [self.truth(network) for network in range(len(POOL))])


@dataclass(frozen=True)
class Observed:
    """Networks as they were scored: films drawn again within their data set, each with what its seeds disagree by.

    Args:
        strata: Data set of each film.
        films: Network to its Dice on each film, the mean over its seeds.
        rest: Network to what its seeds disagree by on each film beyond their means, as a standard deviation.
        seed: Standard deviation between seeds, of the networks of `POOL` together.
    """

    strata: list[str]
    films: dict[str, np.ndarray]
    rest: dict[str, np.ndarray]
    seed: float

    @property
    def names(self) -> list[str]:
        """Of the networks."""
        return list(self.films)

    def draw(self, seeds: int, simulations: int, rng: np.random.Generator) -> Experiments:
        """Networks in the order of `films`, on the same films."""
        names = np.array(self.strata)
        places = [np.flatnonzero(names == stratum) for stratum in dict.fromkeys(self.strata)]
        drawn = np.concatenate([rng.choice(place, (len(place), simulations)) for place in places])
        groups = []
        for name, films in self.films.items():
            sway = rng.normal(size=(seeds, *drawn.shape)) * self.rest[name][drawn]
            groups.append(films[drawn] + sway + rng.normal(0, self.seed, (seeds, 1, simulations)))
        strata = [str(names[place[0]]) for place in places for _ in place]
        return Experiments(groups, strata, [float(films.mean()) for films in self.films.values()])


def observed(path: Path = SCORES) -> dict[str, Observed]:
    """Test set to what was observed on it, networks trained on all data sets together."""
    scores = pd.read_parquet(path)
    here = (scores[WAY] == list(PRIMARY)).all(axis=1) & (scores["kind"] == "network")
    return {block.test_on: _observed(block) for block in blocks(scores[here & (scores["train_on"] == "pooled")])}


def _observed(block: Block) -> Observed:
    dice = {one.variant: one.metrics[..., METRICS.index("dice")] for one in block.runs}
    order: Sequence[str] = [*POOL, *(name for name in dice if name not in POOL)]
    seed = np.sqrt(np.mean([dice[name].mean(axis=1).var(ddof=1) for name in POOL]))
    rest = {name: _rest(dice[name]) for name in order}
    return Observed(block.strata, {name: dice[name].mean(axis=0) for name in order}, rest, float(seed))


def _rest(dice: np.ndarray) -> np.ndarray:
    """What is left of scores (seed, film) without the means of films and seeds: a standard deviation of each film."""
    left = dice - dice.mean(axis=0) - dice.mean(axis=1, keepdims=True) + dice.mean()
    return np.asarray(np.sqrt((left**2).sum(axis=0) / (len(dice) - 1)))
