"""Memory foretold is memory measured and a margin; no more trainings run side by side than a machine has memory for."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest

from bench.memory import NETWORKS, OTHERS, OUTPUT
from lungseg.learning.memory import ENCODERS, card_bytes, cost, machine_mb, side_by_side, training_mb
from lungseg.recipe import SHORT_NAMES, Training, Variant
from tests.workflow import TINY, copy_project, run

MEASURED = pd.read_csv(OUTPUT)
VARIANTS = NETWORKS | {name: variant for name, variant, *_ in OTHERS}


@pytest.mark.parametrize("row", [pytest.param(row, id=f"{row.network}-{row.size}-{row.batch}-{row.precision}")
                                 for row in MEASURED.itertuples()])  # fmt: skip
def test_foretells_what_was_measured_and_a_margin(row: pd.Series) -> None:
    foretold = training_mb(VARIANTS[row.network], Training(batch_size=row.batch), row.size)
    assert foretold > 1.1 * row.peak_mb
    assert foretold < (1.5 if row.arithmetic == "float32" else 2) * row.peak_mb
    assert cost(VARIANTS[row.network]).parameters == pytest.approx(row.parameters, rel=0.05)


def test_measurements_are_of_every_network_and_size() -> None:
    named = MEASURED[MEASURED["batch"] == 16]
    assert set(NETWORKS) <= set(named["network"])
    assert {64, 96, 128} <= set(named["size"])
    assert set(MEASURED["precision"]) == {"float32", "bfloat16"}


def test_an_encoder_that_is_not_in_the_table_counts_as_more_than_any_that_is() -> None:
    assert set(ENCODERS) == set(SHORT_NAMES)
    strange = Variant(encoders=("resnet34",))
    needs = [training_mb(variant, Training(), 128) for variant in (*NETWORKS.values(), strange)]
    assert needs[-1] == max(needs)
    needs = [card_bytes(variant, Training(), 128) for variant in (*NETWORKS.values(), strange)]
    assert needs[-1] == max(needs)


def test_a_training_on_a_gpu_keeps_its_activations_there() -> None:
    here = [training_mb(NETWORKS["unet"], Training(batch_size=size), 256, on_gpu=True) for size in (1, 64)]
    there = [card_bytes(NETWORKS["unet"], Training(batch_size=size), 256) for size in (1, 64)]
    assert here[0] == here[1]
    assert there[0] < there[1]


@pytest.fixture
def kernel(tmp_path: Path) -> Path:
    """A machine with 16 GB free, and a process in the group /jobs/42 of both versions of cgroup."""
    (tmp_path / "self").mkdir()
    (tmp_path / "meminfo").write_text("MemTotal: 20000000 kB\nMemFree: 100 kB\nMemAvailable: 15625000 kB\n")
    (tmp_path / "self/cgroup").write_text("9:name=systemd:/\n4:cpu,memory:/jobs/42\n0::/jobs/42\n")
    for folder in ("groups/jobs/42", "groups/memory/jobs/42"):
        (tmp_path / folder).mkdir(parents=True)
    return tmp_path


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({}, 14400),
        ({"groups/jobs/42/memory.max": "max\n", "groups/memory.max": "max"}, 14400),
        ({"groups/jobs/42/memory.max": "4000000000\n"}, 3600),
        ({"groups/jobs/memory.max": "2000000000", "groups/jobs/42/memory.max": "4000000000"}, 1800),
        ({"groups/memory/memory.limit_in_bytes": "3000000000\n"}, 2700),
        ({"groups/memory/jobs/42/memory.limit_in_bytes": "9223372036854771712\n"}, 14400),
        ({"groups/memory/other/memory.limit_in_bytes": "1"}, 14400),
    ],
)
def test_a_machine_has_what_is_free_and_what_its_groups_may_use(
    kernel: Path, limits: dict[str, str], expected: int
) -> None:
    for file, text in limits.items():
        (kernel / file).parent.mkdir(parents=True, exist_ok=True)
        (kernel / file).write_text(text)
    assert machine_mb(kernel, kernel / "groups") == expected


def test_a_kernel_that_does_not_tell_sets_no_limit(tmp_path: Path) -> None:
    assert machine_mb(tmp_path, tmp_path) is None
    (tmp_path / "meminfo").write_text("MemTotal: 20000000 kB\nMemAvailable: 15625000 kB\n")
    assert machine_mb(tmp_path, tmp_path) == 14400


def test_says_how_many_where_memory_limits() -> None:
    assert side_by_side(14400, [3000], 16) == (
        "Trainings side by side: 14400 MB of memory for 3000 MB each hold 4 of the 16 that there is room for."
    )
    assert "for 1000 to 3000 MB each hold 4 to 14 of the 16" in str(side_by_side(14400, [1000, 3000], 16))
    assert side_by_side(14400, [3000], 4) is None
    assert side_by_side(14400, [], 16) is None
    assert "less than one of the largest" in str(side_by_side(2000, [1000, 3000], 16))


WAITING = """
import time
from pathlib import Path

