"""What is measured of a film, and the limits that are fitted to it."""

from pathlib import Path

import numpy as np
import pytest

from lungseg.errors import InputError
from lungseg.files import no_formula
from lungseg.films.limits import COLUMNS, SHARES, Limit, as_rows, findings, fit, margins, read_limits, verdict
from lungseg.films.lungs import LEFT, RIGHT, tell_apart
from lungseg.films.quantities import REASONS, _shape, correlation, disagreement, quantities
from tests.films.test_lungs import SIZE, probability
from tests.own_films import film

LUNGS = ((10, 50, 8, 25), (10, 50, 38, 56))


def measured(square: np.ndarray, lungs: np.ndarray) -> dict[str, float]:
    return quantities(square, [lungs], lungs, tell_apart(lungs))


def grey() -> np.ndarray:
    square = np.full((SIZE, SIZE), 200, dtype=np.uint8)
    for top, bottom, left, right in LUNGS:
        square[top:bottom, left:right] = 60
    return square


def test_every_quantity_is_measured_and_explained() -> None:
    assert set(measured(grey(), probability(*LUNGS))) == set(REASONS)
    assert all(any(reasons) for reasons in REASONS.values())


def test_lungs_stand_beside_one_another_as_far_as_their_middles_do() -> None:
    square, mask = grey(), np.zeros((SIZE, SIZE))
    for across, down, beside in ((30, 0, 1), (20, 20, 0.5), (24, 8, 0.75)):
        mask[:] = 0
        mask[5:25, 5:15] = mask[5 + down : 25 + down, 5 + across : 15 + across] = 1
        side = np.where(np.arange(SIZE) < 5 + across, RIGHT, LEFT) * np.ones((SIZE, 1), np.uint8)
        found = _shape(square, mask > 0, side.astype(np.uint8))
        assert found["beside"] == pytest.approx(beside)


def test_each_quantity_moves_where_its_reason_says() -> None:
    sound = measured(grey(), probability(*LUNGS))
    assert measured(255 - grey(), probability(*LUNGS))["contrast"] < 0 < sound["contrast"]
    assert measured(np.full_like(grey(), 7), probability(*LUNGS))["spread"] == 0
    noise = np.random.default_rng(0).integers(0, 256, grey().shape, dtype=np.uint8)
    assert measured(noise, probability(*LUNGS))["rough"] > 2 * sound["rough"]
    assert measured(noise, probability(*LUNGS))["symmetry"] < 0.3 < sound["symmetry"]
    cut_off = measured(grey(), probability((0, 50, 8, 25), (0, 50, 38, 56)))
    assert sound["cut"] == 0 and cut_off["cut"] == pytest.approx(35 / SIZE)
    assert measured(grey(), probability((10, 50, 8, 25), (40, 50, 38, 56)))["balance"] == pytest.approx(180 / 680)
    stacked = measured(grey(), probability((4, 24, 20, 44), (36, 60, 20, 44)))
    assert stacked["beside"] < 0.1 and sound["beside"] > 0.9
    pyramid = probability((10, 30, 15, 20), (30, 50, 8, 25), (10, 30, 45, 50), (30, 50, 38, 56))
    assert measured(grey(), pyramid)["taper"] > 0.7 and measured(grey(), pyramid[::-1].copy())["taper"] < 0.3
    ragged = probability((10, 50, 8, 12), (10, 14, 8, 25), (46, 50, 8, 25), LUNGS[1])
    assert measured(grey(), ragged)["solid"] < 0.5 < 0.99 < sound["solid"]
    assert measured(grey(), probability((10, 50, 2, 12), (10, 50, 14, 24)))["aside"] > 0.2 > sound["aside"]
    assert measured(grey(), probability(*LUNGS, inside=0.6))["unsure"] == 1


def test_a_drawn_film_is_sound() -> None:
    drawn = film(0, 256, 256)
    found = measured(drawn.image, np.where(drawn.mask, 0.99, 0.01).astype(np.float32))
    assert found["contrast"] > 0.1 and found["symmetry"] > 0.7 and found["balance"] > 0.5 and found["taper"] > 0.4


def test_no_lung_and_constant_pictures() -> None:
    found = measured(grey(), np.zeros((SIZE, SIZE), dtype=np.float32))
    assert found["share"] == 0 and "balance" not in found
    assert [one.reason for one in findings(found, ())] == ["no lung found"]
    assert correlation(np.ones((3, 3)), np.arange(9.0).reshape(3, 3)) == 0


def test_disagreement() -> None:
    one, other = probability(LUNGS[0]), probability(LUNGS[1])
    assert disagreement([one]) == 0 == disagreement([one, one])
    assert disagreement([one, other]) == 1 and disagreement([one * 0, one * 0]) == 0
    assert disagreement([one, one, other]) == pytest.approx(2 / 3)
    assert disagreement([one * 0, one * 0 + 0.5]) == 0  # half is no lung, as everywhere


def test_a_finding_says_reason_value_limit_and_how_sure() -> None:
    limits = [
        Limit("contrast", "below", "doubtful", 0.05, 0.01),
        Limit("contrast", "below", "refused", 0.0, 0.001),
        Limit("cut", "above", "doubtful", 0.2, 0.02),
    ]
    said = findings({"share": 0.3, "contrast": -0.2, "cut": 0.2}, limits)
    assert len(said) == 1 and said[0].verdict == "refused" and verdict(said) == "refused"
    assert said[0].reason.startswith("lungs not darker") and "contrast -0.2, limit 0" in said[0].reason
    assert said[0].sure == "0.1% of sound films are beyond it"
    assert verdict(findings({"share": 0.3, "contrast": 0.01, "cut": 0.3}, limits)) == "doubtful"
    assert verdict(findings({"share": 0.3}, limits)) is None


