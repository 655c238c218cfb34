"""Training: the same bytes from the same seed, with or without a kill; two films can be learnt by heart."""

import signal
import subprocess
import sys
import warnings
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save, save_file
from torch import Tensor, nn

from lungseg.data.films import Part
from lungseg.errors import InputError
from lungseg.files import read_rows
from lungseg.learning import run, stepper, training
from lungseg.learning.batches import round_of
from lungseg.learning.losses import loss_per_image
from lungseg.learning.run import Recipe, train_run
from lungseg.learning.run_files import CARD, read_card
from lungseg.learning.run_files import diverged as run_diverged
from lungseg.learning.schedules import learning_rate
from lungseg.learning.training import (
    Checkpoint,
    Epoch,
    Examples,
    fit,
    identity,
    start,
    validate,
)
from lungseg.learning.weights import describe_run
from lungseg.networks.build import build
from lungseg.networks.head import DenseHead
from lungseg.recipe import Head, Training, Variant

SIZE = 32
RECIPE = Training(epochs=5, batch_size=4, learning_rate=0.01, schedule="constant", precision="float32")
VARIANT = Variant(width=4)


def discs(number: int, seed: int = 0) -> Part:
    """Dark discs on a bright ground, with their masks."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIZE, :SIZE]
    centres, radii = rng.uniform(10, 22, (number, 2)), rng.uniform(4, 9, number)
    masks = np.stack([(y - a) ** 2 + (x - b) ** 2 < r**2 for (a, b), r in zip(centres, radii, strict=True)])
    images = np.clip(180 - 90 * masks + rng.normal(0, 10, masks.shape), 0, 255).astype(np.uint8)
    return Part(["phantom"] * number, [f"disc{i}" for i in range(number)], images, masks.astype(np.uint8))


def network(seed: int) -> nn.Module:
    """A small U-Net with all that a training must repeat: normalisation and dropout."""
    small = build(VARIANT, seed)
    small.head = DenseHead(VARIANT.width, Head())
    return small


def saved(trained: nn.Module) -> bytes:
    """Weights as safetensors bytes."""
    return save({key: value.contiguous() for key, value in trained.state_dict().items()})


def train(seed: int = 0, checkpoint: Checkpoint | None = None, recipe: Training = RECIPE) -> tuple[bytes, list[Epoch]]:
    """Weights after a whole training, and its epochs."""
    examples = Examples.of(discs(24), start("cpu", 1))
    trained = network(seed)
    epochs = list(fit(trained, examples, examples, recipe, seed, checkpoint))
    return saved(trained), epochs


@pytest.fixture(scope="module")
def undisturbed() -> tuple[bytes, list[Epoch]]:
    """What a training with seed 0 ends in."""
    return train(0)


def test_same_seed_same_weights_and_another_seed_others(undisturbed: tuple[bytes, list[Epoch]]) -> None:
    first, _ = undisturbed
    assert train(0)[0] == first
    assert train(1)[0] != first


def test_seed_decides_the_path_from_the_same_start() -> None:
    examples, ends = Examples.of(discs(24), start("cpu", 1)), []
    for seed in (0, 1):
        trained = network(0)
        list(fit(trained, examples, examples, RECIPE, seed, None))
        ends.append(trained.down[0][0].weight)
    assert not torch.equal(*ends)


def test_resumed_run_ends_in_the_bytes_of_one_never_interrupted(
    undisturbed: tuple[bytes, list[Epoch]], tmp_path: Path
) -> None:
    whole, epochs = undisturbed
    checkpoint = Checkpoint(tmp_path / "checkpoint.pt", "discs", seconds=0)
    examples = Examples.of(discs(24), start("cpu", 1))
    interrupted = fit(network(0), examples, examples, RECIPE, 0, checkpoint)
    for _ in range(3):
        next(interrupted)
    interrupted.close()
    resumed, again = train(0, checkpoint)
    assert resumed == whole
    assert [(e.epoch, e.lr, e.train_loss) for e in again] == [(e.epoch, e.lr, e.train_loss) for e in epochs]


def test_sigkill_in_the_middle_changes_nothing(undisturbed: tuple[bytes, list[Epoch]], tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[1]);"
        "from test_training import *; checkpoint = Checkpoint(Path(sys.argv[2]), 'discs', 0);"
        "examples = Examples.of(discs(24), start('cpu', 1));"
        "slow = lambda e: (print(e.epoch, flush=True), __import__('time').sleep(0.3));"
        "[slow(e) for e in fit(network(0), examples, examples, RECIPE, 0, checkpoint)]"
    )
    path = tmp_path / "checkpoint.pt"
    arguments = [sys.executable, "-c", program, str(Path(__file__).parent), str(path)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for line in child.stdout:
            if line.strip() == "3":
                child.send_signal(signal.SIGKILL)
                break
        assert child.wait() == -signal.SIGKILL
    assert path.exists()
    kept = torch.load(path, weights_only=True)["history"]
    resumed, epochs = train(0, Checkpoint(path, "discs", seconds=0))
    whole, alone = undisturbed
    assert resumed == whole
    assert len(kept) >= 2
    assert [vars(epoch) for epoch in epochs[: len(kept)]] == kept  # these were not trained again
    assert [epoch.train_loss for epoch in epochs] == [epoch.train_loss for epoch in alone]
    assert len(epochs) == RECIPE.epochs


@pytest.fixture(scope="module")
def checkpointed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The last checkpoint of a whole training."""
    path = tmp_path_factory.mktemp("checkpointed") / "checkpoint.pt"
    train(0, Checkpoint(path, "discs", seconds=0))
    return path.read_bytes()


