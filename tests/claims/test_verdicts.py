"""Claims and verdicts: every rule, every verdict, and claims that point at nothing."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import segmentation_models_pytorch as smp
import yaml
from segmentation_models_pytorch.decoders.unet.decoder import UnetDecoder
from torch import nn

from lungseg.claims.arithmetic import audit
from lungseg.claims.evidence import Arm, Evidence, cell_on, find_pair, parameters, rounding, side
from lungseg.claims.evidence import arms as made_arms
from lungseg.claims.printed_table import as_printed
from lungseg.claims.verdicts import COLUMNS, Claim, judge, read_claims
from lungseg.errors import InputError
from lungseg.networks.head import DenseHead
from lungseg.plan import read_plan
from lungseg.recipe import Head, Variant
from lungseg.report.tables import VERDICTS, claims_table
from tests.workflow import MISHRA

TABLE1 = MISHRA.table()
CLAIMS = Path(__file__).parents[2] / "workflow/papers/mishra/claims.yaml"
PLAN = read_plan(CLAIMS.with_name("plan-paper.yaml"))
AS_PUBLISHED = {
    "unet": Variant(width=64),
    "unet_mobilenetv2": Variant(encoders=("mobilenetv2",), weights="imagenet"),
    "unet_inceptionresnetv2": Variant(encoders=("inceptionresnetv2",), weights="imagenet"),
    "proposed": Variant(encoders=("mobilenetv2", "inceptionresnetv2"), weights="imagenet", meta_learner=True),
}
NETWORKS = list(TABLE1)


def estimates(shift: float = 0.0, half: float = 0.002) -> pd.DataFrame:
    """Our numbers as the printed ones, moved."""
    rows = [
        {"variant": variant, "metric": metric, "mean": TABLE1[variant][metric] + shift}
        for variant in NETWORKS
        for metric in TABLE1.index
    ]
    table = pd.DataFrame(rows)
    return table.assign(low=table["mean"] - half, high=table["mean"] + half)


def comparisons(verdict: str = "b better", gain: float = 0.01, half: float = 0.002) -> pd.DataFrame:
    """Every pair in the table's order; the later network has the higher value."""
    rows = [
        {"variant_a": a, "variant_b": b, "metric": metric, "difference": -gain, "verdict": verdict}
        for i, a in enumerate(NETWORKS)
        for b in NETWORKS[i + 1 :]
        for metric in TABLE1.index
    ]
    table = pd.DataFrame(rows)
    sign = table["verdict"].where(table["verdict"] != "equivalent", "undecided")
    return table.assign(low=table["difference"] - half, high=table["difference"] + half, sign=sign)


def elsewhere(test_on: str = "montgomery", shift: float = 0.0, half: float = 0.002) -> pd.DataFrame:
    """The same on one test set; other films lie five times as far about the mean, or three times on more of them."""
    ours = estimates(shift, half).assign(test_on=test_on)
    sizes = [
        ours.assign(their_films=films, their_low=ours["mean"] - wide * half, their_high=ours["mean"] + wide * half)
        for films, wide in ((28, 5), (192, 3))
    ]
    return pd.concat(sizes, ignore_index=True)


def arms(**changes: object) -> dict[str, Arm]:
    facts: dict[str, object] = {"epochs": 60, "schedule": "constant", "size": 256, "seeds": 3}
    return {
        name: Arm(**({"variant": variant} | facts | changes))  # type: ignore[arg-type]
        for name, variant in AS_PUBLISHED.items()
    }


def evidence(**changes: object) -> Evidence:
    sizes = dict(zip(NETWORKS, [31_000_000, 4_000_000, 62_000_000, 65_000_000], strict=True))
    histories = pd.DataFrame(
        [("proposed", seed, epoch, 0.9 + min(epoch, 15) / 1000) for seed in (0, 1) for epoch in range(1, 31)],
        columns=["variant", "seed", "epoch", "validation_dice"],
    ).assign(validation_accuracy=0.97, validation_loss=0.1)
    findings = tuple(audit(as_printed(MISHRA.cells)))
    facts: dict[str, object] = {
        "paper": MISHRA,
        "plan": PLAN,
        "estimates": estimates(),
        "elsewhere": elsewhere(),
        "arms": arms(),
        "comparisons": comparisons(),
        "findings": findings,
    }
    return Evidence(**{**facts, "parameters": sizes, "histories": histories, **changes})  # type: ignore[arg-type]


