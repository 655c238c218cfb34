"""Whether a variant can be built at all, before anything is trained."""

import difflib
import warnings
from functools import cache

import segmentation_models_pytorch as smp
import timm
import torch

from lungseg.errors import InputError
from lungseg.networks.build import build
from lungseg.networks.encoders import of_timm
from lungseg.networks.own import try_out
from lungseg.recipe import SHORT_NAMES, Variant

README = "config/README.md says which names there are."


def check(name: str, variant: Variant) -> None:
    """Build a network, and let it answer once, as `build` does.

    Args:
        name: Of the variant.
        variant: Its choices; what its encoders start from is not read.

    Raises:
        InputError: A network of one's own cannot be used; or an encoder is unknown, or its library refuses it with this
            decoder or at films of any size.
    """
    for encoder in variant.encoders:
        if encoder not in SHORT_NAMES and encoder.removeprefix("tu-") not in known():
            near = difflib.get_close_matches(encoder.removeprefix("tu-"), known(), n=3, cutoff=0.5)
            remedy = f"{'Near it: ' + ', '.join(near) + '. ' if near else ''}{README}"
            expected = "a name of timm or segmentation-models-pytorch that yields feature maps"
            raise InputError(f"config key variants.{name}.encoders", repr(encoder), expected, remedy)
        if variant.start(encoder) != "random" and not of_timm(encoder):
            found, remedy = f"weights for {encoder}", f"Choose `tu-{encoder}`, if timm has it, or `weights: random`."
            raise InputError(f"config key variants.{name}.weights", found, "an encoder of timm", remedy)
    try:
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            network = build(variant, 0, pretrained=False)
            if variant.module is not None:
                try_out(network, variant)
    except InputError:
        raise
    except Exception as error:  # whatever the libraries say of names that do not go together
        found = f"{variant.decoder} on {', '.join(variant.encoders) or 'no encoder'}"
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:160]}"
        remedy = "Choose another decoder or encoder; `dpt` takes plain vision transformers, the others take the rest."
        raise InputError(
            f"config key variants.{name}", found, f"what can be built together ({reason})", remedy
        ) from error


@cache
def known() -> frozenset[str]:
    """Names of encoders of both libraries, timm's with the tags of their weights too."""
    names = [*smp.encoders.encoders, *timm.list_models(), *timm.list_models(pretrained=True)]
    return frozenset(name for name in names if not name.startswith("lungseg:"))