@pytest.mark.parametrize("damage", ["empty", "half", "random", "one bit", "text", "another file of torch"])
def test_a_damaged_checkpoint_is_set_aside_and_the_training_starts_anew(
    undisturbed: tuple[bytes, list[Epoch]], checkpointed: bytes, tmp_path: Path, damage: str
) -> None:
    path, whole = tmp_path / "checkpoint.pt", checkpointed
    middle = len(whole) // 2
    contents = {
        "empty": b"", "half": whole[:middle], "random": np.random.default_rng(0).bytes(5000),
        "text": b"no checkpoint\n",
        "one bit": whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :],
    }  # fmt: skip
    if damage == "another file of torch":
        torch.save({"weights": torch.zeros(3)}, path)
    else:
        path.write_bytes(contents[damage])
    with pytest.warns(UserWarning, match=r"checkpoint.pt is damaged \(.*set aside as checkpoint.pt.damaged.* anew"):
        again = train(0, Checkpoint(path, "discs", seconds=1e9))
    assert again[0] == undisturbed[0] and len(again[1]) == RECIPE.epochs
    assert (tmp_path / "checkpoint.pt.damaged").exists() and not path.exists()


def test_a_diverged_training_ends_at_once_and_says_where(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    choices = RECIPE.model_copy(update={"learning_rate": 1e30})
    recipe = Recipe("unet/pooled/seed0", VARIANT, choices, 0, "code", None, 0)
    train_run(recipe, discs(24), discs(8), start("cpu", 1), tmp_path, lambda epochs, total, name: epochs)
    card = read_card(tmp_path / CARD)
    rows = read_rows(tmp_path / "history.csv")
    assert card["diverged"] == len(rows) < RECIPE.epochs and run_diverged(card)
    assert "nan" in (rows[-1]["train_loss"], rows[-1]["validation_loss"])
    told = capsys.readouterr().err
    assert f"unet/pooled/seed0 diverged in epoch {len(rows)} of 5 (loss " in told and "learning_rate" in told
    assert not (tmp_path / "checkpoint.pt").exists()  # what is no number is not gone on with
    healthy = Recipe("unet/pooled/seed0", VARIANT, RECIPE, 0, "code", None, 0)
    train_run(healthy, discs(24), discs(8), start("cpu", 1), tmp_path, lambda epochs, total, name: epochs)
    assert read_card(tmp_path / CARD)["diverged"] is None


def test_what_encoders_start_from_is_in_card_and_identity(tmp_path: Path) -> None:
    """The same path with other tensors is another run."""
    cards = []
    for seed in (1, 2):
        whole = timm.create_model("mobilenetv2_100.ra_in1k", pretrained=False, in_chans=3)
        torch.manual_seed(seed)
        for parameter in whole.parameters():
            nn.init.normal_(parameter, std=0.01)
        save_file(whole.state_dict(), tmp_path / "start.safetensors")
        variant = Variant(encoders=["mobilenetv2"], weights=str(tmp_path / "start.safetensors"))
        recipe = Recipe("one/pooled/seed0", variant, RECIPE.model_copy(update={"epochs": 1}), 0, "code", None, 60)
        train_run(recipe, discs(8), discs(4), start("cpu", 1), tmp_path, lambda epochs, total, name: epochs)
        cards.append(read_card(tmp_path / CARD))
    assert [list(card["starts"]) for card in cards] == [["mobilenetv2"]] * 2
    assert cards[0]["starts"] != cards[1]["starts"] and cards[0]["identity"] != cards[1]["identity"]
    plain = identity("code", VARIANT, RECIPE, 0, discs(3), discs(3))
    assert identity("code", VARIANT, RECIPE, 0, discs(3), discs(3), {}) == plain
    assert identity("code", VARIANT, RECIPE, 0, discs(3), discs(3), {"mobilenetv2": "a"}) != plain


def test_a_full_disk_at_a_checkpoint_is_one_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise RuntimeError("[enforce fail at inline_container.cc] . PytorchStreamWriter failed writing file data/3")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(InputError, match=r"checkpoint.pt: found .*failed writing file.* MB free.*Free space"):
        train(0, Checkpoint(tmp_path / "checkpoint.pt", "discs", seconds=0))
    assert list(tmp_path.iterdir()) == []


def test_checkpoint_of_another_run_is_not_used(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    train(0, Checkpoint(path, "other", seconds=0))
    assert path.exists()
    assert train(1, Checkpoint(path, "this", seconds=1e9))[0] == train(1)[0]


def test_identity_sees_every_ingredient() -> None:
    films, changed, moved = discs(3), discs(3), discs(3)
    changed.images[0, 0, 0] ^= 1
    moved.masks[0, 0, 0] ^= 1
    plain = identity("code", VARIANT, RECIPE, 0, films, films)
    others = [
        identity("edited", VARIANT, RECIPE, 0, films, films),
        identity("code", Variant(width=5), RECIPE, 0, films, films),
        identity("code", VARIANT, Training(epochs=7), 0, films, films),
        identity("code", VARIANT, RECIPE, 1, films, films),
        identity("code", VARIANT, RECIPE, 0, changed, films),
        identity("code", VARIANT, RECIPE, 0, films, changed),
        identity("code", VARIANT, RECIPE, 0, moved, films),
    ]
    assert len({plain, *others}) == 1 + len(others)
    assert identity("code", VARIANT, RECIPE, 0, discs(3), discs(3)) == plain


def test_a_key_with_its_default_changes_no_identity() -> None:
    """As a configuration says it, and as a whole card does; so does a key that the code learns later."""

    class Later(Variant):
        new: bool = False

    here = [VARIANT, Variant(**VARIANT.model_dump()), Later(width=4), Later(width=4, new=False)]
    assert len({identity("code", one, RECIPE, 0, discs(3), discs(3)) for one in here}) == 1
    assert identity("code", Later(width=4, new=True), RECIPE, 0, discs(3), discs(3)) != identity(
        "code", VARIANT, RECIPE, 0, discs(3), discs(3)
    )


def test_two_films_can_be_learnt_by_heart() -> None:
    examples = Examples.of(discs(2), start("cpu", 1))
    recipe = Training(epochs=60, batch_size=2, learning_rate=0.01, augmentation="none", precision="float32")
    network = build(Variant(width=8), 0)
    list(fit(network, examples, examples, recipe, 0, None))
    assert validate(network, examples, recipe)[1] > 0.97


def test_network_ends_with_the_weights_of_the_best_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    said = iter([0.5, 0.7, 0.9, 0.9, 0.6])  # neither the first epoch nor the last is the best; of two alike the first
    monkeypatch.setattr(training, "validate", lambda *_: (0.0, next(said), 0.0))
    examples, trained = Examples.of(discs(24), start("cpu", 1)), network(0)
    weights = [saved(trained) for _ in fit(trained, examples, examples, RECIPE, 0, None)]
    assert len(set(weights)) == RECIPE.epochs
    assert saved(trained) == weights[2]


def test_bfloat16_is_float32_on_a_device_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    half, ends = RECIPE.model_copy(update={"precision": "bfloat16", "epochs": 1}), {}
    for able in (True, False):
        monkeypatch.setattr(stepper, "computes_bfloat16", lambda device, able=able: able)
        card = describe_run(build(VARIANT, 0), VARIANT, half, train(0, None, half)[1], discs(1))
        assert card["arithmetic"] == ("bfloat16" if able else "float32")
        ends[able] = train(0, None, half)[0]
    assert ends[False] == train(0, None, half.model_copy(update={"precision": "float32"}))[0] != ends[True]


def test_a_processor_says_whether_it_computes_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    for told, able in (
        ({"avx2": True, "avx512_bf16": False}, False),
        ({"amx_bf16": True}, True),
        ({"neon": True}, False),
    ):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda told=told: told)
        assert stepper.computes_bfloat16(torch.device("cpu")) == able


def test_bfloat16_learns_as_float32_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stepper, "computes_bfloat16", lambda device: True)  # emulated, where the processor has none
    recipe = Training(epochs=25, batch_size=5, learning_rate=0.01, precision="float32")
    dice = [max(e.validation_dice for e in train(0, None, recipe)[1])]
    dice.append(max(e.validation_dice for e in train(0, None, recipe.model_copy(update={"precision": "bfloat16"}))[1]))
    assert min(dice) > 0.8
    assert abs(dice[0] - dice[1]) < 0.1


