"""What determines a trained network: the choices a reader may question, without torch.

Everything here enters the identity of a run. A change of one of these values trains again.
"""

import os
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_serializer, field_validator, model_validator
from pydantic_core import PydanticCustomError

EIGHT_BIT = "imagenet-8bit"  # the start that lies in this package
# More than anybody trains: a slip of the finger is told before memory is asked for.
Channels = Annotated[int, Field(gt=0, le=4096)]
Number = Annotated[int, Field(gt=0, le=10_000_000)]
SHORT_NAMES = ("mobilenetv2", "inceptionresnetv2")  # of encoders; the rest go by their libraries' names
EncoderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=100)]
Decoder = Literal[
    "unet", "unetplusplus", "manet", "linknet", "fpn", "pspnet", "pan", "deeplabv3", "deeplabv3plus", "upernet",
    "segformer", "dpt", "nnunet",
]  # fmt: skip
CHANNELS_OF = ("unet", "unetplusplus", "manet")  # decoders whose channels at every level can be chosen
DECODER_CHANNELS = (256, 128, 64, 32, 16)  # of these, where none are given; segmentation-models-pytorch's
FULL_SIZE = ("unet", "unetplusplus", "manet", "linknet")  # decoders that end at the film's own side
SUPERVISED = ("unet", "nnunet")  # without encoders; they can also answer from their smaller maps
LOOKS = 20  # at the validation films, in a training that is measured in steps
# Least side in px that a network trains on, where it is more than 32; which pool the whole film into one value.
LEAST = {"pan": 128, "nnunet": 64}
WIDEST = 512  # channels of a level of nnU-Net's network in two dimensions
ONE_VALUE = ("pspnet", "pan", "deeplabv3", "deeplabv3plus", "upernet")


