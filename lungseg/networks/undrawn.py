"""A network's random start left out, where nobody reads it."""

from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.overrides import TorchFunctionMode

# What draws, of torch.nn.init and of tensors.
DRAWN = {
    "normal_",
    "uniform_",
    "trunc_normal_",
    "kaiming_normal_",
    "kaiming_uniform_",
    "xavier_normal_",
    "xavier_uniform_",
}


class Undrawn(TorchFunctionMode):
    """Within it, what would be filled with random values is left as it is.

    For tensors that trained weights are read into: InceptionResNetV2's start takes half a second to draw. And for those
    without values (torch's device `meta`), where drawing loads torch's compiler: a second or two of every job.

    Args:
        on_meta: Leave out those on `meta` alone.
    """

    def __init__(self, on_meta: bool = False) -> None:
        super().__init__()
        self.on_meta = on_meta

    def __torch_function__(
        self,
        func: Callable[..., object],
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> object:
        filled = args[0] if args else (kwargs or {}).get("tensor")
        drawn = getattr(func, "__name__", "") in DRAWN
        if drawn and isinstance(filled, Tensor) and (filled.is_meta or not self.on_meta):
            return filled
        return func(*args, **(kwargs or {}))