def claim(**entry: object) -> list[Claim]:
    from pydantic import TypeAdapter

    whole = {"claim": "one", "says": "it is so", "source": "Table 1", "takes": "data"} | entry
    return TypeAdapter(list[Claim]).validate_python([whole], context=MISHRA)


def verdict(found: Evidence, **entry: object) -> str:
    return str(judge(claim(**entry), found)["verdict"][0])


def test_every_claim_of_the_paper_gets_a_verdict_and_a_reason() -> None:
    claims = read_claims(CLAIMS, MISHRA)
    table = judge(claims, evidence())
    assert list(table)[: len(COLUMNS)] == COLUMNS and len(table) == len(claims)
    assert set(table["verdict"]) <= set(VERDICTS) and (table["why"].str.len() > 15).all()
    cells = {(c.variant, c.metric) for c in claims if c.decides == "cell"}
    assert cells == {(variant, metric) for variant in NETWORKS for metric in TABLE1.index}
    assert {c.metric for c in claims if c.decides == "order"} == set(TABLE1.index)
    assert {"gain", "agreement", "row", "parameters", "cost", "better", "convergence", "untested"} <= {
        c.decides for c in claims
    }


CELL = {"decides": "cell", "variant": "unet", "metric": "dice"}  # 0.957, margin 0.005


@pytest.mark.parametrize(
    ("shift", "half", "expected"),
    [
        (0.001, 0.002, "supported"),  # all of our interval within the margin
        (0.001, 0.006, "compatible"),  # it holds the value, and is too wide to show it
        (0.009, 0.002, "compatible"),  # outside our interval, and where other films may bring it
        (0.0104, 0.002, "compatible"),  # 0.957 may be 0.9575
        (0.0106, 0.002, "contradicted"),
        (-0.02, 0.002, "contradicted"),
    ],
)
def test_a_cell_is_judged_by_what_other_films_would_give(shift: float, half: float, expected: str) -> None:
    found = evidence(elsewhere=elsewhere("montgomery", shift, half))
    assert verdict(found, **CELL) == expected
    assert verdict(found, **(CELL | {"metric": "loss"})) == "untested"


@pytest.mark.parametrize(
    ("shifts", "expected"),
    [
        ((0.02, 0.02), "contradicted"),
        ((0.02, 0.001), "depends on the films"),
        ((0.009, 0.001), "compatible"),
        ((0.001, 0.0), "supported"),
    ],
)
def test_a_cell_is_contradicted_only_on_all_films_that_may_be_meant(shifts: tuple[float, float], expected: str) -> None:
    sets = [elsewhere(name, shift) for name, shift in zip(("montgomery", "jsrt"), shifts, strict=True)]
    (row,) = judge(claim(**CELL), evidence(elsewhere=pd.concat(sets))).to_dict("records")
    assert row["verdict"] == expected
    assert "montgomery" in row["why"] and "jsrt" in row["why"] and "on 28" in row["why"] and "on 192" in row["why"]


@pytest.mark.parametrize(
    ("text", "half"),
    [
        ("0.957", 0.0005),
        ("0.970", 0.0005),
        ("1.0", 0.05),
        ("1.000", 0.0005),
        (".9", 0.05),
        ("1", 0.5),
        ("+0.030", 5e-4),
    ],
)
def test_a_last_zero_is_a_printed_decimal(text: str, half: float) -> None:
    assert rounding(text) == pytest.approx(half, rel=1e-12)


def test_a_cell_that_ends_in_0_is_judged_as_closely_as_any_other() -> None:
    """0.970 stands for 0.9695 to 0.9705, and other films give 0.972 to 0.976."""
    other = {"their_low": 0.972, "their_high": 0.976, "low": 0.973, "high": 0.975}
    assert (cell_on("0.970", other, 0.005), cell_on("0.97", other, 0.005)) == ("contradicted", "supported")
    paper = MISHRA.model_copy(update={"cells": {"unet": {"dice": "0.950"}}})
    found = evidence(paper=paper, elsewhere=elsewhere("montgomery", -0.002, 0.0008))  # other films 0.951 to 0.959
    assert verdict(found, **CELL) == "contradicted"


@pytest.mark.parametrize(
    ("written", "expected"),
    [("0.020", "contradicted"), ('"0.020"', "contradicted"), ("0.018", "contradicted"), ("0.02", "inconclusive")],
)
def test_a_gain_keeps_the_decimals_that_are_written(tmp_path: Path, written: str, expected: str) -> None:
    """Ours is 0.008 to 0.012, the margin 0.005: 0.02 may be 0.015."""
    entry = {"claim": "one", "says": "s", "source": "t", "takes": "d", "decides": "gain"}
    text = yaml.safe_dump([entry | {"variant": "proposed", "against": "unet", "metric": "dice"}])
    (path := tmp_path / "claims.yaml").write_text(f"{text}  published: {written}\n")
    (row,) = judge(read_claims(path, MISHRA), evidence()).to_dict("records")
    assert row["verdict"] == expected and row["published"] == float(written.strip('"'))


