"""Files of others are measured before they are read."""

from collections.abc import Hashable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self, TypeVar

import yaml
from pydantic import ValidationError

from lungseg.errors import InputError, one_line

MEBI = 2**20
TABLE = 256 * MEBI  # bytes of a table of scores; the reference experiment's has 12 MiB
TEXT = MEBI  # of a printed table, a configuration, a paper's files
YTE = "__use_yte__"  # Snakemake's sign of a configuration with Python in it
NODES = 100_000  # keys and values of a YAML file, each counted as often as it is referred to

# What pydantic calls a kind of value, as one who writes YAML would.
LIST, GROUP, WHOLE, NUMBER = "a list, as in [a, b]", "keys and values", "a whole number", "a number"
KINDS = {
    "tuple_type": LIST, "list_type": LIST, "dict_type": GROUP, "model_type": GROUP, "model_attributes_type": GROUP,
    "int_type": WHOLE, "int_parsing": WHOLE, "int_from_float": WHOLE, "float_type": NUMBER, "float_parsing": NUMBER,
    "finite_number": "a finite number", "string_type": "text", "bool_type": "true or false",
    "bool_parsing": "true or false", "missing": "a value",
}  # fmt: skip

# What names are made of, by the pattern that they match.
PATTERNS = {
    r"^[A-Za-z0-9][A-Za-z0-9_-]*$": "letters, digits, - and _, a letter or digit first",
    r"^[A-Za-z0-9][A-Za-z0-9_.-]*$": "letters, digits, -, _ and ., a letter or digit first",
    r"^[a-z][a-z0-9_]*$": "small letters, digits and _, a letter first",
    r"^.+\.py:[A-Za-z_][A-Za-z0-9_]*$": "FILE.py:FUNCTION",
    r"\S": "a text",
}

T = TypeVar("T")


class _Loader(yaml.SafeLoader):
    """In which every key stands once: of two alike the first would be lost without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.tag != "tag:yaml.org,2002:merge" and str(key.value) in seen:
                raise yaml.constructor.ConstructorError(
                    "in a group of keys", node.start_mark, f"the key {key.value!r} stands twice", key.start_mark
                )
            seen.add(str(key.value))
        return super().construct_mapping(node, deep)


class Written(float):
    """A number of a YAML file that keeps its text: 0.030 is not 0.03 where decimals count.

    Args:
        text: As it stands there.
        value: What YAML makes of it.
    """

    text: str

    def __new__(cls, text: str, value: float) -> Self:
        """Both of them."""
        made = super().__new__(cls, value)
        made.text = text
        return made

    def __repr__(self) -> str:
        return self.text


class _AsWritten(_Loader):
    """Whose fractions keep their text."""

    def written(self, node: yaml.ScalarNode) -> Written:
        return Written(node.value, self.construct_yaml_float(node))


_AsWritten.add_constructor("tag:yaml.org,2002:float", _AsWritten.written)


def missing(path: Path) -> str:
    """What there is where a file should be, for a message."""
    if path.is_dir():
        return "a folder"
    if path.exists():
        return "a pipe or a device, which is no plain file"
    return "a link that leads nowhere" if path.is_symlink() else "no such file"


def bounded(path: str | Path, most: int) -> Path:
    """A file's path, once the file is known to be small enough to be read.

    Args:
        path: The file.
        most: Bytes.

    Raises:
        InputError: It is larger, or no plain file.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(path, missing(path), "a file", "Correct the path.")
    if (size := path.stat().st_size) > most:
        remedy = "Look whether it is the file that you mean."
        raise InputError(path, f"{size} bytes", f"at most {most}", remedy)
    return path


def output(path: Path, *read: Path) -> Path:
    """The path of a file to write, once it is known that nothing but an older file of its own is replaced.

    Args:
        path: The file.
        read: Files that the same command reads.

    Raises:
        InputError: It is one of these, or a folder, a pipe or a device.
    """
    if path.exists() and not path.is_file():
        raise InputError(path, missing(path), "a file to write", "Name another.")
    if path.resolve() in {one.resolve() for one in read}:
        raise InputError(path, "a file that this command reads", "another file to write", "Name another.")
    return path


