"""Tables that were written are read back cell by cell: text as text, by either door, and nothing out of its range."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lungseg.errors import InputError
from lungseg.files import read_json, read_rows, write_csv
from lungseg.tables import EITHER, TEXT, TRUTHS, checked, read_csv, read_parquet, write_parquet

ODD = ["None", "NA", "null", "nan", "NaN", "001", "16", "1e5", "True", "-0", "inf", "1.0", "0x10", "a,b", 'a"b', "ä\nb"]
DOORS: list[Callable[[Path], list[str]]] = [
    lambda path: [row["variant"] for row in read_rows(path)],
    lambda path: read_csv(path)["variant"].tolist(),
]


@pytest.mark.parametrize("door", DOORS, ids=["csv", "pandas"])
@pytest.mark.parametrize("names", [ODD, *([name] for name in ODD)])
def test_text_stays_text_by_either_door(tmp_path: Path, door: Callable[[Path], list[str]], names: list[str]) -> None:
    write_csv(pd.DataFrame({"variant": names, "dice": 0.5}), tmp_path / "t.csv")
    assert door(tmp_path / "t.csv") == names
    write_parquet(pd.DataFrame({"variant": names, "dice": 0.5}), tmp_path / "t.parquet")
    assert read_parquet(tmp_path / "t.parquet")["variant"].tolist() == names


@given(st.lists(st.floats(allow_nan=True), min_size=1), st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_numbers_are_read_to_the_last_bit(tmp_path: Path, floats: list[float], whole: list[int]) -> None:
    table = pd.DataFrame({"hd95_mm": pd.Series(floats, dtype=float), "images": pd.Series(whole, dtype="Int64")})
    write_csv(table, tmp_path / "t.csv")
    read = read_csv(tmp_path / "t.csv")
    assert read["hd95_mm"].to_numpy(float)[: len(floats)].tobytes() == pytest.approx(
        np.array(floats).tobytes()
    ) or np.array_equal(read["hd95_mm"][: len(floats)].to_numpy(float), floats, equal_nan=True)
    if len(whole) >= len(floats):
        assert read["images"].tolist() == whole


def test_an_empty_cell_is_missing_and_a_table_without_rows_has_its_columns(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("variant,mean,near\nunet,,\n,0.5,True\n\n")
    read = read_csv(tmp_path / "t.csv")
    assert read.isna().to_numpy().tolist() == [[False, True, True], [True, False, False]]
    assert read["near"][1] is True
    (tmp_path / "t.csv").write_text('variant,"a,b"\n')
    assert list(read_csv(tmp_path / "t.csv")) == ["variant", "a,b"]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (",0.5", "line 3, variant: found '', expected a value"),
        ("unet,", "line 3, dice: found '', expected a value"),
        ("unet,nan", "line 3, dice: found 'nan', expected a value"),
        ("unet,inf", "line 3, dice: found 'inf', expected a value"),
    ],
)
def test_a_cell_that_must_hold_something_does(tmp_path: Path, row: str, message: str) -> None:
    (tmp_path / "t.csv").write_text(f"variant,dice\nunet,0.5\n{row}\n")
    with pytest.raises(InputError, match=message):
        read_csv(tmp_path / "t.csv", filled=["variant", "dice"])
    (tmp_path / "t.csv").write_text("variant,dice\nunet,0.5\n")
    assert read_csv(tmp_path / "t.csv", ["dice"], filled=["variant", "dice"]).shape == (1, 2)
    with pytest.raises(InputError, match="no column loss, expected the columns dice, loss"):
        read_csv(tmp_path / "t.csv", ["dice"], filled=["loss", "dice"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "an empty file"),
        (b"\n\n", "an empty file"),
        (b"\0" * 40, "a file of zeros"),
        ("variant,dice\nä,0.5\n".encode("latin1"), "no table"),
        (bytes(range(256)), "no table"),
        (b"variant,dice\nunet,x\n", r"line 2, dice: found 'x', expected a number"),
        (b"variant,dice\nunet,0_1\n", r"line 2, dice: found '0_1', expected a number"),
        ("variant,dice\nunet,１\n".encode(), r"line 2, dice: found '１', expected a number"),
        (b"variant,dice,seed\nunet,0.5,1_0\n", r"line 2, seed: found '1_0', expected a number"),
        (b"variant,dice\nunet,NA\n", r"line 2, dice: found 'NA', expected a number"),
        (b"variant,dice\nunet,True\n", r"line 2, dice: found 'True', expected a number"),
        (b"variant,dice\nunet\n", "line 2: found 1 cells, expected 2"),
        (b"variant,dice\nunet,0.5,1\n", "line 2: found 3 cells, expected 2"),
        (b"variant,variant\na,b\n", "two columns 'variant'"),
        (b'variant,dice\n"unet,0.5\n', "no table"),
        (b"variant\nunet\n", "no column dice"),
    ],
)
def test_what_is_no_such_table_is_told(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(InputError, match=message) as told:
        read_csv(tmp_path / "t.csv", ["variant", "dice"])
    assert "t.csv" in str(told.value) and "give the command again" in str(told.value)


@pytest.mark.parametrize(
    ("row", "bad"),
    [
        ({"variant": "unet", "dice": 1.7}, True),
        ({"variant": "unet", "dice": -0.1}, True),
        ({"variant": "unet", "loss": 1.7}, False),
        ({"metric": "dice", "mean": 1.7}, True),
        ({"metric": "iou_pooled", "high": 1.7}, True),
        ({"metric": "loss", "mean": 1.7}, False),
        ({"metric": "hd95_px", "mean": 17.0}, False),
        ({"metric": "dice", "difference": -0.5, "low": -0.6}, False),
        ({"metric": "dice", "difference": -1.5}, True),
        ({"metric": "dice", "against": "unet", "mean": -0.5}, False),
        ({"metric": "dice", "against": np.nan, "mean": -0.5}, True),
        ({"metric": "loss", "difference": 0.5, "p_holm": 1.2}, True),
    ],
)
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_fraction_out_of_its_range_is_refused(tmp_path: Path, row: dict[str, object], bad: bool, kind: str) -> None:
    path, table = tmp_path / f"t.{kind}", pd.DataFrame([row])
    (write_csv if kind == "csv" else write_parquet)(table, path)
    read = read_csv if kind == "csv" else read_parquet
    if not bad:
        assert len(read(path)) == 1
        return
    with pytest.raises(InputError, match=r"line 2, \w+: found .*, expected a number from .* to 1"):
        read(path)


def test_every_cell_of_a_damaged_parquet_is_caught(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    write_parquet(pd.DataFrame({"variant": ["unet"] * 50, "dice": np.linspace(0.2, 0.9, 50)}), path)
    whole, kept = path.read_bytes(), read_parquet(path)
    for place in range(4, len(whole), 7):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        try:
            assert read_parquet(path, list(kept)).equals(kept)
        except InputError as told:
            assert "a whole Parquet table" in str(told) or "t.parquet" in str(told)
    for content in (b"", whole[:100], b"PAR1" + b"\0" * 100):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"t\.parquet: found .*expected a whole Parquet table"):
            read_parquet(path)


def test_json_that_is_none_is_told(tmp_path: Path) -> None:
    for content in (b"", b"{", b"\xff", b"[1]"):
        (tmp_path / "t.json").write_bytes(content)
        with pytest.raises(InputError, match=r"t\.json: found .*expected a "):
            read_json(tmp_path / "t.json")


def test_every_table_of_an_experiment_reads_alike_by_both_doors(project: Path) -> None:
    """Columns that hold text are known by name; else reading them as numbers fails here."""
    files = sorted((project / "tiny").rglob("*.csv"))
    assert len(files) > 25
    for file in files:
        rows, table = read_rows(file), read_csv(file)
        for name in TEXT & set(table):
            assert [cell or None for cell in (row[name] for row in rows)] == table[name].astype(object).where(
                table[name].notna(), None
            ).tolist(), (file, name)
        assert all(table[name].dtype != object for name in set(table) - TEXT - TRUTHS - EITHER), file
    scores = read_parquet(project / "tiny/results/scores.parquet")
    assert checked(scores, "scores") is scores
