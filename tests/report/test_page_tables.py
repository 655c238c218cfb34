"""What the page says of a difference, a cell and a configuration, from tables of both ages."""

from typing import Any

import pandas as pd
import pytest

from lungseg.claims.verdicts import Cell
from lungseg.report.axis import Axis
from lungseg.report.differences import claimed_gains, of_seeds, seed_means
from lungseg.report.look import Look
from lungseg.report.page import sections, strong
from lungseg.report.page_tables import networks, noted, of_cells, pairs, seeds_in_words
from tests.workflow import MISHRA

LOOK = Look.of(MISHRA, ["mine"], ["jsrt"], {})
PLACE = {"train_on": "pooled", "test_on": "pooled", "metric": "dice"}


def row(a: str, b: str, **more: object) -> dict[str, Any]:
    numbers = {"difference": 0.01, "low": 0.006, "high": 0.014, "verdict": "a better"}
    return {"variant_a": a, "variant_b": b} | PLACE | numbers | more


def scores() -> pd.DataFrame:
    """Two seeds of three networks on two data sets with a film each."""
    level = {"unet": 0.95, "proposed": 0.94, "mine": 0.9}
    columns = ["variant", "train_on", "seed", "test_on", "image_id", "dice"]
    rows = [
        (variant, "pooled", seed, test, "f", dice + seed / 100 + more)
        for variant, dice in level.items()
        for seed in (0, 1)
        for test, more in (("jsrt", 0), ("shenzhen", 0.02))
    ]
    return pd.DataFrame(rows, columns=columns)


def drawn(*rows: dict[str, Any], margin: float | None = 0.005) -> list[dict[str, Any]]:
    means = seed_means(scores(), "pooled", "pooled")["dice"]
    return pairs(pd.DataFrame(rows), MISHRA, LOOK, margin, means)


def test_a_difference_is_seen_from_the_later_network_with_sign_size_film_and_note() -> None:
    new = {
        "sign": "a better",
        "relevance": "beyond",
        "influential_film": "X1",
        "difference_without": 0.008,
        "note": "n",
    }
    (one,) = drawn(row("unet", "proposed", **new))
    assert (one["difference"], one["low"], one["high"]) == (-0.01, -0.014, -0.006)
    assert (one["sign"], one["size"], one["note"]) == ("U-Net better", "by more than 0.005", "n")
    assert (one["film"], one["without"]) == ("X1", -0.008)
    assert one["published"] == pytest.approx(0.027)
    assert one["seeds"] == pytest.approx((-0.01, -0.01))


@pytest.mark.parametrize(
    ("told", "sign", "size"),
    [
        ({"sign": "undecided", "relevance": "undecided"}, "sign undecided", "size undecided"),
        (
            {"sign": "b better", "relevance": "within", "verdict": "equivalent"},
            "Proposed: both encoders better",
            "by less than 0.005",
        ),
        ({"sign": "a better", "relevance": None}, "U-Net better", ""),
        ({"verdict": "equivalent"}, "U-Net better", "by less than 0.005"),  # a table of older code: by its interval
        ({"verdict": "equivalent", "low": -0.001}, "sign undecided", "by less than 0.005"),
        ({"verdict": "undecided"}, "sign undecided", ""),
    ],
)
def test_sign_and_size_of_tables_of_both_ages(told: dict[str, Any], sign: str, size: str) -> None:
    (one,) = drawn(row("unet", "proposed", **told))
    assert (one["sign"], one["size"]) == (sign, size)


@pytest.mark.parametrize(
    ("sources", "seeds", "said"),
    [
        (["pool", "pool"], 3, "from all networks of the pool together."),
        (["own", "own"], 3, "each network has its own estimate of it, so the widths of neighbours can differ by luck."),
        (["pool", "own, pool"], 3, "some networks have their own estimate of it, so the widths"),
        (["none", "none"], 1, "One training of each network says nothing about how much trainings differ."),
        ([None, None], 2, "each network has its own"),  # tables of older code
    ],
)
def test_where_the_seeds_variance_is_from_is_told_of_what_is_shown(
    sources: list[str | None], seeds: int, said: str
) -> None:
    assert said in seeds_in_words(pd.DataFrame({"seed_variance": sources}), seeds)


