"""What only a GPU can show: the captured step, and the CPU's numbers from it. Skipped where there is none."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

from lungseg.learning import stepper
from lungseg.learning.memory import card_bytes
from lungseg.learning.training import Checkpoint, Epoch, Examples, fit, start
from lungseg.learning.weights import describe_run
from lungseg.networks.build import build
from lungseg.recipe import Training, Variant
from tests.learning.test_stepper import CHOICES, TRAININGS, VARIANTS
from tests.learning.test_training import discs

pytestmark = [
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU"),
    pytest.mark.filterwarnings("ignore:.*does not have a deterministic implementation:UserWarning"),
]

# Ten steps an epoch: three before the capture, seven replayed.
RECIPE = Training(epochs=3, batch_size=4, learning_rate=0.003, precision="float32")
VARIANT = Variant(encoders=("mobilenetv2",))


@pytest.fixture(autouse=True)
def exact() -> Iterator[None]:
    """Whole float32 products, so that the two devices can be compared."""
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    yield
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


def epochs(
    device: str, recipe: Training = RECIPE, checkpoint: Checkpoint | None = None, variant: Variant = VARIANT
) -> list[Epoch]:
    """The epochs of a training."""
    place = start(device, 1)
    examples = Examples.of(discs(40), place)
    return list(fit(build(variant, 0).to(place), examples, examples, recipe, 0, checkpoint))


def losses(device: str, recipe: Training = RECIPE, checkpoint: Checkpoint | None = None) -> list[float]:
    """Training losses of the epochs."""
    return [epoch.train_loss for epoch in epochs(device, recipe, checkpoint)]


def test_captured_steps_learn_what_single_steps_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    captured = losses("cuda")
    monkeypatch.setattr(stepper, "WARM_UP", 10**9)
    assert captured == pytest.approx(losses("cuda"), rel=1e-3)


def test_gpu_starts_on_the_path_of_the_cpu() -> None:
    assert losses("cuda")[0] == pytest.approx(losses("cpu")[0], rel=1e-2)


def test_bfloat16_learns_on_the_gpu() -> None:
    found = losses("cuda", RECIPE.model_copy(update={"precision": "bfloat16"}))
    assert found[-1] < found[0]
    assert found == pytest.approx(losses("cuda"), rel=0.1)


def test_resumes_with_its_optimiser(tmp_path: Path) -> None:
    whole = losses("cuda")
    place = start("cuda", 1)
    checkpoint, examples = Checkpoint(tmp_path / "checkpoint.pt", "discs", seconds=0), Examples.of(discs(40), place)
    interrupted = fit(build(VARIANT, 0).to(place), examples, examples, RECIPE, 0, checkpoint)
    next(interrupted)
    next(interrupted)
    interrupted.close()
    assert losses("cuda", RECIPE, checkpoint) == pytest.approx(whole, rel=1e-3)


def captured(variant: Variant, recipe: Training) -> None:
    """Hold that all but the first steps of a training are replayed, without a warning, and that its card says so."""
    found = epochs("cuda", recipe.model_copy(update={"epochs": 2, "batch_size": 4}), None, variant)
    assert [epoch.captured for epoch in found] == [0.7, 1.0]
    assert found[1].train_loss < found[0].train_loss
    network = build(variant, 0).to("cuda")
    assert describe_run(network, variant, recipe, found, discs(1))["steps"] == "captured"


@pytest.mark.parametrize(
    "variant", VARIANTS, ids=lambda v: "+".join(v.encoders or ("unet",)) + "-meta" * v.meta_learner
)
@pytest.mark.parametrize("precision", CHOICES["precision"])
def test_every_variant_is_captured(variant: Variant, precision: str) -> None:
    captured(variant, RECIPE.model_copy(update={"precision": precision}))


@pytest.mark.parametrize("recipe", TRAININGS, ids=lambda recipe: "-".join(getattr(recipe, name) for name in CHOICES))
def test_every_choice_is_captured(recipe: Training) -> None:
    captured(VARIANTS[0], recipe)


@pytest.mark.parametrize("waits", [False, True], ids=["refused by PyTorch", "refused by the driver"])
def test_a_failed_capture_goes_on_with_single_steps(monkeypatch: pytest.MonkeyPatch, waits: bool) -> None:
    """A network with dropout: the generator, too, must be as it was."""
    variant = Variant(encoders=("mobilenetv2",), meta_learner=True)
    with monkeypatch.context() as patch:
        patch.setattr(stepper, "WARM_UP", 10**9)
        expected = [epoch.train_loss for epoch in epochs("cuda", variant=variant)]
    whole = stepper.Stepper._step

    def unfit(self: stepper.Stepper, index: Tensor, draws: Tensor) -> Tensor:
        loss = whole(self, index, draws)
        if torch.cuda.is_current_stream_capturing():
            torch.cuda.synchronize() if waits else torch.ones(3).to(index.device)
        return loss

    monkeypatch.setattr(stepper.Stepper, "_step", unfit)
    with pytest.warns(UserWarning, match="the GPU takes single steps") as told:
        found = epochs("cuda", variant=variant)
    assert len([each for each in told if "single steps" in str(each.message)]) == 1
    assert [epoch.train_loss for epoch in found] == pytest.approx(expected, rel=1e-3)
    assert describe_run(build(variant, 0), variant, RECIPE, found, discs(1))["steps"] == "single"


def test_validation_between_replays_does_not_move_the_training(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = losses("cuda")
    monkeypatch.setattr("lungseg.learning.training.validate", lambda network, *_: (network.eval(), (0.0, 0.5, 0.0))[1])
    assert losses("cuda") == pytest.approx(plain, rel=1e-3)


def test_two_processes_share_the_cards_out(tmp_path: Path) -> None:
    program = "import sys; from lungseg.learning.training import start; "
    program += "print(start('cuda', 1, 10**9), flush=True); sys.stdin.read()"
    pipe, jobs = subprocess.PIPE, []
    for _ in range(2):
        command = ["env", f"TMPDIR={tmp_path}", sys.executable, "-c", program]
        jobs.append(subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True))
        assert jobs[-1].stdout.readline().startswith("cuda:")  # type: ignore[union-attr]
    claims = list(tmp_path.rglob("*.claim"))
    assert [path.read_text() for path in claims] == ["1000000000"] * 2
    assert len({path.parent for path in claims}) == min(2, torch.cuda.device_count())
    for job in jobs:
        job.kill()
        job.communicate()


def test_a_card_holds_what_is_foretold_of_a_training() -> None:
    for variant in VARIANTS:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        epochs("cuda", RECIPE.model_copy(update={"epochs": 1}), None, variant)
        assert torch.cuda.max_memory_reserved() < card_bytes(variant, RECIPE, 32)
