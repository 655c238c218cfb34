"""One film -> its lungs, what was measured of them, and whether they are to be believed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from lungseg.data.squares import Box, choose_box, cut
from lungseg.films.film import Film, Finding
from lungseg.films.grey import one_shade
from lungseg.films.limits import Limit, findings
from lungseg.films.lungs import enlarge, labelled, mean_probability, tell_apart
from lungseg.films.networks import Model
from lungseg.films.quantities import disagreement, quantities
from lungseg.shapes import UInt8

LEAST_SIDE = 64  # px; smaller pictures are thumbnails


@dataclass(frozen=True)
class Looked:
    """What was found on a film.

    Args:
        labels: 0 no lung, 1 right, 2 left, as the film is stored; None where its file alone refuses it.
        findings: What speaks against the film or its mask.
        warnings: What was decided.
        parts: Connected parts of the mask, on the networks' square.
        probability: Mean over the mask; None where there is none.
        disagreement: Of the model's networks; None where there is one alone.
        quantities: All that was measured.
    """

    labels: UInt8[np.ndarray, "height width"] | None
    findings: tuple[Finding, ...]
    warnings: tuple[str, ...]
    parts: int
    probability: float | None
    disagreement: float | None
    quantities: Mapping[str, float]


def look(film: Film, model: Model, limits: Sequence[Limit], refused_too: bool = False) -> Looked:
    """Find the lungs of a film.

    Args:
        film: As it was read.
        model: What looks at it.
        limits: That its quantities are held against.
        refused_too: Also of films that their files alone refuse.
    """
    said = list(film.findings)
    if min(film.grey.shape) < LEAST_SIDE:
        height, width = film.grey.shape
        said.append(Finding("refused", f"a picture of {height} x {width} px, less than {LEAST_SIDE}", "certain"))
    if shade := one_shade(film.grey):
        said.append(Finding("refused", shade, "certain"))
    if any(one.verdict == "refused" for one in said) and not refused_too:
        return Looked(None, tuple(said), film.warnings, 0, None, None, {})
    upright = film.turn.upright(film.grey)
    squares = _squares(upright, model)
    each = [
        mean_probability([network.logits(squares[key])])
        for network in model.networks
        for key in [(network.described.size, network.described.frame)]
    ]
    first = (model.networks[0].described.size, model.networks[0].described.frame)
    box = choose_box(upright, first[1])
    each = _on_one_grid(each, model, upright, box)
    probability = np.asarray(np.mean(each, axis=0, dtype=np.float64), dtype=np.float32)
    sides = tell_apart(probability)
    labels = labelled(enlarge(probability, box, upright.shape), sides.side, box)
    found = quantities(squares[first], each, probability, sides)
    said += [*sides.findings, *findings(found, limits)]
    return Looked(
        labels=np.ascontiguousarray(film.turn.stored(labels)),
        findings=tuple(said),
        warnings=film.warnings + sides.warnings,
        parts=sides.parts,
        probability=found.get("probability"),
        disagreement=disagreement(each) if len(each) > 1 else None,
        quantities=found,
    )


def _squares(upright: np.ndarray, model: Model) -> dict[tuple[int, str], np.ndarray]:
    """The film as the networks take it, once for each way."""
    found: dict[tuple[int, str], np.ndarray] = {}
    for network in model.networks:
        size, frame = network.described.size, network.described.frame
        if (size, frame) not in found:
            part = np.ascontiguousarray(cut(upright, choose_box(upright, frame)))
            found[size, frame] = np.asarray(Image.fromarray(part).resize((size, size), Image.Resampling.BILINEAR))
    return found


def _on_one_grid(each: list[np.ndarray], model: Model, upright: np.ndarray, box: Box) -> list[np.ndarray]:
    """Probabilities of networks with squares of their own, all on the first one's."""
    size = model.networks[0].described.size
    moved = []
    for network, probability in zip(model.networks, each, strict=True):
        own = choose_box(upright, network.described.frame)
        if (own, len(probability)) != (box, size):
            corners = (
                (box.left - own.left) / own.width * len(probability),
                (box.top - own.top) / own.height * len(probability),
                (box.left + box.width - own.left) / own.width * len(probability),
                (box.top + box.height - own.top) / own.height * len(probability),
            )
            image = Image.fromarray(probability)
            way = (size, size), Image.Transform.EXTENT, corners, Image.Resampling.BILINEAR
            probability = np.asarray(image.transform(*way))
        moved.append(probability)
    return moved
