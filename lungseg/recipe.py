"""What determines a trained network: the choices a reader may question, without torch.

Everything here enters the identity of a run. A change of one of these values trains again.
"""

import os
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

EncoderName = Literal["mobilenetv2", "inceptionresnetv2"]
EIGHT_BIT = "imagenet-8bit"  # the start that lies in this package
Positive = Annotated[int, Field(gt=0)]


class Choice(BaseModel):
    """A frozen group of named choices; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def chosen(self) -> dict[str, Any]:
        """What is chosen otherwise than by default: the same before and after a new key, whose default changes nothing.

        A default that changes is another matter: it stands in this module, and so in the fingerprint of the code.
        """
        return self.model_dump(mode="json", exclude_defaults=True)


class Variant(Choice):
    """One network of the comparison, as data."""

    encoders: tuple[EncoderName, ...] = Field(
        (),
        description="Encoders joined at every scale; none is the plain U-Net of Ronneberger et al. (2015).",
    )
    weights: str | dict[EncoderName, str] = Field(
        "random",
        description="What the encoders start from, one word for all or one by name for each: `random`, `imagenet` "
        "(through timm, from its hub), `imagenet-8bit` (MobileNetV2's, in this package), or the path of a local "
        "safetensors file of one encoder.",
    )
    width: Positive = Field(64, description="Channels at the first level of the plain U-Net; doubled at each level.")
    meta_learner: bool = Field(
        False,
        description="Dense layers of 32, 64, 128, dropout 0.4 and batch normalisation before the last convolution.",
    )

    @model_validator(mode="after")
    def weights_fit_the_encoders(self) -> Self:
        """A plain U-Net has nothing pretrained, a file holds one encoder's weights, and no choice is ignored."""
        if len(set(self.encoders)) < len(self.encoders):
            raise ValueError(f"`encoders` names one encoder twice: {list(self.encoders)}")
        if self.encoders and self.width != type(self).model_fields["width"].default:
            raise ValueError(
                "`width` is the plain U-Net's and decides nothing beside `encoders`: leave one of them out"
            )
        if self.weights != "random" and not self.encoders:
            raise ValueError("`weights` needs `encoders`: a plain U-Net starts from random weights")
        if isinstance(self.weights, dict) and set(self.weights) != set(self.encoders):
            raise ValueError(f"`weights` by name must name {list(self.encoders)}, and names {list(self.weights)}")
        if isinstance(self.weights, str) and len(self.encoders) > 1 and self.weights not in ("random", "imagenet"):
            raise ValueError(
                f"{self.weights!r} holds one encoder; give `weights` by name, as in "
                "{mobilenetv2: imagenet-8bit, inceptionresnetv2: random}"
            )
        if strange := [name for name in self.encoders if self.start(name) == EIGHT_BIT and name != "mobilenetv2"]:
            raise ValueError(f"`{EIGHT_BIT}` is MobileNetV2's; choose another start for {strange[0]}")
        return self

    def start(self, encoder: EncoderName) -> str:
        """What an encoder starts from: `random`, `imagenet`, `imagenet-8bit` or a file's path."""
        chosen = self.weights[encoder] if isinstance(self.weights, dict) else self.weights
        return os.path.expanduser(chosen)  # noqa: PTH111 - leaves a word as it is

    def files(self) -> list[str]:
        """Paths of the files that encoders start from."""
        starts = dict.fromkeys(map(self.start, self.encoders))
        return [start for start in starts if start not in ("random", "imagenet", EIGHT_BIT)]


class Training(Choice):
    """How every network of an experiment is trained; the same for all of them."""

    epochs: Positive = Field(60, description="Passes over the training images.")
    learning_rate: float = Field(0.001, gt=0, description="Adam's step size at the start.")
    schedule: Literal["cosine", "constant"] = Field(
        "cosine", description="`cosine` falls to zero over all steps; `constant` stays at learning_rate."
    )
    batch_size: Positive = Field(16, description="Images per step; a last incomplete batch is left out.")
    augmentation: Literal["light", "none"] = Field(
        "light",
        description="`light`: rotation, shift, scale, brightness and contrast, jointly for image and mask.",
    )
    precision: Literal["bfloat16", "float32"] = Field(
        "bfloat16",
        description="Arithmetic of the forward and backward pass; weights stay in float32. `bfloat16` is `float32` on "
        "a device that has none.",
    )