def test_loss_of_known_predictions() -> None:
    mask = torch.zeros(2, 1, 4, 4)
    mask[:, :, :2] = 1
    sure = torch.where(mask > 0, 50.0, -50.0)
    assert loss_per_image(sure, mask) == pytest.approx([0.0, 0.0], abs=1e-6)
    undecided = loss_per_image(torch.zeros(2, 1, 4, 4), mask)  # p = 1/2: BCE log 2, Dice (2*4+1)/(8+8+1)
    assert undecided == pytest.approx([np.log(2) + 1 - 9 / 17] * 2, abs=1e-6)


def test_learning_rate_falls_from_the_start_to_zero() -> None:
    rates = [learning_rate(Training(), step, 100) for step in range(101)]
    assert rates[0] == Training().learning_rate
    assert rates[100] == pytest.approx(0)
    assert all(a > b for a, b in pairwise(rates))
    assert learning_rate(RECIPE, 99, 100) == RECIPE.learning_rate


def test_steps_go_over_every_film_once_in_whole_batches() -> None:
    order = round_of(Training(batch_size=4), 10, 0, 1).order
    assert order.shape == (2, 4)
    assert len(set(order.ravel())) == 8
    few = round_of(Training(batch_size=4), 3, 0, 1).order
    assert sorted(few.ravel()) == [0, 1, 2]  # fewer films than a batch


