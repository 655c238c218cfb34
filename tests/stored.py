"""Drawn predictions as they are stored."""

from collections.abc import Mapping

import numpy as np

from lungseg.data.films import Part
from lungseg.learning.stored_predictions import Prediction, encode, tested


def encoded(variant: str, seed: int, logits: np.ndarray, parts: Mapping[str, Part]) -> Prediction:
    """The logits of all films of some parts, coded in one go."""
    return encode(variant, seed, [(logits, np.concatenate([part.masks for part in parts.values()]))], tested(parts))
