"""A published sentence and our tables -> a verdict with its reason.

Verdicts: `supported`, `contradicted`, `inconclusive`, `inconsistent` (by arithmetic, if all columns are about the lung
and averaged alike), `impossible` (also for averages over classes), `untested` (with the reason). Each claim in a
paper's claims.yaml names its rule.
"""

from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

import pandas as pd
import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, ValidationInfo, field_validator

from lungseg.claims.arithmetic import printed
from lungseg.claims.evidence import Evidence, Verdict, find, find_pair, gain, inside, not_run, side, step
from lungseg.errors import InputError
from lungseg.paper import Metric, Paper
from lungseg.statistics.comparisons import MARGIN

COLUMNS = ["claim", "source", "published", "reproduced", "low", "high", "verdict", "why"]


class _Claim(BaseModel):
    """What every claim has.

    `claim` is its name, `says` the sentence in short, `source` where it stands, `takes` what deciding it would take.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    claim: str = Field(pattern=r"^[a-z0-9-]+$")
    says: str
    source: str
    takes: str

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


Network = Annotated[str, Field(description="A variant that the paper names.")]


class Cell(_Claim):
    """A cell of Table 1: supported inside our interval, contradicted more than the margin outside of it."""

    decides: Literal["cell"]
    variant: Network
    metric: Metric

    def judge(self, evidence: Evidence) -> Verdict:
        """Compare the printed value with the interval."""
        published = evidence.paper.printed(self.variant, self.metric)
        if published is None:
            return Verdict("untested", "the paper leaves this cell empty")
        row = find(evidence.estimates, variant=self.variant, metric=self.metric)
        if row is None:
            return not_run(self.variant, published)
        numbers = (published, row["mean"], row["low"], row["high"])
        told = f"{row['mean']:.4f} [{row['low']:.4f}, {row['high']:.4f}] here"
        if self.metric == "loss":
            dice = find(evidence.estimates, variant=self.variant, metric="dice")
            also = f"; 1 - Dice would be {1 - dice['mean']:.4f}" if dice else ""
            why = f"the paper does not say which loss it prints; ours, cross-entropy + 1 - Dice, is {told}{also}"
            return Verdict("untested", why, *numbers)
        return Verdict(*inside(published, row["low"], row["high"], told), *numbers)


class Order(_Claim):
    """The order of the four networks in a metric, each better than the one before."""

    decides: Literal["order"]
    metric: Metric

    def judge(self, evidence: Evidence) -> Verdict:
        """Supported where every step goes up, contradicted where one goes down; a step within the margin counts too."""
        told, sides, name = [], [], evidence.paper.name
        for worse, better in pairwise(evidence.paper.networks):
            row = find_pair(evidence.comparisons, better, worse, self.metric)
            if row is None:
                return not_run(f"{worse} beside {better}")
            sides.append(side(row))
            told.append(f"{name(better)} against {name(worse)} {gain(row)}: {step(row)}")
        verdict = "contradicted" if "worse" in sides else "supported" if set(sides) == {"better"} else "inconclusive"
        return Verdict(verdict, "; ".join(told))


class Gain(_Claim):
    """A gain in a metric of one network over another, as a difference of fractions."""

    decides: Literal["gain"]
    variant: Network
    against: Network
    metric: Metric
    published: float

    def judge(self, evidence: Evidence) -> Verdict:
        """Compare the claimed difference with the interval of ours."""
        row = find_pair(evidence.comparisons, self.variant, self.against, self.metric)
        if row is None:
            return not_run(f"{self.variant} beside {self.against}", self.published)
        numbers = (self.published, row["difference"], row["low"], row["high"])
        verdict, why = inside(self.published, row["low"], row["high"], f"{gain(row)} here")
        return Verdict(verdict, f"{why}; {step(row)}", *numbers)


class Better(_Claim):
    """One network is better than another, no matter by how much."""

    decides: Literal["better"]
    variant: Network
    against: Network
    metric: Metric

    def judge(self, evidence: Evidence) -> Verdict:
        """Supported where it is better and contradicted where it is worse, be it by less than the margin."""
        row = find_pair(evidence.comparisons, self.variant, self.against, self.metric)
        if row is None:
            return not_run(f"{self.variant} beside {self.against}")
        name = evidence.paper.name
        why = f"{name(self.variant)} against {name(self.against)}: {gain(row)}, {step(row)}"
        verdict = {"better": "supported", "worse": "contradicted"}.get(side(row), "inconclusive")
        return Verdict(verdict, why, None, row["difference"], row["low"], row["high"])


class Row(_Claim):
    """The numbers of a row of Table 1 belong to one set of masks."""

    decides: Literal["row"]
    variant: Network

    def judge(self, evidence: Evidence) -> Verdict:
        """Impossible or inconsistent where arithmetic has a finding; nothing else can decide it."""
        found = [finding for finding in evidence.findings if finding.row == self.variant]
        if found:
            worst = "impossible" if any(one.verdict == "impossible" for one in found) else "inconsistent"
            return Verdict(worst, "; ".join(one.message for one in found))
        return Verdict("inconclusive", "no rule of arithmetic is broken, which does not show that they do")


class Agreement(_Claim):
    """A percentage in the text is the gain between two cells of Table 1."""

    decides: Literal["agreement"]
    variant: Network
    against: Network
    metric: Metric
    percent: str = Field(pattern=r"^\d+(\.\d+)?$", description="As printed, with its decimals.")

    def judge(self, evidence: Evidence) -> Verdict:
        """Whether any values that round to the two cells give the percentage, as a difference or relative."""
        cells = [evidence.paper.cells.get(variant, {}).get(self.metric) for variant in (self.variant, self.against)]
        if None in cells:
            return Verdict("untested", "the table has not both cells", float(self.percent))
        new, old = (printed(str(cell)) for cell in cells)
        said = printed(self.percent, fraction=False)
        ranges = {
            "in points": (100 * (new.low - old.high), 100 * (new.high - old.low)),
            "relative": (100 * (new.low / old.high - 1), 100 * (new.high / old.low - 1)),
        }
        why = "; ".join(f"{how} {float(low):.2f} to {float(high):.2f} %" for how, (low, high) in ranges.items())
        told = f"{old.text} to {new.text} is {why}, the text says {self.percent} %"
        meets = any(low <= said.high and said.low <= high for low, high in ranges.values())
        return Verdict("supported" if meets else "impossible", told, float(self.percent))


class Parameters(_Claim):
    """A percentage that relates the parameters of one network to another's."""

    decides: Literal["parameters"]
    variant: Network
    against: Network
    percent: str = Field(pattern=r"^\d+(\.\d+)?$")

    def judge(self, evidence: Evidence) -> Verdict:
        """Supported where a reading of the sentence gives the percentage to its decimals."""
        counts = evidence.costs["parameters"]
        if not {self.variant, self.against} <= set(counts.index):
            return not_run(f"{self.variant} beside {self.against}", float(self.percent))
        own, other = float(counts[self.variant]), float(counts[self.against])
        readings = {"more": 100 * (own / other - 1), "of it": 100 * other / own, "as many": 100 * own / other}
        said = printed(self.percent, fraction=False)
        meets = any(said.low <= value <= said.high for value in readings.values())
        nearest = min(readings.values(), key=lambda value: abs(value - float(self.percent)))
        why = (
            f"{own:,.0f} parameters against {other:,.0f}: {readings['more']:.2f} % more, the smaller is "
            f"{readings['of it']:.2f} % of the larger; no reading of the sentence gives {self.percent} %"
        )
        why = why if not meets else why.partition("; no reading")[0]
        return Verdict("supported" if meets else "contradicted", why, float(self.percent), nearest)


