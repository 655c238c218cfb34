"""A published sentence and our tables -> a verdict with its reason.

Each claim in a paper's claims.yaml names its rule, and the conditions that it is `under`; the experiment's plan says in
words how each rule decides. Where a run does not meet the conditions the verdict is `untested`, and `points` says
whether the run points for or against the claim. Verdicts:

- `supported`, `contradicted`, `inconclusive`;
- `compatible`: nothing speaks against it, and too little for it;
- `depends on the films`: contradicted on some of the test sets that the paper may have meant;
- `inconsistent`: by arithmetic, if all columns are of the lung and averaged alike; `impossible`: however they are;
- `untested`, with the reason.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from math import inf
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import pandas as pd
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from lungseg.claims.arithmetic import printed
from lungseg.claims.evidence import (
    Evidence,
    Verdict,
    between,
    cell_on,
    claimed_gain,
    find,
    find_pair,
    gain,
    not_run,
    outcome,
    over_test_sets,
    side,
)
from lungseg.errors import InputError
from lungseg.outside import Written, read_yaml, refuse_truths, refused
from lungseg.paper import Metric, Paper, Text
from lungseg.recipe import Variant

COLUMNS = ["claim", "source", "published", "reproduced", "low", "high", "verdict", "points", "why"]
DRAWN = "drawn films say nothing about lungs"
POINTS = {"supported": "for", "contradicted": "against"}


def _as_printed(form: str, expected: str) -> BeforeValidator:
    """A number that keeps its text, in quotes or not: its decimals say what it stands for."""

    def check(value: object) -> str:
        text = value.text if isinstance(value, Written) else f"{value}"
        if isinstance(value, bool) or not re.fullmatch(form, text):
            raise ValueError(expected)
        return text

    return BeforeValidator(check)


Difference = Annotated[
    str,
    _as_printed(
        r"[+-]?[0-9]{0,12}\.[0-9]{1,18}", "a difference of fractions with its decimals as printed, such as 0.025"
    ),
]
Percent = Annotated[
    str,
    _as_printed(r"[0-9]{1,12}(\.[0-9]{1,18})?", "a percentage with its decimals as printed and no sign, such as 2.5"),
]
Parameter = Annotated[int, Field(gt=0, lt=2**53)]


class _Claim(BaseModel):
    """What every claim has.

    `claim` is its name, `says` the sentence in short, `source` where it stands, `takes` what deciding it would take.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    claim: str = Field(pattern=r"^[a-z0-9-]+$")
    says: Text
    source: Text
    takes: Text

    @field_validator("part", check_fields=False)
    @classmethod
    def part_is_a_choice(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        """A part that no variant has would never differ."""
        if unknown := set(value) - set(Variant.model_fields):
            raise ValueError(f"a variant has no {min(unknown)}; it has {', '.join(Variant.model_fields)}")
        return value

    @field_validator("variant", "against", check_fields=False)
    @classmethod
    def variant_is_known(cls, value: str, info: ValidationInfo) -> str:
        """A claim about a network that the paper does not name points at nothing."""
        names = info.context.names if info.context else {}
        if value not in names:
            raise ValueError(f"no network is called {value!r}; known are {', '.join(names)}")
        return value

    @field_validator("metric", check_fields=False)
    @classmethod
    def metric_is_printed(cls, value: str, info: ValidationInfo) -> str:
        """So does one about a column that its table has not."""
        if info.context and value not in info.context.metrics:
            raise ValueError(f"the table has no column {value!r}; it has {', '.join(info.context.metrics)}")
        return value

    def judge(self, evidence: Evidence) -> Verdict:
        """The verdict."""
        raise NotImplementedError


Network = Annotated[str, Field(description="A variant that the paper names.")]


class Trained(_Claim):
    """A claim that trained networks decide.

    `under` names the plan's conditions, `part` the fields of a variant in which both networks must differ, and in no
    other.
    """

    under: str = "published"
    part: tuple[str, ...] = ()

    def variants(self, paper: Paper) -> list[str]:
        """The networks that it is about."""
        return [getattr(self, name) for name in ("variant", "against") if hasattr(self, name)]

    def claimed(self) -> float | None:
        """The number that it claims itself, if any."""
        return None

    def decide(self, evidence: Evidence) -> Verdict:
        """The verdict of a run that meets all conditions."""
        raise NotImplementedError

    def judge(self, evidence: Evidence) -> Verdict:
        """That verdict, or `untested` and where the run points."""
        if (absent := evidence.absent(self.variants(evidence.paper), self.claimed())) is not None:
            return absent
        decided = self.decide(evidence)
        if decided.verdict == "untested":
            return decided
        points = POINTS.get(decided.verdict, "")
        if evidence.drawn:
            return replace(decided, verdict="untested", why=f"{DRAWN}; on them: {decided.why}")
        if evidence.plan is None:
            why = f"no rules were fixed before this experiment was trained; {decided.why}"
            return replace(decided, verdict="untested", why=why)
        if apart := evidence.departures(self.variants(evidence.paper), self.under, self.part):
            why = f"not the networks that are meant ({'; '.join(apart)}); this run: {decided.why}"
            return replace(decided, verdict="untested", points=points, why=why)
        return decided


def _not_judged(metric: str, evidence: Evidence) -> str | None:
    """Why there is no verdict about a metric; None where there is one."""
    if evidence.plan and metric in evidence.plan.metrics:
        return None
    if metric == "loss":
        return "the paper does not say which loss it prints"
    return None if evidence.plan is None else f"the plan of this experiment has no verdicts about {metric}"


class Cell(Trained):
    """A cell of Table 1, on every test set that the paper may have meant."""

    decides: Literal["cell"]
    variant: Network
    metric: Metric

    def decide(self, evidence: Evidence) -> Verdict:
        """Compare the printed value with what each test set foretells for another laboratory."""
        text = evidence.paper.text(self.variant, self.metric)
        if text is None:
            return Verdict("untested", "the paper leaves this cell empty")
        published, row = float(text), find(evidence.estimates, variant=self.variant, metric=self.metric)
        if row is None:
            return not_run(self.variant, published)
        numbers = (published, row["mean"], row["low"], row["high"])
        told = f"{row['mean']:.4f} {between(row['low'], row['high'], '.4f')} here"
        if why := _not_judged(self.metric, evidence):
            dice = find(evidence.estimates, variant=self.variant, metric="dice") if self.metric == "loss" else None
            also = f", cross-entropy + 1 - Dice, is {told}; 1 - Dice would be {1 - dice['mean']:.4f}" if dice else None
            return Verdict("untested", f"{why}; ours{also or f' is {told}'}", *numbers)
        table = evidence.elsewhere
        table = table[(table["variant"] == self.variant) & (table["metric"] == self.metric)]
        said = {str(name): _records(rows.sort_values("their_films")) for name, rows in table.groupby("test_on")}
        if not said:
            return Verdict("inconclusive", told, *numbers)
        margin = evidence.margin(self.metric)
        words = {name: cell_on(text, rows[0], margin) for name, rows in said.items()}
        why = "; ".join(f"{name} {words[name]}: {_foretold(rows)}" for name, rows in said.items())
        return Verdict(over_test_sets(words.values()), f"printed {text}; {why}", *numbers)


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]


