"""The numbers and the graph in the README come from rules: they fill what stands between two comments."""

import re
from collections.abc import Collection, Mapping

from lungseg.errors import InputError


def fill(readme: str, name: str, content: str) -> str:
    """Replace what stands between `<!-- name -->` and `<!-- /name -->`.

    Args:
        readme: The whole text.
        name: Of the place.
        content: What shall stand there.

    Raises:
        InputError: There is not exactly one such place.
    """
    place = re.compile(rf"(<!-- {re.escape(name)} -->\n).*?(<!-- /{re.escape(name)} -->)", re.DOTALL)
    if len(place.findall(readme)) != 1:
        found = f"{len(place.findall(readme))} places for {name}"
        raise InputError("README.md", found, f"one: <!-- {name} --> … <!-- /{name} -->", "Put the two comments there.")
    return place.sub(lambda match: f"{match[1]}{content.strip()}\n{match[2]}", readme)


def mermaid(dot: str) -> str:
    """Snakemake's graph of rules as a Mermaid flowchart, without its goal and without edges that a longer way implies.

    Args:
        dot: What `snakemake --rulegraph dot` prints.
    """
    names = dict(re.findall(r'(\d+)\[label = "(\w+)"', dot))
    after: dict[str, set[str]] = {name: set() for name in names.values() if name != "all"}
    for a, b in re.findall(r"(\d+) -> (\d+)", dot):
        if names[b] != "all":
            after[names[a]].add(names[b])
    lines = [f"    {a} --> {b}" for a in after for b in sorted(after[a]) if not _longer_way(after, a, b)]
    return "\n".join(["flowchart LR", *sorted(lines)]) + "\n"


def _longer_way(after: Mapping[str, Collection[str]], start: str, end: str) -> bool:
    """Whether a graph without cycles leads from start to end over a third."""
    reached, waiting = set(), set(after[start]) - {end}
    while waiting:
        reached.add(one := waiting.pop())
        waiting |= set(after[one]) - reached
    return end in reached