class Choice(BaseModel):
    """A frozen group of named choices; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def chosen(self) -> dict[str, Any]:
        """What is chosen otherwise than by default: the same before and after a new key, whose default changes nothing.

        A default that changes is another matter: it stands in this module, and so in the fingerprint of the code.
        """
        return self.model_dump(mode="json", exclude_defaults=True)


class Head(Choice):
    """The last layers: dense ones at every pixel, then what regularises them, then the convolution to one logit."""

    dense: tuple[Channels, ...] = Field((32, 64, 128), description="Channels of the dense layers, each with ReLU.")
    dropout: float = Field(0.4, ge=0, lt=1, description="Share of values dropped before the last convolution.")
    normalise: bool = Field(True, description="Batch normalisation after the dense layers.")


class Training(Choice):
    """How every network of an experiment is trained; a variant may have choices of its own."""

    epochs: Number | None = Field(60, description="Passes over the training images. Or give `steps`.")
    steps: Number | None = Field(
        None,
        description="Steps of the optimiser in the place of `epochs`, so that training sets of different size get as "
        "many; validation films are looked at 20 times on the way.",
    )
    learning_rate: float = Field(0.001, gt=0, description="Step size at the start; with `one_cycle` the largest.")
    schedule: Literal["cosine", "constant", "one_cycle", "polynomial"] = Field(
        "cosine",
        description="`cosine` falls to zero over all steps; `constant` stays at learning_rate; `one_cycle` rises over "
        "three tenths of the steps and falls; `polynomial` falls as (1 - step / steps) to the power 0.9.",
    )
    optimiser: Literal["adam", "adamw", "sgd"] = Field(
        "adam",
        description="`adam`; `adamw` with weight decay 0.01; `sgd` with Nesterov's momentum 0.99 and weight decay "
        "0.00003, as nnU-Net has it.",
    )
    loss: Literal["both", "bce", "dice", "batch_dice"] = Field(
        "both",
        description="`bce`: binary cross-entropy; `dice`: 1 - soft Dice of each film; `both`: their sum; `batch_dice`: "
        "1 - soft Dice of all pixels of a batch together, as Keras code mostly has it.",
    )
    batch_size: Number = Field(16, description="Images per step; a last incomplete batch is left out.")
    augmentation: Literal["light", "none"] = Field(
        "light",
        description="`light`: rotation, shift, scale, brightness and contrast, jointly for image and mask.",
    )
    deep_supervision: bool = Field(
        False,
        description="The smaller maps on the way up learn too (weights 1, 1/2, 1/4, 1/8). Only of a variant, and of "
        "the decoders `unet` without encoders and `nnunet`.",
    )
    precision: Literal["bfloat16", "float32"] = Field(
        "bfloat16",
        description="Arithmetic of the forward and backward pass; weights stay in float32. `bfloat16` is `float32` on "
        "a device that has none.",
    )

    @model_validator(mode="before")
    @classmethod
    def one_measure_of_length(cls, given: Any) -> Any:  # noqa: ANN401 - whatever the YAML holds
        """`steps` stands in the place of the default of `epochs`; of both, none is ignored."""
        if not isinstance(given, Mapping):
            return given
        epochs, steps = given.get("epochs"), given.get("steps")
        if epochs is not None and steps is not None:
            raise ValueError("`epochs` and `steps` are two measures of one length: leave one out, or set it to null")
        if steps is not None:
            return {**given, "epochs": None}
        return {**given, "steps": None} if epochs is not None else given

    @model_validator(mode="after")
    def has_a_length(self) -> Self:
        """A training ends."""
        if self.epochs is None and self.steps is None:
            raise ValueError("neither `epochs` nor `steps` says how long: give one of them")
        return self

    @property
    def rounds(self) -> int:
        """How often the validation films are looked at: after every epoch, or `LOOKS` times on the way."""
        return self.epochs if self.steps is None else min(self.steps, LOOKS)  # type: ignore[return-value]

    @property
    def length(self) -> str:
        """How long it is, in words."""
        number, unit = (self.epochs, "epoch") if self.steps is None else (self.steps, "step")
        return f"{number} {unit}{'' if number == 1 else 's'}"


class Variant(Choice):
    """One network of the comparison, as data."""

    encoders: tuple[EncoderName, ...] = Field(
        (),
        description="Encoders side by side: `mobilenetv2`, `inceptionresnetv2`, or any name of timm or "
        "segmentation-models-pytorch that yields feature maps. None is the plain U-Net of Ronneberger et al. (2015).",
    )
    decoder: Decoder = Field(
        "unet",
        description="`unet`, or another architecture of segmentation-models-pytorch under its own name in small "
        "letters; `nnunet` is the plain U-Net that nnU-Net builds, without encoders.",
    )
    join: Literal["concatenate", "sum", "outputs"] = Field(
        "concatenate",
        description="How several encoders meet: their features at every scale side by side; their sum, on 1x1 "
        "projections to the wider one's channels; or `outputs`: a whole network each, under a learned head.",
    )
    frozen: bool = Field(
        False,
        description="Of `join: outputs`: each network learns from its own output alone, as if it were trained by "
        "itself, and the head learns on their outputs without changing them.",
    )
    weights: str | dict[str, str] = Field(
        "random",
        description="What the encoders start from, one word for all or one by name for each: `random`, `imagenet` "
        "(timm's, a pinned file that is fetched once), `imagenet-8bit` (MobileNetV2's, in this package), or the path "
        "of a local file of one encoder.",
    )
    width: Channels = Field(
        64, description="Channels at the first level of a network without encoders; doubled at each level."
    )
    decoder_channels: tuple[Channels, Channels, Channels, Channels, Channels] | None = Field(
        None,
        description="Channels of the decoder beside encoders, from 1/16 to the film's own side, of `unet`, "
        "`unetplusplus` and `manet`. Without it [256, 128, 64, 32, 16].",
    )
    meta_learner: bool = Field(
        False,
        description="Dense layers of 32, 64, 128, dropout 0.4 and batch normalisation before the last convolution: "
        "short for `head: {}`.",
    )
    head: Head | None = Field(None, description="The paper's head with other choices; without it, one convolution.")
    full_resolution_skip: bool | None = Field(
        None,
        description="A skip at the film's own side: the plain U-Net has one (`false` takes it away), a decoder of "
        "segmentation-models-pytorch has none (`true` gives it one).",
    )
    module: str | None = Field(
        None,
        pattern=r"^.+\.py:[A-Za-z_][A-Za-z0-9_]*$",
        max_length=500,
        description="`file.py:function`: a network of one's own, in the place of encoders and decoder. The function is "
        "given the variant and returns a torch.nn.Module, grey films in, logits of the same shape out.",
    )
    training: Training | None = Field(None, description="What this network is trained with otherwise than the others.")

    @field_validator("weights", mode="before")
    @classmethod
    def weights_are_words(cls, given: Any) -> Any:  # noqa: ANN401 - whatever the YAML holds
        """One word for all encoders, or one by name for each."""
        words = [*given, *given.values()] if isinstance(given, Mapping) else [given]
        if not all(isinstance(word, str) and word.strip() for word in words):
            starts = f"random, imagenet, {EIGHT_BIT} or the path of a file, for all encoders or by name for each"
            raise PydanticCustomError("start", starts)
        return given

    @field_serializer("training")
    def only_what_is_given(self, training: Training | None) -> dict[str, Any] | None:
        """A choice that is the default, given here, still stands against that of the others."""
        return None if training is None else training.model_dump(mode="json", exclude_unset=True)

    @model_validator(mode="after")
    def weights_fit_the_encoders(self) -> Self:
        """A network without encoders has nothing pretrained, and a file holds one encoder's weights."""
        names = list(dict.fromkeys(self.encoders))
        if self.weights != "random" and not names:
            raise ValueError("`weights` needs `encoders`: a plain U-Net starts from random weights")
        if isinstance(self.weights, dict) and set(self.weights) != set(names):
            raise ValueError(f"`weights` by name must name {names}, and names {list(self.weights)}")
        if isinstance(self.weights, str) and len(names) > 1 and self.weights not in ("random", "imagenet"):
            raise ValueError(
                f"{self.weights!r} holds one encoder; give `weights` by name, as in "
                "{mobilenetv2: imagenet-8bit, inceptionresnetv2: random}"
            )
        if strange := [name for name in names if self.start(name) == EIGHT_BIT and name != "mobilenetv2"]:
            raise ValueError(f"`{EIGHT_BIT}` is MobileNetV2's; choose another start for {strange[0]}")
        return self

    @model_validator(mode="after")
    def no_choice_is_ignored(self) -> Self:
        """Every key that is given decides something."""
        for illegal, told in _contradictions(self):
            if illegal:
                raise ValueError(told)
        return self

    @model_validator(mode="after")
    def one_spelling(self) -> Self:
        """What can be said in two ways is kept in one: a network has one identity, and is trained once."""
        usual: dict[str, Any] = {}
        if self.head == Head():
            usual |= {"head": None, "meta_learner": True}
        if self.decoder_channels == DECODER_CHANNELS:
            usual["decoder_channels"] = None
        if isinstance(self.weights, dict):
            starts = set(self.weights.values())
            if len(self.weights) == 1 or starts in ({"random"}, {"imagenet"}):
                usual["weights"] = starts.pop()
        for key, value in usual.items():
            object.__setattr__(self, key, value)  # it is frozen only from here on
        return self

    @property
    def last(self) -> Head | None:
        """The head, however it is said; None is one convolution."""
        return Head() if self.meta_learner else self.head

    @property
    def deeply_supervised(self) -> bool:
        """Whether it answers from its smaller maps too, while it is trained."""
        return self.training is not None and self.training.deep_supervision

    @property
    def usual(self) -> bool:
        """Whether its parts are known to go together, without building it."""
        return self.module is None and self.decoder in SUPERVISED and set(self.encoders) <= set(SHORT_NAMES)

    @property
    def module_file(self) -> str | None:
        """The path of the file behind `module`."""
        return None if self.module is None else os.path.expanduser(self.module.rpartition(":")[0])  # noqa: PTH111

    def trained_as(self, common: Training) -> Training:
        """How it is trained: as the others, but for its own choices."""
        own = {} if self.training is None else self.training.model_dump(exclude_unset=True)
        return Training(**(common.model_dump() | own))

    def start(self, encoder: EncoderName) -> str:
        """What an encoder starts from: `random`, `imagenet`, `imagenet-8bit` or a file's path."""
        chosen = self.weights[encoder] if isinstance(self.weights, dict) else self.weights
        return os.path.expanduser(chosen)  # noqa: PTH111 - leaves a word as it is

    @property
    def coloured(self) -> tuple[str, ...]:
        """The encoders that start from weights for colours, each once; the 8-bit ones are turned into grey ones."""
        names = dict.fromkeys(self.encoders)
        return tuple(name for name in names if self.start(name) not in ("random", EIGHT_BIT))

    def files(self) -> list[str]:
        """Paths of the files that encoders start from."""
        starts = dict.fromkeys(map(self.start, self.encoders))
        return [start for start in starts if start not in ("random", "imagenet", EIGHT_BIT)]


