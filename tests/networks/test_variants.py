"""Every architecture and join: it trains on drawn films that are not square, and nothing in it is left behind."""

from collections.abc import Iterator
from contextlib import closing
from functools import cache
from itertools import count, islice
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn

from lungseg.data.phantom import draw
from lungseg.errors import InputError
from lungseg.learning import training
from lungseg.learning.optimisers import optimiser
from lungseg.learning.stepper import Stepper
from lungseg.learning.training import Checkpoint, Examples, fit
from lungseg.networks.architecture import architecture
from lungseg.networks.build import build
from lungseg.networks.check import check
from lungseg.networks.full_resolution import FullResolution
from lungseg.networks.join import Sum, padded
from lungseg.networks.starts import encoders_of
from lungseg.recipe import EIGHT_BIT, LEAST, Training, Variant

SMALL = "tu-mobilenetv3_small_050"
TRANSFORMER = "vit_tiny_patch16_224"
MAPS = ["unet", "unetplusplus", "manet", "linknet", "fpn", "pspnet", "pan", "deeplabv3", "deeplabv3plus", "upernet",
        "segformer"]  # fmt: skip
VARIANTS = {name: Variant(encoders=(SMALL,), decoder=name) for name in MAPS} | {
    "dpt": Variant(encoders=(TRANSFORMER,), decoder="dpt"),
    "nnunet": Variant(decoder="nnunet", width=4),
    "nnunet, deep": Variant(decoder="nnunet", width=4, training={"deep_supervision": True}),
    "plain": Variant(width=4),
    "plain, deep": Variant(width=8, training={"deep_supervision": True}),
    "plain without its skip": Variant(width=4, full_resolution_skip=False),
    "twice": Variant(encoders=(SMALL, SMALL)),
    "sum": Variant(encoders=(SMALL, "mit_b0"), join="sum"),
    "outputs": Variant(encoders=(SMALL, SMALL), join="outputs"),
    "outputs under dense layers": Variant(encoders=(SMALL, SMALL), join="outputs", head={"dense": [4]}),
    "outputs, frozen": Variant(encoders=(SMALL, SMALL), join="outputs", frozen=True),
    "head": Variant(encoders=(SMALL,), decoder="fpn", head={"dense": [8, 4], "dropout": 0, "normalise": False}),
    "full skip": Variant(encoders=(SMALL,), full_resolution_skip=True),
    "narrow": Variant(encoders=(SMALL,), decoder_channels=(32, 16, 8, 8, 4)),
}


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Small maps: threads would wait for each other longer than they work."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@cache
def films(side: int) -> tuple[Tensor, Tensor]:
    """Two drawn films and their masks, higher than wide."""
    drawn = [draw("a film", np.random.default_rng(seed), abnormal=False) for seed in (0, 1)]
    size = (side, side + 32)
    pictures = [[Image.fromarray(each).resize(size) for each in (one.image, one.mask * np.uint8(255))] for one in drawn]
    images, masks = (np.stack([np.asarray(pair[place]) for pair in pictures])[:, None] for place in (0, 1))
    return torch.from_numpy(images), torch.from_numpy((masks > 127).astype(np.uint8))


def trained(variant: Variant, steps: int, **choices: object) -> tuple[nn.Module, list[float]]:
    """A network after some steps on the same two films, and the losses before each."""
    torch.manual_seed(0)
    network = build(variant, 0).train()
    recipe = variant.trained_as(Training(batch_size=2, precision="float32", augmentation="none", **choices))
    stepper = Stepper(network, optimiser(network, recipe), *films(LEAST.get(variant.decoder, 64)), recipe)
    index, rate = torch.arange(2), torch.tensor(recipe.learning_rate)
    return network, [float(stepper(index, torch.zeros(2, 6), rate)) for _ in range(steps)]


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
def test_trains_three_steps_on_films_that_are_not_square(variant: Variant) -> None:
    before = {name: tensor.clone() for name, tensor in build(variant, 0).named_parameters()}
    network, losses = trained(variant, 3)
    assert np.isfinite(losses).all()
    still = [name for name, tensor in network.named_parameters() if tensor.grad is None and tensor.requires_grad]
    assert still == []
    assert all(tensor.requires_grad for tensor in network.parameters())  # what is not read is not there
    moved = [name for name, tensor in network.named_parameters() if not torch.equal(tensor, before[name])]
    assert len(moved) > 0.9 * len(before)
    seen = films(LEAST.get(variant.decoder, 64))[0].float() / 127.5 - 1
    assert network.eval()(seen).shape == seen.shape
    told = architecture(network, variant)
    assert sum(told["parameters"].values()) == sum(tensor.numel() for tensor in network.parameters())
    assert len(encoders_of(network, variant)) == len(variant.encoders)


