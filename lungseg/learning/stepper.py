"""One step of the optimiser, and how it runs as fast as the device allows."""

import warnings
from contextlib import AbstractContextManager

import torch
from torch import Tensor, nn

from lungseg.learning.augmentation import augment
from lungseg.learning.capture import Capture
from lungseg.learning.losses import batch_loss
from lungseg.recipe import Training
from lungseg.shapes import Float, Int64, UInt8

WARM_UP = 3  # steps before a capture; PyTorch's own advice for CUDA graphs

Images = UInt8[Tensor, "image 1 height width"]


def normalise(images: UInt8[Tensor, "batch 1 height width"]) -> Float[Tensor, "batch 1 height width"]:
    """Grey 0-255 to [-1, 1], in the layout in which convolutions run fastest."""
    return (images.float() / 127.5 - 1).contiguous(memory_format=torch.channels_last)


def computes_bfloat16(device: torch.device) -> bool:
    """Whether a device has bfloat16 products of its own.

    A processor without them emulates each: a product of 1024 x 1024 matrices took 100 times as long as in float32.
    """
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    able = torch.cpu.get_capabilities()
    return any(able.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16", "sve_bf16"))


def arithmetic(device: torch.device, precision: str) -> str:
    """What a precision of the configuration means on a device: `bfloat16` is `float32` where that has none."""
    return precision if precision == "float32" or computes_bfloat16(device) else "float32"


def autocast(device: torch.device, precision: str) -> AbstractContextManager[None]:
    """The arithmetic of the forward pass."""
    return torch.autocast(device.type, torch.bfloat16, enabled=arithmetic(device, precision) == "bfloat16")


def captures(device: torch.device) -> bool:
    """Whether steps on a device are captured."""
    return device.type == "cuda"


class Stepper:
    """Takes the steps of one run.

    On a GPU the first steps run kernel by kernel; then one is captured, and from there on the whole step, gathering
    and augmentation included, is replayed as one graph: no kernel waits for Python. On a CPU each step simply runs, and
    so it does on a GPU where the capture fails. The arithmetic is the same.

    Args:
        network: In training mode, on the device of the films.
        optimiser: As from `optimisers`; a checkpoint is loaded before the first step.
        images: All films to learn from, grey 0-255.
        masks: 0 or 1.
        recipe: The named choices.
    """

    def __init__(
        self, network: nn.Module, optimiser: torch.optim.Optimizer, images: Images, masks: Images, recipe: Training
    ) -> None:
        self.network, self.optimiser, self.images, self.masks, self.recipe = network, optimiser, images, masks, recipe
        self.capture = Capture(self._step) if captures(images.device) else None
        self.taken = self.replayed = 0

    def __call__(
        self, index: Int64[Tensor, " batch"], draws: Float[Tensor, "batch 6"], rate: Float[Tensor, ""]
    ) -> Float[Tensor, ""]:
        """Take a step.

        Args:
            index: Which films; as many in every step of a run.
            draws: For their augmentation.
            rate: The optimiser's step size. All three on the device of the films.

        Returns:
            The batch's loss before the step, still on the device.
        """
        for group in self.optimiser.param_groups:
            group["lr"].copy_(rate)
        self.taken += 1
        if self.capture is not None and self.taken == WARM_UP + 1:
            self._record(self.capture, index, draws)
        if self.capture is None:
            return self._step(index, draws)
        if self.taken <= WARM_UP:
            return self.capture.warm_up(index, draws)
        self.replayed += 1
        return self.capture.replay(index, draws)

    def _record(self, capture: Capture, index: Tensor, draws: Tensor) -> None:
        # Gradients of the steps before lie elsewhere; the recorded backward pass makes its own, and keeps them.
        self.optimiser.zero_grad(set_to_none=True)
        try:
            capture.record(index, draws)
        except RuntimeError as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            warnings.warn(f"the GPU takes single steps, slower: their capture failed ({reason})", stacklevel=3)
            self.capture = None

    def _step(self, index: Tensor, draws: Tensor) -> Tensor:
        images, masks = self.images[index], self.masks[index]
        if self.recipe.augmentation == "light":
            images, masks = augment(images, masks, draws)
        with autocast(images.device, self.recipe.precision):
            logits = self.network(normalise(images))
        weights = getattr(self.network, "output_weights", None)
        loss = batch_loss(logits.float(), masks.float(), self.recipe.loss, weights)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        return loss.detach()
