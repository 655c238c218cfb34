"""A network of one's own: what a function of a file returns."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import torch
from torch import nn

from lungseg.errors import InputError
from lungseg.files import file_hash
from lungseg.recipe import Variant

EXPECTED = "a function (variant) -> torch.nn.Module that takes films (batch, 1, height, width) and returns logits alike"
README = "config/README.md has an example."


def own(variant: Variant) -> nn.Module:
    """The network that the function of `variant.module` returns.

    Raises:
        InputError: There is no such file or function, it raises, or what it returns is no network.
    """
    function = _function(variant)
    try:
        made = function(variant)
    except Exception as error:  # whatever a person's code may raise
        raise refused(variant, f"{type(error).__name__}: {' '.join(str(error).split())[:160]}") from error
    if not isinstance(made, nn.Module):
        raise refused(variant, f"a function that returns {type(made).__name__}")
    if not any(parameter.requires_grad for parameter in made.parameters()):
        raise refused(variant, "a network with nothing to train")
    return made


def try_out(network: nn.Module, variant: Variant) -> None:
    """Let a network of one's own answer once, for two films that are not square.

    Raises:
        InputError: It raises, or its answer has another shape or another kind of number.
    """
    films = torch.zeros(2, 1, 64, 96)
    try:
        with torch.inference_mode():
            answer = network.eval()(films)
    except Exception as error:  # whatever a person's code may raise
        raise refused(variant, f"{type(error).__name__}: {' '.join(str(error).split())[:160]}") from error
    if not isinstance(answer, torch.Tensor):
        raise refused(variant, f"{type(answer).__name__} for films of shape {tuple(films.shape)}")
    if answer.shape != films.shape or answer.dtype != torch.float32:
        found = f"{answer.dtype} of shape {tuple(answer.shape)} for films of shape {tuple(films.shape)}"
        raise refused(variant, found.removeprefix("torch."))


def module_of(variant: Variant) -> dict[str, str]:
    """Name and SHA-256 of the file of `variant.module`."""
    file = Path(str(variant.module_file))
    return {"name": file.name, "sha256": file_hash(file)}


def refused(variant: Variant, found: str) -> InputError:
    """What to tell of a module that cannot be used."""
    return InputError(f"module {variant.module}", found, EXPECTED, f"Correct the file. {README}")


def _function(variant: Variant) -> Callable[[Variant], object]:
    file, name = Path(str(variant.module_file)), str(variant.module).rpartition(":")[2]
    if not file.is_file():
        raise refused(variant, "no such file")
    module = ModuleType(f"lungseg_own_{file.stem}")
    module.__file__ = str(file)
    sys.modules[module.__name__] = module  # dataclasses look their module up
    try:  # its text as it is now, whatever bytecode an earlier one has left
        exec(compile(file.read_bytes(), str(file), "exec"), vars(module))  # noqa: S102 - the person's own code
    except Exception as error:  # whatever a person's code may raise
        raise refused(variant, f"{type(error).__name__}: {' '.join(str(error).split())[:160]}") from error
    function = getattr(module, name, None)
    if not callable(function):
        there = [key for key, value in vars(module).items() if callable(value) and value.__module__ == module.__name__]
        raise refused(variant, f"no function {name}; there are {', '.join(there) or 'none'}")
    return function
