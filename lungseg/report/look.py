"""How networks and sets of films are called and coloured: the same in every figure and on the page."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from lungseg.escape import drawn
from lungseg.paper import Paper

# seaborn's palette `colorblind`: apart for people with any colour vision, on white and on black.
PALETTE = (
    "#0173b2", "#de8f05", "#029e73", "#d55e00", "#cc78bc", "#ca9161", "#fbafe4", "#949494", "#ece133", "#56b4e9"
)  # fmt: skip
# Parts of networks in a drawing: an encoder has the colour of the paper's network that has it alone.
ENCODERS = {"unet": PALETTE[0], "mobilenetv2": PALETTE[1], "inceptionresnetv2": PALETTE[2]}
DATASETS = {"montgomery": "Montgomery", "shenzhen": "Shenzhen", "jsrt": "JSRT", "phantom": "drawn films"}
NUMBERS = {2: "both", 3: "all three", 4: "all four"}


@dataclass(frozen=True)
class Look:
    """Names and colours; what is in none of them keeps its key.

    Args:
        names: Variant to its name for people.
        colours: Variant to its colour, `#rrggbb`.
        sets: Training set or data set to its name in words.
        every: All test films together, in words.
        limited: Training set that learns from so many films alone to its name in words; apart from `sets`, as it may be
            called like a data set.
    """

    names: Mapping[str, str]
    colours: Mapping[str, str]
    sets: Mapping[str, str]
    every: str
    limited: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        paper: Paper,
        variants: Iterable[str],
        datasets: Sequence[str],
        train_on: Mapping[str, Sequence[str]],
        pooled: Sequence[str] | None = None,
        films: Mapping[str, int] | None = None,
    ) -> "Look":
        """The look of an experiment.

        A network of the paper's table has the same colour in every experiment, whichever of them are run; what stands
        beside it and the others follow, those of this experiment. From the eleventh on the colours begin again.

        Args:
            paper: Names networks.
            variants: All variants of the experiment.
            datasets: Its data sets.
            train_on: Its training sets.
            pooled: Data sets whose test films are all test films together; None for all of them.
            films: Training sets that learn from so many films alone; None where all are whole.
        """
        variants = list(variants)
        order = dict.fromkeys([*paper.networks, *(name for name in paper.beside if name in variants), *variants])
        colours = {variant: PALETTE[place % len(PALETTE)] for place, variant in enumerate(order)}
        names = {variant: paper.name(variant) for variant in [*paper.names, *order]}
        single = {name: DATASETS.get(name, name) for name in datasets}
        every = NUMBERS.get(len(datasets), f"all {len(datasets)}") if len(datasets) > 1 else single[datasets[0]]
        pooled = datasets if pooled is None else pooled
        if set(pooled) != set(datasets):
            every = " + ".join(single[one] for one in pooled)
        joined = {
            name: every if set(members) == set(pooled) else " + ".join(single[one] for one in members)
            for name, members in train_on.items()
        }
        limited = {
            name: f"{joined[name]}, {number} film{'' if number == 1 else 's'}" for name, number in (films or {}).items()
        }
        return cls(names, colours, single | joined, every, limited)

    def name(self, variant: str) -> str:
        """A variant's name for people."""
        return self.names.get(variant, variant)

    def drawn(self, variant: str) -> str:
        """The same for a figure of matplotlib, which gives dollar signs a meaning."""
        return drawn(self.name(variant))

    def colour(self, variant: str) -> str:
        """A variant's colour."""
        return self.colours.get(variant, PALETTE[-3])

    def trained_on(self, name: str) -> str:
        """A training set in words."""
        return self.limited.get(name) or self.sets.get(name, name)

    def tested_on(self, name: str) -> str:
        """A test set in words: a data set, or `pooled`."""
        return self.every if name == "pooled" else self.sets.get(name, name)