def _contradictions(variant: Variant) -> Iterator[tuple[bool, str]]:
    """What a variant must not be, and the words for it."""
    name, encoders = variant.decoder, variant.encoders
    own = name in SUPERVISED and not encoders and variant.module is None  # a network without encoders
    beside = [key for key in variant.chosen() if key not in ("module", "width", "training")]
    yield (
        variant.module is not None and bool(beside),
        f"`module` is a whole network, and `{', '.join(beside)}` decides nothing beside it: leave it out",
    )
    yield bool(encoders) and name == "nnunet", "`nnunet` is a network without encoders: leave `encoders` out"
    yield not encoders and name not in SUPERVISED, f"`decoder: {name}` needs `encoders`"
    yield (
        bool(encoders) and variant.width != Variant.model_fields["width"].default,
        "`width` is of a network without encoders and decides nothing beside `encoders`: leave one of them out, or "
        "give `decoder_channels`",
    )
    yield (
        len(encoders) < 2 and variant.join != "concatenate",
        f"`join: {variant.join}` is of several encoders, and here are {len(encoders)}",
    )
    yield variant.frozen and variant.join != "outputs", "`frozen` is of the networks under `join: outputs`"
    yield (
        name == "dpt" and len(encoders) > 1 and variant.join != "outputs",
        "`dpt` reads the tokens of one encoder: give it one, or `join: outputs`",
    )
    yield (
        variant.decoder_channels is not None and (own or name not in CHANNELS_OF),
        f"`decoder_channels` is of {', '.join(CHANNELS_OF)} beside encoders",
    )
    yield variant.meta_learner and variant.head is not None, "`meta_learner` is short for `head: {}`: give one of them"
    yield (
        variant.head == Head(dense=(), dropout=0, normalise=False),
        "`head` with nothing in it is no head: leave it out",
    )
    yield (
        name == "nnunet" and variant.width > WIDEST,
        f"`nnunet` has at most {WIDEST} channels at a level: give a `width` up to that",
    )
    yield name == "nnunet" and variant.last is not None, "`nnunet` has a head of its own: leave `head` out"
    yield (
        variant.full_resolution_skip is not None and name not in FULL_SIZE,
        f"`full_resolution_skip` is of {', '.join(FULL_SIZE)}",
    )
    yield (
        variant.full_resolution_skip is not None and variant.full_resolution_skip == own,
        f"`full_resolution_skip: {str(own).lower()}` is what this network has: leave it out",
    )
    yield (
        variant.training is not None and not variant.training.model_fields_set,
        "`training` with nothing in it decides nothing: leave it out",
    )
    yield (
        variant.deeply_supervised and not own,
        f"`deep_supervision` is of {' and '.join(SUPERVISED)} without encoders",
    )
