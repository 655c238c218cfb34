"""Layers that a CPU computes its own way, because PyTorch's is slow there. On a GPU they are PyTorch's."""

from typing import Any

import torch
from torch import Tensor, nn


class StridedDepthwise(nn.Conv2d):
    """A depthwise convolution with stride that a CPU computes in float32, whatever autocast says.

    oneDNN's bfloat16 gradient of it is slow: 20 to 49 ms a layer of MobileNetV2 (16 films of 128 px, one core) against
    0.5 to 8 ms in float32. Four such layers took a quarter of the training time of the U-Net with that encoder.
    """

    def forward(self, x: Tensor) -> Tensor:
        """The convolution, in the type of its input."""
        if x.device.type != "cpu":
            return super().forward(x)
        with torch.autocast("cpu", enabled=False):
            return super().forward(x.float()).to(x.dtype)


class Dropout(nn.Dropout):
    """Dropout that draws 16 random bits for a value; PyTorch's takes a call of its generator for each.

    That took 0.3 s of a step of 1.9 s of the paper's proposed network (16 films of 128 px, one core), and takes a
    tenth of it here. Dropped is a share of p rounded to 1/65536; what is kept is scaled by 1 / (1 - share).
    """

    def forward(self, x: Tensor) -> Tensor:
        """The input with values dropped; the input itself when not training."""
        if x.device.type != "cpu" or not self.training:
            return super().forward(x)
        limit = round(self.p * 2**16)
        words = torch.empty(-(-x.numel() // 4), dtype=torch.int64).random_(-(2**63), None)
        bits = words.view(torch.int16)[: x.numel()]
        noise = torch.empty_like(x)
        noise.as_strided((x.numel(),), (1,)).copy_(bits >= limit - 2**15)
        return x * noise.div_(1 - limit / 2**16)


class UpConvolution(nn.ConvTranspose2d):
    """A transposed convolution that doubles the sides; a CPU computes its gradients by two matrix products.

    Its 2x2 squares do not overlap, so it is one product of every pixel with a matrix. oneDNN's gradient of the weights
    runs at a twentieth of a product's speed. Forward and backward of 16 films of 128 channels and 64 px take 119 ms
    with it and 59 ms here (one core with AMX).

    Args:
        inputs: Channels of the small map.
        outputs: Channels of the large map.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, kernel_size=2, stride=2)

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        """The large map."""
        if x.device.type != "cpu":
            return super().forward(x)
        return _UpConvolution.apply(x, self.weight, self.bias)


class _UpConvolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:  # noqa: ANN401
        ctx.save_for_backward(x, weight)
        return nn.functional.conv_transpose2d(x, weight, bias, stride=2)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:  # noqa: ANN401
        x, weight = (saved.to(gradient.dtype) for saved in ctx.saved_tensors)
        inputs, outputs = weight.shape[:2]
        images, _, height, width = x.shape
        squares = gradient.permute(0, 2, 3, 1).reshape(images, height, 2, width, 2, outputs)
        rows = squares.transpose(2, 3).reshape(-1, 4 * outputs)  # one for each pixel of the small map
        pixels = x.permute(0, 2, 3, 1).reshape(-1, inputs)
        matrix = weight.permute(2, 3, 1, 0).reshape(-1, inputs)
        of_x = (rows @ matrix).reshape(images, height, width, inputs).permute(0, 3, 1, 2)
        of_weight = (rows.T @ pixels).reshape(2, 2, outputs, inputs).permute(3, 2, 0, 1)
        return of_x, of_weight, rows.reshape(-1, outputs).sum(dim=0)