def read_yaml(path: str | Path, kind: type[T], remedy: str, as_written: bool = False) -> T:
    """The content of a YAML file: numbers, texts, lists, mappings, and nothing that its tags would make or call.

    Args:
        path: The file.
        kind: Of the whole: `dict` or `list`. An empty file is an empty one.
        remedy: What helps where it is not one.
        as_written: Whether fractions keep their text, as `Written`.

    Raises:
        InputError: It is no YAML, another kind, too large, or grows or nests without end.
    """
    loader = _AsWritten if as_written else _Loader
    try:
        content = yaml.load(bounded(path, TEXT).read_text(encoding="utf-8"), loader)  # noqa: S506 - a safe one
        nodes = _count(content, {})
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as error:
        raise InputError(path, one_line(error), "a YAML file", remedy) from error
    except RecursionError as error:
        raise InputError(path, "nesting without end", "a YAML file", remedy) from error
    if nodes > NODES:
        raise InputError(path, f"{nodes} keys and values by its references", f"at most {NODES}", remedy)
    content = kind() if content is None else content
    if not isinstance(content, kind):
        expected = "keys and values" if kind is dict else "a list"
        raise InputError(path, f"a {type(content).__name__}", expected, remedy)
    return content


def refused(error: ValidationError, path: str | Path, whole: str, remedy: str, skip: int = 0) -> InputError:
    """The first thing that a file's rules refuse, as a message.

    Args:
        error: Of pydantic.
        path: The file, with what of it is meant.
        whole: What to call it where no single key is at fault.
        remedy: What helps.
        skip: Parts of the place that the path names already.
    """
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"][skip:]) or whole
    several = first["type"] == "value_error" and isinstance(first["input"], Mapping | list | tuple)
    found = "nothing" if first["type"] == "missing" else "a contradiction" if several else repr(first["input"])[:80]
    return InputError(f"{path}, {key}", found, expected(first), remedy)


def expected(error: Any) -> str:  # noqa: ANN401 - pydantic's ErrorDetails
    """What a rule asks for, in words of somebody who writes YAML."""
    kind, place = error["type"], error["loc"][-1:]
    if kind == "missing" and place and isinstance(place[0], int):
        return f"more values than {place[0]}"
    if kind in KINDS:
        return KINDS[kind]
    if kind == "string_pattern_mismatch" and (pattern := error["ctx"]["pattern"]) in PATTERNS:
        return PATTERNS[pattern]
    if kind == "too_short":
        return f"at least {error['ctx']['min_length']}"
    told = str(error["msg"]).removeprefix("Value error, ").removeprefix("Input should be ")
    return told[:1].lower() + told[1:]


def refuse_truths(given: object, read: object, where: str) -> None:
    """A number is written as one: `true` and `yes` would be read as 1.

    Args:
        given: As YAML has it.
        read: As the program has taken it.
        where: What stands before the place in the message.

    Raises:
        InputError: A truth was given and a number read.
    """
    for place, truth in _truths(given, read, ""):
        remedy = "YAML reads true, yes and on as a truth: write a number."
        raise InputError(f"{where}{place}", repr(truth), "a number", remedy)


def _truths(given: object, read: object, place: str) -> Iterator[tuple[str, bool]]:
    if isinstance(given, bool) and isinstance(read, int | float) and not isinstance(read, bool):
        yield place, given
    elif isinstance(given, Mapping) and isinstance(read, Mapping):
        for key in given.keys() & read.keys():
            yield from _truths(given[key], read[key], f"{place}.{key}".lstrip("."))
    elif isinstance(given, list | tuple) and isinstance(read, list | tuple):
        for number, (one, other) in enumerate(zip(given, read, strict=False)):
            yield from _truths(one, other, f"{place}.{number}".lstrip("."))


def read_settings(*paths: str | Path) -> dict[str, Any]:
    """Configuration files as they are written: Snakemake lets the last of two keys win, and runs code in a YTE file.

    Args:
        paths: Laid over each other as Snakemake does it: groups of keys are joined, of two values the later one holds.

    Raises:
        InputError: One is too large or no plain YAML, a key stands twice in it, or it asks for YTE.
    """
    settings: dict[str, Any] = {}
    for path in paths:
        own = read_yaml(path, dict, "config/README.md explains every key.")
        if YTE in own:
            remedy = "Remove it and all that it would compute: code in a configuration can do whatever you can."
            raise InputError(path, f"the key {YTE}", "a configuration that computes nothing", remedy)
        settings = _laid_over(own, settings)
    return settings


def _laid_over(upper: dict[str, Any], lower: dict[str, Any]) -> dict[str, Any]:
    groups = {key: (value, lower[key]) for key, value in upper.items() if isinstance(lower.get(key), dict)}
    return lower | upper | {key: _laid_over(*both) for key, both in groups.items() if isinstance(both[0], dict)}


def _count(content: object, known: dict[int, int]) -> int:
    """How many nodes there are when every reference is followed, without following one twice."""
    if not isinstance(content, dict | list | set | tuple):
        return 1
    if id(content) not in known:
        known[id(content)] = NODES  # until it is counted: what refers to itself is too large
        inner = [*content, *content.values()] if isinstance(content, dict) else content
        known[id(content)] = 1 + sum(_count(each, known) for each in inner)
    return known[id(content)]
