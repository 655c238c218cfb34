"""What the file of an exported network says of itself: how a film becomes its input, and where it comes from."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Literal

from lungseg.errors import InputError

FORMAT = "1"
INPUT = (
    "films: float32, shape (batch, 1, rows, columns), sides multiples of 32. Grey 0-255, air dark and bone bright; the "
    "film's frame resized to size x size (Pillow, bilinear with reduction); then grey / 127.5 - 1"
)
OUTPUT = (
    "logits: float32, of the input's shape; probability of lung = 1 / (1 + exp(-logit)), lung where it is above 0.5"
)


@dataclass(frozen=True)
class Described:
    """A trained network, in words that travel with its file.

    Args:
        run: `{variant}/{train_on}/seed{seed}`.
        variant: Its choices as JSON.
        size: Side of the square that it was trained on, in px.
        frame: Which part of a film the square shows; see `lungseg.data.squares.choose_box`.
        trained_on: Data sets, separated by commas; `unknown` where nothing beside the run names them.
        licence: Of code, weights and films.
        weights_sha256: Of the run's weights.
        commit: Of the code that trained it.
        lungseg: The version that exported it.
        precision: Of the stored weights: `float32` or `float16`; the arithmetic is float32.
    """

    run: str
    variant: str
    size: int
    frame: Literal["stretch", "pad", "crop"]
    trained_on: str
    licence: str
    weights_sha256: str
    commit: str
    lungseg: str
    precision: Literal["float32", "float16"] = "float32"

    def as_metadata(self) -> dict[str, str]:
        """Key to text, as an ONNX file keeps them."""
        own = {name: str(value) for name, value in asdict(self).items()}
        return {"lungseg_format": FORMAT, **own, "input": INPUT, "output": OUTPUT}


def read_metadata(found: Mapping[str, str], where: object) -> Described:
    """The description in a file's metadata.

    Args:
        found: Key to text.
        where: The file, for the message.

    Raises:
        InputError: The file is none that `lungseg export` wrote, or of another format.
    """
    remedy = "Make it with `lungseg export`."
    if (version := found.get("lungseg_format")) != FORMAT:
        told = "no description of its input" if version is None else f"a description of format {version[:20]}"
        raise InputError(where, told, f"format {FORMAT}, as `lungseg export` writes it", remedy)
    own = {field.name: found.get(field.name, "") for field in fields(Described)}
    size, frame = own["size"], own["frame"]
    if not (size.isdecimal() and 0 < int(size) <= 4096 and int(size) % 32 == 0):
        raise InputError(f"{where}, size", repr(size[:20]), "a multiple of 32, at most 4096", remedy)
    if frame not in ("stretch", "pad", "crop"):
        raise InputError(f"{where}, frame", repr(frame[:20]), "stretch, pad or crop", remedy)
    return Described(**{**own, "size": int(size)})  # type: ignore[arg-type]
