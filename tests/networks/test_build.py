"""Networks: shapes, gradients that reach everything, scales on one grid, weights from where they should come."""

from pathlib import Path

import pytest
import requests
import segmentation_models_pytorch as smp
import torch
from safetensors.torch import save_file
from torch import nn

from lungseg.errors import InputError
from lungseg.networks.build import build, undrawn
from lungseg.networks.cpu_layers import Dropout, StridedDepthwise, UpConvolution
from lungseg.networks.encoders import JoinedEncoder
from lungseg.networks.head import DenseHead
from lungseg.networks.pretrained import mobilenetv2_8bit
from lungseg.networks.unet import UNet
from lungseg.recipe import Head, Variant

VARIANTS = {
    "unet": Variant(width=4),
    "unet_mobilenetv2": Variant(encoders=("mobilenetv2",)),
    "unet_inceptionresnetv2": Variant(encoders=("inceptionresnetv2",)),
    "proposed": Variant(encoders=("mobilenetv2", "inceptionresnetv2"), meta_learner=True),
}


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
def test_shape_is_kept_and_gradients_reach_every_parameter(variant: Variant) -> None:
    network = build(variant, 0).train()
    films = torch.randn(2, 1, 64, 96)
    logits = network(films)
    assert logits.shape == films.shape
    logits.square().mean().backward()
    missing = [name for name, tensor in network.named_parameters() if tensor.grad is None]
    assert missing == []


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
def test_seed_decides_the_start(variant: Variant) -> None:
    first, same, other = (next(iter(build(variant, seed).parameters())) for seed in (0, 0, 1))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("level", range(4))
def test_unet_hands_every_level_across(level: int) -> None:
    """With the way up into a level cut, that level's own features still reach the output."""
    network = UNet(4).eval()
    nn.init.zeros_(network.up[3 - level].weight)
    network(torch.randn(1, 1, 32, 32)).sum().backward()
    assert network.down[level][0].weight.grad.abs().sum() > 0


def test_both_encoders_lie_on_one_grid() -> None:
    encoder = JoinedEncoder(("mobilenetv2", "inceptionresnetv2")).eval()
    with torch.inference_mode():
        scales = encoder(torch.randn(1, 1, 128, 128))
    assert [scale.shape[-1] for scale in scales] == [128, 64, 32, 16, 8, 4]
    assert [scale.shape[1] for scale in scales] == encoder.out_channels
    singles = [JoinedEncoder((name,)).out_channels for name in encoder.names]
    assert [a + b for a, b in zip(singles[0][1:], singles[1][1:], strict=True)] == encoder.out_channels[1:]


def test_padded_inception_looks_where_the_input_is() -> None:
    """A spot in the film answers at the same place of every scale; without padding it drifts to the upper left."""
    encoder = JoinedEncoder(("inceptionresnetv2",)).eval()
    film = torch.randn(1, 1, 128, 128, generator=torch.Generator().manual_seed(0)).requires_grad_()
    scale = encoder(film)[2]  # 32 x 32: before the deep layers see everything
    (gradient,) = torch.autograd.grad(scale[0, :, 16, 16].sum(), film)
    rows = gradient[0, 0].abs().sum(dim=1)
    centre = (rows * torch.arange(128)).sum() / rows.sum()
    assert abs(centre - 66) < 4  # pixel 16 of 32 stands for rows 64 to 67


def test_joined_encoder_is_known_to_segmentation_models_pytorch() -> None:
    network = smp.Unet("lungseg:concatenate:mobilenetv2+inceptionresnetv2", encoder_weights=None, in_channels=1)
    assert isinstance(network.encoder, JoinedEncoder)


