"""No film is trained on and tested on; the published split is the published one."""

import runpy
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lungseg.data import jsrt, montgomery, shenzhen
from lungseg.data.patients import patients, seen_elsewhere
from lungseg.data.splits import PARTS, each_part, gaal2020, grouped_split, own_split, published, random_split, split
from lungseg.errors import InputError
from lungseg.jobs.at_work import FOLDER
from lungseg.own import Own
from tests.workflow import ROOT

IDS = {"montgomery": montgomery.IDS, "shenzhen": shenzhen.WITH_MASK, "jsrt": jsrt.IDS}
SIZES = {"montgomery": (96, 14, 28), "shenzhen": (396, 56, 114), "jsrt": (172, 25, 50)}


def _table(name: str) -> pd.DataFrame:
    return pd.DataFrame({"image_id": IDS[name], "dataset": name})


@pytest.mark.parametrize("name", SIZES)
def test_the_published_split_has_its_sizes(name: str) -> None:
    parts = gaal2020(_table(name))
    assert tuple((parts["part"] == part).sum() for part in PARTS) == SIZES[name]
    assert parts["image_id"].tolist() == list(IDS[name])


@pytest.mark.parametrize("name", SIZES)
def test_the_published_ids_are_the_data_sets_films_each_once(name: str) -> None:
    ids = [image_id for names in published()[name].values() for image_id in names]
    assert sorted(ids) == sorted(IDS[name])


def test_data_sets_can_be_split_together() -> None:
    table = pd.concat([_table(name) for name in SIZES], ignore_index=True)
    assert (gaal2020(table)["part"] == "test").sum() == 28 + 114 + 50


def test_a_table_without_a_published_film_is_refused() -> None:
    with pytest.raises(InputError, match=r"137 films of montgomery; MCUCXR_0001_0 only .*138 published"):
        gaal2020(_table("montgomery").iloc[1:])


def test_a_table_with_an_unpublished_film_is_refused() -> None:
    table = _table("jsrt")
    table.loc[len(table)] = ["JPCLN999", "jsrt"]
    with pytest.raises(InputError, match="JPCLN999"):
        gaal2020(table)


def test_a_drawn_film_has_no_published_split() -> None:
    with pytest.raises(InputError, match=r"phantom.*one of montgomery, shenzhen, jsrt.*split: {method: random}"):
        gaal2020(pd.DataFrame({"image_id": ["PHANTOM_000"], "dataset": "phantom"}))


def test_an_unknown_method_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match="gaal2020, random or grouped"):
        split(_table("jsrt"), "fold", 0)


tables = st.lists(st.tuples(st.sampled_from(["a", "b"]), st.integers(0, 1)), min_size=1, max_size=120).map(
    lambda rows: pd.DataFrame(
        [(f"film{n:03d}", *row) for n, row in enumerate(rows)], columns=["image_id", "dataset", "abnormal"]
    )
)


@given(table=tables, seed=st.integers(0, 2**32))
def test_every_film_is_in_exactly_one_part(table: pd.DataFrame, seed: int) -> None:
    parts = random_split(table, np.random.default_rng(seed))
    assert parts["image_id"].tolist() == table["image_id"].tolist()
    assert parts["part"].isin(PARTS).all()


@given(table=tables, seed=st.integers(0, 2**32))
def test_one_seed_is_one_split_whatever_the_order_of_rows(table: pd.DataFrame, seed: int) -> None:
    parts = random_split(table, np.random.default_rng(seed)).set_index("image_id")["part"]
    shuffled = table.sample(frac=1, random_state=0)
    again = random_split(shuffled, np.random.default_rng(seed)).set_index("image_id")["part"]
    assert again.loc[parts.index].tolist() == parts.tolist()


def _large() -> pd.DataFrame:
    numbers = np.arange(1000)
    return pd.DataFrame(
        {
            "image_id": [f"film{n:04d}" for n in numbers],
            "dataset": np.where(numbers < 700, "a", "b"),
            "abnormal": numbers % 4 == 0,
        }
    ).astype({"abnormal": int})


def test_every_stratum_has_the_same_fractions() -> None:
    table = _large()
    merged = table.merge(random_split(table, np.random.default_rng(1)))
    for _, rows in merged.groupby(["dataset", "abnormal"]):
        shares = [(rows["part"] == part).mean() for part in PARTS]
        np.testing.assert_allclose(shares, [0.7, 0.1, 0.2], atol=1 / len(rows))


def test_another_seed_is_another_split() -> None:
    one, other = (split(_large(), "random", seed)["part"] for seed in (0, 1))
    assert (one != other).mean() > 0.2
    assert split(_large(), "random", 0)["part"].tolist() == one.tolist()


groupings = st.lists(st.integers(0, 25), min_size=120, max_size=120).map(
    lambda numbers: {f"film{n:03d}": f"patient{number}" for n, number in enumerate(numbers) if number < 20}
)


@given(table=tables, group_of=groupings, seed=st.integers(0, 2**32))
def test_no_group_is_in_two_parts_and_every_film_in_one(
    table: pd.DataFrame, group_of: dict[str, str], seed: int
) -> None:
    parts = grouped_split(table, group_of, np.random.default_rng(seed))
    assert parts["image_id"].tolist() == table["image_id"].tolist() and parts["part"].isin(PARTS).all()
    grouped = parts.assign(group=parts["image_id"].map(group_of)).dropna()
    assert len(grouped.drop_duplicates(["group", "part"])) == len(grouped.drop_duplicates("group"))