def heart(variant: Variant, steps: int, **choices: object) -> float:
    """Mean Dice on two films that were learnt by heart."""
    rate = 0.0003 if variant.decoder == "dpt" else 0.003  # a vision transformer does not learn at the larger one
    network, _ = trained(variant, steps, schedule="constant", learning_rate=rate, **choices)
    images, masks = films(LEAST.get(variant.decoder, 64))
    with torch.inference_mode():  # in training mode: after so few steps no running mean holds yet
        predicted = network(images.float() / 127.5 - 1)
    predicted = (predicted[:, 0] if predicted.dim() == 5 else predicted) > 0
    overlap = 2 * (predicted & masks.bool()).sum() / (predicted.sum() + masks.sum())
    return float(overlap)


# One of each family of decoders, and each join.
FAMILIES = ["unet", "fpn", "pan", "deeplabv3plus", "segformer", "dpt", "nnunet, deep", "plain, deep"]
FAMILIES += ["twice", "sum", "outputs", "outputs, frozen"]
BY_HEART = [*FAMILIES, "full skip"]


@pytest.mark.parametrize("name", BY_HEART)
def test_two_films_are_learnt_by_heart(name: str) -> None:
    assert heart(VARIANTS[name], 12 if name == "dpt" else 24) > 0.9


