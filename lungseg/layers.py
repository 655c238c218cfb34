"""Layers that a CPU computes its own way, because PyTorch's is slow there. On a GPU they are PyTorch's."""

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
