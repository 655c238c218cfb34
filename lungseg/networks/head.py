"""The last layers of a network."""

from torch import nn

from lungseg.networks.cpu_layers import Dropout
from lungseg.recipe import Head


class DenseHead(nn.Sequential):
    """The paper's meta learner, and what an ablation makes of it, in the place of the last convolution.

    Dense layers at every pixel (1x1 convolutions), batch normalisation, dropout, then the last convolution. Dropout
    stands after the normalisation, whose running variance it would falsify (Li et al. 2019,
    https://arxiv.org/abs/1801.05134); the paper does not say.

    Args:
        inputs: Channels of what it reads.
        choices: Its layers; the paper's are the default.
    """

    def __init__(self, inputs: int, choices: Head) -> None:
        layers: list[nn.Module] = []
        for outputs in choices.dense:
            layers += [nn.Conv2d(inputs, outputs, kernel_size=1), nn.ReLU()]
            inputs = outputs
        if choices.normalise:
            layers.append(nn.BatchNorm2d(inputs))
        if choices.dropout:
            layers.append(Dropout(choices.dropout))
        super().__init__(*layers, nn.Conv2d(inputs, 1, kernel_size=1))
