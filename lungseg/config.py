"""What a legal experiment is: the one source of every configuration file's keys, types and defaults.

The defaults are the reference experiment; `config/schema.json` is exported from here for editors.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    Discriminator,
    Field,
    PositiveFloat,
    SerializerFunctionWrapHandler,
    Tag,
    ValidationError,
    WithJsonSchema,
    field_validator,
    model_serializer,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from lungseg.errors import InputError
from lungseg.names import KNOWN
from lungseg.outside import expected, missing, read_settings, refuse_truths
from lungseg.own import Own, OwnName
from lungseg.recipe import LEAST, ONE_VALUE, Choice, Head, Training, Variant

# One of these, or a name under `own`.
DatasetName = Annotated[
    str, WithJsonSchema({"anyOf": [{"enum": list(KNOWN)}, {"pattern": "^[a-z][a-z0-9_]*$"}], "type": "string"})
]
# Keys whose values may be paths; below `weights` those of each encoder, below `own` those of each data set.
PLACES = ("archives", "bundles", "own", "paper", "weights", "module")
Share = Annotated[float, Field(ge=0, le=1)]
PathPart = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$", max_length=64)]
FilmName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=64)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
# What `scores.baselines` calls what stands beside the networks.
REFERENCE = re.compile(r"mean_shape|oracle|ensemble_(mean|vote|encoders)|seeds[23]_.+")
# What lies beside the Snakefile, or is made there by other tools: an experiment of this name would write into it.
TAKEN = frozenset(
    ["archives", "bench", "build", "changelog", "config", "containerfile", "contributing", "data", "dist", "docs",
     "dvc_plots", "envs", "license", "lungseg", "makefile", "mlartifacts", "mlruns", "notice", "pieces",
     "profiles", "results", "snakefile", "tests", "workflow"]
)  # fmt: skip
DATASETS: tuple[DatasetName, ...] = ("montgomery", "shenzhen", "jsrt")
TRAIN_ON: dict[str, tuple[DatasetName, ...]] = {
    "montgomery": ("montgomery",),
    "shenzhen": ("shenzhen",),
    "jsrt": ("jsrt",),
    "nlm": ("montgomery", "shenzhen"),
    "pooled": DATASETS,
}
Reason = Annotated[str, Field(pattern=r"\S", max_length=500)]


class Preprocessing(Choice):
    """How a film becomes the network's input."""

    size: int = Field(
        256, gt=0, le=4096, multiple_of=32, description="Side of the square grid in px; five halvings must fit."
    )
    frame: Literal["stretch", "pad", "crop"] = Field(
        "stretch",
        description="`stretch` the film to the square, `pad` it to a square first, or `crop` black borders first.",
    )


class Split(Choice):
    """Which image is for training, validation and testing."""

    method: Literal["gaal2020", "random", "grouped"] = Field(
        "gaal2020",
        description="`gaal2020`: the published ids; `random`: seeded, stratified by data set and abnormality; "
        "`grouped`: the same, with all films of a known or suspected patient in one part.",
    )
    seed: Seed = Field(0, description="Seed of the random and the grouped split.")

    @model_validator(mode="after")
    def seed_is_used(self) -> Self:
        """The published split has no seed."""
        if self.method == "gaal2020" and self.seed:
            raise ValueError("`seed` is of the random and the grouped split: gaal2020 is one split; leave it out")
        return self


class Leakage(Choice):
    """When two films in different parts of the split are taken for one."""

    distance: int = Field(
        32,
        ge=0,
        le=256,
        description="Bits of 256 in which the perceptual hashes of near-duplicates may differ; "
        "two films at hand differ in 40 or more, a film encoded anew mostly in 24 or less.",
    )
    allowed: int = Field(0, ge=0, description="Near-duplicates across parts that do not stop the run.")


