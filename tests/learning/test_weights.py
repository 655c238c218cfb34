"""Trained weights: what is read is what was written, and another file is refused."""

import json
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from lungseg.errors import InputError
from lungseg.learning.inference import predict
from lungseg.learning.run_files import NEEDED, read_card
from lungseg.learning.weights import load_network, save_network
from lungseg.networks.build import build
from lungseg.recipe import Training, Variant

VARIANT = Variant(width=4)
FILMS = np.random.default_rng(0).integers(0, 256, (5, 32, 32), dtype=np.uint8)


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """Weights and card of a small network."""
    weights, card = tmp_path / "weights.safetensors", tmp_path / "weights.json"
    facts = {"variant": VARIANT.model_dump(mode="json"), "training": Training().model_dump(mode="json")}
    save_network(build(VARIANT, 0), weights, card, facts)
    return weights, card


def test_network_predicts_the_same_after_writing_and_reading(files: tuple[Path, Path]) -> None:
    read, written = load_network(*files), build(VARIANT, 0)
    assert np.array_equal(predict(read, FILMS, 2, "float32"), predict(written, FILMS, 2, "float32"))


def test_a_tensor_of_two_names_is_written_once_and_read_as_both(tmp_path: Path) -> None:
    """MONAI's network of nnU-Net's design names each layer twice; so may a network of one's own."""
    variant = Variant(decoder="nnunet", width=4)
    network = build(variant, 0).to(memory_format=torch.channels_last)  # as it is trained
    files = tmp_path / "weights.safetensors", tmp_path / "weights.json"
    save_network(
        network, *files, {"variant": variant.model_dump(mode="json"), "training": Training().model_dump(mode="json")}
    )
    stored = load_file(files[0])
    assert len(stored) < len(network.state_dict())
    assert sum(tensor.numel() for tensor in stored.values()) == sum(tensor.numel() for tensor in network.parameters())
    read = load_network(*files)
    assert all(torch.equal(tensor, network.state_dict()[name]) for name, tensor in read.state_dict().items())


def test_a_file_is_what_safetensors_makes_of_the_tensors(files: tuple[Path, Path], tmp_path: Path) -> None:
    tensors = {name: tensor.contiguous() for name, tensor in build(VARIANT, 0).state_dict().items()}
    save_file(tensors, tmp_path / "witness", metadata={"format": "pt"})
    assert files[0].read_bytes() == (tmp_path / "witness").read_bytes()


def test_prediction_of_a_film_does_not_depend_on_its_neighbours(files: tuple[Path, Path]) -> None:
    network = load_network(*files)
    together, alone = predict(network, FILMS, 5, "float32"), predict(network, FILMS, 1, "float32")
    assert together.shape == FILMS.shape
    np.testing.assert_allclose(together, alone, atol=1e-3)


@pytest.mark.parametrize("damage", ["cut short", "other network"])
def test_other_weights_are_refused_with_the_files_name(files: tuple[Path, Path], damage: str) -> None:
    weights, card = files
    if damage == "cut short":
        weights.write_bytes(weights.read_bytes()[:500])
    else:
        save_network(build(Variant(width=5), 0), weights, card.with_name("other.json"), {})
    with pytest.raises(InputError, match=r"weights.safetensors: found .*expected the network of .*weights.json"):
        load_network(weights, card)


def test_weights_that_changed_after_they_were_written_are_refused(files: tuple[Path, Path]) -> None:
    weights, card = files
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))  # the last bit of the last tensor
    with pytest.raises(
        InputError, match=r"weights.safetensors: found sha256 .*, expected the network of .*weights.json"
    ):
        load_network(weights, card)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"variant": {}}', '{"variant": {"wide": 3}, "training": {}}', "\0"])
def test_a_card_that_is_none_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "weights.json").write_text(text)
    with pytest.raises(InputError, match=r"weights.json: found "):
        read_card(tmp_path / "weights.json")
    whole = {"variant": {}, "training": {}}
    (tmp_path / "weights.json").write_text(json.dumps(whole))
    assert read_card(tmp_path / "weights.json") == whole
    with pytest.raises(InputError, match=r"weights.json: found 'run', expected the card of a run"):
        read_card(tmp_path / "weights.json", NEEDED)


@pytest.mark.parametrize(
    ("fact", "value"),
    [
        ("seconds", "3"), ("seconds", float("nan")), ("seconds", -1), ("parameters", 1.5), ("parameters", True),
        ("size", 0), ("code", None), ("films", []), ("films", {"train": 3}), ("run", ""), ("arithmetic", 16),
    ],
)  # fmt: skip
def test_a_fact_of_another_kind_is_told(tmp_path: Path, fact: str, value: object) -> None:
    whole = {"variant": {}, "training": {}, "seconds": 3, "parameters": 7, "commit": None, "more": [1]}
    (tmp_path / "weights.json").write_text(json.dumps(whole))
    assert read_card(tmp_path / "weights.json") == whole
    (tmp_path / "weights.json").write_text(json.dumps(whole | {fact: value}))
    with pytest.raises(InputError, match=rf"weights.json, {fact}.*: found .*\. Bring the run's files again"):
        read_card(tmp_path / "weights.json")


def test_nothing_half_written_is_left(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        save_network(build(VARIANT, 0), tmp_path / "w.safetensors", tmp_path / "w.json", {"tensor": torch.zeros(1)})
    assert {path.name for path in tmp_path.iterdir()} <= {"w.safetensors"}


def test_card_tells_the_weights_hash(files: tuple[Path, Path]) -> None:
    weights, card = files
    assert read_card(card)["weights_sha256"] == sha256(weights.read_bytes()).hexdigest()