def _foretold(rows: Sequence[Mapping[str, Any]]) -> str:
    """One test set's mean, and what another laboratory's test sets of some sizes would give."""
    ours = f"{rows[0]['mean']:.4f} {between(rows[0]['low'], rows[0]['high'], '.4f')}"
    told = [one for one in rows if not pd.isna(one["their_low"]) and not pd.isna(one["their_high"])]
    theirs = ", ".join(f"{one['their_low']:.3f}-{one['their_high']:.3f} on {one['their_films']}" for one in told)
    return f"{ours}, other films {theirs or 'cannot be foretold'}"


class Order(Trained):
    """The order of the four networks in a metric, each better than the one before."""

    decides: Literal["order"]
    metric: Metric

    def variants(self, paper: Paper) -> list[str]:
        """All of the table."""
        return list(paper.networks)

    def decide(self, evidence: Evidence) -> Verdict:
        """Supported where every step goes up, contradicted where one goes down; a step within the margin counts too."""
        told, sides, name = [], [], evidence.paper.name
        if why := _not_judged(self.metric, evidence):
            return Verdict("untested", why)
        for worse, better in pairwise(evidence.paper.networks):
            row = find_pair(evidence.comparisons, better, worse, self.metric)
            if row is None:
                return not_run(f"{worse} beside {better}")
            sides.append(side(row))
            told.append(f"{name(better)} against {name(worse)} {gain(row)}: {outcome(row)}")
        verdict = "contradicted" if "worse" in sides else "supported" if set(sides) == {"better"} else "inconclusive"
        return Verdict(verdict, "; ".join(told))