class Statistics(Choice):
    """How intervals are made."""

    resamples: int = Field(
        10_000, ge=100, le=1_000_000, description="Resamples of the crossed bootstrap and of the permutation test."
    )
    level: float = Field(0.95, gt=0, lt=1, description="Coverage the intervals aim at.")
    seed: Seed = Field(0, description="Seed of the resampling.")
    pool: tuple[PathPart, ...] | None = Field(
        None,
        description="Variants whose seeds' variance is estimated together and whose pairs are corrected together; a "
        "variant that is not among them changes none of their numbers. Without it, the paper's.",
    )


class Tune(Choice):
    """Which learning rates are tried on the target `tune`, apart from the experiment's own trainings."""

    variants: Annotated[tuple[PathPart, ...], Field(min_length=1)] | None = Field(
        None, description="Networks to tune. Without it all but those whose names end in `_tuned`."
    )
    rates: tuple[PositiveFloat, PositiveFloat, PositiveFloat] = Field(
        (0.0003, 0.001, 0.003), description="Three learning rates, a quarter of the training at each."
    )
    seed: Seed = Field(1000, description="Of the tries; none of the experiment's `seeds`.")
    tries: dict[PathPart, tuple[Share | None, Share | None, Share | None]] | None = Field(
        None,
        description="What the tries gave: of a network the best validation Dice at each of `rates`, empty where it "
        "diverged. `lungseg tune` writes it, and the report shows it.",
    )


class Table1(Choice):
    """Which cell of the experiment stands beside the published number."""

    train_on: PathPart = Field("pooled", description="The training set, one of the names under train_on.")
    test_on: str = Field(
        "pooled", description="A data set, or `pooled`: all test images of train_on.pooled's data sets."
    )


# Variants, or each of them with its training sets; a tag says which one an error is about.
Crossed = Annotated[
    Annotated[tuple[PathPart, ...], Tag("[list]")] | Annotated[dict[PathPart, tuple[PathPart, ...]], Tag("[group]")],
    Discriminator(lambda given: "[group]" if isinstance(given, Mapping) else "[list]"),
]