def test_a_gain_is_compared_with_our_difference_whichever_way_round_the_pair_stands() -> None:
    gain = {"decides": "gain", "variant": "proposed", "against": "unet", "metric": "dice"}
    assert verdict(evidence(), **gain, published=0.011) == "supported"  # 0.008 to 0.012 lies within 0.006 to 0.016
    assert verdict(evidence(comparisons=comparisons(half=0.006)), **gain, published=0.011) == "compatible"
    wide = evidence(comparisons=comparisons(half=0.006))  # 0.004 to 0.016
    assert [verdict(wide, **gain, published=value) for value in (0.01600, 0.01605)] == ["compatible", "inconclusive"]
    assert verdict(evidence(), **gain, published=0.016) == "inconclusive"
    assert verdict(evidence(), **gain, published=0.017) == "inconclusive"
    assert verdict(evidence(), **gain, published=0.018) == "contradicted"
    assert verdict(evidence(), **gain, published=-0.01) == "contradicted"
    row = judge(claim(**gain, published=0.011), evidence()).iloc[0]
    assert row["reproduced"] == pytest.approx(0.01) and row["low"] < row["reproduced"] < row["high"]


def test_without_an_interval_nothing_is_shown_and_nothing_contradicted() -> None:
    """One test film gives none."""
    none = {"low": np.nan, "high": np.nan}
    found = evidence(
        estimates=estimates().assign(**none),
        comparisons=comparisons().assign(**none, sign="undecided", verdict="undecided"),
        elsewhere=elsewhere().assign(**none, their_low=np.nan, their_high=np.nan),
    )
    gain = {"decides": "gain", "variant": "proposed", "against": "unet", "metric": "dice"}
    for published in (-0.5, 0.01, 0.5):
        (row,) = judge(claim(**gain, published=published), found).to_dict("records")
        assert row["verdict"] == "inconclusive" and "no interval" in row["why"]
    (row,) = judge(claim(**CELL), found).to_dict("records")
    assert row["verdict"] == "inconclusive" and "no interval" in row["why"] and "nan, " not in row["why"]
    for shift, expected in ((0.02, "inconclusive"), (0.001, "compatible")):  # on some films, and others tell nothing
        known = pd.concat([found.elsewhere, elsewhere("jsrt", shift)])
        assert verdict(evidence(elsewhere=known), **CELL) == expected


def test_one_training_shows_no_gain_and_contradicts_none() -> None:
    gain = {"decides": "gain", "variant": "proposed", "against": "unet", "metric": "dice"}
    found = evidence(comparisons=comparisons("undecided").assign(note="one run"))
    for published in ("0.011", "0.5"):
        (row,) = judge(claim(**gain, published=published), found).to_dict("records")
        assert row["verdict"] == "inconclusive" and "one training" in row["why"]


@pytest.mark.parametrize(
    ("ours", "half", "expected"),
    [(0.003, 0.0006, "supported"), (-0.0005, 0.0004, "inconclusive"), (0.003, 0.0035, "compatible")],
)
def test_a_gain_below_the_margin_is_not_shown_by_a_loss(ours: float, half: float, expected: str) -> None:
    """All three intervals lie within the margin of .005 of it; the last two do not show that there is a gain."""
    entry = {"decides": "gain", "variant": "proposed", "against": "unet", "metric": "dice", "published": "0.004"}
    assert verdict(evidence(comparisons=comparisons("equivalent", ours, half)), **entry) == expected


def test_a_simulation_that_says_less_stands_in_the_reason() -> None:
    note = "nominal 95%, simulated 84% at this shape"
    table = comparisons().assign(note=note)
    for entry in (
        {"decides": "better", "variant": "proposed", "against": "unet"},
        {"decides": "gain", "variant": "proposed", "against": "unet", "published": "0.011"},
        {"decides": "order"},
    ):
        whole = entry | {"metric": "dice"}
        assert f"better (of such intervals: {note})" in judge(claim(**whole), evidence(comparisons=table))["why"][0]
        assert "such intervals" not in judge(claim(**whole), evidence())["why"][0]
        both = comparisons().assign(note=f"common seed variance: -0.0300 to +0.0100; {note}")
        told = f"better (of such intervals: {note}; by a common seed variance -0.0100 to +0.0300)"
        assert told in judge(claim(**whole), evidence(comparisons=both))["why"][0]


