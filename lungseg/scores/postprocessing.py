"""What may be done to a mask before it is scored."""

import numpy as np
from jaxtyping import Bool
from scipy.ndimage import label

LUNGS = 2


def two_largest(mask: Bool[np.ndarray, "height width"]) -> Bool[np.ndarray, "height width"]:
    """Keep the two largest connected parts of a mask, one for each lung; the mask itself where it has no more.

    Pixels are connected by their sides. Of parts with the same size the one that begins further up is kept.

    Args:
        mask: Where the network says the lungs are.
    """
    parts, count = label(mask)
    if count <= LUNGS:
        return mask
    sizes = np.bincount(parts.ravel())[1:]
    kept = 1 + np.argsort(-sizes, kind="stable")[:LUNGS]
    return np.isin(parts, kept)
