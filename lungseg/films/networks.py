"""The networks that look at a film: files of ONNX, one's own trained runs, or the one in the package; their mean."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from lungseg.data.squares import Frame
from lungseg.described import Described, read_metadata
from lungseg.errors import InputError, one_line
from lungseg.files import read_json
from lungseg.onnx_runtime import runtime
from lungseg.outside import TEXT, bounded
from lungseg.shapes import Float, UInt8

MODELS = Path(__file__).parents[1] / "models"
LARGEST = 2**31  # bytes of a network's file
NEEDED = ("name", "version", "sha256", "licence")
NONE_YET = "Give --model FILE.onnx, or --from-run FOLDER of a run that you trained."


@dataclass(frozen=True)
class Network:
    """A network that answers.

    Args:
        described: What it takes.
        sha256: Of its file.
        logits: Of a square of `described.size`: uint8 grey to float32, shape (size, size).
    """

    described: Described
    sha256: str
    logits: Callable[[UInt8[np.ndarray, "size size"]], Float[np.ndarray, "size size"]]


@dataclass(frozen=True)
class Model:
    """Networks that look at a film together.

    Args:
        name: For people.
        version: Of the model in the package; of others, the first digits of their files' hashes.
        networks: One or more.
        folder: With the table of checks that was fitted for it; None where none was.
    """

    name: str
    version: str
    networks: tuple[Network, ...]
    folder: Path | None = None

    @property
    def sha256(self) -> str:
        """Of all its networks."""
        return sha256(" ".join(network.sha256 for network in self.networks).encode()).hexdigest()


def open_file(path: Path) -> Network:
    """A network as `lungseg export` writes it.

    Args:
        path: Its file.

    Raises:
        InputError: It is none, or damaged.
    """
    onnxruntime = runtime()
    content = bounded(path, LARGEST).read_bytes()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # the films stand side by side, not their layers
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        metadata = session.get_modelmeta().custom_metadata_map
        names = [one.name for one in session.get_inputs()], [one.name for one in session.get_outputs()]
    except Exception as error:  # onnxruntime's own kinds, all of them plain exceptions
        found = one_line(error, 120)
        raise InputError(
            path, f"no network that opens ({found})", "an ONNX file", "Make it with `lungseg export`."
        ) from error
    described = read_metadata(metadata, path)
    if names != (["films"], ["logits"]):
        raise InputError(
            path, f"inputs {names[0]}, outputs {names[1]}", "films and logits", "Make it with `lungseg export`."
        )

    def logits(square: UInt8[np.ndarray, "size size"]) -> Float[np.ndarray, "size size"]:
        return session.run(None, {"films": normalised(square)})[0][0, 0]

    return Network(described, sha256(content).hexdigest(), logits)


def normalised(square: UInt8[np.ndarray, "size size"]) -> Float[np.ndarray, "1 1 size size"]:
    """Grey 0-255 to [-1, 1], as in training."""
    return (square[None, None] / np.float32(127.5) - 1).astype(np.float32)


def open_run(folder: Path, frame: Frame | None) -> Network:
    """A trained run, by torch itself: decoders that cannot be exported too.

    Args:
        folder: With its weights and card.
        frame: How its films were squared, where no file beside it says so.

    Raises:
        InputError: It is no run; or torch is not installed.
    """
    try:
        from lungseg.learning.answers import answers
        from lungseg.learning.export import describe
    except ModuleNotFoundError as error:
        remedy = "pip install 'lungseg[benchmark]' brings it; or export the run where torch is, and give --model."
        raise InputError("--from-run", f"no module {error.name}", "torch", remedy) from error
    described = describe(folder, frame)
    return Network(described, described.weights_sha256, answers(folder))


def of_files(paths: Sequence[Path]) -> Model:
    """A model of one or more exported networks."""
    networks = tuple(map(open_file, paths))
    return _together("+".join(path.stem for path in paths), networks)


def of_runs(folders: Sequence[Path], frame: Frame | None) -> Model:
    """A model of one or more trained runs."""
    networks = tuple(open_run(folder, frame) for folder in folders)
    return _together("+".join(network.described.run for network in networks), networks)


def _together(name: str, networks: tuple[Network, ...]) -> Model:
    return Model(name, "+".join(network.sha256[:12] for network in networks), networks)


def default(folder: Path = MODELS) -> Model:
    """The model in the package: every `NAME.onnx` of a folder, with its card `NAME.json` beside it.

    A card has `name`, `version`, `sha256` of the file, and `licence`; several files are an ensemble of one name and
    version. `checks.csv` beside them has the limits that were fitted for it.

    Args:
        folder: Where they lie.

    Raises:
        InputError: There is none; or a card is missing, or is another file's.
    """
    files = sorted(folder.glob("*.onnx")) if folder.is_dir() else []
    if not files:
        raise InputError("this installation", "no model", "one in lungseg/models", NONE_YET)
    networks, cards = [], []
    for file in files:
        card, network = read_card(file.with_suffix(".json")), open_file(file)
        if network.sha256 != card["sha256"]:
            found, wanted = network.sha256[:12], str(card["sha256"])[:12]
            raise InputError(file, f"sha256 {found}…", f"{wanted}…, as its card says", "Install the package again.")
        networks.append(network)
        cards.append(card)
    if len(names := {(card["name"], card["version"]) for card in cards}) > 1:
        raise InputError(folder, f"models {sorted(names)}", "one name and version", "Install the package again.")
    return Model(str(cards[0]["name"]), str(cards[0]["version"]), tuple(networks), folder)


def read_card(path: Path) -> dict[str, Any]:
    """The card of a network's file.

    Raises:
        InputError: There is none, or it lacks a fact.
    """
    card: dict[str, Any] = read_json(bounded(path, TEXT), remedy="Install the package again.")
    if missing := [key for key in NEEDED if key not in card]:
        raise InputError(path, f"no {missing[0]}", f"the facts {', '.join(NEEDED)}", json.dumps(sorted(card)))
    return card