@pytest.mark.parametrize(
    ("seeds", "lost", "words"),
    [(0, 3, "every training of Proposed: both encoders diverged"), (3, 2, "2 of 5 trainings diverged")],
)
def test_trainings_that_diverged_are_told_and_leave_a_claim_untested(seeds: int, lost: int, words: str) -> None:
    there = arms(schedule="constant")
    there["proposed"] = replace(there["proposed"], seeds=seeds, lost=lost)
    for entry in (
        {"decides": "better", "variant": "proposed", "against": "unet", "metric": "dice"},
        {"decides": "order", "metric": "dice"},
        {"decides": "convergence", "variant": "proposed", "epochs": 12},
    ):
        (row,) = judge(claim(**entry), evidence(arms=there)).to_dict("records")
        assert row["verdict"] == "untested" and words in row["why"]


def test_cards_of_trainings_that_diverged_are_counted_apart() -> None:
    card = {"variant": {"width": 8}, "training": {"epochs": 4, "schedule": "cosine"}, "size": 64, "parameters": 7}
    runs = [card | {"run": f"unet/pooled/seed{seed}", "diverged": 2 if seed else None} for seed in range(3)]
    assert (counted := made_arms(runs)["unet"]).seeds == 1 and counted.lost == 2
    assert made_arms(runs[1:])["unet"].seeds == 0 and parameters(runs[1:]) == {"unet": 7}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"epochs": 59}, "59 epochs, not 60"),
        ({"size": 128}, "128 px, not 256"),
        ({"seeds": 2}, "2 seeds, not 3"),
        ({"variant": Variant(encoders=("mobilenetv2",))}, "encoders from random weights"),
        (
            {
                "variant": Variant(
                    encoders=("mobilenetv2", "inceptionresnetv2"),
                    weights={"mobilenetv2": "imagenet-8bit", "inceptionresnetv2": "random"},
                )
            },
            "an encoder from random weights",
        ),
        ({"variant": Variant(width=32)}, "a U-Net of width 32, not 64"),
    ],
)
@pytest.mark.parametrize(("shift", "points"), [(0.0, "for"), (0.02, "against"), (0.009, "")])
def test_another_network_than_the_papers_leaves_a_claim_untested_and_points(
    changes: dict[str, object], words: str, shift: float, points: str
) -> None:
    found = evidence(arms=arms(**changes), elsewhere=elsewhere("montgomery", shift))
    (row,) = judge(claim(**CELL), found).to_dict("records")
    assert (row["verdict"], row["points"]) == ("untested", points) and words in row["why"]
    assert row["reproduced"] == pytest.approx(0.957)


@pytest.mark.parametrize(
    "entry",
    [
        CELL,
        {"decides": "gain", "variant": "proposed", "against": "unet", "metric": "dice", "published": 0.011},
        {"decides": "better", "variant": "proposed", "against": "unet", "metric": "dice"},
        {"decides": "order", "metric": "dice"},
    ],
)
def test_every_kind_of_trained_claim_asks_for_its_conditions_and_for_a_plan(entry: dict[str, object]) -> None:
    assert verdict(evidence(), **entry) == "supported"
    few = judge(claim(**entry), evidence(arms=arms(seeds=2))).iloc[0]
    assert (few["verdict"], few["points"]) == ("untested", "for")
    drawn = judge(claim(**entry), evidence(drawn=True)).iloc[0]
    assert (drawn["verdict"], drawn["points"]) == ("untested", "") and "drawn films say nothing" in drawn["why"]
    none = judge(claim(**entry), evidence(plan=None)).iloc[0]
    assert (none["verdict"], none["points"]) == ("untested", "") and "no rules were fixed" in none["why"]


PART = {"decides": "better", "variant": "unet_mobilenetv2_imagenet", "against": "unet_mobilenetv2", "metric": "dice"}


