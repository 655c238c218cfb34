"""What is counted is what a hand counts; what is measured is the network's own; what cannot be had is left empty."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from time import sleep

import pytest
import torch
from torch import nn

from lungseg.files import file_hash
from lungseg.learning import costs
from lungseg.learning.apart import MB, Memory, apart
from lungseg.learning.costs import Cost, cost, count, gflops, milliseconds
from lungseg.learning.memory import step_mb
from lungseg.networks.build import build, undrawn
from lungseg.recipe import Training, Variant

CPU = torch.device("cpu")
SMALL = Variant(width=4)
ODD = """
from torch import nn

class Odd(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Conv2d(1, 1, 3, padding=1)

    def forward(self, x):
        {}
        return self.layer(x)

def network(variant):
    return Odd()
"""


def card(folder: Path, variant: Variant = SMALL, **facts: object) -> Path:
    """The card of a run, which is all that there is of it."""
    told: dict[str, object] = {
        "run": "x/y/seed0",
        "films": {},
        "code": "",
        "commit": None,
        "arithmetic": "float32",
        "seconds": 1.0,
    }
    told |= {"size": 32, "parameters": 99, "processor": "a CPU", "gpu": None}
    told |= {"variant": variant.model_dump(mode="json")}
    told |= {"training": Training(batch_size=4, precision="float32").model_dump(mode="json")}
    path = folder / f"{len(list(folder.glob('*.json')))}.json"
    path.write_text(json.dumps(told | facts))
    return path


def own(folder: Path, line: str) -> Path:
    """The card of a network of one's own whose forward pass begins with a line."""
    file = folder / "odd.py"
    file.write_text(ODD.format(line))
    return card(folder, Variant(module=f"{file}:network"), loaded={"module": {"sha256": file_hash(file)}})


def test_a_multiply_add_counts_as_two() -> None:
    assert gflops(nn.Conv2d(1, 3, 5, padding=2), 8) == 2 * 25 * 3 * 64 / 1e9
    both = nn.Sequential(nn.Conv2d(1, 4, 2, stride=2), nn.BatchNorm2d(4), nn.ReLU(), nn.ConvTranspose2d(4, 1, 2, 2))
    assert gflops(both, 8) == (2 * 4 * 4 * 16 + 2 * 4 * 4 * 16) / 1e9
    assert gflops(nn.Linear(8, 2), 8) == 2 * 8 * 2 * 8 / 1e9  # each of 8 rows


def test_four_times_the_pixels_are_four_times_the_operations_and_no_more_parameters() -> None:
    small, large = (count(build(SMALL, 0), size) for size in (32, 64))
    assert large.gflops == pytest.approx(4 * (small.gflops or 0)) and small.gflops
    assert large.parameters == small.parameters


@pytest.mark.parametrize("variant", [SMALL, Variant(encoders=("mobilenetv2",), meta_learner=True)])
def test_parameters_and_buffers_are_the_state_and_its_bytes_the_weights(variant: Variant) -> None:
    network = build(variant, 0)
    found, state = count(network, 32), network.state_dict()
    buffers = {name for name, _ in network.named_buffers()}
    assert found.parameters == sum(each.numel() for name, each in state.items() if name not in buffers)
    floats = [each for each in state.values() if each.is_floating_point()]
    steps = len(state) - len(floats)  # each normalisation counts its batches in 8 bytes
    assert found.weights_mb == pytest.approx((4 * sum(each.numel() for each in floats) + 8 * steps) / 1e6)
    assert found.trained_parameters == found.parameters


def test_a_layer_that_is_there_twice_is_saved_once_and_computed_twice() -> None:
    layer = nn.Conv2d(1, 1, 3, padding=1)
    found = count(nn.Sequential(layer, layer), 8)
    assert (found.parameters, found.weights_mb, found.gflops) == (10, 40 / 1e6, 2 * 2 * 9 * 64 / 1e9)


def test_what_does_not_learn_is_told_apart() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.Conv2d(2, 1, 3, padding=1))
    network[0].requires_grad_(False)
    found = count(network, 8)
    assert (found.parameters, found.trained_parameters) == (20 + 19, 19)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("shared", [True, False])
def test_counting_leaves_the_network_as_it_was(training: bool, shared: bool) -> None:
    layer = nn.Conv2d(1, 1, 3, padding=1)
    network = (nn.Sequential(layer, layer) if shared else build(SMALL, 0)).train(training)
    before = {name: each.clone() for name, each in network.state_dict().items()}
    count(network, 32)
    assert network.training is training and network.state_dict().keys() == before.keys()
    assert all(torch.equal(each, before[name]) for name, each in network.state_dict().items())
    network(torch.zeros(2, 1, 32, 32)).sum().backward()  # and it can learn


def test_what_has_no_counted_operation_is_not_free() -> None:
    assert gflops(nn.Sequential(nn.ReLU(), nn.BatchNorm2d(1)), 8) is None


@pytest.fixture
def whole(tmp_path: Path) -> Cost:
    """The cost of a small network."""
    return cost("unet", [card(tmp_path)], [3.0, 1.0, 90.0], CPU, 7.0)


