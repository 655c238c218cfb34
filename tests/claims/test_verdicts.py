"""Claims and verdicts: every rule, every verdict, and claims that point at nothing."""

from pathlib import Path

import pandas as pd
import pytest
import yaml

from lungseg.claims.arithmetic import audit
from lungseg.claims.evidence import Evidence
from lungseg.claims.printed_table import as_printed
from lungseg.claims.verdicts import COLUMNS, Claim, judge, read_claims
from lungseg.errors import InputError
from lungseg.report.tables import claims_table
from tests.workflow import MISHRA

TABLE1 = MISHRA.table()
CLAIMS = Path(__file__).parents[2] / "workflow/papers/mishra/claims.yaml"
VERDICTS = {"supported", "contradicted", "inconclusive", "inconsistent", "impossible", "untested"}
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
    return table.assign(low=table["difference"] - half, high=table["difference"] + half)


def evidence(**changes: object) -> Evidence:
    costs = pd.DataFrame(
        {"parameters": [31_000_000, 4_000_000, 62_000_000, 65_000_000], "images_per_second": [10.0, 60.0, 20.0, 12.0]},
        index=NETWORKS,
    ).assign(width=64)
    histories = pd.DataFrame(
        [("proposed", seed, epoch, 0.9 + min(epoch, 15) / 1000) for seed in (0, 1) for epoch in range(1, 31)],
        columns=["variant", "seed", "epoch", "validation_dice"],
    )
    findings = tuple(audit(as_printed(MISHRA.cells)))
    facts: dict[str, object] = {
        "paper": MISHRA,
        "estimates": estimates(),
        "comparisons": comparisons(),
        "findings": findings,
    }
    return Evidence(**{**facts, "costs": costs, "histories": histories, **changes})  # type: ignore[arg-type]


def claim(**entry: object) -> list[Claim]:
    from pydantic import TypeAdapter

    whole = {"claim": "one", "says": "it is so", "source": "Table 1", "takes": "data"} | entry
    return TypeAdapter(list[Claim]).validate_python([whole], context=MISHRA)


def verdict(found: Evidence, **entry: object) -> str:
    return str(judge(claim(**entry), found)["verdict"][0])


def test_every_claim_of_the_paper_gets_a_verdict_and_a_reason() -> None:
    claims = read_claims(CLAIMS, MISHRA)
    table = judge(claims, evidence())
    assert list(table)[:8] == COLUMNS and len(table) == len(claims)
    assert set(table["verdict"]) <= VERDICTS and (table["why"].str.len() > 15).all()
    cells = {(c.variant, c.metric) for c in claims if c.decides == "cell"}
    assert cells == {(variant, metric) for variant in NETWORKS for metric in TABLE1.index}
    assert {c.metric for c in claims if c.decides == "order"} == set(TABLE1.index)
    assert {"gain", "agreement", "row", "parameters", "cost", "better", "convergence", "untested"} <= {
        c.decides for c in claims
    }


@pytest.mark.parametrize(("shift", "expected"), [(0.001, "supported"), (0.005, "inconclusive"), (0.02, "contradicted")])
def test_a_cell_is_judged_by_the_interval_and_the_margin(shift: float, expected: str) -> None:
    found = evidence(estimates=estimates(shift))
    assert verdict(found, decides="cell", variant="unet", metric="dice") == expected
    assert verdict(found, decides="cell", variant="unet", metric="loss") == "untested"


def test_a_gain_is_compared_with_our_difference_whichever_way_round_the_pair_stands() -> None:
    gain = {"decides": "gain", "variant": "proposed", "against": "unet", "metric": "dice"}
    assert verdict(evidence(), **gain, published=0.011) == "supported"
    assert verdict(evidence(), **gain, published=0.016) == "inconclusive"
    assert verdict(evidence(), **gain, published=-0.01) == "contradicted"
    row = judge(claim(**gain, published=0.011), evidence()).iloc[0]
    assert row["reproduced"] == pytest.approx(0.01) and row["low"] < row["reproduced"] < row["high"]


@pytest.mark.parametrize(
    ("said", "gain", "order"),
    [
        ("b better", 0.01, "supported"),
        ("a better", 0.01, "contradicted"),
        ("equivalent", 0.003, "supported"),  # there, though within the margin
        ("equivalent", -0.003, "contradicted"),
        ("equivalent", 0.001, "inconclusive"),
        ("undecided", 0.01, "inconclusive"),
    ],
)
def test_better_and_order_follow_the_comparisons(said: str, gain: float, order: str) -> None:
    found = evidence(comparisons=comparisons(said, gain))
    assert verdict(found, decides="order", metric="dice") == order
    assert verdict(found, decides="better", variant="proposed", against="unet", metric="dice") == order


@pytest.mark.parametrize(
    ("gain", "words"),
    [(0.003, "better, by less than 0.005"), (-0.003, "worse, by less than 0.005"), (0.001, "equivalent within 0.005")],
)
def test_a_difference_within_the_margin_is_told_with_its_side(gain: float, words: str) -> None:
    (one,) = claim(decides="better", variant="proposed", against="unet", metric="dice")
    assert words in judge([one], evidence(comparisons=comparisons("equivalent", gain))).iloc[0]["why"]


def test_one_wrong_step_breaks_an_order() -> None:
    table = comparisons()
    table.loc[(table["variant_a"] == "unet") & (table["variant_b"] == "unet_mobilenetv2"), "verdict"] = "a better"
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
        ("0.20", "contradicted"),
    ):
        assert verdict(evidence(), **entry, percent=percent) == expected


def test_cost_needs_both_time_and_size_and_the_published_width() -> None:
    assert verdict(evidence(), decides="cost", variant="unet_mobilenetv2", against="unet") == "supported"
    assert verdict(evidence(), decides="cost", variant="proposed", against="unet") == "inconclusive"
    assert verdict(evidence(), decides="cost", variant="proposed", against="unet_inceptionresnetv2") == "contradicted"
    narrow = evidence().costs.assign(width=32)
    assert verdict(evidence(costs=narrow), decides="cost", variant="proposed", against="unet") == "untested"


def test_convergence_looks_at_what_follows() -> None:
    entry = {"decides": "convergence", "variant": "proposed"}
    assert verdict(evidence(), **entry, epochs=12) == "supported"  # 0.003 more by epoch 15
    assert verdict(evidence(), **entry, epochs=5) == "contradicted"
    assert verdict(evidence(), **entry, epochs=30) == "untested"


def test_what_the_experiment_lacks_is_untested_with_its_name() -> None:
    few = evidence(estimates=estimates()[:0], comparisons=comparisons()[:0], costs=evidence().costs[:0])
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
        ({"takes": None}, "claim one, .*takes: found None"),
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


def test_two_claims_of_one_name_are_an_error(tmp_path: Path) -> None:
    entry = {"claim": "one", "says": "s", "source": "t", "takes": "d", "decides": "untested", "reason": "because"}
    (tmp_path / "claims.yaml").write_text(yaml.safe_dump([entry, entry]))
    with pytest.raises(InputError, match="two claims called one"):
        read_claims(tmp_path / "claims.yaml", MISHRA)


def test_the_table_for_people_counts_and_lists() -> None:
    table = judge(read_claims(CLAIMS, MISHRA), evidence())
    text = claims_table(table, "Reduced data.")
    assert text.startswith(f"{len(table)} claims: ") and "3 inconsistent, 3 impossible" in text
    assert text.endswith("Reduced data.\n")
    assert sum(line.startswith("| ") for line in text.splitlines()) == len(table) + 2