class Experiment(Choice):
    """A whole configuration file."""

    name: PathPart = Field(description="`paper` writes to results/; any other name to <name>/results/.")
    note: str = Field("", description="What is reduced, random or missing; printed wherever the numbers stand.")
    paper: str = Field("mishra", description="Whose table is regenerated: a folder of workflow/papers, or a path.")
    datasets: tuple[DatasetName, ...] = Field(DATASETS, min_length=1, description="Data sets to prepare and test on.")
    archives: str | None = Field(
        "archives",
        description="Folder of already downloaded archives that is looked at first; it need not exist.",
    )
    own: dict[OwnName, Own] = Field(
        {},
        description="Data sets of one's own by name: films with masks; `datasets` lists the names beside the others.",
    )
    exclude: dict[DatasetName, dict[FilmName, Reason]] = Field(
        {}, description="Films that are left out, by data set and name, each with its reason; shown with the results."
    )
    preprocessing: Preprocessing = Preprocessing()
    split: Split = Split()
    leakage: Leakage = Leakage()
    train_on: dict[PathPart, Annotated[tuple[DatasetName, ...], Field(min_length=1)]] = Field(
        TRAIN_ON,
        min_length=1,
        description="Training sets by name. Left out: of the reference's those that `datasets` allows, and `pooled`.",
    )
    films: dict[PathPart, Annotated[int, Field(gt=0)]] = Field(
        {},
        description="Training sets of which only so many films are learned from, each data set's share of them, those "
        "of a smaller number among those of a larger one; by `split.seed`. The others are learned from whole.",
    )
    cross: Crossed | None = Field(
        None,
        description="Variants that are trained on every set, or each of these with its sets; the others on "
        "table1.train_on alone. Without it all are trained on every set.",
    )
    bundles: str | None = Field(
        None,
        min_length=1,
        description="Folder of runs that were trained elsewhere, as `publish` writes it (results/NAME): runs that lie "
        "there are taken from it, the rest is trained.",
    )
    seeds: tuple[Seed, ...] = Field((0, 1, 2, 3, 4), min_length=1, description="One training per seed.")
    variants: dict[PathPart, Variant] = Field(
        {
            "unet": Variant(),
            "unet_mobilenetv2": Variant(encoders=("mobilenetv2",), weights="imagenet"),
            "unet_inceptionresnetv2": Variant(encoders=("inceptionresnetv2",), weights="imagenet"),
            "proposed": Variant(encoders=("mobilenetv2", "inceptionresnetv2"), weights="imagenet", meta_learner=True),
        },
        min_length=1,
        description="Networks by name.",
    )
    training: Training = Training()
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="`auto` takes a GPU where there is one.")
    checkpoint_seconds: float = Field(
        60, ge=0, description="A checkpoint is written after an epoch when the last one is older than this."
    )
    statistics: Statistics = Statistics()
    table1: Table1 = Table1()
    tune: Tune = Tune()

    @field_validator("archives", "bundles", "paper")
    @classmethod
    def home_is_found(cls, path: str | None) -> str | None:
        """`~` is the person's home, as in a shell."""
        return path and os.path.expanduser(path)  # noqa: PTH111 - leaves the home of nobody as it is

    @model_validator(mode="before")
    @classmethod
    def trains_on_what_there_is(cls, given: Any) -> Any:  # noqa: ANN401 - whatever the YAML holds
        """Training sets that are not given: the reference's that these data sets allow, and all of them together.

        Sets of one's own are among all where there are no others: Table 1 is the same with them and without.
        """
        datasets = given.get("datasets") if isinstance(given, Mapping) else None
        if not isinstance(datasets, list | tuple) or "train_on" in given:
            return given
        if not all(isinstance(name, str) for name in datasets):
            return given  # told by the field
        allowed = {name: listed for name, listed in TRAIN_ON.items() if set(listed) <= set(datasets)}
        own = given["own"] if isinstance(given.get("own"), Mapping) else {}
        others = [name for name in datasets if name not in own]
        learned = [name for name in datasets if not (isinstance(own.get(name), Mapping) and own[name].get("test_only"))]
        if datasets and not (others or learned):
            raise ValueError("every data set is `test_only`, and networks need one to learn from")
        return {**given, "train_on": allowed | {"pooled": tuple(others or learned)}}

    @model_validator(mode="before")
    @classmethod
    def data_sets_are_known(cls, given: Any) -> Any:  # noqa: ANN401
        """A name of a data set is one of the package's or stands under `own`."""
        if not isinstance(given, Mapping):
            return given
        own = given["own"] if isinstance(given.get("own"), Mapping) else {}
        for place, name in _named_data_sets(given):
            if isinstance(name, str) and name not in (*KNOWN, *own):
                expected = ", ".join(map(repr, KNOWN)) + ", or a name under `own`"
                error = InitErrorDetails(type=PydanticCustomError("data_set", expected), loc=place, input=name)
                raise ValidationError.from_exception_data("Experiment", [error])
        return given

    @model_serializer(mode="wrap")
    def without_empty_own(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """An experiment without sets of one's own is written as it was before there were any."""
        written: dict[str, Any] = dump(self)
        return {key: value for key, value in written.items() if key != "own" or value}

    @model_validator(mode="after")
    def names_agree(self) -> Self:
        """Every name that is used is one that is defined, and none is used twice."""
        if self.name.lower() in TAKEN:
            raise ValueError(f"name is {self.name!r}, which is a folder of the project: choose another")
        places = {f"variants.{name}.module": variant.module for name, variant in self.variants.items()}
        places |= {"paper": self.paper, "bundles": self.bundles}
        if braced := [key for key, place in places.items() if set("{}") & set(place or "")]:
            raise ValueError(f"{braced[0]} has a brace, a wildcard for Snakemake: rename the file or folder")
        if taken := [name for name in self.variants if REFERENCE.fullmatch(name)]:
            raise ValueError(f"variants names {taken}, as what stands beside the networks is called: choose another")
        for train_on, datasets in self.train_on.items():
            if len(set(datasets)) < len(datasets):
                raise ValueError(f"train_on.{train_on} names one data set twice: {list(datasets)}")
            if train_on in (*KNOWN, *self.own) and datasets != (train_on,):
                raise ValueError(f"train_on.{train_on} is named as a data set and holds {list(datasets)}: rename it")
            if unknown := set(datasets) - set(self.datasets):
                raise ValueError(f"train_on.{train_on} names {sorted(unknown)}, which `datasets` does not list")
            if barred := [name for name in datasets if name in self.own and self.own[name].test_only]:
                raise ValueError(f"train_on.{train_on} names {barred}, which is `test_only`: leave one of them out")
        if taken := sorted(set(self.own) & {*KNOWN, "pooled"}):
            raise ValueError(f"own defines {taken}, a name that has a meaning: choose another")
        if idle := sorted(set(self.own) - set(self.datasets)):
            raise ValueError(f"own defines {idle}, which `datasets` does not list")
        if unused := set(self.exclude) - set(self.datasets):
            raise ValueError(f"exclude names {sorted(unused)}, which `datasets` does not list")
        if strange := set(self.films) - set(self.train_on):
            raise ValueError(f"films names {sorted(strange)}, which `train_on` does not list")
        if self.table1.train_on not in self.train_on:
            raise ValueError(f"table1.train_on is {self.table1.train_on!r}, not one of {sorted(self.train_on)}")
        if self.table1.test_on not in (*self.datasets, "pooled"):
            raise ValueError(f"table1.test_on is {self.table1.test_on!r}, not one of {[*self.datasets, 'pooled']}")
        if strange := set(self.cross or ()) - set(self.variants):
            raise ValueError(f"cross names {sorted(strange)}, which `variants` does not list")
        crossed = self.cross if isinstance(self.cross, dict) else {}
        for name, sets in crossed.items():
            if strange := set(sets) - set(self.train_on):
                raise ValueError(f"cross.{name} names {sorted(strange)}, which `train_on` does not list")
            if len(set(sets)) < len(sets):
                raise ValueError(f"cross.{name} names one training set twice: {list(sets)}")
        if strange := set(self.tune.variants or ()) - set(self.variants):
            raise ValueError(f"tune.variants names {sorted(strange)}, which `variants` does not list")
        if self.tune.seed in self.seeds:
            raise ValueError(f"tune.seed is {self.tune.seed}, one of `seeds`: rates are chosen on another")
        if len({f"{rate:g}" for rate in self.tune.rates}) < len(self.tune.rates):  # as their folders are called
            raise ValueError(f"tune.rates names one rate twice, to six digits: {list(self.tune.rates)}")
        if strange := set(self.statistics.pool or ()) - set(self.variants):
            raise ValueError(f"statistics.pool names {sorted(strange)}, which `variants` does not list")
        for key in ("datasets", "seeds"):
            values = getattr(self, key)
            if len(set(values)) < len(values):
                raise ValueError(f"{key} names one value twice: {list(values)}")
        named = {"cross": self.cross, "statistics.pool": self.statistics.pool, "tune.variants": self.tune.variants}
        for key, names in named.items():
            if len(set(names or ())) < len(names or ()):
                raise ValueError(f"{key} names one variant twice: {list(names or ())}")
        if strange := set(self.tune.tries or ()) - set(self.variants):
            raise ValueError(f"tune.tries names {sorted(strange)}, which `variants` does not list")
        for name in self.variants:
            self._check_length(name)
            self._check_size(name)
        if self.training.deep_supervision:
            raise ValueError("training.deep_supervision is of single networks: give it in a variant's own `training`")
        if "phantom" in self.datasets and len(self.datasets) > 1:
            raise ValueError("phantom is drawn, never mixed with real data sets: list it alone")
        return self

    def _check_length(self, name: str) -> None:
        """A training that takes one measure of its length away gives the other."""
        try:
            self.trained_as(name)
        except ValidationError as error:
            told = expected(error.errors()[0])
            raise ValueError(f"of variants.{name}.training and training together, {told}") from error

    def _check_size(self, name: str) -> None:
        """A network's films are large enough, and its batches have more than one value to normalise."""
        network, size = self.variants[name], self.preprocessing.size
        if size < (least := LEAST.get(network.decoder, 32)):
            raise ValueError(f"{name}'s decoder {network.decoder} needs a size of {least} or more, and it is {size}")
        if not network.encoders or (films := self.least_batch(name)) > 1:
            return
        limited = [f"films.{train_on}" for train_on, number in self.films.items() if number == films]
        key = "batch_size" if self.trained_as(name).batch_size == films else limited[0]
        if network.decoder in ONE_VALUE:
            raise ValueError(
                f"{key} 1 leaves {name}'s {network.decoder} one value for each channel, where it pools the whole "
                "film, which cannot be normalised: choose 2"
            )
        if size == 32:
            raise ValueError(
                f"{key} 1 at size 32 leaves {name}'s encoders one value for each channel, which cannot be "
                "normalised: choose 2, or size 64"
            )

    def least_batch(self, variant: str) -> int:
        """Films in the smallest step of a variant: those of a batch, or all where a training set has fewer."""
        limits = [number for train_on, number in self.films.items() if variant in self.trained(train_on)]
        return min([self.trained_as(variant).batch_size, *limits])

    def trained_as(self, variant: str) -> Training:
        """How a variant is trained: as all are, but for its own choices."""
        return self.variants[variant].trained_as(self.training)

    def to_tune(self) -> list[str]:
        """The variants whose learning rate the target `tune` tries."""
        named = self.tune.variants
        return [name for name in self.variants if (not name.endswith("_tuned") if named is None else name in named)]

    def trained(self, train_on: str) -> list[str]:
        """The variants that are trained on a set."""
        if self.cross is None or train_on == self.table1.train_on:
            return list(self.variants)
        if isinstance(self.cross, dict):
            return [variant for variant in self.variants if train_on in self.cross.get(variant, ())]
        return [variant for variant in self.variants if variant in self.cross]

    @property
    def pooled(self) -> tuple[str, ...]:
        """Whose test films are `pooled`: of train_on.pooled; where there is no such set, of all but one's own."""
        if "pooled" in self.train_on:
            return self.train_on["pooled"]
        return tuple(name for name in self.datasets if name not in self.own) or self.datasets

    def folder(self, name: str) -> str:
        """Where this experiment's `data` or `results` lie, so that no experiment overwrites another."""
        return name if self.name == "paper" else f"{self.name}/{name}"


def _named_data_sets(given: Mapping[str, Any]) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Place and name of everything in a configuration that is to be a data set."""
    lists: dict[tuple[str, ...], Any] = {("datasets",): given.get("datasets")}
    if isinstance(sets := given.get("train_on"), Mapping):
        lists |= {("train_on", name): listed for name, listed in sets.items()}
    for place, listed in lists.items():
        for number, name in enumerate(listed if isinstance(listed, list | tuple) else ()):
            yield (*place, number), name
    if isinstance(exclude := given.get("exclude"), Mapping):
        yield from ((("exclude", name), name) for name in exclude)


def left_out(exclude: Mapping[str, Mapping[str, str]]) -> str:
    """Which films a configuration leaves out, as a sentence that stands with its numbers; empty where it leaves none.

    Args:
        exclude: Data set to film to reason.
    """
    told = [
        f"{len(films)} film{'s' if len(films) > 1 else ''} of {dataset} "
        f"({'; '.join(f'{film}: {reason}' for film, reason in films.items())})"
        for dataset, films in exclude.items()
        if films
    ]
    return f"Left out by the configuration: {', '.join(told)}." if told else ""


def read_experiment(config: Mapping[str, Any]) -> Experiment:
    """Check a configuration as Snakemake read it.

    Args:
        config: The parsed YAML, command line overrides included.

    Raises:
        InputError: For the first key that is unknown, missing or has an illegal value.
    """
    try:
        experiment = Experiment.model_validate(dict(config))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"] if not str(part).startswith("[")) or "the experiment"
        raise InputError(f"config key {key}", _found(first), _expected(first), _remedy(first)) from error
    refuse_truths(config, experiment.model_dump(), "config key ")
    return experiment


def read_configfiles(*files: Path) -> Experiment:
    """The experiment of one configuration file, or of several that are laid over each other.

    Raises:
        InputError: One is missing or no plain YAML, or as `read_experiment`.
    """
    for file in files:
        if not file.is_file():
            remedy = "Give --configfile as you give it to snakemake."
            raise InputError(file, missing(file), "the experiment's configuration", remedy)
    return read_experiment(read_settings(*files))


def _found(error: Any) -> str:  # noqa: ANN401 - pydantic's ErrorDetails
    if error["type"] == "missing":
        return "nothing"
    if error["type"] == "extra_forbidden":
        return f"an unknown key (value {error['input']!r})"
    return "a contradiction" if error["type"] == "value_error" else repr(error["input"])


def _expected(error: Any) -> str:  # noqa: ANN401
    if error["type"] == "extra_forbidden":
        return "one of " + ", ".join(_known_keys(error["loc"][:-1]))
    return f"consistency: {expected(error)}" if error["type"] == "value_error" else expected(error)


def _remedy(error: Any) -> str:  # noqa: ANN401
    explained = "in the configuration file; config/README.md explains every key."
    if error["type"] != "extra_forbidden":
        return f"Correct it {explained}"
    *place, key = error["loc"]
    near = get_close_matches(str(key), _known_keys(place), n=2)
    homes = [name for name, group in {**GROUPS, **INSIDE}.items() if key in group.model_fields and name not in place]
    told = f"Near it: {', '.join(near)}. " if near else f"It is a key of {' and of '.join(homes)}. " if homes else ""
    return f"{told}Correct it or remove it {explained}"


GROUPS: dict[str, type[Choice]] = {
    "preprocessing": Preprocessing, "split": Split, "leakage": Leakage, "variants": Variant,
    "training": Training, "statistics": Statistics, "table1": Table1, "tune": Tune, "own": Own,
}  # fmt: skip
INSIDE: dict[str, type[Choice]] = {"head": Head, "training": Training}  # of a variant


def _known_keys(location: Sequence[str | int]) -> list[str]:
    """Names of the legal keys at a place in the configuration."""
    at = INSIDE.get(str(location[2])) if len(location) > 2 else None
    return list((at or (GROUPS[str(location[0])] if location else Experiment)).model_fields)


def schema() -> str:
    """The JSON Schema of a configuration file, for editors and `snakemake.utils.validate`."""
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return json.dumps(dialect | Experiment.model_json_schema(), indent=1) + "\n"


def without_places(config: Mapping[str, Any]) -> dict[str, Any]:
    """Choices as they may be published, without the folders of the machine that they were made on.

    Args:
        config: A whole configuration, or what was given with --config.

    Returns:
        The same with every path of `PLACES` that leads out of the repository as `FOLDER/` and its last name, and
        `archives` as `FOLDER`.
    """
    folder = config.get("archives")
    archives = {"archives": "FOLDER"} if isinstance(folder, str) and _leads_out(folder) else {}
    return {key: _placeless(value, key in PLACES) for key, value in config.items()} | archives


def _placeless(value: Any, is_place: bool) -> Any:  # noqa: ANN401 - whatever a configuration holds
    if isinstance(value, Mapping):
        return {key: _placeless(one, is_place or key in PLACES) for key, one in value.items()}
    return f"FOLDER/{Path(value).name}" if is_place and isinstance(value, str) and _leads_out(value) else value


def _leads_out(path: str) -> bool:
    return Path(path).is_absolute() or path.startswith(("../", "~"))
