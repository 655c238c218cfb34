"""What encoders start from."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from lungseg.errors import InputError, one_line
from lungseg.files import file_hash
from lungseg.networks import hub
from lungseg.networks.encoders import JoinedEncoder, of_timm, timm_model
from lungseg.networks.join import Outputs
from lungseg.networks.libraries import timm
from lungseg.networks.own import module_of
from lungseg.networks.pretrained import FILE, for_grey, mobilenetv2_8bit
from lungseg.recipe import EIGHT_BIT, Variant

COLOURS = ("mean", "std")  # of the pictures, in a safetensors file's metadata: three numbers each, with spaces between


@dataclass(frozen=True)
class Source:
    """The file that an encoder starts from.

    Args:
        path: Where it lies.
        revision: As its publisher names it; None of a file of one's own.
    """

    path: Path
    revision: str | None


def source(name: str, start: str) -> Source:
    """The file behind an encoder's start; one that is pinned is fetched if it is not there.

    Args:
        name: The encoder.
        start: `imagenet`, `imagenet-8bit` or a path.

    Raises:
        InputError: It cannot be had, or the encoder takes none.
    """
    if not of_timm(name):
        remedy = f"Choose `tu-{name}`, the encoder of that kind in timm, if it has one; or `weights: random`."
        found = f"{name}, an encoder of segmentation-models-pytorch"
        raise InputError(f"weights of {name}", found, "an encoder of timm", remedy)
    if start == EIGHT_BIT:
        with safe_open(FILE, "pt") as stored:
            return Source(FILE, stored.metadata()["source"])
    if start == "imagenet":
        row = hub.row_of(timm_model(name))
        return Source(hub.obtain(row, hub.folder()), row.revision)
    if not Path(start).is_file():
        raise InputError(start, "no such file", f"a safetensors file with {_weights_of(name)}", hub.INSTEAD)
    return Source(Path(start), None)


def loaded(variant: Variant) -> dict[str, dict[str, str | None]]:
    """Encoder to what it started from: the word or `file`, the file's name, revision and SHA-256.

    Encoders that start at random are left out. Of a network of one's own `module` has the name and hash of its file.
    """
    told: dict[str, dict[str, str | None]] = {"module": {**module_of(variant)}} if variant.module else {}
    for name in dict.fromkeys(variant.encoders):
        if (start := variant.start(name)) != "random":
            found = source(name, start)
            word = start if start in ("imagenet", EIGHT_BIT) else "file"
            facts = {"weights": word, "name": found.path.name, "revision": found.revision}
            told[name] = facts | {"sha256": file_hash(found.path)}
    return told


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

    An encoder for colours is given mean and deviation of the pictures its weights were trained with: those in the
    metadata of its file (`mean`, `std`), else those that timm names. The 8-bit weights take [-1, 1] as films have it,
    and their first kernel is summed over the colours.

    Args:
        network: As `build` makes it.
        variant: Says for each encoder what it starts from.

    Raises:
        InputError: A pinned file cannot be fetched, or a file is missing or holds another network.
    """
    for name, part in encoders_of(network, variant):
        if (start := variant.start(name)) == "random":
            continue
        path, model = source(name, start).path, part.get_submodule("model")
        if start == EIGHT_BIT:
            whole = for_grey(mobilenetv2_8bit())
            model.load_state_dict({key: whole[key] for key in model.state_dict()})
            continue
        model.load_state_dict(_pretrained(name, path, model.state_dict().keys()))
        colours = part.get_submodule("colours")
        for key, values in zip(("mean", "deviation"), _colours(name, path), strict=True):
            colours.get_buffer(key).copy_(torch.tensor(values).view(1, 3, 1, 1))


def _weights_of(name: str) -> str:
    return f"the weights of timm's {timm_model(name)}"


def _pretrained(name: str, path: Path, wanted: Collection[str]) -> dict[str, Tensor]:
    """The pretrained tensors that an encoder wants, from a whole classifier that timm loads strictly."""
    try:
        overlay: dict[str, Any] = {"file": str(path)}
        whole = timm.create_model(timm_model(name), pretrained=True, pretrained_cfg_overlay=overlay).state_dict()
        return {key: whole[key] for key in wanted}
    except Exception as error:  # whatever a file may raise
        reason = one_line(error)
        raise InputError(path, f"{type(error).__name__}: {reason}", _weights_of(name), hub.INSTEAD) from error


def _colours(name: str, path: Path) -> tuple[tuple[float, ...], ...]:
    """Mean and standard deviation of the pictures that weights were trained with."""
    told: Mapping[str, str] = {}
    try:
        with safe_open(path, "pt") as stored:
            told = stored.metadata() or {}
    except SafetensorError:  # PyTorch's own files hold no such words
        pass
    usual = timm.get_pretrained_cfg(timm_model(name))
    values = []
    for key in COLOURS:
        try:
            three = tuple(float(part) for part in told[key].split()) if key in told else getattr(usual, key)
            if len(three) != 3 or (key == "std" and min(three) <= 0):
                raise ValueError
        except (ValueError, TypeError) as error:
            expected = "three numbers with spaces between, those of std above 0"
            raise InputError(f"{path}, metadata {key}", repr(told.get(key)), expected, hub.INSTEAD) from error
        values.append(three)
    return tuple(values)
