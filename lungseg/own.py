"""A data set of one's own as a configuration says it: where films and masks lie, and tables about them."""

import os
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Self

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from lungseg.recipe import Choice

OwnName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=32)]
Place = Annotated[str, Field(min_length=1)]
TABLES = ("abnormal", "patients", "split")
SIDES = ("left", "right")


class Sides(Choice):
    """Masks of each lung by itself."""

    left: Place = Field(description="Folder or zip archive with the left lungs.")
    right: Place = Field(description="Folder or zip archive with the right lungs.")


class Own(Choice):
    """Films with masks that a configuration names."""

    images: Place = Field(description="Folder or zip archive with the films: PNG, JPEG, TIFF, GIF or DICOM.")
    masks: Place | Sides = Field(description="Folder or zip archive with the masks, or one for each lung.")
    match: str = Field("{id}.png", description="Name of a film's mask; `{id}` is the film's name without its ending.")
    spacing_mm: float | None = Field(
        None,
        ge=0.01,
        lt=10,
        description="Side of a pixel in mm, the same for all films. Without it, what DICOM files say.",
    )
    abnormal: Place | None = Field(None, description="Table with image_id and abnormal, 0 or 1. Without it all are 0.")
    patients: Place | None = Field(
        None, description="Table with image_id and patients: whose film it is. All films of a patient are in one part."
    )
    split: Place | None = Field(
        None, description="Table with image_id and split: train, validation or test. Without it by split.seed."
    )
    test_only: bool = Field(False, description="All films are test films, and no network learns from them.")

    @field_validator("masks", mode="before")
    @classmethod
    def one_or_two_places(cls, given: Any) -> Any:  # noqa: ANN401 - whatever the YAML holds
        """What it may be, said in one line."""
        sides = (
            isinstance(given, Mapping) and set(given) == set(SIDES) and all(isinstance(v, str) for v in given.values())
        )
        if not sides and not isinstance(given, str | Sides):
            raise PydanticCustomError("masks", "a folder or zip archive, or {left: FOLDER, right: FOLDER}")
        return given

    @field_validator("match")
    @classmethod
    def holds_the_name(cls, given: str) -> str:
        """The film's name stands in it once, and no folder."""
        if given.count("{id}") != 1 or {"/", "\\"} & set(given):
            raise PydanticCustomError("match", "a file's name with {id} in it once, such as {id}_mask.png")
        return given

    @field_validator("images", "abnormal", "patients", "split")
    @classmethod
    def home_is_found(cls, path: str | None) -> str | None:
        """`~` is the person's home, as in a shell."""
        return path and os.path.expanduser(path)  # noqa: PTH111 - leaves the home of nobody as it is

    @model_validator(mode="after")
    def one_split(self) -> Self:
        """Of two words about the split none is ignored."""
        if self.test_only and self.split is not None:
            raise ValueError("`test_only` puts every film into the test part: leave `split` out, or `test_only`")
        return self

    def mask_places(self) -> dict[str, str]:
        """Key, as messages name it, to the folder or archive with masks."""
        if isinstance(self.masks, str):
            return {"masks": os.path.expanduser(self.masks)}  # noqa: PTH111
        return {f"masks.{side}": os.path.expanduser(getattr(self.masks, side)) for side in SIDES}  # noqa: PTH111

    def tables(self) -> Iterator[tuple[str, str]]:
        """Key and path of each table that is given."""
        for key in TABLES:
            if (path := getattr(self, key)) is not None:
                yield key, path