def test_a_note_is_a_sentence() -> None:
    assert noted("nominal 95%, simulated 84%") == "Of such intervals: nominal 95%, simulated 84%."
    both = "common seed variance: -0.0037 to -0.0017; nominal 95%, simulated 84%"
    assert noted(both) == (
        "Of such intervals: nominal 95%, simulated 84%. By a seed variance common to the networks: -0.0037 to -0.0017."
    )
    assert noted("one run").startswith("One training alone") and noted(None) == ""


def test_what_the_headline_claims_comes_first_and_what_is_not_printed_last() -> None:
    found = drawn(row("mine", "unet"), row("unet", "unet_mobilenetv2"), row("unet", "proposed"), margin=None)
    assert [one["b"] for one in found] == ["proposed", "unet_mobilenetv2", "unet"]
    assert found[0]["axis"].low <= -0.014 and found[0]["axis"].high >= 0.027


def test_claimed_gains_are_those_of_the_headline_in_the_order_of_print() -> None:
    table = pd.DataFrame(
        [row("unet", "proposed"), row("unet", "unet_mobilenetv2"), row("proposed", "unet_mobilenetv2")]
    )
    found = claimed_gains(table, scores(), MISHRA, "pooled", "pooled")
    assert [one.against for one in found] == ["unet", "unet_mobilenetv2"]
    assert found[0].difference == -0.01 and found[1].difference == 0.01
    assert found[0].printed == pytest.approx(0.027) and len(found[0].seeds) == 2 and found[1].seeds == ()
    assert claimed_gains(table, scores(), MISHRA.model_copy(update={"headline": None}), "pooled", "pooled") == []
    assert claimed_gains(table, scores(), MISHRA, "nlm", "pooled") == []


def test_seeds_that_one_of_both_has_not_are_left_out() -> None:
    means = seed_means(scores().query("not (variant == 'proposed' and seed == 1)"), "pooled", "jsrt")["dice"]
    assert of_seeds(means, "proposed", "unet") == pytest.approx((-0.01,))
    assert of_seeds(means, "proposed", "nobody") == ()


def test_a_cell_has_the_verdict_of_its_claim_and_its_seeds() -> None:
    facts = {"claim": "c", "says": "s", "source": "s", "takes": "t", "variant": "unet", "metric": "dice"}
    said = [Cell.model_validate(facts | {"decides": "cell"}, context=MISHRA)]
    judged = of_cells(pd.DataFrame({"claim": ["c", "d"], "verdict": ["untested", "supported"]}), said)
    assert judged["unet", "dice"]["verdict"] == "untested" and len(judged) == 1
    cells = pd.DataFrame(
        [
            {"variant": "unet", "metric": metric, "published": 0.9, "mean": 0.9, "low": 0.8, "high": 0.95}
            for metric in MISHRA.metrics
        ]
    )
    (shown,) = networks(cells, MISHRA, seed_means(scores(), "pooled", "pooled"), judged)
    by_metric = {cell["metric"]: cell for cell in shown["cells"]}
    assert by_metric["dice"]["claim"]["verdict"] == "untested" and by_metric["iou"]["claim"] is None
    assert by_metric["dice"]["seeds"] == pytest.approx([0.96, 0.97]) and by_metric["iou"]["seeds"] == []


def test_ticks_are_round_and_on_the_axis() -> None:
    ticks = Axis(-0.0141, 0.027).ticks()
    assert 0 in ticks and all(-0.0141 <= tick <= 0.027 for tick in ticks) and 3 <= len(ticks) <= 6
    assert len(Axis.over([]).ticks()) >= 3 and Axis.over([1, 1]).ticks()
    assert [Axis(2, 4)(value) for value in (2, 2.5, 4)] == [4, 27, 96] and Axis(1, 1)(1) == 4


def test_the_menu_is_made_of_sections_and_strong_words_of_marks() -> None:
    assert sections('<section id="a">\n  <h2>One</h2>…<section id="b"><h2>Two</h2>') == [("a", "One"), ("b", "Two")]
    assert strong("**a < b** c") == "<strong>a &lt; b</strong> c"
