"""A network of one's own: it is trained and read again as any other, and what is wrong with it is one message."""

from pathlib import Path

import pytest
import torch
from pydantic import ValidationError

from lungseg.config import without_places
from lungseg.errors import InputError
from lungseg.jobs.named_files import lost_inputs, weights_hashes
from lungseg.jobs.remembered import Hashes
from lungseg.learning.run_files import CARD, WEIGHTS
from lungseg.learning.weights import load_network, save_network, starts
from lungseg.networks.build import build
from lungseg.networks.check import check
from lungseg.networks.starts import loaded
from lungseg.recipe import Training, Variant

README = Path(__file__).parents[2] / "config/README.md"


# A network whose answer is an expression of the film x and its convolution y.
TRAINED = """
from torch import nn

class Network(nn.Module):
    def __init__(self, variant):
        super().__init__()
        self.layer, self.norm = nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1)

    def forward(self, x):
        y = self.layer(x)
        return {}

network = Network
"""


def own(folder: Path, text: str, function: str = "network") -> Variant:
    """A variant of a file with some text."""
    (folder / "tiny.py").write_text(text, encoding="utf-8")
    return Variant(module=f"{folder}/tiny.py:{function}", width=8)


@pytest.fixture
def example() -> str:
    """The file that the documentation shows."""
    return README.read_text(encoding="utf-8").split("```python\n# tiny.py\n")[1].split("```")[0]


def test_the_documented_file_is_a_network_and_its_run_is_read_again(tmp_path: Path, example: str) -> None:
    variant = own(tmp_path, example)
    check("tiny", variant)
    network = build(variant, 0)
    assert sum(tensor.numel() for tensor in network.parameters()) == 8 * 25 + 8 + 8 * 25 + 1
    assert torch.equal(network[0].weight, build(variant, 0)[0].weight)
    assert not torch.equal(network[0].weight, build(variant, 1)[0].weight)
    facts = {"variant": variant.model_dump(mode="json"), "training": Training().model_dump(mode="json")}
    save_network(network, tmp_path / WEIGHTS, tmp_path / CARD, facts | {"loaded": loaded(variant)})
    again = load_network(tmp_path / WEIGHTS, tmp_path / CARD)
    assert torch.equal(network[0].weight, again[0].weight)
    own(tmp_path, example + "# another\n")
    with pytest.raises(InputError, match="as it was when the run was trained"):
        load_network(tmp_path / WEIGHTS, tmp_path / CARD)


def test_the_files_hash_is_part_of_the_run(tmp_path: Path, example: str) -> None:
    found = []
    for text in (example, example + "# another\n"):
        variant, hashes = own(tmp_path, text), Hashes(tmp_path / "memory.json")
        found.append((starts(build(variant, 0), variant)["module"], *weights_hashes(variant, hashes).values()))
    (one, planned), (other, planned_again) = found
    assert one == planned != other == planned_again


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("import nothing_of_this_name", "found ModuleNotFoundError"),
        ("def another(variant): ...", "found no function network; there are another"),
        ("def network(variant): return 3", "found a function that returns int"),
        ("def network(variant): raise OSError('so')", r"found OSError: so \(line 1\), expected"),
        (
            "def inner(): return {}['no']\n\ndef network(variant): return inner()",
            r"found KeyError: 'no' \(line 1\), exp",
        ),
        ("import torch\ndef network(variant): return torch.nn.ReLU()", "found a network with nothing to train"),
        ("import torch\ndef network(variant): return torch.nn.Conv2d(3, 1, 1)", "found RuntimeError: .*channels"),
        ("import torch\ndef network(variant): return torch.nn.Conv2d(1, 2, 1)", r"found float32 of shape \(1, 2, 64"),
        ("import torch\ndef network(variant): return torch.nn.Conv2d(1, 1, 1).double()", "found RuntimeError"),
        ("def network(): ...", "found TypeError: network.. takes 0 positional"),
        ("import sys\nsys.exit(3)", "found SystemExit: 3"),
        ("def network(variant): raise SystemExit", "found SystemExit"),
        ("import beside", "found an import of beside, which lies beside it"),
        ("from . import beside", "found an import of beside, which lies beside it"),
        ("def network(variant):\n    from beside.part import one", "found an import of beside, which lies beside it"),
        ("import torch\ndef network(variant): return torch.nn.LazyConv2d(1, 1)", "found layers that learn their size"),
        (TRAINED.format("y[..., ::2] if self.training else y"), r"found float32 of shape \(2, 1, 64, 48\)"),
        (TRAINED.format("(y, y) if self.training else y"), r"found tuple for films of shape \(2, 1, 64, 96\)"),
        (TRAINED.format("y.detach()"), "found an answer in training that no parameter changes"),
        (TRAINED.format("x"), "found an answer in training that no parameter changes"),
        (TRAINED.format("y / 0 * 0"), "found logits that are no numbers"),
        (TRAINED.format("y.reshape(2, *y.shape[1:])"), "found RuntimeError: shape"),  # it takes two films alone
        (TRAINED.format("self.norm(y.mean((2, 3), True)) + y"), None),
    ],
)
def test_what_is_wrong_is_told_before_anything_starts(tmp_path: Path, text: str, told: str | None) -> None:
    (tmp_path / "beside.py").touch()
    variant = own(tmp_path, text)
    if told is None:  # with steps of several films it can be trained
        check("tiny", variant)
        told = "found ValueError: Expected more than 1 value per channel"
    with pytest.raises(InputError, match=rf"^config key variants.tiny.module, module .*tiny.py:network: {told}"):
        check("tiny", variant, batch=2 if "Expected" not in told else 1)


def test_what_a_step_leaves_alone_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    check("tiny", own(tmp_path, TRAINED.format("y")))
    assert capsys.readouterr().err.endswith("a step of training left alone: norm.weight, norm.bias\n")


def test_every_generator_follows_the_seed(tmp_path: Path) -> None:
    drawn = "import random, numpy, torch\ndef network(variant):\n    layer = torch.nn.Conv2d(1, 1, 1)\n"
    drawn += "    layer.weight.data.fill_({})\n    return layer\n"
    for draw in ("random.random()", "numpy.random.rand()"):
        one, same, other = (build(own(tmp_path, drawn.format(draw)), seed).weight for seed in (0, 0, 1))
        assert torch.equal(one, same) and not torch.equal(one, other)


def test_a_file_that_is_not_there_is_told_with_its_key() -> None:
    variant = Variant(module="lost.py:network")
    (told,) = lost_inputs({"tiny": variant, "unet": Variant()}, {})
    assert told == "  lost.py, as variants.tiny.module says: give a file of Python with the function in it."
    with pytest.raises(InputError, match="no such file"):
        check("tiny", variant)


def test_a_module_is_a_whole_network() -> None:
    for other in ({"encoders": ("mobilenetv2",)}, {"meta_learner": True}, {"decoder": "nnunet"}):
        with pytest.raises(ValidationError, match="decides nothing beside it"):
            Variant(module="tiny.py:network", **other)
    with pytest.raises(ValidationError, match="pattern"):
        Variant(module="tiny.py")
    with pytest.raises(ValidationError, match="deep_supervision"):
        Variant(module="tiny.py:network", training={"deep_supervision": True})
    assert not Variant(module="tiny.py:network").usual
    published = without_places({"variants": {"tiny": {"module": "/home/me/tiny.py:network"}}})
    assert published["variants"]["tiny"]["module"] == "FOLDER/tiny.py:network"
