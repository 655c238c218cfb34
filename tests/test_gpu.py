"""What only a GPU can show: the captured step, and the CPU's numbers from it. Skipped where there is none."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from lungseg.learning import stepper
from lungseg.learning.training import Checkpoint, Examples, fit, start
from lungseg.networks.build import build
from lungseg.recipe import Training, Variant
from tests.learning.test_training import discs

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")

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


def losses(device: str, recipe: Training = RECIPE, checkpoint: Checkpoint | None = None) -> list[float]:
    """Training losses of the epochs."""
    place = start(device, 1)
    examples = Examples.of(discs(40), place)
    network = build(VARIANT, 0).to(place)
    return [epoch.train_loss for epoch in fit(network, examples, examples, recipe, 0, checkpoint)]


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