@pytest.mark.parametrize("name", FAMILIES)
def test_the_same_seed_ends_in_the_same_weights_also_after_a_kill(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    better = count()  # every epoch: the last one's weights are kept
    monkeypatch.setattr(training, "validate", lambda *_: (0.0, float(next(better)), 0.0))
    variant = VARIANTS[name]
    recipe = variant.trained_as(
        Training(epochs=2, batch_size=2, precision="float32", augmentation="none", schedule="constant")
    )
    examples = Examples(*films(LEAST.get(variant.decoder, 64)))

    def end(checkpoint: Checkpoint | None, stop: int | None = None) -> dict[str, Tensor]:
        torch.manual_seed(7)  # whatever state a process is in
        network = build(variant, 0)
        with closing(fit(network, examples, examples, recipe, 0, checkpoint)) as epochs:
            list(islice(epochs, stop))
        return network.state_dict()

    whole, checkpoint = end(None), Checkpoint(tmp_path / "checkpoint.pt", "films", seconds=1000)
    stopped = end(checkpoint, stop=1)
    resumed = end(checkpoint)
    assert all(torch.equal(whole[key], resumed[key]) for key in whole)
    assert not all(torch.equal(whole[key], stopped[key]) for key in whole)


def test_a_sum_is_of_projections_to_the_wider_channels() -> None:
    torch.manual_seed(0)
    layer = Sum([2, 3, 0])
    maps = [torch.randn(1, channels, 2, 4) for channels in (2, 3, 0)]
    one, other = (conv(each) for conv, each in zip(layer.projections, maps[:2], strict=False))
    torch.testing.assert_close(layer(maps), one + other)
    assert layer(maps).shape == (1, 3, 2, 4)
    nothing = Sum([0, 0])
    assert nothing([torch.empty(1, 0, 2, 4)] * 2).shape == (1, 0, 2, 4)
    assert sum(tensor.numel() for tensor in nothing.parameters()) == 0


@pytest.mark.parametrize("size", [(4, 6), (3, 3), (5, 2)])
def test_a_map_is_brought_to_a_size_with_zeros_around_it(size: tuple[int, int]) -> None:
    map_ = torch.ones(1, 1, 3, 3)
    found = padded(map_, size)
    assert found.shape[-2:] == size
    assert found.sum() == min(3, size[0]) * min(3, size[1])
    assert padded(map_, (3, 3)) is map_


def test_full_resolution_skip_hands_the_film_across() -> None:
    """With the decoder cut off, the film's own edges still reach the output; without the skip nothing does."""
    decoder = nn.Conv2d(1, 4, 1)
    whole = FullResolution(_Constant(4), 4).eval()
    film = torch.randn(1, 1, 8, 8, requires_grad=True)
    whole([film, film]).sum().backward()
    assert film.grad is not None and film.grad.abs().sum() > 0
    assert sum(t.numel() for t in whole.parameters()) > sum(t.numel() for t in decoder.parameters())
    with_it, without = (build(Variant(encoders=(SMALL,), full_resolution_skip=on), 0) for on in (True, None))
    assert isinstance(with_it.decoder, FullResolution) and not isinstance(without.decoder, FullResolution)


class _Constant(nn.Module):
    """A decoder that says the same of every film."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels

    def forward(self, features: list[Tensor]) -> Tensor:
        return torch.zeros(len(features[0]), self.channels, *features[0].shape[-2:])


def test_the_plain_unets_full_skip_is_the_only_one_cut() -> None:
    with_it, without = (build(Variant(width=4, full_resolution_skip=on), 0) for on in (None, False))
    inputs = [[block[0].in_channels for block in network.join] for network in (with_it, without)]
    assert inputs == [[64, 32, 16, 8], [64, 32, 16, 4]]


def test_one_encoder_twice_are_two() -> None:
    network = build(VARIANTS["twice"], 0)
    (_, one), (_, other) = encoders_of(network, VARIANTS["twice"])
    assert not any(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True) if a.dim() == 4)
    assert list(architecture(network, VARIANTS["twice"])["encoders"]) == [SMALL, f"{SMALL} (2)"]


def test_stages_that_a_decoder_does_not_read_are_gone() -> None:
    whole, cut = (build(Variant(encoders=("resnet18",), decoder=name), 0) for name in ("unet", "pspnet"))
    assert list(whole.encoder.parts[0].layer4.parameters()) != []
    assert list(cut.encoder.parts[0].layer4.parameters()) == []


def test_what_only_one_encoder_starts_from_reaches_a_whole_network_of_outputs() -> None:
    variant = Variant(
        encoders=("mobilenetv2", SMALL), join="outputs", weights={"mobilenetv2": EIGHT_BIT, SMALL: "random"}
    )
    (_, started), _ = encoders_of(build(variant, 0), variant)
    alone = build(Variant(encoders=("mobilenetv2",), weights=EIGHT_BIT), 0)
    assert torch.equal(started.model.conv_stem.weight, alone.encoder.parts[0].model.conv_stem.weight)


@pytest.mark.parametrize(
    ("variant", "message"),
    [
        (Variant(encoders=("resnet35",)), r"variants.one.encoders: found 'resnet35', .*Near it: .*resnet34"),
        (Variant(encoders=(TRANSFORMER,)), "variants.one: found unet on vit_tiny_patch16_224.*pattern"),
        (Variant(encoders=(SMALL,), decoder="dpt"), "variants.one: found dpt on tu-mobilenetv3_small_050"),
        (Variant(encoders=("swin_tiny_patch4_window7_224",)), "doesn't match model"),
        (Variant(encoders=("RESNET34",)), "Near it: resnet34, "),
        (Variant(encoders=("tu-efficientnet-b0",)), "encoders: found 'tu-efficientnet-b0'.*Near it: efficientnet_b0"),
        (Variant(encoders=("tu-ghostnet_050",), decoder="pan"), "dilation not supported.*It asks for maps larger than"),
        (
            Variant(encoders=("mobilenetv2",), weights=__file__),
            r"test_variants.py: found .* expected the weights of tim",
        ),
        (
            Variant(encoders=("tu-resnet10t",), weights="imagenet"),
            r"config key variants.one.weights: found imagenet for tu-resnet10t, .* expected one of mobilenetv2_100",
        ),
        (Variant(encoders=("skresnet18",)), r"unet on skresnet18 \(64 px, 1 film a step\).*more than 1 value per chan"),
    ],
)
def test_what_cannot_be_built_is_told_before_anything_starts(variant: Variant, message: str) -> None:
    with pytest.raises(InputError, match=message):
        check("one", variant, batch=1)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_told_before_anything_starts(tmp_path: Path, value: float) -> None:
    weights = timm.create_model(SMALL.removeprefix("tu-")).state_dict()
    file = tmp_path / "small.safetensors"
    variant = Variant(encoders=(SMALL,), weights=str(file))
    save_file(weights, file)
    check("one", variant)
    weights["conv_stem.weight"][0, 0, 0, 0] = value
    save_file(weights, file)
    told = r"variants.one.weights: found values that are no numbers in .*small.safetensors: model.conv_stem.weight, ex"
    with pytest.raises(InputError, match=told):
        check("one", variant)


def test_what_can_be_built_passes_and_draws_no_random_number() -> None:
    torch.manual_seed(3)
    state = torch.get_rng_state()
    check("one", VARIANTS["sum"])
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("optimiser_", ["adam", "sgd"])
def test_frozen_networks_end_as_if_each_were_trained_by_itself(optimiser_: str) -> None:
    """And networks that are not frozen do not: the head's loss reaches them."""
    ends = {}
    for frozen in (True, False):
        network, _ = trained(Variant(encoders=(SMALL, SMALL), join="outputs", frozen=frozen), 3, optimiser=optimiser_)
        ends[frozen] = network.networks
    whole = build(VARIANTS["outputs, frozen"], 0)
    for place in (0, 1):
        alone, recipe = (
            whole.networks[place].train(),
            VARIANTS["outputs"].trained_as(
                Training(batch_size=2, precision="float32", augmentation="none", optimiser=optimiser_)
            ),
        )
        stepper = Stepper(alone, optimiser(alone, recipe), *films(64), recipe)
        for _ in range(3):
            stepper(torch.arange(2), torch.zeros(2, 6), torch.tensor(recipe.learning_rate))
        assert all(map(torch.equal, ends[True][place].state_dict().values(), alone.state_dict().values()))
        assert not all(map(torch.equal, ends[False][place].state_dict().values(), alone.state_dict().values()))


def test_the_head_of_frozen_networks_learns_and_answers_alone_afterwards() -> None:
    variant = VARIANTS["outputs, frozen"]
    network, _ = trained(variant, 3)
    assert not torch.equal(network.head.weight, build(variant, 0).head.weight)
    seen = films(64)[0].float() / 127.5 - 1
    network.eval()
    members = torch.cat([each(seen) for each in network.networks], dim=1)
    assert torch.equal(network(seen), network.head(members))
