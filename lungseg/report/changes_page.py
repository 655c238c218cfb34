"""Which cells moved between two results, as a web page; apart, as a plain installation has no great_tables."""

import pandas as pd
from great_tables import GT


def as_page(moved: pd.DataFrame, a: str, b: str) -> str:
    """A web page of one file.

    Args:
        moved: As from `compare_results`.
        a: What A is.
        b: What B is.
    """
    shown = moved.drop(columns=["seeds_a", "seeds_b"])
    counts = ", ".join(f"{count} {verdict}" for verdict, count in moved["verdict"].value_counts().items())
    table = (
        GT(shown, id="compare")
        .tab_header(title="Which cells moved?", subtitle=f"A: {a}. B: {b}. {counts}.")
        .fmt_number(["a", "b"], decimals=4)
        .fmt_number(["difference", "low", "high"], decimals=4, force_sign=True)
        .sub_missing(missing_text="–")
        .tab_source_note("difference: B less A, with its interval over seeds and films. Of 20 cells that differ by "
                         "chance alone, about one lies beyond.")
    )  # fmt: skip
    page: str = table.as_raw_html(make_page=True)
    return page
