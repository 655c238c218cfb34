"""A trained run -> one ONNX file that says what it takes, kept only if it answers as the network does."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch
from torch import nn
from torch.export import Dim

from lungseg import __version__
from lungseg.data.datasets import DATASETS
from lungseg.data.images import Film, resize
from lungseg.data.phantom import draw
from lungseg.data.squares import Frame
from lungseg.described import Described
from lungseg.errors import InputError
from lungseg.files import read_json, replacing
from lungseg.learning.answers import BRING, network_of
from lungseg.learning.run_files import CARD, WEIGHTS, diverged, read_card
from lungseg.onnx_runtime import runtime
from lungseg.outside import TEXT, bounded
from lungseg.shapes import Float

OPSET = 20
STEP, MOST = 32, 4096  # px; a side of the input is a multiple of the former
# The greatest difference of a logit, as a share of the logits' range, and the share of pixels that change sides.
LOGITS = {"float32": 1e-3, "float16": 2e-2}
PIXELS = {"float32": 1e-4, "float16": 1e-3}
HALVED = 1024  # numbers; smaller tensors stay in float32, they take no place
LICENCE = "code: MIT; weights: learnt from the films named under trained_on, whose terms hold for what is made of them"


class Disagreement(InputError):
    """An exported network that answers otherwise than the run it was made of; its file is not kept."""


@dataclass(frozen=True)
class Agreement:
    """How far an exported network is from the run, over all films that were tried.

    Args:
        films: How many.
        difference: Greatest difference of two logits.
        extent: Greatest minus least logit of the run.
        flipped: Pixels that are lung in one mask and not in the other.
        pixels: Of all films.
    """

    films: int
    difference: float
    extent: float
    flipped: int
    pixels: int


def describe(run: Path, frame: Frame | None, trained_on: Sequence[str] | None = None) -> Described:
    """What is known of a run: from its card, and from the manifest of the results that it lies in.

    Args:
        run: Its folder, with weights.safetensors and weights.json.
        frame: How its films were squared, where no file says so.
        trained_on: Data sets, where they are known; else the manifest names them.

    Raises:
        InputError: It is no run, it diverged, nobody says how its films were squared, or two say it differently.
    """
    for name in (CARD, WEIGHTS):
        if not (run / name).is_file():
            remedy = "Name a folder such as results/runs/unet/pooled/seed0; bundles in git hold no weights."
            raise InputError(run, f"no {name}", "the folder of a trained run", remedy)
    card = read_card(bounded(run / CARD, TEXT), ("run", "size", "weights_sha256"))
    frames = get_args(Frame)
    for key, expected, legal in (
        ("run", "VARIANT/TRAIN_ON/seedN", card["run"].count("/") == 2),
        ("size", f"a multiple of {STEP}, at most {MOST}", card["size"] % STEP == 0 and card["size"] <= MOST),
        ("frame", f"one of {', '.join(frames)}", card.get("frame") in (None, *frames)),
    ):
        if not legal:
            raise InputError(f"{run / CARD}, {key}", repr(card[key])[:80], expected, BRING)
    if diverged(card):
        raise InputError(run, "a training that diverged", "a run that learned", "Choose another seed.")
    config = _config(run)
    known: Frame | None = card.get("frame") or config.get("preprocessing", {}).get("frame")
    squared = known or frame
    if squared is None:
        remedy = "Give --frame as in the configuration it was trained by; the default there is stretch."
        raise InputError(run, "no word on how its films were squared", "`frame` in its card or a manifest", remedy)
    if frame not in (None, known) and known is not None:
        raise InputError("--frame", str(frame), f"{known}, as the run's files say", "Leave the option out.")
    names = trained_on or config.get("train_on", {}).get(card["run"].split("/")[1], [])
    terms = [f"{name}: {DATASETS[name].licence}" for name in names if name in DATASETS]
    return Described(
        run=card["run"],
        variant=json.dumps(card["variant"], sort_keys=True),
        size=card["size"],
        frame=squared,
        trained_on=", ".join(names) or "unknown",
        licence="; ".join([LICENCE, *terms]),
        weights_sha256=card["weights_sha256"],
        commit=str(card.get("commit") or "unknown"),
        lungseg=__version__,
    )


def _config(run: Path) -> dict[str, Any]:
    """The configuration in the manifest of the results that a run lies in; nothing where there is none."""
    folders = run.resolve().parents
    manifest = folders[3] / "manifest.json" if len(folders) > 3 else run
    return read_json(bounded(manifest, TEXT), remedy=BRING).get("config", {}) if manifest.is_file() else {}


def export(
    run: Path, out: Path, frame: Frame | None = None, half: bool = False, trained_on: Sequence[str] | None = None
) -> Agreement:
    """Write a run's network as one ONNX file.

    Batch and sides are free, sides in steps of 32 px. Resizing stays outside of it: no operator of ONNX is Pillow's.

    Args:
        run: Its folder.
        out: The file; it is there only once it has answered as the run does.
        frame: See `describe`.
        half: Store the weights in 16 bits; they are widened when the file is opened, and the arithmetic is the same.
        trained_on: See `describe`.

    Raises:
        InputError: As of `describe`; the network pools to a fixed grid, which a file of free sides cannot hold.
        Disagreement: The file answers otherwise.
    """
    described = describe(run, frame, trained_on)
    network = network_of(run)
    refuse_fixed_grid(network, run)
    described = replace(described, precision="float16" if half else "float32")
    with replacing(out) as part:
        _write(network, described, part)
        agreement = compare(network, part, described.size)
        if not agrees(agreement, described.precision):
            found = f"logits {agreement.difference:.3g} apart where they span {agreement.extent:.3g}, and "
            found += f"{agreement.flipped} of {agreement.pixels} pixels on the other side"
            logits, pixels = LOGITS[described.precision], PIXELS[described.precision]
            expected = f"at most {logits:g} of the span and {pixels:g} of the pixels"
            raise Disagreement(
                out, found, expected, "No file was kept. Use the run itself: lungseg segment --from-run."
            )
    return agreement


def refuse_fixed_grid(network: nn.Module, where: object) -> None:
    """Refuse a network that pools to a grid of so many cells: exported, its windows are those of one size for ever.

    At another size such a file fails, or answers with other masks without a word.

    Raises:
        InputError: It has a pyramid pooling.
    """
    for module in network.modules():
        if isinstance(module, nn.AdaptiveAvgPool2d | nn.AdaptiveMaxPool2d):
            sides = module.output_size if isinstance(module.output_size, tuple) else (module.output_size,)
            if any(side != 1 for side in sides):
                found = f"a decoder with pyramid pooling ({type(module).__name__} to {module.output_size})"
                remedy = "Use the run itself: lungseg segment --from-run; or train a decoder without such a pooling."
                raise InputError(where, found, "a network whose file is right at every size", remedy)


def _write(network: nn.Module, described: Described, path: Path) -> None:
    """Trace the network and write it with its description."""
    free = {0: "batch", 2: STEP * Dim("rows", min=2), 3: STEP * Dim("columns", min=2)}
    film = torch.zeros(2, 1, 2 * STEP, 3 * STEP)
    program = torch.onnx.export(
        network,
        (film,),
        dynamo=True,
        opset_version=OPSET,
        input_names=["films"],
        output_names=["logits"],
        dynamic_shapes=(free,),
        verbose=False,
    )
    if program is None:
        raise RuntimeError("torch.onnx.export returned nothing")
    for node in program.model.graph:
        node.metadata_props.clear()  # where in which file each layer was called, with the paths of this machine
    program.model.metadata_props.update(described.as_metadata())
    program.save(path, external_data=False)
    if described.precision == "float16":
        _halve(path)


def _halve(path: Path) -> None:
    """Store large tensors in 16 bits, each widened by the file's own first operators."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    model = onnx.load(path)
    graph, casts = model.graph, []
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor)
        if tensor.data_type == TensorProto.FLOAT and values.size >= HALVED:
            name = tensor.name
            tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}.half"))
            casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.save(model, path)


