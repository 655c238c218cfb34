"""The ImageNet start in the package: the tensors of the file it was packed from, bit by bit."""

import hashlib
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import load_file, safe_open

from lungseg.networks.build import build
from lungseg.networks.pretrained import FILE, for_grey, mobilenetv2_8bit
from lungseg.recipe import EIGHT_BIT, Variant

UNPACKED = Path(__file__).parents[3] / "shared/weights/mobilenetv2_100.imagenet-int8.safetensors"
# Of every name, type and value of that file, in the order of the names.
DIGEST = "2b62e0b1b6f3228d079bff7b342b1ca7be02aff7a50b650139082b8b2a662e12"


def test_every_tensor_is_that_of_the_file_it_was_packed_from() -> None:
    digest, state = hashlib.sha256(), mobilenetv2_8bit()
    for name in sorted(state):
        array = state[name].numpy()
        digest.update(name.encode() + str(array.dtype).encode() + array.tobytes())
    assert digest.hexdigest() == DIGEST


@pytest.mark.skipif(not UNPACKED.exists(), reason="the unpacked file is not here")
def test_unpacked_file_holds_the_same_tensors() -> None:
    unpacked = load_file(UNPACKED)
    assert mobilenetv2_8bit().keys() == unpacked.keys()
    assert all(torch.equal(value, unpacked[key]) for key, value in mobilenetv2_8bit().items())


def test_timm_takes_it_strictly_and_grey_is_grey_three_times() -> None:
    colour, grey = timm.create_model("mobilenetv2_100").eval(), timm.create_model("mobilenetv2_100", in_chans=1).eval()
    colour.load_state_dict(mobilenetv2_8bit(), strict=True)
    grey.load_state_dict(for_grey(mobilenetv2_8bit()), strict=True)
    films = torch.rand(2, 1, 64, 64) * 2 - 1
    torch.testing.assert_close(grey(films), colour(films.expand(-1, 3, -1, -1)), rtol=1e-3, atol=1e-3)


def test_each_encoder_starts_as_its_name_says() -> None:
    weights = {"mobilenetv2": EIGHT_BIT, "inceptionresnetv2": "random"}
    both = Variant(encoders=("mobilenetv2", "inceptionresnetv2"), weights=weights)
    started, random = (build(one, 0).encoder.parts for one in (both, both.model_copy(update={"weights": "random"})))
    first = "model.conv_stem.weight"
    assert torch.equal(started[0].state_dict()[first], for_grey(mobilenetv2_8bit())["conv_stem.weight"])
    assert not torch.equal(started[0].state_dict()[first], random[0].state_dict()[first])
    for one, other in zip(started[1].state_dict().values(), random[1].state_dict().values(), strict=True):
        assert torch.equal(one, other)


def test_file_says_where_it_comes_from() -> None:
    with safe_open(FILE, "pt") as stored:
        facts = stored.metadata()
    assert facts["licence"] == "Apache-2.0"
    assert {"source", "source_sha256", "changes", "title"} <= facts.keys()
