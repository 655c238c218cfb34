"""Montgomery County chest films: 80 normal, 58 with tuberculosis; lungs outlined with a radiologist.

Addresses: https://openi.nlm.nih.gov/imgs/collections/NLM-MontgomeryCXRSet.zip (official);
    mirrors on archive.org, items NLMMontgomeryCXRSet and
    academictorrents_ac786f74878a5775c81d490b23842fd4736bfe33.
Files: NLM-MontgomeryCXRSet.zip, 616 853 875 bytes; or the archive of `lungseg.data.repackaged`.
Layout: MontgomerySet/CXR_png/ID.png; MontgomerySet/ManualMask/{leftMask,rightMask}/ID.png, joined here.
    IDs are MCUCXR_NNNN_D, D = 1 for tuberculosis.
Count: 138 films, each with both masks.
Pixels: 4020 x 4892 or 4892 x 4020, 8 bit, 0.0875 mm. A smaller film was resampled: its spacing is unknown.
Cite: Jaeger et al. 2014, doi 10.3978/j.issn.2223-4292.2014.11.20; masks Candemir et al. 2014,
    doi 10.1109/TMI.2013.2290491.
Licence: research use with citation; U.S. National Library of Medicine.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from lungseg.data import repackaged
from lungseg.data.archive import Archive, recorded_choice
from lungseg.data.reading import (
    NOTHING,
    Dataset,
    Radiograph,
    Unused,
    decode_grey,
    expect_ids,
    needed,
    open_archive,
    outlined,
    pair,
    readable,
    sha256,
)

PAGE = (
    "https://data.lhncbc.nlm.nih.gov/public/Tuberculosis-Chest-X-ray-Datasets/"
    "Montgomery-County-CXR-Set/MontgomerySet/index.html"
)
MIRRORS = "https://archive.org/download"
NORMAL = """
    1 2 3 4 5 6 8 11 13 15 16 17 19 20 21 22 23 24 26 27 28 29 30 31 35 38 40 41 42 43 44 45 46 47 48 49
    51 52 53 54 55 56 57 58 59 60 61 62 63 64 68 69 70 71 72 74 75 77 79 80 81 82 83 84 85 86 87 89 90 91
    92 94 95 96 97 99 100 101 102 103
"""
TUBERCULOSIS = """
    104 108 113 117 126 140 141 142 144 150 162 166 170 173 182 188 194 195 196 203 213 218 223 228 243
    251 253 254 255 258 264 266 275 282 289 294 301 309 311 313 316 331 334 338 348 350 352 354 362 367
    369 372 375 383 387 390 393 399
"""
IDS = tuple(f"MCUCXR_{int(n):04d}_{d}" for d, group in enumerate((NORMAL, TUBERCULOSIS)) for n in group.split())
IMAGE_ID = r"(MCUCXR_\d{4}_[01])"
NAME = rf"{IMAGE_ID}\.png"
ARCHIVE = Archive(
    name="NLM-MontgomeryCXRSet.zip",
    page=PAGE,
    urls=(
        "https://openi.nlm.nih.gov/imgs/collections/NLM-MontgomeryCXRSet.zip",
        f"{MIRRORS}/NLMMontgomeryCXRSet/NLM-MontgomeryCXRSet.zip",
        f"{MIRRORS}/academictorrents_ac786f74878a5775c81d490b23842fd4736bfe33/NLM-MontgomeryCXRSet.zip",
    ),
    sha256="54601e952315d8f67383e9202a6e145997ade429f54f7e0af44b4e158714f424",
    instead=repackaged.repackaged(IMAGE_ID, len(IDS), len(IDS)),
)
OFFICIAL_SIDE, OFFICIAL_SPACING_MM = 4020, 0.0875


def read(
    folder: Path, exclude: Mapping[str, str] = NOTHING, threads: int | None = None
) -> Iterator[Radiograph | Unused]:
    """Yield the 138 films by name.

    Args:
        folder: Where the archive lies.
        exclude: Films that are left out, with the reason.
        threads: At a time; None for all cores.

    Raises:
        InputError: The archive is damaged, incomplete, or a mask does not fit its film.
    """
    choice = recorded_choice(ARCHIVE, folder)
    with open_archive(folder / choice.name, exclude) as archive:
        if choice == ARCHIVE:
            images = archive.find(rf"CXR_png/{NAME}")
            sides = {f"masks of the {side} lung": archive.find(rf"{side}Mask/{NAME}") for side in ("left", "right")}
        else:
            images = repackaged.films(archive, IMAGE_ID)
            sides = {"masks": repackaged.masks(archive, IMAGE_ID)}
        for what, found in {"films": images, **sides}.items():
            expect_ids(archive, what, found, IDS)

        def load(image_id: str) -> Radiograph:
            member = needed(archive, "films", images, image_id)
            content = archive.read(member)
            image = decode_grey(content, archive.where(member))
            outlines = (needed(archive, what, side, image_id) for what, side in sides.items())
            lungs = [outlined(archive.where(one), image, archive.read_mask(one)) for one in outlines]
            spacing_mm = OFFICIAL_SPACING_MM if max(image.shape) >= OFFICIAL_SIDE else None
            return Radiograph(
                image_id,
                image,
                pair(archive.where(member), np.logical_or.reduce(lungs)),
                spacing_mm,
                image_id.endswith("_1"),
                sha256(content),
            )

        yield from readable("montgomery", load, IDS, exclude, threads)


DATASET = Dataset(
    name="montgomery",
    title="Montgomery County: 80 normal films, 58 with tuberculosis",
    archives=(ARCHIVE,),
    films=IDS,
    unused=0,
    citation="Jaeger et al. 2014, Quant Imaging Med Surg 4(6):475; Candemir et al. 2014, IEEE TMI 33(2):577",
    licence="research use with citation (U.S. National Library of Medicine)",
    pages=(PAGE,),
    read=read,
)