class Gain(Trained):
    """A gain in a metric of one network over another, as a difference of fractions with its decimals as printed."""

    decides: Literal["gain"]
    variant: Network
    against: Network
    metric: Metric
    published: Difference

    @model_validator(mode="after")
    def fractions_differ_by_at_most_1(self) -> Self:
        """A percentage is none; only a loss, which is no fraction, may differ by more."""
        if abs(self.claimed()) > 1 and self.metric != "loss":
            raise ValueError(f"published is {self.published}: a difference of fractions lies between -1 and 1")
        return self

    def claimed(self) -> float:
        """The difference."""
        return float(self.published)

    def decide(self, evidence: Evidence) -> Verdict:
        """Compare the claimed difference with the interval of ours."""
        row = find_pair(evidence.comparisons, self.variant, self.against, self.metric)
        if row is None:
            return not_run(f"{self.variant} beside {self.against}", self.claimed())
        numbers = (self.claimed(), row["difference"], row["low"], row["high"])
        verdict, why = claimed_gain(self.published, row, evidence.margin(self.metric))
        return Verdict(verdict, f"{why}; {outcome(row)}", *numbers)


class Better(Trained):
    """One network is better than another, no matter by how much."""

    decides: Literal["better"]
    variant: Network
    against: Network
    metric: Metric

    def decide(self, evidence: Evidence) -> Verdict:
        """Supported where it is better and contradicted where it is worse, be it by less than the margin."""
        row = find_pair(evidence.comparisons, self.variant, self.against, self.metric)
        if row is None:
            return not_run(f"{self.variant} beside {self.against}")
        name = evidence.paper.name
        why = f"{name(self.variant)} against {name(self.against)}: {gain(row)}, {outcome(row)}"
        verdict = {"better": "supported", "worse": "contradicted"}.get(side(row), "inconclusive")
        return Verdict(verdict, why, None, row["difference"], row["low"], row["high"])


class Row(_Claim):
    """The numbers of a row of Table 1 belong to one set of masks."""

    decides: Literal["row"]
    variant: Network

    def judge(self, evidence: Evidence) -> Verdict:
        """Impossible or inconsistent where arithmetic has a finding; nothing else can decide it."""
        own = [finding for finding in evidence.findings if finding.row == self.variant]
        if own:
            worst = "impossible" if any(one.verdict == "impossible" for one in own) else "inconsistent"
            return Verdict(worst, "; ".join(one.message for one in own))
        return Verdict("inconclusive", "no rule of arithmetic is broken, which does not show that they do")


class Agreement(_Claim):
    """A percentage in the text is the gain between two cells of Table 1."""

    decides: Literal["agreement"]
    variant: Network
    against: Network
    metric: Metric
    percent: Percent

    def judge(self, evidence: Evidence) -> Verdict:
        """Whether values that round to the two cells give the percentage, as a difference or relative to either."""
        cells = [evidence.paper.cells.get(variant, {}).get(self.metric) for variant in (self.variant, self.against)]
        if None in cells:
            return Verdict("untested", "the table has not both cells", float(self.percent))
        new, old = (printed(str(cell), fraction=self.metric != "loss") for cell in cells)
        said = printed(self.percent, fraction=False)
        ranges: dict[str, tuple[Fraction | float, Fraction | float]] = {
            "in points": (100 * (new.low - old.high), 100 * (new.high - old.low)),
            # Of a cell that rounds to 0 it may be any.
            "relative": (100 * (new.low / old.high - 1), 100 * (new.high / old.low - 1) if old.low else inf),
            "relative to the new value": (
                100 * (1 - old.high / new.low) if new.low else -inf,
                100 * (1 - old.low / new.high),
            ),
        }
        why = "; ".join(f"{how} {float(low):.2f} to {float(high):.2f} %" for how, (low, high) in ranges.items())
        told = f"{old.text} to {new.text} is {why}, the text says {self.percent} %"
        meets = any(low <= said.high and said.low <= high for low, high in ranges.values())
        return Verdict("supported" if meets else "impossible", told, float(self.percent))


