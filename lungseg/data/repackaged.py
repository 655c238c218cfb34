"""Montgomery's and Shenzhen's films as one archive, as most people have them; films keep their published names.

Address: https://www.kaggle.com/datasets/nikhilpandey360/chest-xray-masks-and-labels, with an account; the same files go
    round under other names, and so any zip file that holds them is taken.
Layout: Lung Segmentation/CXR_png/ID.png, 800 films; Lung Segmentation/masks/ID.png or ID_mask.png, 704 masks, both
    lungs of a film in one. In some copies all of it stands twice, again below data/.
These are not the publishers' archives, and no hash of theirs is known: what is read from them is told as such.
"""

import re

from lungseg.data.archive import Archive
from lungseg.data.reading import OpenArchive

NAME = "chest-xray-masks-and-labels.zip"
PAGE = "https://www.kaggle.com/datasets/nikhilpandey360/chest-xray-masks-and-labels"


def repackaged(image_id: str) -> Archive:
    """The archive, where it holds films of one data set.

    Args:
        image_id: A pattern of the films' names, with one group.
    """
    obtain = f"Download {PAGE} (needs a Kaggle account), under any name that ends in .zip."
    return Archive(name=NAME, page=PAGE, obtain=obtain, holds=rf"(^|/)Lung Segmentation/CXR_png/{image_id}\.png$")


def films(archive: OpenArchive, image_id: str) -> dict[str, str]:
    """Name of each film to its file in the archive."""
    return archive.find(rf"{_root(archive)}CXR_png/{image_id}\.png")


def masks(archive: OpenArchive, image_id: str) -> dict[str, str]:
    """Name of each film to its mask in the archive."""
    return archive.find(rf"{_root(archive)}masks/{image_id}(?:_mask)?\.png")


def _root(archive: OpenArchive) -> str:
    """A pattern of the folder in which films and masks lie; where they lie twice, of the one nearest to the root."""
    found = (re.match(r"(?!__MACOSX)(.*?)CXR_png/", name.replace("\\", "/"), re.I) for name in archive.zip.namelist())
    roots = {match[1] for match in found if match}
    return f"^{re.escape(min(roots, key=lambda root: (root.count('/'), root)))}" if roots else "^"
