"""timm and segmentation-models-pytorch, imported without what they do not use: have them from here.

torchvision and timm load torch's compiler, whole, to leave some of their functions out of it: nearly two seconds of
every job, and nothing is compiled here. They are imported without it; what they leave out is loaded when it is called.
"""

import sys
from collections.abc import Callable
from contextlib import suppress
from types import ModuleType
from typing import Any
from unittest.mock import patch

import torch.compiler

_ASKED = "torch._dynamo.utils"


def _is_compile_supported(device: str) -> bool:
    import torch._dynamo.utils

    return bool(torch._dynamo.utils.is_compile_supported(device))


def _as_it_is(function: Callable[..., Any] | None = None, *_: object, **__: object) -> Callable[..., Any]:
    return function if function is not None else _as_it_is


def _import_without_compiler() -> None:
    instead = ModuleType(_ASKED)
    instead.is_compile_supported = _is_compile_supported  # type: ignore[attr-defined]
    sys.modules[_ASKED] = instead
    try:
        with suppress(ImportError):  # another version may ask for more: then it imports as it likes
            import torchvision.ops  # noqa: F401
    finally:
        del sys.modules[_ASKED]
    with patch.object(torch.compiler, "disable", _as_it_is):
        import timm  # noqa: F401


if "torch._dynamo" not in sys.modules:
    _import_without_compiler()

import segmentation_models_pytorch as smp  # noqa: E402
import timm  # noqa: E402

__all__ = ["smp", "timm"]