class Implementation(BaseModel):
    """The parameters of both networks of a claim in another implementation."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: Text
    variant: Parameter
    against: Parameter


class Parameters(_Claim):
    """A percentage that relates the parameters of one network to another's."""

    decides: Literal["parameters"]
    variant: Network
    against: Network
    percent: Percent
    implementations: tuple[Implementation, ...] = Field((), description="Others than ours.")

    def judge(self, evidence: Evidence) -> Verdict:
        """Untested where implementations differ by more than the percentage is printed to; else by our counts.

        Our own implementation alone does not tell by how much others differ.
        """
        counts = evidence.parameters
        if not {self.variant, self.against} <= set(counts):
            return not_run(f"{self.variant} beside {self.against}", float(self.percent))
        ours = Implementation(name="ours", variant=counts[self.variant], against=counts[self.against])
        every, said = (ours, *self.implementations), printed(self.percent, fraction=False)
        readings = {one.name: _readings(one) for one in every}
        near = {
            name: min(own.values(), key=lambda value: abs(value - float(self.percent)))
            for name, own in readings.items()
        }
        told = "; ".join(map(_counted, every))
        numbers = (float(self.percent), near["ours"])
        if apart := evidence.other_width([self.variant, self.against]):
            return Verdict("untested", f"not the networks that are meant ({'; '.join(apart)}); {told}", *numbers)
        if any(said.low <= value <= said.high for own in readings.values() for value in own.values()):
            return Verdict("supported", told, *numbers)
        if not self.implementations:
            return Verdict("untested", f"one implementation does not tell by how much others differ: {told}", *numbers)
        if max(near.values()) - min(near.values()) > said.high - said.low:
            return Verdict("untested", f"implementations differ by more than the claim: {told}", *numbers)
        return Verdict("contradicted", told, *numbers)


def _counted(counts: Implementation) -> str:
    """Both networks' parameters in words."""
    own, other = counts.variant, counts.against
    apart = f"{100 * (own / other - 1):.2f} % more" if own >= other else f"{100 * (1 - own / other):.2f} % fewer"
    share = 100 * min(own, other) / max(own, other)
    return f"{counts.name}: {own:,} parameters against {other:,}, {apart}, the smaller {share:.2f} % of the larger"


def _readings(counts: Implementation) -> dict[str, float]:
    """What the percentage might be of."""
    own, other = counts.variant, counts.against
    return {"more": 100 * (own / other - 1), "of it": 100 * other / own, "as many": 100 * own / other}


class Cost(_Claim):
    """One network needs less time and fewer parameters than another."""

    decides: Literal["cost"]
    variant: Network
    against: Network

    def judge(self, evidence: Evidence) -> Verdict:
        """Untested: implementations and machines differ by more than such a sentence says. Ours stands beside it.

        Seconds are not told: they are of one machine and the hour, and would make each table another one.
        """
        if not {self.variant, self.against} <= set(evidence.parameters):
            return not_run(f"{self.variant} beside {self.against}")
        size = evidence.parameters[self.variant] / evidence.parameters[self.against]
        name = evidence.paper.name
        why = (
            "time depends on implementation and machine by more than the sentence says; here "
            f"{name(self.variant)} has {size:.2f} times the parameters of {name(self.against)}"
        )
        if apart := evidence.other_width([self.variant, self.against]):
            why += f" (with {'; '.join(apart)})"
        return Verdict("untested", why, None, size)


LAST = 10  # epochs that say where a training stands at its end