time.sleep(1.2)
for file in snakemake.output:
    Path(file).write_text("")
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project whose trainings wait and learn nothing: the tests look at how many there are at a time."""
    project = copy_project(tmp_path_factory.mktemp("small"))
    (project / "workflow/scripts/train.py").write_text(WAITING)
    return project


def of_mb(project: Path, amount: int) -> None:
    """Make the machine of a project one of so many MB."""
    file = project / "lungseg/learning/memory.py"
    text = file.read_text().partition("\n\n\nmachine_mb = ")[0]
    file.write_text(f"{text}\n\n\nmachine_mb = lambda: {amount}\n")


def most_at_a_time(project: Path) -> int:
    """How many trainings ran at the same time, by Snakemake's own record of their start and end."""
    records = [json.loads(file.read_text()) for file in (project / ".snakemake/metadata").iterdir()]
    times = {tuple(each["log"]): each for each in records if each["rule"] == "train"}.values()
    assert len(times) == 4
    return max(sum(a["starttime"] <= b["starttime"] < a["endtime"] for a in times) for b in times)


@pytest.mark.parametrize(
    ("machine", "given", "together", "line"),
    [
        (2200, [], 2, "2200 MB of memory for 1065 to 1074 MB each hold 2 of the 4 that there is room for."),
        (500, [], 1, "hold less than one of the largest. It runs alone and may be killed"),
        (500, ["--resources", "mem_mb=99999"], 4, None),
    ],
)
def test_no_more_trainings_side_by_side_than_memory_holds(
    small: Path, machine: int, given: list[str], together: int, line: str | None
) -> None:
    of_mb(small, machine)
    printed = run(small, "snakemake", "--cores", "4", *TINY, *given, "--until", "train", "--forcerun", "train")
    assert most_at_a_time(small) == together
    assert ("Trainings side by side" in printed) == (line is not None)
    assert (line or "") in printed


def test_a_cluster_has_no_limit_of_this_machine(small: Path) -> None:
    """A number of jobs and no number of cores is what Snakemake is given for a cluster."""
    of_mb(small, 500)
    here, there = (
        run(small, "snakemake", "--dry-run", *number, *TINY, "--forcerun", "train", "--config", "device=auto")
        for number in (["--cores", "4"], ["--jobs", "4"])
    )
    assert re.search(r"gpu=0, runtime=\d+, mem_mb=500", here)
    assert "mem_mb=500" not in there
    assert re.search(r"gpu=1, runtime=\d+, mem_mb=48", there)


def test_as_many_gpus_as_the_machine_has_unless_told_otherwise(small: Path) -> None:
    of_mb(small, 99999)
    file = small / "lungseg/learning/devices.py"
    text = file.read_text()
    file.write_text(f"{text}\n\n\ncount = lambda: 3\n")
    begin = ["snakemake", "--cores", "16", *TINY, "--config", "device=auto"]
    drawn = ["--force", "--", "tiny/data/raw/phantom/archives.json"]
    printed = [run(small, *begin, *given, *drawn) for given in ([], ["--resources", "gpu=7"])]
    file.write_text(text)
    provided = [re.search(r"^Provided resources:.*gpu=\D*(\d+)", text, re.MULTILINE) for text in printed]
    assert [found and found[1] for found in provided] == ["3", "7"]