def phantoms(height: int, width: int, numbers: Sequence[int]) -> Float[np.ndarray, "film 1 height width"]:
    """Drawn films as a network's input."""
    side = max(height, width)
    drawn = [draw(f"film{number}", np.random.default_rng(number), number % 2 == 1) for number in numbers]
    images = np.stack([resize(Film(film.image, film.mask), side).image[:height, :width] for film in drawn])
    return np.asarray(images[:, None] / np.float32(127.5) - 1, dtype=np.float32)


@torch.inference_mode()
def compare(network: nn.Module, path: Path, size: int) -> Agreement:
    """Ask a network and its file about drawn films and noise, at its own size and at a larger one that is no square.

    Args:
        network: On a CPU, in evaluation mode.
        path: Its ONNX file.
        size: Side that it was trained on.
    """
    session = runtime().InferenceSession(path, providers=["CPUExecutionProvider"])
    noise = np.random.default_rng(0).uniform(-1, 1, (1, 1, size, size)).astype(np.float32)
    batches = [
        *(phantoms(size, size, [number]) for number in range(4)),
        phantoms(size + STEP, size + 2 * STEP, [4, 5, 6]),
        noise,
    ]
    found = Agreement(0, 0.0, 0.0, 0, 0)
    for batch in batches:
        ours, theirs = network(torch.from_numpy(batch)).numpy(), session.run(None, {"films": batch})[0]
        found = Agreement(
            films=found.films + len(batch),
            difference=max(found.difference, float(np.abs(ours - theirs).max())),
            extent=max(found.extent, float(np.ptp(ours))),
            flipped=found.flipped + int(((ours > 0) != (theirs > 0)).sum()),
            pixels=found.pixels + ours.size,
        )
    return found


def agrees(found: Agreement, precision: str) -> bool:
    """Whether a file may be kept: no number is missing, and both differences are small."""
    near = found.difference <= LOGITS[precision] * found.extent  # false for NaN
    return near and found.flipped <= PIXELS[precision] * found.pixels
