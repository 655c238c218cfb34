"""Weights of others: the pinned file and no other, the colours they expect up to the border, what is told of them."""

import hashlib
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import timm
import torch
from safetensors.torch import save_file

from lungseg.cli import main
from lungseg.errors import InputError
from lungseg.networks import hub
from lungseg.networks.build import build
from lungseg.networks.starts import encoders_of, loaded
from lungseg.recipe import EIGHT_BIT, Variant

SMALL, TAGGED = "tu-mobilenetv3_small_050", "mobilenetv3_small_050.lamb_in1k"


class Quiet(SimpleHTTPRequestHandler):
    """Says nothing of what it is asked."""

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture
def classifier() -> torch.nn.Module:
    """A whole network of timm, whose running means are no zeros and ones."""
    torch.manual_seed(1)
    made = timm.create_model(TAGGED)
    for module in made.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    return made.eval()


@pytest.fixture
def offered(tmp_path: Path, classifier: torch.nn.Module) -> Path:
    """A folder with the file of one encoder."""
    (tmp_path / "offered").mkdir()
    torch.save(classifier.state_dict(), tmp_path / "offered/small.pth")
    return tmp_path / "offered"


@pytest.fixture
def address(offered: Path) -> Iterator[str]:
    """A server of that folder."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(offered)))
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def row(monkeypatch: pytest.MonkeyPatch, offered: Path, tmp_path: Path) -> hub.Pinned:
    """The file's row in a table of its own, and a folder for what is fetched."""
    digest = hashlib.sha256((offered / "small.pth").read_bytes()).hexdigest()
    made = hub.Pinned(TAGGED, "small.pth", "v1", "http://127.0.0.1:9/small.pth", digest)
    monkeypatch.setattr(hub, "pinned", lambda table: {TAGGED: made})
    monkeypatch.setenv(hub.FOLDER, str(tmp_path / "fetched"))
    return made


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr("sys.argv", ["lungseg", *words])
    with pytest.raises(SystemExit) as end:
        main()
    return int(end.value.code or 0)


def test_table_names_a_file_its_revision_and_hash() -> None:
    rows = hub.pinned(hub.TABLE)
    for row in rows.values():
        assert row.revision in row.url and row.url.endswith(row.file)
        assert len(row.sha256) in range(8, 65) and int(row.sha256, 16) >= 0
        assert row.model in timm.list_models(pretrained=True)
    assert hub.row_of("mobilenetv3_small_050") == rows[TAGGED]  # without its tag


def test_fetch_then_check(
    row: hub.Pinned, address: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "weights", "check", SMALL) == 1
    assert "not in " in capsys.readouterr().out
    assert run(monkeypatch, "weights", "fetch", SMALL, "--from", address) == 0
    assert f"revision v1, sha256 {row.sha256}" in capsys.readouterr().out
    assert run(monkeypatch, "weights", "check", SMALL) == 0
    (hub.folder() / row.file).write_bytes(b"another")
    assert run(monkeypatch, "weights", "check", SMALL) == 1
    assert "Remove it, then: lungseg weights fetch" in capsys.readouterr().err


def test_another_file_than_the_pinned_one_is_not_kept(row: hub.Pinned, address: str, offered: Path) -> None:
    (offered / "small.pth").write_bytes(b"another")
    with pytest.raises(InputError, match=f"found a file with sha256 .* expected small.pth, sha256 {row.sha256}"):
        hub.obtain(row, hub.folder(), f"{address}/small.pth")
    assert list(hub.folder().iterdir()) == []


def test_offline_is_one_message(row: hub.Pinned) -> None:
    with pytest.raises(InputError, match=r"Where there is a network: lungseg weights fetch .* set LUNGSEG_WEIGHTS"):
        build(Variant(encoders=(SMALL,), weights="imagenet"), 0)
    with pytest.raises(InputError, match="none that are pinned, expected one of mobilenetv3"):
        build(Variant(encoders=("tu-efficientnet_b0",), weights="imagenet"), 0)
    with pytest.raises(InputError, match="Choose `tu-mit_b0`"):
        build(Variant(encoders=("mit_b0",), weights="imagenet"), 0)


@pytest.mark.parametrize("join", ["concatenate", "outputs"])
def test_colours_are_those_that_the_weights_expect_up_to_the_border(
    row: hub.Pinned, address: str, classifier: torch.nn.Module, join: str
) -> None:
    hub.obtain(row, hub.folder(), f"{address}/small.pth")
    random = "tu-mobilenetv3_small_075"
    variant = Variant(encoders=(SMALL, random), weights={SMALL: "imagenet", random: "random"}, join=join)
    network = build(variant, 0).eval()
    (_, ours), (_, other) = encoders_of(network, variant)
    film = torch.rand(2, 1, 64, 96)
    about = classifier.pretrained_cfg
    mean, deviation = (torch.tensor(about[key]).view(1, 3, 1, 1) for key in ("mean", "std"))
    theirs = classifier.forward_intermediates((film.expand(-1, 3, -1, -1) - mean) / deviation, intermediates_only=True)
    for one, expected in zip(ours(film * 2 - 1)[1:], theirs, strict=False):
        torch.testing.assert_close(one, expected, rtol=1e-3, atol=1e-3)
    assert next(other.parameters()).shape[1] == 1
    told = {"weights": "imagenet", "name": "small.pth", "revision": "v1", "sha256": row.sha256}
    assert loaded(variant) == {SMALL: told}
    again = build(variant, 5, pretrained=False).eval()  # as a trained network is read: mean and deviation come along
    again.load_state_dict(network.state_dict())
    assert torch.equal(again(film), network(film))


def test_a_vision_transformer_under_dpt_takes_colours_too(tmp_path: Path) -> None:
    name, file = "vit_tiny_patch16_224", tmp_path / "vit.safetensors"
    save_file(timm.create_model(name).state_dict(), file)
    network = build(Variant(encoders=(name,), decoder="dpt", weights=str(file)), 0).eval()
    assert network.encoder.colours.mean.flatten().tolist() == [0.5] * 3
    assert network(torch.zeros(1, 1, 64, 96)).shape == (1, 1, 64, 96)


def test_a_file_may_say_its_own_colours(tmp_path: Path, classifier: torch.nn.Module) -> None:
    file = tmp_path / "own.safetensors"
    variant = Variant(encoders=(SMALL,), weights=str(file))
    for words, found in {"0.1 0.2 0.3": [0.1, 0.2, 0.3], None: [0.485, 0.456, 0.406]}.items():
        save_file(classifier.state_dict(), file, metadata={"mean": words} if words else None)
        (_, part), *_ = encoders_of(build(variant, 0), variant)
        assert part.colours.mean.flatten().tolist() == pytest.approx(found)
    save_file(classifier.state_dict(), file, metadata={"std": "1 0 1"})
    with pytest.raises(InputError, match=r"metadata std: found '1 0 1', expected three numbers"):
        build(variant, 0)


def test_what_is_told_of_the_start_in_the_package() -> None:
    variant = Variant(encoders=("mobilenetv2",), weights=EIGHT_BIT)
    told = loaded(variant)["mobilenetv2"]
    assert told["name"] == "pretrained_mobilenetv2.safetensors" and "google-coral" in str(told["revision"])
    assert loaded(Variant(encoders=(SMALL,))) == {}
