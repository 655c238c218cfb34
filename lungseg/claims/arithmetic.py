"""Which cells of a published table cannot stand together, whatever the network and the films.

A printed value stands for all values that round to it; a finding is reported only where no choice of such values obeys
the rule. Arithmetic is exact. The rules, with their proofs and what they survive, stand in `lungseg.claims.rules`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from lungseg.claims.cells import Printed, printed
from lungseg.claims.habits import explanation, made_of_means
from lungseg.claims.joined import Limits, Parts, limits
from lungseg.claims.relation import TITLES, Averaging, Row, Rule
from lungseg.claims.rules import DICE_AND_IOU, Loss, rules

__all__ = ["Averaging", "Finding", "Loss", "Parts", "Printed", "Rule", "audit", "judged", "printed", "rules"]

ASSUMED: dict[Averaging, str] = {
    "unstated": "all columns are about the lung and averaged alike",
    "films": "all columns are about the lung and means over the same films, as declared",
    "pooled": "all columns are about the lung and of all pixels counted together, as declared",
    "classes": "all columns are averaged over the same films, as declared",
    "median": "all columns are about the lung and medians or trimmed means over the same films, as declared",
}


@dataclass(frozen=True)
class Finding:
    """A rule that a row breaks.

    Args:
        row: The method's name.
        rule: The rule's.
        message: The numbers, and what the rule takes for granted.
        slack: The larger side less the smaller one at its best within rounding; negative.
        verdict: `impossible` where the rule survives every usual way of averaging that its columns share: over films,
            pixels, classes, medians. Else `inconsistent`: the numbers contradict each other under what the message
            takes for granted.
        explanation: Which habit of counting would give such numbers, computed; empty where none of ours is about it.
    """

    row: str
    rule: str
    message: str
    slack: float
    verdict: str
    explanation: str = ""


def audit(
    table: Mapping[str, Row], averaging: Averaging = "unstated", loss: Loss = "none", combined: Parts | None = None
) -> Iterator[Finding]:
    """Check every row of a table against every rule whose metrics it prints.

    Args:
        table: Method to metric to printed value.
        averaging: How the columns are averaged, see `lungseg.claims.rules`; `unstated` applies what holds both for
            means over films and for pooled pixels.
        loss: See `rules`.
        combined: Rows whose films are those of other rows together, to the names of these.
    """
    joined = dict(combined or {})
    for name, row in table.items():
        for rule in rules(averaging, loss):
            if rule.judges(row) and (slack := rule.slack(row)) < 0:
                yield _broken(name, row, rule, slack, averaging)
        for one in limits(table, name, joined[name], averaging) if name in joined else ():
            if (slack := one.slack(row)) < 0:
                yield _outside(table, name, joined[name], one, slack)


def judged(
    table: Mapping[str, Row], averaging: Averaging = "unstated", loss: Loss = "none", combined: Parts | None = None
) -> set[str]:
    """The rows of which at least one rule says something; see `audit` for the arguments."""
    chosen, joined = rules(averaging, loss), dict(combined or {})
    alone = {name for name, row in table.items() if any(rule.judges(row) for rule in chosen)}
    return alone | {name for name, parts in joined.items() if any(limits(table, name, parts, averaging))}


def _broken(name: str, row: Row, rule: Rule, slack: Fraction, averaging: Averaging) -> Finding:
    """The finding where a rule is broken."""
    made = rule is DICE_AND_IOU and made_of_means(row)
    verdict = "impossible" if rule.survives and not made else "inconsistent"
    metrics = [metric for metric in dict.fromkeys((*rule.needs, *rule.uses)) if metric in row]
    numbers = ", ".join(f"{TITLES[metric]} {row[metric].text}" for metric in metrics)
    given = _given(rule, made, averaging)
    message = f"{numbers}: {rule.name} fails by at least {float(-slack):.4f}, as {rule.why}, {given}"
    return Finding(name, rule.name, message, float(slack), verdict, explanation(rule, row))


def _given(rule: Rule, made: bool, averaging: Averaging) -> str:
    """What a finding takes for granted."""
    if made:
        return "if Dice is averaged as IoU is, and not computed from the printed precision and recall"
    if rule.survives:
        names = " and ".join(TITLES[metric] for metric in rule.needs)
        return f"in whatever way {names} are averaged, if it is the same way and of the same masks"
    means = averaging == "unstated" and "median" not in rule.holds
    return (
        f"if {ASSUMED[averaging]}"
        + (", as means or over all pixels" if means else "")
        + (f", and {rule.assumes}" if rule.assumes else "")
    )


def _outside(table: Mapping[str, Row], name: str, parts: Sequence[str], one: Limits, slack: Fraction) -> Finding:
    """The finding where a joined row is not between its parts."""
    title = TITLES[one.metric]
    rule = f"{title} of joined films " + ("= mean weighted by n" if one.weighted else "between its parts")
    numbers = ", ".join(f"{part} {table[part][one.metric].text}" for part in (name, *parts))
    message = (
        f"{title} of {numbers}: {rule} fails by at least {float(-slack):.4f}, as the row joins the films "
        "of the others, if it is a mean over these films or of all their pixels"
    )
    return Finding(name, rule, message, float(slack), "inconsistent")
