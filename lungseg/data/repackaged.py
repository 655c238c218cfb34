"""Montgomery's and Shenzhen's films as one archive, as most people have them; films keep their published names.

Address: https://www.kaggle.com/datasets/nikhilpandey360/chest-xray-masks-and-labels, with an account; the same files go
    round under other names, and so any zip file that holds them is taken.
Layout: Lung Segmentation/CXR_png/ID.png, 800 films; Lung Segmentation/masks/ID.png or ID_mask.png, 704 masks, both
    lungs of a film in one. In some copies all of it stands twice, again below data/.
These are not the publishers' archives, and no hash of theirs is known: what is read from them is told as such.
"""

import re
from pathlib import PurePosixPath

from lungseg.data.archive import Archive
from lungseg.data.reading import FEW, OpenArchive

FILMS, MASKS, MAC = "Lung Segmentation/CXR_png/", "Lung Segmentation/masks/", "__MACOSX"
NAME = "chest-xray-masks-and-labels.zip"
PAGE = "https://www.kaggle.com/datasets/nikhilpandey360/chest-xray-masks-and-labels"


def repackaged(image_id: str, films: int, masks: int) -> Archive:
    """The archive, where it holds nearly all of one data set.

    Args:
        image_id: A pattern of the films' names, with one group.
        films: How many there are.
        masks: How many masks.
    """
    obtain = f"Download {PAGE} (needs a Kaggle account), under any name that ends in .zip."
    holds = ((rf"{FILMS}{image_id}\.png", films - FEW), (rf"{MASKS}{image_id}(?:_mask)?\.png", masks - FEW))
    return Archive(name=NAME, page=PAGE, obtain=obtain, holds=holds)


def films(archive: OpenArchive, image_id: str) -> dict[str, str]:
    """Name of each film to its file in the archive."""
    return archive.find(rf"{_root(archive, image_id)}{FILMS}{image_id}\.png")


def masks(archive: OpenArchive, image_id: str) -> dict[str, str]:
    """Name of each film to its mask in the archive."""
    return archive.find(rf"{_root(archive, image_id)}{MASKS}{image_id}(?:_mask)?\.png")


def _root(archive: OpenArchive, image_id: str) -> str:
    """A pattern of the folder in which films and masks lie; where they lie twice, of the one nearest to the root."""
    paths = (PurePosixPath(name.replace("\\", "/")) for name in archive.zip.namelist())
    found = (re.fullmatch(rf"(|.*/){FILMS}{image_id}\.png", str(path), re.I) for path in paths if MAC not in path.parts)
    roots = {match[1] for match in found if match}
    return f"^{re.escape(min(roots, key=lambda root: (root.count('/'), root)))}" if roots else "^"
