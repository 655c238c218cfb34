r"""A row that joins the films of other rows lies between them.

A mean over the joined films is the mean of the parts' means weighted by their films. A ratio of all pixels is the
parts' ratio weighted by its denominators: :math:`(a_1+a_2)/(b_1+b_2)` lies between :math:`a_1/b_1` and :math:`a_2/b_2`
(the mediant). Medians lie between too; trimmed means and pooled means over classes need not, and an F1 made of mean
precision and mean recall is above them where the parts differ.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from lungseg.claims.relation import MEANS, TITLES, Averaging, Row

Parts = Mapping[str, Sequence[str]]  # of a row that joins others: their names


@dataclass(frozen=True)
class Limits:
    """Where a cell of a joined row must lie.

    Args:
        metric: Its column.
        low: Within the rounding of the parts.
        high: Within the rounding of the parts.
        weighted: Whether it is the mean of the parts weighted by their films.
    """

    metric: str
    low: Fraction
    high: Fraction
    weighted: bool

    def slack(self, row: Row) -> Fraction:
        """How far the printed cell is outside, as a negative number."""
        return min(self.high - row[self.metric].low, row[self.metric].high - self.low)


def limits(table: Mapping[str, Row], name: str, parts: Sequence[str], averaging: Averaging) -> Iterator[Limits]:
    """The limits of each cell of a joined row that is printed in all its parts.

    Args:
        table: Method to metric to printed value.
        name: The joined row.
        parts: The rows that it joins.
        averaging: How the columns are averaged.
    """
    others = [table[part] for part in parts]
    if averaging not in MEANS:
        return
    # An AUC of all pixels need not lie between; nor does an F1 made of means.
    left_out = {"films": {"f1"}, "pooled": {"auc"}}.get(averaging, {"f1", "auc"})
    counts = _films(table[name], others) if averaging == "films" else None
    for metric in TITLES:
        if metric not in left_out and all(metric in row for row in (table[name], *others)):
            # Precision may leave out the films without a prediction, so that n is not its weight.
            weights = counts if metric != "precision" else None
            yield _limits(metric, others, weights)


def _films(joined: Row, others: Sequence[Row]) -> list[Fraction] | None:
    """The films of each part, where they are printed and add up."""
    if not all("n" in row for row in others):
        return None
    counts = [row["n"].low for row in others]
    adds = sum(counts) > 0 and ("n" not in joined or joined["n"].low == sum(counts))
    return counts if adds else None


def _limits(metric: str, others: Sequence[Row], weights: Sequence[Fraction] | None) -> Limits:
    low, high = [row[metric].low for row in others], [row[metric].high for row in others]
    if weights is None:
        return Limits(metric, min(low), max(high), weighted=False)
    total = sum(weights)
    means = [sum((w * x for w, x in zip(weights, ends, strict=True)), Fraction(0)) / total for ends in (low, high)]
    return Limits(metric, means[0], means[1], weighted=True)
