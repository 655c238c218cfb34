"""What was declared before an experiment is read before it starts: its plan, the paper's claims, values of others."""

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from lungseg.config import KNOWN, Experiment
from lungseg.errors import InputError
from lungseg.paper import Paper, read_references
from lungseg.plan import REMEDY, Plan, declared_pool, read_plan


def check_declared(
    plans: Sequence[str], claims: Sequence[str], references: Sequence[str], paper: Paper, experiment: Experiment
) -> None:
    """Read the files that rules at the end of an experiment need.

    Args:
        plans: The plan's file, or none.
        claims: The claims' file, or none.
        references: The file of values of others, or none.
        paper: Whose claims.
        experiment: Whose plan.

    Raises:
        InputError: One cannot be read, or speaks of what neither the paper nor the experiment has.
    """
    plan = read_plan(plans[0]) if plans else None
    if plan:
        check_names(plan, plans[0], paper, experiment)
    declared_pool(experiment.statistics.pool, plan, paper)
    if claims:
        from lungseg.claims.verdicts import read_claims

        read_claims(claims[0], paper)
    for file in references:
        read_references(file, {*KNOWN, *_test_sets(experiment)})


def check_names(plan: Plan, file: str | Path, paper: Paper, experiment: Experiment) -> None:
    """A name in a plan that points at nothing would change numbers without a word.

    Raises:
        InputError: The first one.
    """
    networks = {*paper.networks, *paper.beside, *experiment.variants}
    _known(file, "pool", plan.pool, networks)
    _known(file, "contrasts", (name for pair in plan.contrasts for name in pair), networks)
    _known(file, "effects", (name for weights in plan.effects.values() for name in weights), networks)
    _known(file, "test_on", plan.test_on, _test_sets(experiment))


def _test_sets(experiment: Experiment) -> set[str]:
    return {"pooled", *experiment.datasets, *experiment.train_on}


def _known(file: str | Path, key: str, names: Iterable[str], known: Collection[str]) -> None:
    for name in names:
        if name not in known:
            raise InputError(f"{file}, {key}", name, f"one of {', '.join(sorted(known))}", REMEDY)
