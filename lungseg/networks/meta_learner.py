"""The paper's head."""

from torch import nn

from lungseg.networks.cpu_layers import Dropout


class MetaLearner(nn.Sequential):
    """The paper's meta learner in the place of the segmentation head.

    Three dense layers of 32, 64 and 128 at every pixel (1x1 convolutions), batch normalisation, dropout of 0.4, then
    the last convolution. Dropout stands after the normalisation, whose running variance it would falsify (Li et al.
    2019, https://arxiv.org/abs/1801.05134); the paper does not say.

    Args:
        inputs: Channels of the decoder's output.
    """

    def __init__(self, inputs: int) -> None:
        dense: list[nn.Module] = []
        for i, o in ((inputs, 32), (32, 64), (64, 128)):
            dense += [nn.Conv2d(i, o, kernel_size=1), nn.ReLU()]
        super().__init__(*dense, nn.BatchNorm2d(128), Dropout(0.4), nn.Conv2d(128, 1, kernel_size=1))