@pytest.mark.parametrize(
    ("pretrained", "changes", "expected"),
    [
        ({"weights": "imagenet-8bit"}, {}, "supported"),
        ({"weights": "imagenet-8bit"}, {"epochs": 20, "size": 64}, "supported"),  # none of the paper's conditions
        ({"weights": "imagenet-8bit"}, {"epochs": 19}, "19 epochs, not 20"),
        ({"weights": "imagenet-8bit"}, {"seeds": 2}, "2 seeds, not 3"),
        ({"weights": "imagenet-8bit", "meta_learner": True}, {}, "the two differ in meta_learner too"),
        ({}, {}, "the two do not differ in weights"),
    ],
)
def test_a_part_asks_for_two_arms_that_differ_in_it_alone(
    pretrained: dict[str, object], changes: dict[str, object], expected: str
) -> None:
    facts: dict[str, object] = {"epochs": 60, "schedule": "cosine", "size": 256, "seeds": 3} | changes
    one = Variant(encoders=("mobilenetv2",))
    both = {PART["against"]: one, PART["variant"]: one.model_copy(update=pretrained)}
    table = comparisons().assign(variant_a="unet_mobilenetv2", variant_b="unet_mobilenetv2_imagenet")
    here = evidence(
        arms={name: Arm(variant=variant, **facts) for name, variant in both.items()},  # type: ignore[arg-type]
        comparisons=table,
    )
    (row,) = judge(claim(**PART, under="part", part=["weights"]), here).to_dict("records")
    if expected == "supported":
        assert row["verdict"] == "supported"
    else:
        assert (row["verdict"], row["points"]) == ("untested", "for") and expected in row["why"]


def test_conditions_that_the_plan_does_not_name_are_an_error() -> None:
    with pytest.raises(InputError, match="under: found nowhere, expected conditions of the plan: published, part"):
        judge(claim(**CELL, under="nowhere"), evidence())


def test_every_kind_of_claim_has_its_rule_in_every_plan() -> None:
    decides = {one.decides for one in read_claims(CLAIMS, MISHRA)} - {"untested"}
    plans = sorted(CLAIMS.parent.glob("plan-*.yaml"))
    assert plans and all(set(read_plan(path).rules) >= decides for path in plans)


@pytest.mark.parametrize(
    ("sign", "said", "order"),
    [
        ("b better", "b better", "supported"),
        ("a better", "a better", "contradicted"),
        ("b better", "equivalent", "supported"),  # there, though within the margin
        ("a better", "equivalent", "contradicted"),
        ("undecided", "equivalent", "inconclusive"),
        ("undecided", "undecided", "inconclusive"),
    ],
)
def test_better_and_order_follow_the_sign(sign: str, said: str, order: str) -> None:
    found = evidence(comparisons=comparisons(said).assign(sign=sign))
    assert verdict(found, decides="order", metric="dice") == order
    assert verdict(found, decides="better", variant="proposed", against="unet", metric="dice") == order


@pytest.mark.parametrize(("gain", "expected"), [(0.003, "better"), (-0.003, "worse"), (0.001, "undecided")])
def test_tables_without_a_sign_tell_it_by_the_interval(gain: float, expected: str) -> None:
    row = find_pair(comparisons("equivalent", gain).drop(columns="sign"), "proposed", "unet", "dice")
    assert row is not None and side(row) == expected


def test_a_pair_turned_round_is_turned_in_every_column() -> None:
    table = comparisons().assign(difference_without=-0.009, note="common seed variance: -0.0300 to +0.0100")
    row = find_pair(table, "proposed", "unet", "dice")
    assert row is not None and row["note"] == "common seed variance: -0.0100 to +0.0300"
    assert row is not None and row["low"] < row["difference"] < row["high"] and row["difference_without"] == 0.009
    assert (row["sign"], row["verdict"]) == ("a better", "a better")
    same = find_pair(comparisons().assign(difference=0.0, low=0.0, high=0.0), "proposed", "unet", "dice")
    assert same is not None and f"{same['difference']:+.4f} {same['high']:+.4f}" == "+0.0000 +0.0000"


@pytest.mark.parametrize(
    ("sign", "gain", "words"),
    [
        ("b better", 0.003, "better, by less than the margin"),
        ("a better", -0.003, "worse, by less than the margin"),
        ("undecided", 0.001, "undecided, within the margin"),
    ],
)
def test_a_difference_within_the_margin_is_told_with_its_side(sign: str, gain: float, words: str) -> None:
    (one,) = claim(decides="better", variant="proposed", against="unet", metric="dice")
    table = comparisons("equivalent", gain).assign(sign=sign)
    assert words in judge([one], evidence(comparisons=table)).iloc[0]["why"]


def test_one_wrong_step_breaks_an_order() -> None:
    table = comparisons()
    table.loc[(table["variant_a"] == "unet") & (table["variant_b"] == "unet_mobilenetv2"), "sign"] = "a better"
    assert verdict(evidence(comparisons=table), decides="order", metric="iou") == "contradicted"


