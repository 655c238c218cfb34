"""The files of the model in the package: networks in float16, each with its card."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lungseg.data.squares import Frame
from lungseg.described import Described
from lungseg.files import file_hash, replacing
from lungseg.learning.choosing import fitting
from lungseg.learning.export import describe, export
from lungseg.learning.run_files import CARD, read_card

NAME = "lungs"
LIMIT = 8_000_000  # bytes of all files together
NEEDED = ("run", "seed", "code", "films", "training", "best_validation_dice", "best_epoch", "parameters", "loaded")


def package(runs: Sequence[Path], folder: Path, frame: Frame, version: str, trained_on: Sequence[str]) -> list[Path]:
    """Export runs as one model, as many from the first on as fit into `LIMIT` bytes.

    Args:
        runs: Folders of trained runs of one network, with their weights.
        folder: For NAME-SEED.onnx and NAME-SEED.json of each; older ones in it are removed.
        frame: How films were squared.
        version: Of the model.
        trained_on: Data sets.

    Returns:
        The networks' files.

    Raises:
        InputError: As of `export`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for old in (*folder.glob(f"{NAME}-*.onnx"), *folder.glob(f"{NAME}-*.json")):
        old.unlink()
    files = [folder / f"{NAME}-{run.name.removeprefix('seed')}.onnx" for run in runs]
    for run, file in zip(runs, files, strict=True):
        export(run, file, frame, half=True, trained_on=trained_on)
    kept = fitting([file.stat().st_size for file in files], LIMIT)
    for file in files[kept:]:
        file.unlink()
    for run, file in zip(runs[:kept], files[:kept], strict=True):
        with replacing(file.with_suffix(".json")) as path:
            path.write_text(
                json.dumps(_card(run, file, describe(run, frame, trained_on), version), indent=2) + "\n",
                encoding="utf-8",
            )
    return files[:kept]


def _card(run: Path, file: Path, described: Described, version: str) -> dict[str, Any]:
    """What the file is, and where it comes from."""
    card = read_card(run / CARD)
    facts = {"name": NAME, "version": version, "sha256": file_hash(file), "bytes": file.stat().st_size}
    facts |= {"licence": described.licence, "variant": json.loads(described.variant), "size": described.size}
    facts |= {"frame": described.frame, "trained_on": described.trained_on, "commit": described.commit}
    own = {key: card[key] for key in NEEDED if key in card}
    return facts | own | {"weights_sha256": described.weights_sha256}
