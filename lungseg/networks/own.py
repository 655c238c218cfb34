"""A network of one's own: what a function of a file returns."""

import ast
import random
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from lungseg.errors import InputError, one_line
from lungseg.files import file_hash
from lungseg.recipe import Variant

EXPECTED = "a function (variant) -> torch.nn.Module that takes films (batch, 1, height, width) and returns logits alike"
README = "config/README.md has an example."


def own(variant: Variant) -> nn.Module:
    """The network that the function of `variant.module` returns.

    What it draws is torch's to seed; the random numbers of NumPy and Python follow torch's seed.

    Raises:
        InputError: There is no such file or function, it raises, or what it returns is no network.
    """
    function, seed = _function(variant), torch.initial_seed()
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 - whichever a person's code draws from
    with _told(variant):
        made = function(variant)
    if not isinstance(made, nn.Module):
        raise refused(variant, f"a function that returns {type(made).__name__}")
    if any(map(is_lazy, made.parameters())):
        raise refused(variant, "layers that learn their size from the first film (torch.nn.Lazy...)")
    if not any(parameter.requires_grad for parameter in made.parameters()):
        raise refused(variant, "a network with nothing to train")
    return made


def try_out(network: nn.Module, variant: Variant, size: int, batch: int) -> None:
    """Let a network of one's own answer as in evaluation and as in training, for films that are not square.

    Args:
        network: Of `own`; changed in place.
        variant: Its choices.
        size: Height of the films in px; they are 32 px wider.
        batch: Films of the smallest step; a single one is evaluated.

    Raises:
        InputError: It raises, its answer has another shape, kind of number or none, or nothing in it can learn.
    """
    films = torch.rand(min(batch, 2), 1, size, size + 32) * 2 - 1
    with _told(variant):
        with torch.inference_mode():
            _refuse_answer(network.eval()(films[:1].clone()), films[:1], variant)
        answer = network.train()(films.clone())
        _refuse_answer(answer, films, variant)
        if not answer.requires_grad:
            raise refused(variant, "an answer in training that no parameter changes")
        answer.square().mean().backward()
    if unread := [name for name, each in network.named_parameters() if each.requires_grad and each.grad is None]:
        told = f"{', '.join(unread[:5])}{', ...' if len(unread) > 5 else ''}"
        print(f"lungseg: of module {variant.module}, a step of training left alone: {told}", file=sys.stderr)


def _refuse_answer(answer: object, films: Tensor, variant: Variant) -> None:
    if not isinstance(answer, Tensor):
        raise refused(variant, f"{type(answer).__name__} for films of shape {tuple(films.shape)}")
    if answer.shape != films.shape or answer.dtype != torch.float32:
        found = f"{answer.dtype} of shape {tuple(answer.shape)} for films of shape {tuple(films.shape)}"
        raise refused(variant, found.removeprefix("torch."))
    if not answer.isfinite().all():
        raise refused(variant, "logits that are no numbers")


def module_of(variant: Variant) -> dict[str, str]:
    """Name and SHA-256 of the file of `variant.module`."""
    file = Path(str(variant.module_file))
    return {"name": file.name, "sha256": file_hash(file)}


def refused(variant: Variant, found: str) -> InputError:
    """What to tell of a module that cannot be used."""
    return InputError(f"module {variant.module}", found, EXPECTED, f"Correct the file. {README}")


@contextmanager
def _told(variant: Variant) -> Iterator[None]:
    """Whatever a person's code may raise, as a message."""
    try:
        yield
    except InputError:
        raise
    except (Exception, SystemExit) as error:
        raise refused(variant, f"{type(error).__name__}: {one_line(error)}{_line(error, variant)}") from error


def _line(error: BaseException, variant: Variant) -> str:
    """Where in the person's file it was raised, the innermost of its lines; empty where it never got there."""
    there = [each.lineno for each in traceback.extract_tb(error.__traceback__) if each.filename == variant.module_file]
    return f" (line {there[-1]})" if there else ""


def _function(variant: Variant) -> Callable[[Variant], object]:
    file, name = Path(str(variant.module_file)), str(variant.module).rpartition(":")[2]
    if not file.is_file():
        raise refused(variant, "no such file")
    module = ModuleType(f"lungseg_own_{file.stem}")
    module.__file__ = str(file)
    sys.modules[module.__name__] = module  # dataclasses look their module up
    with _told(variant):  # its text as it is now, whatever bytecode an earlier one has left
        tree = ast.parse(file.read_bytes(), str(file))
        if beside := [each for each in _imported(tree) if _lies_beside(file, each)]:
            raise refused(variant, f"an import of {beside[0]}, which lies beside it: a run's hash is of one file")
        exec(compile(tree, str(file), "exec"), vars(module))  # noqa: S102 - the person's own code
    function = getattr(module, name, None)
    if not callable(function):
        there = [key for key, value in vars(module).items() if callable(value) and value.__module__ == module.__name__]
        raise refused(variant, f"no function {name}; there are {', '.join(there) or 'none'}")
    return function


def _imported(tree: ast.Module) -> Iterator[str]:
    """Names of the packages and files that a text imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield from [node.module.split(".")[0]] if node.module else [alias.name for alias in node.names]
        elif isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)


def _lies_beside(file: Path, name: str) -> bool:
    """Whether a name that is imported is that of a file there, and not of Python or this package."""
    found = file.with_name(f"{name}.py").is_file() or (file.with_name(name) / "__init__.py").is_file()
    return found and name not in {"lungseg", *sys.stdlib_module_names}
