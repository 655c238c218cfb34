"""Does every network of the configurations become an ONNX file that answers as it does, or is it refused by name?

    python -m bench.exports      minutes; writes bench/results/exports.csv

All variants of config/config.yaml, ablations.yaml and ablations_more.yaml, with random weights whose running statistics
have seen drawn films, so that every layer passes on something: agreement does not ask what a network has learnt.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import torch
import yaml
from tqdm import tqdm

from bench.timing import RESULTS
from lungseg.errors import InputError
from lungseg.learning.export import Disagreement, export, phantoms
from lungseg.learning.run_files import CARD, WEIGHTS
from lungseg.learning.weights import save_network
from lungseg.networks.build import build
from lungseg.recipe import Training, Variant

ROOT = Path(__file__).parents[1]
CONFIGS = ("config", "ablations", "ablations_more")
SIZE, FILMS, PASSES = 128, 4, 3  # px; PAN takes no smaller film


def variants() -> dict[str, Variant]:
    """Every network that differs from those before it in more than how it is trained or what it starts from."""
    found: dict[str, Variant] = {}
    for name in CONFIGS:
        chosen = yaml.safe_load((ROOT / f"config/{name}.yaml").read_text(encoding="utf-8"))["variants"]
        for variant, keys in chosen.items():
            one = Variant(**{**keys, "training": None, "weights": "random"})
            if one not in found.values():
                found[f"{name}: {variant}"] = one
    return found


def untrained(folder: Path, variant: Variant) -> Path:
    """A run's folder with a network that saw some drawn films and learned nothing."""
    folder.mkdir()
    network, films = build(variant, 0).train(), torch.from_numpy(phantoms(SIZE, SIZE, range(FILMS)))
    with torch.no_grad():
        for _ in range(PASSES):
            network(films)
    facts = {"run": "network/none/seed0", "size": SIZE, "frame": "stretch", "variant": variant.model_dump(mode="json")}
    save_network(network, folder / WEIGHTS, folder / CARD, facts | {"training": Training().model_dump(mode="json")})
    return folder


def rows() -> Iterator[dict[str, object]]:
    """What became of each network."""
    for number, (name, variant) in enumerate(tqdm(variants().items(), unit="network")):
        with tempfile.TemporaryDirectory() as place:
            file, said = Path(place) / "network.onnx", {"network": name}
            try:
                found = export(untrained(Path(place) / str(number), variant), file)
            except InputError as error:
                outcome = "disagrees" if isinstance(error, Disagreement) else "refused"
                yield said | {"outcome": outcome, "why": f"{error.found}"}
                continue
            except Exception as error:
                yield said | {"outcome": "failed", "why": f"{type(error).__name__}: {error}"[:200]}
                continue
            share = found.difference / found.extent
            told = {"difference": share, "flipped": found.flipped / found.pixels, "mb": file.stat().st_size / 1e6}
            yield said | {"outcome": "agrees", "why": ""} | told


if __name__ == "__main__":
    torch.set_num_threads(1)
    table = pd.DataFrame(rows())
    table.to_csv(RESULTS / "exports.csv", index=False, float_format="%.3g")
    print(table.to_string(index=False))
