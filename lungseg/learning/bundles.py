"""Runs that travel: what is kept of a finished run, and which runs may stand in one table.

A bundle is a run without its weights: `history.csv`, `weights.json` (the card: what built the weights, and their
hash) and `predictions.npz`. With it another machine scores, draws and reports the run, and need not train it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lungseg.config import Experiment, without_places
from lungseg.errors import InputError
from lungseg.files import file_hash
from lungseg.learning.run_files import CARD, HISTORY, NEEDED, PREDICTIONS, Card, read_card
from lungseg.outside import TEXT, bounded
from lungseg.recipe import Training, Variant

FILES = (HISTORY, CARD, PREDICTIONS)


@dataclass(frozen=True)
class Run:
    """One training of an experiment.

    Args:
        variant: Its network.
        train_on: Its training set.
        seed: Its seed.
    """

    variant: str
    train_on: str
    seed: int

    @property
    def name(self) -> str:
        """`{variant}/{train_on}/seed{seed}`, its path and its name everywhere."""
        return f"{self.variant}/{self.train_on}/seed{self.seed}"


def planned(experiment: Experiment) -> list[Run]:
    """All runs of an experiment."""
    return [
        Run(variant, train_on, seed)
        for train_on in experiment.train_on
        for variant in experiment.trained(train_on)
        for seed in experiment.seeds
    ]


def predicted_parts(experiment: Experiment, train_on: str) -> list[str]:
    """The parts of the split that runs of a training set segment: for Table 1 also those they learned from."""
    return ["train", "validation", "test"] if train_on == experiment.table1.train_on else ["test"]


def find_bundles(place: str | None, experiment: Experiment, code: str) -> dict[str, str]:
    """The planned runs that lie in a folder as bundles.

    Args:
        place: A folder as `publish` writes it: runs/{variant}/{train_on}/seed{seed}/ and in each the three files. None
            holds none.
        experiment: What is planned.
        code: Fingerprint of the training code here, with which the runs that are missing would be trained.

    Returns:
        Name of a run to its folder.

    Raises:
        InputError: There is no such folder; a bundle is not whole or of other choices; or the table would mix training
            codes or arithmetics.
    """
    if place is None:
        return {}
    if not (folder := Path(place)).is_dir():
        remedy = "Name a folder with runs/VARIANT/TRAIN_ON/seedN in it, or leave the key out and train."
        raise InputError("config key bundles", f"{folder}, which is no folder", "a folder of bundles", remedy)
    runs = {run.name: run for run in planned(experiment)}
    found = {name: folder / "runs" / name for name in runs if (folder / "runs" / name).is_dir()}
    cards = {name: _checked(path, runs[name], experiment) for name, path in found.items()}
    refuse_mixture(cards.values())
    codes = {card["code"] for card in cards.values()}
    if (missing := [name for name in runs if name not in found]) and codes - {code}:
        commits = ", ".join(sorted({str(card["commit"]) for card in cards.values()}))
        remedy = (
            f"Check out commit {commits}, leave out what is missing (seeds, variants, train_on), or train all anew."
        )
        what = f"{len(found)} bundles of training code {', '.join(sorted(codes))}, and {len(missing)} runs to train"
        raise InputError(f"config key bundles ({folder})", what, f"training code {code}, as here", remedy)
    return {name: str(path) for name, path in found.items()}


def arithmetics(bundles: Mapping[str, str]) -> set[str]:
    """In which arithmetic the runs behind bundles were trained."""
    return {read_card(Path(folder, CARD), NEEDED)["arithmetic"] for folder in bundles.values()}


def _checked(folder: Path, run: Run, experiment: Experiment) -> Card:
    """The card of a bundle that is whole and of the planned run."""
    if missing := [name for name in FILES if not (folder / name).is_file()]:
        remedy = "Bring it whole, or remove the folder and the run is trained."
        raise InputError(folder, f"no {', '.join(missing)}", f"the files {', '.join(FILES)} of a run", remedy)
    for name in (HISTORY, CARD):
        bounded(folder / name, TEXT)
    return checked_card(folder / CARD, run, experiment)


def checked_card(path: Path, run: Run, experiment: Experiment) -> Card:
    """The card of a planned run.

    Raises:
        InputError: It is of another run, or of one with other choices.
    """
    card = read_card(path, NEEDED)
    variant = experiment.variants[run.variant]
    pairs = {
        "run": (card["run"], run.name),
        "variant": tuple(Variant(**without_places(one)) for one in (card["variant"], variant.model_dump(mode="json"))),
        "training": (Training(**card["training"]), experiment.trained_as(run.variant)),
        "size": (card["size"], experiment.preprocessing.size),
    }
    for key, (there, here) in pairs.items():
        if there != here:
            remedy = "Correct the configuration, or name another folder under `bundles`."
            raise InputError(f"{path}, {key}", f"{there}", f"{here}, as the configuration says", remedy)
    named = {"module": variant.module_file} if variant.module_file else {}
    named |= {name: start for name in variant.encoders if (start := variant.start(name)) in variant.files()}
    for key, file in named.items():
        there = card.get("loaded", {}).get(key, {}).get("sha256")
        if Path(file).is_file() and there != (here := file_hash(Path(file))):
            remedy = f"Bring {file} as it was, or remove the bundle and the run is trained."
            raise InputError(f"{path}, {key}", f"sha256 {there}", f"{here}, that of {file}", remedy)
    return card


def refuse_mixture(cards: Iterable[Card]) -> None:
    """One table holds runs of one training code and one arithmetic.

    Args:
        cards: Of all runs of the table.

    Raises:
        InputError: They differ; it names an example of each kind.
    """
    kinds: dict[tuple[str, str], list[str]] = {}
    for card in cards:
        kinds.setdefault((str(card["code"]), str(card["arithmetic"])), []).append(str(card["run"]))
    if len(kinds) > 1:
        told = "; ".join(f"{len(names)} of code {c} in {a}, such as {names[0]}" for (c, a), names in kinds.items())
        remedy = "Train them alike, or give each kind an experiment of its own (`name`)."
        raise InputError("the runs", told, "one training code and one arithmetic in a table", remedy)


def passed_on(card: Card) -> Card:
    """A card as it may be passed on: without the folders in which files lay on this machine."""
    return {**card, "variant": without_places(card["variant"])}


def check_films(cards: Iterable[Card], films: Mapping[str, str]) -> None:
    """Every run learned from the films that lie here.

    Args:
        cards: Of the runs.
        films: Of train and validation, the hash of names, pixels and masks.

    Raises:
        InputError: A run learned from others.
    """
    for card in cards:
        if card["films"] != films:
            remedy = "Same archives, size, frame, split and exclude are needed; else train it here."
            raise InputError(f"the card of {card['run']}, films", f"{card['films']}", f"{dict(films)}", remedy)
