"""What encoders start from."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import timm
from torch import Tensor, nn

from lungseg.errors import InputError
from lungseg.networks.encoders import TIMM, JoinedEncoder
from lungseg.networks.join import Outputs
from lungseg.networks.pretrained import for_grey, mobilenetv2_8bit
from lungseg.recipe import EIGHT_BIT, Variant


def encoders_of(network: nn.Module, variant: Variant) -> list[tuple[str, nn.Module]]:
    """The encoders of a network with their names, in the order of the variant; one may be there twice."""
    if not variant.encoders:
        return []
    whole = list(network.networks) if isinstance(network, Outputs) else [network]
    encoders = [each.get_submodule("encoder") for each in whole]
    parts = [part for each in encoders for part in (each.parts if isinstance(each, JoinedEncoder) else [each])]
    return list(zip(variant.encoders, parts, strict=True))


def load_pretrained(network: nn.Module, variant: Variant) -> None:
    """Start the encoders from ImageNet features, where the variant says so.

    timm sums the kernels of the first layer over RGB for one grey channel. The scale and offset it was trained
    with need not be repeated: batch normalisation follows that layer and divides them out.

    Args:
        network: As `build` makes it.
        variant: Says for each encoder what it starts from.

    Raises:
        InputError: The hub is out of reach, or a file is missing or holds another network.
    """
    for name, part in encoders_of(network, variant):
        if (start := variant.start(name)) != "random":
            model = part.get_submodule("model")
            model.load_state_dict(_pretrained(name, start, model.state_dict().keys()))


def _pretrained(name: str, weights: str, wanted: Collection[str]) -> dict[str, Tensor]:
    """The pretrained tensors that an encoder wants, from a whole classifier that timm loads strictly."""
    if weights == EIGHT_BIT:
        whole = for_grey(mobilenetv2_8bit())
        return {key: whole[key] for key in wanted}
    model = TIMM.get(name, name.removeprefix("tu-"))
    choices = "Choose `weights: random`, `imagenet-8bit` for MobileNetV2, a safetensors file, or connect to the hub."
    expected = f"the weights of timm's {model}"
    source: dict[str, Any] = {} if weights == "imagenet" else {"pretrained_cfg_overlay": {"file": weights}}
    if source and not Path(weights).is_file():
        raise InputError(weights, "no such file", f"a safetensors file with {expected}", choices)
    try:
        whole = timm.create_model(model, pretrained=True, in_chans=1, **source).state_dict()
    except Exception as error:  # whatever a hub, a socket or a file may raise
        reason = " ".join(str(error).split())[:160]
        where = weights if source else f"weights of {name}"
        raise InputError(where, f"{type(error).__name__}: {reason}", expected, choices) from error
    return {key: whole[key] for key in wanted}
