"""DVC: a clone repeats the experiment to the same numbers, and knows when nothing is left to do."""

from pathlib import Path

import pytest

from tests.workflow import ROOT, commit, copy_project, run


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone whose quickstart is the tiny experiment, so that it takes seconds."""
    origin = copy_project(tmp_path_factory.mktemp("origin"))
    tiny = (ROOT / "tests/tiny.yaml").read_text().replace("name: tiny", "name: quickstart")
    (origin / "config/quickstart.yaml").write_text(tiny)
    # `tiny` has no plan, and a plan changes what is corrected together.
    (origin / "workflow/papers/mishra/plan-quickstart.yaml").unlink()
    commit(origin, "A smaller quickstart")
    folder = tmp_path_factory.mktemp("clone")
    run(folder, "git", "clone", "-q", str(origin), "project")
    return folder / "project"


def test_repro_from_a_clone_ends_in_snakemakes_numbers_and_then_rests(
    clone: Path, project: Path, tmp_path: Path
) -> None:
    run(clone, "dvc", "repro", "quickstart")
    for name in ("scores.csv", "estimates.csv", "comparisons.csv", "table1.csv"):
        ours, theirs = clone / "quickstart/results" / name, project / "tiny/results" / name
        assert ours.read_bytes() == theirs.read_bytes(), name
    assert "up to date" in run(clone, "dvc", "repro", "quickstart")
    assert "Nothing to be done" in run(
        clone, "snakemake", "--cores", "2", "--dry-run", "--configfile", "config/quickstart.yaml"
    )
    assert "unet" in run(clone, "dvc", "metrics", "show", "quickstart/results/metrics.json")
    page = run(clone, "dvc", "plots", "show", "--out", str(tmp_path / "plots"))
    assert Path(page.splitlines()[0].removeprefix("file://")).exists()
    assert "failed" not in page


def test_checkout_brings_the_weights_back(clone: Path) -> None:
    weights = clone / "quickstart/results/runs/unet/pooled/seed0/weights.safetensors"
    run(clone, "dvc", "repro", "quickstart")
    content = weights.read_bytes()
    weights.unlink()
    run(clone, "dvc", "checkout", "--force", "quickstart")
    assert weights.read_bytes() == content
