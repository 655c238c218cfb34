"""What the page says before any number."""

from typing import Any

import pytest

from lungseg.report.page import band
from tests.workflow import MISHRA

CONFIG: dict[str, Any] = {"note": "A note.", "datasets": ["jsrt"], "variants": {"unet": {"encoders": []}}}
ARCHIVES = {"jsrt": [{"official": True}]}


@pytest.mark.parametrize(
    ("trained", "here", "told"),
    [
        (None, [], True),
        (None, ["H100"], False),
        ([{"gpu": None}], ["H100"], True),  # bundles of a CPU, drawn on a machine with a GPU
        ([{"gpu": None}, {"gpu": "H100"}], [], False),
    ],
)
def test_where_the_runs_were_trained_counts_not_where_the_page_is_made(
    trained: list[dict[str, str | None]] | None, here: list[str], told: bool
) -> None:
    manifest = {"config": CONFIG, "archives": ARCHIVES, "hardware": {"gpus": here}}
    lines = band(manifest | ({} if trained is None else {"trained": trained}), MISHRA)
    assert ("Trained without a GPU." in lines) == told
    assert lines[0] == "A note."


def test_starts_and_archives_are_told() -> None:
    variants = {
        "unet_mobilenetv2": {"encoders": ["mobilenetv2"], "weights": "imagenet-8bit"},
        "proposed": {
            "encoders": ["mobilenetv2", "inceptionresnetv2"],
            "weights": {"mobilenetv2": "imagenet-8bit", "inceptionresnetv2": "random"},
        },
    }
    archives = {"jsrt": [{"official": False}, {"official": None}]}
    manifest = {"config": CONFIG | {"variants": variants}, "archives": archives, "hardware": {"gpus": ["H100"]}}
    assert band(manifest, MISHRA)[1:] == [
        "1 of the archives is not the official bytes.",
        "Of 1 archives no official hash is known to compare with.",
        "Encoders with random weights: Proposed: both encoders.",
    ]


def test_what_the_configuration_leaves_out_is_told_with_its_reason() -> None:
    config = CONFIG | {"exclude": {"jsrt": {"JPCLN016": "one <b>lung</b>"}}}
    lines = band({"config": config, "archives": ARCHIVES, "hardware": {"gpus": ["H100"]}}, MISHRA)
    assert lines == ["A note.", "Left out by the configuration: 1 film of jsrt (JPCLN016: one <b>lung</b>)."]
