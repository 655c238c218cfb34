"""How far a quantity may be from those of sound films: limits fitted once, read from a table, applied to each film."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from lungseg.errors import InputError
from lungseg.files import read_rows
from lungseg.films.film import Finding, Verdict
from lungseg.films.quantities import REASONS
from lungseg.outside import TEXT, bounded

NAME = "checks.csv"
COLUMNS = ("quantity", "side", "verdict", "limit", "sound")
Side = Literal["below", "above"]
# A sample's ends are not those of all films: limits stand off from them by one of these shares of the sound films'
# span, which `margins` chooses.
SHARES = (0.02, 0.05, 0.1, 0.15, 0.25, 0.4)
REFUSED, DOUBTFUL = 0.01, 0.03  # greatest shares of sound films that may be refused; refused or doubtful
FOLDS = 5
Margins = Mapping[Verdict, float]


@dataclass(frozen=True)
class Limit:
    """A film whose quantity is beyond is refused or doubtful.

    Args:
        quantity: A name of `REASONS`.
        side: On which side of the limit.
        verdict: What it is then.
        limit: Itself not beyond.
        sound: Share of the sound films of the fit that are beyond.
    """

    quantity: str
    side: Side
    verdict: Verdict
    limit: float
    sound: float

    def beyond(self, found: Mapping[str, float]) -> bool:
        """Whether a film is beyond; one without the quantity is not."""
        value = found.get(self.quantity)
        return value is not None and (value < self.limit if self.side == "below" else value > self.limit)


def read_limits(path: Path) -> tuple[Limit, ...]:
    """The limits in a table; none where there is no table.

    Args:
        path: With the columns of `COLUMNS`.

    Raises:
        InputError: A cell cannot be used.
    """
    if not path.is_file():
        return ()
    limits, remedy = [], "Make it with `python -m bench.refusals`."
    for number, row in enumerate(read_rows(bounded(path, TEXT), COLUMNS, remedy), 2):
        where = f"{path}, line {number}"
        if row["quantity"] not in REASONS or row["side"] not in ("below", "above"):
            raise InputError(
                where, f"{row['quantity']} {row['side']}", f"below or above, of {', '.join(REASONS)}", remedy
            )
        if row["verdict"] not in ("refused", "doubtful"):
            raise InputError(where, row["verdict"], "refused or doubtful", remedy)
        try:
            limit, sound = float(row["limit"]), float(row["sound"])
        except ValueError as error:
            raise InputError(where, f"{row['limit']}, {row['sound']}", "two numbers", remedy) from error
        if not (math.isfinite(limit) and math.isfinite(sound)):
            raise InputError(where, f"{row['limit']}, {row['sound']}", "two numbers that are finite", remedy)
        limits.append(Limit(row["quantity"], row["side"], row["verdict"], limit, sound))  # type: ignore[arg-type]
    return tuple(limits)


def findings(found: Mapping[str, float], limits: Iterable[Limit]) -> list[Finding]:
    """What a film's quantities say against it: each once, by its graver limit; a film without any lung is refused.

    Args:
        found: As of `quantities`.
        limits: Of the model.
    """
    said: dict[str, Finding] = {}
    if not found["share"] > 0:
        return [Finding("refused", "no lung found", "certain")]
    graver = sorted((limit for limit in limits if limit.beyond(found)), key=lambda limit: limit.verdict != "refused")
    for limit in graver:
        reason = REASONS[limit.quantity][0 if limit.side == "below" else 1]
        told = f"{limit.quantity} {found[limit.quantity]:.3g}, limit {limit.limit:.3g}"
        share = f"{limit.sound:.1%} of sound films are beyond it"
        said.setdefault(limit.quantity, Finding(limit.verdict, f"{reason} ({told})", share))
    return list(said.values())


def verdict(said: Iterable[Finding]) -> Verdict | None:
    """The graver of several findings; None of none."""
    verdicts = {one.verdict for one in said}
    return "refused" if "refused" in verdicts else "doubtful" if verdicts else None


def fit(
    sound: Sequence[Mapping[str, float]],
    bad: Sequence[Mapping[str, float]],
    refused: float = REFUSED,
    doubtful: float = DOUBTFUL,
    stand_off: Margins | None = None,
) -> list[Limit]:
    """Choose limits: as few sound films beyond them as allowed, and as many bad ones.

    One after the other, that quantity and side is taken whose limit finds most of the bad films that none before has
    found; each limit lies beyond all but a tenth of the allowed share of sound films, and what a set of limits finds
    of sound films never exceeds that share. Doubtful limits are chosen after the refusing ones, for what these left.
    A quantity that is one number for at least half of the sound films, as `cut` is 0, has no span to stand off by: it
    makes films doubtful and refuses none.

    Args:
        sound: Quantities of sound films; not those that the limits are judged by.
        bad: Quantities of films that should be found.
        refused: Greatest share of sound films that may be refused.
        doubtful: Greatest share that may be refused or doubtful.
        stand_off: How far limits are from the ends of the sound films, as shares of their span; None for `margins`.

    Returns:
        The limits; none where there are no sound films.
    """
    if not sound:
        return []
    chosen: list[Limit] = []
    distances = margins(sound, bad, refused, doubtful) if stand_off is None else stand_off
    for name, allowed in _allowed(refused, doubtful).items():
        while (best := _best(sound, bad, chosen, name, allowed, distances[name])) is not None:
            chosen.append(best)
    return chosen


def margins(
    sound: Sequence[Mapping[str, float]],
    bad: Sequence[Mapping[str, float]],
    refused: float = REFUSED,
    doubtful: float = DOUBTFUL,
) -> dict[Verdict, float]:
    """How far limits must stand off so that films of the same kind that the fit has not seen are as rarely beyond.

    Sound films are left out in `FOLDS` turns, every fifth of them; of `SHARES` the smallest is taken with which no more
    of the films left out are beyond than allowed, the largest where none does. Of refusing limits first, then of
    doubtful ones beside these. Of fewer than a hundred films a hundredth is none: the choice is coarse. It sees no
    film that the limits are judged by.

    Args:
        sound: As of `fit`.
        bad: As of `fit`.
        refused: As of `fit`.
        doubtful: As of `fit`.
    """
    chosen: dict[Verdict, float] = dict.fromkeys(_allowed(refused, doubtful), SHARES[-1])
    for name, allowed in _allowed(refused, doubtful).items():
        for share in SHARES:
            chosen[name] = share
            lost = 0
            for fold in range(FOLDS):
                kept = [film for place, film in enumerate(sound) if place % FOLDS != fold]
                limits = fit(kept, bad, refused, doubtful, chosen)
                counts = [limit for limit in limits if name == "doubtful" or limit.verdict == "refused"]
                lost += sum(_found(sound[fold::FOLDS], counts))
            if lost <= allowed * len(sound):
                break
    return chosen


def _allowed(refused: float, doubtful: float) -> dict[Verdict, float]:
    return {"refused": refused, "doubtful": doubtful}


def _found(films: Sequence[Mapping[str, float]], limits: Sequence[Limit]) -> list[bool]:
    return [not film["share"] > 0 or any(limit.beyond(film) for limit in limits) for film in films]


def _best(
    sound: Sequence[Mapping[str, float]],
    bad: Sequence[Mapping[str, float]],
    chosen: Sequence[Limit],
    verdict: Verdict,
    allowed: float,
    share: float,
) -> Limit | None:
    """The limit that finds most of what is not found yet; None where none finds another film."""
    missed = [film for film, found in zip(bad, _found(bad, chosen), strict=True) if not found]
    best, most = None, 0
    for limit in _candidates(sound, verdict, allowed, share):
        if np.mean(_found(sound, [*chosen, limit])) > allowed:
            continue
        finds = sum(limit.beyond(film) for film in missed)
        if finds > most:
            best, most = limit, finds
    return best


def _candidates(sound: Sequence[Mapping[str, float]], verdict: Verdict, allowed: float, share: float) -> list[Limit]:
    """For each quantity and side a limit beyond which hardly a sound film lies."""
    found = []
    for quantity, reasons in REASONS.items():
        values = np.sort([film[quantity] for film in sound if quantity in film])
        if not len(values):
            continue
        quarter, three_quarters = np.quantile(values, (0.25, 0.75))
        if verdict == "refused" and quarter == three_quarters:
            continue
        beyond = int(len(values) * allowed / 10)
        margin = share * float(np.ptp(values))
        ends: tuple[tuple[Side, float], ...] = (
            ("below", float(values[beyond]) - margin),
            ("above", float(values[-1 - beyond]) + margin),
        )
        for (side, limit), reason in zip(ends, reasons, strict=True):
            if reason:
                one = Limit(quantity, side, verdict, float(f"{limit:.4g}"), 0.0)
                beyond_it = float(np.mean([one.beyond(film) for film in sound]))
                found.append(Limit(quantity, side, verdict, one.limit, round(beyond_it, 4)))
    return found


def as_rows(limits: Iterable[Limit]) -> list[dict[str, object]]:
    """Limits as rows of a table, in the order of `COLUMNS`."""
    return [asdict(limit) for limit in limits]
