"""What the page is told of a film: its row, its mask, and two pictures, all in one answer; nothing is kept."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from lungseg import __version__
from lungseg.escape import one_line
from lungseg.films.drawing import labels_png, overlay, picture_png
from lungseg.films.limits import Limit
from lungseg.films.networks import Model
from lungseg.films.reading import LARGEST, Source, short_name
from lungseg.films.rows import HEADER, csv_line, flat
from lungseg.films.seeing import Choices, see

LONGEST = 120  # characters of a film's name
MOST_FILMS = 40  # that the page keeps; older ones are forgotten


@dataclass(frozen=True)
class Looking:
    """What looks at films.

    Args:
        model: Its networks.
        limits: That are applied.
        most_bytes: Of a film's file.
    """

    model: Model
    limits: Sequence[Limit] = ()
    most_bytes: int = LARGEST

    def about(self) -> dict[str, Any]:
        """What the page says of itself."""
        licences = dict.fromkeys(network.described.licence for network in self.model.networks)
        return {
            "lungseg": __version__,
            "model": self.model.name,
            "version": self.model.version,
            "licence": "; ".join(licences),
            "limits": bool(self.limits),
            "most_bytes": self.most_bytes,
            "most_films": MOST_FILMS,
            "csv_header": HEADER,
        }

    def answer(self, content: bytes, name: str) -> dict[str, Any]:
        """Look at a film.

        Args:
            content: Its file's bytes.
            name: Of its file, as the browser says it.

        Returns:
            The columns of films.csv; `csv`, their line there; and as base64 of PNG files `labels`, as
            `lungseg segment` writes them, `film` and `overlay`; each of the three empty where there is none.
        """
        source = named(name)
        seen = see(source, content, self.model, self.limits, Choices())
        film, labels = seen.film, seen.labels
        grey = None if film is None else film.grey
        pictures = {
            "labels": b"" if labels is None else labels_png(labels),
            "film": b"" if grey is None else picture_png(overlay(grey, np.zeros_like(grey))),
            "overlay": b"" if grey is None or labels is None else picture_png(overlay(grey, labels)),
        }
        encoded = {key: base64.b64encode(png).decode() for key, png in pictures.items()}
        return {**flat(seen.row), "csv": csv_line(seen.row), **encoded}


def named(given: str) -> Source:
    """A film by the name of its file, of which the last part is taken, in one line, not too long; as of `segment`."""
    whole = PurePosixPath(one_line(given.replace("\\", "/"))).name
    name = short_name(whole)
    stem = name[:LONGEST] or "film"
    return Source(Path(stem + whole.removeprefix(name)), stem)