class Cost(_Claim):
    """One network needs less time and fewer parameters than another."""

    decides: Literal["cost"]
    variant: Network
    against: Network

    def judge(self, evidence: Evidence) -> Verdict:
        """Compare films per second of training and parameters on the machine of this run."""
        if not {self.variant, self.against} <= set(evidence.costs.index):
            return not_run(f"{self.variant} beside {self.against}")
        name = evidence.paper.name
        width = evidence.paper.conditions.width
        if self.against == "unet" and width is not None and evidence.costs["width"]["unet"] != width:
            count = f"{evidence.costs['parameters']['unet']:,.0f}"
            return Verdict(
                "untested", f"the U-Net of this experiment, with {count} parameters, has not the published width"
            )
        speed, size = (
            float(evidence.costs[column][self.variant] / evidence.costs[column][self.against])
            for column in ("images_per_second", "parameters")
        )
        against = f"{speed:.2f} times the speed of {name(self.against)}, with {size:.2f} times its parameters"
        why = f"{name(self.variant)} trains at {against}"
        verdict = {2: "supported", 0: "contradicted"}.get(int(speed > 1) + int(size < 1), "inconclusive")
        return Verdict(verdict, why, None, speed)


class Convergence(_Claim):
    """Training is done after some epochs: what follows adds less than the margin of Dice."""

    decides: Literal["convergence"]
    variant: Network
    epochs: int

    def judge(self, evidence: Evidence) -> Verdict:
        """Compare validation Dice at that epoch with the best of the whole training, in every seed."""
        runs = evidence.histories[evidence.histories["variant"] == self.variant]
        if runs.empty:
            return not_run(self.variant)
        last = int(runs.groupby("seed")["epoch"].max().min())
        if last <= self.epochs:
            return Verdict("untested", f"trainings of this experiment end after {last} epochs")
        best = runs.groupby("seed")["validation_dice"].max()
        by_then = runs[runs["epoch"] <= self.epochs].groupby("seed")["validation_dice"].max()
        most = float((best - by_then).max())
        why = f"validation Dice rises by at most {most:.4f} after epoch {self.epochs} of {last}, in {len(best)} seeds"
        return Verdict("supported" if most <= MARGIN else "contradicted", why, None, most)


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
    entries = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    try:
        claims = TypeAdapter(list[Claim]).validate_python(entries or [], context=paper)
    except ValidationError as error:
        first = error.errors()[0]
        at = first["loc"][0] if first["loc"] else 0
        which = entries[at].get("claim", at) if isinstance(at, int) and isinstance(entries[at], dict) else at
        key = ".".join(str(part) for part in first["loc"][2:]) or "the entry"
        found = "nothing" if first["type"] == "missing" else repr(first["input"])
        raise InputError(f"{path}, claim {which}, {key}", found, first["msg"].lower(), "Correct the entry.") from error
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
