"""Export: the file answers as the run does, says what it takes, and is not there where it does not."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import segmentation_models_pytorch as smp
import torch

from lungseg.described import read_metadata
from lungseg.errors import InputError
from lungseg.learning import export as exporting
from lungseg.learning.export import Agreement, Disagreement, agrees, compare, export, phantoms
from lungseg.learning.run_files import CARD, WEIGHTS
from lungseg.learning.weights import load_network, save_network
from lungseg.networks.build import build
from lungseg.onnx_runtime import runtime
from lungseg.recipe import Training, Variant
from tests.trained import SIZE


@pytest.fixture
def trained(runs: list[Path]) -> Path:
    return runs[0]


@dataclass(frozen=True)
class Exported:
    """The file of a run, and how it answered."""

    file: Path
    found: Agreement


@pytest.fixture(scope="module")
def exported(runs: list[Path], tmp_path_factory: pytest.TempPathFactory) -> dict[bool, Exported]:
    """The trained run's file in full, and with weights in 16 bits (True)."""
    files = {half: tmp_path_factory.mktemp("exported") / "net.onnx" for half in (False, True)}
    return {half: Exported(file, export(runs[0], file, half=half)) for half, file in files.items()}


def _untrained(folder: Path, variant: Variant, **facts: object) -> Path:
    """A run that nobody trained."""
    folder.mkdir(parents=True, exist_ok=True)
    card = {"run": "net/drawn/seed0", "size": 64, "frame": "pad", "training": Training().model_dump(mode="json")}
    card |= {"variant": variant.model_dump(mode="json")} | facts
    save_network(build(variant, 0), folder / WEIGHTS, folder / CARD, card)
    return folder


@pytest.mark.parametrize("half", [False, True])
def test_the_file_answers_as_the_run_does_at_any_size(
    trained: Path, exported: dict[bool, Exported], half: bool
) -> None:
    assert exported[half].found.films == 8 and exported[half].found.extent > 1
    session = runtime().InferenceSession(exported[half].file, providers=["CPUExecutionProvider"])
    network = load_network(trained / WEIGHTS, trained / CARD).eval()
    for height, width, films in ((64, 64, 1), (96, 160, 3)):
        batch = phantoms(height, width, range(50, 50 + films))
        with torch.inference_mode():
            ours = network(torch.from_numpy(batch)).numpy()
        theirs = session.run(None, {"films": batch})[0]
        np.testing.assert_allclose(theirs, ours, atol=(0.02 if half else 1e-3) * np.ptp(ours))
        assert ((ours > 0) != (theirs > 0)).mean() < (1e-3 if half else 1e-4)


def test_no_path_of_the_machine_is_in_the_file(exported: dict[bool, Exported]) -> None:
    packaged = Path(exporting.__file__).parents[1] / "models/lungs-0.onnx"
    for file in (packaged, *(one.file for one in exported.values())):
        content = file.read_bytes()
        assert b"site-packages" not in content and b'File "' not in content, file


def test_half_of_the_bytes(exported: dict[bool, Exported]) -> None:
    assert exported[True].file.stat().st_size < 0.6 * exported[False].file.stat().st_size


def test_the_file_says_what_it_takes_and_where_it_comes_from(trained: Path, exported: dict[bool, Exported]) -> None:
    session = runtime().InferenceSession(exported[True].file, providers=["CPUExecutionProvider"])
    metadata = session.get_modelmeta().custom_metadata_map
    described = read_metadata(metadata, "net.onnx")
    card = json.loads((trained / CARD).read_text())
    assert (described.size, described.frame, described.precision) == (SIZE, "stretch", "float16")
    assert described.weights_sha256 == card["weights_sha256"] and json.loads(described.variant) == card["variant"]
    assert "127.5" in metadata["input"] and "MIT" in described.licence and described.trained_on == "unknown"


@pytest.mark.parametrize(
    "variant",
    [
        Variant(encoders=("mobilenetv2",)),
        Variant(width=4, meta_learner=True),
    ],
    ids=["encoder", "meta learner"],
)
def test_other_networks_agree(tmp_path: Path, variant: Variant) -> None:
    export(_untrained(tmp_path / "run", variant), tmp_path / "net.onnx")
    assert (tmp_path / "net.onnx").is_file()


