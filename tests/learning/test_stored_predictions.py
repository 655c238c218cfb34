"""Stored predictions: masks kept exactly, logits nearly, counts of pixels enough for every way of counting."""

import json
import weakref
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lungseg.claims.counting import count, count_histograms
from lungseg.data.films import Part
from lungseg.data.reading import in_order
from lungseg.errors import InputError
from lungseg.learning.stored_predictions import (
    EDGE,
    VALUES,
    Films,
    Prediction,
    predicted_films,
    read_bundle,
    read_predictions,
    write_predictions,
)
from lungseg.recipe import Training
from tests.stored import encoded

RNG = np.random.default_rng(0)


def part(films: int, first: str = "x") -> Part:
    """Drawn films with names from a letter on."""
    names = [chr(ord(first) + number) for number in range(films)]
    images, masks = RNG.integers(0, 256, (2, films, 4, 6), dtype=np.uint8)
    return Part(["jsrt"] * films, names, images, masks % 2)


PARTS = {"train": part(1), "test": part(2, "y")}
LOGITS = RNG.normal(0, 6, (3, 4, 6)).astype(np.float16)


@given(arrays(np.float16, (1, 4, 6), elements=st.floats(width=16, allow_nan=False)))
def test_mask_is_kept_exactly_and_logits_to_seven_bits(logits: np.ndarray) -> None:
    alone = {"test": part(1)}
    read = VALUES[encoded("unet", 0, logits, alone).codes]
    assert ((read > 0) == (logits > 0)).all()
    edge = np.clip(logits.astype(float), -EDGE, EDGE)
    assert (np.abs(read - edge) <= 0.018 + 0.035 * np.abs(edge)).all()


def test_more_is_never_less() -> None:
    every = np.arange(2**16, dtype=np.uint16).view(np.float16)
    every = np.sort(every[~np.isnan(every)])[None, None]
    blank = np.zeros(every.shape, np.uint8)
    codes = encoded("unet", 0, every, {"test": Part(["jsrt"], ["x"], blank, blank)}).codes.ravel()
    assert (np.diff(codes.astype(int)) >= 0).all()
    assert sorted(set(codes.tolist())) == list(range(128))
    assert (np.diff(VALUES) > 0).all()


def test_counts_of_codes_give_what_the_pixels_give() -> None:
    one = encoded("unet", 0, LOGITS, PARTS)
    assert one.codes.shape == (2, 4, 6) and one.histograms.shape == (3, 2, 128)
    for film, codes in enumerate(one.codes):
        truth = PARTS["test"].masks[film] > 0
        pixels, counted = count(VALUES[codes], truth), count_histograms(one.histograms[1 + film][None])[0]
        np.testing.assert_allclose(pixels, counted, rtol=1e-6)


def test_a_run_is_read_as_it_was_written(tmp_path: Path) -> None:
    made, films = [encoded("unet", seed, LOGITS + seed, PARTS) for seed in (0, 1)], predicted_films(PARTS)
    write_predictions(tmp_path / "p.npz", made, films)
    stored = read_predictions(tmp_path / "p.npz")
    assert stored.films == films
    assert films.of() == [("jsrt", "y"), ("jsrt", "z")] and films.of("train") == [("jsrt", "x")]
    assert np.array_equal(stored.prediction("unet", 1).codes, made[1].codes)
    assert np.array_equal(stored.histograms("unet", 1, "train"), made[1].histograms[:1])
    write_predictions(tmp_path / "again.npz", [stored.prediction("unet", seed) for seed in (0, 1)], stored.films)
    assert (tmp_path / "again.npz").read_bytes() == (tmp_path / "p.npz").read_bytes()
    with pytest.raises(InputError, match="no run proposed/seed0, expected one of unet/seed0, unet/seed1"):
        stored.of("proposed", 0)