def test_rows_and_percentages_are_a_matter_of_arithmetic() -> None:
    assert verdict(evidence(), decides="row", variant="proposed") == "impossible"  # Dice against IoU, by Jensen
    for variant in NETWORKS[:3]:  # only IoU against recall, and Dice against precision and recall
        assert verdict(evidence(), decides="row", variant=variant) == "inconsistent"
    assert verdict(evidence(findings=()), decides="row", variant="proposed") == "inconclusive"
    gain = {"decides": "agreement", "variant": "proposed", "against": "unet", "metric": "dice"}
    # 0.984 and 0.957 are 2.7 points, or 2.8 %, apart.
    assert [verdict(evidence(), **gain, percent=p) for p in ("2.5", "2.7", "2.82", "3")] == [
        "impossible", "supported", "supported", "supported",
    ]  # fmt: skip
    assert verdict(evidence(), **gain, percent="2.95") == "impossible"


def test_parameters_are_read_in_every_way() -> None:
    entry = {"decides": "parameters", "variant": "proposed", "against": "unet_inceptionresnetv2"}
    # 65 to 62 million: 4.84 % more, 95.38 % of it, 104.84 % as many.
    for percent, expected in (
        ("4.8", "supported"),
        ("95.38", "supported"),
        ("105", "supported"),
        ("0.20", "untested"),  # of one implementation, which others may not share
    ):
        assert verdict(evidence(), **entry, percent=percent) == expected
    turned = {"decides": "parameters", "variant": "unet_inceptionresnetv2", "against": "proposed", "percent": "7"}
    assert "4.62 % fewer, the smaller 95.38 % of the larger" in judge(claim(**turned), evidence())["why"][0]


def test_parameters_are_untested_where_implementations_differ_by_more_than_the_claim() -> None:
    entry = {"decides": "parameters", "variant": "proposed", "against": "unet_inceptionresnetv2", "percent": "0.20"}
    near, far = ({"name": "another", "variant": size, "against": 62_000_000} for size in (65_001_000, 70_000_000))
    assert verdict(evidence(), **entry, implementations=[near]) == "contradicted"
    (row,) = judge(claim(**entry, implementations=[far]), evidence()).to_dict("records")
    assert row["verdict"] == "untested" and "another: 70,000,000 parameters against 62,000,000" in row["why"]
    apart = {"name": "another", "variant": 65_050_000, "against": 62_000_000}  # 0.08 from ours; 0.20 is 0.195 to 0.205
    assert verdict(evidence(), **entry, implementations=[apart]) == "untested"


def test_the_other_implementation_of_the_papers_networks_is_counted_by_building_it() -> None:
    def size(modules: Iterable[nn.Module]) -> int:
        return sum(tensor.numel() for module in modules for tensor in module.parameters())

    def whole(encoders: list[str], head: nn.Module) -> int:
        parts = [smp.encoders.get_encoder(name, in_channels=1, weights=None) for name in encoders]
        channels = [1, *(sum(scale) for scale in zip(*(part.out_channels[1:] for part in parts), strict=True))]
        decoder = UnetDecoder(channels, (256, 128, 64, 32, 16), n_blocks=5)
        return size([*parts, decoder, head])

    plain = smp.base.SegmentationHead(16, 1)
    own = {
        "unet_mobilenetv2": whole(["mobilenet_v2"], plain),
        "unet_inceptionresnetv2": whole(["inceptionresnetv2"], plain),
        "proposed": whole(["mobilenet_v2", "inceptionresnetv2"], DenseHead(16, Head())),
    }
    said = [one for one in read_claims(CLAIMS, MISHRA) if one.decides == "parameters"]
    assert len(said) == 2
    for one in said:
        (other,) = one.implementations
        assert (other.variant, other.against) == (own[one.variant], own[one.against])


def test_cost_is_told_and_not_judged() -> None:
    (row,) = judge(claim(decides="cost", variant="proposed", against="unet"), evidence()).to_dict("records")
    assert row["verdict"] == "untested" and row["reproduced"] == pytest.approx(65 / 31)
    assert "2.10 times the parameters" in row["why"] and "speed" not in row["why"] and "width" not in row["why"]


def test_parameters_of_a_u_net_of_another_width_are_not_the_papers() -> None:
    narrow = evidence(arms=arms() | {"unet": Arm(Variant(width=32), 60, "cosine", 256, 3)})
    entry = {"variant": "proposed", "against": "unet"}
    for more in ({"decides": "cost"}, {"decides": "parameters", "percent": "209.7"}):  # as many, by our counts
        (row,) = judge(claim(**entry, **more), narrow).to_dict("records")
        assert row["verdict"] == "untested" and "a U-Net of width 32, not 64" in row["why"]
    assert verdict(evidence(), **entry, decides="parameters", percent="209.7") == "supported"


