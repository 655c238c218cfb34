"""What the report says of other ways of analysis follows from their intervals."""

from itertools import product
from pathlib import Path

import pandas as pd
import pytest

from lungseg.files import write_csv
from lungseg.report.multiverse import in_words, rows
from lungseg.report.results import Results

SIDES = {1: (0.001, 0.003), 0: (-0.001, 0.002), -1: (-0.004, -0.002)}


def table(own: int, size: int, parts: int, seen: int) -> pd.DataFrame:
    """On which side of 0 the declared interval lies, and where each other choice moves it; the last of them decides."""
    found = []
    for native, kept, out in product((0, 1), (0, 1), (0, 1)):
        side = own
        for taken, there in ((native, size), (kept, parts), (out, seen)):
            side = there if taken else side
        low, high = SIDES[side]
        found.append(
            {"size": ["network", "native"][native], "postprocessing": ["none", "two_largest"][kept]}
            | {"seen": ["kept", "left out"][out], "declared": not (native or kept or out)}
            | {"difference": (low + high) / 2, "low": low, "high": high, "images": 192 - 9 * out}
        )
    return pd.DataFrame(found)


def test_a_sign_that_does_not_hang_on_them() -> None:
    said = in_words(table(-1, -1, -1, -1))
    assert said == (
        "The same predictions analysed in 7 other ways (at the films' own size, with the two largest parts of a mask "
        "alone, without the 9 films whose patient is, or is suspected to be, in another part too) give -0.0030; "
        "the declared interval and all others lie below 0."
    )
    assert in_words(table(0, 0, 0, 0)).endswith("the declared interval and all others hold 0.")


@pytest.mark.parametrize(
    ("sides", "end"),
    [
        ((-1, -1, 0, -1), "lies below 0, of the others 2 hold 0 and 5 lie below 0. {hangs}."),
        ((0, 0, 0, 1), "holds 0, of the others 4 lie above 0 and 3 hold 0. {hangs}: it does without such films."),
        ((1, -1, 1, 1), "lies above 0, of the others 6 lie above 0 and 1 lies below 0. {hangs}."),
    ],
)  # fmt: skip
def test_a_sign_that_hangs_on_them(sides: tuple[int, int, int, int], end: str) -> None:
    hangs = (
        f"{'On which side of 0 it lies' if {-1, 1} <= {*sides} else 'Whether it leaves 0 out'} hangs on such choices"
    )
    assert in_words(table(*sides)).endswith(f"; the declared interval {end.format(hangs=hangs)}")


def test_what_parts_them_is_named() -> None:
    hangs = table(-1, -1, -1, -1)
    two = hangs["postprocessing"] == "two_largest"
    said = in_words(hangs.assign(high=hangs["high"].where(~two, 0.0002)))
    assert "of the others 4 hold 0 and 3 lie below 0." in said
    assert said.endswith(
        "Whether it leaves 0 out hangs on such choices: it holds 0 with the two largest parts of a mask alone."
    )


def test_nothing_else_nothing_said() -> None:
    whole = table(1, 1, 1, 1)
    assert in_words(whole[:1]) == "" and in_words(whole[:0]) == "" and rows(whole[:0]) == []
    assert in_words(whole[:2]).startswith("The same predictions analysed in one other way (without the 9 films")
    assert in_words(whole.assign(low=float("nan"))).endswith("give +0.0020, without intervals.")


def test_what_is_read_back_says_the_same(tmp_path: Path) -> None:
    write_csv(whole := table(-1, 0, -1, -1), tmp_path / "multiverse.csv")
    read = Results(tmp_path).table("multiverse")
    assert in_words(read) == in_words(whole) and rows(read) == rows(whole) and in_words(whole)


def test_rows_have_each_choice_in_words() -> None:
    one, *_, last = rows(table(1, 1, 1, 0))
    assert one == {
        "size": "the network's", "postprocessing": "as predicted", "seen": "all", "declared": True, "films": 192,
        "difference": "+0.0020 [+0.0010, +0.0030]",
    }  # fmt: skip
    assert (last["size"], last["seen"], last["films"]) == ("the films' own", "without patients seen", 183)