@given(table=tables, group_of=groupings, seed=st.integers(0, 2**32))
def test_a_grouped_split_does_not_depend_on_the_order_of_rows(
    table: pd.DataFrame, group_of: dict[str, str], seed: int
) -> None:
    parts = grouped_split(table, group_of, np.random.default_rng(seed)).set_index("image_id")["part"]
    shuffled = grouped_split(table.sample(frac=1, random_state=0), group_of, np.random.default_rng(seed))
    assert shuffled.set_index("image_id")["part"].loc[parts.index].tolist() == parts.tolist()


@given(table=tables, seed=st.integers(0, 2**32))
def test_groups_of_one_are_no_groups(table: pd.DataFrame, seed: int) -> None:
    alone = {image_id: f"only {image_id}" for image_id in table["image_id"]}
    grouped, plain = (grouped_split(table, group_of, np.random.default_rng(seed)) for group_of in (alone, {}))
    assert sorted(grouped["part"]) == sorted(plain["part"])
    assert random_split(table, np.random.default_rng(seed)).equals(plain)


def test_pairs_keep_the_fractions_of_every_stratum() -> None:
    table = _large()
    group_of = {f"film{n:04d}": f"patient{n // 8 * 4 + n % 4}" for n in range(1000)}  # two of one stratum each
    merged = table.merge(grouped_split(table, group_of, np.random.default_rng(1)))
    for _, rows in merged.groupby(["dataset", "abnormal"]):
        shares = [(rows["part"] == part).mean() for part in PARTS]
        np.testing.assert_allclose(shares, [0.7, 0.1, 0.2], atol=2 / len(rows))


def test_the_grouped_method_keeps_every_known_patient_together() -> None:
    table = pd.concat([_table(name).assign(abnormal=0) for name in SIZES], ignore_index=True)
    for seed in range(5):
        parts = split(table, "grouped", seed)
        assert seen_elsewhere(parts) == []
        part = parts.set_index("image_id")["part"]
        assert all(len(set(part.loc[list(patient.films)])) == 1 for patient in patients())
    assert seen_elsewhere(gaal2020(table))


def _own() -> pd.DataFrame:
    return pd.DataFrame({"image_id": [f"f{n:02d}" for n in range(60)], "dataset": "mine", "abnormal": 0})


def test_one_s_own_films_go_where_the_table_says_or_all_to_the_test() -> None:
    table = _own()
    parts = {image_id: PARTS[n % 3] for n, image_id in enumerate(table["image_id"])}
    assert own_split(table, parts, {}, False, 0).to_dict("list") == {"image_id": list(parts), "part": [*parts.values()]}
    assert set(own_split(table, None, {}, True, 0)["part"]) == {"test"}


def test_one_s_own_patients_stay_whole_and_the_seed_decides() -> None:
    table = _own()
    patients = {image_id: f"p{n // 3}" for n, image_id in enumerate(table["image_id"])}
    parts = own_split(table, None, patients, False, 0)
    assert len(parts.assign(patient=parts["image_id"].map(patients)).drop_duplicates(["patient", "part"])) == 20
    assert parts["part"].value_counts().to_dict() == {"train": 42, "test": 12, "validation": 6}
    assert parts.equals(own_split(table.iloc[::-1], None, patients, False, 0).iloc[::-1].reset_index(drop=True))
    assert not parts.equals(own_split(table, None, patients, False, 1))


@pytest.mark.parametrize("lacking", PARTS)
def test_a_part_without_films_is_told(lacking: str) -> None:
    films = [f"f{n}" for n in range(6)]
    parts = pd.DataFrame({"image_id": films, "part": [part for part in PARTS if part != lacking] * 3})
    with pytest.raises(InputError, match=f"the split of jsrt: found .*no films for {lacking}.* at least one for train"):
        each_part(parts, "jsrt")
    table = Own(images="films", masks="masks", split="parts.csv")
    with pytest.raises(InputError, match=rf"own.mine.split \(parts.csv\): found .*no films for {lacking}.*test_only: "):
        each_part(parts, "mine", table)
    to_test = Own(images="films", masks="masks", test_only=True)
    alone = parts.assign(part="test")
    assert each_part(alone, "ward", to_test) is alone
    with pytest.raises(InputError, match=r"the split of ward: found .*, expected at least one for test, of each"):
        each_part(parts.assign(part="train"), "ward", to_test)
    whole = pd.DataFrame({"image_id": films[:3], "part": PARTS})
    assert each_part(whole, "mine", table) is whole


def test_the_rule_tells_it_before_anything_is_trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("stdout", "stderr", "excepthook"):  # which a job sends to its log
        monkeypatch.setattr(sys, name, getattr(sys, name))
    monkeypatch.delenv(FOLDER, raising=False)
    _own()[:4].to_csv(tmp_path / "images.csv", index=False)
    job = SimpleNamespace(
        log=[tmp_path / "log"],
        input=SimpleNamespace(table=tmp_path / "images.csv"),
        output=SimpleNamespace(split=tmp_path / "split.csv"),
        params=SimpleNamespace(own=None, method="random", seed=0, exclude={}),
        wildcards=SimpleNamespace(dataset="mine"),
    )
    with pytest.raises(InputError, match="the split of mine: found 3 films for train, no films for validation"):
        runpy.run_path(str(ROOT / "workflow/scripts/split.py"), {"snakemake": job})
    sys.stdout.log.close()
    assert not (tmp_path / "split.csv").exists()