class Waits(nn.Module):
    """Takes no time of a core, and 60 ms of everybody else's."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, films: torch.Tensor) -> torch.Tensor:
        """Films as they are, after a while."""
        sleep(0.06)
        return films * self.weight


def test_what_else_a_machine_does_is_not_the_networks_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(costs, "SECONDS", 0)  # three repetitions
    assert milliseconds(Waits(), "float32", 32) < 20


def test_every_cell_of_a_network_is_had_without_its_weights(whole: Cost) -> None:
    assert None not in vars(whole).values() and "" not in vars(whole).values()
    assert whole.parameters == sum(each.numel() for each in build(SMALL, 0).parameters())
    assert (whole.films_per_second, whole.train_memory, whole.batch_size) == (3.0, "measured", 4)
    assert whole.train_memory_mb != 7.0 and whole.train_memory_mb > whole.predict_memory_mb > 0  # type: ignore[operator]


def test_the_memory_of_a_step_is_of_the_order_that_trainings_showed(tmp_path: Path) -> None:
    variant, recipe = Variant(width=16), Training(batch_size=8, precision="float32")
    path = card(tmp_path, variant, size=64, training=recipe.model_dump(mode="json"))
    expected = step_mb(variant, recipe, 64)
    assert expected is not None
    assert expected / 2 < (cost("unet", [path], [1.0], CPU).train_memory_mb or 0) < 2 * expected


def test_a_step_that_would_take_too_long_is_foretold_where_its_like_was_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(costs, "MOST", 0.0)
    path = card(tmp_path)
    found = [cost("unet", [path], [], CPU, foretold) for foretold in (7.0, None)]
    assert [(each.train_memory_mb, each.train_memory) for each in found] == [(7.0, "foretold"), (None, None)]
    assert all(each.ms_per_film for each in found) and found[0].films_per_second is None


def test_a_library_that_a_network_loads_is_not_its_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[torch.Tensor] = []

    def loading(make: Callable[..., nn.Module], variant: Variant, **choices: object) -> nn.Module:
        if variant == SMALL and not kept:
            kept.append(torch.ones(50_000_000))
        return make(variant, **choices)

    for name, make in (("build", build), ("undrawn", undrawn)):
        monkeypatch.setattr(costs, name, partial(loading, make))
    found = cost("unet", [card(tmp_path)], [], CPU)
    assert 0 < (found.predict_memory_mb or 0) < 100 and 0 < (found.train_memory_mb or 0) < 100


def test_what_counting_loads_is_not_the_memory_of_a_network(tmp_path: Path) -> None:
    program = f"""
from pathlib import Path
import torch
from lungseg.learning.costs import cost
print(cost("unet", [Path({str(card(tmp_path))!r})], [], torch.device("cpu")).predict_memory_mb)
"""  # in a process of its own: here, other tests may have counted before
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert 0 < float(told) < 50  # half a megabyte of weights, and what its convolutions work in


def test_a_step_without_room_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(costs, "machine_mb", lambda: 1)
    assert cost("unet", [card(tmp_path)], [], CPU).train_memory is None


def test_only_networks_whose_like_was_measured_are_foretold() -> None:
    recipe = Training(batch_size=16)
    assert step_mb(Variant(width=64), recipe, 64) == round((20 * 31.0e6 + 8840 * 16 * 64**2) / MB)
    wide = Variant(encoders=("mobilenetv2",), decoder_channels=(512,) * 5)
    odd = wide, Variant(full_resolution_skip=False), Variant(head={"dense": [4096]}), Variant(decoder="nnunet")
    for strange in (*odd, Variant(encoders=("resnet34",)), Variant(module="a.py:b")):
        assert step_mb(strange, recipe, 64) is None


def test_where_runs_were_trained_is_told_with_every_place(tmp_path: Path) -> None:
    cards = [card(tmp_path), card(tmp_path, gpu="a GPU"), card(tmp_path)]
    assert cost("unet", cards, [1.0], CPU).training_hardware == "a CPU + a GPU"


def test_a_network_that_asks_for_values_is_measured_and_not_counted(tmp_path: Path) -> None:
    found = cost("odd", [own(tmp_path, "assert float(x.mean()) < 9")], [1.0], CPU)
    assert found.gflops is None
    assert found.parameters == 10 and found.ms_per_film and found.train_memory_mb is not None


def test_a_network_that_fails_has_empty_cells_and_a_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    found = cost("odd", [own(tmp_path, "raise RuntimeError('not today')")], [1.0], CPU)
    assert (found.parameters, found.trained_parameters, found.films_per_second) == (10, 10, 1.0)
    assert (found.gflops, found.ms_per_film, found.train_memory_mb, found.train_memory) == (None, None, None, None)
    assert "not all costs of odd are known: RuntimeError: not today" in capfd.readouterr().err


@pytest.mark.parametrize("change", ["gone", "another"])
def test_a_file_that_is_not_the_one_that_was_trained_is_not_run(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], change: str
) -> None:
    path, file = own(tmp_path, "pass"), tmp_path / "odd.py"
    if change == "gone":
        file.unlink()
    else:
        file.write_text("raise SystemExit('it was run')")
    found = cost("odd", [path], [1.0], CPU)
    assert (found.parameters, found.trained_parameters, found.ms_per_film) == (99, None, None)  # by its card
    assert "InputError" in capfd.readouterr().err


def _dying() -> Iterator[int]:
    yield 1
    yield 2
    os.kill(os.getpid(), signal.SIGKILL)
    yield 3


def test_what_was_found_before_a_kill_counts() -> None:
    assert apart(_dying) == [1, 2]


def _filling() -> Iterator[float | None]:
    torch.set_num_threads(1)
    torch.ones(16, MB // 4)  # the library's own code comes into memory with its first use
    memory = Memory(CPU)
    for size in (64, 16, 0):
        held = torch.ones(size, MB // 4)
        del held
        yield memory.peak()


def test_a_peak_is_seen_after_its_memory_is_free_and_the_next_one_begins_anew() -> None:
    assert apart(_filling) == [pytest.approx(size, abs=4) for size in (64, 16, 0)]