def test_convergence_looks_at_what_follows() -> None:
    entry = {"decides": "convergence", "variant": "proposed"}
    assert verdict(evidence(), **entry, epochs=12) == "supported"  # 0.003 more by the last ten
    assert verdict(evidence(), **entry, epochs=5) == "contradicted"
    assert verdict(evidence(), **entry, epochs=15) == "supported"
    assert verdict(evidence(), **entry, epochs=16) == "untested"  # 32 are asked for, and there are 30
    (told,) = judge(claim(**entry, epochs=12), evidence()).to_dict("records")
    (small,) = judge(claim(**entry, epochs=12), evidence(arms=arms(size=64))).to_dict("records")
    assert "not the paper's" not in told["why"] and small["why"].endswith("not the paper's: 64 px, not 256")
    rows = evidence().histories
    for column in ("validation_loss", "validation_accuracy"):  # of one seed, at the end
        moved = rows.assign(**{column: rows[column] + 0.006 * ((rows["epoch"] > 20) & (rows["seed"] == 1))})
        assert verdict(evidence(histories=moved), **entry, epochs=12) == "contradicted"
        early = rows.assign(**{column: rows[column] + 0.006 * (rows["epoch"] <= 20)})  # all of it is no end
        assert verdict(evidence(histories=early), **entry, epochs=12) == "contradicted"
    sunk = rows.assign(validation_dice=rows["validation_dice"] - 0.02 * (rows["epoch"] > 20))
    assert verdict(evidence(histories=sunk), **entry, epochs=12) == "contradicted"  # the best so far hides a fall
    assert verdict(evidence(arms=arms(schedule="cosine")), **entry, epochs=12) == "untested"
    assert verdict(evidence(plan=None), **entry, epochs=12) == "untested"
    assert verdict(evidence(drawn=True), **entry, epochs=12) == "untested"
    assert verdict(evidence(arms=arms(seeds=1)), **entry, epochs=12) == "untested"


def test_what_the_experiment_lacks_is_untested_with_its_name() -> None:
    few = evidence(estimates=estimates()[:0], comparisons=comparisons()[:0], parameters={}, arms={})
    table = judge(read_claims(CLAIMS, MISHRA), few)
    cells = table[table["decides"].isin(["cell", "gain", "better", "order", "parameters", "cost"])]
    assert (cells["verdict"] == "untested").all() and cells["why"].str.startswith("this experiment has no").all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"variant": "unett"}, "claim one, .*variant: found 'unett', .*no network is called 'unett'"),
        ({"metric": "dicee"}, "claim one, .*metric: found 'dicee'"),
        ({"decides": "cells"}, "claim one, .*does not match any of the expected tags"),
        ({"margin": 3}, "claim one, .*margin: found 3, .*not permitted"),
        ({"decides": "better", "against": "proposed", "part": ["weight"]}, "part: found .*a variant has no weight"),
        ({"takes": None}, "claim one, .*takes: found None"),
        ({"says": ""}, "claim one, .*says: found ''"),
        (
            {"decides": "gain", "against": "proposed", "published": True},
            "published: found True, expected a difference of fractions with its decimals as printed, such as 0.025",
        ),
        ({"claim": "Not A Name"}, "claim Not A Name, .*claim: found 'Not A Name'"),
    ],
)
def test_a_claim_that_points_at_nothing_is_an_error(tmp_path: Path, change: dict[str, object], message: str) -> None:
    entry = {
        "claim": "one",
        "says": "s",
        "source": "Table 1",
        "takes": "data",
        "decides": "cell",
        "variant": "unet",
        "metric": "dice",
    }
    (tmp_path / "claims.yaml").write_text(yaml.safe_dump([entry | change]))
    with pytest.raises(InputError, match=message):
        read_claims(tmp_path / "claims.yaml", MISHRA)


GAIN = {"decides": "gain", "variant": "proposed", "against": "unet", "metric": "dice"}
SHARE = {"variant": "proposed", "against": "unet"}
MANY = "9" * 400