class Convergence(_Claim):
    """Training has settled after some epochs: at a constant rate, as many again lead nowhere else."""

    decides: Literal["convergence"]
    variant: Network
    epochs: int = Field(ge=1, lt=2**31)

    def judge(self, evidence: Evidence) -> Verdict:
        """Compare the validation films' Dice, accuracy and loss at that epoch with their means at the end, by seed."""
        if (absent := evidence.absent([self.variant])) is not None:
            return absent
        runs = evidence.histories[evidence.histories["variant"] == self.variant]
        if runs.empty:
            return not_run(self.variant)
        last = int(runs.groupby("seed")["epoch"].max().min())
        if last < 2 * self.epochs:
            return Verdict("untested", f"trainings end after {last} epochs, and {2 * self.epochs} are asked for")
        if evidence.drawn:
            return Verdict("untested", DRAWN)
        if evidence.arms[self.variant].schedule != "constant":
            return Verdict(
                "untested", "the learning rate falls to zero at the end, so trainings settle there by design"
            )
        margin = evidence.margin("dice")
        if margin is None:
            return Verdict("untested", "no margin was fixed before this experiment was trained")
        asked, arm = evidence.plan.conditions.get("published") if evidence.plan else None, evidence.arms[self.variant]
        if arm.lost:
            return Verdict("untested", f"{arm.lost} of {arm.seeds + arm.lost} trainings diverged")
        if asked and asked.seeds and arm.seeds < asked.seeds:
            few = f"{arm.seeds} training{'s' if arm.seeds > 1 else ''}"
            return Verdict("untested", f"{few} of {evidence.paper.name(self.variant)}, and {asked.seeds} are asked for")
        columns = ["validation_dice", "validation_accuracy", "validation_loss"]
        then = runs[runs["epoch"] == self.epochs].set_index("seed")[columns]
        ends = runs.groupby("seed")["epoch"].transform("max")
        moved = runs[runs["epoch"] > ends - LAST].groupby("seed")[columns].mean() - then
        most = {column.removeprefix("validation_"): float(moved[column].abs().max()) for column in columns}
        told = ", ".join(f"{name} by at most {value:.4f}" for name, value in most.items())
        why = f"from epoch {self.epochs} to the mean of the last {LAST} of {last}, {told}, in {len(then)} seeds"
        if asked and (apart := arm.departs(asked)):
            why += f"; of this experiment's network, which is not the paper's: {'; '.join(apart)}"
        verdict = "supported" if max(most.values()) <= margin else "contradicted"
        return Verdict(verdict, why, None, max(most.values()))


class Untested(_Claim):
    """A claim that this project does not test, and why."""

    decides: Literal["untested"]
    reason: str

    def judge(self, evidence: Evidence) -> Verdict:
        """Say why."""
        return Verdict("untested", self.reason)


Claim = Annotated[
    Cell | Order | Gain | Better | Row | Agreement | Parameters | Cost | Convergence | Untested,
    Field(discriminator="decides"),
]


def read_claims(path: str | Path, paper: Paper) -> list[Claim]:
    """Read the list of claims of a paper.

    Raises:
        InputError: An entry names an unknown network, metric, rule or key, lacks one, or two have one name.
    """
    remedy = "Write a list of claims, as workflow/papers/mishra/claims.yaml is."
    entries = read_yaml(path, list, remedy, as_written=True)
    try:
        claims = TypeAdapter(list[Claim]).validate_python(entries, context=paper)
    except ValidationError as error:
        place = error.errors()[0]["loc"]
        at = place[0] if place else 0
        which = entries[at].get("claim", at) if isinstance(at, int) and isinstance(entries[at], dict) else at
        raise refused(error, f"{path}, claim {which}", "the entry", "Correct the entry.", skip=2) from error
    refuse_truths(entries, [claim.model_dump() for claim in claims], f"{path}, claim ")
    names = [claim.claim for claim in claims]
    if doubled := {one for one in names if names.count(one) > 1}:
        raise InputError(path, f"two claims called {min(doubled)}", "one", "Rename one of them.")
    return claims


def judge(claims: Iterable[Claim], evidence: Evidence) -> pd.DataFrame:
    """Judge every claim.

    Returns:
        Columns of `COLUMNS`, then says, takes and decides.
    """
    rows = []
    for claim in claims:
        verdict = claim.judge(evidence)
        words = {"says": claim.says, "takes": claim.takes, "decides": claim.decides}
        rows.append({"claim": claim.claim, "source": claim.source} | vars(verdict) | words)
    return pd.DataFrame(rows, columns=[*COLUMNS, "says", "takes", "decides"])