def test_parameters_are_those_of_the_libraries_own_unets() -> None:
    def count(network: torch.nn.Module) -> int:
        return sum(p.numel() for p in network.parameters())

    mobile = smp.Unet("tu-mobilenetv2_100", encoder_weights=None, in_channels=1)
    inception = smp.Unet("inceptionresnetv2", encoder_weights=None, in_channels=1)
    assert count(build(VARIANTS["unet_mobilenetv2"], 0)) == count(mobile)
    assert count(build(VARIANTS["unet_inceptionresnetv2"], 0)) == count(inception)


def test_meta_learner_is_as_the_paper_says() -> None:
    head = DenseHead(16, Head())
    assert [layer.out_channels for layer in head if isinstance(layer, torch.nn.Conv2d)] == [32, 64, 128, 1]
    assert [layer.p for layer in head if isinstance(layer, torch.nn.Dropout)] == [0.4]
    assert any(isinstance(layer, torch.nn.BatchNorm2d) for layer in head)
    assert isinstance(build(VARIANTS["proposed"], 0).segmentation_head, DenseHead)


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "mobilenetv2.safetensors"
    save_file(mobilenetv2_8bit(), file)
    assert build(Variant(encoders=("mobilenetv2",), weights=str(file)), 0)
    with pytest.raises(InputError, match="expected the weights of timm's inception_resnet_v2"):
        build(Variant(encoders=("inceptionresnetv2",), weights=str(file)), 0)


def test_missing_or_broken_weights_file_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file, expected a safetensors file"):
        build(Variant(encoders=("mobilenetv2",), weights=str(tmp_path / "none.safetensors")), 0)
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"\0" * 100)
    with pytest.raises(InputError, match=r"broken.safetensors: found .* expected the weights of timm's mobilenetv2"):
        build(Variant(encoders=("mobilenetv2",), weights=str(broken)), 0)


def _no_network(url: str, **options: object) -> None:
    raise requests.ConnectionError("no network")


def test_hub_out_of_reach_names_the_choices(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LUNGSEG_WEIGHTS", str(tmp_path))
    monkeypatch.setattr("requests.get", _no_network)
    told = r"weights of mobilenetv2_100\.ra_in1k: found .*Choose `weights: random`, `imagenet-8bit`"
    with pytest.raises(InputError, match=told):
        build(Variant(encoders=("mobilenetv2",), weights="imagenet"), 0)


def test_strided_depthwise_layers_are_computed_in_float32_on_a_cpu() -> None:
    """Slow in bfloat16; in float32 they must give what the plain layer gives, gradient included."""
    encoder = build(Variant(encoders=("mobilenetv2",)), 0).encoder
    layers = [module for module in encoder.modules() if isinstance(module, StridedDepthwise)]
    assert [layer.in_channels for layer in layers] == [96, 144, 192, 576]
    layer, images = layers[0], torch.randn(2, 96, 16, 16).bfloat16()
    plain = nn.Conv2d(96, 96, 3, stride=2, padding=1, groups=96, bias=False)
    plain.load_state_dict(layer.state_dict())
    with torch.autocast("cpu", torch.bfloat16):
        found = layer(images)
    expected = plain(images.float())
    assert torch.equal(found, expected.bfloat16())  # rounded once, at the end
    for output in (found, expected):
        output.backward(torch.ones_like(output))
    torch.testing.assert_close(layer.weight.grad, plain.weight.grad)


@pytest.mark.parametrize("bfloat16", [False, True])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=str)
def test_up_convolution_is_pytorchs_and_so_are_its_gradients(bfloat16: bool, layout: torch.memory_format) -> None:
    torch.manual_seed(0)
    own, plain = UpConvolution(6, 4).to(memory_format=layout), nn.ConvTranspose2d(6, 4, 2, stride=2)
    plain.load_state_dict(own.state_dict())
    images, weight_of_output = torch.randn(3, 6, 5, 7), torch.randn(3, 4, 10, 14)
    results = []
    for layer in (own, plain):
        x = images.clone().contiguous(memory_format=layout).requires_grad_()
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16 and layer is own):
            output = layer(x)
        (output.float() * weight_of_output).sum().backward()
        results.append([output.float(), x.grad, layer.weight.grad, layer.bias.grad])
    assert results[0][0].shape == (3, 4, 10, 14)
    close = {"atol": 0.02, "rtol": 0.02} if bfloat16 else {"atol": 1e-5, "rtol": 1e-5}
    for found, expected in zip(*results, strict=True):
        assert found.dtype == torch.float32
        torch.testing.assert_close(found / expected.abs().max(), expected / expected.abs().max(), **close)