@pytest.mark.parametrize(
    ("entry", "written", "message"),
    [
        (GAIN, "published: 2.5", "found .*published is 2.5: a difference of fractions lies between -1 and 1"),
        (GAIN, 'published: "-1.01"', "published is -1.01: a difference of fractions lies between -1 and 1"),
        *[
            (GAIN, f"published: {text}", r"published: found .*, expected a difference of fractions with its decimals")
            for text in ("-3", "0", ".nan", ".inf", "-.inf", "2.5 %", "1e-2", "2.5e-2", "1:30.5", "", MANY, f".{MANY}")
        ],
        ({"decides": "convergence", "variant": "unet"}, "epochs: 0", "epochs: found 0, expected .*equal to 1"),
        ({"decides": "convergence", "variant": "unet"}, "epochs: -5", "epochs: found -5, expected .*equal to 1"),
        ({"decides": "convergence", "variant": "unet"}, f"epochs: {MANY}", "epochs: found 9*, expected less than"),
        *[
            (kind | SHARE, f"percent: {text}", "percent: found .*, expected a percentage with its decimals as printed")
            for kind in ({"decides": "parameters"}, {"decides": "agreement", "metric": "dice"})
            for text in ("2.5 %", "-1", "1e3", "true", ".nan", f'"{MANY}"', f'"0.{MANY}"', '"٣"', "1.")
        ],
        *[
            (
                SHARE | {"decides": "parameters", "percent": "2.5"},
                f"implementations: [{{name: a, variant: {size}, against: 1}}]",
                "implementations.0.variant: found",
            )
            for size in ("0", "-1", "1.5", MANY)
        ],
    ],
)
def test_a_number_that_a_claim_cannot_have_is_refused_when_it_is_read(
    tmp_path: Path, entry: dict[str, object], written: str, message: str
) -> None:
    text = yaml.safe_dump([{"claim": "one", "says": "s", "source": "t", "takes": "d"} | entry])
    (path := tmp_path / "claims.yaml").write_text(f"{text}  {written}\n", encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read_claims(path, MISHRA)


def test_a_loss_may_gain_more_than_1_and_a_percentage_needs_no_quotes(tmp_path: Path) -> None:
    claim(**(GAIN | {"metric": "loss"}), published=-1.5)
    assert claim(**GAIN, published="-1.0") and claim(**GAIN, published="+1.00")
    text = yaml.safe_dump([{"claim": "one", "says": "s", "source": "t", "takes": "d", "decides": "parameters"} | SHARE])
    (path := tmp_path / "claims.yaml").write_text(f"{text}  percent: 0.20\n")
    (read,) = read_claims(path, MISHRA)
    assert read.decides == "parameters" and read.percent == "0.20"


def test_a_gain_over_a_cell_that_rounds_to_0_may_be_any_percentage() -> None:
    entry = {"decides": "agreement", "variant": "proposed", "against": "unet", "percent": "90000"}
    for cells, metric, expected in (
        ({"proposed": ".9", "unet": "0.00"}, "dice", "supported"),
        ({"proposed": ".9", "unet": "0.01"}, "dice", "impossible"),
        ({"proposed": "1801.0", "unet": "2.0"}, "loss", "supported"),
        ({"proposed": ".90", "unet": ".45"}, "dice", "impossible"),
    ):
        paper = MISHRA.model_copy(update={"cells": {name: {metric: text} for name, text in cells.items()}})
        assert verdict(evidence(paper=paper), **entry, metric=metric) == expected
    for percent, expected in (("45", "supported"), ("100", "supported"), ("50", "supported"), ("60", "impossible")):
        found = evidence(paper=paper)  # in points, relative to the old value, to the new one, to neither
        assert verdict(found, **(entry | {"percent": percent}), metric="dice") == expected


def test_two_claims_of_one_name_are_an_error(tmp_path: Path) -> None:
    entry = {"claim": "one", "says": "s", "source": "t", "takes": "d", "decides": "untested", "reason": "because"}
    (tmp_path / "claims.yaml").write_text(yaml.safe_dump([entry, entry]))
    with pytest.raises(InputError, match="two claims called one"):
        read_claims(tmp_path / "claims.yaml", MISHRA)


def test_the_table_for_people_counts_and_lists() -> None:
    table = judge(read_claims(CLAIMS, MISHRA), evidence())
    text = claims_table(table, "Reduced data.")
    assert text.startswith("Table 1 in 29 parts: ") and f"; apart from it {len(table) - 29} claims, 4 of them" in text
    assert "\n- *Implied*: no sentence of the paper" in text
    assert "3 inconsistent, 1 impossible" in text and "- **inconsistent**: " in text and "- **compatible**" not in text
    assert text.endswith("Reduced data.\n")
    assert sum(line.startswith("| ") for line in text.splitlines()) == len(table) + 2