def test_runs_are_written_one_by_one_as_numpy_writes_them_together(tmp_path: Path) -> None:
    made, films, held = [encoded("unet", seed, LOGITS + seed, PARTS) for seed in range(3)], predicted_films(PARTS), []

    def one_by_one() -> Iterator[Prediction]:
        for one in made:
            fresh = replace(one)
            held.append(weakref.ref(fresh))
            yield fresh
            del fresh
            assert not any(run() for run in held), "a run that is written is still held"

    write_predictions(tmp_path / "p.npz", one_by_one(), films, ["unet/seed3"])
    arrays = {name: np.array(value) for name, value in vars(films).items()} | {"diverged": np.array(["unet/seed3"])}
    for one in made:
        arrays |= {f"unet/seed{one.seed}/codes": one.codes, f"unet/seed{one.seed}/histograms": one.histograms}
    np.savez_compressed(tmp_path / "numpy.npz", **arrays)
    assert (tmp_path / "p.npz").read_bytes() == (tmp_path / "numpy.npz").read_bytes()


def test_a_run_that_diverged_is_named_and_says_nothing(tmp_path: Path) -> None:
    made, films = [encoded("unet", 0, LOGITS, PARTS)], predicted_films(PARTS)
    write_predictions(tmp_path / "p.npz", made, films, ["unet/seed1"])
    stored = read_predictions(tmp_path / "p.npz")
    runs = [{"variant": "unet", "seed": seed} for seed in (0, 1, 2)]
    assert stored.trained(runs) == [runs[0], runs[2]]  # one that is missing without a word stays, and is told
    with pytest.raises(InputError, match="no run unet/seed2"):
        stored.of("unet", 2)
    write_predictions(tmp_path / "none.npz", [], films, ["unet/seed1"])
    assert read_predictions(tmp_path / "none.npz").films == films


def test_every_bit_of_a_file_of_predictions_is_checked(tmp_path: Path) -> None:
    one, films, path = encoded("unet", 0, LOGITS, PARTS), predicted_films(PARTS), tmp_path / "p.npz"
    write_predictions(path, [one], films)
    whole, told = path.read_bytes(), 0
    for place in range(0, len(whole), 11):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 8]) + whole[place + 1 :])
        try:
            stored = read_predictions(path)
            found = stored.prediction("unet", 0)
            assert np.array_equal(found.codes, one.codes) and np.array_equal(found.histograms, one.histograms)
            assert np.array_equal(list(stored.codes("unet", 0)), one.codes)
            assert stored.films == films
        except InputError as error:
            told += "p.npz" in str(error) or "no run" in str(error)
    assert told > 50


@given(st.lists(st.integers(0, 39), min_size=1, max_size=30))
def test_a_run_read_film_by_film_is_the_run_in_whatever_order(
    tmp_path_factory: pytest.TempPathFactory, order: list[int]
) -> None:
    path = tmp_path_factory.getbasetemp() / "streamed.npz"
    parts = {"test": part(40, "a")}
    one = encoded("unet", 0, np.random.default_rng(1).normal(0, 6, (40, 4, 6)).astype(np.float16), parts)
    if not path.exists():
        write_predictions(path, [one], predicted_films(parts))
    logits = read_predictions(path).of("unet", 0).logits
    assert all(np.array_equal(logits[film], VALUES[one.codes[film]]) for film in order)


def test_several_threads_read_one_run(tmp_path: Path) -> None:
    parts = {"test": part(60, "a")}
    one = encoded("unet", 0, np.random.default_rng(1).normal(0, 6, (60, 4, 6)).astype(np.float16), parts)
    write_predictions(tmp_path / "p.npz", [one], predicted_films(parts))
    logits = read_predictions(tmp_path / "p.npz").of("unet", 0).logits
    assert np.array_equal(list(in_order(lambda film: logits[film], range(60), 8)), VALUES[one.codes])