def test_up_convolutions_gradients_are_differences() -> None:
    layer, images = UpConvolution(3, 2).double(), torch.randn(2, 3, 2, 3, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradcheck(layer, images)
    assert torch.autograd.gradcheck(
        lambda *parameters: torch.func.functional_call(
            layer, dict(zip(("weight", "bias"), parameters, strict=True)), images
        ),
        tuple(layer.parameters()),
    )


def test_no_activation_works_in_place() -> None:
    for variant in (Variant(width=2), Variant(encoders=("mobilenetv2", "inceptionresnetv2"), meta_learner=True)):
        activations = [m for m in build(variant, 0).modules() if isinstance(m, nn.ReLU | nn.ReLU6)]
        assert activations
        assert not any(activation.inplace for activation in activations)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_dropout_drops_its_share_and_keeps_the_mean(dtype: torch.dtype) -> None:
    """Each value is kept as it is, scaled, or dropped; drawn anew each time, from the seed; as PyTorch's does."""
    torch.manual_seed(0)
    layer, images = Dropout(0.4), torch.ones(3, 5, 101, 99, dtype=dtype).contiguous(memory_format=torch.channels_last)
    images.requires_grad_()
    found, other = layer(images), layer(images)
    assert found.stride() == images.stride()
    assert found.unique().tolist() == pytest.approx([0, 1 / 0.6], rel=1e-4 if dtype == torch.float32 else 2**-8)
    dropped = (found == 0).double()
    error = (0.4 * 0.6 / found.numel()) ** 0.5
    assert abs(dropped.mean() - 0.4) < 4 * error
    both = ((found == 0) & (other == 0)).double().mean()  # independent: 0.4 squared
    assert abs(both - 0.16) < 4 * (0.16 * 0.84 / found.numel()) ** 0.5
    neighbours = (dropped[..., 1:] * dropped[..., :-1]).mean()
    assert abs(neighbours - 0.16) < 6 * error
    found.sum().backward()
    assert images.grad is not None and torch.equal(images.grad, found.detach())  # dropped values learn nothing
    torch.manual_seed(0)
    assert torch.equal(layer(images), found)
    assert torch.equal(layer.eval()(images), images)


@pytest.mark.parametrize(
    "variant",
    [
        Variant(width=4),
        Variant(encoders=("mobilenetv2", "inceptionresnetv2"), meta_learner=True),
        Variant(encoders=("mobilenetv2", "mobilenetv2"), join="outputs"),
        Variant(encoders=("resnet18",), decoder="fpn"),
    ],
)
def test_what_is_read_into_an_undrawn_network_is_all_there_is_of_it(variant: Variant) -> None:
    drawn, shell = build(variant, seed=3, pretrained=False).eval(), undrawn(variant).eval()
    for each in (*shell.parameters(), *shell.buffers()):
        each.detach().fill_(float("nan") if each.is_floating_point() else 7)  # whatever memory held
    shell.load_state_dict(drawn.state_dict())
    films = torch.rand(1, 1, 64, 64)
    assert torch.equal(shell(films), drawn(films))


def test_an_undrawn_network_draws_nothing() -> None:
    torch.manual_seed(5)
    undrawn(Variant(encoders=("mobilenetv2",)))
    after = torch.rand(3)
    torch.manual_seed(0)  # the seed that a network is built with
    assert torch.equal(after, torch.rand(3))