def _sound(count: int = 200) -> list[dict[str, float]]:
    rng = np.random.default_rng(1)
    return [{"share": 0.3, "contrast": float(c), "cut": float(k)} for c, k in rng.uniform(0.1, 0.4, (count, 2))]


def test_limits_find_what_is_bad_and_leave_what_is_sound() -> None:
    bad = [{"share": 0.3, "contrast": -0.1, "cut": 0.2}] * 5 + [{"share": 0.3, "contrast": 0.2, "cut": 0.9}] * 3
    limits = fit(_sound(), bad)
    assert [(one.quantity, one.side, one.verdict) for one in limits] == [
        ("contrast", "below", "refused"),
        ("cut", "above", "refused"),
    ]
    fresh = [{"share": 0.3, "contrast": 0.25, "cut": 0.25}]
    assert not findings(fresh[0], limits) and all(findings(film, limits) for film in bad)


def test_a_bad_film_like_sound_ones_makes_no_limit() -> None:
    assert fit(_sound(), [{"share": 0.3, "contrast": 0.25, "cut": 0.25}]) == []
    assert fit([], [{"share": 0.3, "contrast": 0.25}]) == [] and fit(_sound(), []) == []


def test_a_quantity_without_span_makes_films_doubtful_and_refuses_none() -> None:
    """Where sound films are all alike, nothing says how far the next one may be from them."""
    alike = [film | {"cut": 0.0} for film in _sound(99)] + [_sound(1)[0]]
    limits = fit(alike, [{"share": 0.3, "contrast": 0.25, "cut": 0.9}] * 3)
    assert {(one.quantity, one.verdict) for one in limits} == {("cut", "doubtful")}


def test_margins_are_the_smallest_that_keep_films_that_were_left_out() -> None:
    """Films whose extremes lie far apart from the rest need wide margins; those of a box need the narrowest."""
    bad = [{"share": 0.3, "contrast": -9.0, "cut": 9.0}] * 4
    assert margins(_sound(), bad) == {"refused": SHARES[0], "doubtful": SHARES[0]}
    rng = np.random.default_rng(3)
    values = 0.2 + 0.03 * np.abs(rng.standard_t(1.5, (100, 2)))
    tailed = [{"share": 0.3, "contrast": float(c), "cut": float(k)} for c, k in values]
    wide = margins(tailed, [{"share": 0.3, "contrast": 99.0, "cut": 99.0}] * 4, refused=0.0, doubtful=0.0)
    assert wide["refused"] > SHARES[0]


def test_margins_see_no_film_that_limits_are_judged_by() -> None:
    bad = [{"share": 0.3, "contrast": -0.1, "cut": 0.2}] * 5
    sound = _sound(60)
    assert fit(sound, bad) == fit(sound, bad, stand_off=margins(sound, bad))


def test_what_limits_take_of_sound_films_together_is_bounded() -> None:
    """Without a margin each limit takes a tenth of what is allowed, and there are sixteen."""
    rng = np.random.default_rng(2)
    names = [name for name in REASONS if name != "share"][:8]
    sound = [{"share": 0.3, **dict(zip(names, map(float, row), strict=True))} for row in rng.normal(size=(3000, 8))]
    bad = [{"share": 0.3, **dict.fromkeys(names, 0.0), name: side * 9.0} for name in names for side in (-1, 1)]
    limits = fit(sound, bad, refused=0.01, doubtful=0.03, stand_off={"refused": 0.0, "doubtful": 0.0})
    beyond = [verdict(findings(film, limits)) for film in sound]
    assert limits and np.mean([one == "refused" for one in beyond]) <= 0.01
    assert np.mean([one is not None for one in beyond]) <= 0.03


def test_a_table_is_read_as_it_was_written(tmp_path: Path) -> None:
    limits = (Limit("contrast", "below", "refused", 0.0123, 0.001), Limit("cut", "above", "doubtful", 0.2, 0.0))
    lines = [",".join(COLUMNS), *(",".join(str(no_formula(row[name])) for name in COLUMNS) for row in as_rows(limits))]
    (tmp_path / "checks.csv").write_text("\n".join(lines) + "\n")
    assert read_limits(tmp_path / "checks.csv") == limits
    assert read_limits(tmp_path / "none.csv") == ()
    for line, found in (
        ("colour,below,refused,1,1", "colour below"),
        ("cut,beside,refused,1,1", "cut beside"),
        ("cut,above,lost,1,1", "lost"),
        ("cut,above,refused,much,1", "much, 1"),
    ):
        (tmp_path / "checks.csv").write_text(f"{lines[0]}\n{line}\n")
        with pytest.raises(InputError, match=f"line 2: found {found}"):
            read_limits(tmp_path / "checks.csv")


@pytest.mark.parametrize("limit", ["nan", "inf"])
def test_a_limit_is_a_finite_number(tmp_path: Path, limit: str) -> None:
    (tmp_path / "checks.csv").write_text(f"quantity,side,verdict,limit,sound\ncut,above,refused,{limit},0.001\n")
    with pytest.raises(InputError, match=f"line 2: found {limit}, 0.001, expected two numbers that are finite"):
        read_limits(tmp_path / "checks.csv")