def test_a_run_that_is_damaged_midway_is_told_whichever_film_is_asked_for_next(tmp_path: Path) -> None:
    parts = {"test": part(60, "a")}
    one = encoded("unet", 0, np.random.default_rng(1).normal(0, 6, (60, 4, 6)).astype(np.float16), parts)
    codes = one.codes.copy()
    codes[30, 0, 0] = 200
    write_predictions(tmp_path / "p.npz", [replace(one, codes=codes)], predicted_films(parts))
    logits = read_predictions(tmp_path / "p.npz").of("unet", 0).logits
    assert np.array_equal(logits[29], VALUES[one.codes[29]])
    for film in (31, 30, 29, 59):
        with pytest.raises(InputError, match=r"p.npz: found .*codes of unet/seed0 that stand for no logit"):
            logits[film]
    for film in (-1, 60):
        with pytest.raises(IndexError):
            logits[film]


def test_predictions_of_other_films_are_refused(tmp_path: Path) -> None:
    write_predictions(tmp_path / "p.npz", [], predicted_films(PARTS))
    stored = read_predictions(tmp_path / "p.npz")
    stored.expect(PARTS["test"])
    with pytest.raises(InputError, match=r"p.npz: found other test films, such as q, expected those of the split"):
        stored.expect(part(2, "q"))


def test_predictions_that_fail_leave_no_file(tmp_path: Path) -> None:
    def broken():  # type: ignore[no-untyped-def]  # noqa: ANN202
        yield encoded("unet", 0, LOGITS, PARTS)
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        write_predictions(tmp_path / "p.npz", broken(), predicted_films(PARTS))
    assert list(tmp_path.iterdir()) == []


def test_logits_that_are_no_numbers_name_the_run() -> None:
    logits = LOGITS.copy()
    logits[1, 2, 3] = np.nan
    with pytest.raises(InputError, match=r"unet/seed3: found logits that are no numbers.* diverged"):
        encoded("unet", 3, logits, PARTS)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut short", b"text"])
def test_another_file_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "p.npz").write_bytes(content)
    with pytest.raises(InputError, match=r"p\.npz: found .*expected stored predictions"):
        read_predictions(tmp_path / "p.npz")
    np.savez(tmp_path / "p.npz", other=1)
    with pytest.raises(InputError, match=r"p\.npz: found .*expected stored predictions"):
        read_predictions(tmp_path / "p.npz")


def bundle(folder: Path, weights: str = "", told: str | None = None) -> Path:
    """The folder of a run: predictions of some weights, and a card that tells of the same ones or of others."""
    facts = {"variant": {"decoder": "unet"}, "training": Training().model_dump(mode="json")}
    own = {"weights_sha256": told} if told else {}
    (folder / "weights.json").write_text(json.dumps(facts | own))
    one = replace(encoded("unet", 0, LOGITS, PARTS), weights=weights)
    write_predictions(folder / "predictions.npz", [one], predicted_films(PARTS))
    return folder


def test_a_bundle_of_other_films_is_refused(tmp_path: Path) -> None:
    films = predicted_films(PARTS)
    made = read_bundle(bundle(tmp_path), "unet", 0, films)
    assert np.array_equal(made.codes, encoded("unet", 0, LOGITS, PARTS).codes)
    changed = {**PARTS, "train": part(1)}  # the same name, other pixels
    for other in (predicted_films(changed), Films([], [], [], films.sha256)):
        with pytest.raises(InputError, match="found 3 films with sha256"):
            read_bundle(tmp_path, "unet", 0, other)


def test_a_bundle_says_what_the_weights_of_its_card_say(tmp_path: Path) -> None:
    films = predicted_films(PARTS)
    assert read_bundle(bundle(tmp_path, "ab12", "ab12"), "unet", 0, films).weights == "ab12"
    assert read_bundle(bundle(tmp_path, "", "ab12"), "unet", 0, films).weights == ""  # of an age that kept no hash
    for told in ("cd34", None):
        with pytest.raises(InputError, match=f"found what weights with sha256 ab12 say, .*sha256 {told} say.*whole"):
            read_bundle(bundle(tmp_path, "ab12", told), "unet", 0, films)
