"""Whether a variant can be built at all, before anything is trained."""

import difflib
import warnings
from functools import cache

import torch
from torch import nn

from lungseg.errors import InputError, one_line
from lungseg.networks import hub
from lungseg.networks.build import build
from lungseg.networks.encoders import of_timm, timm_model
from lungseg.networks.hollow import hollow
from lungseg.networks.libraries import smp, timm
from lungseg.networks.own import try_out
from lungseg.networks.starts import encoders_of
from lungseg.recipe import SHORT_NAMES, Variant

README = "config/README.md says which names there are."
# What helps where libraries refuse an encoder with a decoder.
TOKENS = "`dpt` takes plain vision transformers of timm, with patches of 8, 16 or 32 px."
STRIDES = "It asks for maps larger than some encoders can give; mobilenetv2, resnet34 and efficientnet-b0 can."
MAPS = "Plain vision transformers go under `dpt`; those for films of one size, or of more than 64 px, under none."
REMEDIES = {"dpt": TOKENS} | dict.fromkeys(("pan", "deeplabv3", "deeplabv3plus"), STRIDES)


def check(name: str, variant: Variant, size: int = 64, batch: int = 2) -> None:
    """Build a network, start it from its files, and let it take a step.

    Args:
        name: Of the variant.
        variant: Its choices.
        size: Side of its films in px.
        batch: Films of its smallest step.

    Raises:
        InputError: A network of one's own cannot be used; an encoder is unknown, or its library refuses it with this
            decoder, with such films or at films of any size; no pinned file has its weights; or a file holds other
            weights, or values that are no numbers.
    """
    for encoder in variant.encoders:
        _refuse_unknown(name, variant, encoder)
    at = ""
    try:
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            network = build(variant, 0, pretrained=bool(variant.files()))
            _refuse_no_numbers(name, variant, network)
            at = f" ({size} px, {batch} film{'s' if batch > 1 else ''} a step)"
            if variant.module is not None:
                try_out(network, variant, size, batch)
            else:
                _take_step(network, size, batch)
    except InputError as error:
        key = f"config key variants.{name}"
        at = "" if str(error.where).startswith(key) else f"{key}.{'module' if variant.module else 'weights'}, "
        raise InputError(f"{at}{error.where}", error.found, error.expected, error.remedy) from error
    except Exception as error:  # whatever the libraries say of names that do not go together
        found = f"{variant.decoder} on {', '.join(variant.encoders) or 'no encoder'}{at}"
        reason = f"{type(error).__name__}: {one_line(error)}".removesuffix(": ")
        another = f"Choose another decoder or encoder. {REMEDIES.get(variant.decoder, MAPS)}"
        remedy = "Choose a larger batch_size or size, or another encoder." if at else another
        raise InputError(
            f"config key variants.{name}", found, f"what can be built together ({reason})", remedy
        ) from error


def _refuse_unknown(name: str, variant: Variant, encoder: str) -> None:
    """An encoder has a name, and weights only where timm has it."""
    bare = encoder.removeprefix("tu-")
    names = known() if bare == encoder else of_timm_alone()
    if encoder not in SHORT_NAMES and bare not in names:
        near = difflib.get_close_matches(bare.lower(), [*SHORT_NAMES, *names], n=3, cutoff=0.5)
        remedy = f"{'Near it: ' + ', '.join(near) + '. ' if near else ''}{README}"
        expected = "a name of timm or segmentation-models-pytorch that yields feature maps"
        raise InputError(f"config key variants.{name}.encoders", repr(encoder), expected, remedy)
    if variant.start(encoder) != "random" and not of_timm(encoder):
        found, remedy = f"weights for {encoder}", f"Choose `tu-{encoder}`, if timm has it, or `weights: random`."
        raise InputError(f"config key variants.{name}.weights", found, "an encoder of timm", remedy)
    if variant.start(encoder) == "imagenet":
        _refuse_unpinned(name, encoder)


def _refuse_unpinned(name: str, encoder: str) -> None:
    """`imagenet` is of the encoders in the table of pinned files: known without a network."""
    try:
        hub.row_of(timm_model(encoder))
    except InputError as error:
        found = f"imagenet for {encoder}, and no pinned file of it"
        raise InputError(f"config key variants.{name}.weights", found, error.expected, error.remedy) from error


def _refuse_no_numbers(name: str, variant: Variant, network: nn.Module) -> None:
    """A file whose weights are no numbers would train to the end, and diverge at its first step."""
    for encoder, part in encoders_of(network, variant) if variant.files() else []:
        if strange := [key for key, values in part.state_dict().items() if not values.isfinite().all()]:
            found = f"values that are no numbers in {variant.start(encoder)}: {', '.join(strange[:3])}"
            expected = f"finite weights of {encoder}"
            raise InputError(f"config key variants.{name}.weights", found, expected, hub.INSTEAD)


def _take_step(network: nn.Module, size: int, batch: int) -> None:
    """Forward and backward over shapes alone; over two films where a layer asks for values."""
    try:
        hollow(network).train()(torch.empty(batch, 1, size, size, device="meta")).sum().backward()
    except Exception:  # whatever it is, real films show whether it is a fault
        network.train()(torch.rand(min(batch, 2), 1, size, size)).sum().backward()


@cache
def known() -> frozenset[str]:
    """Names of encoders of both libraries, timm's with the tags of their weights too."""
    return of_timm_alone() | {name for name in smp.encoders.encoders if not name.startswith("lungseg:")}


@cache
def of_timm_alone() -> frozenset[str]:
    """Those of timm."""
    return frozenset([*timm.list_models(), *timm.list_models(pretrained=True)])
