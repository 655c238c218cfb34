"""What was declared before an experiment is read before it starts: its plan, the paper's claims, values of others."""

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import get_args

from lungseg.config import Experiment
from lungseg.errors import InputError
from lungseg.names import KNOWN
from lungseg.paper import Metric, Paper, read_references
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
        _check_claims(claims[0], plan, paper, experiment)
    for file in references:
        read_references(file, {*KNOWN, *_test_sets(experiment)})


def _check_claims(file: str, plan: Plan | None, paper: Paper, experiment: Experiment) -> None:
    """What claims are judged under is named by the plan, where this experiment has the networks that they are about."""
    from lungseg.claims.verdicts import Trained, read_claims

    for claim in read_claims(file, paper):
        if plan is None or not isinstance(claim, Trained) or claim.under in plan.conditions:
            continue
        if set(claim.variants(paper)) <= set(experiment.variants):
            known = ", ".join(plan.conditions) or "none"
            remedy = "Name one of them in the claim, or add these conditions to the plan before the first training."
            expected = f"conditions of the plan: {known}"
            raise InputError(f"{file}, claim {claim.claim}, under", repr(claim.under), expected, remedy)


def check_names(plan: Plan, file: str | Path, paper: Paper, experiment: Experiment) -> None:
    """A name in a plan that points at nothing would change numbers without a word.

    Raises:
        InputError: The first one.
    """
    networks = {*paper.networks, *paper.beside, *experiment.variants}
    _known(file, "metrics", plan.metrics, paper.metrics)
    # Networks are compared in every metric but accuracy, be it printed or not.
    _known(file, "margins", plan.margins, {*get_args(Metric)} - {"accuracy"} | {*paper.metrics})
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