def test_no_file_is_kept_where_the_two_disagree(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is made of another network than the run's."""
    write = exporting._write
    monkeypatch.setattr(exporting, "_write", lambda network, *rest: write(build(Variant(width=6), 1).eval(), *rest))
    with pytest.raises(Disagreement, match=r"logits .* apart where they span .*No file was kept"):
        export(trained, tmp_path / "net.onnx")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("found", "kept"),
    [
        (Agreement(1, 0.001, 1.0, 0, 100), True),
        (Agreement(1, 0.0011, 1.0, 0, 100), False),
        (Agreement(1, 0.0, 1.0, 1, 10_000), True),
        (Agreement(1, 0.0, 1.0, 2, 10_000), False),
        (Agreement(1, float("nan"), 1.0, 0, 100), False),
        (Agreement(1, float("nan"), float("nan"), 0, 100), False),
    ],
)
def test_what_agreement_is(found: Agreement, kept: bool) -> None:
    assert agrees(found, "float32") is kept


def test_pyramid_pooling_is_refused_and_would_be_wrong(tmp_path: Path) -> None:
    """Its windows are baked in for the example's size; the comparison would find it out too."""
    torch.manual_seed(0)
    network = smp.PSPNet("mobilenet_v2", encoder_weights=None, in_channels=1, classes=1).eval()
    with pytest.raises(InputError, match=r"pyramid pooling .*lungseg segment --from-run"):
        exporting.refuse_fixed_grid(network, "run")
    exporting.refuse_fixed_grid(build(Variant(width=4), 0), "run")


def test_global_pooling_is_no_pyramid() -> None:
    exporting.refuse_fixed_grid(torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1)), "run")


def test_the_frame_comes_from_the_card_or_the_manifest_or_the_person(tmp_path: Path) -> None:
    run = _untrained(tmp_path / "results/runs/net/drawn/seed0", Variant(width=4), frame=None)
    with pytest.raises(InputError, match=r"no word on how its films were squared.*Give --frame"):
        exporting.describe(run, None)
    assert exporting.describe(run, "crop").frame == "crop"
    config = {"preprocessing": {"frame": "pad"}, "train_on": {"drawn": ["montgomery", "jsrt"]}}
    (tmp_path / "results/manifest.json").write_text(json.dumps({"config": config}))
    described = exporting.describe(run, None)
    assert described.frame == "pad" and described.trained_on == "montgomery, jsrt"
    assert "U.S. National Library of Medicine" in described.licence and "Utrecht" in described.licence
    with pytest.raises(InputError, match="found crop, expected pad"):
        exporting.describe(run, "crop")


@pytest.mark.parametrize("fact", [{"run": "net"}, {"size": 65}, {"size": 8192}, {"frame": "zoom"}], ids=str)
def test_a_card_that_no_run_has_is_told(tmp_path: Path, fact: dict[str, object]) -> None:
    run = _untrained(tmp_path / "run", Variant(width=4))
    card = json.loads((run / "weights.json").read_text()) | fact
    (run / "weights.json").write_text(json.dumps(card))
    ((key, found),) = fact.items()
    with pytest.raises(InputError, match=f"weights.json, {key}: found {found!r}, expected"):
        exporting.describe(run, None)


def test_no_run_and_a_diverged_run_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no weights.json, expected the folder of a trained run"):
        exporting.describe(tmp_path, None)
    run = _untrained(tmp_path / "run", Variant(width=4), diverged=3)
    with pytest.raises(InputError, match="a training that diverged"):
        exporting.describe(run, None)


def test_a_file_without_description_is_told() -> None:
    with pytest.raises(InputError, match="no description of its input, expected format 1"):
        read_metadata({}, "a.onnx")
    whole = {"lungseg_format": "1", "size": "64", "frame": "pad", "run": "a/b/seed0"}
    assert read_metadata(whole, "a.onnx").size == 64
    for key, value in {"size": "65", "frame": "round"}.items():
        with pytest.raises(InputError, match=f"a.onnx, {key}: found '{value}'"):
            read_metadata(whole | {key: value}, "a.onnx")


def test_the_command_ends_with_what_was_found(
    trained: Path,
    run: Callable[..., int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("export", trained, tmp_path / "net.onnx", "--float16") == 0
    assert "of 57344 pixels change sides" in capsys.readouterr().out
    monkeypatch.setattr(exporting, "agrees", lambda *_: False)
    assert run("export", trained, tmp_path / "other.onnx") == 1
    assert "No file was kept" in capsys.readouterr().err and not (tmp_path / "other.onnx").exists()
    assert run("export", tmp_path, tmp_path / "third.onnx") == 2


def test_compare_sees_another_network(exported: dict[bool, Exported]) -> None:
    other = compare(build(Variant(width=6), 1).eval(), exported[False].file, SIZE)
    assert not agrees(other, "float32") and other.flipped > 0
