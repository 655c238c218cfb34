"""Findings and observations as lines of text."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from lungseg.claims.arithmetic import Finding
from lungseg.claims.observations import observations
from lungseg.claims.relation import Averaging, Row


def as_lines(table: Mapping[str, Row], findings: Sequence[Finding], averaging: Averaging) -> Iterator[str]:
    """Row by row: its findings, which habit of counting would explain them, what else it says.

    Args:
        table: Method to metric to printed value.
        findings: As from `audit`.
        averaging: How the columns are averaged.
    """
    seen = list(observations(table, averaging))
    for name in table:
        own = [finding for finding in findings if finding.row == name]
        for finding in own:
            yield f"{name}: {finding.verdict}: {finding.message}"
        # One explanation stands below all findings that share it.
        for told in dict.fromkeys(finding.explanation for finding in own if finding.explanation):
            about = ", ".join(finding.rule for finding in own if finding.explanation == told)
            yield f"{name}: what would explain {about}? {told}"
        yield from (f"{name}: observed: {one.message}" for one in seen if one.row == name)


def counted(findings: Sequence[Finding]) -> str:
    """How many findings, and of which kind."""
    kinds = Counter(finding.verdict for finding in findings)
    told = ", ".join(f"{kinds[kind]} {kind}" for kind in ("impossible", "inconsistent") if kinds[kind])
    return f"{len(findings)} findings" + (f" ({told})" if told else "")
