"""The numbers in the README come from a rule: it fills what stands between two comments."""

import re

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
