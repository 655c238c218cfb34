"""Networks of one's own, as `module` takes them."""

from torch import nn

from lungseg.recipe import Variant


def small(variant: Variant) -> nn.Module:
    """One convolution."""
    return nn.Conv2d(1, 1, 3, padding=1)


def large(variant: Variant) -> nn.Module:
    """A larger one."""
    return nn.Conv2d(1, 1, 5, padding=2)