def test_asking_for_a_missing_gpu_is_a_clear_error() -> None:
    if torch.cuda.is_available():
        pytest.skip("a GPU is here")
    with pytest.raises(Exception, match="config key device: found cuda, expected a GPU"):
        start("cuda", 1)


class Recorded:
    """In the place of a capture, on a CPU: what is recorded is done at each replay."""

    def __init__(self, work: Callable[..., Tensor]) -> None:
        self.warm_up = self.replay = work

    def record(self, *inputs: Tensor) -> None:
        """Nothing can fail."""


class Refused(Recorded):
    """A recording that fails in the backward pass, and leaves gradients behind."""

    def __init__(self, work: Callable[..., Tensor]) -> None:
        super().__init__(work)
        self.network, self.replay = work.__self__.network, None  # type: ignore[attr-defined, assignment]

    def record(self, *inputs: Tensor) -> None:
        """Fail."""
        for parameter in self.network.parameters():
            parameter.grad = torch.ones_like(parameter)
        raise RuntimeError("operation not permitted when stream is capturing\nCompile with TORCH_USE_CUDA_DSA")


@pytest.mark.parametrize(("stand_in", "steps_taken"), [(Recorded, "captured"), (Refused, "single")])
def test_a_capture_or_its_failure_changes_no_result(
    monkeypatch: pytest.MonkeyPatch, stand_in: type[Recorded], steps_taken: str
) -> None:
    plain, epochs = train()
    assert describe_run(build(VARIANT, 0), VARIANT, RECIPE, epochs, discs(1))["steps"] == "single"
    monkeypatch.setattr(stepper, "captures", lambda device: True)
    monkeypatch.setattr(stepper, "Capture", stand_in)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        found, epochs = train()
    assert found == plain
    assert describe_run(build(VARIANT, 0), VARIANT, RECIPE, epochs, discs(1))["steps"] == steps_taken
    assert [epoch.captured for epoch in epochs] == ([0.5, 1, 1, 1, 1] if steps_taken == "captured" else [0] * 5)
    expected = (
        "the GPU takes single steps, slower: their capture failed (operation not permitted when stream is capturing)"
    )
    assert [str(each.message) for each in told] == [expected] * (steps_taken == "single")


@pytest.mark.parametrize(("here", "computed"), [("float32", 4), ("bfloat16", 5)])
def test_a_run_goes_on_in_the_arithmetic_in_which_it_began(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, here: str, computed: int
) -> None:
    looked: list[int] = []
    monkeypatch.setattr(training, "validate", lambda *_: looked.append(1) or (0.0, 0.5, 0.5))
    given = Recipe("unet/pooled/seed0", VARIANT, RECIPE, 0, "code", None, 60), discs(8), discs(4), torch.device("cpu")
    with pytest.raises(ZeroDivisionError):
        train_run(*given, tmp_path, lambda epochs, total, name: [1 / 0 for _ in epochs])
    looked.clear()
    monkeypatch.setattr(run, "arithmetic", lambda *_: here)
    train_run(*given, tmp_path, lambda epochs, total, name: epochs)
    assert len(looked) == computed


def test_a_run_beside_bundles_of_another_arithmetic_is_refused_before_it_begins(tmp_path: Path) -> None:
    recipe = Recipe("unet/pooled/seed0", VARIANT, RECIPE, 0, "code", None, 60, arithmetic="bfloat16")
    assert RECIPE.precision == "float32"
    with pytest.raises(InputError, match="the arithmetic of cpu: found float32, expected bfloat16, as in the bundles"):
        train_run(recipe, discs(24), discs(8), start("cpu", 1), tmp_path, lambda epochs, total, name: epochs)
    assert list(tmp_path.iterdir()) == []
