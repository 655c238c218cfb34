"""A YAML file in which every key stands once: of two alike the first would be lost without a word."""

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from lungseg.errors import InputError


class _Loader(yaml.SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.tag != "tag:yaml.org,2002:merge" and key.value in seen:
                raise yaml.constructor.ConstructorError(
                    "in a group of keys", node.start_mark, f"the key {key.value!r} stands twice", key.start_mark
                )
            seen.add(str(key.value))
        return super().construct_mapping(node, deep)


def read_yaml(path: str | Path, kind: type, remedy: str) -> Any:  # noqa: ANN401 - whatever it holds
    """What a YAML file holds.

    Args:
        path: The file.
        kind: Of its outermost value.
        remedy: What helps where it is no such file.

    Raises:
        InputError: It is no YAML, a key stands twice, or it holds something else, or nothing.
    """
    try:
        content = yaml.load(Path(path).read_text(encoding="utf-8-sig"), _Loader)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise InputError(path, " ".join(str(error).split())[:160], "a YAML file", remedy) from error
    if not isinstance(content, kind):
        found = "nothing" if content is None else f"a {type(content).__name__}"
        expected = {"dict": "keys and values", "list": "a list of entries"}.get(kind.__name__, kind.__name__)
        raise InputError(path, found, expected, remedy)
    return content
